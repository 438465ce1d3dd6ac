// SPDX-License-Identifier: Apache-2.0
// The parts that all layers share: parameters, gradients, buckets, collectives.
#include "trace/networks/net_builder.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::workload::networks {

NetBuilder::NetBuilder(const std::string& name, const NetworkOptions& options, const Groups& groups)
    : options_(options), groups_(groups), graph_("generated:" + name, "generated") {
  graph_.graph().batch = options.batch;
  std::string words = options.checkpoint == "blocks" ? "block*" : options.checkpoint;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(',', begin), words.size());
    if (end > begin) patterns_.push_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
}

NetBuilder::Weight NetBuilder::weight(const std::string& name, std::int64_t parameters) {
  const auto [entry, fresh] = known_weights_.emplace(name, static_cast<Weight>(weights_.size()));
  if (!fresh) {
    const bool declared = not_declared_.erase(entry->second) == 0;
    DOJO_CHECK((part_ > 0 || !declared) && weights_[entry->second].count == parameters, "two parameters are called {}",
               name);
    return entry->second;
  }
  Parameters made;
  made.name = name;
  made.count = parameters;
  const std::int64_t own = shards_weights() && groups_.units != nullptr ? shard(parameters) : parameters;
  made.tensor = graph_.tensor(name, own * width(), TensorRole::kWeight);
  if (groups_.units_found != nullptr)
    (*groups_.units_found)[name.substr(0, name.find('.'))].emplace_back(name, parameters);
  weight_of_.emplace(made.tensor, static_cast<Weight>(weights_.size()));
  weights_.push_back(std::move(made));
  parameters_ += parameters;
  return entry->second;
}

OpDraft NetBuilder::draft(const std::string& name, OpKind kind, Phase phase) const {
  OpDraft made;
  made.name = prefix_ + name;
  made.op.kind = kind;
  made.op.phase = phase;
  made.op.dtype = options_.dtype;
  return made;
}

std::uint32_t NetBuilder::add(OpDraft made) {
  made.op.id = graph_.op_count();
  const std::uint32_t index = graph_.op_count();
  for (const std::uint32_t tensor : made.inputs) {
    const auto weight = weight_of_.find(tensor);
    if (weight != weight_of_.end()) weights_[weight->second].last_reader = index;
  }
  if (!in_backward_ && !patterns_.empty()) {
    const bool dropped = made.op.kind != OpKind::kRecv && made.op.kind != OpKind::kIngest &&
                         is_dropped(made.name.substr(prefix_.size()));
    for (const std::uint32_t tensor : made.outputs) {
      std::vector<std::uint32_t>& makers = makers_[tensor];
      if (makers.empty() && dropped && weight_of_.count(tensor) == 0) dropped_.insert(tensor);
      makers.push_back(index);
    }
  }
  if (in_backward_ && !is_collective(made.op.kind)) last_backward_ = index;
  if (reads_gathered_ && gathered_.first_reader == kNone) gathered_.first_reader = index;
  reads_gathered_ = false;
  return graph_.add(std::move(made));
}

bool NetBuilder::is_dropped(const std::string& name) const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

Value NetBuilder::present(const Value& value) {
  if (!in_backward_ || dropped_.count(value.tensor) == 0) return value;
  if (again_.count(value.tensor) == 0) make_again(value.tensor);
  Value made = again_.at(value.tensor);
  made.elements = value.elements;
  return made;
}

/// Whatever wrote the tensor does so again, as a collective that works in place.
void NetBuilder::make_again(std::uint32_t tensor) {
  const std::vector<std::uint32_t> makers = makers_.at(tensor);
  for (const std::uint32_t op : makers) (void)repeat(op);
}

std::uint32_t NetBuilder::repeat(std::uint32_t index) {
  const Op op = graph_.graph().ops[index];
  const std::vector<std::uint32_t>& refs = graph_.graph().tensor_refs;
  std::vector<std::uint32_t> inputs(refs.begin() + op.inputs_begin, refs.begin() + op.inputs_end);
  std::vector<std::uint32_t> outputs(refs.begin() + op.outputs_begin, refs.begin() + op.outputs_end);
  OpDraft made;
  made.name = graph_.graph().op_name(op) + ".again";
  made.op = op;
  made.op.phase = Phase::kBackward;
  made.op.recompute = true;
  const bool norm = op.kind == OpKind::kLayerNorm || op.kind == OpKind::kRmsNorm;
  if (norm && outputs.size() == 2 && dropped_.count(outputs.back()) == 0) {
    // The sum of its two inputs was kept.
    inputs.erase(inputs.begin(), inputs.begin() + 2);
    inputs.insert(inputs.begin(), outputs.back());
    outputs.pop_back();
    --made.op.vector_flops_per_element;
  }
  for (const std::uint32_t tensor : inputs) {
    const auto whole = gathered_weight_.find(tensor);
    if (whole != gathered_weight_.end()) {
      read(made, whole->second);
      continue;
    }
    const Value value = weight_of_.count(tensor) != 0 ? Value{tensor, kNone, 0} : present({tensor, kNone, 0});
    made.inputs.push_back(value.tensor);
    if (value.op != kNone) made.deps.push_back(value.op);
  }
  for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i) made.deps.push_back(graph_.graph().deps[i]);
  // Not before the backward pass comes to it.
  if (last_backward_ != kNone) made.deps.push_back(last_backward_);
  std::sort(made.deps.begin(), made.deps.end());
  made.deps.erase(std::unique(made.deps.begin(), made.deps.end()), made.deps.end());
  for (const std::uint32_t tensor : outputs) {
    const auto in_place = std::find(inputs.begin(), inputs.end(), tensor);
    if (in_place != inputs.end()) {
      made.outputs.push_back(made.inputs[static_cast<std::size_t>(in_place - inputs.begin())]);
      continue;
    }
    const Tensor old = graph_.graph().tensors[tensor];
    made.outputs.push_back(graph_.tensor(graph_.graph().str(old.name) + ".again", old.bytes, old.role));
  }
  const std::vector<std::uint32_t> made_tensors = made.outputs;
  const std::uint32_t again = add(std::move(made));
  for (std::size_t i = 0; i < outputs.size(); ++i) again_[outputs[i]] = {made_tensors[i], again, 0};
  return again;
}

void NetBuilder::read(OpDraft& made, const Value& value) {
  const Value now = present(value);
  made.inputs.push_back(now.tensor);
  if (now.op != kNone) made.deps.push_back(now.op);
}

void NetBuilder::read(OpDraft& made, Weight weight) {
  if (!shards_weights() || groups_.units == nullptr) {
    made.inputs.push_back(weights_[weight].tensor);
    return;
  }
  const std::string& name = weights_[weight].name;
  const std::string unit = name.substr(0, name.find('.'));
  if (gathered_.unit != unit) gather_unit(unit);
  made.inputs.push_back(gathered_.tensors.at(weight));
  made.deps.push_back(gathered_.op);
  reads_gathered_ = true;
}

/// One unit ahead: it begins as soon as the unit before is at work.
void NetBuilder::gather_unit(const std::string& unit) {
  Gathered made;
  made.unit = unit;
  OpDraft gather = draft(unit + (in_backward_ ? ".grad_gather" : ".gather"), OpKind::kAllGather,
                         in_backward_ ? Phase::kBackward : Phase::kForward);
  gather.op.group = groups_.zero;
  for (const auto& [name, parameters] : groups_.units->at(unit)) {
    const bool known = known_weights_.count(name) != 0;
    const Weight member = known ? known_weights_.at(name) : this->weight(name, parameters);
    if (!known) not_declared_.insert(member);
    gather.op.bytes += shard(parameters) * width();
    gather.inputs.push_back(weights_[member].tensor);
    const std::uint32_t whole = graph_.tensor(prefix_ + name + ".whole", parameters * width(), TensorRole::kGathered);
    gather.outputs.push_back(whole);
    made.tensors.emplace(member, whole);
    gathered_weight_.emplace(whole, member);
  }
  if (gathered_.first_reader != kNone) gather.deps.push_back(gathered_.first_reader);
  reads_gathered_ = false;
  made.op = add(std::move(gather));
  gathered_ = std::move(made);
}

Value NetBuilder::emit(OpDraft made, const std::string& output, std::int64_t elements) {
  made.op.flops = shape_flops(made.op);
  if (made.op.vector_flops_per_element == 0) made.op.vector_flops_per_element = default_vector_flops(made.op);
  const std::uint32_t tensor = graph_.tensor(prefix_ + output, elements * width(), TensorRole::kActivation);
  made.outputs.insert(made.outputs.begin(), tensor);
  const std::uint32_t op = add(std::move(made));
  return {tensor, op, elements};
}

Value NetBuilder::samples(const std::string& name, Bytes bytes, std::int64_t elements) {
  OpDraft ingest = draft("ingest", OpKind::kIngest, Phase::kForward);
  ingest.op.dtype = DType::kInt8;
  ingest.op.bytes = bytes;
  const std::uint32_t tensor = graph_.tensor(prefix_ + name, bytes, TensorRole::kInput);
  ingest.outputs = {tensor};
  const std::uint32_t op = add(std::move(ingest));
  return {tensor, op, elements};
}

Value NetBuilder::gradient(const Value& of) const {
  const auto found = gradients_.find(of.tensor);
  return found == gradients_.end() ? Value{} : found->second;
}

void NetBuilder::add_gradient(const Value& of, Value gradient) {
  const auto [entry, fresh] = gradients_.emplace(of.tensor, gradient);
  if (fresh) return;
  const std::string tensor = graph_.graph().str(graph_.graph().tensors[of.tensor].name);
  const std::string name = tensor.substr(prefix_.size()) + ".add_grad";
  OpDraft sum = draft(name, OpKind::kElementwise, Phase::kBackward);
  sum.op.elements = of.elements;
  sum.op.vector_flops_per_element = 1;
  read(sum, entry->second);
  read(sum, gradient);
  entry->second = emit(std::move(sum), name, of.elements);
}

void NetBuilder::makes_gradient(OpDraft& made, Weight weight) {
  Parameters& parameters = weights_[weight];
  if (parameters.gradient == kNone) {
    parameters.gradient = graph_.tensor(parameters.name + ".grad", parameters.count * width(), TensorRole::kGradient);
  } else {
    made.inputs.push_back(parameters.gradient);
    made.deps.insert(made.deps.end(), parameters.makers.begin(), parameters.makers.end());
  }
  made.outputs.push_back(parameters.gradient);
}

void NetBuilder::made_gradient(std::uint32_t op, Weight weight) {
  Parameters& parameters = weights_[weight];
  parameters.makers.push_back(op);
  if (++parameters.made < parameters.uses * (shards_gradients() ? 1 : parts_)) return;
  if (parameters.shared != 0) {
    OpDraft sum = draft(parameters.name + ".all_reduce", OpKind::kAllReduce, Phase::kBackward);
    sum.op.bytes = parameters.count * width();
    sum.op.group = parameters.shared;
    sum.inputs = sum.outputs = {parameters.gradient};
    sum.deps = parameters.makers;
    parameters.makers = {add(std::move(sum))};
  }
  Bucket& open = parameters.of_expert ? open_expert_ : open_;
  open.of_expert = parameters.of_expert;
  open.weights.push_back(weight);
  open.gradients.push_back(parameters.gradient);
  open.makers.insert(open.makers.end(), parameters.makers.begin(), parameters.makers.end());
  open.parameters += parameters.count;
  if (shards_gradients()) {
    parameters.gradient = kNone;
    parameters.made = 0;
    parameters.makers.clear();
  }
  if (open.parameters * width() >= options_.bucket_bytes) close(open);
}

void NetBuilder::close_buckets() {
  close(open_);
  close(open_expert_);
}

void NetBuilder::close(Bucket& open) {
  if (open.weights.empty()) return;
  if (shards_gradients()) {
    open.name = chunk_ > 0 ? fmt::format("chunk{}.bucket{}", chunk_, closed_++) : fmt::format("bucket{}", closed_++);
  } else {
    open.name = fmt::format("bucket{}", buckets_.size());
  }
  if (groups_.zero != 0) {
    reduce_scatter(open);
  } else if (open.of_expert ? groups_.expert_replicas != 0 : groups_.data_ranks > 1) {
    reduce(open);
  }
  if (shards_gradients() && part_ + 1 < static_cast<std::size_t>(parts_)) {
    open = {};
    return;
  }
  buckets_.push_back(std::exchange(open, {}));
  // One bucket late: by then all that reads the old weights has its place in the graph.
  if (buckets_.size() > 1) update(buckets_[buckets_.size() - 2]);
}

void NetBuilder::reduce(Bucket& bucket) {
  OpDraft reduce = draft(bucket.name + ".all_reduce", OpKind::kAllReduce, Phase::kBackward);
  reduce.op.bytes = bucket.parameters * width();
  reduce.op.group = bucket.of_expert ? groups_.expert_replicas : groups_.data;
  reduce.inputs = reduce.outputs = bucket.gradients;
  reduce.deps = bucket.makers;
  bucket.reduced = add(std::move(reduce));
}

/// Each rank gets its shard of the sums; the shards of the parts of a batch are added up, and those of the replicas.
void NetBuilder::reduce_scatter(Bucket& bucket) {
  const std::int64_t own = shard(bucket.parameters);
  OpDraft scatter = draft(bucket.name + ".reduce_scatter", OpKind::kReduceScatter, Phase::kBackward);
  scatter.op.bytes = bucket.parameters * width();
  scatter.op.group = groups_.zero;
  scatter.inputs = bucket.gradients;
  scatter.deps = bucket.makers;
  std::uint32_t tensor = graph_.tensor(prefix_ + bucket.name + ".shard.grad", own * width(), TensorRole::kGradient);
  scatter.outputs = {tensor};
  bucket.reduced = add(std::move(scatter));
  if (shards_gradients() && parts_ > 1) {
    auto& [sum, made_by] = sums_.emplace(bucket.name, std::pair{tensor, bucket.reduced}).first->second;
    if (sum != tensor) {
      OpDraft addition = draft(bucket.name + ".add_shard", OpKind::kElementwise, Phase::kBackward);
      addition.op.elements = own;
      addition.op.vector_flops_per_element = 1;
      addition.inputs = {sum, tensor};
      addition.outputs = {sum};
      addition.deps = {made_by, bucket.reduced};
      made_by = bucket.reduced = add(std::move(addition));
      tensor = sum;
    }
    if (part_ + 1 < static_cast<std::size_t>(parts_)) return;
  }
  if (groups_.replicas != 0) {
    OpDraft reduce = draft(bucket.name + ".all_reduce", OpKind::kAllReduce, Phase::kBackward);
    reduce.op.bytes = own * width();
    reduce.op.group = groups_.replicas;
    reduce.inputs = reduce.outputs = {tensor};
    reduce.deps = {bucket.reduced};
    bucket.reduced = add(std::move(reduce));
  }
  bucket.gradients = {tensor};
}

/// A large one in several turns, so that the state of each fits beside what else there is.
void NetBuilder::update(Bucket& bucket) {
  const std::int64_t own = groups_.zero != 0 ? shard(bucket.parameters) : bucket.parameters;
  const bool gathers = groups_.zero != 0 && !shards_weights();
  const std::uint32_t new_shard =
      gathers ? graph_.tensor(bucket.name + ".shard", own * width(), TensorRole::kGathered) : kNone;
  std::vector<std::uint32_t> weights, before;
  if (bucket.reduced != kNone) {
    before.push_back(bucket.reduced);
  } else {
    before = bucket.makers;
  }
  for (const Weight weight : bucket.weights) {
    const Parameters& p = weights_[weight];
    weights.push_back(p.tensor);
    // The old weights must have been read by the backward pass too.
    if (p.last_reader != kNone) before.push_back(p.last_reader);
  }
  const std::int64_t usual = 2 * std::max<std::int64_t>(1, options_.bucket_bytes / width());
  const std::int64_t turns = own <= usual ? 1 : ceil_div(own, usual);
  std::vector<std::uint32_t> updated;
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    const std::string name = turns == 1 ? bucket.name : fmt::format("{}.{}", bucket.name, turn);
    OpDraft step = draft(name + ".optimizer", OpKind::kOptimizer, Phase::kUpdate);
    step.op.rule = options_.optimizer;
    step.op.elements = piece_size(own, turns, turn);
    step.op.vector_flops_per_element = default_vector_flops(step.op);
    const std::uint32_t state = graph_.tensor(
        name + ".state", step.op.elements * needs_of(options_.optimizer).state_bytes, TensorRole::kOptimizerState);
    step.deps = before;
    step.inputs = bucket.gradients;
    step.outputs = gathers ? std::vector<std::uint32_t>{new_shard} : weights;
    step.inputs.push_back(state);
    step.outputs.push_back(state);
    updated.push_back(add(std::move(step)));
  }
  if (!gathers) return;
  OpDraft gather = draft(bucket.name + ".all_gather", OpKind::kAllGather, Phase::kUpdate);
  gather.op.bytes = own * width();
  gather.op.group = groups_.zero;
  gather.inputs = {new_shard};
  gather.outputs = std::move(weights);
  gather.deps = std::move(updated);
  (void)add(std::move(gather));
}

Value NetBuilder::collective(const std::string& name, OpKind kind, Phase phase, Value x, std::int64_t elements) {
  OpDraft made = draft(name, kind, phase);
  made.op.bytes = x.elements * width();
  made.op.group = groups_.tensor;
  read(made, x);
  if (elements != x.elements) return emit(std::move(made), name, elements);
  made.outputs = made.inputs;
  return {x.tensor, add(std::move(made)), elements};
}

Value NetBuilder::sum_forward(const std::string& name, Value x) {
  if (groups_.tensor_ranks == 1) return x;
  return collective(name + ".all_reduce", OpKind::kAllReduce, Phase::kForward, x, x.elements);
}

Value NetBuilder::sum_backward(const std::string& name, Value x) {
  if (groups_.tensor_ranks == 1) return x;
  backward([this, name, x] {
    Value& dx = gradients_.at(x.tensor);
    dx = collective(name + ".grad_all_reduce", OpKind::kAllReduce, Phase::kBackward, dx, dx.elements);
  });
  return x;
}

Value NetBuilder::scatter_sum(const std::string& name, Value x) {
  if (groups_.tensor_ranks == 1) return x;
  const Value y = collective(name + ".reduce_scatter", OpKind::kReduceScatter, Phase::kForward, x,
                             x.elements / groups_.tensor_ranks);
  backward([this, name, x, y] {
    add_gradient(x,
                 collective(name + ".grad_all_gather", OpKind::kAllGather, Phase::kBackward, gradient(y), x.elements));
  });
  return y;
}

Value NetBuilder::gather(const std::string& name, Value x) {
  if (groups_.tensor_ranks == 1) return x;
  const Value y =
      collective(name + ".all_gather", OpKind::kAllGather, Phase::kForward, x, x.elements * groups_.tensor_ranks);
  backward([this, name, x, y] {
    add_gradient(x, collective(name + ".grad_reduce_scatter", OpKind::kReduceScatter, Phase::kBackward, gradient(y),
                               x.elements));
  });
  return y;
}

void NetBuilder::begin_part(std::int64_t part, std::int64_t parts, std::int64_t chunk) {
  part_ = static_cast<std::size_t>(part);
  parts_ = parts;
  chunk_ = chunk;
  prefix_ = parts > 1 ? fmt::format("part{}.", part) : "";
  tapes_.resize(std::max(tapes_.size(), tape() + 1));
}

void NetBuilder::run_backward(std::int64_t part, std::int64_t chunk) {
  begin_part(part, parts_, chunk);
  in_backward_ = true;
  last_backward_ = kNone;
  closed_ = 0;
  for (auto pass = tapes_[tape()].rbegin(); pass != tapes_[tape()].rend(); ++pass) (*pass)();
  tapes_[tape()].clear();
  if (shards_gradients()) close_buckets();
  in_backward_ = false;
}

OpDraft NetBuilder::message(const std::string& name, OpKind kind, Phase phase, std::int64_t elements, RankId peer,
                            std::int64_t chunk) const {
  OpDraft made = draft(name, kind, phase);
  made.op.bytes = elements * width();
  made.op.peer = static_cast<std::int32_t>(peer);
  const std::int64_t passage = static_cast<std::int64_t>(part_) * groups_.chunks + chunk;
  made.op.tag = static_cast<std::int32_t>(2 * passage + (phase == Phase::kBackward ? 1 : 0));
  return made;
}

Value NetBuilder::receive(const std::string& name, std::int64_t elements, RankId from, std::int64_t chunk) {
  const Value x = emit(message(name + ".recv", OpKind::kRecv, Phase::kForward, elements, from, chunk), name, elements);
  backward([=] {
    OpDraft back = message(name + ".grad_send", OpKind::kSend, Phase::kBackward, elements, from, chunk);
    read(back, gradient(x));
    add(std::move(back));
  });
  return x;
}

void NetBuilder::send(const std::string& name, Value x, RankId to, std::int64_t chunk) {
  OpDraft made = message(name + ".send", OpKind::kSend, Phase::kForward, x.elements, to, chunk);
  read(made, x);
  add(std::move(made));
  backward([=] {
    add_gradient(x, emit(message(name + ".grad_recv", OpKind::kRecv, Phase::kBackward, x.elements, to, chunk),
                         name + ".dx", x.elements));
  });
}

std::string NetBuilder::some_name() const {
  const Graph& graph = graph_.graph();
  const auto product = std::find_if(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return op.flops > 0; });
  return product == graph.ops.end() ? "*" : graph.op_name(*product);
}

Graph NetBuilder::finish() {
  for (std::size_t i = 0; i < tapes_.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    if (!tapes_[i].empty()) run_backward(index / groups_.chunks, index % groups_.chunks);
  }
  close_buckets();
  if (!buckets_.empty()) update(buckets_.back());
  if (!patterns_.empty() && again_.empty()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("generate: found checkpoint '{}', expected the name of an operation whose result the "
                            "backward pass reads, with * and ?, such as {}; set workload.generate.checkpoint",
                            options_.checkpoint, some_name()));
  }
  return graph_.take();
}

}  // namespace dojo::workload::networks

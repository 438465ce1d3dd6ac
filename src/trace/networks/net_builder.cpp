// SPDX-License-Identifier: Apache-2.0
// The parts that all layers share: parameters, gradients, buckets, collectives.
#include "trace/networks/net_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::workload::networks {

NetBuilder::NetBuilder(const std::string& name, const NetworkOptions& options, const Groups& groups)
    : options_(options), groups_(groups), graph_("generated:" + name, "generated") {
  graph_.graph().batch = options.batch;
}

NetBuilder::Weight NetBuilder::weight(const std::string& name, std::int64_t parameters) {
  const auto [entry, fresh] = known_weights_.emplace(name, static_cast<Weight>(weights_.size()));
  if (!fresh) {
    DOJO_CHECK(part_ > 0 && weights_[entry->second].count == parameters, "two parameters are called {}", name);
    return entry->second;
  }
  Parameters made;
  made.name = name;
  made.count = parameters;
  made.tensor = graph_.tensor(name, parameters * width(), TensorRole::kWeight);
  weights_.push_back(std::move(made));
  parameters_ += parameters;
  return entry->second;
}

OpDraft NetBuilder::draft(const std::string& name, OpKind kind, Phase phase) const {
  OpDraft made;
  made.name = prefix_ + name;
  made.op.id = graph_.op_count();
  made.op.kind = kind;
  made.op.phase = phase;
  made.op.dtype = options_.dtype;
  return made;
}

void NetBuilder::read(OpDraft& made, const Value& value) {
  made.inputs.push_back(value.tensor);
  if (value.op != kNone) made.deps.push_back(value.op);
}

void NetBuilder::read(OpDraft& made, Weight weight) {
  Parameters& parameters = weights_[weight];
  made.inputs.push_back(parameters.tensor);
  parameters.last_reader = graph_.op_count();  // the operation that is added next
}

Value NetBuilder::emit(OpDraft made, const std::string& output, std::int64_t elements) {
  made.op.flops = shape_flops(made.op);
  if (made.op.vector_flops_per_element == 0) made.op.vector_flops_per_element = default_vector_flops(made.op);
  const std::uint32_t tensor = graph_.tensor(prefix_ + output, elements * width(), TensorRole::kActivation);
  made.outputs.insert(made.outputs.begin(), tensor);
  const std::uint32_t op = graph_.add(std::move(made));
  return {tensor, op, elements};
}

Value NetBuilder::samples(const std::string& name, Bytes bytes, std::int64_t elements) {
  OpDraft ingest = draft("ingest", OpKind::kIngest, Phase::kForward);
  ingest.op.dtype = DType::kInt8;
  ingest.op.bytes = bytes;
  const std::uint32_t tensor = graph_.tensor(prefix_ + name, bytes, TensorRole::kInput);
  ingest.outputs = {tensor};
  const std::uint32_t op = graph_.add(std::move(ingest));
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
  if (++parameters.made < parameters.uses * parts_) return;
  if (parameters.shared != 0) {
    OpDraft sum = draft(parameters.name + ".all_reduce", OpKind::kAllReduce, Phase::kBackward);
    sum.op.bytes = parameters.count * width();
    sum.op.group = parameters.shared;
    sum.inputs = sum.outputs = {parameters.gradient};
    sum.deps = parameters.makers;
    parameters.makers = {graph_.add(std::move(sum))};
  }
  open_.weights.push_back(weight);
  open_.parameters += parameters.count;
  if (open_.parameters * width() >= options_.bucket_bytes) close_bucket();
}

void NetBuilder::close_bucket() {
  if (open_.weights.empty()) return;
  if (groups_.data_ranks > 1) {
    OpDraft reduce = draft(fmt::format("bucket{}.all_reduce", buckets_.size()), OpKind::kAllReduce, Phase::kBackward);
    reduce.op.bytes = open_.parameters * width();
    reduce.op.group = groups_.data;
    for (const Weight weight : open_.weights) {
      const Parameters& p = weights_[weight];
      reduce.inputs.push_back(p.gradient);
      reduce.deps.insert(reduce.deps.end(), p.makers.begin(), p.makers.end());
    }
    reduce.outputs = reduce.inputs;
    open_.reduced = graph_.add(std::move(reduce));
  }
  buckets_.push_back(std::exchange(open_, {}));
  // One bucket late: by then all that reads the old weights has its place in the graph.
  if (buckets_.size() > 1) update(buckets_[buckets_.size() - 2]);
}

void NetBuilder::update(Bucket& bucket) {
  const auto index = static_cast<std::size_t>(&bucket - buckets_.data());
  OpDraft step = draft(fmt::format("bucket{}.optimizer", index), OpKind::kOptimizer, Phase::kUpdate);
  step.op.rule = options_.optimizer;
  step.op.elements = bucket.parameters;
  step.op.vector_flops_per_element = default_vector_flops(step.op);
  const std::uint32_t state =
      graph_.tensor(fmt::format("bucket{}.state", index), bucket.parameters * needs_of(options_.optimizer).state_bytes,
                    TensorRole::kOptimizerState);
  if (bucket.reduced != kNone) step.deps.push_back(bucket.reduced);
  for (const Weight weight : bucket.weights) {
    const Parameters& p = weights_[weight];
    step.inputs.push_back(p.gradient);
    step.outputs.push_back(p.tensor);
    if (bucket.reduced == kNone) step.deps.insert(step.deps.end(), p.makers.begin(), p.makers.end());
    // The old weights must have been read by the backward pass too.
    if (p.last_reader != kNone) step.deps.push_back(p.last_reader);
  }
  step.inputs.push_back(state);
  step.outputs.push_back(state);
  graph_.add(std::move(step));
}

Value NetBuilder::collective(const std::string& name, OpKind kind, Phase phase, Value x, std::int64_t elements) {
  OpDraft made = draft(name, kind, phase);
  made.op.bytes = x.elements * width();
  made.op.group = groups_.tensor;
  read(made, x);
  if (elements != x.elements) return emit(std::move(made), name, elements);
  made.outputs = made.inputs;
  return {x.tensor, graph_.add(std::move(made)), elements};
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

void NetBuilder::begin_part(std::int64_t part, std::int64_t parts) {
  part_ = static_cast<std::size_t>(part);
  parts_ = parts;
  prefix_ = parts > 1 ? fmt::format("part{}.", part) : "";
  tapes_.resize(std::max(tapes_.size(), part_ + 1));
}

void NetBuilder::run_backward(std::int64_t part) {
  begin_part(part, parts_);
  for (auto pass = tapes_[part_].rbegin(); pass != tapes_[part_].rend(); ++pass) (*pass)();
  tapes_[part_].clear();
}

OpDraft NetBuilder::message(const std::string& name, OpKind kind, Phase phase, std::int64_t elements,
                            RankId peer) const {
  OpDraft made = draft(name, kind, phase);
  made.op.bytes = elements * width();
  made.op.peer = static_cast<std::int32_t>(peer);
  made.op.tag = static_cast<std::int32_t>(2 * part_ + (phase == Phase::kBackward ? 1 : 0));
  return made;
}

Value NetBuilder::receive(const std::string& name, std::int64_t elements, RankId from) {
  const Value x = emit(message(name + ".recv", OpKind::kRecv, Phase::kForward, elements, from), name, elements);
  backward([=] {
    OpDraft back = message(name + ".grad_send", OpKind::kSend, Phase::kBackward, elements, from);
    read(back, gradient(x));
    graph_.add(std::move(back));
  });
  return x;
}

void NetBuilder::send(const std::string& name, Value x, RankId to) {
  OpDraft made = message(name + ".send", OpKind::kSend, Phase::kForward, x.elements, to);
  read(made, x);
  graph_.add(std::move(made));
  backward([=] {
    add_gradient(x, emit(message(name + ".grad_recv", OpKind::kRecv, Phase::kBackward, x.elements, to), name + ".dx",
                         x.elements));
  });
}

Graph NetBuilder::finish() {
  for (std::size_t part = 0; part < tapes_.size(); ++part) run_backward(static_cast<std::int64_t>(part));
  close_bucket();
  if (!buckets_.empty()) update(buckets_.back());
  return graph_.take();
}

}  // namespace dojo::workload::networks

// SPDX-License-Identifier: Apache-2.0
// Layers that move rows or lay them out anew.
#include <algorithm>
#include <utility>

#include "trace/networks/net_builder.h"

namespace dojo::workload::networks {

Value NetBuilder::transpose(const std::string& name, Value x) {
  const auto moved = [=](const std::string& to, Phase phase, const Value& from) {
    OpDraft made = draft(to, OpKind::kTranspose, phase);
    made.op.elements = from.elements;
    read(made, from);
    return emit(std::move(made), to, from.elements);
  };
  const Value y = moved(name, Phase::kForward, x);
  backward([=] { add_gradient(x, moved(name + ".grad", Phase::kBackward, gradient(y))); });
  return y;
}

Value NetBuilder::lookup(OpKind kind, const std::string& name, Value x, const LookupShape& shape, const Weight* table,
                         std::int64_t elements) {
  OpDraft made = draft(name, kind, Phase::kForward);
  made.op.lookup = shape;
  made.op.elements = shape.elements();
  read(made, x);
  const bool of_table = table != nullptr;
  const Weight weight = of_table ? *table : 0;
  if (of_table) {
    read(made, weight);
    use(weight);
  }
  const Value y = emit(std::move(made), name + ".y", elements);
  backward([=] {
    const Value dy = gradient(y);
    if (dy.tensor == kNone) return;
    const OpKind back = of_table                    ? OpKind::kEmbeddingGrad
                        : kind == OpKind::kDispatch ? OpKind::kCombine
                        : kind == OpKind::kCombine  ? OpKind::kDispatch
                                                    : OpKind::kScatter;
    OpDraft grad = draft(name + ".grad", back, Phase::kBackward);
    grad.op.lookup = shape;
    if (back == OpKind::kCombine) grad.op.lookup.pooled = shape.elements() / x.elements;
    if (back == OpKind::kDispatch) grad.op.lookup.pooled = 1;
    grad.op.elements = shape.elements();
    grad.op.vector_flops_per_element = default_vector_flops(grad.op);
    read(grad, dy);
    if (of_table) {
      read(grad, x);
      makes_gradient(grad, weight);
      made_gradient(add(std::move(grad)), weight);
      return;
    }
    add_gradient(x, emit(std::move(grad), name + ".dx", x.elements));
  });
  return y;
}

std::vector<Value> NetBuilder::split_heads(const std::string& name, Value x,
                                           const std::vector<std::int64_t>& elements) {
  OpDraft made = draft(name, OpKind::kTranspose, Phase::kForward);
  made.op.elements = x.elements;
  read(made, x);
  std::vector<Value> parts;
  for (std::size_t i = 1; i < elements.size(); ++i) {
    parts.push_back(
        {graph_.tensor(prefix_ + name + ".y" + std::to_string(i), elements[i] * width(), TensorRole::kActivation),
         kNone, elements[i]});
    made.outputs.push_back(parts.back().tensor);
  }
  parts.insert(parts.begin(), emit(std::move(made), name + ".y0", elements.front()));
  for (Value& part : parts) part.op = parts.front().op;
  backward([=] {
    OpDraft grad = draft(name + ".grad", OpKind::kTranspose, Phase::kBackward);
    grad.op.elements = x.elements;
    for (const Value& part : parts) read(grad, gradient(part));
    add_gradient(x, emit(std::move(grad), name + ".dx", x.elements));
  });
  return parts;
}

Value NetBuilder::combine(const std::string& name, Value x, Value weights, const LookupShape& shape,
                          std::int64_t elements) {
  OpDraft made = draft(name, OpKind::kCombine, Phase::kForward);
  made.op.lookup = shape;
  made.op.elements = shape.elements();
  read(made, x);
  read(made, weights);
  const Value y = emit(std::move(made), name + ".y", elements);
  backward([=] {
    const Value dy = gradient(y);
    OpDraft back = draft(name + ".grad", OpKind::kDispatch, Phase::kBackward);
    back.op.lookup = shape;
    back.op.lookup.pooled = 1;
    back.op.elements = shape.elements();
    read(back, dy);
    read(back, weights);
    const Value dx = emit(std::move(back), name + ".dx", x.elements);
    add_gradient(x, dx);
    // Of a token's weight for an expert: the product of what it got with what it gave.
    OpDraft chosen = draft(name + ".weights_grad", OpKind::kElementwise, Phase::kBackward);
    chosen.op.elements = x.elements;
    chosen.op.vector_flops_per_element = 2;
    read(chosen, dx);
    read(chosen, x);
    add_gradient(weights, emit(std::move(chosen), name + ".dweights", weights.elements));
  });
  return y;
}

Value NetBuilder::sparse_table(const std::string& name, Value ids, const LookupShape& shape, std::int64_t rows) {
  const std::uint32_t table = graph_.tensor(name + ".weight", rows * shape.width * width(), TensorRole::kWeight);
  OpDraft made = draft(name, OpKind::kEmbedding, Phase::kForward);
  made.op.lookup = shape;
  made.op.elements = shape.elements();
  read(made, ids);
  made.inputs.push_back(table);
  const Value y = emit(std::move(made), name + ".y", shape.elements() / shape.pooled);
  backward([=] {
    OpDraft grad = draft(name + ".grad", OpKind::kEmbeddingGrad, Phase::kBackward);
    grad.op.lookup = shape;
    grad.op.elements = shape.elements();
    grad.op.vector_flops_per_element = default_vector_flops(grad.op);
    read(grad, gradient(y));
    read(grad, ids);
    const std::int64_t touched =
        std::min(rows, ceil_div<std::int64_t>(shape.lookups * shape.distinct_percent, 100)) * shape.width;
    const std::uint32_t gradient = graph_.tensor(prefix_ + name + ".grad", touched * width(), TensorRole::kGradient);
    grad.outputs = {gradient};
    const std::uint32_t made_by = add(std::move(grad));
    // Gradient descent on the rows that were touched, where they lie.
    OpDraft step = draft(name + ".update", OpKind::kElementwise, Phase::kUpdate);
    step.op.elements = touched;
    step.op.vector_flops_per_element = needs_of(OptimizerRule::kSgd).vector_flops;
    step.inputs = {gradient};
    step.deps = {made_by};
    (void)emit(std::move(step), name + ".rows", touched);
  });
  return y;
}

Value NetBuilder::concatenation(const std::string& name, const std::vector<Value>& inputs) {
  std::int64_t elements = 0;
  for (const Value& x : inputs) elements += x.elements;
  OpDraft made = draft(name, OpKind::kElementwise, Phase::kForward);
  made.op.elements = elements;
  for (const Value& x : inputs) read(made, x);
  const Value y = emit(std::move(made), name + ".y", elements);
  backward([=] {
    OpDraft grad = draft(name + ".grad", OpKind::kElementwise, Phase::kBackward);
    grad.op.elements = elements;
    read(grad, gradient(y));
    std::vector<std::uint32_t> others;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      others.push_back(graph_.tensor(prefix_ + name + ".dx" + std::to_string(i), inputs[i].elements * width(),
                                     TensorRole::kActivation));
    }
    grad.outputs = others;
    const Value dx = emit(std::move(grad), name + ".dx", inputs.front().elements);
    add_gradient(inputs.front(), dx);
    for (std::size_t i = 1; i < inputs.size(); ++i) add_gradient(inputs[i], {others[i - 1], dx.op, inputs[i].elements});
  });
  return y;
}

Value NetBuilder::exchange(const std::string& name, Value x) {
  if (groups_.data_ranks == 1) return x;
  const auto exchanged = [=](const std::string& to, Phase phase, const Value& from) {
    OpDraft made = draft(to, OpKind::kAllToAll, phase);
    made.op.bytes = from.elements * width();
    made.op.group = groups_.data;
    read(made, from);
    return emit(std::move(made), to, from.elements);
  };
  const Value y = exchanged(name + ".all_to_all", Phase::kForward, x);
  backward([=] { add_gradient(x, exchanged(name + ".grad_all_to_all", Phase::kBackward, gradient(y))); });
  return y;
}

Value NetBuilder::exchange_pairs(const std::string& name, Value x, const std::vector<std::int64_t>& to,
                                 const std::vector<std::int64_t>& from) {
  if (groups_.experts == 0) return x;
  const auto exchanged = [=](const std::string& called, Phase phase, const Value& value,
                             const std::vector<std::int64_t>& sent, const std::vector<std::int64_t>& got) {
    OpDraft made = draft(called, OpKind::kAllToAll, phase);
    std::int64_t elements = 0;
    for (const std::int64_t part : got) elements += part;
    for (const std::int64_t part : sent) made.pairs.push_back(part * width());
    for (const Bytes part : made.pairs) made.op.bytes += part;
    made.op.group = groups_.experts;
    read(made, value);
    return emit(std::move(made), called, elements);
  };
  const Value y = exchanged(name + ".all_to_all", Phase::kForward, x, to, from);
  backward([=] { add_gradient(x, exchanged(name + ".grad_all_to_all", Phase::kBackward, gradient(y), from, to)); });
  return y;
}

Value NetBuilder::share_tokens(const std::string& name, Value x, bool on) {
  if (!on || groups_.tensor_ranks == 1) return x;
  OpDraft made = draft(name + ".share", OpKind::kElementwise, Phase::kForward);
  made.op.elements = x.elements / groups_.tensor_ranks;
  read(made, x);
  const Value y = emit(std::move(made), name + ".share.y", x.elements / groups_.tensor_ranks);
  backward([=] {
    add_gradient(x,
                 collective(name + ".grad_all_gather", OpKind::kAllGather, Phase::kBackward, gradient(y), x.elements));
  });
  return y;
}

Value NetBuilder::group_norm(const std::string& name, Value x, std::int64_t groups,
                             const std::vector<Weight>& weights) {
  const auto sums_of = [=](const std::string& tensor) {
    return graph_.tensor(prefix_ + tensor, 2 * groups * dtype_bytes(DType::kFp32), TensorRole::kStatistics);
  };
  const auto part = [=](const std::string& op, OpKind kind, Phase phase, const std::vector<Value>& inputs) {
    OpDraft made = draft(op, kind, phase);
    made.op.elements = x.elements;
    made.op.channels = groups;
    for (const Value& value : inputs) read(made, value);
    made.op.vector_flops_per_element = default_vector_flops(made.op);
    return made;
  };
  OpDraft stats = part(name + ".stats", OpKind::kGroupNormStats, Phase::kForward, {x});
  Value sums{sums_of(name + ".stats"), kNone, 2 * groups};
  stats.outputs = {sums.tensor};
  sums.op = add(std::move(stats));
  OpDraft apply = part(name, OpKind::kGroupNormApply, Phase::kForward, {x, sums});
  for (const Weight w : weights) {
    read(apply, w);
    use(w);
  }
  const Value y = emit(std::move(apply), name + ".y", x.elements);
  backward([=] {
    const Value dy = gradient(y);
    OpDraft grad_stats = part(name + ".grad_stats", OpKind::kGroupNormGradStats, Phase::kBackward, {dy, x, sums});
    Value grad_sums{sums_of(name + ".grad_stats"), kNone, 2 * groups};
    grad_stats.outputs = {grad_sums.tensor};
    for (const Weight w : weights) makes_gradient(grad_stats, w);
    grad_sums.op = add(std::move(grad_stats));
    OpDraft grad = part(name + ".grad", OpKind::kGroupNormGradApply, Phase::kBackward, {dy, x, sums, grad_sums});
    for (const Weight w : weights) read(grad, w);
    const Value dx = emit(std::move(grad), name + ".dx", x.elements);
    for (const Weight w : weights) made_gradient(grad_sums.op, w);
    add_gradient(x, dx);
  });
  return y;
}

}  // namespace dojo::workload::networks

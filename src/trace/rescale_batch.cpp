// SPDX-License-Identifier: Apache-2.0
// Another batch: activations and what is computed on them follow it, weights and what is done to them do not.
#include <fmt/format.h>

#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/rescale.h"

namespace dojo::workload {
namespace {

class BatchScaler {
 public:
  BatchScaler(Graph& graph, std::int64_t batch, Findings& findings)
      : graph_(graph), batch_(batch), findings_(findings) {}

  void run() {
    if (graph_.batch < 1) {
      findings_.add(
          "{}: found a trace that does not say its batch, expected samples per rank; give \"batch\" in the own "
          "format first",
          graph_.file);
      return;
    }
    for (Tensor& tensor : graph_.tensors) {
      const bool follows = tensor.role == TensorRole::kActivation || tensor.role == TensorRole::kInput;
      if (follows) scale(tensor.bytes, nullptr);
    }
    for (Op& op : graph_.ops) operation(op);
    graph_.warnings.push_back(
        fmt::format("batch changed from {} to {} samples a rank: activations, samples and work on "
                    "them follow it; weights, gradients, statistics and their collectives do not{}",
                    graph_.batch, batch_,
                    shapeless_ == 0 ? "" : fmt::format("; {} operations without shapes follow it too", shapeless_)));
    graph_.batch = batch_;
  }

 private:
  void scale(std::int64_t& value, const Op* op) {
    std::int64_t scaled = 0;
    if (__builtin_mul_overflow(value, batch_, &scaled) || scaled % graph_.batch != 0 ||
        scaled / graph_.batch > kLargestAmount * 1024) {
      findings_.add("{}: found the size {}, expected one that {} samples divide; the batch cannot become {}",
                    op == nullptr ? graph_.file : describe_place(graph_, *op), value, graph_.batch, batch_);
      return;
    }
    value = scaled / graph_.batch;
  }

  /// Any tensor of the operation that follows the batch?
  [[nodiscard]] bool on_activations(const Op& op) const {
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) {
      const TensorRole role = graph_.tensors[graph_.tensor_refs[i]].role;
      if (role == TensorRole::kActivation || role == TensorRole::kInput) return true;
    }
    return false;
  }

  void operation(Op& op) {
    const OpTraits& kind = traits(op.kind);
    visit_shape(op, [&](auto& shape) {
      scale(samples(shape, graph_.batch), &op);
      op.flops = shape_flops(op);
    });
    if (!kind.has(OpTraits::kUpdatesParameters) && op.elements > 0) scale(op.elements, &op);
    if (kind.has(OpTraits::kGroupsOfSamples)) scale(op.channels, &op);
    for (std::uint32_t i = op.pairs_begin; i < op.pairs_end; ++i) scale(graph_.pair_bytes[i], &op);
    if (op.kind == OpKind::kIngest || (is_communication(op.kind) && on_activations(op))) scale(op.bytes, &op);
    if (kind.family != OpFamily::kShapeless) return;
    ++shapeless_;
    scale(op.flops, &op);
    scale(op.bytes, &op);
    scale(op.duration_ns, &op);
  }

  Graph& graph_;
  std::int64_t batch_;
  Findings& findings_;
  std::size_t shapeless_ = 0;
};

}  // namespace

void rescale_batch(Graph& graph, std::int64_t batch, Findings& findings) {
  BatchScaler(graph, batch, findings).run();
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// What an operation of each kind computes: one function a kind, which turns the operation into the request of a kernel.
#pragma once
#include <variant>
#include <vector>

#include "dojo/workload/graph.h"
#include "lower/attention.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {

/// Results that collectives of several ranks send, in bytes of the largest such collective; 0 = none does.
struct OpSends {
  OpSends(const Graph& graph, const std::vector<std::size_t>& group_sizes);
  /// Of the operation's outputs; of an operation without any, what waits for it.
  [[nodiscard]] Bytes of(const Graph& graph, const Op& op) const;
  std::vector<Bytes> of_tensor, of_op;
};

/// What a kernel function knows of its operation.
struct OpView {
  const Graph& graph;
  const Op& op;
  const std::vector<TensorPlace>& places;  ///< by tensor
  const PlanContext& context;
  std::int64_t optimizer_shards = 1;  ///< ranks that share out the state of the optimizer
  double clock_hz = 2e9;
  const OpSends* sends = nullptr;  ///< nullptr: nothing leaves the rank

  /// `visit(tensor index, tensor)`
  template <class Visit>
  void for_each_input(Visit&& visit) const {
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i)
      visit(graph.tensor_refs[i], graph.tensors[graph.tensor_refs[i]]);
  }
  template <class Visit>
  void for_each_output(Visit&& visit) const {
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i)
      visit(graph.tensor_refs[i], graph.tensors[graph.tensor_refs[i]]);
  }
};

/// Activations and gradients lie where they were made; weights and statistics as their readers want them.
[[nodiscard]] bool is_local_data(TensorRole role);

using KernelRequest = std::variant<ProductRequest, AttentionRequest, VectorRequest, ShapelessRequest>;
using KernelFunction = KernelRequest (*)(const OpView& view);

/// nullptr for kinds that the cores do not compute.
[[nodiscard]] KernelFunction kernel_function(OpKind kind);

/// FLOP and bytes of an operation of any kind, without its shape.
[[nodiscard]] ShapelessRequest roofline_request(const OpView& view);
/// The duration that the trace gives.
[[nodiscard]] ShapelessRequest recorded_request(const OpView& view);

}  // namespace dojo::workload

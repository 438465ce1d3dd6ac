// SPDX-License-Identifier: Apache-2.0
// Turns graph operations into kernels: what is replayed, where operands lie. Equal requests share a kernel.
#pragma once
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "dojo/lower/lower.h"
#include "lower/op_kernels.h"
#include "lower/plan_choices.h"

namespace dojo::workload {

[[nodiscard]] bool matches(const ReplayRule& rule, const Graph& graph, const Op& op);

class OpPlanner {
 public:
  struct Settings {
    Replay replay = Replay::kShapes;
    std::vector<ReplayRule> replay_rules;
    std::int64_t optimizer_shards = 1;
    double clock_hz = 2e9;
    std::uint32_t plan_choice = 0;
    std::vector<std::size_t> group_sizes;  ///< by group class: ranks of its largest group
  };
  /// `choices`: what has been evaluated in this context.
  OpPlanner(const Graph& graph, const PlanContext& context, Settings settings, PlanChoices& choices);

  /// Index into plans() of the kernel of a compute operation. Operations must come in issue order: a result's layout
  /// is known to those that read it later. `budget_bytes`: SRAM of a node that operands in flight may take.
  std::uint32_t plan(std::uint32_t op, Bytes budget_bytes);
  /// Of an operation whose recorded time passes beside the cores, which then needs no kernel; 0 of all others.
  Cycles delay(std::uint32_t op);
  [[nodiscard]] const std::vector<KernelPlan>& plans() const { return plans_; }
  /// Of the operations planned so far, by tensor.
  [[nodiscard]] const std::vector<TensorPlace>& places() const { return places_; }
  [[nodiscard]] std::vector<KernelPlan>& plans() { return plans_; }

 private:
  [[nodiscard]] Replay replay_of(const Op& op) const;
  [[nodiscard]] KernelRequest request_of(const OpView& view) const;
  std::uint32_t plan_of(const OpView& view, Bytes budget_bytes);
  std::uint32_t plan_of(const ProductRequest& request, Bytes budget_bytes);
  std::uint32_t plan_of(const AttentionRequest& request, Bytes budget_bytes);
  std::uint32_t plan_of(const VectorRequest& request, Bytes budget_bytes);
  std::uint32_t plan_of(const ShapelessRequest& request, Bytes budget_bytes);
  void place_tensors(const OpView& view, std::uint8_t part, TensorPlace output);
  std::uint32_t store(KernelPlan plan);

  const Graph& graph_;
  const PlanContext& context_;
  Settings settings_;
  OpSends sends_;
  std::vector<TensorPlace> places_;  ///< by tensor
  std::vector<KernelPlan> plans_;
  PlanChoices& choices_;
  // Plans of requests: by the axes of the candidate, its key, its part.
  std::map<ProductRequest, std::map<std::array<std::uint32_t, 6>, std::uint32_t>> products_;
  std::map<AttentionRequest, std::map<decltype(AttentionChoice{}.key()), std::uint32_t>> attentions_;
  std::map<VectorRequest, std::map<std::uint8_t, std::uint32_t>> vectors_;
  std::map<ShapelessRequest, std::uint32_t> shapeless_;
};

}  // namespace dojo::workload

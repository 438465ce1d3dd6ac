// SPDX-License-Identifier: Apache-2.0
// Turns graph operations into kernel requests: shapes, where operands lie, what is replayed. Equal requests share a
// kernel.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "dojo/lower/lower.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {

[[nodiscard]] bool matches(const ReplayRule& rule, const Graph& graph, const Op& op);

class OpPlanner {
 public:
  struct Settings {
    std::string replay = "shapes";
    std::vector<ReplayRule> replay_rules;
    std::int64_t optimizer_shards = 1;
    double clock_hz = 2e9;
  };
  OpPlanner(const Graph& graph, const PlanContext& context, Settings settings);

  /// Index into plans() of the kernel of a compute operation. Operations must come in issue order: a result's layout
  /// is known to those that read it later. `budget_bytes`: SRAM of a node that operands in flight may take.
  std::uint32_t plan(std::uint32_t op, Bytes budget_bytes);
  [[nodiscard]] const std::vector<KernelPlan>& plans() const { return plans_; }
  [[nodiscard]] std::vector<KernelPlan>& plans() { return plans_; }

 private:
  std::uint32_t plan_matrix(const Op& op, Bytes budget_bytes);
  std::uint32_t plan_vector_op(const Op& op);
  std::uint32_t plan_without_shapes(const Op& op, bool recorded);
  [[nodiscard]] const std::string& replay_of(const Op& op) const;
  [[nodiscard]] ProductRequest conv_request(const Op& op) const;
  [[nodiscard]] ProductRequest matmul_request(const Op& op) const;
  void describe_window(const Op& op, VectorRequest& request) const;
  [[nodiscard]] Layout layout_of_bytes(const Op& op, Bytes bytes, std::size_t otherwise) const;
  void set_output_layout(const Op& op, Layout layout);
  std::uint32_t store(KernelPlan plan);
  template <class Visit>
  void for_each_input(const Op& op, Visit&& visit) const;

  const Graph& graph_;
  const PlanContext& context_;
  Settings settings_;
  std::vector<Layout> layout_;  ///< by tensor
  std::vector<KernelPlan> plans_;
  struct Product {
    std::vector<ProductChoice> choices;
    std::map<std::array<std::uint32_t, 4>, std::uint32_t> plans;  ///< by rows, columns, stream, steps
  };
  std::map<ProductRequest, Product> products_;
  std::map<VectorRequest, std::uint32_t> vectors_;
  std::map<std::array<std::int64_t, 3>, std::uint32_t> shapeless_;
};

}  // namespace dojo::workload

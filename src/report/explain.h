// SPDX-License-Identifier: Apache-2.0
// How each operation of a graph was planned and what bounds it: the plans of its tasks put together.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/report/report.h"
#include "dojo/workload/floors.h"

namespace dojo::report {

/// Asked graph by graph, so that a job with a graph a rank holds the plans of one graph only.
class OpPlans {
 public:
  explicit OpPlans(const RunContext& context);
  /// Where ranks run the graph on different slices: the plan with the lowest floor.
  [[nodiscard]] const workload::OpPlan& of(std::uint32_t graph, std::uint32_t op);

 private:
  void read(std::uint32_t graph);
  [[nodiscard]] std::vector<workload::OpPlan> of_program(std::uint32_t program) const;
  void add_task(const workload::Program& program, RankId rank, const workload::Task& task,
                workload::OpPlan& plan) const;

  const RunContext& context_;
  std::vector<RankId> rank_of_program_;  ///< any that runs it
  std::uint32_t graph_ = kNone;
  std::vector<workload::OpPlan> plans_;  ///< by operation of that graph
};

/// The word of the largest floor; "none" where nothing is known to bound the operation.
[[nodiscard]] const char* bound_by(const workload::Floors& floors);

}  // namespace dojo::report

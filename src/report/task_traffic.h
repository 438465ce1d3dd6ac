// SPDX-License-Identifier: Apache-2.0
// What a task sends over links of each class, by its plan.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::report {

/// Bytes times links of a class.
using ClassBytes = std::array<double, topology::kLinkClasses>;

class TaskTraffic {
 public:
  TaskTraffic(const topology::Topology& topology, const workload::Job& job);
  /// Of the part that one rank has in it; what DIPs send for ranks is shared out among those. Null: nothing.
  [[nodiscard]] const ClassBytes* of(RankId rank, std::uint32_t task);

 private:
  struct Site {
    std::int32_t row = 0, column = 0;  ///< of the machine
  };
  using Participant = workload::DataflowInstance::Participant;
  /// Dimension order, from router to router.
  void add_way(ClassBytes& to, const Site& from, const Site& end, double bytes) const;
  [[nodiscard]] ClassBytes kernel(const workload::Kernel& kernel, const workload::Slice& slice) const;
  void add_gathers(ClassBytes& to, const workload::Kernel& kernel, const workload::Slice& slice) const;
  [[nodiscard]] ClassBytes in_rank(const workload::DataflowInstance& instance, const workload::Slice& slice) const;
  [[nodiscard]] std::vector<ClassBytes> between_ranks(const workload::DataflowInstance& instance) const;
  void add_message(ClassBytes& to, const Participant& from, const Participant& end, double bytes) const;
  void add_service(ClassBytes& to, const workload::DataflowItem& item) const;
  [[nodiscard]] double padded(Bytes bytes) const;

  const topology::Topology& topology_;
  const workload::Job& job_;
  std::vector<std::vector<std::optional<ClassBytes>>> kernels_;  ///< by program and kernel
  std::vector<std::vector<ClassBytes>> instances_;               ///< by instance and position; in a rank: one
};

}  // namespace dojo::report

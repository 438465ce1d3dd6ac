// SPDX-License-Identifier: Apache-2.0
// Which tasks of ranks of several dies are the same work on equal slices, whatever their program, graph and place: for
// records of kernels that repeat (shortcuts/kernel_repeats.h).
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::machine {

class TaskClasses {
 public:
  TaskClasses() = default;
  TaskClasses(const workload::Job& job, const topology::Topology& topology);

  [[nodiscard]] std::uint32_t of_kernel(std::uint32_t program, std::uint32_t kernel) const {
    return kernels_[program][kernel];
  }
  /// Of a dataflow among the nodes of a rank.
  [[nodiscard]] std::uint32_t of_instance(std::uint32_t instance) const { return instances_[instance]; }
  /// Ranks with equal slices whose dies meet at equal edges.
  [[nodiscard]] std::uint32_t of_place(RankId rank) const { return places_[rank]; }

 private:
  void classify_kernels(const workload::Job& job);
  void classify_instances(const workload::Job& job);
  void classify_places(const workload::Job& job, const topology::Topology& topology);

  std::vector<std::vector<std::uint32_t>> kernels_;
  std::vector<std::uint32_t> instances_, places_;
};

}  // namespace dojo::machine

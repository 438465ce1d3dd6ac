// SPDX-License-Identifier: Apache-2.0
// How much of the links of each class, and of the SRAM, was in use when, and what the machine took: the work and the
// traffic of each task by its plan, spread evenly over the time in which the task did it.
#pragma once
#include <array>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/energy/params.h"
#include "dojo/machine/results.h"
#include "dojo/report/trail.h"
#include "dojo/topology/topology.h"

namespace dojo::report {

struct UseOverTime {
  struct Interval {
    Cycles begin = 0, end = 0;
    std::array<double, topology::kLinkClasses> links{};  ///< bytes / what all links of the class could carry
    double sram_bytes_mean = 0;                          ///< of the fullest node of a rank, mean over the ranks
    Bytes sram_bytes_max = 0;                            ///< of the rank that has most
    double watts = 0;                                    ///< of the whole machine, mean of the interval
  };
  std::vector<Interval> intervals;
  /// Bytes that the links of a class counted / bytes by the plans; `links` are multiplied by it. 0: no bytes by plans.
  std::array<double, topology::kLinkClasses> scale{};
};

/// The machine, what it counted, and what its parts take.
struct UseSource {
  const topology::Topology& topology;
  const machine::Results& results;
  const energy::Params& takes;
};

/// Of the whole job, in so many equal intervals (or one a cycle where it is shorter).
[[nodiscard]] UseOverTime use_of_job(const UseSource& source, const workload::Workload& workload,
                                     const workload::Job& job, const TaskTimes& times, Cycles end,
                                     std::size_t intervals);
/// As many as a page shows.
inline constexpr std::size_t kPageIntervals = 200;

}  // namespace dojo::report

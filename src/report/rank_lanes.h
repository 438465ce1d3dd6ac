// SPDX-License-Identifier: Apache-2.0
// What a rank ran when, in lanes: of its cores, its collectives, its memory and its recorded times.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/report/trail.h"
#include "report/trail_tasks.h"

namespace dojo::report {

inline constexpr std::size_t kLanes = 4;
[[nodiscard]] const char* lane_name(std::size_t lane);

struct Slice {
  Cycles begin, end, moves;  ///< moves: when its last rank had come; `begin`: nobody was waited for
  std::uint32_t task;
};
/// What of the rank lies between `begin` and `end`, in the order of its starts; empty tasks left out.
[[nodiscard]] std::array<std::vector<Slice>, kLanes> lanes_of(const TrailTasks& tasks, RankId rank, Cycles begin,
                                                              Cycles end);

/// The tasks of a few ranks: the first one, that at whose end the job ends (`last`), and others spread evenly. Of a
/// rank with very many the longest.
[[nodiscard]] std::vector<RankTask> tasks_of_some_ranks(const TrailTasks& tasks, RankId last, Cycles end);

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
#include "report/rank_lanes.h"

#include <algorithm>
#include <set>

namespace dojo::report {

using machine::TaskTime;
using workload::Task;

namespace {

constexpr RankId kShownRanks = 8;
constexpr std::size_t kTasksOfRank = 4000;

Lane lane_of(const Task& task) {
  if (task.kind == Task::Kind::kDelay) return Lane::kRecorded;
  if (TrailTasks::on_cores(task)) return Lane::kCores;
  return task.unit == Task::Unit::kMemory ? Lane::kMemory : Lane::kCollectives;
}

/// The longest, in the order that they had.
void keep_longest(std::vector<RankTask>& tasks, std::size_t wanted) {
  if (tasks.size() <= wanted) return;
  std::vector<Cycles> lengths;
  lengths.reserve(tasks.size());
  for (const RankTask& task : tasks) lengths.push_back(task.end - task.begin);
  std::nth_element(lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(wanted), lengths.end(),
                   std::greater<>());
  const Cycles limit = lengths[wanted];
  tasks.erase(
      std::remove_if(tasks.begin(), tasks.end(), [&](const RankTask& task) { return task.end - task.begin <= limit; }),
      tasks.end());
}

}  // namespace

const char* lane_name(std::size_t lane) {
  static constexpr std::array<const char*, kLanes> kNames{"cores", "collectives", "memory", "recorded"};
  return kNames[lane];
}

std::array<std::vector<Slice>, kLanes> lanes_of(const TrailTasks& tasks, RankId rank, Cycles begin, Cycles end) {
  std::array<std::vector<Slice>, kLanes> lanes;
  const std::vector<TaskTime>& times = tasks.times(rank);
  for (std::uint32_t task = 0; task < times.size(); ++task) {
    const Task& what = tasks.program(rank).tasks[task];
    if (what.kind == Task::Kind::kNone || times[task].start == kNever) continue;
    const Cycles from = std::max(times[task].start, begin), until = std::min(times[task].end, end);
    if (until <= from) continue;
    const TrailTasks::Member last = tasks.last_to_come(rank, task);
    const Cycles moves = last.rank == kNone ? from : std::clamp(last.start, from, until);
    lanes[static_cast<std::size_t>(lane_of(what))].push_back({from, until, moves, task});
  }
  for (std::vector<Slice>& lane : lanes) {
    std::sort(lane.begin(), lane.end(),
              [](const Slice& a, const Slice& b) { return a.begin != b.begin ? a.begin < b.begin : a.task < b.task; });
  }
  return lanes;
}

std::vector<RankTask> tasks_of_some_ranks(const TrailTasks& tasks, RankId last, Cycles end) {
  std::set<RankId> ranks;
  if (last < tasks.ranks()) ranks.insert(last);
  const RankId wanted = std::min(tasks.ranks(), kShownRanks);
  for (RankId i = 0; i < wanted && ranks.size() < wanted; ++i)
    ranks.insert(static_cast<RankId>(std::uint64_t{i} * tasks.ranks() / wanted));
  std::vector<RankTask> all;
  for (const RankId rank : ranks) {
    const workload::Program& program = tasks.program(rank);
    const auto lanes = lanes_of(tasks, rank, 0, end);
    std::vector<RankTask> own;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      for (const Slice& slice : lanes[lane]) {
        const Task& what = program.tasks[slice.task];
        own.push_back({rank, static_cast<Lane>(lane), what.recompute, program.graph, what.op, slice.begin, slice.moves,
                       slice.end});
      }
    }
    keep_longest(own, kTasksOfRank);
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

}  // namespace dojo::report

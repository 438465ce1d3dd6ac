// SPDX-License-Identifier: Apache-2.0
#include "audit/window.h"

#include <algorithm>
#include <set>

namespace dojo::audit {
namespace {

using machine::TaskTime;
using workload::Task;
using Participant = workload::DataflowInstance::Participant;

/// Cycles before a sample in which long messages come to their steady state.
constexpr Cycles kLead = 8192;

bool overlaps(const TaskTime& time, Cycles begin, Cycles end) {
  if (time.start == kNever) return false;
  if (time.start == time.end) return time.start >= begin && time.start < end;
  return time.start < end && time.end > begin;
}

bool one_tile(const topology::Topology& topology) {
  return topology.tile_count() == 1;
}

const workload::Program& program_of(const Subject& subject, RankId rank) {
  return subject.job.programs[subject.job.program_of_rank[rank]];
}

/// Where the traffic of a task between ranks is planned; kNone: it has none.
std::uint32_t instance_of(const Subject& subject, RankId rank, const Task& task) {
  return task.kind == Task::Kind::kDataflow ? subject.job.instance_of[rank][task.entry].instance : kNone;
}

bool on_one_tile(const Subject& subject, RankId rank) {
  const std::vector<DieId>& dies = subject.job.slices[rank].dies;
  return std::all_of(dies.begin(), dies.end(), [&](DieId die) {
    return subject.topology.tile_of(die) == subject.topology.tile_of(dies.front());
  });
}

}  // namespace

Windows::Windows(const Subject& subject, const Times& times, FlitHops& hops)
    : subject_(subject), times_(times), hops_(hops) {}

std::vector<RankId> Windows::neighbours(const Subject& subject, RankId rank) {
  const topology::Topology& t = subject.topology;
  std::vector<RankId> ranks;
  if (!one_tile(t) && !on_one_tile(subject, rank)) return ranks;
  const std::uint32_t tile = t.tile_of(subject.job.slices[rank].dies.front());
  for (RankId other = 0; other < subject.job.slices.size(); ++other) {
    if (t.tile_of(subject.job.slices[other].dies.front()) != tile) continue;
    if (one_tile(t) || on_one_tile(subject, other)) ranks.push_back(other);
  }
  return ranks;
}

Reach Windows::reach(RankId rank, std::uint32_t index) const {
  const Task& task = program_of(subject_, rank).tasks[index];
  const std::uint32_t instance = instance_of(subject_, rank, task);
  if (instance == kNone) return Reach::kRank;
  const auto& participants = subject_.job.instances[instance].participants;
  if (participants.empty() || participants.front().kind == Participant::Kind::kNode) return Reach::kRank;
  if (one_tile(subject_.topology)) return Reach::kTile;
  const std::uint32_t tile = subject_.topology.tile_of(subject_.job.slices[rank].dies.front());
  const auto [found, fresh] = members_.try_emplace({instance, tile});
  if (fresh) found->second = members_on(instance, tile);
  const Members& members = found->second;
  if (members.dips || members.here < 2) return Reach::kLost;
  if (members.here == participants.size()) return Reach::kTile;
  const workload::Graph& graph = subject_.workload.graphs[program_of(subject_, rank).graph];
  return task.op != kNone && workload::is_collective(graph.ops[task.op].kind) ? Reach::kBeyond : Reach::kLost;
}

Windows::Members Windows::members_on(std::uint32_t instance, std::uint32_t tile) const {
  Members members;
  for (const Participant& each : subject_.job.instances[instance].participants) {
    members.dips = members.dips || each.kind == Participant::Kind::kDip;
    if (each.kind != Participant::Kind::kRank || times_.of_rank.count(each.index) == 0) continue;
    const bool here = on_one_tile(subject_, each.index) &&
                      subject_.topology.tile_of(subject_.job.slices[each.index].dies.front()) == tile;
    members.here += here ? 1 : 0;
  }
  return members;
}

std::vector<RankId> Windows::on_same_dies(RankId rank) const {
  const std::vector<DieId>& dies = subject_.job.slices[rank].dies;
  std::vector<RankId> ranks;
  for (const auto& [other, times] : times_.of_rank) {
    const std::vector<DieId>& theirs = subject_.job.slices[other].dies;
    if (std::any_of(theirs.begin(), theirs.end(),
                    [&](DieId die) { return std::find(dies.begin(), dies.end(), die) != dies.end(); }))
      ranks.push_back(other);
  }
  return ranks;
}

/// Something runs that other ranks or DIPs take part in.
bool Windows::meets_others(const std::vector<RankId>& ranks, Cycles begin, Cycles end) const {
  for (const RankId rank : ranks) {
    const std::vector<TaskTime>& times = times_.of_rank.at(rank);
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      if (!overlaps(times[task], begin, end)) continue;
      const Reach far = reach(rank, task);
      if (far == Reach::kTile || far == Reach::kBeyond) return true;
    }
  }
  return false;
}

/// Of the kernels that run at that time.
Cycles Windows::first_start(const std::vector<RankId>& ranks, Cycles at) const {
  Cycles first = at;
  for (const RankId rank : ranks) {
    const workload::Program& program = program_of(subject_, rank);
    const std::vector<TaskTime>& times = times_.of_rank.at(rank);
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      if (program.tasks[task].kind == Task::Kind::kKernel && overlaps(times[task], at, at + 1))
        first = std::min(first, times[task].start);
    }
  }
  return first;
}

/// Of messages that are under way at that time, the earliest; that time when there are none.
Cycles Windows::start_of_older(const std::vector<RankId>& ranks, Cycles at) const {
  Cycles first = at;
  for (const RankId rank : ranks) {
    const workload::Program& program = program_of(subject_, rank);
    const std::vector<TaskTime>& times = times_.of_rank.at(rank);
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      const bool sends = program.tasks[task].kind == Task::Kind::kDataflow && reach(rank, task) != Reach::kLost;
      if (sends && overlaps(times[task], at, at + 1)) first = std::min(first, times[task].start);
    }
  }
  return first;
}

void Windows::take(RankId rank, Window& window) const {
  const workload::Program& program = program_of(subject_, rank);
  const std::vector<TaskTime>& times = times_.of_rank.at(rank);
  std::vector<Window::Taken> taken;
  for (std::uint32_t task = 0; task < times.size(); ++task) {
    if (!overlaps(times[task], window.begin, window.end)) continue;
    const Task& what = program.tasks[task];
    const bool begun = times[task].start < window.begin;
    const bool recorded = what.kind == Task::Kind::kDelay;
    const Reach far = reach(rank, task);
    const bool waits = far == Reach::kLost || (begun && (recorded || what.kind == Task::Kind::kKernel));
    const Cycles from = std::max(times[task].start, window.begin), until = std::min(times[task].end, window.end);
    const auto duration = static_cast<double>(times[task].end - times[task].start);
    const double left = waits || duration <= 0 ? 1 : static_cast<double>(times[task].end - from) / duration;
    taken.push_back({task, far, !waits, waits ? until - from : 0, left});
    if (waits || duration <= 0) continue;
    window.flit_hops += hops_.of(rank, task) * static_cast<double>(until - from) / duration;
  }
  if (!taken.empty()) window.ranks[rank] = std::move(taken);
}

/// All that take part in what is taken, also those that had done so before or did after the window.
void Windows::take_partners(const std::vector<RankId>& ranks, Window& window) const {
  std::map<std::uint32_t, std::set<RankId>> present;
  for (const auto& [rank, taken] : window.ranks) {
    for (const Window::Taken& each : taken) {
      if (each.runs && (each.reach == Reach::kTile || each.reach == Reach::kBeyond))
        present[instance_of(subject_, rank, program_of(subject_, rank).tasks[each.task])].insert(rank);
    }
  }
  for (const auto& [instance, inside] : present) {
    for (const Participant& each : subject_.job.instances[instance].participants) {
      const RankId rank = each.index;
      if (each.kind != Participant::Kind::kRank || inside.count(rank) != 0) continue;
      if (std::find(ranks.begin(), ranks.end(), rank) == ranks.end()) continue;
      const workload::Program& program = program_of(subject_, rank);
      for (std::uint32_t task = 0; task < program.tasks.size(); ++task) {
        if (instance_of(subject_, rank, program.tasks[task]) != instance) continue;
        const bool ended_before = times_.of_rank.at(rank)[task].end <= window.begin;
        window.ranks[rank].push_back({task, reach(rank, task), true, 0, ended_before ? 0.0 : 1.0});
      }
    }
  }
  for (auto& [rank, taken] : window.ranks) {
    std::sort(taken.begin(), taken.end(),
              [](const Window::Taken& a, const Window::Taken& b) { return a.task < b.task; });
  }
}

Window Windows::of(RankId rank, std::uint32_t task) const {
  Window window;
  window.rank = rank;
  window.task = task;
  const TaskTime time = times_.of_rank.at(rank)[task];
  window.end = time.end;
  std::vector<RankId> ranks = on_same_dies(rank);
  const auto widen = [&](Cycles from) {
    window.begin = first_start(ranks, from);
    if (window.wide || !meets_others(ranks, window.begin, window.end)) return;
    window.wide = true;
    ranks = neighbours(subject_, rank);
    window.begin = first_start(ranks, from);
  };
  widen(time.start);
  // What has been under way for long fills the network as it does after a while, not as it does at its start.
  const Cycles older = start_of_older(ranks, window.begin);
  if (older < window.begin) widen(std::max(older, window.begin - kLead));
  for (const RankId each : ranks) take(each, window);
  if (window.wide) take_partners(ranks, window);
  return window;
}

}  // namespace dojo::audit

// SPDX-License-Identifier: Apache-2.0
#include "dojo/report/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "dojo/base/error.h"
#include "dojo/workload/op_kind.h"
#include "report/perfetto_writer.h"
#include "report/rank_lanes.h"
#include "report/use_over_time.h"

namespace dojo::report {
namespace {

using workload::Task;

constexpr std::array<const char*, 4> kCounterNames{"ranks computing", "ranks waiting for late ranks",
                                                   "ranks moving messages", "ranks using memory"};
constexpr std::size_t kIntervals = 1000;  ///< of a counter
// Track numbers: a rank has a million of its own, a kind of lane 100,000 of those.
constexpr std::uint64_t kOfRank = 1'000'000, kOfLane = 100'000;

class Timeline {
 public:
  Timeline(const workload::Workload& workload, const TrailTasks& tasks, Cycles end, double clock_hz,
           const TimelineRequest& request)
      : workload_(workload),
        tasks_(tasks),
        begin_(request.begin),
        end_(std::min(request.end, end)),
        ns_per_cycle_(1e9 / clock_hz) {
    for (auto& counter : counters_) counter.assign(kIntervals, 0);
  }

  std::string written(const std::vector<RankId>& ranks, const UseOverTime& use) {
    for (const RankId rank : ranks) write_rank(rank);
    for (RankId rank = 0; rank < tasks_.ranks(); ++rank) count_rank(rank);
    write_counters();
    write_use(use);
    return out_.finish();
  }

 private:
  [[nodiscard]] std::uint64_t ns(Cycles cycles) const {
    return static_cast<std::uint64_t>(std::floor(static_cast<double>(cycles) * ns_per_cycle_));
  }
  void write_rank(RankId rank) {
    const std::uint64_t process = (rank + std::uint64_t{1}) * kOfRank;
    out_.process(process, static_cast<std::int32_t>(rank + 1), fmt::format("rank {}", rank));
    const auto lanes = lanes_of(tasks_, rank, begin_, end_);
    for (std::size_t kind = 0; kind < lanes.size(); ++kind) write_lanes(rank, process, kind, lanes[kind]);
  }
  /// What runs beside one another lies on tracks of its own: slices of a track never overlap.
  void write_lanes(RankId rank, std::uint64_t process, std::size_t kind, const std::vector<Slice>& slices) {
    std::vector<std::vector<Slice>> tracks;
    std::multiset<std::pair<Cycles, std::size_t>> free;  // end of each track's last slice
    for (const Slice& slice : slices) {
      std::size_t track = tracks.size();
      if (!free.empty() && free.begin()->first <= slice.begin) {
        track = free.begin()->second;
        free.erase(free.begin());
      } else {
        tracks.emplace_back();
      }
      tracks[track].push_back(slice);
      free.insert({slice.end, track});
    }
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      const std::uint64_t track = process + (kind + 1) * kOfLane + i;
      out_.track(track, process, i == 0 ? lane_name(kind) : fmt::format("{} {}", lane_name(kind), i + 1));
      for (const Slice& slice : tracks[i]) write_slice(rank, track, slice);
    }
  }
  void write_slice(RankId rank, std::uint64_t track, const Slice& slice) {
    const workload::Program& program = tasks_.program(rank);
    const Task& task = program.tasks[slice.task];
    std::string name = "(no operation)";
    const char* kind = "none";
    if (task.op != kNone) {
      const workload::Graph& graph = workload_.graphs[program.graph];
      name = graph.op_name(graph.ops[task.op]);
      kind = workload::op_kind_name(graph.ops[task.op].kind);
    }
    if (task.recompute) name += " (again)";
    out_.begin(track, ns(slice.begin), name, kind);
    if (slice.moves > slice.begin) {
      out_.begin(track, ns(slice.begin), "wait", "wait");
      out_.end(track, ns(slice.moves));
      if (slice.end > slice.moves) {
        out_.begin(track, ns(slice.moves), "move", "move");
        out_.end(track, ns(slice.end));
      }
    }
    out_.end(track, ns(slice.end));
  }

  void count_rank(RankId rank) {
    const auto lanes = lanes_of(tasks_, rank, begin_, end_);
    const auto& collectives = lanes[static_cast<std::size_t>(Lane::kCollectives)];
    for (const Lane lane : {Lane::kCores, Lane::kRecorded}) {
      for (const Slice& slice : lanes[static_cast<std::size_t>(lane)]) add(0, slice.begin, slice.end);
    }
    for (const Slice& slice : collectives) {
      add(1, slice.begin, slice.moves);
      add(2, slice.moves, slice.end);
    }
    for (const Slice& slice : lanes[static_cast<std::size_t>(Lane::kMemory)]) add(3, slice.begin, slice.end);
  }
  [[nodiscard]] Cycles edge(std::size_t interval) const {
    return begin_ + static_cast<Cycles>(static_cast<double>(end_ - begin_) * static_cast<double>(interval) /
                                        static_cast<double>(kIntervals));
  }
  void add(std::size_t counter, Cycles begin, Cycles end) {
    if (end <= begin) return;
    const double width = static_cast<double>(end_ - begin_) / static_cast<double>(kIntervals);
    auto interval = static_cast<std::size_t>(static_cast<double>(begin - begin_) / width);
    interval -= interval > 0 ? 1 : 0;
    for (; interval < kIntervals && edge(interval) < end; ++interval) {
      const Cycles from = std::max(begin, edge(interval)), to = std::min(end, edge(interval + 1));
      counters_[counter][interval] += std::max<Cycles>(0, to - from);
    }
  }
  void write_counters() {
    if (end_ <= begin_) return;
    for (std::size_t i = 0; i < counters_.size(); ++i) {
      const std::uint64_t track = i + 1;
      out_.counter_track(track, kCounterNames[i], "ranks");
      for (std::size_t interval = 0; interval < kIntervals; ++interval) {
        const Cycles width = edge(interval + 1) - edge(interval);
        if (width == 0) continue;
        out_.counter(track, ns(edge(interval)),
                     static_cast<double>(counters_[i][interval]) / static_cast<double>(width));
      }
    }
  }

  void write_use(const UseOverTime& use) {
    std::uint64_t track = kCounterNames.size();
    const auto write = [&](const std::string& name, const char* unit, const auto& value) {
      out_.counter_track(++track, name, unit);
      for (const UseOverTime::Interval& one : use.intervals) out_.counter(track, ns(one.begin), value(one));
    };
    for (std::size_t c = 0; c < use.scale.size(); ++c) {
      if (use.scale[c] <= 0) continue;
      const char* name = topology::link_class_name(static_cast<topology::LinkClass>(c));
      write(fmt::format("use of links: {}", name), "%",
            [c](const UseOverTime::Interval& one) { return 100 * one.links[c]; });
    }
    if (use.intervals.empty()) return;
    write("SRAM of the fullest node, mean of ranks", "bytes",
          [](const UseOverTime::Interval& one) { return one.sram_bytes_mean; });
    write("SRAM of the fullest node, most", "bytes",
          [](const UseOverTime::Interval& one) { return static_cast<double>(one.sram_bytes_max); });
    write("power of the machine", "W", [](const UseOverTime::Interval& one) { return one.watts; });
  }

  const workload::Workload& workload_;
  const TrailTasks& tasks_;
  Cycles begin_, end_;
  double ns_per_cycle_;
  std::array<std::vector<Cycles>, 4> counters_;  ///< rank-cycles by interval
  PerfettoWriter out_;
};

}  // namespace

std::vector<RankId> timeline_ranks(const std::string& text, RankId ranks) {
  std::set<RankId> chosen;
  const auto refuse = [&](const std::string& found) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("run.timeline_ranks: found '{}', expected \"all\", or ranks from 0 to {} such as 0,5-9",
                            found, ranks == 0 ? 0 : ranks - 1));
  };
  if (text.empty()) {
    const RankId wanted = std::min(ranks, kSampledRanks);
    for (RankId i = 0; i < wanted; ++i) chosen.insert(static_cast<RankId>(std::uint64_t{i} * ranks / wanted));
  } else if (text == "all") {
    for (RankId rank = 0; rank < ranks; ++rank) chosen.insert(rank);
  } else {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      const std::string part = text.substr(at, comma - at);
      const std::size_t dash = std::min(part.find('-'), part.size());
      RankId first = 0, last = 0;
      const auto number = [&](std::size_t from, std::size_t to, RankId& value) {
        const auto [end, error] = std::from_chars(part.data() + from, part.data() + to, value);
        return error == std::errc{} && end == part.data() + to && from < to;
      };
      if (!number(0, dash, first)) refuse(part);
      last = first;
      if (dash < part.size() && !number(dash + 1, part.size(), last)) refuse(part);
      if (last < first || last >= ranks) refuse(part);
      for (RankId rank = first; rank <= last; ++rank) chosen.insert(rank);
      at = comma + 1;
    }
  }
  return {chosen.begin(), chosen.end()};
}

std::string make_timeline(const workload::Workload& workload, const workload::Job& job, const TaskTimes& times,
                          Cycles end, double clock_hz, const TimelineRequest& request, const UseSource* source) {
  const TrailTasks tasks(workload, job, times);
  const std::vector<RankId> ranks = request.ranks.empty() ? timeline_ranks("", tasks.ranks()) : request.ranks;
  UseOverTime use;
  if (source != nullptr)
    use = use_over_time(*source, job, tasks, end, request.begin, std::min(request.end, end), kIntervals);
  return Timeline(workload, tasks, end, clock_hz, request).written(ranks, use);
}

}  // namespace dojo::report

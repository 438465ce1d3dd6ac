// SPDX-License-Identifier: Apache-2.0
#include "report/bottlenecks.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "dojo/workload/op_kind.h"
#include "report/explain.h"
#include "report/tables.h"

namespace dojo::report {

using workload::Bound;
using workload::Floors;
using workload::OpKind;

const std::vector<Cause>& causes() {
  static const std::vector<Cause> table{
      {"matrix", "matrix units", "cores at work on products; above the floor: edges of shapes, fill, unused nodes"},
      {"vector", "vector units", "cores at work on vector operations; above the floor: edges of shapes, unused nodes"},
      {"load", "load ports", "cores that wait for the load ports of their SRAM"},
      {"store", "store ports", "cores that wait for the store ports of their SRAM"},
      {"latency", "latency", "launch and pipelines of kernels; the distance of a collective's members"},
      {"operands", "operands on the way",
       "cores that wait for operands longer than the rates of ports, links and edges "
       "explain: the first of them, queues, hops"},
      {"messages", "messages on the way", "collectives and messages beyond their floors: the algorithm, queues, hops"},
      {"port", "network ports", "bytes of operands and messages at the network ports of the busiest nodes"},
      {"link", "on-die links", "bytes of operands and messages over on-die links"},
      {"edge", "die edges", "bytes of operands and messages over die and tile edges and the links of DIPs"},
      {"memory", "DIP memory", "transfers between SRAM and HBM"},
      {"samples", "samples", "samples on their way from the hosts"},
      {"late_ranks", "late ranks", "collectives and messages whose other ranks come later"},
      {"recorded", "recorded times", "times that the trace gives"},
      {"imbalance", "ranks that end early", "from a rank's own end to that of the job"},
      {"idle", "nothing to do", "no operation accounts for it"}};
  return table;
}

std::string cause_name(const std::string& word) {
  for (const Cause& cause : causes()) {
    if (word == cause.word) return cause.name;
  }
  return word;
}

namespace {

/// Operands that cores no longer hide take longer than the floor of their way: the first of them, queues, hops. Fitted
/// to runs with free cores of a ResNet-50 step on a tile and of a block of GPT-2 (the rows if_free_estimate_..._core of
/// docs/validation.md); the step on a die has no part in it.
constexpr double kWayOverFloor = 1.3;
constexpr std::size_t kOperationsShown = 5;
constexpr std::size_t kPathShown = 1000;

/// Cycles of all ranks, and what of them the floors of the operations explain.
struct Share {
  double cycles = 0, floor = 0;
  double gain = 0;  ///< at most, if the part took no time: others then come in its place
};

Bound largest_of(const Floors& floors, std::initializer_list<Bound> among, Bound otherwise) {
  Bound found = otherwise;
  double most = 0;
  for (const Bound bound : among) {
    if (floors[bound] <= most) continue;
    most = floors[bound];
    found = bound;
  }
  return found;
}

class Shares {
 public:
  /// An operation of a graph, over all that ran it.
  void add_operation(const std::string& name, const Exposed& e, const Floors& floors, double count, OpKind kind) {
    const auto number = [](Cycles cycles) { return static_cast<double>(cycles); };
    const Bound core =
        largest_of(floors, {Bound::kMatrix, Bound::kVector, Bound::kLoad, Bound::kStore, Bound::kLatency},
                   workload::family(kind) == workload::OpFamily::kProduct ? Bound::kMatrix : Bound::kVector);
    const Bound way = largest_of(floors, {Bound::kPort, Bound::kLink, Bound::kEdge, Bound::kLatency}, Bound::kLatency);
    // A kernel whose cores take no time still waits for its operands.
    const double rest = std::max(0.0, number(e.core + e.operands) - kWayOverFloor * floors[way] * count);
    add(word(core), name, number(e.core), floors[core] * count, rest);
    // Operands come while the cores work: only what their way needs beyond that has to be waited for.
    const double operands = std::clamp(floors[way] * count - number(e.core), 0.0, number(e.operands));
    add(word(way), name, operands, operands);
    add("operands", name, number(e.operands) - operands, 0);
    const double messages = std::min(number(e.move), e.core > 0 ? 0 : floors[way] * count);
    add(word(way), name, messages, messages);
    add("messages", name, number(e.move) - messages, 0);
    add("late_ranks", name, number(e.late), 0);
    add(kind == OpKind::kIngest ? "samples" : "memory", name, number(e.memory), floors[Bound::kMemory] * count);
    add("recorded", name, number(e.recorded), number(e.recorded));
  }
  void add(const std::string& cause, const std::string& operation, double cycles, double floor,
           double most_gain = std::numeric_limits<double>::infinity()) {
    if (cycles <= 0) return;
    Share& share = causes_[cause];
    share.cycles += cycles;
    share.floor += std::clamp(floor, 0.0, cycles);
    share.gain += std::min(cycles, most_gain);
    if (!operation.empty()) operations_[cause][operation] += cycles;
  }
  [[nodiscard]] Share of(const std::string& cause) const {
    const auto found = causes_.find(cause);
    return found == causes_.end() ? Share{} : found->second;
  }
  [[nodiscard]] std::vector<std::pair<std::string, double>> largest(const std::string& cause) const {
    std::vector<std::pair<std::string, double>> rows;
    const auto found = operations_.find(cause);
    if (found != operations_.end()) rows.assign(found->second.begin(), found->second.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    if (rows.size() > kOperationsShown) rows.resize(kOperationsShown);
    return rows;
  }

 private:
  static std::string word(Bound bound) { return schema::enum_text(bound); }
  std::map<std::string, Share> causes_;
  std::map<std::string, std::map<std::string, double>> operations_;
};

Shares shares_of(const RunContext& context) {
  const Trail& trail = *context.trail;
  OpPlans plans(context);
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> counts;
  for (const machine::OpRecord& record : context.results.ops)
    counts[{record.graph, record.op}] = static_cast<double>(record.count);
  Shares shares;
  for (std::uint32_t graph = 0; graph < trail.operations.size(); ++graph) {
    const workload::Graph& of = context.workload.graphs[graph];
    for (std::uint32_t op = 0; op < trail.operations[graph].size(); ++op) {
      const Exposed& exposed = trail.operations[graph][op];
      if (exposed.sum() == 0) continue;
      const auto count = counts.find({graph, op});
      shares.add_operation(of.op_name(of.ops[op]), exposed, plans.of(graph, op).floors,
                           count == counts.end() ? 0 : count->second, of.ops[op].kind);
    }
  }
  shares.add("idle", "", static_cast<double>(trail.idle), 0);
  shares.add("imbalance", "", static_cast<double>(trail.after_end), 0);
  return shares;
}

const char* part_word(PathStep::Part part) {
  switch (part) {
    case PathStep::Part::kCore:
      return "cores";
    case PathStep::Part::kMove:
      return "network";
    case PathStep::Part::kMemory:
      return "memory";
    case PathStep::Part::kRecorded:
      return "recorded";
    case PathStep::Part::kNone:
      break;
  }
  return "nothing";
}

std::string name_of(const RunContext& context, const PathStep& step) {
  if (step.op == kNone) return step.part == PathStep::Part::kNone ? "(nothing)" : "(no operation)";
  const workload::Graph& graph = context.workload.graphs[step.graph];
  return graph.op_name(graph.ops[step.op]);
}

const char* kind_of(const RunContext& context, const PathStep& step) {
  if (step.op == kNone) return "none";
  return workload::op_kind_name(context.workload.graphs[step.graph].ops[step.op].kind);
}

/// "conv1" or "conv1 on rank 3": what the stretch at `index` began after.
std::string waited_for(const RunContext& context, const std::vector<PathStep>& path, std::size_t index) {
  if (index == 0) return "";
  const PathStep& before = path[index - 1];
  const std::string name = name_of(context, before);
  return before.rank == path[index].rank ? name : fmt::format("{} on rank {}", name, before.rank);
}

}  // namespace

void add_exposed(Figures& out, const Exposed& e, std::uint64_t count, double clock_hz) {
  const double executions = static_cast<double>(count) * clock_hz;
  const auto mean = [&](Cycles cycles) { return ratio(static_cast<double>(cycles), executions); };
  out.add("exposed_s", mean(e.sum()), "s",
          "of a rank's time, that only this operation accounts for; mean over the executions "
          "([report.md](report.md#what-bounds-it))");
  out.add("core_s", mean(e.core), "s", "of `exposed_s`: the busiest core works");
  out.add("wait_s", mean(e.operands + e.late), "s",
          "of `exposed_s`: cores wait for operands, or for ranks that come later");
  out.add("move_s", mean(e.move + e.memory), "s",
          "of `exposed_s`: its messages or transfers are under way, all ranks have come");
}

Json bottleneck_rows(const Figures& figures, const RunContext& context) {
  Json rows = Json::array();
  if (context.trail == nullptr) return rows;
  const Trail& trail = *context.trail;
  const Shares shares = shares_of(context);
  const double rank_clock = static_cast<double>(trail.ranks) * context.topology.params().clock_hz;
  const double all = static_cast<double>(trail.ranks) * static_cast<double>(trail.end);
  std::vector<const Cause*> order;
  for (const Cause& cause : causes()) {
    if (shares.of(cause.word).cycles > 0) order.push_back(&cause);
  }
  std::stable_sort(order.begin(), order.end(), [&](const Cause* a, const Cause* b) {
    return shares.of(a->word).cycles > shares.of(b->word).cycles;
  });
  for (const Cause* cause : order) {
    const Share share = shares.of(cause->word);
    Json json;
    Figures out = figures.rows(json, "bottlenecks");
    out.add("cause", cause->word, "", "part of the machine, or reason, for which the ranks needed the time");
    out.add("name", cause->name, "", "the same for people");
    out.add("seconds", ratio(share.cycles, rank_clock), "s", "mean over the ranks; the rows add up to `time.seconds`");
    out.add("share", ratio(share.cycles, all), "share", "of `time.seconds`");
    out.add("floor_s", ratio(share.floor, rank_clock), "s",
            "of `seconds`: what the floors of the operations explain; the rest is above them");
    out.add("gain_s", ratio(share.gain, rank_clock), "s",
            "that the job would gain at most if this took no time; what else needs the time then is only guessed at");
    out.add("sentence", cause->sentence, "", "what it means");
    Json operations = Json::array();
    for (const auto& [name, cycles] : shares.largest(cause->word)) {
      Json row;
      Figures inner = out.rows(row, "operations");
      inner.add("name", name, "", "one of the operations that account for most of it");
      inner.add("seconds", ratio(cycles, rank_clock), "s", "mean over the ranks");
      operations.push_back(std::move(row));
    }
    json["operations"] = std::move(operations);
    rows.push_back(std::move(json));
  }
  return rows;
}

void add_critical_path(Figures& out, const RunContext& context) {
  Json rows = Json::array();
  Cycles covered = 0;
  std::size_t left_out = 0;
  if (context.trail != nullptr) {
    const std::vector<PathStep>& path = context.trail->path;
    const double clock_hz = context.topology.params().clock_hz;
    const auto seconds = [clock_hz](Cycles cycles) { return ratio(static_cast<double>(cycles), clock_hz); };
    // Of a long path the longest stretches, in the order of time.
    std::vector<Cycles> lengths;
    for (const PathStep& step : path) lengths.push_back(step.end - step.begin);
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    const Cycles shortest = lengths.size() > kPathShown ? lengths[kPathShown - 1] : 0;
    for (std::size_t i = 0; i < path.size(); ++i) {
      const PathStep& step = path[i];
      if (step.op != kNone) covered += step.end - step.begin;
      if (step.end - step.begin < shortest || rows.size() == kPathShown) {
        ++left_out;
        continue;
      }
      Json json;
      Figures row = out.rows(json, "critical_path.operations");
      row.add("name", name_of(context, step), "", "of the operation");
      row.add("kind", kind_of(context, step), "", "of the operation");
      row.add("rank", step.rank, "rank", "where it ran");
      row.add("part", part_word(step.part), "", "what it occupied: cores, network, memory, recorded, nothing");
      row.add("begin_s", seconds(step.begin), "s", "simulated time");
      row.add("seconds", seconds(step.end - step.begin), "s", "until the next stretch could begin");
      row.add("waited_for", waited_for(context, path, i), "", "the stretch at whose end it began");
      rows.push_back(std::move(json));
    }
    out.add("critical_path.seconds", seconds(covered), "s", "of the path that operations account for");
  } else {
    out.add("critical_path.seconds", 0.0, "s", "of the path that operations account for");
  }
  out.add("critical_path.stretches", context.trail == nullptr ? 0 : context.trail->path.size(), "stretches",
          "of the path; critical_path.csv has all of them");
  out.add("critical_path.left_out", left_out, "stretches", "short ones that `operations` leaves out");
  out.put("critical_path.operations", std::move(rows));
}

std::string critical_path_csv(const RunContext& context) {
  std::string text = "begin_s,seconds,rank,part,kind,name,waited_for\n";
  if (context.trail == nullptr) return text;
  const std::vector<PathStep>& path = context.trail->path;
  const double clock_hz = context.topology.params().clock_hz;
  for (std::size_t i = 0; i < path.size(); ++i) {
    text += fmt::format("{},{},{},{},{},{},{}\n", ratio(static_cast<double>(path[i].begin), clock_hz),
                        ratio(static_cast<double>(path[i].end - path[i].begin), clock_hz), path[i].rank,
                        part_word(path[i].part), kind_of(context, path[i]), csv_cell(name_of(context, path[i])),
                        csv_cell(waited_for(context, path, i)));
  }
  return text;
}

}  // namespace dojo::report

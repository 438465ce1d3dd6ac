// SPDX-License-Identifier: Apache-2.0
// The lists of report.json: operations, collectives, link classes, hottest links.
#include <algorithm>
#include <map>
#include <tuple>

#include "report/bottlenecks.h"
#include "report/explain.h"
#include "report/value.h"

namespace dojo::report {
namespace {

using workload::OpKind;

struct Row {
  const workload::Graph* graph = nullptr;
  const workload::Op* op = nullptr;
  std::string algorithm;
  std::uint32_t ranks = 0;
  Bytes bytes = 0;
  machine::OpCounters counters;
  double model_seconds = 0;
  workload::OpPlan plan;  ///< of the first graph that has it
  Exposed exposed;
};

/// Of an operation of a graph; nothing without a trail.
Exposed exposed_of(const RunContext& context, std::uint32_t graph, std::uint32_t op) {
  if (context.trail == nullptr || graph >= context.trail->operations.size()) return {};
  const std::vector<Exposed>& operations = context.trail->operations[graph];
  return op < operations.size() ? operations[op] : Exposed{};
}

/// Ranks with a graph each have the same operation in many graphs: the n-th of a name, kind and size in each of them.
class RowFinder {
 public:
  template <class Record>
  Row& find(const workload::Workload& workload, const Record& record) {
    const workload::Graph& graph = workload.graphs[record.graph];
    const workload::Op& op = graph.ops[record.op];
    const Key key{graph.op_name(op), op.kind, op.bytes, op.flops, 0};
    const int nth = seen_[{record.graph, key}]++;
    Key numbered = key;
    std::get<4>(numbered) = nth;
    const auto [at, fresh] = index_.try_emplace(numbered, rows.size());
    if (fresh) {
      rows.emplace_back();
      rows.back().graph = &graph;
      rows.back().op = &op;
      if (plans != nullptr) rows.back().plan = plans->of(record.graph, record.op);
    }
    return rows[at->second];
  }
  std::vector<Row> rows;     ///< in the order in which they were first met: that of the trace
  OpPlans* plans = nullptr;  ///< rows get their plan when it is there

 private:
  using Key = std::tuple<std::string, OpKind, Bytes, std::int64_t, int>;
  std::map<Key, std::size_t> index_;
  std::map<std::pair<std::uint32_t, Key>, int> seen_;
};

void add_times(Figures& out, const machine::Executions& times, double clock_hz) {
  const auto seconds = [clock_hz](double cycles) { return ratio(cycles, clock_hz); };
  const double shortest = times.count == 0 ? 0.0 : static_cast<double>(times.cycles_min);
  out.add("seconds", seconds(ratio(static_cast<double>(times.cycles_sum), static_cast<double>(times.count))), "s",
          "from start to end, mean over the executions; waiting for the cores before the start is not in it");
  out.add("seconds_min", seconds(shortest), "s", "of the shortest");
  out.add("seconds_max", seconds(static_cast<double>(times.cycles_max)), "s", "of the longest");
}

void add_plan(Figures& out, const workload::OpPlan& plan, double clock_hz) {
  out.add("partition", plan.partition, "",
          "how the operation is cut over the nodes of a rank; of collectives, how it is sent");
  out.add("nodes", plan.nodes, "nodes", "of a rank, that work on it");
  out.add("predicted_s", ratio(plan.cycles, clock_hz), "s",
          "of the execution that takes longest (`seconds_max`), by the model by which it was planned; 0 = it has none");
  out.add("floor_s", ratio(plan.floors.most(), clock_hz), "s",
          "of the execution that takes longest: the largest of its floors ([report.md](report.md#floors)); 0 = nothing "
          "is known to bound it");
  out.add("bound_by", bound_by(plan.floors), "", "what sets that floor; none: see `floor_s`");
  for (const auto& entry : enum_entries(workload::Bound{})) {
    out.add(std::string("floor_") + entry.text + "_s", ratio(plan.floors[entry.value], clock_hz), "s", entry.sentence);
  }
}

double link_bytes(const Row& row) {
  if (row.ranks < 1) return 0;
  const auto of_kind = workload::traits(row.op->kind).link_bytes;
  const auto bytes = static_cast<double>(row.bytes);
  return of_kind == nullptr ? bytes : of_kind(bytes, static_cast<double>(row.ranks));
}

}  // namespace

double utilisation(double busy_units, std::uint64_t links, Cycles time) {
  const double available =
      static_cast<double>(links) * static_cast<double>(time) * static_cast<double>(machine::kBusyUnitsPerCycle);
  return ratio(busy_units, available);
}

double utilisation(std::uint64_t busy_units, std::uint64_t links, Cycles time) {
  return utilisation(static_cast<double>(busy_units), links, time);
}

Json op_rows(const Figures& figures, const RunContext& context) {
  OpPlans plans(context);
  RowFinder finder;
  finder.plans = &plans;
  for (const machine::OpRecord& record : context.results.ops) {
    Row& row = finder.find(context.workload, record);
    schema::merge<machine::OpCounters>(row.counters, record);
    row.exposed += exposed_of(context, record.graph, record.op);
  }
  const double clock_hz = context.topology.params().clock_hz;
  Json rows = Json::array();
  for (const Row& row : finder.rows) {
    const machine::OpCounters& times = row.counters;
    Json json;
    Figures out = figures.rows(json, "latency.ops");
    out.add("name", row.graph->op_name(*row.op), "",
            "of the operation; ranks with a graph each share a row where name, kind, size and occurrence are equal");
    out.add("kind", workload::op_kind_name(row.op->kind), "", "of the operation");
    out.add("phase", workload::phase_name(row.op->phase), "", "of the training step");
    add_times(out, times, clock_hz);
    out.counters("", times);
    out.add("first_start_s", times.count == 0 ? 0.0 : ratio(static_cast<double>(times.first_start), clock_hz), "s",
            "simulated time of the first start");
    out.add("last_end_s", ratio(static_cast<double>(times.last_end), clock_hz), "s", "simulated time of the last end");
    add_plan(out, row.plan, clock_hz);
    add_exposed(out, row.exposed, times.count, clock_hz);
    rows.push_back(std::move(json));
  }
  return rows;
}

Json collective_rows(const Figures& figures, const RunContext& context) {
  RowFinder finder;
  for (const machine::CollectiveRecord& record : context.results.collectives) {
    Row& row = finder.find(context.workload, record);
    schema::merge<machine::Executions>(row.counters, record);
    row.exposed += exposed_of(context, record.graph, record.op);
    row.algorithm = record.algorithm;
    row.ranks = std::max(row.ranks, record.ranks);
    row.bytes = std::max(row.bytes, record.bytes);
    row.model_seconds = std::max(row.model_seconds, record.model_seconds);
  }
  Json rows = Json::array();
  for (const Row& row : finder.rows) {
    Json json;
    Figures out = figures.rows(json, "latency.collectives");
    out.add("name", row.graph->op_name(*row.op), "", "of the operation");
    out.add("kind", workload::op_kind_name(row.op->kind), "", "of the operation");
    out.add("algorithm", row.algorithm, "", "that carried it out");
    out.add("ranks", row.ranks, "ranks", "of one group");
    out.add("bytes", row.bytes, "bytes", "as the trace gives it");
    add_times(out, row.counters, context.topology.params().clock_hz);
    out.counters("", static_cast<const machine::Executions&>(row.counters));
    const double bytes = link_bytes(row);
    out.add("bus_bytes_per_s", ratio(bytes, json["seconds"].get<double>()), "bytes/s",
            "as nccl-tests define it ([report.md](report.md#bus-bandwidth))");
    out.add("model_seconds", row.model_seconds, "s",
            "the time by which the algorithm was chosen: that of a walk over its plan, or of a formula");
    add_exposed(out, row.exposed, row.counters.count, context.topology.params().clock_hz);
    rows.push_back(std::move(json));
  }
  return rows;
}

void add_link_classes(Figures& figures, const RunContext& context) {
  std::string of_the_class = "of the class:";
  for (const auto& entry : enum_entries(topology::LinkClass{})) of_the_class += std::string(" ") + entry.text;
  for (int i = 0; i < topology::kLinkClasses; ++i) {
    const machine::LinkClassTotals& total = context.results.classes[static_cast<std::size_t>(i)];
    const Cycles time = context.results.end_cycle;
    Json json;
    Figures out(json, "links.classes.<class>.", i == 0 ? figures.lines() : nullptr);
    out.add("count", total.links, "links", of_the_class.c_str());
    out.counters("", total.counters);
    out.add("capacity_bytes_per_s", std::isfinite(total.capacity_bytes_per_s) ? total.capacity_bytes_per_s : 0.0,
            "bytes/s", "of all links of the class together");
    out.add("utilisation_mean", utilisation(total.busy_units(), total.links, time), "share",
            "time spent serialising / (links x time)");
    out.add("utilisation_max", utilisation(total.max_busy_units, 1, time), "share", "the same of the busiest link");
    out.add("queue_cycles_mean",
            ratio(static_cast<double>(total.counters.queue_cycles), static_cast<double>(total.counters.transfers)),
            "cycles", "wait of a transfer before it could use the link");
    figures.put(std::string("links.classes.") + topology::link_class_name(static_cast<topology::LinkClass>(i)),
                std::move(json));
  }
}

Json hottest_links(const Figures& figures, const RunContext& context, std::size_t wanted) {
  std::vector<const machine::LinkRecord*> links;
  for (const machine::LinkRecord& link : context.results.links) links.push_back(&link);
  wanted = std::min(wanted, links.size());
  const auto hotter = [](const machine::LinkRecord* a, const machine::LinkRecord* b) {
    return a->max_busy_units != b->max_busy_units ? a->max_busy_units > b->max_busy_units : a->path < b->path;
  };
  std::partial_sort(links.begin(), links.begin() + static_cast<std::ptrdiff_t>(wanted), links.end(), hotter);
  Json rows = Json::array();
  for (std::size_t i = 0; i < wanted; ++i) {
    const machine::LinkRecord& link = *links[i];
    Json json;
    Figures out = figures.rows(json, "links.hottest");
    out.add("path", link.path, "",
            "one of the ten busiest rows of `links.csv`; a folded row counts with its busiest link");
    out.add("class", topology::link_class_name(link.link_class), "", "of the link");
    out.add("bytes", link.counters.bytes, "bytes", "carried by the row's links");
    out.add("utilisation", utilisation(link.max_busy_units, 1, context.results.end_cycle), "share",
            "of the busiest of them");
    rows.push_back(std::move(json));
  }
  return rows;
}

}  // namespace dojo::report

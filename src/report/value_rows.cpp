// SPDX-License-Identifier: Apache-2.0
// The lists of report.json: operations, collectives, link classes, hottest links.
#include <algorithm>
#include <map>
#include <tuple>

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
  std::uint64_t count = 0, cycles_sum = 0;
  Cycles cycles_min = kNever, cycles_max = 0;
  Cycles first_start = kNever, last_end = 0;
  std::int64_t flops = 0;
  double model_seconds = 0;

  template <class Record>
  void add(const Record& record) {
    if (record.count == 0) return;
    count += record.count;
    cycles_sum += record.cycles_sum;
    cycles_min = std::min(cycles_min, record.cycles_min);
    cycles_max = std::max(cycles_max, record.cycles_max);
  }
};

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
    }
    return rows[at->second];
  }
  std::vector<Row> rows;  ///< in the order in which they were first met: that of the trace

 private:
  using Key = std::tuple<std::string, OpKind, Bytes, std::int64_t, int>;
  std::map<Key, std::size_t> index_;
  std::map<std::pair<std::uint32_t, Key>, int> seen_;
};

void add_times(Json& json, const Row& row, double clock_hz) {
  const auto seconds = [clock_hz](double cycles) { return ratio(cycles, clock_hz); };
  json["seconds"] = seconds(ratio(static_cast<double>(row.cycles_sum), static_cast<double>(row.count)));
  json["seconds_min"] = row.count == 0 ? 0.0 : seconds(static_cast<double>(row.cycles_min));
  json["seconds_max"] = seconds(static_cast<double>(row.cycles_max));
  json["count"] = row.count;
}

double link_bytes(const Row& row) {
  if (row.ranks < 1) return 0;
  const auto of_kind = workload::traits(row.op->kind).link_bytes;
  const auto bytes = static_cast<double>(row.bytes);
  return of_kind == nullptr ? bytes : of_kind(bytes, static_cast<double>(row.ranks));
}

}  // namespace

double utilisation(std::uint64_t busy_units, std::uint64_t links, Cycles time) {
  const double available =
      static_cast<double>(links) * static_cast<double>(time) * static_cast<double>(machine::kBusyUnitsPerCycle);
  return ratio(static_cast<double>(busy_units), available);
}

Json op_rows(const RunContext& context) {
  RowFinder finder;
  for (const machine::OpRecord& record : context.results.ops) {
    Row& row = finder.find(context.workload, record);
    row.add(record);
    row.flops += record.flops;
    if (record.count == 0) continue;
    row.first_start = std::min(row.first_start, record.first_start);
    row.last_end = std::max(row.last_end, record.last_end);
  }
  const double clock_hz = context.topology.params().clock_hz;
  Json rows = Json::array();
  for (const Row& row : finder.rows) {
    Json json{{"name", row.graph->op_name(*row.op)},
              {"kind", workload::op_kind_name(row.op->kind)},
              {"phase", workload::phase_name(row.op->phase)}};
    add_times(json, row, clock_hz);
    json["flops"] = row.flops;
    json["first_start_s"] = row.count == 0 ? 0.0 : ratio(static_cast<double>(row.first_start), clock_hz);
    json["last_end_s"] = ratio(static_cast<double>(row.last_end), clock_hz);
    rows.push_back(std::move(json));
  }
  return rows;
}

Json collective_rows(const RunContext& context) {
  RowFinder finder;
  for (const machine::CollectiveRecord& record : context.results.collectives) {
    Row& row = finder.find(context.workload, record);
    row.add(record);
    row.algorithm = record.algorithm;
    row.ranks = std::max(row.ranks, record.ranks);
    row.bytes = std::max(row.bytes, record.bytes);
    row.model_seconds = std::max(row.model_seconds, record.model_seconds);
  }
  Json rows = Json::array();
  for (const Row& row : finder.rows) {
    Json json{{"name", row.graph->op_name(*row.op)},
              {"kind", workload::op_kind_name(row.op->kind)},
              {"algorithm", row.algorithm},
              {"ranks", row.ranks},
              {"bytes", row.bytes}};
    add_times(json, row, context.topology.params().clock_hz);
    const double bytes = link_bytes(row);
    json["bus_bytes_per_s"] = ratio(bytes, json["seconds"].get<double>());
    json["model_seconds"] = row.model_seconds;
    rows.push_back(std::move(json));
  }
  return rows;
}

Json link_classes(const RunContext& context) {
  Json classes = Json::object();
  for (int i = 0; i < topology::kLinkClasses; ++i) {
    const machine::LinkClassTotals& total = context.results.classes[static_cast<std::size_t>(i)];
    const Cycles time = context.results.end_cycle;
    classes[topology::link_class_name(static_cast<topology::LinkClass>(i))] = {
        {"count", total.links},
        {"bytes", total.counters.bytes},
        {"capacity_bytes_per_s", std::isfinite(total.capacity_bytes_per_s) ? total.capacity_bytes_per_s : 0.0},
        {"utilisation_mean", utilisation(total.counters.busy_units, total.links, time)},
        {"utilisation_max", utilisation(total.max_busy_units, 1, time)},
        {"queue_cycles_mean",
         ratio(static_cast<double>(total.counters.queue_cycles), static_cast<double>(total.counters.transfers))},
        {"transfers", total.counters.transfers}};
  }
  return classes;
}

Json hottest_links(const RunContext& context, std::size_t wanted) {
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
    rows.push_back({{"path", link.path},
                    {"class", topology::link_class_name(link.link_class)},
                    {"bytes", link.counters.bytes},
                    {"utilisation", utilisation(link.max_busy_units, 1, context.results.end_cycle)}});
  }
  return rows;
}

}  // namespace dojo::report

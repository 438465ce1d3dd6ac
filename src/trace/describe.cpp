// SPDX-License-Identifier: Apache-2.0
// `trace info`: what a workload holds, counted once and shown as text or JSON.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "dojo/trace/trace.h"
#include "trace/check_ranks.h"

namespace dojo::workload {
namespace {

using Json = nlohmann::ordered_json;

struct KindCount {
  std::int64_t ops = 0, matrix_flops = 0, vector_flops = 0, bytes = 0, recorded_ns = 0;
};

constexpr std::int64_t kUnknown = -1;

struct GraphSummary {
  std::map<OpKind, KindCount> kinds;  ///< that occur
  std::map<std::tuple<OpKind, std::uint32_t, Bytes>, std::int64_t>
      collectives;                           ///< (kind, group class, bytes) -> count
  std::map<TensorRole, Bytes> tensor_bytes;  ///< of every role
  std::int64_t parameters = kUnknown;        ///< elements that optimizer operations update
  std::int64_t ranks = 0, ops = 0, edges = 0, matrix_flops = 0, vector_flops = 0, communication_bytes = 0;
  std::int64_t path_ops = 0, path_flops = 0;  ///< longest chain of operations; matrix FLOP along the heaviest chain
  std::int64_t path_ns = 0;                   ///< recorded time along the longest chain of it
  Bytes live_bytes = 0;                       ///< the most that tensors hold at once, in issue order
};

void measure_path(const Graph& graph, GraphSummary& summary) {
  std::vector<std::int64_t> depth(graph.ops.size(), 0), flops(graph.ops.size(), 0), ns(graph.ops.size(), 0);
  for (const std::uint32_t at : topological_order(graph)) {
    const Op& op = graph.ops[at];
    for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i) {
      depth[at] = std::max(depth[at], depth[graph.deps[i]]);
      flops[at] = std::max(flops[at], flops[graph.deps[i]]);
      ns[at] = std::max(ns[at], ns[graph.deps[i]]);
    }
    depth[at] += 1;
    flops[at] += op.flops;
    ns[at] += op.duration_ns;
    summary.path_ops = std::max(summary.path_ops, depth[at]);
    summary.path_flops = std::max(summary.path_flops, flops[at]);
    summary.path_ns = std::max(summary.path_ns, ns[at]);
  }
}

/// An activation lives from its writer to its last reader; what nobody writes is there from the start, and all but
/// activations stay.
void measure_memory(const Graph& graph, GraphSummary& summary) {
  const std::size_t ops = graph.ops.size();
  std::vector<std::size_t> first(graph.tensors.size(), ops), last(graph.tensors.size(), 0);
  for (std::size_t i = 0; i < ops; ++i) {
    const Op& op = graph.ops[i];
    for (std::uint32_t t = op.inputs_begin; t < op.inputs_end; ++t) last[graph.tensor_refs[t]] = i;
    for (std::uint32_t t = op.outputs_begin; t < op.outputs_end; ++t) {
      first[graph.tensor_refs[t]] = std::min(first[graph.tensor_refs[t]], i);
      last[graph.tensor_refs[t]] = i;
    }
  }
  std::vector<Bytes> change(ops + 1, 0);
  for (std::size_t t = 0; t < graph.tensors.size(); ++t) {
    const TensorRole role = graph.tensors[t].role;
    const bool passes = role == TensorRole::kActivation || role == TensorRole::kGathered;
    change[first[t] == ops ? 0 : first[t]] += graph.tensors[t].bytes;
    if (passes) change[last[t] + 1] -= graph.tensors[t].bytes;
  }
  Bytes live = 0;
  for (const Bytes step : change) summary.live_bytes = std::max(summary.live_bytes, live += step);
}

GraphSummary summarise(const Graph& graph) {
  GraphSummary summary;
  summary.ops = static_cast<std::int64_t>(graph.ops.size());
  summary.edges = static_cast<std::int64_t>(graph.deps.size());
  for (const Op& op : graph.ops) {
    KindCount& kind = summary.kinds[op.kind];
    const std::int64_t vector = op.elements * op.vector_flops_per_element;
    ++kind.ops;
    kind.matrix_flops += op.flops;
    kind.vector_flops += vector;
    kind.bytes += op.bytes;
    kind.recorded_ns += op.duration_ns;
    summary.matrix_flops += op.flops;
    summary.vector_flops += vector;
    if (traits(op.kind).has(OpTraits::kUpdatesParameters))
      summary.parameters = std::max<std::int64_t>(summary.parameters, 0) + op.elements;
    if (is_communication(op.kind)) summary.communication_bytes += op.bytes;
    if (is_collective(op.kind)) ++summary.collectives[{op.kind, op.group, op.bytes}];
  }
  for (const auto& entry : enum_entries(TensorRole{})) summary.tensor_bytes[entry.value] = 0;
  for (const Tensor& tensor : graph.tensors) summary.tensor_bytes[tensor.role] += tensor.bytes;
  measure_path(graph, summary);
  measure_memory(graph, summary);
  return summary;
}

Json to_json(const GraphSummary& s, const Graph& graph, const Workload& workload) {
  Json json{{"file", graph.file},
            {"format", graph.format},
            {"ranks", s.ranks},
            {"batch", graph.batch},
            {"ops", s.ops},
            {"edges", s.edges},
            {"matrix_flops", s.matrix_flops},
            {"vector_flops", s.vector_flops},
            {"communication_bytes", s.communication_bytes},
            {"parameters", s.parameters == kUnknown ? Json(nullptr) : Json(s.parameters)},
            {"critical_path_ops", s.path_ops},
            {"critical_path_matrix_flops", s.path_flops},
            {"critical_path_recorded_ns", s.path_ns},
            {"live_tensor_bytes", s.live_bytes}};
  json["kinds"] = Json::array();
  for (const auto& [kind, count] : s.kinds) {
    json["kinds"].push_back({{"kind", op_kind_name(kind)},
                             {"ops", count.ops},
                             {"matrix_flops", count.matrix_flops},
                             {"vector_flops", count.vector_flops},
                             {"bytes", count.bytes},
                             {"recorded_ns", count.recorded_ns}});
  }
  json["collectives"] = Json::array();
  for (const auto& [key, count] : s.collectives) {
    const auto& [kind, group, bytes] = key;
    json["collectives"].push_back({{"kind", op_kind_name(kind)},
                                   {"group_class", workload.group_classes.at(group).name},
                                   {"bytes", bytes},
                                   {"count", count}});
  }
  json["tensor_bytes"] = Json::object();
  for (const auto& [role, bytes] : s.tensor_bytes) json["tensor_bytes"][tensor_role_name(role)] = bytes;
  json["warnings"] = graph.warnings;
  return json;
}

std::string kinds_text(const GraphSummary& s) {
  std::string text = fmt::format("  {:<22}{:>8}{:>24}{:>20}{:>20}{:>16}\n", "kind", "ops", "matrix FLOP", "vector FLOP",
                                 "bytes", "recorded us");
  for (const auto& [kind, count] : s.kinds) {
    text += fmt::format("  {:<22}{:>8}{:>24}{:>20}{:>20}{:>16.1f}\n", op_kind_name(kind), count.ops, count.matrix_flops,
                        count.vector_flops, count.bytes, static_cast<double>(count.recorded_ns) / 1e3);
  }
  return text;
}

std::string collectives_text(const GraphSummary& s, const Workload& workload) {
  if (s.collectives.empty()) return "";
  std::string text = fmt::format("  {:<22}{:<22}{:>20}{:>8}\n", "collective", "group class", "bytes", "count");
  for (const auto& [key, count] : s.collectives) {
    const auto& [kind, group, bytes] = key;
    text += fmt::format("  {:<22}{:<22}{:>20}{:>8}\n", op_kind_name(kind), workload.group_classes.at(group).name, bytes,
                        count);
  }
  return text;
}

/// Of the first group, the first of them.
std::vector<RankId> first_ranks(const Workload::GroupClass& entry) {
  constexpr std::size_t kShown = 8;
  if (entry.groups.empty()) return {};
  const std::vector<RankId>& ranks = entry.groups.front().ranks;
  return {ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(std::min(ranks.size(), kShown))};
}

std::string classes_text(const Workload& workload) {
  constexpr std::size_t kShown = 40;
  if (workload.group_classes.size() < 2) return "";
  std::string text = fmt::format("  {:<22}{:>8}{:>14}  {}\n", "group class", "groups", "ranks of one", "the first");
  for (std::size_t c = 0; c < std::min(workload.group_classes.size(), kShown); ++c) {
    const Workload::GroupClass& entry = workload.group_classes[c];
    const std::size_t ranks = entry.groups.empty() ? 0 : entry.groups.front().ranks.size();
    const std::vector<RankId> first = first_ranks(entry);
    text += fmt::format("  {:<22}{:>8}{:>14}  {}{}\n", entry.name, entry.groups.size(), ranks, fmt::join(first, " "),
                        first.size() < ranks ? " ..." : "");
  }
  if (workload.group_classes.size() > kShown)
    text += fmt::format("  and {} more classes\n", workload.group_classes.size() - kShown);
  return text;
}

std::string heading(const GraphSummary& s, const Graph& graph, std::size_t index) {
  return fmt::format("graph {}: {} ({}), {} rank{}\n", index, graph.file, graph.format, s.ranks,
                     s.ranks == 1 ? "" : "s");
}

std::string to_text(const GraphSummary& s, const Graph& graph, const Workload& workload) {
  std::string text = fmt::format(
      "  {} operations, {} dependencies, longest chain {} operations, heaviest chain {} matrix FLOP, {:.1f} recorded "
      "us\n",
      s.ops, s.edges, s.path_ops, s.path_flops, static_cast<double>(s.path_ns) / 1e3);
  text += fmt::format(
      "  {} matrix FLOP, {} vector FLOP, {} bytes communicated, {}, batch {}\n", s.matrix_flops, s.vector_flops,
      s.communication_bytes,
      s.parameters == kUnknown ? "parameters unknown (no optimizer)" : fmt::format("{} parameters", s.parameters),
      graph.batch > 0 ? std::to_string(graph.batch) : "unknown");
  text += kinds_text(s) + collectives_text(s, workload);
  text += "  tensors, bytes:";
  for (const auto& [role, bytes] : s.tensor_bytes) text += fmt::format(" {} {}", tensor_role_name(role), bytes);
  text += fmt::format("; at most {} at once in issue order\n", s.live_bytes);
  for (const std::string& warning : graph.warnings) text += fmt::format("  warning: {}\n", warning);
  return text;
}

/// What is said of each graph, and the first graph of which the same is said: the files of ranks that do the same work
/// differ in their names alone.
struct Alike {
  std::vector<std::string> texts;
  std::vector<std::size_t> first;

  Alike(const std::vector<GraphSummary>& summaries, const Workload& workload) {
    std::map<std::string, std::size_t> known;
    for (std::size_t g = 0; g < summaries.size(); ++g) {
      const Graph& graph = workload.graphs[g];
      texts.push_back(to_text(summaries[g], graph, workload));
      std::string key = fmt::format("{} {}\n{}", graph.format, summaries[g].ranks, texts.back());
      for (std::size_t at = 0; !graph.file.empty() && (at = key.find(graph.file, at)) != std::string::npos;)
        key.erase(at, graph.file.size());
      first.push_back(known.emplace(std::move(key), g).first->second);
    }
  }
  /// "1 to 7, 9"; empty: none is like graph `index`.
  [[nodiscard]] std::string others(std::size_t index) const {
    std::vector<std::string> ranges;
    for (std::size_t g = index + 1; g < first.size();) {
      std::size_t end = g;
      while (end < first.size() && first[end] == index) ++end;
      if (end > g) ranges.push_back(end - g == 1 ? std::to_string(g) : fmt::format("{} to {}", g, end - 1));
      g = std::max(end, g + 1);
    }
    constexpr std::size_t kShown = 20;
    const std::size_t more = ranges.size() > kShown ? ranges.size() - kShown : 0;
    ranges.resize(ranges.size() - more);
    return fmt::format("{}{}", fmt::join(ranges, ", "), more > 0 ? fmt::format(" and {} more ranges", more) : "");
  }
};

std::string ranks_text(const Workload& workload, const std::vector<GraphSummary>& summaries, const Alike& alike) {
  std::string text =
      fmt::format("{:>16}{:>8}{:>10}{:>24}{:>24}\n", "ranks", "graph", "ops", "matrix FLOP", "bytes communicated");
  const auto& graphs = workload.graph_of_rank;
  for (std::size_t first = 0; first < graphs.size();) {
    std::size_t end = first;
    const std::size_t graph = alike.first[graphs[first]];
    while (end < graphs.size() && alike.first[graphs[end]] == graph) ++end;
    const GraphSummary& s = summaries[graphs[first]];
    const std::string ranks = end - first == 1 ? std::to_string(first) : fmt::format("{}-{}", first, end - 1);
    text += fmt::format("{:>16}{:>8}{:>10}{:>24}{:>24}\n", ranks, graph, s.ops, s.matrix_flops, s.communication_bytes);
    first = end;
  }
  return text;
}

Json ranks_json(const Workload& workload, const std::vector<GraphSummary>& summaries) {
  Json list = Json::array();
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    const GraphSummary& s = summaries[workload.graph_of_rank[rank]];
    list.push_back({{"rank", rank},
                    {"graph", workload.graph_of_rank[rank]},
                    {"ops", s.ops},
                    {"matrix_flops", s.matrix_flops},
                    {"communication_bytes", s.communication_bytes}});
  }
  return list;
}

}  // namespace

std::string describe_workload(const Workload& workload, bool json) {
  std::vector<GraphSummary> summaries;
  for (const Graph& graph : workload.graphs) summaries.push_back(summarise(graph));
  std::int64_t flops = 0;
  for (const std::uint32_t graph : workload.graph_of_rank) {
    ++summaries[graph].ranks;
    flops += summaries[graph].matrix_flops;
  }
  if (json) {
    Json out{{"schema", "dojosim.trace_info/1"},
             {"ranks", workload.ranks()},
             {"steps", workload.steps},
             {"matrix_flops_all_ranks", flops}};
    out["group_classes"] = Json::array();
    for (const auto& entry : workload.group_classes)
      out["group_classes"].push_back({{"name", entry.name},
                                      {"groups", entry.groups.size()},
                                      {"ranks", entry.groups.empty() ? 0 : entry.groups.front().ranks.size()},
                                      {"first", first_ranks(entry)}});
    out["graphs"] = Json::array();
    for (std::size_t g = 0; g < summaries.size(); ++g)
      out["graphs"].push_back(to_json(summaries[g], workload.graphs[g], workload));
    out["rank_table"] = ranks_json(workload, summaries);
    return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::string text =
      fmt::format("{} ranks, {} graphs, {} group classes, {} steps, {} matrix FLOP in all ranks and one step\n",
                  workload.ranks(), workload.graphs.size(), workload.group_classes.size(), workload.steps, flops);
  text += classes_text(workload);
  const Alike alike(summaries, workload);
  for (std::size_t g = 0; g < summaries.size(); ++g) {
    if (alike.first[g] != g) continue;
    text += heading(summaries[g], workload.graphs[g], g) + alike.texts[g];
    const std::string others = alike.others(g);
    if (!others.empty()) text += fmt::format("  the same holds of graph {}\n", others);
  }
  return text + ranks_text(workload, summaries, alike);
}

}  // namespace dojo::workload

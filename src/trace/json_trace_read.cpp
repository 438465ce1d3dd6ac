// SPDX-License-Identifier: Apache-2.0
// Top level of the own trace format: ranks, group classes, graphs.
#include <fmt/format.h>

#include <limits>
#include <unordered_map>
#include <utility>

#include "trace/json_object.h"
#include "trace/json_trace.h"
#include "trace/json_trace_graph.h"

namespace dojo::workload {
namespace {

constexpr std::int64_t kMostRanks = 10000000;

Group read_group(const LocatedJson& value, const std::string& file, const std::string& path, RankId ranks,
                 Findings& findings) {
  JsonObject object(value, file, path, findings);
  Group group;
  object.text("name", group.name, true);
  if (const LocatedJson* list = object.take_list("ranks", true)) {
    if (list->items.empty())
      object.report(*list, "ranks", "found no rank, expected at least one; add ranks or remove the group");
    for (const LocatedJson& rank : list->items) {
      if (rank.type != LocatedJson::Type::kInteger || rank.integer < 0 ||
          rank.integer >= static_cast<std::int64_t>(ranks)) {
        object.report(rank, "ranks",
                      fmt::format("found {}, expected a rank from 0 to {}; correct it", describe_value(rank),
                                  static_cast<std::int64_t>(ranks) - 1));
        continue;
      }
      group.ranks.push_back(static_cast<RankId>(rank.integer));
    }
  }
  object.finish();
  return group;
}

void read_group_classes(JsonObject& top, const std::string& file, Workload& workload,
                        std::unordered_map<std::string, std::uint32_t>& classes, Findings& findings) {
  classes.emplace("all", 0);
  const LocatedJson* list = top.take_list("group_classes", false);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const std::string path = fmt::format("/group_classes/{}", i);
    JsonObject object(list->items[i], file, path, findings);
    Workload::GroupClass made;
    object.text("name", made.name, true);
    if (const LocatedJson* groups = object.take_list("groups", true)) {
      for (std::size_t g = 0; g < groups->items.size(); ++g) {
        made.groups.push_back(
            read_group(groups->items[g], file, fmt::format("{}/groups/{}", path, g), workload.ranks(), findings));
      }
    }
    object.finish();
    if (!classes.emplace(made.name, static_cast<std::uint32_t>(workload.group_classes.size())).second) {
      object.report(list->items[i], "name",
                    fmt::format("found '{}' a second time, expected each class once ('all' is always there); rename it",
                                made.name));
    }
    workload.group_classes.push_back(std::move(made));
  }
}

struct Run {  ///< `ranks` consecutive ranks that run `graph`
  std::int64_t graph = 0, ranks = 1;
  std::uint32_t line = 0;
};

std::vector<Run> read_ranks(JsonObject& top, const std::string& file, Findings& findings) {
  std::vector<Run> runs;
  const LocatedJson* list = top.take_list("ranks", true);
  if (list == nullptr) return runs;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    JsonObject object(list->items[i], file, fmt::format("/ranks/{}", i), findings);
    Run run;
    run.line = list->items[i].line;
    object.integer("graph", run.graph, 0, std::numeric_limits<std::int32_t>::max(), true);
    object.integer("ranks", run.ranks, 1, kMostRanks, true);
    object.finish();
    sum += run.ranks;
    runs.push_back(run);
  }
  if (sum < 1 || sum > kMostRanks) {
    top.report(*list, "ranks", fmt::format("found {} ranks, expected 1 to {}; correct the list", sum, kMostRanks));
    runs.clear();
  }
  return runs;
}

bool names_a_part(const LocatedJson& json) {
  if (json.type != LocatedJson::Type::kObject) return true;  // told apart by the reader
  for (const char* key : {"format", "ranks", "graphs"})
    if (json.find(key) != nullptr) return true;
  return false;
}

}  // namespace

Workload parse_json_trace(const std::string& text, const std::string& file, Findings& findings) {
  Workload workload;
  LocatedJson json;
  if (!parse_located_json(text, file, json, findings)) return workload;
  if (!names_a_part(json)) {  // another program's file: one sentence, not one for each of its keys
    findings.add(
        "{}: found JSON without \"format\", \"ranks\" and \"graphs\", and without the keys of another known trace "
        "(traceEvents, nodes, workload_graph), expected a {} trace; see `dojosim list formats`",
        file, kTraceFormat);
    return workload;
  }
  JsonObject top(json, file, "", findings);
  std::string format;
  if (top.text("format", format, true) && format != kTraceFormat) {
    top.report(*top.take("format"), "format",
               fmt::format("found '{}', expected '{}'; convert the trace with a program of that version", format,
                           kTraceFormat));
    return workload;
  }
  top.integer("steps", workload.steps, 1, 64);
  const std::vector<Run> runs = read_ranks(top, file, findings);
  for (const Run& run : runs) {
    workload.graph_of_rank.insert(workload.graph_of_rank.end(), static_cast<std::size_t>(run.ranks),
                                  static_cast<std::uint32_t>(run.graph));
  }
  workload.group_classes.push_back(all_ranks_class(workload.ranks()));
  std::unordered_map<std::string, std::uint32_t> classes;
  read_group_classes(top, file, workload, classes, findings);
  if (const LocatedJson* graphs = top.take_list("graphs", true)) {
    if (graphs->items.empty()) top.report(*graphs, "graphs", "found no graph, expected at least one; add it");
    for (std::size_t i = 0; i < graphs->items.size(); ++i) {
      workload.graphs.push_back(
          JsonGraphReader(file, classes, findings).read(graphs->items[i], fmt::format("/graphs/{}", i)));
    }
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].graph < static_cast<std::int64_t>(workload.graphs.size())) continue;
    findings.add("{}:{}: /ranks/{}/graph: found {}, expected an index of graphs, 0 to {}; correct it", file,
                 runs[i].line, i, runs[i].graph, static_cast<std::int64_t>(workload.graphs.size()) - 1);
  }
  top.finish();
  return workload;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// `dojosim list ...`: everything that has a name, with unit, default and source.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/collectives/collectives.h"
#include "dojo/config/config.h"
#include "dojo/report/report.h"
#include "dojo/run/workload_source.h"
#include "dojo/trace/trace.h"

namespace dojo::cli {
namespace {

/// Parses the only thing these commands may have: --help.
bool wanted(const char* what, const char* sentence, const Arguments& arguments) {
  Options options(fmt::format("list {}", what), sentence, fmt::format("dojosim list {}", what));
  return options.parse(arguments);
}

int params(const Arguments& arguments) {
  if (!wanted("params", "Every key of a run config: default, unit, range, source, what it means (Markdown).",
              arguments))
    return 0;
  fmt::print("{}", config::parameters_markdown());
  return 0;
}

int counters(const Arguments& arguments) {
  if (!wanted("counters", "Every key of report.json and the counters of a module: unit, meaning (Markdown).",
              arguments))
    return 0;
  fmt::print("{}", report::counters_markdown());
  return 0;
}

int collectives(const Arguments& arguments) {
  if (!wanted("collectives", "Collective operations, and the algorithms that carry them out.", arguments)) return 0;
  fmt::print("operations:");
  for (const workload::OpKind kind : workload::kinds_of(workload::OpFamily::kCollective))
    fmt::print(" {}", workload::op_kind_name(kind));
  fmt::print("\nalgorithms (workload.collective_algorithm; empty = the cheapest by the cost model):\n");
  for (const workload::CollectiveAlgorithm& algorithm : workload::collective_algorithms()) {
    fmt::print("  {:<10} {}\n", algorithm.name(), algorithm.sentence());
  }
  return 0;
}

int patterns(const Arguments& arguments) {
  if (!wanted("patterns", "Patterns of synthetic traffic.", arguments)) return 0;
  for (const auto& entry : traffic::kPatternTexts) fmt::print("  {:<10} {}\n", entry.text, entry.sentence);
  return 0;
}

int models(const Arguments& arguments) {
  if (!wanted("models", "Models of network and cores, and workloads that the program makes itself.", arguments))
    return 0;
  fmt::print("network (run.network_model):\n");
  for (const auto& entry : enum_entries(fabric::NetworkModel{}))
    fmt::print("  {:<10} {}\n", entry.text, entry.sentence);
  fmt::print("cores (run.node_model):\n");
  for (const auto& entry : enum_entries(node::NodeModel{})) fmt::print("  {:<10} {}\n", entry.text, entry.sentence);
  fmt::print("workloads (workload.generate.model): {}\n", fmt::join(run::generator_names(), " "));
  return 0;
}

int formats(const Arguments& arguments) {
  if (!wanted("formats", "Trace formats that are read; the format is detected from the content.", arguments)) return 0;
  for (const workload::TraceFormat& format : workload::trace_formats())
    fmt::print("  {:<12} {}\n", format.name, format.sentence);
  return 0;
}

}  // namespace

int list_command(const Arguments& arguments) {
  static const std::vector<Command> table{{"params", "keys of a run config", params},
                                          {"counters", "keys of a report and counters of a module", counters},
                                          {"collectives", "collective operations and algorithms", collectives},
                                          {"patterns", "synthetic traffic", patterns},
                                          {"models", "models of network and cores, generated workloads", models},
                                          {"formats", "trace formats", formats}};
  return dispatch("list", table, arguments);
}

}  // namespace dojo::cli

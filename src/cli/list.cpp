// SPDX-License-Identifier: Apache-2.0
// `dojosim list ...`: everything that has a name, with unit, default and source.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/collectives/collectives.h"
#include "dojo/config/config.h"
#include "dojo/config/hardware.h"
#include "dojo/report/report.h"
#include "dojo/run/workload_source.h"
#include "dojo/trace/trace.h"
#include "json_answer.h"
#include "plugin_option.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

struct Named {
  std::string kind, name, sentence;
};

/// The answer, or nothing for --help; as text or as JSON.
class Answer {
 public:
  Answer(const char* what, const char* sentence, const Arguments& arguments)
      : options_(fmt::format("list {}", what), sentence, fmt::format("dojosim list {}", what)) {
    options_.options()("json", "print JSON instead of text");
    add_plugin_option(options_);
    wanted_ = options_.parse(arguments);
    if (wanted_) load_plugins(options_, plugins_);
  }
  [[nodiscard]] bool wanted() const { return wanted_; }
  [[nodiscard]] bool as_json() const { return options_.has("json"); }
  [[nodiscard]] const run::Plugins& plugins() const { return plugins_; }
  void print_json(const std::vector<Named>& rows) const {
    std::string text;
    for (const Named& row : rows) {
      text += fmt::format("{}\n {{\"kind\": {}, \"name\": {}, \"sentence\": {}}}", text.empty() ? "[" : ",",
                          json_text(row.kind), json_text(row.name), json_text(row.sentence));
    }
    put(text.empty() ? "[]\n" : text + "\n]\n");
  }

 private:
  Options options_;
  run::Plugins plugins_;
  bool wanted_ = false;
};

std::string with_origin(const std::string& sentence, const std::string& origin) {
  return sentence.empty() ? origin : fmt::format("{} ({})", sentence, origin);
}

int params(const Arguments& arguments) {
  const Answer answer("params", "Every key of a run config: default, unit, range, source, what it means (Markdown).",
                      arguments);
  if (answer.wanted()) put(answer.as_json() ? config::parameters_json() : config::parameters_markdown());
  return 0;
}

int counters(const Arguments& arguments) {
  const Answer answer("counters", "Every key of report.json and the counters of a module: unit, meaning (Markdown).",
                      arguments);
  if (answer.wanted()) put(answer.as_json() ? report::counters_json() : report::counters_markdown());
  return 0;
}

int collectives(const Arguments& arguments) {
  const Answer answer("collectives", "Collective operations, and the algorithms that carry them out.", arguments);
  if (!answer.wanted()) return 0;
  const auto kinds = workload::kinds_of(workload::OpFamily::kCollective);
  if (answer.as_json()) {
    std::vector<Named> rows;
    rows.reserve(kinds.size() + workload::collective_algorithms().size());
    for (const workload::OpKind kind : kinds) rows.push_back({"operation", workload::op_kind_name(kind), ""});
    for (const workload::CollectiveAlgorithm& algorithm : workload::collective_algorithms())
      rows.push_back({"algorithm", std::string(algorithm.name()), std::string(algorithm.sentence())});
    for (const workload::OwnCollective* own : workload::own_collectives())
      rows.push_back({"algorithm", own->name, with_origin(own->sentence, own->origin)});
    answer.print_json(rows);
    return 0;
  }
  fmt::print("operations:");
  for (const workload::OpKind kind : kinds) fmt::print(" {}", workload::op_kind_name(kind));
  fmt::print("\nalgorithms (workload.collective_algorithm; empty = the cheapest by the cost model):\n");
  for (const workload::CollectiveAlgorithm& algorithm : workload::collective_algorithms()) {
    fmt::print("  {:<10} {}\n", algorithm.name(), algorithm.sentence());
  }
  for (const workload::OwnCollective* own : workload::own_collectives())
    fmt::print("  {:<10} {}\n", own->name, with_origin(own->sentence, own->origin));
  return 0;
}

template <class Entries>
void add_words(std::vector<Named>& rows, const char* kind, const Entries& entries) {
  for (const auto& entry : entries) rows.push_back({kind, std::string(entry.text), std::string(entry.sentence)});
}

int patterns(const Arguments& arguments) {
  const Answer answer("patterns", "Patterns of synthetic traffic.", arguments);
  if (!answer.wanted()) return 0;
  if (answer.as_json()) {
    std::vector<Named> rows;
    add_words(rows, "pattern", traffic::kPatternTexts);
    answer.print_json(rows);
    return 0;
  }
  for (const auto& entry : traffic::kPatternTexts) fmt::print("  {:<10} {}\n", entry.text, entry.sentence);
  return 0;
}

int models(const Arguments& arguments) {
  const Answer answer("models", "Models of network and cores, and workloads that the program makes itself.", arguments);
  if (!answer.wanted()) return 0;
  if (answer.as_json()) {
    std::vector<Named> rows;
    add_words(rows, "network", enum_entries(fabric::NetworkModel{}));
    add_words(rows, "cores", enum_entries(node::NodeModel{}));
    for (const std::string& name : run::generator_names()) rows.push_back({"workload", name, ""});
    answer.print_json(rows);
    return 0;
  }
  fmt::print("network (run.network_model):\n");
  for (const auto& entry : enum_entries(fabric::NetworkModel{}))
    fmt::print("  {:<10} {}\n", entry.text, entry.sentence);
  fmt::print("cores (run.node_model):\n");
  for (const auto& entry : enum_entries(node::NodeModel{})) fmt::print("  {:<10} {}\n", entry.text, entry.sentence);
  fmt::print("workloads (workload.generate.model): {}\n", fmt::join(run::generator_names(), " "));
  return 0;
}

int formats(const Arguments& arguments) {
  const Answer answer("formats", "Trace formats that are read; the format is detected from the content.", arguments);
  if (!answer.wanted()) return 0;
  if (answer.as_json()) {
    std::vector<Named> rows;
    for (const workload::TraceFormat& format : workload::trace_formats())
      rows.push_back({"format", std::string(format.name), std::string(format.sentence)});
    for (const workload::OwnReader& own : workload::own_readers())
      rows.push_back({"format", own.name, with_origin(own.sentence, own.origin)});
    answer.print_json(rows);
    return 0;
  }
  for (const workload::TraceFormat& format : workload::trace_formats())
    fmt::print("  {:<12} {}\n", format.name, format.sentence);
  for (const workload::OwnReader& own : workload::own_readers())
    fmt::print("  {:<12} {}\n", own.name, with_origin(own.sentence, own.origin));
  return 0;
}

int plugins(const Arguments& arguments) {
  const Answer answer("plugins", "What plug-ins add: give each with --plugin FILE.so.", arguments);
  if (!answer.wanted()) return 0;
  std::vector<Named> rows;
  for (const std::string& name : answer.plugins().cores().names())
    if (name != config::RunParams{}.detailed_core) rows.push_back({"core", name, "for run.detailed_core"});
  for (const workload::OwnCollective* own : workload::own_collectives())
    rows.push_back({"collective", own->name, with_origin(own->sentence, own->origin)});
  for (const workload::OwnOperation* own : workload::own_operations())
    rows.push_back({"operation", own->name, with_origin(own->sentence, own->origin)});
  for (const workload::OwnReader& own : workload::own_readers())
    rows.push_back({"format", own.name, with_origin(own.sentence, own.origin)});
  if (answer.as_json()) {
    answer.print_json(rows);
    return 0;
  }
  for (const Named& row : rows) fmt::print("  {:<10} {:<16} {}\n", row.kind, row.name, row.sentence);
  if (rows.empty()) fmt::print("nothing: give plug-ins with --plugin FILE.so\n");
  return 0;
}

}  // namespace

int list_command(const Arguments& arguments) {
  static const std::vector<Command> table{{"params", "keys of a run config", params},
                                          {"counters", "keys of a report and counters of a module", counters},
                                          {"collectives", "collective operations and algorithms", collectives},
                                          {"patterns", "synthetic traffic", patterns},
                                          {"models", "models of network and cores, generated workloads", models},
                                          {"formats", "trace formats", formats},
                                          {"plugins", "what plug-ins add", plugins}};
  return dispatch("list", table, arguments);
}

}  // namespace dojo::cli

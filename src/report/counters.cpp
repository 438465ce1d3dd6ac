// SPDX-License-Identifier: Apache-2.0
// docs/counters.md: every figure of a report and every counter of a module. There is no list of them: a small report
// is written, in which every section has something to say, and its figures tell their lines.
#include "dojo/audit/audit.h"
#include "dojo/machine/machine.h"
#include "report/net_results.h"
#include "report/value.h"

namespace dojo::report {
namespace {

struct Example {
  config::RunConfig config;
  topology::Topology topology;
  workload::Workload workload;
  workload::Job job;
  machine::Results results;
  NetRun net;

  static topology::MachineParams two_dies() {
    topology::MachineParams m;
    m.level = topology::Level::kTile;
    m.tile.dies = {1, 2};
    return m;
  }
  Cycles ideal_cycles = 1;
  audit::Result audit;
  Trail trail;
  failures::Result failures;
  std::vector<TurnedNumber> sensitivity{{"machine.noc.buffer_packets_per_vc", 4, 3, 5, 0, 0}};
  Example() : topology(two_dies()) {
    config.machine = two_dies();
    config.workload.generate.repeat_microbatches = true;
    workload::Graph graph;
    graph.ops.resize(1);
    graph.strings = {"", "an operation"};
    graph.ops[0].name = 1;
    workload.graphs = {graph};
    results.ops.resize(1);
    results.collectives.resize(1);
    results.links.resize(1);
    results.zplane.messages = 1;
    results.detailed_nodes = 1;
    net.ways.emplace();
    net.curve.resize(1);
    audit.samples.resize(1);
    failures.intervals.resize(1);
    trail.ranks = 1;
    trail.end = 1;
    trail.operations = {{{1, 0, 0, 0, 0, 0}}};
    trail.path = {{0, 0, 0, PathStep::Part::kCore, 0, 1}};
  }
};

/// Counters of a module have the names that its struct gives them.
template <class Counters>
void add_module(std::vector<FigureLine>& lines, const std::string& module) {
  const Counters none{};
  Counters::fields(none,
                   [&](const char* name, const auto&, auto, const char* unit, const char* sentence, const auto&...) {
                     lines.push_back({module + "." + name, unit, std::string("module: ") + sentence});
                   });
}

/// Section by section, as the report has them.
std::vector<FigureLine> in_order(const Json& report, const std::vector<FigureLine>& lines) {
  std::vector<FigureLine> ordered;
  for (const auto& [section, value] : report.items()) {
    for (const FigureLine& line : lines) {
      if (line.key.substr(0, line.key.find_first_of(".[")) == section) ordered.push_back(line);
    }
  }
  return ordered;
}

}  // namespace

std::vector<FigureLine> figure_lines() {
  const Example example;
  std::vector<FigureLine> lines;
  Json report;
  Figures out(report, "", &lines);
  add_figures(out, report,
              {example.config, example.topology, example.workload, example.job, example.results, example.ideal_cycles,
               &example.audit, &example.trail, nullptr, nullptr, config::Purpose::kRun, &example.failures,
               &example.sensitivity});
  Json net;
  Figures of_net(net, "net.", &lines);
  add_net_figures(of_net, {example.config, example.topology, example.net});
  report["net"] = std::move(net);
  return in_order(report, lines);
}

std::vector<FigureLine> module_lines() {
  std::vector<FigureLine> lines;
  add_module<machine::CoreCounters>(lines, "core");
  add_module<fabric::PortUse>(lines, "sram");
  add_module<machine::LinkCounters>(lines, "router.router_links[]");
  for (const char* part : {"dip.hbm", "dip.pcie", "dip.ethernet", "dip.ttp"})
    add_module<machine::LinkCounters>(lines, part);
  return lines;
}

std::string counters_markdown() {
  std::string text =
      "# Counters and figures\n\n"
      "Made by `dojosim list counters`; a test holds this page and the program together. A key with a point is a path\n"
      "in `report.json`; `[]` stands for each row of a list. Keys below `net` are in reports of `dojosim net` alone.\n"
      "The last rows are the counters of a SystemC module. How some of the figures are worked out:\n"
      "[report.md](report.md).\n\n"
      "| key | unit | meaning |\n|---|---|---|\n";
  for (const auto& lines : {figure_lines(), module_lines()}) {
    for (const FigureLine& line : lines) text += "| `" + line.key + "` | " + line.unit + " | " + line.sentence + " |\n";
  }
  return text;
}

std::string counters_json() {
  Json all = Json::array();
  for (const auto& lines : {figure_lines(), module_lines()}) {
    for (const FigureLine& line : lines)
      all.push_back({{"key", line.key}, {"unit", line.unit}, {"sentence", line.sentence}});
  }
  return dump(all);
}

}  // namespace dojo::report

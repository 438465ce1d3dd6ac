// SPDX-License-Identifier: Apache-2.0
// `dojosim list counters` names all that a report has and nothing else; every counter reaches report.json and the
// digest.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "dojo/base/error.h"
#include "report/digest.h"
#include "report/figures.h"
#include "report/value.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

TEST(Schemas, OfThisModuleAreCurrent) {
  for (const char* kind : {"sweep", "rules", "report"}) {
    const std::string file = std::string(DOJO_SOURCE_DIR "/configs/schema/") + kind + ".schema.json";
    if (std::getenv("DOJO_WRITE_SCHEMAS") != nullptr) std::ofstream(file) << json_schema(kind);
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    EXPECT_TRUE(text == json_schema(kind)) << file << " is old; DOJO_WRITE_SCHEMAS=1 ctest -R Schemas writes it";
  }
  EXPECT_THROW((void)json_schema("swep"), Error);
}

std::set<std::string> listed() {
  std::set<std::string> keys;
  for (const FigureLine& line : figure_lines()) {
    EXPECT_TRUE(keys.insert(line.key).second) << line.key << " has two lines";
    EXPECT_FALSE(line.sentence.empty()) << line.key;
  }
  return keys;
}

/// Keys of `json` as they are listed; below a listed key nobody looks.
void collect_keys(const Json& json, const std::string& path, const std::set<std::string>& known,
                  std::set<std::string>& found) {
  if (known.count(path) != 0) {
    found.insert(path);
  } else if (json.is_array()) {
    for (const Json& row : json) collect_keys(row, path + "[]", known, found);
  } else if (json.is_object() && !path.empty() && path == "links.classes") {
    for (const auto& [name, of_class] : json.items()) collect_keys(of_class, path + ".<class>", known, found);
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items())
      collect_keys(value, path.empty() ? key : path + "." + key, known, found);
  } else {
    found.insert(path);
  }
}

TEST(ListCounters, NamesWhatAReportHas) {
  SyntheticRun run;
  run.results.zplane.messages = 1;
  run.results.detailed_nodes = 1;
  run.config.workload.trace.clear();
  run.config.workload.generate.repeat_microbatches = true;
  run.config.workload.generate.microbatches = 8;
  run.config.workload.generate.pipeline = 2;
  const std::set<std::string> known = listed();
  std::set<std::string> found;
  RunContext context = run.context();
  context.ideal_cycles = 1;
  audit::Result audit;
  audit.samples.resize(1);
  audit.left_out = {"nothing"};
  context.audit = &audit;
  run.config.changed = {{"machine.noc.hop_cycles", "1", "2"}};
  Trail trail;
  trail.ranks = 1;
  trail.end = 1;
  trail.operations = {{{1, 0, 0, 0, 0, 0}, {}}};
  trail.path = {{0, 0, 0, PathStep::Part::kCore, 0, 1}};
  context.trail = &trail;
  failures::Result failures;
  failures.intervals.resize(1);
  context.failures = &failures;
  const std::vector<TurnedNumber> sensitivity(1);
  context.sensitivity = &sensitivity;
  collect_keys(report_value(context), "", known, found);
  std::set<std::string> expected;
  for (const std::string& key : known) {
    if (key.rfind("net.", 0) != 0) expected.insert(key);
  }
  for (const std::string& key : expected) EXPECT_EQ(found.count(key), 1u) << key << " is listed, and not in the report";
  for (const std::string& key : found) EXPECT_EQ(expected.count(key), 1u) << key << " is in the report, and not listed";
}

TEST(ListCounters, PageIsCurrent) {
  const std::string file = std::string(DOJO_SOURCE_DIR) + "/docs/counters.md";
  std::ifstream in(file, std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(page == counters_markdown()) << "write `dojosim list counters` to docs/counters.md";
}

TEST(ListCounters, NamesEveryCounterOfAModule) {
  std::set<std::string> keys;
  for (const FigureLine& line : module_lines()) keys.insert(line.key);
  for (const char* key :
       {"core.busy_cycles", "sram.bytes_injected", "router.router_links[].busy_units", "dip.ttp.bytes"})
    EXPECT_EQ(keys.count(key), 1u) << key;
}

/// `place(results)` gives the struct of that type inside Results.
template <class Counters, class Place>
void expect_in_the_report(const std::string& section, Place&& place) {
  for (std::size_t i = 0; i < schema::counter_count<Counters>(); ++i) {
    SyntheticRun run;
    run.results.zplane.messages = 1;
    const std::string before = digest(run.context());
    std::string key, name;
    std::size_t next = 0;
    Counters::fields(place(run.results),
                     [&](const char* of, auto& counter, auto, const char*, const char*, const auto&... as) {
                       if (next++ != i) return;
                       counter = 4711;
                       name = of;
                       key = schema::report_key(section, of, as...);
                     });
    EXPECT_NE(digest(run.context()), before) << name;
    if (key.empty()) continue;
    std::replace(key.begin(), key.end(), '.', '/');
    const Json report = report_value(run.context());
    EXPECT_EQ(report.at(Json::json_pointer("/" + key)), 4711) << name;
  }
}

TEST(Report, ShowsEveryCounterAndItsDigestCoversIt) {
  using namespace machine;
  expect_in_the_report<RunCounters>("counters", [](Results& r) -> RunCounters& { return r; });
  expect_in_the_report<PlanTotals>("counters", [](Results& r) -> PlanTotals& { return r; });
  expect_in_the_report<CoreCounters>("cores", [](Results& r) -> CoreCounters& { return r.cores; });
  expect_in_the_report<fabric::LinkUse>("links.noc", [](Results& r) -> fabric::LinkUse& { return r.noc; });
  expect_in_the_report<fabric::PortUse>("ports", [](Results& r) -> fabric::PortUse& { return r.ports; });
  expect_in_the_report<ZplaneTotals>("zplane", [](Results& r) -> ZplaneTotals& { return r.zplane; });
  expect_in_the_report<LatencyCounters>("latency.packets", [](Results& r) -> LatencyCounters& { return r.packets; });
  expect_in_the_report<LinkCounters>("links.classes.noc",
                                     [](Results& r) -> LinkCounters& { return r.classes[0].counters; });
  expect_in_the_report<OpCounters>("latency.ops.0", [](Results& r) -> OpCounters& { return r.ops[0]; });
  expect_in_the_report<Executions>("latency.collectives.0", [](Results& r) -> Executions& { return r.collectives[0]; });
}

TEST(Report, GivesEveryClassOfNodeCyclesItsSecondsAndItsShare) {
  SyntheticRun run;
  run.results.breakdown = {};
  machine::Breakdown::fields(run.results.breakdown, [&](const char* name, std::uint64_t& cycles, const auto&...) {
    cycles = 708ull * 2000000000;
    const Json breakdown = report_value(run.context())["breakdown"];
    EXPECT_EQ(breakdown.at(std::string(name) + "_s"), 1.0);
    EXPECT_EQ(breakdown.at("fractions").at(name), 1.0);
    cycles = 0;
  });
}

}  // namespace
}  // namespace dojo::report

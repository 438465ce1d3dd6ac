// SPDX-License-Identifier: Apache-2.0
// What `if_free` says that an ideal part of the machine would gain, against runs on a machine that has that part: once
// as `--if-free` simulates it with the plans of the real machine, once as it is estimated without.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "dojo/report/report.h"
#include "dojo/run/run.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using nlohmann::json;

struct Job {
  const char* id;
  const char* what;
  RunRequest request;
};

/// As src/run/if_free.cpp makes the parts ideal; cores have no machine file that does.
std::vector<std::pair<std::string, std::vector<std::string>>> ideal_machines(const topology::MachineParams& m) {
  const auto set = [](const char* key, double value) { return fmt::format("machine.{}={:.17g}", key, value); };
  std::vector<std::pair<std::string, std::vector<std::string>>> all{
      {"noc", {"machine.noc.link_bytes_per_cycle=64000"}},
      {"ports", {"machine.node.noc_read_ports=4", "machine.node.noc_write_ports=4"}},
      {"memory", {set("dip.hbm_bytes_per_s", m.dip.hbm_bytes_per_s * 1000), "machine.dip.hbm_latency_ns=0"}},
      {"samples",
       {set("dip.pcie_bytes_per_s", m.dip.pcie_bytes_per_s * 1000),
        set("dip.ethernet_bytes_per_s", m.dip.ethernet_bytes_per_s * 1000), "machine.dip.pcie_latency_ns=0",
        "machine.dip.ethernet_latency_ns=0"}}};
  std::vector<std::string> edges{set("die.edge_bytes_per_s", m.die.edge_bytes_per_s * 1000),
                                 set("dip.ttp_bytes_per_s", m.dip.ttp_bytes_per_s * 1000)};
  if (m.level == topology::Level::kTile) {
    edges.push_back(set("tile.die_edge_out_bytes_per_s", m.tile.die_edge_out_bytes_per_s * 1000));
    all.push_back({"crossings",
                   {set("die.crossing_ns", m.die.crossing_ns / 10), "machine.die.crossing_buffer_bytes=403200",
                    set("dip.ttp_link_ns", m.dip.ttp_link_ns / 10)}});
  }
  all.push_back({"edges", edges});
  return all;
}

json report_of(const RunRequest& request) {
  const run::RunOutcome outcome = run::run(load(request));
  return json::parse(report::report_json(outcome.context()));
}

std::map<std::string, json> rows_of(const json& report) {
  std::map<std::string, json> rows;
  for (const json& row : report.at("if_free")) rows[row.at("part").get<std::string>()] = row;
  return rows;
}

/// What is told to be within 2 % of the step; what is not, is a known gap of the size in the row.
void compare(const Job& job, const std::vector<std::string>& gaps) {
  RunRequest request = job.request;
  request.set.push_back("run.audit_tasks=0");
  request.set.push_back("run.if_free=true");
  const json report = report_of(request);
  request.set.back() = "run.if_free=false";
  const double step = report.at("time").at("cycles").get<double>(), seconds = report.at("time").at("seconds");
  const auto is_gap = [&](const std::string& id) { return std::find(gaps.begin(), gaps.end(), id) != gaps.end(); };
  const auto judge_gain = [&](const std::string& id, const std::string& what, const char* against, double told,
                              double real) {
    judge({id, what, fmt::format("1 + (gain - gain {}) / step", against), "x", 0.98, 1.02, is_gap(id)}, 1,
          1 + told - real);
  };
  const std::map<std::string, json> rows = rows_of(report);
  for (const auto& [part, set] : ideal_machines(load(request).machine)) {
    const auto row = rows.find(part);
    ASSERT_NE(row, rows.end()) << part;
    ASSERT_EQ(row->second.at("method"), "simulated");
    RunRequest ideal = request;
    ideal.set.insert(ideal.set.end(), set.begin(), set.end());
    const JobRun ran = run(ideal);
    ASSERT_TRUE(ran.results.finished);
    judge_gain(fmt::format("if_free_{}_{}", job.id, part),
               fmt::format("{}: gain of ideal {}, simulated", job.what, part), "of a run on that machine",
               row->second.at("gain").get<double>(), 1 - static_cast<double>(ran.results.end_cycle) / step);
  }
  for (const char* part : {"core", "noc"}) EXPECT_EQ(rows.count(part), 1u) << part;
  for (const auto& [part, row] : rows) {
    if (part == "ports" || part == "crossings") continue;  // have no estimate
    judge_gain(fmt::format("if_free_estimate_{}_{}", job.id, part),
               fmt::format("{}: gain of ideal {}, estimated", job.what, part), "simulated",
               row.at("estimated_gain_s").get<double>() / seconds, row.at("gain").get<double>());
  }
}

TEST(IfFree, AgreesWithRunsOnIdealMachinesForATile) {
  compare({"tile", "ResNet-50 on a tile", {"configs/runs/resnet50_tile.json", "", "", {}, {}}}, {});
}

TEST(IfFree, AgreesWithRunsOnIdealMachinesForADie) {
  compare({"die",
           "ResNet-50 with 4 images on a die",
           {"configs/runs/resnet50_die.json", "", "", {"workload.generate.batch=4"}, {}}},
          {});
}

TEST(IfFree, AgreesWithRunsOnIdealMachinesForATransformerBlock) {
  compare({"block",
           "a block of GPT-2 124M on a die",
           {"", "configs/machines/die.json", "configs/workloads/gpt_layer.json", {}, {}}},
          {"if_free_estimate_block_noc"});
}

}  // namespace
}  // namespace dojo::test

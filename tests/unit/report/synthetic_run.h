// SPDX-License-Identifier: Apache-2.0
// A run with round figures for the report's tests: two dies, two ranks, one convolution and one all-reduce.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "dojo/report/report.h"

namespace dojo::report {

struct SyntheticRun {
  config::RunConfig config;
  topology::Topology topology;
  workload::Workload workload;
  workload::Job job;
  machine::Results results;

  static topology::MachineParams tile() {
    topology::MachineParams m;
    m.name = "small tile";
    m.level = topology::Level::kTile;
    m.tile.dies = {1, 2};
    return m;
  }

  SyntheticRun() : topology(tile()) {
    config.machine = tile();
    config.input_sha256 = {{"tile.json", std::string(64, 'a')}, {"run.json", std::string(64, 'b')}};
    add_workload();
    add_results();
  }
  [[nodiscard]] RunContext context() const { return {config, topology, workload, job, results}; }

 private:
  void add_workload() {
    workload::Graph graph;
    graph.strings = {"", "conv \"1\", <first>", "grad & sum"};
    workload::Op conv;
    conv.name = 1;
    conv.kind = workload::OpKind::kConv;
    conv.phase = workload::Phase::kForward;
    workload::Op reduce;
    reduce.name = 2;
    reduce.kind = workload::OpKind::kAllReduce;
    reduce.bytes = 1000000;
    graph.ops = {conv, reduce};
    workload.graphs = {graph};
    workload.graph_of_rank = {0, 0};
    workload.steps = 3;
    job.programs.resize(1);
    job.programs[0].samples_per_step = 4;
    job.program_of_rank = {0, 0};
  }
  void add_results() {
    machine::Results& r = results;
    r.end_cycle = 4000000;  // 2 ms at 2 GHz
    r.finished = true;
    r.cores.matrix_flops = r.flops_planned = r.flops_by[0] = 1000000000000;
    r.nodes_used = 708;
    const std::uint64_t node_cycles = 708ull * 4000000;
    r.breakdown = {node_cycles / 2, node_cycles / 4, node_cycles / 8, node_cycles / 16, node_cycles / 16};
    r.step_end = {2000000, 3000000, 4000000};
    for (Cycles c = 1; c <= 100; ++c) r.packets.add(c, 10);
    const auto edge = static_cast<std::size_t>(topology::LinkClass::kDieToDie);
    r.classes[edge] = {2,
                       4.032e12,
                       {2016000, 2ull * 1000000 * machine::kBusyUnitsPerCycle, 500, 100},
                       1500000 * machine::kBusyUnitsPerCycle};
    r.links.push_back({"tile.die[0].edge.east",
                       topology::LinkClass::kDieToDie,
                       1,
                       2.016e12,
                       {1512000, 1500000 * machine::kBusyUnitsPerCycle, 400, 50},
                       1500000 * machine::kBusyUnitsPerCycle});
    r.links.push_back({"tile.die[1].edge.west",
                       topology::LinkClass::kDieToDie,
                       1,
                       2.016e12,
                       {504000, 500000 * machine::kBusyUnitsPerCycle, 100, 50},
                       500000 * machine::kBusyUnitsPerCycle});
    r.ops.push_back({{{6, 6000000, 900000, 1100000}, 10, 3000000, 1000000000000}, 0, 0});
    r.collectives.push_back({{6, 1200000, 150000, 250000}, 0, 1, "ring", 2, 1000000, 1e-4});
    r.sram_peak_bytes_max = 1000000;
    r.digest = 12345;
    r.die_core_utilisation = {0.25, 0.75};
    r.die_noc_utilisation = {0.1, 0.2};
    r.die_edge_utilisation = {0.375, -1, -1, -1, -1, 0.125, -1, -1};
    r.approximations = {"samples arrive one by one"};
    r.wall_s = 1.5;
    r.events = 1000;
    r.simulation_s = 0.5;
  }
};

/// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("dojosim-") + test->test_suite_name() + "-" + test->name() + "-" + std::to_string(::getpid()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string path() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::filesystem::path path_;
};

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// The use of links over time is worked out from plans. Before it is scaled, its sum over a job is near to the bytes
// that the links of each class counted.
#include <gtest/gtest.h>

#include "dojo/run/run.h"
#include "report/energy_counts.h"
#include "report/use_over_time.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::LinkClass;

struct Sum {
  const char* name;
  LinkClass of;
  double low, high;
};

void compare(const std::string& id, const std::string& what, const RunRequest& request, const std::vector<Sum>& sums) {
  const run::Prepared prepared = run::prepare(load(request));
  machine::MachineSettings settings = run::machine_settings(prepared.config->run);
  settings.threads = 1;
  settings.record_tasks = true;
  machine::Machine machine(*prepared.topology, *prepared.workload, *prepared.job, settings);
  while (machine.next_time() != kNever) machine.run_window();
  const machine::Results results = machine.collect();
  const report::TaskTimes times = [&](RankId rank) -> const std::vector<machine::TaskTime>& {
    return machine.task_times(rank);
  };
  const report::UseOverTime use = report::use_over_time(
      {*prepared.topology, results, prepared.config->machine.takes}, *prepared.job,
      report::TrailTasks(*prepared.workload, *prepared.job, times), results.end_cycle, 0, results.end_cycle, 100);
  for (std::size_t c = 0; c < topology::kLinkClasses; ++c) {
    if (use.scale[c] <= 0) continue;
    double whole = 0;
    for (const report::UseOverTime::Interval& one : use.intervals) {
      EXPECT_LE(one.links[c], 1 + 1e-9) << id << ' ' << c << ": no link carries more than it can";
      whole += one.links[c] / static_cast<double>(use.intervals.size());
    }
    const double carried = static_cast<double>(results.classes[c].counters.bytes) /
                           (results.classes[c].capacity_bytes_per_s * prepared.topology->seconds(results.end_cycle));
    EXPECT_NEAR(whole, carried, 1e-9 + 1e-6 * carried) << id << ' ' << c;
  }
  // The power adds up to what the counts of the run take, and is never below what is always on.
  double joules = 0, core_bytes = 0;
  for (const report::UseOverTime::Interval& one : use.intervals)
    joules += one.watts * prepared.topology->seconds(one.end - one.begin);
  const workload::Job& job = *prepared.job;
  for (RankId rank = 0; rank < job.program_of_rank.size(); ++rank) {
    const workload::Program& program = job.programs[job.program_of_rank[rank]];
    for (const workload::Task& task : program.tasks) {
      if (task.kind != workload::Task::Kind::kKernel) continue;
      const topology::NodeParams& node = prepared.topology->params().node;
      const workload::Floors& floors = program.kernel_plans[task.kernel].floors;
      core_bytes += (floors[workload::Bound::kLoad] * static_cast<double>(node.load_ports) +
                     floors[workload::Bound::kStore] * static_cast<double>(node.store_ports)) *
                    static_cast<double>(node.port_bytes_per_cycle * job.slices[rank].shape->node_count());
    }
  }
  const energy::Counts counts =
      report::energy_counts(results, core_bytes, prepared.topology->seconds(results.end_cycle));
  const double whole_job = energy::joules(counts, report::energy_parts(*prepared.topology), prepared.topology->params(),
                                          prepared.config->machine.takes)
                               .total();
  EXPECT_NEAR(joules, whole_job, 0.01 * whole_job) << id;
  energy::Counts idle;
  idle.seconds = 1;
  const double least = energy::joules(idle, report::energy_parts(*prepared.topology), prepared.topology->params(),
                                      prepared.config->machine.takes)
                           .total();
  for (const report::UseOverTime::Interval& one : use.intervals) EXPECT_GE(one.watts, least * 0.999) << id;
  for (const Sum& sum : sums) {
    const std::string name = sum.name;
    ASSERT_EQ(name, topology::link_class_name(sum.of));
    const auto c = static_cast<std::size_t>(sum.of);
    ASSERT_GT(use.scale[c], 0) << name;
    const auto counted = static_cast<double>(results.classes[c].counters.bytes);
    judge({"use_over_time_" + id + "_" + name, what + ": bytes over links, " + name, "bytes that the links counted",
           "B", sum.low, sum.high, false},
          counted, counted / use.scale[c]);
  }
}

TEST(UseOverTime, AddsUpForResNetOnATile) {
  compare("tile", "ResNet-50 on a tile, by plans", {"configs/runs/resnet50_tile.json", "", "", {}, {}},
          {{"noc", LinkClass::kNoc, 0.95, 1.05},
           {"die_to_die", LinkClass::kDieToDie, 0.99, 1.01},
           {"dip", LinkClass::kDip, 0.98, 1.02},
           {"hbm", LinkClass::kHbm, 0.98, 1.02}});
}

/// It spills: several transfers at a time wait for the same DIPs.
TEST(UseOverTime, NeverSaysMoreThanTheHbmCanGive) {
  compare("die", "ResNet-50 on a die, by plans", {"configs/runs/resnet50_die.json", "", "", {}, {}},
          {{"hbm", LinkClass::kHbm, 0.98, 1.02}});
}

TEST(UseOverTime, AddsUpForATransformerBlockOnADie) {
  compare("block", "a block of GPT-2 124M on a die, by plans",
          {"", "configs/machines/die.json", "configs/workloads/gpt_layer.json", {}, {}},
          {{"noc", LinkClass::kNoc, 0.95, 1.05},
           {"dip", LinkClass::kDip, 0.98, 1.02},
           {"hbm", LinkClass::kHbm, 0.98, 1.02}});
}

}  // namespace
}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
// The whole ExaPod, 1,062,000 nodes, in one process: the main job and one all-reduce, run as a user runs them. Memory
// is judged here; how long they take is what docs/performance.md reports.
#include <gtest/gtest.h>

#include <filesystem>

#include "dojo/collectives/collectives.h"
#include "support/all_reduce_time.h"
#include "support/program.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using nlohmann::json;

constexpr double kImages = 24'000, kParameters = 25'557'032, kFlopPerImage = 24'299'077'632;
constexpr double kImageBytes = 3 * 224 * 224 * 2;
constexpr double kMemoryLimit = 5.0 * (1ull << 30);
constexpr std::uintmax_t kPageLimit = 6'000'000;

/// Runs a config of the project with two threads and returns its report.
json report_of(const std::string& config) {
  const TemporaryFolder out;
  const ProgramResult run = run_program({"run", config, "--threads", "2", "--out", out / "run", "--quiet"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_LE(static_cast<double>(run.peak_rss_bytes), kMemoryLimit);
  if (run.exit_code != 0) return {};
  EXPECT_LE(std::filesystem::file_size(out / "run/report.html"), kPageLimit);
  json report = read_report(out / "run");
  EXPECT_EQ(report.at("machine").at("nodes"), 1'062'000);
  EXPECT_EQ(report.at("machine").at("dies"), 3'000);
  EXPECT_EQ(report.at("machine").at("tiles"), 120);
  EXPECT_EQ(report.at("machine").at("dips"), 400);
  EXPECT_DOUBLE_EQ(report.at("machine").at("peak_flops_per_s").at("bf16").get<double>(), 1.087488e18);
  EXPECT_GT(report.at("host").at("elaboration_s").get<double>(), 0);
  EXPECT_EQ(report.at("partial"), false);
  return report;
}

struct Pod {
  topology::Topology topology{machine_file("exapod")};
  std::vector<workload::Slice> slices = workload::place_ranks(placed("die", 3000).placement, topology);
};

TEST(ExaPod, ResNet50StepLiesAboveItsBounds) {
  const json report = report_of("configs/runs/resnet50_exapod.json");
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("flops").at("executed"), 583'177'863'168'000);
  EXPECT_EQ(static_cast<double>(report.at("flops").at("executed").get<std::int64_t>()), kImages * kFlopPerImage);
  const double step = report.at("latency").at("step_s");

  const Pod pod;
  const topology::MachineParams& machine = pod.topology.params();
  const double per_cycle =
      2.0 * static_cast<double>(machine.node.matrix_rows * machine.node.matrix_columns * machine.node.matrix_depth);
  judge({"resnet50_exapod_compute", "ResNet-50 step on the ExaPod, 8 images a die", "FLOP / (nodes x 512 FLOP/cycle)",
         "s", 1, kNoLimit},
        kImages * kFlopPerImage / (static_cast<double>(pod.topology.node_count()) * per_cycle * machine.clock_hz),
        step);
  const double moved = 2 * kImages * kImageBytes + 2 * report.at("memory").at("spilled_bytes").get<double>();
  judge({"resnet50_exapod_hbm", "the same", "2 x (samples + spilled) / HBM rate of all DIPs", "s", 1, kNoLimit},
        moved / (machine.dip.hbm_bytes_per_s * machine.dip.hbm_efficiency * pod.topology.dip_count()), step);
  const AllReduceTime gradients(pod.topology, pod.slices, kParameters * 2);
  judge({"resnet50_exapod_all_reduce", "the same", "injection and bisection bound of all gradients, bf16", "s", 1,
         kNoLimit},
        std::max(gradients.injection_s(), gradients.bisection_s()), step);
}

TEST(ExaPod, AllReduceOf64MibLiesAboveItsBoundsAndNearItsModel) {
  const json report = report_of("configs/runs/allreduce_exapod.json");
  ASSERT_FALSE(report.is_null());
  const json row = report.at("latency").at("collectives").at(0);
  ASSERT_EQ(row.at("ranks"), 3'000);
  EXPECT_NE(row.at("algorithm"), "ring") << "a ring through 3,000 dies is not a default";
  const double measured = row.at("seconds_max");

  const Pod pod;
  const AllReduceTime time(pod.topology, pod.slices, 64 << 20);
  ASSERT_TRUE(time.fills_rectangle());
  judge({"all_reduce_exapod_bound", "all-reduce of 64 MiB a die over 3,000 dies",
         "max of injection and bisection bound", "s", 1, kNoLimit},
        std::max(time.injection_s(), time.bisection_s()), measured);

  workload::CollectiveRequest request;
  request.kind = workload::OpKind::kAllReduce;
  request.bytes = 64 << 20;
  for (const workload::Slice& slice : pod.slices) request.members.push_back(&slice);
  const workload::DataflowPlan plan = workload::build_collective(request, pod.topology);
  ASSERT_EQ(plan.algorithm, row.at("algorithm").get<std::string>());
  // A walk is over 4 of its 423 chunks, too few to say what all of them take.
  judge({"all_reduce_exapod", "the same", "formula of the chosen algorithm", "s", 0.9, 1.1, true}, plan.model_seconds,
        measured);
  EXPECT_GE(measured, time.of(plan));
}

}  // namespace
}  // namespace dojo::test

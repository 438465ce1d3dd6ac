// SPDX-License-Identifier: Apache-2.0
// Whole jobs: bad input first, then what every job must hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/lower/lower.h"
#include "dojo/trace/networks.h"
#include "dojo/trace/trace.h"

namespace dojo::workload {
namespace {

topology::Topology machine(topology::Level level) {
  topology::MachineParams params;
  params.level = level;
  return topology::Topology(params);
}

LowerOptions options_for(const Workload& workload) {
  LowerOptions options;
  options.placement.ranks = workload.ranks();
  return options;
}

/// Seconds-free summary of a program's kernels: matrix FLOP of the tasks that are not recomputed.
std::int64_t executed_flops(const Program& program) {
  std::int64_t sum = 0;
  for (const Task& task : program.tasks) {
    if (task.kind == Task::Kind::kKernel && !task.recompute) {
      const auto& flops = program.kernels[task.kernel].matrix_flops;
      sum = std::accumulate(flops.begin(), flops.end(), sum);
    }
  }
  return sum;
}

std::int64_t graph_flops(const Graph& graph) {
  std::int64_t sum = 0;
  for (const Op& op : graph.ops) {
    sum += op.recompute ? 0 : op.flops;
  }
  return sum;
}

std::vector<std::string> errors_of(const Workload& workload, const LowerOptions& options,
                                   const topology::Topology& topology) {
  try {
    (void)lower(workload, options, topology);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    return error.lines();
  }
  return {};
}

TEST(LowerJob, RefusesMoreRanksThanPlaces) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = generate_collective(OpKind::kAllReduce, 1024, 2);
  EXPECT_THAT(errors_of(workload, options_for(workload), die),
              testing::Contains(testing::HasSubstr("expected at most 1")));
}

TEST(LowerJob, RefusesReplayRulesThatMatchNothing) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = generate_matmul(64, 64, 64, DType::kBf16);
  LowerOptions options = options_for(workload);
  options.replay_rules = {{"conv*", Replay::kRoofline}, {"matmul", Replay::kShapes}};
  EXPECT_THAT(errors_of(workload, options, die),
              testing::ElementsAre(testing::HasSubstr("replay_rules[0].operations: found no operation")));
}

TEST(LowerJob, EachOperationIsTimedByTheLastRuleThatMatchesIt) {
  const auto die = machine(topology::Level::kDie);
  Workload workload = generate_resnet50({2, DType::kBf16, 1, 1, 8 << 20, 1});
  for (Op& op : workload.graphs[0].ops) {
    if (op.kind == OpKind::kConv) op.duration_ns = 5000;
  }
  LowerOptions options = options_for(workload);
  options.replay_rules = {{"conv*", Replay::kRoofline}, {"layer1.*", Replay::kShapes}, {"conv", Replay::kRecorded}};
  const Job job = lower(workload, options, die);
  const Program& program = job.programs[0];
  const Graph& graph = workload.graphs[0];
  for (const Task& task : program.tasks) {
    if (task.kind != Task::Kind::kKernel || task.op == kNone) continue;
    const Op& op = graph.ops[task.op];
    const std::string kind = op_kind_name(op.kind), name = graph.op_name(op);
    const bool roofline = kind.rfind("conv", 0) == 0 || name.rfind("conv", 0) == 0;
    const Kernel::TimedBy expected = op.kind == OpKind::kConv        ? Kernel::TimedBy::kRecorded
                                     : name.rfind("layer1.", 0) == 0 ? Kernel::TimedBy::kShapes
                                     : roofline                      ? Kernel::TimedBy::kRoofline
                                                                     : Kernel::TimedBy::kShapes;
    EXPECT_EQ(program.kernels[task.kernel].timed_by, expected) << name;
  }
  EXPECT_EQ(executed_flops(program), graph_flops(graph));
}

Workload recorded_job(std::vector<std::pair<RecordedOn, std::int64_t>> operations) {
  Workload workload = generate_matmul(64, 64, 64, DType::kBf16);
  Graph& graph = workload.graphs[0];
  graph.ops.clear();
  for (const auto& [on, ns] : operations) {
    Op op;
    op.id = graph.ops.size();
    op.kind = OpKind::kCompute;
    op.duration_ns = ns;
    op.recorded_on = on;
    graph.ops.push_back(op);
  }
  return workload;
}

TEST(LowerJob, RecordedTimeBesideTheCoresIsADelayAndNoKernel) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = recorded_job({{RecordedOn::kCores, 1000},
                                          {RecordedOn::kStream, 2000},
                                          {RecordedOn::kNetwork, 3000},
                                          {RecordedOn::kMemory, 4000}});
  const Job job = lower(workload, options_for(workload), die);
  const Program& program = job.programs[0];
  EXPECT_EQ(program.kernels.size(), 1u);
  EXPECT_EQ(program.delays, (std::vector<Cycles>{4000, 6000, 8000})) << "2 GHz";
  std::vector<Task::Unit> units;
  for (const Task& task : program.tasks) {
    if (task.kind == Task::Kind::kDelay) units.push_back(task.unit);
  }
  EXPECT_EQ(units, (std::vector<Task::Unit>{Task::Unit::kCore, Task::Unit::kNetwork, Task::Unit::kMemory}));
}

TEST(LowerJob, ALongRecordedTimeIsNotCutToThirtyTwoBits) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = recorded_job({{RecordedOn::kCores, 5000000000}});
  const Job job = lower(workload, options_for(workload), die);
  const Kernel& kernel = job.programs[0].kernels[0];
  EXPECT_EQ(kernel.steps, 1u);
  EXPECT_EQ(kernel.cycles[0], 10000000000) << "2 GHz";
}

TEST(LowerJob, RefusesRecordedTimesThatCountersCannotAddUp) {
  const auto die = machine(topology::Level::kDie);
  for (const RecordedOn on : {RecordedOn::kCores, RecordedOn::kStream, RecordedOn::kNetwork}) {
    const Workload workload = recorded_job({{on, std::int64_t{1} << 62}});
    EXPECT_THAT(errors_of(workload, options_for(workload), die),
                testing::ElementsAre(testing::HasSubstr("correct the operation's sizes or duration")));
  }
}

TEST(LowerJob, SaysHowMuchMemoryIsMissing) {
  // 3 matrices of 16384^2 bf16 are 1.6 GB; a die has 0.44 GB, and nothing of one product can leave.
  const auto die = machine(topology::Level::kDie);
  const Workload workload = generate_matmul(16384, 16384, 16384, DType::kBf16);
  EXPECT_THAT(errors_of(workload, options_for(workload), die), testing::Contains(testing::HasSubstr("missing")));
}

TEST(LowerJob, RefusesAProductWhoseNodesSendMoreThanAKernelCounts) {
  // 2^20 x 2^19 bf16 are 1.1 TB; a node of a die holds 1/354 of it, 3.1 GB, and sends it along its row.
  const auto die = machine(topology::Level::kDie);
  const Workload workload = generate_matmul(1 << 20, 1 << 20, 1 << 19, DType::kBf16);
  EXPECT_THAT(errors_of(workload, options_for(workload), die),
              testing::ElementsAre(testing::HasSubstr("bytes that one node sends in one step")));
}

/// DIPs, by the index of each, and the bytes of a load of 1 MB by every rank that they hold or serve.
std::map<std::uint32_t, Bytes> loads_by_dip(topology::Level level, const std::vector<std::string>& places) {
  const auto on = machine(level);
  const auto ranks = static_cast<RankId>(places.size());
  Workload workload = generate_collective(OpKind::kAllReduce, 1024, ranks);
  Op& op = workload.graphs[0].ops[0];
  op.kind = OpKind::kMemLoad;
  op.bytes = 1'000'000;
  LowerOptions options = options_for(workload);
  for (RankId rank = 0; rank < places.size(); ++rank) options.placement.by_name[rank] = places[rank];
  const Job job = lower(workload, options, on);
  std::map<std::uint32_t, Bytes> bytes;
  for (const DataflowInstance& instance : job.instances) {
    const DataflowPlan& plan = job.plans[instance.plan];
    EXPECT_FALSE(plan.over_zplane);
    for (const DataflowItem& item : plan.items) {
      if (item.service == DataflowItem::Service::kHbmRead)
        bytes[instance.participants[item.position].index] += item.bytes;
    }
  }
  return bytes;
}

/// The dies of a row that have work share the DIPs at its ends.
TEST(LowerJob, TrafficWithTheHbmIsSharedByTheDipsOfARow) {
  using Bytes2 = std::map<std::uint32_t, Bytes>;
  constexpr Bytes kOne = 1'000'000;
  EXPECT_EQ(loads_by_dip(topology::Level::kDie, {"die"}), (Bytes2{{0, kOne / 2}, {1, kOne / 2}}));
  EXPECT_EQ(loads_by_dip(topology::Level::kTile, {"tile.die[5]"}), (Bytes2{{2, kOne / 2}, {3, kOne / 2}}));
  EXPECT_EQ(loads_by_dip(topology::Level::kTile, {"tile.die[0]", "tile.die[1]"}), (Bytes2{{0, kOne}, {1, kOne}}));
  std::vector<std::string> all;
  for (int die = 0; die < 25; ++die) all.push_back("tile.die[" + std::to_string(die) + "]");
  Bytes2 even;
  for (std::uint32_t dip = 0; dip < 10; ++dip) even[dip] = 5 * kOne / 2;
  EXPECT_EQ(loads_by_dip(topology::Level::kTile, all), even);
  // Of a row of 15 dies the far end is left to others.
  EXPECT_EQ(loads_by_dip(topology::Level::kTray, {"tray.tile[0].die[0]"}), (Bytes2{{0, kOne}}));
}

/// A lone die holds what both its DIPs hold, and no byte more.
TEST(LowerJob, ALoneDieHasTheHbmOfBothItsDips) {
  const auto die = machine(topology::Level::kDie);
  Workload workload = generate_collective(OpKind::kAllReduce, 1024, 1);
  Op& op = workload.graphs[0].ops[0];
  op.kind = OpKind::kMemLoad;
  op.bytes = 2 * die.params().dip.hbm_bytes;
  EXPECT_THAT(errors_of(workload, options_for(workload), die), testing::IsEmpty());
  op.bytes += 2;
  EXPECT_THAT(errors_of(workload, options_for(workload), die),
              testing::Contains(testing::HasSubstr("found a load of 32.000 GB by one operation, expected at most")));
}

TEST(LowerJob, RefusesALoadThatTheMemoryCannotHold) {
  const auto tray = machine(topology::Level::kTray);
  ASSERT_GT(tray.dip_count(), 0u);
  Workload workload = generate_collective(OpKind::kAllReduce, 1024, 1);
  Op& op = workload.graphs[0].ops[0];
  op.kind = OpKind::kMemLoad;
  op.bytes = tray.params().dip.hbm_bytes;
  EXPECT_THAT(errors_of(workload, options_for(workload), tray), testing::IsEmpty());
  op.bytes += 1;
  EXPECT_THAT(errors_of(workload, options_for(workload), tray),
              testing::ElementsAre(testing::HasSubstr("found a load of 32.000 GB by one operation, expected at most")));
}

TEST(LowerJob, NamesTheRankOfAnUnmatchedSend) {
  const auto tile = machine(topology::Level::kTile);
  Workload workload;
  workload.graphs.resize(2);
  for (std::uint32_t i = 0; i < 2; ++i) {
    Op op;
    op.kind = OpKind::kSend;
    op.bytes = 4096;
    op.peer = 1 - static_cast<std::int32_t>(i);
    op.name = workload.graphs[i].intern("send it");
    workload.graphs[i].file = "ranks.json";
    workload.graphs[i].ops.push_back(op);
  }
  workload.graph_of_rank = {0, 1};
  workload.group_classes = {{"all", {{"all", {0, 1}}}}};
  EXPECT_THAT(errors_of(workload, options_for(workload), tile),
              testing::UnorderedElementsAre(testing::AllOf(testing::HasSubstr("rank 0"), testing::HasSubstr("send it")),
                                            testing::HasSubstr("rank 1")));
}

TEST(LowerJob, ProductOnADieLiesBetweenRooflineAnd1Point4TimesIt) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = generate_matmul(4096, 4096, 4096, DType::kBf16);
  const Job job = lower(workload, options_for(workload), die);
  const Program& program = job.programs.at(0);
  EXPECT_EQ(executed_flops(program), 2LL * 4096 * 4096 * 4096);
  ASSERT_EQ(program.kernels.size(), 1U);
  const Kernel& kernel = program.kernels[0];
  // Roofline = FLOP / (354 nodes x 512 FLOP a cycle) = 758,297 cycles = 379 us.
  const double roofline = 2.0 * 4096 * 4096 * 4096 / (354 * 512);
  Cycles most = 0;
  for (std::size_t node = 0; node < 354; ++node) {
    Cycles sum = 0;
    for (std::size_t s = 0; s < kernel.steps; ++s) {
      sum += kernel.cycles[node * kernel.steps + s];
    }
    most = std::max(most, sum);
  }
  EXPECT_GE(static_cast<double>(most), roofline);
  EXPECT_LE(static_cast<double>(most), 1.1 * roofline) << "leaves room for the first step's operands";
  EXPECT_LE(program.memory.node_peak, program.memory.node_capacity);
}

TEST(LowerJob, ResNet50OnADieRecomputesBeforeItSpills) {
  const auto die = machine(topology::Level::kDie);
  ResNet50Options resnet;
  resnet.batch_norm_group = 1;
  const Workload workload = generate_resnet50(resnet);
  const Job job = lower(workload, options_for(workload), die);
  const Program& program = job.programs.at(0);
  EXPECT_EQ(executed_flops(program), graph_flops(workload.graphs[0]));
  EXPECT_LE(program.memory.node_peak, program.memory.node_capacity);
  EXPECT_GT(program.memory.recomputed, 0);
}

TEST(LowerJob, ResNet50OnTheExapodIsOneProgramWithGroupsOfTiles) {
  const auto exapod = machine(topology::Level::kExapod);
  ResNet50Options resnet;
  resnet.ranks = 3000;
  const Workload workload = generate_resnet50(resnet);
  const Job job = lower(workload, options_for(workload), exapod);
  ASSERT_EQ(job.programs.size(), 1U);
  EXPECT_EQ(executed_flops(job.programs[0]) * 3000, 583177863168000LL);
  std::size_t groups_of_25 = 0;
  for (const DataflowInstance& instance : job.instances) {
    if (instance.participants.size() == 25 &&
        instance.participants[0].kind == DataflowInstance::Participant::Kind::kRank) {
      ++groups_of_25;
      for (const auto& place : instance.participants) {
        ASSERT_EQ(exapod.tile_of(job.slices[place.index].dies[0]),
                  exapod.tile_of(job.slices[instance.participants[0].index].dies[0]))
            << "batch-norm groups are tiles";
      }
    }
  }
  EXPECT_EQ(groups_of_25, 120U * 2 * 53) << "120 tiles, forward and backward sums of 53 normalisations";
  for (const auto& slots : job.instance_of) {
    for (const auto& reference : slots) {
      ASSERT_NE(reference.instance, kNone);
    }
  }
}

TEST(LowerJob, TasksOfSeveralStepsHaveNoCycleAndRunInIssueOrder) {
  const auto die = machine(topology::Level::kDie);
  ResNet50Options resnet;
  resnet.batch_norm_group = 1;
  resnet.steps = 3;
  const Workload workload = generate_resnet50(resnet);
  const Job job = lower(workload, options_for(workload), die);
  const Program& program = job.programs.at(0);
  EXPECT_EQ(executed_flops(program), 3 * graph_flops(workload.graphs[0]));
  std::vector<std::uint32_t> arrived(program.tasks.size(), 0);
  for (std::uint32_t task = 0; task < program.tasks.size(); ++task) {
    // Every edge goes to a later task: the lowest ready index is the issue order, and there is no cycle.
    for (std::uint32_t i = program.tasks[task].successors_begin; i < program.tasks[task].successors_end; ++i) {
      EXPECT_GT(program.successors[i], task);
      ++arrived[program.successors[i]];
    }
  }
  for (std::uint32_t task = 0; task < program.tasks.size(); ++task) {
    EXPECT_EQ(arrived[task], program.tasks[task].dependencies);
  }
}

/// GPT-2 small with the tables of few words: 93 million parameters, whose weights, gradients and state are 1.5 GB.
Workload too_much_for_a_die() {
  NetworkOptions options;
  options.batch = 1;
  options.vocabulary = 8192;
  return generate_network("gpt", options);
}

TEST(LowerMemory, SaysWhatExceedsTheSram) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = too_much_for_a_die();
  LowerOptions options = options_for(workload);
  options.capacity_policy = CapacityPolicy::kFail;
  const std::vector<std::string> errors = errors_of(workload, options, die);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], testing::HasSubstr("at operation \""));
  EXPECT_THAT(errors[0], testing::HasSubstr("optimizer_state \"bucket"));
  EXPECT_THAT(errors[0], testing::HasSubstr("other tensors, operands and messages in flight"));
  EXPECT_THAT(errors[0], testing::HasSubstr("workload.capacity_policy=stream would fit (tried)"));
  EXPECT_THAT(errors[0], testing::HasSubstr("most is state of the optimizer: share it out"));
}

/// What an error about memory advises is tried: another policy, and a larger slice.
TEST(LowerMemory, AdviceFits) {
  const auto tile = machine(topology::Level::kTile);
  const Workload workload = too_much_for_a_die();
  LowerOptions options = options_for(workload);
  const std::vector<std::string> errors = errors_of(workload, options, tile);
  ASSERT_EQ(errors.size(), 1u);
  ASSERT_THAT(errors[0], testing::HasSubstr("workload.capacity_policy=stream would fit (tried)"));
  options.capacity_policy = CapacityPolicy::kStream;
  const Job streamed = lower(workload, options, tile);
  EXPECT_LE(streamed.programs[0].memory.node_peak, streamed.programs[0].memory.node_capacity);
  EXPECT_GT(streamed.programs[0].memory.streamed, 0);
  EXPECT_EQ(executed_flops(streamed.programs[0]), graph_flops(workload.graphs[0]));

  options.capacity_policy = CapacityPolicy::kRecomputeThenSpill;
  ASSERT_THAT(errors[0], testing::HasSubstr("workload.rank_unit of 2 x 2 dies would fit (tried; at most 4 ranks)"));
  options.placement.rank_unit = {PlacementUnit::kDie, 2, 2};
  EXPECT_THAT(errors_of(workload, options, tile), testing::IsEmpty());
  options.placement.rank_unit = {PlacementUnit::kDie, 1, 2};
  EXPECT_THAT(errors_of(workload, options, tile), testing::Not(testing::IsEmpty()));
}

/// Nothing streams without a DIP, whatever the policy says.
TEST(LowerMemory, AMachineWithoutDipsCannotStream) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.dip.present = false;
  const topology::Topology die(params);
  const Workload workload = too_much_for_a_die();
  LowerOptions options = options_for(workload);
  options.capacity_policy = CapacityPolicy::kStream;
  const std::vector<std::string> errors = errors_of(workload, options, die);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], testing::HasSubstr("with capacity_policy \"stream\""));
}

/// Nor does it spill: what leaves the SRAM there would take no time.
TEST(LowerMemory, AMachineWithoutDipsCannotSpill) {
  ResNet50Options resnet;
  resnet.batch_norm_group = 1;
  const Workload workload = generate_resnet50(resnet);
  LowerOptions options = options_for(workload);
  options.capacity_policy = CapacityPolicy::kSpill;
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  ASSERT_GT(lower(workload, options, topology::Topology(params)).programs[0].memory.spilled, 0);
  params.dip.present = false;
  const std::vector<std::string> errors = errors_of(workload, options, topology::Topology(params));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], testing::HasSubstr("with capacity_policy \"spill\""));
  EXPECT_THAT(errors[0], testing::HasSubstr("this machine has no DIPs, and no tensor can leave the SRAM"));
}

/// State is loaded and stored once a step, and the places of all tensors in HBM are counted.
TEST(LowerMemory, StreamsStateOnceAStep) {
  const auto die = machine(topology::Level::kDie);
  const Workload workload = too_much_for_a_die();
  LowerOptions options = options_for(workload);
  options.capacity_policy = CapacityPolicy::kStream;
  const Job job = lower(workload, options, die);
  const MemoryPlan& memory = job.programs[0].memory;
  EXPECT_GE(memory.streamed, 2 * memory.optimizer * 9 / 10);
  EXPECT_LE(memory.streamed, 3 * (memory.optimizer + memory.weights + memory.gradients));
  const Bytes used = std::accumulate(job.hbm_used_bytes.begin(), job.hbm_used_bytes.end(), Bytes{0});
  EXPECT_GE(used, memory.optimizer * 9 / 10);
  EXPECT_LE(used, memory.optimizer + memory.weights + memory.gradients + memory.activations_peak + 100000);
}

/// A user's trace may repeat operations: they are worked on, and not counted as executed.
TEST(LowerMemory, RepeatedOperationsAreNotCounted) {
  NetworkOptions network;
  network.batch = 1, network.layers = 1, network.vocabulary = 256, network.checkpoint = "blocks";
  const Workload workload = generate_network("gpt", network);
  const auto die = machine(topology::Level::kDie);
  const Job job = lower(workload, options_for(workload), die);
  EXPECT_EQ(executed_flops(job.programs[0]), graph_flops(workload.graphs[0]));
}

}  // namespace
}  // namespace dojo::workload

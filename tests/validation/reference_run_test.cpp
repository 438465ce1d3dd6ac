// SPDX-License-Identifier: Apache-2.0
// Jobs in both network models, which share no timing code: zero load against the closed form, whole operations against
// each other. The ResNet-50 step on a die is in tests/scale.
#include <gtest/gtest.h>

#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::MachineParams;

machine::MachineSettings reference() {
  machine::MachineSettings settings;
  settings.network_model = fabric::NetworkModel::kReference;
  return settings;
}

double cycles(const JobRun& run) {
  Cycles end = 0;
  for (const machine::OpRecord& op : run.results.ops) end = std::max(end, op.last_end);
  return static_cast<double>(end);
}

double one_message(const MachineParams& machine, const std::string& from, const std::string& to, Bytes bytes) {
  JobText job(2);
  job.message(0, 1, bytes);
  return cycles(run(machine, job.take(), placed("node", 2, {from, to}), reference()));
}

TEST(ReferenceZeroLoad, OnePacketOnADie) {
  const MachineParams machine = machine_file("die");
  judge({"reference_zero_load_die", "reference model: latency of a 64 B message between two nodes of a die",
         "(1 + hops) hop_cycles + 1 flit", "cycles"},
        (1 + 36) * static_cast<double>(machine.noc.hop_cycles) + 1,
        one_message(machine, "die.node[0]", "die.node[359]", 64));
}

TEST(ReferenceZeroLoad, AMessageOfManyPackets) {
  const MachineParams machine = machine_file("die");
  judge({"reference_serialisation", "reference model: latency of a 4 KiB message between two nodes of a die",
         "(1 + hops) hop_cycles + bytes / link", "cycles"},
        (1 + 36) * static_cast<double>(machine.noc.hop_cycles) + 64,
        one_message(machine, "die.node[0]", "die.node[359]", 4096));
}

TEST(ReferenceZeroLoad, OnePacketAcrossADieEdge) {
  const MachineParams machine = machine_file("tile");
  const double crossing = machine.die.crossing_ns * machine.clock_hz / 1e9;
  judge({"reference_zero_load_crossing", "reference model: latency of a 64 B message to the same node of the next die",
         "(1 + hops) hop_cycles + crossing + 1 flit", "cycles"},
        (1 + 20) * static_cast<double>(machine.noc.hop_cycles) + crossing + 1,
        one_message(machine, "tile.die[6].node[130]", "tile.die[7].node[130]", 64));
}

/// Both models on the same job; the claim is about fast / reference.
void compare(const std::string& id, const std::string& what, RunRequest request, double low, double high) {
  const double fast = cycles(run(request));
  request.set.emplace_back("run.network_model=reference");
  const double slow = cycles(run(request));
  judge({id, what + ": fast model", "the same in the reference model", "cycles", low, high}, slow, fast);
}

TEST(BothModels, AProductOnADie) {
  compare("models_matmul_die", "bf16 product 4096 x 4096 x 4096 on a die",
          {"configs/runs/matmul_die.json", "", "", {}, {}}, 0.95, 1.05);
}

RunRequest all_reduce(const char* algorithm, const char* bytes) {
  return {"",
          "configs/machines/tile.json",
          "configs/workloads/allreduce_64mib.json",
          {std::string("workload.generate.bytes=") + bytes, std::string("workload.collective_algorithm=") + algorithm},
          {}};
}

TEST(BothModels, SmallAllReducesOverATile) {
  for (const char* algorithm : {"tree", "ring", "mesh2d"}) {
    compare(std::string("models_all_reduce_") + algorithm,
            std::string("all-reduce of 64 KiB over the dies of a tile by ") + algorithm, all_reduce(algorithm, "65536"),
            0.95, 1.05);
  }
}

/// A small all-reduce that starts while a large one has all its chunks at the nodes, over the dies of a tile's corner:
/// how long it takes. With one send queue it waits for the messages of the large one that were posted before.
double small_beside_large(std::int64_t send_queues, const machine::MachineSettings& settings) {
  MachineParams machine = machine_file("tile", {"machine.tile.dies.rows=2", "machine.tile.dies.columns=2"});
  machine.node.communication_threads = send_queues;
  JobText job(4);
  for (RankId rank = 0; rank < 4; ++rank) {
    job.add(rank, op_of(workload::OpKind::kAllReduce, 4 << 20));
    workload::Op product = op_of(workload::OpKind::kMatMul);
    product.mat = {256, 256, 256, 1};
    product.flops = 2 * 256 * 256 * 256;
    job.add(rank, product, false);
    job.add(rank, op_of(workload::OpKind::kAllReduce, 8192));
  }
  const JobRun made = run(machine, job.take(), placed("die", 4), settings);
  const machine::OpRecord& small = made.results.ops.back();
  return static_cast<double>(small.last_end - small.first_start);
}

TEST(BothModels, ASmallAllReduceBesideABacklog) {
  std::vector<double> waits;
  for (const std::int64_t send_queues : {1, 2}) {
    const double slow = small_beside_large(send_queues, reference()), fast = small_beside_large(send_queues, {});
    judge({fmt::format("models_small_beside_large_{}", send_queues),
           fmt::format("all-reduce of 8 KiB beside one of 4 MiB over 2 x 2 dies, {} send queue{}: fast model",
                       send_queues, send_queues == 1 ? "" : "s"),
           "the same in the reference model", "cycles", 0.85, 1.15, send_queues == 1},
          slow, fast);
    waits.push_back(slow);
  }
  // By how much depends on the plan of the large one: 0.77 with combs in fewer chunks, 0.85 in those chosen now.
  EXPECT_LT(waits[1], 0.9 * waits[0]) << "the second queue is there for this";
}

/// The tree, which is chosen where its model is faster, is so in the reference as well.
TEST(BothModels, SmallGathersOverATile) {
  std::vector<double> last;
  for (const char* algorithm : {"tree", "mesh2d"}) {
    RunRequest request = all_reduce(algorithm, "20000");
    request.set.emplace_back("workload.generate.model=all_gather");
    compare(std::string("models_all_gather_") + algorithm,
            std::string("all-gather of 20 KB from each die of a tile by ") + algorithm, request, 0.95,
            1.05);  // 5.3 % too slow
    request.set.emplace_back("run.network_model=reference");
    last.push_back(cycles(run(request)));
  }
  EXPECT_LT(last[0], last[1]);
}

TEST(BothModels, AnAllReduceOfAMebibyteOverATile) {
  compare("models_all_reduce_ring_1MiB", "all-reduce of 1 MiB over the dies of a tile by ring",
          all_reduce("ring", "1048576"), 0.95, 1.05);
  compare("models_all_reduce_tree_1MiB", "all-reduce of 1 MiB over the dies of a tile by tree",
          all_reduce("tree", "1048576"), 0.95, 1.05);
}

}  // namespace
}  // namespace dojo::test

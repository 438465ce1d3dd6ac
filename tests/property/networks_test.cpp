// SPDX-License-Identifier: Apache-2.0
// Generated networks run to their end on random small machines, in both network models, with all their FLOP executed;
// and a layer of GPT-2 small uses a die well.
#include <gtest/gtest.h>

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/trace/networks.h"
#include "support/random_job.h"

namespace dojo::test {
namespace {

/// A small transformer with any of the strategies. More memory than a node has, so that the ledger has nothing to do.
workload::NetworkOptions random_options(Draw& draw, const std::string& network) {
  workload::NetworkOptions o;
  if (network == "dlrm") {  // of one size
    o.batch = draw.between(1, 8);
    o.table_rows = draw.between(2, 50);
    o.ranks = draw.between(1, 2);
    o.zero = o.ranks > 1 ? draw.between(0, 3) : 0;
    o.checkpoint = draw.one_of({"", "top*.relu"});
    return o;
  }
  o.layers = draw.between(1, 2);
  o.hidden = 32 * draw.between(1, 3);
  o.heads = 4;
  o.kv_heads = network == "llama" || network == "moe" ? 2 : 4;
  o.feed_forward = 2 * o.hidden;
  o.vocabulary = draw.between(10, 100);
  o.sequence = 8 * draw.between(1, 6);
  if (network == "vit") o.sequence = 197, o.vocabulary = 10;
  o.batch = draw.between(1, 3);
  o.explicit_attention = draw.one_in(3);
  o.bucket_bytes = draw.one_in(2) ? 1 << 20 : 4096;
  o.dtype = draw.one_in(4) ? workload::DType::kCfp8 : workload::DType::kBf16;
  o.optimizer = draw.one_of({workload::OptimizerRule::kSgd, workload::OptimizerRule::kMomentum,
                             workload::OptimizerRule::kAdam, workload::OptimizerRule::kLars});
  if (network != "bert" && network != "vit") {
    o.tensor = draw.between(1, 2);
    o.sequence_parallel = o.tensor > 1 && draw.one_in(2);
    o.pipeline = draw.between(1, o.layers);
    o.microbatches = draw.one_in(2) ? o.batch : 1;
    o.schedule = draw.one_of({workload::PipelineSchedule::kGPipe, workload::PipelineSchedule::k1F1B});
  }
  const std::int64_t copies = draw.between(1, 2);
  o.ranks = o.tensor * o.pipeline * copies;
  o.checkpoint = draw.one_of({"", "", "blocks", "*.activation", "block0.*,*.norm1"});
  if (copies > 1) o.zero = draw.between(0, 3);
  if (network == "moe" && copies > 1 && o.zero == 0) {
    o.expert_ranks = 2;
    o.expert_skew = draw.one_in(2) ? 0 : 50;
  }
  if (o.pipeline == 2 && o.batch > 1 && draw.one_in(2)) {
    o.layers = 4, o.chunks = 2;
    o.batch = o.microbatches = 2 * draw.between(1, 2);
  }
  return o;
}

class RandomNetworks : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomNetworks, ExecuteAllTheirFlop) {
  Draw draw(GetParam());
  topology::MachineParams machine = random_machine(draw);
  machine.node.sram_bytes = 64 << 20;
  const topology::Topology topology(machine);
  const std::string network = draw.one_of({"gpt", "llama", "bert", "vit", "moe", "dlrm"});
  workload::NetworkOptions o = random_options(draw, network);
  const std::int64_t places = topology.die_count();
  if (places < o.ranks) {
    o.tensor = o.pipeline = o.ranks = o.chunks = o.expert_ranks = 1;
    o.zero = 0;
    o.sequence_parallel = false;
  }
  const workload::Workload job = workload::generate_network(network, o);
  std::int64_t flops = 0;
  for (RankId rank = 0; rank < job.ranks(); ++rank)
    for (const workload::Op& op : job.graphs[job.graph_of_rank[rank]].ops) flops += op.recompute ? 0 : op.flops;
  for (const auto model : {fabric::NetworkModel::kFast, fabric::NetworkModel::kReference}) {
    machine::MachineSettings settings;
    settings.network_model = model;
    const JobRun ran = run(machine, job, placed("die", static_cast<RankId>(o.ranks)), settings);
    EXPECT_TRUE(ran.results.finished);
    EXPECT_EQ(ran.results.cores.matrix_flops, flops) << network;
    if (model == fabric::NetworkModel::kReference) continue;
    settings.threads = 2;
    settings.reverse_order = true;
    EXPECT_EQ(run(machine, job, placed("die", static_cast<RankId>(o.ranks)), settings).results.digest,
              ran.results.digest);
  }
}

/// With less SRAM than a rank's tensors take: what does not fit is streamed, all FLOP are executed, the SRAM is never
/// above its capacity, the times of nodes add up to the step, and the dies may run in any order.
TEST_P(RandomNetworks, StreamWhatDoesNotFit) {
  Draw draw(GetParam());
  topology::MachineParams machine = random_machine(draw);
  machine.node.sram_bytes = 64 << 20;
  const std::string network = draw.one_of({"gpt", "llama", "bert", "vit", "moe", "dlrm"});
  workload::NetworkOptions o = random_options(draw, network);
  const topology::Topology topology(machine);
  if (topology.die_count() < o.ranks) {
    o.tensor = o.pipeline = o.ranks = o.chunks = o.expert_ranks = 1;
    o.zero = 0;
    o.sequence_parallel = false;
  }
  const workload::Workload job = workload::generate_network(network, o);
  workload::LowerOptions options = placed("die", static_cast<RankId>(o.ranks));
  const Bytes needed = run(machine, job, options).results.sram_peak_bytes_max;
  options.capacity_policy = workload::CapacityPolicy::kStream;
  for (const std::int64_t percent : {70, 40, 20}) {
    machine.node.sram_bytes = std::max<Bytes>(1024, needed * percent / 100);
    try {
      const JobRun ran = run(machine, job, options);
      EXPECT_TRUE(ran.results.finished);
      EXPECT_EQ(ran.results.cores.matrix_flops, ran.results.flops_planned);
      EXPECT_LE(ran.results.sram_peak_bytes_max, machine.node.sram_bytes);
      EXPECT_EQ(ran.results.spilled_bytes + ran.results.recomputed_bytes, 0);
      // No faster than the ports of the DIPs.
      const double rate =
          std::min(machine.dip.hbm_bytes_per_s * machine.dip.hbm_efficiency, machine.dip.ttp_bytes_per_s);
      EXPECT_GE(ran.seconds() * rate * topology.dip_count(), static_cast<double>(ran.results.streamed_bytes));
      machine::MachineSettings settings;
      settings.threads = 2;
      settings.reverse_order = true;
      EXPECT_EQ(run(machine, job, options, settings).results.digest, ran.results.digest);
    } catch (const Error& error) {
      // Operands of one operation alone are more than that.
      ASSERT_FALSE(error.lines().empty());
      EXPECT_NE(error.lines().front().find("are missing there"), std::string::npos) << error.lines().front();
      EXPECT_NE(error.lines().front().find("at operation"), std::string::npos) << error.lines().front();
    }
  }
}

topology::MachineParams two_small_dies() {
  topology::MachineParams machine;
  machine.level = topology::Level::kTile;
  machine.die.grid.rows = machine.die.grid.columns = 6;
  machine.die.enabled = 36;
  machine.tile.dies.rows = 1, machine.tile.dies.columns = 2;
  machine.node.sram_bytes = 64 << 20;
  return machine;
}

workload::NetworkOptions small_pipeline(std::int64_t parts) {
  workload::NetworkOptions o;
  o.layers = 4, o.hidden = 128, o.heads = 4, o.kv_heads = 4, o.vocabulary = 256, o.sequence = 64;
  o.ranks = o.pipeline = 2;
  o.batch = o.microbatches = parts;
  return o;
}

/// Parts of a batch take the same time each once a pipeline is full: from 4 times its stages on the rest is known.
TEST(Pipelines, PartsRepeat) {
  const auto cycles = [](std::int64_t parts) {
    const workload::Workload job = workload::generate_network("gpt", small_pipeline(parts));
    return static_cast<double>(run(two_small_dies(), job, placed("die", 2)).results.end_cycle);
  };
  const double six = cycles(6), eight = cycles(8), sixteen = cycles(16);
  EXPECT_NEAR((eight + 8 * (eight - six) / 2) / sixteen, 1, 0.01);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace dojo::test

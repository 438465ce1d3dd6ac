// SPDX-License-Identifier: Apache-2.0
// Generated networks run to their end on random small machines, in both network models, with all their FLOP executed;
// and a layer of GPT-2 small uses a die well.
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/trace/networks.h"
#include "support/random_job.h"

namespace dojo::test {
namespace {

/// A small transformer with any of the strategies. More memory than a node has, so that the ledger has nothing to do.
workload::NetworkOptions random_options(Draw& draw, const std::string& network) {
  workload::NetworkOptions o;
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
  o.ranks = o.tensor * o.pipeline * draw.between(1, 2);
  return o;
}

class RandomNetworks : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomNetworks, ExecuteAllTheirFlop) {
  Draw draw(GetParam());
  topology::MachineParams machine = random_machine(draw);
  machine.node.sram_bytes = 64 << 20;
  const topology::Topology topology(machine);
  const std::string network = draw.one_of({"gpt", "llama", "bert", "vit", "moe"});
  workload::NetworkOptions o = random_options(draw, network);
  const std::int64_t places = topology.die_count();
  if (places < o.ranks) o.tensor = o.pipeline = o.ranks = 1, o.sequence_parallel = false;
  const workload::Workload job = workload::generate_network(network, o);
  std::int64_t flops = 0;
  for (RankId rank = 0; rank < job.ranks(); ++rank)
    for (const workload::Op& op : job.graphs[job.graph_of_rank[rank]].ops) flops += op.flops;
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

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace dojo::test

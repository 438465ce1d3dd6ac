// SPDX-License-Identifier: Apache-2.0
// Attention over the nodes of a die: work is shared out evenly, masks save theirs, what moves is what the formula says.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "dojo/lower/lower.h"
#include "dojo/node/attention_cost.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {
namespace {

constexpr std::int64_t kNodes = 354;

topology::Topology machine(topology::Level level) {
  topology::MachineParams params;
  params.level = level;
  params.tile.dies.rows = params.tile.dies.columns = 2;
  return topology::Topology(params);
}

Program lowered(const AttentionShape& shape, OpKind kind = OpKind::kAttention,
                topology::Level level = topology::Level::kDie) {
  Op op;
  op.kind = kind;
  op.attention = shape;
  op.flops = shape_flops(op);
  Workload workload;
  workload.graphs.emplace_back();
  workload.graphs[0].ops.push_back(op);
  workload.graph_of_rank = {0};
  workload.group_classes = {{"all", {{"all", {0}}}}};
  LowerOptions options;
  if (level == topology::Level::kTile) options.placement.rank_unit.unit = PlacementUnit::kTile;
  return std::move(lower(workload, options, machine(level)).programs.at(0));
}

AttentionShape shape(std::int64_t batch, std::int64_t heads, std::int64_t tokens, std::int64_t causal = 0) {
  return {batch, heads, tokens, tokens, 64, 0, causal, 0, 0};
}

std::vector<Cycles> cycles_of_nodes(const Kernel& kernel) {
  std::vector<Cycles> cycles(kernel.cycles.size() / kernel.steps, 0);
  for (std::size_t i = 0; i < kernel.cycles.size(); ++i) cycles[i / kernel.steps] += kernel.cycles[i];
  return cycles;
}
Cycles slowest(const Kernel& kernel) {
  const std::vector<Cycles> cycles = cycles_of_nodes(kernel);
  return *std::max_element(cycles.begin(), cycles.end());
}

TEST(Attention, SharesOutItsFlops) {
  const std::pair<std::int64_t, std::int64_t> sizes[] = {{1, 12}, {1, 96}, {3, 12}, {40, 12}};
  for (const auto& [batch, heads] : sizes) {
    for (const OpKind kind : {OpKind::kAttention, OpKind::kAttentionGrad}) {
      const Kernel kernel = lowered(shape(batch, heads, 256, 1), kind).kernels.at(0);
      const std::int64_t sum = std::accumulate(kernel.matrix_flops.begin(), kernel.matrix_flops.end(), std::int64_t{0});
      EXPECT_EQ(sum, (kind == OpKind::kAttention ? 4 : 8) * batch * heads * 64 * (256 * 257 / 2));
      const std::int64_t most = *std::max_element(kernel.matrix_flops.begin(), kernel.matrix_flops.end());
      // Blocks of 8 rows stay whole, each with 128.5 of the other side on average; the last of a head is not full.
      const std::int64_t block = (kind == OpKind::kAttention ? 4 : 8) * 64 * 8 * 129;
      EXPECT_LE(most, sum / kNodes * 11 / 10 + block) << batch << " " << heads;
    }
  }
}

/// What the fullest of `heads` of so many tokens has, against the mean of all, in cycles of the matrix unit.
struct Fullest {
  double share, rate;
};
Fullest fullest(std::int64_t heads, std::int64_t tokens) {
  const Kernel kernel = lowered(shape(1, heads, tokens)).kernels.at(0);
  const auto most = static_cast<double>(*std::max_element(kernel.matrix_flops.begin(), kernel.matrix_flops.end()));
  const double mean = 4.0 * static_cast<double>(heads * tokens * tokens) * 64 / kNodes;
  return {most / mean, static_cast<double>(slowest(kernel)) * 512 / most};
}

/// Of 12 heads of 1,024 tokens the fullest node has 5 blocks of 8 queries where the mean is 4.3: 1.15 of it. It works
/// on 24 or 16 queries by 512 keys a step, two or three tiles, and of each tile's 1,188 cycles the matrix unit has
/// 1,024; the first scores and the last sums of a piece have nothing beside them. Both fade with longer heads.
TEST(Attention, IsNearTheRateOfTheMatrixUnit) {
  const Fullest few = fullest(12, 1024), many = fullest(12, 8192);
  EXPECT_LE(few.share, 1.16);
  EXPECT_LE(few.rate, 1.48);
  EXPECT_GE(few.rate, 1.0);
  EXPECT_LE(many.share, 1.02);
  EXPECT_LE(many.rate, 1.28);
}

/// Of 2,048 tokens the plan under the mask has pieces half as long, whose ends take as much, and 1.21 of the mean on
/// its fullest node where the other has 1.04: half of the time and an eighth of that. Longer heads save half.
TEST(Attention, ACausalMaskSavesNearlyHalf) {
  const auto percent = [](std::int64_t tokens) {
    const Cycles whole = slowest(lowered(shape(1, 16, tokens)).kernels.at(0));
    return 100 * static_cast<double>(slowest(lowered(shape(1, 16, tokens, 1)).kernels.at(0))) /
           static_cast<double>(whole);
  };
  EXPECT_LE(percent(2048), 58);
  EXPECT_GE(percent(2048), 49);
  EXPECT_NEAR(percent(8192), 50, 1);
}

TEST(Attention, AWindowSavesTheRest) {
  AttentionShape near = shape(1, 16, 2048, 1);
  near.window = 256;
  EXPECT_LE(slowest(lowered(near).kernels.at(0)) * 2, slowest(lowered(shape(1, 16, 2048, 1)).kernels.at(0)));
}

std::int64_t arriving(const Kernel& kernel) {
  std::int64_t bytes = 0;
  for (const Piece& piece : kernel.pieces) bytes += piece.bytes;
  for (const Unicast& unicast : kernel.unicasts) bytes += unicast.bytes;
  return bytes;
}

/// Keys and values of heads that 8 queries' heads share each are an eighth.
TEST(Attention, HeadsThatShareKeysMoveFewer) {
  AttentionShape shared = shape(8, 64, 256);
  const Program all = lowered(shared);
  shared.kv_heads = 8;
  const Program fewer = lowered(shared);
  ASSERT_EQ(fewer.kernel_plans.at(0).partition, all.kernel_plans.at(0).partition);
  EXPECT_LT(arriving(fewer.kernels.at(0)) * 2, arriving(all.kernels.at(0)));
  EXPECT_LT(fewer.kernel_plans.at(0).cycles, all.kernel_plans.at(0).cycles);
}

/// A plan is chosen by its time. Of 64 heads of 1,024 tokens the one for shared keys cuts the queries over 90 nodes
/// instead of 20: it sends more of them, and all nodes have nearly equal shares.
TEST(Attention, HeadsThatShareKeysTakeLess) {
  AttentionShape shared = shape(1, 64, 1024);
  const double all = lowered(shared).kernel_plans.at(0).cycles;
  shared.kv_heads = 8;
  EXPECT_LT(lowered(shared).kernel_plans.at(0).cycles, 0.9 * all);
}

/// Each column gets the keys and values of its heads once: 2 x 1,024 tokens x 64 x 2 B a head.
TEST(Attention, AColumnGetsItsHeadsOnce) {
  const Kernel kernel = lowered(shape(1, 20, 1024)).kernels.at(0);
  std::int64_t bytes = 0;
  for (const Piece& piece : kernel.pieces) bytes += piece.bytes;
  const std::int64_t head = 2 * 1024 * 64 * 2;
  EXPECT_GE(bytes, 20 * head);
  EXPECT_LE(bytes, 20 * head * 3);  // rows with 19 nodes cut elsewhere
}

/// One query for each of many keys: the keys stay and queries move.
TEST(Attention, TheShorterSideMoves) {
  AttentionShape few{1, 20, 8, 65536, 64, 0, 0, 0, 0};
  const Program program = lowered(few);
  EXPECT_EQ(program.kernel_plans.at(0).partition.rfind("keys over", 0), 0u) << program.kernel_plans[0].partition;
  AttentionShape many{1, 20, 65536, 8, 64, 0, 0, 0, 0};
  EXPECT_EQ(lowered(many).kernel_plans.at(0).partition.rfind("queries over", 0), 0u);
}

TEST(Attention, KeptScoresCostStoresAndSaveTheGradientsProduct) {
  AttentionShape kept = shape(1, 20, 1024);
  kept.head_size = 16;  // few products for each score
  const Cycles made = slowest(lowered(kept).kernels.at(0));
  const Cycles made_again = slowest(lowered(kept, OpKind::kAttentionGrad).kernels.at(0));
  kept.scores = 1;
  EXPECT_LT(slowest(lowered(kept, OpKind::kAttentionGrad).kernels.at(0)), made_again);
  EXPECT_GE(slowest(lowered(kept).kernels.at(0)), made);
}

TEST(Attention, RunsOnManyDies) {
  for (const std::int64_t batch : {1, 8}) {
    const Kernel kernel =
        lowered(shape(batch, 32, 1024, 1), OpKind::kAttentionGrad, topology::Level::kTile).kernels.at(0);
    const std::int64_t sum = std::accumulate(kernel.matrix_flops.begin(), kernel.matrix_flops.end(), std::int64_t{0});
    EXPECT_EQ(sum, 8 * batch * 32 * 64 * (1024 * 1025 / 2));
  }
}

}  // namespace
}  // namespace dojo::workload

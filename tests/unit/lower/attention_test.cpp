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

/// 12 heads of 1,024 tokens: no node is far above the mean. Of the cycles of a tile of the core's kernel the matrix
/// unit has 1,024 of 1,188, and ends of pieces and uneven shares come to that.
TEST(Attention, IsNearTheRateOfTheMatrixUnit) {
  const Kernel kernel = lowered(shape(1, 12, 1024)).kernels.at(0);
  const double least = 4.0 * 12 * 1024 * 1024 * 64 / 512 / kNodes;
  EXPECT_GE(static_cast<double>(slowest(kernel)), least);
  EXPECT_LE(static_cast<double>(slowest(kernel)), 1.75 * least);
}

TEST(Attention, ACausalMaskSavesNearlyHalf) {
  const Cycles whole = slowest(lowered(shape(1, 16, 2048)).kernels.at(0));
  const Cycles masked = slowest(lowered(shape(1, 16, 2048, 1)).kernels.at(0));
  EXPECT_LE(masked * 100, whole * 58);  // shorter pieces have as long ends
  EXPECT_GE(masked * 100, whole * 49);
}

TEST(Attention, AWindowSavesTheRest) {
  AttentionShape near = shape(1, 16, 2048, 1);
  near.window = 256;
  EXPECT_LE(slowest(lowered(near).kernels.at(0)) * 2, slowest(lowered(shape(1, 16, 2048, 1)).kernels.at(0)));
}

/// Keys and values of heads that 8 queries' heads share each are an eighth: the plan may cut otherwise, to a shorter
/// time.
TEST(Attention, HeadsThatShareKeysTakeLess) {
  AttentionShape shared = shape(1, 64, 1024);
  const double all = lowered(shared).kernel_plans.at(0).cycles;
  shared.kv_heads = 8;
  EXPECT_LT(lowered(shared).kernel_plans.at(0).cycles, all);
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

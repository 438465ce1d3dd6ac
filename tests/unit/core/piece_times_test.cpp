// SPDX-License-Identifier: Apache-2.0
// Times of pieces are those of their kernels on the pipeline, each found once; long ones are extrapolated.
#include "dojo/core/piece_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/core/kernels.h"
#include "support/core_programs.h"

namespace dojo::test {
namespace {

using core::Hardware;
using node::NodeModel;

node::NodeCost formulas(const Hardware& hardware = {}) {
  return node::NodeCost(hardware, NodeModel::kPipeline);
}

TEST(PieceTimes, AreThoseOfTheKernelWithTheFormulasBlocking) {
  const node::ProductWork piece{48, 64, 40, 2, 2, false};
  const node::BlockedProduct chosen = formulas().pipeline().product(piece);
  core::ProductKernel kernel;
  kernel.m = 48, kernel.n = 64, kernel.k = 40;
  kernel.block_rows = chosen.block_rows, kernel.block_columns = chosen.block_columns;
  core::PieceTimes times(formulas());
  EXPECT_EQ(times.product(piece), static_cast<Cycles>(run_text(product_text(kernel, {})).cycles));
}

TEST(PieceTimes, AnEmptyPieceTakesNoTime) {
  core::PieceTimes times(formulas());
  EXPECT_EQ(times.product({0, 8, 8, 2, 2, false}), 0);
  EXPECT_EQ(times.vector({}), 0);
  EXPECT_EQ(times.tally().pieces, 0u);
}

TEST(PieceTimes, EachShapeRunsOnce) {
  core::PieceTimes times(formulas());
  const Cycles first = times.product({64, 64, 64, 2, 2, false});
  EXPECT_EQ(times.tally().pieces, 1u);
  EXPECT_EQ(times.tally().simulated_cycles, first);
  EXPECT_EQ(times.product({64, 64, 64, 2, 2, false}), first);
  EXPECT_EQ(times.tally().simulated_cycles, first);
  // Of another format, of other results, with partial sums: other pieces.
  (void)times.product({64, 64, 64, 1, 2, false});
  (void)times.product({64, 64, 64, 2, 4, false});
  EXPECT_GT(times.product({64, 64, 64, 2, 4, true}), first);
  EXPECT_EQ(times.tally().pieces, 4u);
  EXPECT_LT(times.tally().error_sum / 4, 0.1);
}

TEST(PieceTimes, OfLongPiecesAreExtrapolated) {
  // 98,304 issues, three times what is run: blocks of 2 x 2 keep the matrix unit busy.
  core::PieceTimes times(formulas());
  const node::ProductWork piece{384, 256, 256, 2, 2, false};
  core::ProductKernel kernel;
  kernel.m = 384, kernel.n = 256, kernel.k = 256;
  const auto whole = static_cast<double>(run_text(product_text(kernel, {})).cycles);
  EXPECT_NEAR(static_cast<double>(times.product(piece)), whole, 0.002 * whole);
  EXPECT_LT(times.tally().simulated_cycles, static_cast<Cycles>(whole / 1.5));
  // As long as a number can be.
  const std::int64_t huge = std::int64_t{1} << 30;
  EXPECT_GT(times.product({huge, 64, 64, 2, 2, false}), huge / 8 * 8 * 16);
}

TEST(PieceTimes, OfAttentionAreThoseOfItsKernel) {
  core::PieceTimes times(formulas());
  const node::AttentionPiece piece{24, 200, 64, 2, node::AttentionWork::kGradients, false};
  Hardware roomy;
  roomy.sram_bytes = std::int64_t{1} << 30;
  const auto kernel = [&](const node::AttentionPart& part) {
    return static_cast<double>(run_text(core::attention_text({{part}, 2}, roomy), roomy).cycles);
  };
  EXPECT_EQ(static_cast<double>(times.attention({piece, 1})), kernel({piece, 1}));
  EXPECT_EQ(times.tally().pieces, 1u);
  EXPECT_EQ(times.attention({piece, 1}), times.attention({piece, 1}));
  EXPECT_EQ(times.tally().pieces, 1u);
  // Many pieces, and many keys, go on as fewer do.
  EXPECT_NEAR(static_cast<double>(times.attention({piece, 9})), kernel({piece, 9}), 0.01 * kernel({piece, 9}));
  const node::AttentionPiece large{32, 8192, 64, 2, node::AttentionWork::kForward, false};
  EXPECT_NEAR(static_cast<double>(times.attention({large, 1})), kernel({large, 1}), 0.01 * kernel({large, 1}));
  EXPECT_EQ(times.attention({{0, 8, 64, 2, node::AttentionWork::kForward, false}, 1}), 0);
  // No program: the formula.
  const node::AttentionPiece fp32{24, 200, 64, 4, node::AttentionWork::kForward, false};
  EXPECT_EQ(times.attention({fp32, 1}), node::attention_cycles(formulas(), fp32));
}

TEST(PieceTimes, RowsWaitForTheirSums) {
  core::PieceTimes times(formulas());
  const std::int64_t rows = 64, lines = 8, all = rows * lines;
  node::VectorPiece piece{3 * all * 64, 2 * all * 64, 0, 4, all * 16 * 8};
  const Cycles stream = times.vector(piece);
  piece.rows = {rows, 2, 2, 6, 16};
  const Cycles with = times.vector(piece);
  EXPECT_GE(with, stream + rows * 14) << "halvings and a reciprocal of each row";
  core::RowsKernel kernel;
  kernel.rows = rows, kernel.lines = lines;
  EXPECT_NEAR(static_cast<double>(with), static_cast<double>(run_text(rows_text(kernel, {})).cycles),
              0.05 * static_cast<double>(with));
}

TEST(PieceTimes, OfFp32RunOnTheFmaUnit) {
  core::PieceTimes times(formulas());
  const Cycles alone = times.product({32, 32, 64, 4, 4, false});
  EXPECT_GE(alone, 32 * 2 * 64);
  EXPECT_LT(alone, 32 * 2 * 64 * 1.1);
  EXPECT_GT(times.product({32, 32, 64, 4, 4, true}), 0);
}

TEST(PieceTimes, OfStreamsAreTheirBusiestUnit) {
  core::PieceTimes times(formulas());
  const Cycles lines = 600;
  const auto streams = [&](Bytes loads, Bytes stores, std::int64_t operations) {
    return static_cast<double>(times.vector({loads * lines * 64, stores * lines * 64, 0, 2, operations * lines * 32}));
  };
  const auto near = [&](double cycles) {
    return testing::AllOf(testing::Ge(cycles * lines), testing::Lt(cycles * lines + 60));
  };
  EXPECT_THAT(streams(1, 1, 1), near(1));  // two addresses, a store
  EXPECT_THAT(streams(2, 1, 1), near(1.5));
  EXPECT_THAT(streams(1, 0, 2), near(2));
  EXPECT_THAT(streams(1, 1, 12), near(12)) << "chains of a unit overlap with those of others";
  // Ten times as many lines: ten times as long.
  const Cycles more = times.vector({64'000 * 64, 64'000 * 64, 0, 2, 64'000 * 32});
  EXPECT_NEAR(static_cast<double>(more), 64'000, 640);
}

TEST(PieceTimes, FormatsThatAreNotNativeAreUnpacked) {
  Hardware wide;
  wide.vector_formats_native = false;
  core::PieceTimes native(formulas()), unpacked(formulas(wide));
  const node::VectorPiece piece{64 * 512, 64 * 512, 0, 2, 32 * 512};
  EXPECT_GE(unpacked.vector(piece), 3 * 512) << "two shuffles to unpack a line, one to pack it";
  EXPECT_LT(native.vector(piece), 512 + 60);
}

TEST(PieceTimes, RefuseWhatThePipelineDoesNotModel) {
  Hardware other;
  other.matrix_rows = 16;
  other.port_bytes_per_cycle = 128;
  try {
    core::PieceTimes times(formulas(other));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.lines(), testing::ElementsAre(testing::HasSubstr("machine.node.port_bytes_per_cycle: found 128"),
                                                    testing::HasSubstr("machine.node.matrix_rows: found 16")));
  }
}

TEST(Stream, ReadsAndWritesWhatItIsGiven) {
  for (const node::StreamWork& work : {node::StreamWork{10, 10, 10, 10, 0, 0},
                                       {7, 23, 7, 5, 0, 0},
                                       {90, 90, 11, 200, 0, 0},
                                       {13, 13, 13, 26, 26, 13},
                                       {5, 0, 5, 0, 0, 0},
                                       {1, 1, 0, 3, 0, 0},
                                       {3, 0, 0, 9, 0, 0}}) {
    const core::Counters counters = run_text(core::stream_text({work, 2}, {}));
    EXPECT_EQ(counters.load_lines, static_cast<std::uint64_t>(work.loads));
    EXPECT_EQ(counters.store_lines, static_cast<std::uint64_t>(work.stores));
    EXPECT_EQ(counters.fma_issues, static_cast<std::uint64_t>(work.fma));
    EXPECT_EQ(counters.shuffle_issues, static_cast<std::uint64_t>(work.unpacks + work.packs));
  }
}

}  // namespace
}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
// Programs of steps: a piece's kernel behind the waits for its operands, on the core of a detailed node.
#include "dojo/core/step_programs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dojo/core/core_clock.h"
#include "dojo/core/sram.h"

namespace dojo::core {
namespace {

using node::CorePiece;

const Hardware kHardware;

CorePiece product(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t times = 1) {
  CorePiece piece;
  piece.kind = CorePiece::Kind::kProduct;
  piece.product = {m, n, k, 2, 2, false};
  piece.times = times;
  return piece;
}

struct Banks final : MemoryPort, PacketPort {
  Sram sram{16};
  Cycles access(std::uint32_t address, bool write, Cycles at) override { return sram.access(address, write, at); }
  [[nodiscard]] bool ready() const override { return false; }
  void send(const Packet&, Cycles) override {}
};

/// Runs a step whose operands are signalled at the given cycles; returns its last cycle + 1.
struct Ran {
  Cycles end = 0;
  Counters counters;
};
Ran run(const CorePiece& piece, const std::array<Wait, kStepWaits>& waits,
        const std::vector<std::pair<Cycles, std::int32_t>>& signals = {}) {
  StepPrograms programs(node::NodeCost(kHardware, node::NodeModel::kTable));
  const StepPrograms::Entry& entry = programs.of(piece, waits);
  Banks banks;
  const auto core = make_pipeline_node(NodeSite{0, 0, kHardware, banks, banks});
  core->start({&entry.work, &piece, waits}, 0);
  Ran out;
  for (Cycles now = 0; now < 1'000'000; ++now) {
    banks.sram.advance(now);
    for (const auto& [at, semaphore] : signals)
      if (at == now) core->signal(semaphore, now);
    (void)core->run(now);
    out.end = now + 1;
    if (core->done()) break;
  }
  EXPECT_TRUE(core->done());
  out.counters = core->counters();
  return out;
}

TEST(StepPrograms, AStepIssuesItsProduct) {
  const Ran ran = run(product(64, 64, 64), {});
  EXPECT_EQ(ran.counters.matrix_issues, 64u * 64 * 64 / 256);
  EXPECT_EQ(static_cast<Cycles>(ran.counters.cycles), ran.end);
  EXPECT_EQ(ran.counters.semaphore_thread_cycles, 0u);
}

TEST(StepPrograms, APieceOfOneThreadWaitsToo) {
  const std::array<Wait, kStepWaits> waits{Wait{0, 1}, Wait{1, 2}};
  const Ran ran = run(product(1, 3, 4), waits, {{0, 0}, {100, 1}, {100, 1}});
  EXPECT_GT(ran.end, 100);
  EXPECT_LT(ran.end, 200);
  EXPECT_EQ(ran.counters.matrix_issues, 1u);
}

TEST(StepPrograms, TheProductsOfABatchFollowOneAnother) {
  const Ran one = run(product(32, 32, 32), {}), three = run(product(32, 32, 32, 3), {});
  EXPECT_EQ(three.counters.matrix_issues, 3 * one.counters.matrix_issues);
  EXPECT_GT(three.end, 2 * one.end);
  EXPECT_LT(three.end, 4 * one.end);
}

CorePiece attention(std::int64_t times) {
  CorePiece piece;
  piece.kind = CorePiece::Kind::kAttention;
  piece.attention = {{{24, 200, 64, 2, node::AttentionWork::kForward, false}, times},
                     {{16, 200, 64, 2, node::AttentionWork::kQueryGradient, false}, 1}};
  return piece;
}

TEST(StepPrograms, TheHeadsOfAttentionFollowOneAnother) {
  const Ran one = run(attention(1), {});
  EXPECT_EQ(one.counters.matrix_issues, 3u * 25 * 16 + 3 * 8 * 50 + 2 * (2 * 25 * 16) + 2 * 8 * 50);
  const Ran three = run(attention(3), {});
  EXPECT_EQ(three.counters.matrix_issues - one.counters.matrix_issues, 2u * (3 * 25 * 16 + 3 * 8 * 50));
  // Nothing before the operands; both threads wait.
  const Ran late = run(attention(1), {Wait{0, 1}, Wait{1, 2}}, {{100, 0}, {2000, 1}, {3000, 1}});
  EXPECT_NEAR(static_cast<double>(late.end - 3000), static_cast<double>(one.end), 20);
}

TEST(StepPrograms, ThreadsOfAttentionLeaveNoSignalBehind) {
  StepPrograms programs(node::NodeCost(kHardware, node::NodeModel::kTable));
  const CorePiece piece = attention(2);
  const StepPrograms::Entry& entry = programs.of(piece, {});
  Banks banks;
  const auto core = make_pipeline_node(NodeSite{0, 0, kHardware, banks, banks});
  Cycles now = 0, first = 0;
  for (int step = 0; step < 2; ++step) {
    core->start({&entry.work, &piece, {}}, now);
    for (; !core->done(); ++now) {
      banks.sram.advance(now);
      (void)core->run(now);
    }
    for (std::int32_t semaphore = 0; semaphore < 64; ++semaphore) EXPECT_EQ(core->semaphore(semaphore), 0) << semaphore;
    if (step == 0) first = now;
  }
  EXPECT_NEAR(static_cast<double>(now), 2.0 * static_cast<double>(first), 10);
}

TEST(StepPrograms, BothThreadsWaitForTheOperands) {
  const std::array<Wait, kStepWaits> waits{Wait{0, 1}, Wait{1, 2}};
  const Ran at_once = run(product(32, 32, 32), waits, {{0, 0}, {0, 1}, {0, 1}});
  const Ran late = run(product(32, 32, 32), waits, {{0, 0}, {100, 1}, {500, 1}});
  EXPECT_NEAR(static_cast<double>(late.end - at_once.end), 500, 16);
  EXPECT_EQ(late.counters.matrix_issues, at_once.counters.matrix_issues);
  EXPECT_GT(late.counters.semaphore_thread_cycles, 2u * 480);
}

TEST(StepPrograms, ASleepingCoreCountsTheCyclesThatItSleeps) {
  StepPrograms programs(node::NodeCost(kHardware, node::NodeModel::kTable));
  const std::array<Wait, kStepWaits> waits{Wait{0, 1}, Wait{}};
  const CorePiece piece = product(16, 16, 16);
  const StepPrograms::Entry& entry = programs.of(piece, waits);
  const auto counted = [&](bool sleeps) {
    Banks banks;
    const auto core = make_pipeline_node(NodeSite{0, 0, kHardware, banks, banks});
    core->start({&entry.work, &piece, waits}, 0);
    Cycles next = 0;
    for (Cycles now = 0; !core->done(); ++now) {
      banks.sram.advance(now);
      if (now == 300) core->signal(0, now);
      if (!sleeps || now == 300 || now >= next) next = core->run(now);
    }
    return core->counters();
  };
  EXPECT_EQ(schema::values_of(counted(true)), schema::values_of(counted(false)));
}

TEST(StepPrograms, ASignalBetweenStepsIsKept) {
  StepPrograms programs(node::NodeCost(kHardware, node::NodeModel::kTable));
  const std::array<Wait, kStepWaits> waits{Wait{2, 1}, Wait{}};
  const CorePiece piece = product(16, 16, 16);
  const StepPrograms::Entry& entry = programs.of(piece, waits);
  Banks banks;
  const auto core = make_pipeline_node(NodeSite{0, 0, kHardware, banks, banks});
  core->signal(2, 0);
  core->start({&entry.work, &piece, waits}, 1);
  for (Cycles now = 1; now < 1000 && !core->done(); ++now) {
    banks.sram.advance(now);
    (void)core->run(now);
  }
  EXPECT_TRUE(core->done());
}

TEST(StepPrograms, EachIsWrittenOnce) {
  StepPrograms programs(node::NodeCost(kHardware, node::NodeModel::kTable));
  const std::array<Wait, kStepWaits> waits{Wait{0, 1}, Wait{}};
  EXPECT_EQ(&programs.of(product(16, 16, 16), waits), &programs.of(product(16, 16, 16), waits));
  EXPECT_NE(&programs.of(product(16, 16, 16), waits), &programs.of(product(16, 16, 16), {}));
}

TEST(CoreClock, CyclesBeginWithThoseOfTheDie) {
  const CoreClock same, half(0.5), slow(0.3), slowest(0.001);
  EXPECT_FALSE(same.is_slow());
  EXPECT_EQ(same.begin(12345), 12345);
  EXPECT_EQ(same.at(12345), 12345);
  EXPECT_EQ(half.begin(7), 14);
  EXPECT_EQ(half.at(15), 7);
  EXPECT_EQ(slow.begin(3), 10);
  EXPECT_EQ(slow.begin(1), 4) << "3.3 cycles, in whole ones of the die";
  EXPECT_EQ(slowest.begin(2), 2000);
  EXPECT_EQ(slow.begin(kNever), kNever);
  for (const CoreClock& clock : {same, half, slow, slowest}) {
    for (Cycles cycle = 0; cycle < 1000; ++cycle) {
      EXPECT_EQ(clock.at(clock.begin(cycle)), cycle);
      EXPECT_EQ(clock.at(clock.begin(cycle + 1) - 1), cycle);
    }
  }
}

}  // namespace
}  // namespace dojo::core

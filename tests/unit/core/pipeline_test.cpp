// SPDX-License-Identifier: Apache-2.0
// Directed programs whose cycles follow from the sizes and latencies of the pipeline with paper and pencil.
#include "dojo/core/pipeline.h"

#include <gtest/gtest.h>

#include "support/core_programs.h"

namespace dojo::test {
namespace {

using core::Hardware;

/// What starting and leaving one loop of 1,000 turns adds to each copy is less than this.
constexpr double kClose = 0.01;

// ---- Loads, stores and their ports.

TEST(Loads, TwoStartInACycle) {
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16), 0.5, kClose);
}
TEST(Loads, OnePortTakesOneACycle) {
  Hardware one;
  one.load_ports = 1;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16, one), 1, kClose);
}
TEST(Loads, OneAddressGeneratorMakesOneACycle) {
  Hardware one;
  one.core.address_generators = 1;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16, one), 1, kClose);
}
TEST(Loads, ThreePortsNeedThreeAddressGenerators) {
  Hardware three;
  three.load_ports = 3;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16, three), 0.5, kClose);
  three.core.address_generators = 3;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 24, three), 1.0 / 3, kClose);
}
TEST(Loads, OfTheSameBankFollowEachOther) {
  EXPECT_NEAR(cycles_each("vld v@ a0\n", 16), 1, kClose);
}
TEST(Loads, OfBanksThatAlternateWithTwoBanks) {
  Hardware two;
  two.core.sram_banks = 2;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16, two), 0.5, kClose);
  two.core.sram_banks = 1;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16, two), 1, kClose);
}
TEST(Loads, OfTwoLinesHoldAPortForTwoCycles) {
  EXPECT_NEAR(cycles_each("vld2 v@ a0$\n", 16), 1, kClose);
}
TEST(Loads, OfThreeAndFourLinesHoldItAsLong) {
  // Two ports: n lines a load are n / 2 cycles. Loads 256 B apart, so that two at a time meet in no bank.
  EXPECT_NEAR(cycles_each("vld3 v0 a0\nvld3 v1 a0+256\nvld3 v2 a0+512\nvld3 v3 a0+768\n", 4) / 4, 1.5, 0.05);
  EXPECT_NEAR(cycles_each("vld4 v0 a0\nvld4 v1 a0+256\nvld4 v2 a0+512\nvld4 v3 a0+768\n", 4) / 4, 2, 0.05);
}
TEST(Loads, ThatAreNotAlignedTouchALineMore) {
  EXPECT_NEAR(cycles_each("vld v0 a0+32\nvld v1 a0+160\n", 8), 2, kClose);
  EXPECT_NEAR(cycles_each("vld v0 a0+64\nvld v1 a0+192\n", 8), 1, kClose);
}
TEST(Stores, OneLeavesACycle) {
  EXPECT_NEAR(cycles_each("vst v@ a0$\n", 16), 1, kClose);
}
TEST(Stores, ThatAreNotAlignedTakeThePortForTwoCycles) {
  EXPECT_NEAR(cycles_each("vst v0 a0+32\nvst v1 a0+160\n", 8), 4, kClose);
  EXPECT_NEAR(cycles_each("vst v0 a0+64\nvst v1 a0+192\n", 8), 2, kClose);
}
TEST(Stores, TwoPortsTakeTwo) {
  Hardware two;
  two.store_ports = 2;
  EXPECT_NEAR(cycles_each("vst v@ a0$\n", 16, two), 0.5, kClose);
}
TEST(Stores, ALoadAndAStoreShareTwoAddressGenerators) {
  EXPECT_NEAR(cycles_each("vld v@ a0$\nvst v16 a1$\n", 16), 1, kClose);
  EXPECT_NEAR(cycles_each("vld v@ a0$\nvld v8 a0$\nvst v16 a1$\n", 16), 1.5, 0.02);
}
TEST(Stores, WithoutAnAddressGeneratorOnlyThePortsCount) {
  Hardware free;
  free.core.store_takes_address_generator = false;
  EXPECT_NEAR(cycles_each("vld v@ a0$\nvld v8 a1$\nvst v16 a1$\n", 16, free), 1, 0.1);
}

// ---- Units of the vector scheduler.

TEST(Fma, IndependentOnesStartEachCycle) {
  EXPECT_NEAR(cycles_each("fma v@ v16\n", 16), 1, kClose);
}
TEST(Fma, AChainTakesTheLatency) {
  EXPECT_NEAR(cycles_each("fma v0 v0\n", 16), 4, kClose);
  Hardware slow;
  slow.vector_latency_cycles = 7;
  EXPECT_NEAR(cycles_each("fma v0 v0\n", 16, slow), 7, kClose);
}
TEST(Fma, FourChainsFillTheUnit) {
  EXPECT_NEAR(cycles_each("fma v0 v0\nfma v1 v1\nfma v2 v2\nfma v3 v3\n", 4), 4, kClose);
}
TEST(Shuffles, IndependentOnesStartEachCycle) {
  EXPECT_NEAR(cycles_each("x v@ v16\n", 16), 1, kClose);
}
TEST(Shuffles, AChainTakesTheLatency) {
  EXPECT_NEAR(cycles_each("x v0 v0\n", 16), 4, kClose);
}
TEST(VectorScheduler, IssuesTwoUnitsACycle) {
  EXPECT_NEAR(cycles_each("fma v@ v16\nx v17 v18\n", 16), 1, kClose);
  EXPECT_NEAR(cycles_each("fma v@ v16\nx v17 v18\nmm c6 v19 v20\n", 16), 1.5, kClose);
}
TEST(VectorScheduler, ThreeIssuesServeThreeUnits) {
  Hardware three;
  three.core.vector_issues_per_cycle = 3;
  three.core.fetch_instructions_per_cycle = 16;
  three.core.fetch_buffer_instructions = 32;
  EXPECT_NEAR(cycles_each("fma v@ v16\nx v17 v18\nmm c6 v19 v20\n", 16, three), 1, kClose);
}
TEST(VectorScheduler, OneIssueServesOneUnit) {
  Hardware one;
  one.core.vector_issues_per_cycle = 1;
  EXPECT_NEAR(cycles_each("fma v@ v16\nx v17 v18\n", 16, one), 2, kClose);
}
TEST(VectorScheduler, LoadsTakeASlotOnlyWhereTheyAreSaidTo) {
  const std::string body = "vld v@ a0$\nvld v8 a1$\nfma v16 v17\n";
  EXPECT_NEAR(cycles_each(body, 16), 1, 0.1);
  Hardware takes;
  takes.core.load_takes_vector_slot = true;  // two loads go first and take both slots, the FMA goes in the next cycle
  EXPECT_NEAR(cycles_each(body, 16, takes), 2, kClose);
  EXPECT_NEAR(cycles_each("fma v@ v16 a0$\nx v17 v18\n", 16, takes), 1, kClose) << "load and execute takes one slot";
}

// ---- Matrix unit.

TEST(Matrix, AChainOnOneSumStartsEachCycle) {
  EXPECT_NEAR(cycles_each("mm c7 v1 v2\n", 16), 1, kClose);
}
TEST(Matrix, TheChainTakesTheLatencyOfSums) {
  Hardware slow;
  slow.core.sum_latency_cycles = 4;
  EXPECT_NEAR(cycles_each("mm c7 v1 v2\n", 16, slow), 4, kClose);
  EXPECT_NEAR(cycles_each("mm c6 v1 v2\nmm c7 v1 v2\n", 8, slow), 4, kClose) << "two sums alternate";
}
TEST(Matrix, ASumIsReadAfterTheLatencyAndThenWrittenAgain) {
  // The read leaves 8 cycles after mmz, and the next mmz in the cycle after the read.
  EXPECT_NEAR(cycles_each("mmz c7 v1 v2\nx v3 c7\n", 8), 8 + 1, kClose);
  Hardware slow;
  slow.matrix_latency_cycles = 12;
  EXPECT_NEAR(cycles_each("mmz c7 v1 v2\nx v3 c7\n", 8, slow), 12 + 1, kClose);
}
TEST(Matrix, SumsInTheUnitAreReadThroughTheShuffleUnit) {
  Hardware unit;
  unit.core.sums = topology::SumPlace::kUnit;
  EXPECT_NEAR(cycles_each("mrd v@ c0\n", 16, unit), 1, kClose);
  EXPECT_NEAR(cycles_each("mrd v0 c0\nx v1 v2\n", 16, unit), 2, kClose);
}
TEST(LoadAndExecute, TwoStartInACycleWithOneMatrixIssue) {
  EXPECT_NEAR(cycles_each("vld v@ a0$\nmm c7 v8 a1$\n", 16), 1, kClose);
}

// ---- Registers.

TEST(Registers, AWriterWaitsForTheReadersOfTheOldValue) {
  // The FMA leaves 5 cycles after its load (SRAM), and the next load in the cycle after the FMA.
  EXPECT_NEAR(cycles_each("vld v0 a0\nfma v1 v0\n", 16), 5 + 1, kClose);
  Hardware renaming;
  renaming.core.register_renaming = true;
  EXPECT_NEAR(cycles_each("vld v0 a0$\nfma v1 v0\n", 16, renaming), 1, kClose);
}
TEST(Registers, TheThirdSourceIsWaitedForAsTheFirst) {
  EXPECT_NEAR(cycles_each("vld v0 a0\nfma v1 v8 v9 v0\n", 16), 5 + 1, kClose);
}
TEST(Registers, AnInstructionThatReadsWhatItWritesDoesNotWaitForItself) {
  EXPECT_EQ(run_text("fma v0 v0 v0\nx v1 v1 v1\nmm c7 v1 v1\nmm c7 v1 v1\nvst v1 a0\n").instructions, 6u);
}
TEST(Registers, AValueMayHaveAsManyReadersAsThereAreEntries) {
  // 64 FMAs that each read v0 three times, and 64 stores of it, wait for a chain of 16: nothing is lost on the way, and
  // the load behind them waits for them all.
  Hardware large;
  large.core.scalar_entries = large.core.vector_entries = 64;
  const std::string text = copies_of("x v0 v0\n", 16) + copies_of("fma v8 v0 v0 v0\nvst v0 a0$\n", 64) + "vld v0 a0\n";
  const core::Counters counters = run_text(text, large);
  EXPECT_EQ(counters.fma_issues, 64u);
  EXPECT_EQ(counters.store_lines, 64u);
  // Shuffles from cycle 2 on, 4 each; then a store a cycle, and the load behind them.
  EXPECT_GE(counters.cycles, 2u + 16 * 4 + 64);
}
TEST(Registers, ScalarOperandsAreHeldByTheScheduler) {
  // The address register moves on while the loads before still wait for their registers.
  EXPECT_NEAR(cycles_each("vld v0 a0\nfma v1 v0\naddi a0 64\naddi a0 -64\n", 8), 5 + 1, kClose);
}

// ---- Integer units and front end.

TEST(Integers, TwoStartInACycleAndAChainOne) {
  EXPECT_NEAR(cycles_each("salu a2\nsalu a3\nsalu a4\nsalu a5\n", 8) / 4, 0.5, kClose);
  EXPECT_NEAR(cycles_each("addi a2 1\n", 16), 1, kClose);
  Hardware slow;
  slow.scalar_latency_cycles = 3;
  EXPECT_NEAR(cycles_each("addi a2 1\n", 16, slow), 3, kClose);
}
TEST(Integers, TheScalarSchedulerIssuesFour) {
  // 2 integer operations and 2 loads a cycle.
  const std::string body = "salu a2\nsalu a3\nvld v0 a0\nvld v1 a1+64\n";
  EXPECT_NEAR(cycles_each(body, 8), 1, 0.02);
  Hardware two;
  two.core.scalar_issues_per_cycle = 2;
  EXPECT_NEAR(cycles_each(body, 8, two), 2, 0.02);
}
TEST(FrontEnd, ImmediatesTakeADecodeSlotOnly) {
  // 64 of them and the end of the loop: 9 fetches of 8.
  EXPECT_NEAR(cycles_each("li a2 1\n", 64), 9.0 / 64, kClose / 8);
}
TEST(FrontEnd, ATakenBranchEndsTheFetch) {
  EXPECT_NEAR(cycles_each("li a2 1\n", 1), 1, 0.02);
}
TEST(FrontEnd, OneThreadFetchesACycle) {
  std::string text;
  for (int thread = 0; thread < 4; ++thread)
    text += ".thread " + std::to_string(thread) + "\n" + long_loop("li a2 1\n", 1);
  EXPECT_NEAR(static_cast<double>(run_text(text).cycles) / kTurns, 4, 0.05);
}
TEST(FrontEnd, LeavingALoopCostsFetches) {
  // Fetch of the inner loop's two turns, decode of its end, 8 cycles without fetch.
  const std::string body = "loop 2\nli a2 1\nend\n";
  const double predicted_wrong = cycles_each(body, 1);
  Hardware predicted;
  predicted.core.loop_exits_predicted = true;
  const double right = cycles_each(body, 1, predicted);
  EXPECT_NEAR(predicted_wrong, 3 + 8, 0.05);
  EXPECT_NEAR(right, 2, 0.05);
}
TEST(FrontEnd, HalfTheWidthTakesTwiceAsLong) {
  Hardware half;
  half.core.fetch_instructions_per_cycle = 4;
  EXPECT_NEAR(cycles_each("li a2 1\n", 63, half), 16.0 / 63, kClose);
  half.core.fetch_instructions_per_cycle = 8;
  half.core.decode_instructions_per_cycle = 4;
  EXPECT_NEAR(cycles_each("li a2 1\n", 63, half), 16.0 / 63, kClose);
}

// ---- Semaphores, network.

TEST(Semaphores, ARoundTripOfTwoThreadsTakesTwoCycles) {
  // A signal is seen in the next cycle, and who waited for it signals in that cycle.
  const std::string text = ".thread 0\nloop 1000\nsset 0\nswait 1\nend\n.thread 1\nloop 1000\nswait 0\nsset 1\nend\n";
  EXPECT_NEAR(static_cast<double>(run_text(text).cycles) / 1000, 2, 0.05);
}
TEST(Semaphores, ASignalWaitsForTheStoresBeforeIt) {
  // Thread 1 stores when thread 0's eight stores have left.
  const std::string eight = copies_of("vst v0 a0$\n", 8);
  const auto with = run_text(".thread 0\n" + eight + "sset 0\n.thread 1\nswait 0\nvst v0 a0\n").cycles;
  const auto alone = run_text(eight).cycles;
  // The last store leaves in the last cycle of `alone`. Then: decode of swait and vst; issue; store.
  EXPECT_EQ(with, alone + 3);
}
TEST(Semaphores, TheirCyclesStopTheThreadOnly) {
  Hardware slow;
  slow.semaphore_cycles = 5;
  EXPECT_NEAR(cycles_each("sset 0\nswait 0\n", 4, slow), 5, 0.05);
}
TEST(Semaphores, HoldMoreThan32Bits) {
  // 6 * 1073741823 are signalled and taken one after the other; a sum of 32 bits would be negative after two.
  EXPECT_GT(run_text("loop 6\nsset 0 1073741823\nend\nloop 6\nswait 0 1073741823\nend\n").cycles, 12u);
  EXPECT_GT(run_text("loop 6\nsset 0 1073741823\nend\nswait 0 1\n").cycles, 6u);
}
TEST(Sends, ABlockMoveReadsALineACycle) {
  EXPECT_NEAR(cycles_each("send a0 16\n", 8) / 16, 1, kClose);
}
TEST(Sends, SinglePacketsTakeAnAddressGeneratorEach) {
  // A send and two loads a turn: three addresses of two generators.
  EXPECT_NEAR(cycles_each("send a1$\nvld v@ a0$\nvld v8 a0$\n", 16), 1.5, 0.05);
  EXPECT_NEAR(cycles_each("send a1 16\n" + copies_of("vld v@ a0$\nvld v8 a1$\n", 16), 1) / 16, 1, 0.1);
}
TEST(Arrivals, SignalOnceTheyAreWritten) {
  // A packet every 10 cycles; the thread waits for each of 100.
  const auto counters = run_text(".arrive 4096 100 10 3\nloop 100\nswait 3\nend\n");
  EXPECT_NEAR(static_cast<double>(counters.cycles), 991, 15);
  EXPECT_EQ(counters.packets_received, 100u);
}
TEST(Arrivals, AWritePortTakesOneACycle) {
  EXPECT_NEAR(static_cast<double>(run_text(".arrive 4096 100 1 3\nswait 3 100\n").cycles), 100, 15);
}
TEST(Arrivals, ComeInTurnOverTheirLines) {
  // 100 packets into the last two lines of the SRAM: 100 lines would not be there.
  EXPECT_EQ(run_text(".arrive 1249856 100 1 3 2\nswait 3 100\n").packets_received, 100u);
}
TEST(Threads, AnEndlessOneEndsWithTheOthers) {
  const auto counters = run_text(".thread 0\n" + long_loop("vld v@ a0$\n", 16) + ".thread 1\nloop\naddi a5 1\nend\n");
  EXPECT_NEAR(static_cast<double>(counters.cycles), 8000, 80);
}

// ---- From start to end.

TEST(Latency, OfOneLoadFmaAndStore) {
  // fetch 0, decode 1, load 2, data at 7, FMA 7, result at 11, store leaves in 11: 12 cycles.
  EXPECT_EQ(run_text("vld v0 a0\nfma v1 v0\nvst v1 a1\n").cycles, 12u);
}
TEST(Latency, OfAProductOf8x8x4) {
  // Loads wait for nothing: issue 2, data 7, mmz 7 to 15, two conversions 15 and 16 to 19 and 20, stores 19 and 20.
  const auto counters = run_text(
      "li a1 512\nli a2 4096\nvld v0 a0\nvld v1 a1\nmmz c7 v0 v1\nx v2 c7\nx v3 c7\nvst v2 a2\nvst v3 a2+64\n");
  EXPECT_EQ(counters.cycles, 21u);
}
TEST(Latency, OfASignalBeforeIt) {
  // The other thread fetches in cycle 1 and signals in cycle 2, this one goes on in cycle 3: two later than without.
  const auto counters = run_text(
      ".thread 1\nsset 0\n.thread 0\nswait 0\nli a1 512\nli a2 4096\nvld v0 a0\nvld v1 a1\nmmz c7 v0 v1\nx v2 c7\nx v3 "
      "c7\n"
      "vst v2 a2\nvst v3 a2+64\n");
  EXPECT_EQ(counters.cycles, 23u);
}
TEST(Latency, OfTheSram) {
  Hardware slow;
  slow.sram_latency_cycles = 12;
  EXPECT_EQ(run_text("vld v0 a0\nvst v0 a1\n", slow).cycles, run_text("vld v0 a0\nvst v0 a1\n").cycles + 7);
}

// ---- Sizes of the schedulers and queues.

TEST(Schedulers, AFullScalarSchedulerStopsTheRunAhead) {
  // A chain of FMAs that feeds stores: the stores wait in their queue and in the scheduler, the loads behind them too.
  const std::string body = "fma v0 v0\nvst v0 a1\nvld v@ a0$\n";
  Hardware small;
  small.core.store_queue_entries = 1;
  small.core.scalar_entries = 2;
  const auto few = run_text(long_loop(body, 8), small), many = run_text(long_loop(body, 8));
  EXPECT_GT(few.scalar_full_thread_cycles, many.scalar_full_thread_cycles);
  EXPECT_GE(few.cycles, many.cycles);
}
TEST(Schedulers, OneEntryIsOneInstructionAtATime) {
  // Decode, issue: an entry is free in the cycle after.
  Hardware one;
  one.core.vector_entries = 1;
  EXPECT_NEAR(cycles_each("fma v@ v16\n", 16, one), 1, kClose) << "issue frees the entry before decode";
  one.core.vector_entries = 2;
  EXPECT_NEAR(cycles_each("fma v0 v0\nfma v8 v16\n", 16, one), 4, 0.05) << "the chain's next link waits";
}
TEST(Schedulers, OneThreadMayHaveThemAll) {
  Hardware large;
  large.core.scalar_entries = large.core.vector_entries = 64;
  EXPECT_NEAR(cycles_each("vld v@ a0$\n", 16, large), 0.5, kClose);
}
TEST(Threads, ShareTheUnitsEvenly) {
  std::string text;
  for (int thread = 0; thread < 2; ++thread)
    text += ".thread " + std::to_string(thread) + "\n" + long_loop("fma v@ v16\n", 16);
  EXPECT_NEAR(static_cast<double>(run_text(text).cycles) / (2 * 16 * kTurns), 1, kClose);
}

}  // namespace
}  // namespace dojo::test

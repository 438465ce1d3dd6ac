// SPDX-License-Identifier: Apache-2.0
// Kernels do the work that their shapes say, within the hardware's bounds.
#include "dojo/core/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "dojo/base/error.h"
#include "dojo/node/kernel_cost.h"
#include "dojo/node/pipeline_cost.h"
#include "dojo/topology/node_ports.h"
#include "support/core_programs.h"

namespace dojo::test {
namespace {

using core::Counters;
using core::Hardware;
using core::ProductKernel;
using testing::HasSubstr;

std::uint64_t blocks(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>((a + b - 1) / b);
}
double share(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}
Counters run_product(const ProductKernel& kernel, const Hardware& hardware = {}) {
  return run_text(product_text(kernel, hardware), hardware);
}
double utilisation(const ProductKernel& kernel, const Hardware& hardware = {}) {
  const Counters counters = run_product(kernel, hardware);
  return share(counters.matrix_issues, counters.cycles);
}
ProductKernel large(std::int64_t k, int block, int threads) {
  ProductKernel kernel;
  kernel.m = kernel.n = 128;
  kernel.k = k;
  kernel.block_rows = kernel.block_columns = block;
  kernel.threads = threads;
  return kernel;
}

TEST(Product, IssuesLoadsAndStoresFollowFromTheShape) {
  Hardware unit;
  unit.core.sums = topology::SumPlace::kUnit;
  for (const Hardware& hardware : {Hardware{}, unit}) {
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{64, 64, 64}, {8, 8, 4}, {49, 40, 36}, {100, 24, 147}}) {
      for (const std::int64_t element : {1, 2}) {
        for (const std::int64_t result : {2, 4}) {
          for (const int threads : {1, 2}) {
            for (const int block : {1, 2}) {
              ProductKernel kernel;
              kernel.m = m, kernel.n = n, kernel.k = k;
              kernel.element_bytes = element, kernel.result_bytes = result;
              kernel.block_rows = block, kernel.block_columns = 3 - block;
              kernel.threads = threads;
              const Counters counters = run_product(kernel, hardware);
              const std::uint64_t sums = blocks(m, 8) * blocks(n, 8);
              EXPECT_EQ(counters.matrix_issues, sums * blocks(k, 4)) << m << " " << n << " " << k;
              EXPECT_EQ(counters.store_lines, sums * static_cast<std::uint64_t>(result));
              // The rows' operand is loaded once for each column of tiles, the columns' operand for each row of them.
              const std::uint64_t registers = blocks(k, element == 1 ? 8 : 4);
              EXPECT_EQ(counters.load_lines,
                        registers * (blocks(m, 8) * blocks(static_cast<std::int64_t>(blocks(n, 8)), 3 - block) +
                                     blocks(n, 8) * blocks(static_cast<std::int64_t>(blocks(m, 8)), block)));
              EXPECT_EQ(counters.values_thread_cycles, 0u);
            }
          }
        }
      }
    }
  }
}

TEST(Product, PartialSumsAreLoadedFourLinesABlock) {
  ProductKernel kernel;
  kernel.result_bytes = 4;
  const std::uint64_t without = run_product(kernel).load_lines;
  kernel.accumulate = true;
  EXPECT_EQ(run_product(kernel).load_lines, without + 64 * 4);
  Hardware unit;
  unit.core.sums = topology::SumPlace::kUnit;
  EXPECT_EQ(run_product(kernel, unit).load_lines, without + 64 * 4);
}

TEST(Product, RegisterBlockingAndTwoThreadsReachThePeak) {
  // Blocks of 2 x 2 load 64 B an issue: half of what the ports give. Blocks of 1 x 1 load 128 B, all of it.
  EXPECT_GT(utilisation(large(256, 2, 2)), 0.99);
  EXPECT_LE(utilisation(large(256, 2, 2)), 1.0);
  EXPECT_GT(utilisation(large(256, 1, 2)), 0.95);
  EXPECT_GT(utilisation(large(16, 2, 2)), utilisation(large(16, 2, 1)) + 0.1) << "the other thread fills the drain";
}

TEST(Product, IsNeverFasterThanItsBusiestUnit) {
  for (const std::int64_t k : {8, 16, 64, 144}) {
    for (const int block : {1, 2}) {
      for (const int threads : {1, 2, 3, 4}) {
        const Counters counters = run_product(large(k, block, threads));
        EXPECT_GE(counters.cycles, counters.matrix_issues);
        EXPECT_GE(2 * counters.cycles, counters.load_lines);
        EXPECT_GE(2 * counters.cycles, counters.address_issues);
        EXPECT_GE(counters.cycles, counters.store_lines);
        EXPECT_GE(2 * counters.cycles, counters.matrix_issues + counters.shuffle_issues + counters.fma_issues);
      }
    }
  }
}

TEST(Product, WhatIfsAnswerInTheRightDirection) {
  Hardware deep, one_generator, few_banks, slow_sram, slots;
  deep.matrix_depth = 8;
  one_generator.core.address_generators = 1;
  few_banks.core.sram_banks = 4;
  slow_sram.sram_latency_cycles = 8;
  slots.core.load_takes_vector_slot = true;
  const double now = utilisation(large(256, 2, 2));
  const auto cycles = [](const Hardware& hardware, int block) {
    return static_cast<double>(run_product(large(256, block, 2), hardware).cycles);
  };
  EXPECT_GT(cycles({}, 2) / cycles(deep, 2), 1.5) << "depth 8: half the issues";
  EXPECT_NEAR(cycles({}, 1) / cycles(deep, 1), 1, 0.02) << "unblocked, the loads take as long as before";
  // 2 x 2 blocks need an address an issue, and two for the results of a block of 64 issues.
  EXPECT_NEAR(utilisation(large(256, 2, 2), one_generator), 64.0 / 66, 0.01);
  EXPECT_NEAR(utilisation(large(256, 1, 2), one_generator), 0.5, 0.02);
  EXPECT_NEAR(utilisation(large(256, 2, 2), few_banks), now, 0.01);
  EXPECT_LT(utilisation(large(256, 1, 2), few_banks), 0.85);
  EXPECT_NEAR(utilisation(large(256, 2, 1), slow_sram), 0.96, 0.015);
  EXPECT_NEAR(utilisation(large(256, 1, 2), slots), 0.5, 0.02) << "two loads take both slots";
}

TEST(Product, OperandsFromMemoryTakeNoSlot) {
  Hardware slots;
  slots.core.load_takes_vector_slot = true;
  ProductKernel kernel = large(256, 1, 2);
  kernel.columns_from_memory = true;
  EXPECT_GT(utilisation(kernel, slots), 0.9);
}

TEST(Convolution, LoadsStraddleLines) {
  core::ConvolutionKernel kernel;
  kernel.m = 56, kernel.width = 28, kernel.n = 64, kernel.channels = 16;
  const Counters counters = run_product(product_of(kernel));
  EXPECT_EQ(counters.matrix_issues, 7u * 8 * 4 * 9);
  // Rows of 28 pixels are no multiple of 8: every load of a tap touches two lines. 7 blocks of pixels, 4 tiles of
  // columns, 36 steps; 8 blocks of channels, 4 rows of tiles.
  EXPECT_EQ(counters.load_lines, 36u * (2 * 7 * 4 + 8 * 4));
}

/// Where addresses are scarce, a load of two or three lines takes one of them, and its port a cycle for each line.
TEST(Convolution, TheFormulaFollowsWhateverGeneratorsThereAre) {
  core::ConvolutionKernel kernel;
  kernel.threads = 2;
  for (const int generators : {1, 2, 3})
    for (const auto& [window, stride] : {std::pair{3, 1}, {3, 2}, {5, 1}, {1, 2}})
      for (const std::int64_t width : {7, 14, 28, 56})
        for (const std::int64_t channels : {16, 64}) {
          Hardware hardware;
          hardware.core.address_generators = generators;
          kernel.m = width == 14 ? 28 : 56, kernel.n = 64;
          kernel.width = width, kernel.channels = channels, kernel.window = window, kernel.stride = stride;
          const ProductKernel product = product_of(kernel);
          node::LoadLines lines{0, 0};
          for (const core::InnerStretch& stretch : product.stretches) lines.lines += stretch.row_lines, ++lines.loads;
          const auto formula = static_cast<double>(
              node::PipelineCost(hardware).product({product.m, product.n, product.k, 2, 2, false}, lines).cycles);
          EXPECT_NEAR(formula / static_cast<double>(run_product(product, hardware).cycles), 1, 0.08)
              << generators << " generators, window " << window << ", stride " << stride << ", rows of " << width
              << ", channels " << channels;
        }
}

TEST(Elementwise, IsBoundByItsAddresses) {
  core::ElementwiseKernel kernel;
  kernel.lines = 1024;
  for (const int inputs : {1, 2, 3}) {
    kernel.inputs = inputs;
    const Counters counters = run_text(elementwise_text(kernel, {}));
    EXPECT_EQ(counters.load_lines, 1024u * static_cast<unsigned>(inputs));
    EXPECT_EQ(counters.store_lines, 1024u);
    EXPECT_EQ(counters.fma_issues, 1024u);
    // Two address generators serve loads and stores.
    EXPECT_NEAR(static_cast<double>(counters.cycles), 1024 * std::max(1.0, (inputs + 1) / 2.0), 80) << inputs;
  }
}
TEST(Elementwise, InFp32IsBoundByTheShuffleUnit) {
  core::ElementwiseKernel kernel;
  kernel.lines = 1024;
  kernel.in_fp32 = true;
  const Counters counters = run_text(elementwise_text(kernel, {}));
  EXPECT_EQ(counters.shuffle_issues, 3 * 1024u) << "two to unpack, one to pack";
  EXPECT_EQ(counters.fma_issues, 2 * 1024u);
  EXPECT_NEAR(static_cast<double>(counters.cycles), 3 * 1024, 100);
}
TEST(Copy, MovesALineACycle) {
  core::ElementwiseKernel kernel;
  kernel.lines = 1024;
  kernel.operations = 0;
  const Counters counters = run_text(elementwise_text(kernel, {}));
  EXPECT_EQ(counters.fma_issues, 0u);
  EXPECT_NEAR(static_cast<double>(counters.cycles), 1024, 60);
}
TEST(Reduction, EndsWithAChainAcrossTheLanes) {
  core::ReductionKernel kernel;
  kernel.lines = 512;
  const auto cycles = [&] { return static_cast<double>(run_text(reduction_text(kernel, {})).cycles); };
  const double with = cycles();
  EXPECT_GE(with, 512) << "an FMA a line";
  kernel.lanes = 1;
  // Each of four halvings: a shuffle and an addition of 4 cycles.
  EXPECT_NEAR(with - cycles(), 4 * (4 + 4), 4);
}
TEST(Rows, TakeTheirPassesAndHideChains) {
  core::RowsKernel kernel;
  kernel.rows = 64;
  for (const auto kind : {core::RowsKernel::Kind::kSoftmax, core::RowsKernel::Kind::kLayerNorm}) {
    kernel.kind = kind;
    kernel.together = 4;
    const bool softmax = kind == core::RowsKernel::Kind::kSoftmax;
    const Counters counters = run_text(rows_text(kernel, {}));
    const std::uint64_t lines = 64u * 8;
    EXPECT_EQ(counters.store_lines, lines * (softmax ? 2 : 1));
    // Softmax: maximum, difference, four of the exponential, sum, scale. Layer norm: two sums, two to normalise.
    EXPECT_GE(counters.fma_issues, lines * (softmax ? 8 : 4));
    kernel.together = 1;
    EXPECT_LT(counters.cycles, run_text(rows_text(kernel, {})).cycles);
  }
}
TEST(Optimizer, OperationsOfAGroup) {
  core::OptimizerKernel kernel;
  kernel.groups = 256;
  Counters counters = run_text(optimizer_text(kernel, {}));
  EXPECT_EQ(counters.fma_issues, 256u * 6);
  EXPECT_EQ(counters.load_lines, 256u * 5);
  EXPECT_EQ(counters.store_lines, 256u * 5);
  // Ten addresses of two generators, six FMAs: six cycles.
  EXPECT_NEAR(static_cast<double>(counters.cycles), 256 * 6, 100);
  kernel.kind = core::OptimizerKernel::Kind::kAdam;
  counters = run_text(optimizer_text(kernel, {}));
  // Pairs of halves: two for each moment, a square of the gradient's part, eight for root and quotient, the update.
  EXPECT_EQ(counters.fma_issues, 256u * 2 * (2 + 1 + 1 + 8 + 1));
  EXPECT_NEAR(static_cast<double>(counters.cycles), 256 * 26, 300);
}
TEST(Transposition, ShufflesEachLine) {
  core::TranspositionKernel kernel;
  kernel.lines = 256;
  const Counters counters = run_text(transposition_text(kernel, {}));
  EXPECT_EQ(counters.shuffle_issues, 256u * 3);
  EXPECT_GE(counters.bank_stall_cycles, 256u / 8) << "a column of lines lies in one bank";
}
TEST(Fp32Product, RunsAtTheRateOfTheFmaUnit) {
  core::Fp32ProductKernel kernel;
  kernel.m = kernel.n = 64;
  kernel.k = 128;
  const Counters counters = run_text(fp32_product_text(kernel, {}));
  EXPECT_EQ(counters.fma_issues, 64u * 64 / 16 * 128);
  EXPECT_NEAR(share(counters.fma_issues, counters.cycles), 1, 0.02);
}

TEST(Fp32Product, OfAnyShapeTakesTheFormulasTime) {
  constexpr std::array<std::array<std::int64_t, 3>, 6> kShapes{
      {{20, 36, 50}, {9, 17, 50}, {24, 48, 50}, {1, 100, 64}, {33, 16, 129}, {7, 15, 400}}};
  for (const auto& [m, n, k] : kShapes) {
    core::Fp32ProductKernel kernel;
    kernel.m = m, kernel.n = n, kernel.k = k;
    const auto ran = static_cast<double>(run_text(fp32_product_text(kernel, {})).cycles);
    const auto formula = static_cast<double>(node::PipelineCost({}).fp32_product({m, n, k, 4, 4, false}));
    EXPECT_NEAR(formula / ran, 1, 0.03) << m << " x " << n << " x " << k;
  }
}

/// Cycles beside a communication thread over cycles without.
double slowed(const std::string& text, core::Communication kind, std::int64_t every = 1) {
  const double alone = static_cast<double>(run_text(text).cycles);
  return static_cast<double>(run_text(text + core::communication_text(kind, every, {})).cycles) / alone;
}

TEST(CommunicationThread, CostsInstructionsNotPorts) {
  using core::Communication;
  const std::string blocked = product_text(large(256, 2, 2), {}), plain = product_text(large(256, 1, 1), {});
  core::ElementwiseKernel kernel;
  kernel.lines = 2048;
  kernel.operations = 0;
  const std::string copy = elementwise_text(kernel, {});
  // Ports of the network are separate, and blocks of 2 x 2 leave half of the addresses free.
  for (const auto kind : {Communication::kMoves, Communication::kPackets, Communication::kReceive})
    EXPECT_NEAR(slowed(blocked, kind), 1, 0.02) << schema::enum_text(kind);
  EXPECT_NEAR(slowed(copy, Communication::kMoves), 1, 0.08) << "banks";
  EXPECT_NEAR(slowed(copy, Communication::kReceive), 1, 0.08) << "banks";
  // A packet is an address: the kernels that use both generators share them.
  EXPECT_NEAR(slowed(copy, Communication::kPackets), 1.5, 0.1) << "three addresses a line";
  EXPECT_GT(slowed(plain, Communication::kPackets), 1.5);
  // Adding takes three addresses a packet.
  EXPECT_GT(slowed(copy, Communication::kAdd, 2), 1.3);
  EXPECT_NEAR(slowed(blocked, Communication::kAdd, 64), 1, 0.05) << "rare packets";
}

/// Packets that the communication thread adds in a cycle beside a thread that only counts.
double adds_a_cycle(const Hardware& hardware) {
  const std::string text = ".thread 0\nloop 20000\naddi a0 1\nend\n";
  const Counters counters = run_text(text + core::communication_text(core::Communication::kAdd, 1, hardware), hardware);
  return share(counters.fma_issues, counters.cycles);
}

TEST(CommunicationThread, AddsAtTheRateThatCollectivesTake) {
  const auto expect_rate = [](const Hardware& hardware, double lines, double at_least) {
    const topology::AddRate rate = topology::add_rate(hardware);
    EXPECT_NEAR(static_cast<double>(rate.lines) / static_cast<double>(rate.cycles), lines, 1e-9);
    EXPECT_LE(adds_a_cycle(hardware), lines * 1.001) << lines;
    EXPECT_GE(adds_a_cycle(hardware), lines * at_least) << lines;
  };
  Hardware hardware;
  expect_rate(hardware, 2.0 / 3, 0.98);
  hardware.core.address_generators = 1;
  expect_rate(hardware, 1.0 / 3, 0.98);
  // Faster ones wait for the chain of the eight packets that this thread adds at a time.
  hardware.core.address_generators = 3;
  expect_rate(hardware, 1, 0.78);
  hardware.load_ports = 1;
  expect_rate(hardware, 0.5, 0.92);
  hardware = {};
  hardware.core.store_takes_address_generator = false;
  expect_rate(hardware, 1, 0.78);
}

TEST(Kernels, RefuseWhatDoesNotFit) {
  const auto refusal = [](const ProductKernel& kernel, const Hardware& hardware) {
    try {
      (void)product_text(kernel, hardware);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return error.lines().front();
    }
    return std::string();
  };
  ProductKernel huge;
  huge.m = huge.n = huge.k = 1024;
  EXPECT_THAT(refusal(huge, {}), HasSubstr("the kernel product needs at least"));
  ProductKernel none;
  none.k = 0;
  EXPECT_THAT(refusal(none, {}), HasSubstr("inner dimension (k): found 0, expected 1 to"));
  ProductKernel wide;
  wide.block_rows = wide.block_columns = 3;
  EXPECT_THAT(refusal(wide, {}), HasSubstr("sums of a tile: found 9, expected 1 to 6"));
  ProductKernel threads;
  threads.threads = 5;
  EXPECT_THAT(refusal(threads, {}), HasSubstr("compute threads: found 5, expected 1 to 4"));
  Hardware other;
  other.matrix_rows = 16;
  EXPECT_THAT(refusal({}, other), HasSubstr("machine.node.matrix_rows for a kernel: found 16, expected 8"));
}

TEST(Counters, ThreadCyclesAddUpToThoseOfTheThreads) {
  // Both threads of a product live as long as their share; a thread that waits lives until it is signalled.
  const Counters counters = run_product(large(64, 1, 2));
  const std::uint64_t sum = counters.decoding_thread_cycles + counters.front_end_thread_cycles +
                            counters.decoder_thread_cycles + counters.scalar_full_thread_cycles +
                            counters.vector_full_thread_cycles + counters.semaphore_thread_cycles +
                            counters.values_thread_cycles + counters.drain_thread_cycles;
  EXPECT_LE(sum, 2 * counters.cycles);
  EXPECT_GT(sum, 2 * counters.cycles * 9 / 10);
  const std::uint64_t cycles = counters.two_vector_issues_cycles + counters.one_vector_issue_cycles +
                               counters.operand_stall_cycles + counters.vector_empty_cycles;
  EXPECT_EQ(cycles, counters.cycles);
}

}  // namespace
}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
// The kernel of attention does the work that its shape says, within the hardware's bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/core/kernels.h"
#include "support/core_programs.h"

namespace dojo::test {
namespace {

using core::Counters;
using core::Hardware;
using node::AttentionPiece;
using node::AttentionWork;

constexpr AttentionWork kWorks[] = {AttentionWork::kForward, AttentionWork::kGradients, AttentionWork::kQueryGradient,
                                    AttentionWork::kKeyGradients};

Hardware roomy() {
  Hardware hardware;
  hardware.sram_bytes = std::int64_t{1} << 28;
  return hardware;
}
Counters run(const AttentionPiece& piece, const Hardware& hardware = roomy(), std::int64_t times = 1) {
  return run_text(core::attention_text({{{piece, times}}, 2}, hardware), hardware);
}
std::uint64_t blocks(std::int64_t rows) {
  return static_cast<std::uint64_t>((rows + 7) / 8);
}
/// Issues of a product of so many blocks, `deep` elements deep.
std::uint64_t issues(std::uint64_t m, std::uint64_t n, std::uint64_t deep) {
  return m * n * ((deep + 3) / 4);
}

TEST(AttentionKernel, IssuesFollowFromTheShape) {
  for (const AttentionWork work : kWorks) {
    for (const bool kept : {false, true}) {
      for (const auto& [queries, keys, head] :
           {std::array<std::int64_t, 3>{8, 8, 64}, {16, 128, 64}, {40, 300, 64}, {130, 70, 80}, {3, 1000, 128}}) {
        const AttentionPiece piece{queries, keys, head, 2, work, kept};
        const Counters counters = run(piece);
        const std::uint64_t q = blocks(queries), k = blocks(keys), d = blocks(head);
        const auto deep = static_cast<std::uint64_t>(head);
        const bool forward = work == AttentionWork::kForward, again = forward || !kept;
        const bool of_queries = work != AttentionWork::kKeyGradients;
        const bool of_keys = work == AttentionWork::kGradients || work == AttentionWork::kKeyGradients;
        std::uint64_t matrix = issues(q, k, deep) * ((again ? 1 : 0) + (forward ? 0 : 1));
        if (of_queries) matrix += issues(q, d, 8 * k);
        if (of_keys) matrix += 2 * issues(k, d, 8 * q);
        EXPECT_EQ(counters.matrix_issues, matrix) << queries << " " << keys << " " << static_cast<int>(work);
        // A line of scores: seven forward; nine of a gradient, four where the softmax was kept.
        const std::uint64_t lines = 4 * q * k;
        EXPECT_GE(counters.fma_issues, lines * (forward ? 7 : kept ? 4 : 9));
        EXPECT_LE(counters.fma_issues, lines * (forward ? 7
                                                : kept  ? 4
                                                        : 9) +
                                           (forward ? 4 * q * (k / 8 + 2) * (d + 10) : 0));
        // Scores are stored in FP32, and two lines of operands for each block and form.
        const std::uint64_t forms = (of_queries ? 1u : 0u) + (of_keys ? 2u : 0u) + (forward && kept ? 1u : 0u);
        EXPECT_GE(counters.store_lines, lines * ((again ? 1 : 0) + (forward ? 0 : 1)) + 2 * q * k * forms);
      }
    }
  }
}

TEST(AttentionKernel, OfOneByteHasHalfTheIssuesOfOperands) {
  const AttentionPiece two{64, 256, 64, 2, AttentionWork::kForward, false},
      one{64, 256, 64, 1, AttentionWork::kForward, false};
  EXPECT_EQ(run(one).matrix_issues, run(two).matrix_issues);
  EXPECT_LT(run(one).load_lines, run(two).load_lines);
  EXPECT_LE(run(one).cycles, run(two).cycles);
}

TEST(AttentionKernel, UnitsWorkSideBySide) {
  for (const AttentionWork work : kWorks) {
    const AttentionPiece piece{64, 1024, 64, 2, work, false};
    const Counters counters = run(piece);
    EXPECT_GE(counters.cycles, counters.matrix_issues);
    EXPECT_GE(counters.cycles, counters.fma_issues);
    EXPECT_LT(counters.cycles, counters.matrix_issues + counters.fma_issues) << static_cast<int>(work);
    EXPECT_GT(counters.cycles * 2, counters.address_issues);
  }
}

TEST(AttentionKernel, EqualPiecesFollowOneAnother) {
  const AttentionPiece piece{16, 128, 64, 2, AttentionWork::kForward, false};
  const std::uint64_t one = run(piece).cycles, four = run(piece, roomy(), 4).cycles;
  EXPECT_EQ(run(piece, roomy(), 4).matrix_issues, 4 * run(piece).matrix_issues);
  EXPECT_LT(four, 4 * one - one / 2) << "the next one's scores are made meanwhile";
}

TEST(AttentionKernel, SumsInTheUnitIssueTheSame) {
  for (const std::int64_t sums : {1, 2, 4, 8}) {
    Hardware unit = roomy();
    unit.core.sums = topology::SumPlace::kUnit;
    unit.core.unit_sums = sums;
    const AttentionPiece piece{40, 200, 64, 2, AttentionWork::kGradients, false};
    EXPECT_EQ(run(piece, unit).matrix_issues, run(piece).matrix_issues) << sums;
  }
}

TEST(AttentionKernel, WhatIfsAnswerInTheRightDirection) {
  const auto with = [](auto&& change) {
    Hardware hardware = roomy();
    change(hardware);
    return hardware;
  };
  for (const AttentionWork work : kWorks) {
    const AttentionPiece piece{32, 256, 128, 2, work, false};
    const auto ratio = [&](const Hardware& hardware) {
      return static_cast<double>(run(piece, hardware).cycles) / static_cast<double>(run(piece).cycles);
    };
    const int what = static_cast<int>(work);
    // Products are most of the work of heads of 128: half the issues. The other thread's work remains.
    EXPECT_LT(ratio(with([](Hardware& h) { h.matrix_depth = 8; })), 0.85) << what;
    EXPECT_GT(ratio(with([](Hardware& h) { h.matrix_depth = 8; })), 0.45) << what;
    EXPECT_GT(ratio(with([](Hardware& h) { h.core.address_generators = 1; })), 1.1) << what;
    EXPECT_GE(ratio(with([](Hardware& h) { h.core.sram_banks = 4; })), 1.0) << what;
    EXPECT_GT(ratio(with([](Hardware& h) { h.sram_latency_cycles = 8; })), 1.0) << what;
    EXPECT_GT(ratio(with([](Hardware& h) { h.core.vector_issues_per_cycle = 1; })), 1.1) << what;
    EXPECT_LT(ratio(with([](Hardware& h) { h.core.vector_issues_per_cycle = 3; })), 1.01) << what;
    const auto more_ports = [](Hardware& h) { h.load_ports = 3, h.store_ports = 2, h.core.address_generators = 3; };
    EXPECT_LT(ratio(with(more_ports)), 1.0) << what;
  }
}

TEST(AttentionKernel, RefusesWhatItHasNoProgramFor) {
  const auto refused = [](const AttentionPiece& piece, int threads) {
    try {
      (void)core::attention_text({{{piece, 1}}, threads}, roomy());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused({8, 8, 64, 4, AttentionWork::kForward, false}, 2),
              testing::HasSubstr("bytes of an element of attention: found 4, expected 1 to 2"));
  EXPECT_THAT(refused({8, 8, 64, 2, AttentionWork::kForward, false}, 1),
              testing::HasSubstr("compute threads of attention: found 1, expected 2"));
  EXPECT_THAT(refused({0, 8, 64, 2, AttentionWork::kForward, false}, 2), testing::HasSubstr("queries: found 0"));
}

}  // namespace
}  // namespace dojo::test

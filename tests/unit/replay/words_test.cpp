// SPDX-License-Identifier: Apache-2.0
// Collectives word by word: times that can be told by hand, and what is refused.
#include "dojo/replay/words.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "dojo/base/error.h"
#include "support/mesh.h"

namespace dojo::replay {
namespace {

topology::MachineParams wafer(std::int64_t rows, std::int64_t columns) {
  topology::MachineParams machine = test::mesh(rows, columns);
  machine.noc.link_bytes_per_cycle = 4;
  machine.noc.virtual_channels = 2;
  machine.noc.endpoint_cycles = 2;
  machine.noc.switch_order = topology::SwitchOrder::kLinksFirst;
  return machine;
}

Cycles cycles(WordCollective collective, std::int64_t words, const topology::MachineParams& machine) {
  return run_words(collective, words, machine).cycles;
}

/// A word is read in a cycle, goes up the ramp in 2, along a link in 1, down the ramp in 2, and is stored in 1.
TEST(Words, TakeTheirWay) {
  EXPECT_EQ(cycles(WordCollective::kBroadcast, 1, wafer(1, 2)), 1 + 2 + 1 + 2 + 1);
  EXPECT_EQ(cycles(WordCollective::kBroadcast, 1, wafer(1, 9)), 1 + 2 + 8 + 2 + 1);
  EXPECT_EQ(cycles(WordCollective::kBroadcast, 100, wafer(1, 9)), 1 + 2 + 8 + 2 + 1 + 99);
  EXPECT_EQ(cycles(WordCollective::kBroadcast2d, 100, wafer(7, 9)), 1 + 2 + 8 + 6 + 2 + 1 + 99);
  EXPECT_EQ(cycles(WordCollective::kChainReduce, 1, wafer(1, 2)), 7);
  EXPECT_EQ(cycles(WordCollective::kChainReduce, 10, wafer(1, 4)), 1 + 3 * 6 + 9) << "each node adds in a cycle";
}

/// Of 3 nodes, 2 x 2 steps; a chunk of two words takes 2 + 5 cycles and its links, twice the long way back.
TEST(Words, GoRoundARingTwice) {
  EXPECT_EQ(cycles(WordCollective::kRingAllReduce, 6, wafer(1, 3)), 4 * (2 + 5) + 1 + 2 + 1 + 2);
  EXPECT_EQ(cycles(WordCollective::kRingAllReduce, 1, wafer(1, 3)), 4 * (1 + 5) + 1 + 2 + 1 + 2)
      << "two of the chunks have no word";
}

TEST(Words, EachParameterCounts) {
  const auto with = [](auto&& change) {
    topology::MachineParams machine = wafer(1, 8);
    change(machine.noc);
    return cycles(WordCollective::kChainReduce, 64, machine);
  };
  using Noc = topology::NocParams;
  const Cycles before = with([](Noc&) {});
  EXPECT_EQ(with([](Noc& noc) { noc.endpoint_cycles += 1; }), before + 2 * 7);
  EXPECT_EQ(with([](Noc& noc) { noc.hop_cycles += 1; }), before + 7);
  EXPECT_GT(with([](Noc& noc) { noc.endpoint_bytes_per_cycle = 2; }), before + 60);
  EXPECT_GT(with([](Noc& noc) { noc.buffer_packets_per_vc = 1, noc.credit_cycles = 9; }), before + 500);
}

TEST(Words, RefuseWhatTheyCannotRun) {
  const auto refused = [](WordCollective collective, std::int64_t words, const topology::MachineParams& machine) {
    try {
      return fmt::format("{} cycles", run_words(collective, words, machine).cycles);
    } catch (const Error& error) {
      return fmt::format("{}", fmt::join(error.lines(), "; "));
    }
  };
  EXPECT_THAT(refused(WordCollective::kChainReduce, 1, wafer(2, 4)),
              ::testing::HasSubstr("found 2 x 4, expected one row"));
  EXPECT_THAT(refused(WordCollective::kChainReduce, 1, wafer(1, 1)), ::testing::HasSubstr("found 1 x 1"));
  EXPECT_THAT(refused(WordCollective::kBroadcast, 4097, wafer(1, 4)), ::testing::HasSubstr("found 4097 words"));
  topology::MachineParams machine = wafer(1, 4);
  machine.noc.switch_order = topology::SwitchOrder::kInputsFirst;
  machine.noc.wrap = topology::Wrap::kRows;
  machine.noc.virtual_channels = 17;
  const std::string words = refused(WordCollective::kBroadcast, 1, machine);
  for (const char* part : {"machine.noc.wrap", "machine.noc.switch_order", "found 17, expected 2 to 16"})
    EXPECT_THAT(words, ::testing::HasSubstr(part));
}

}  // namespace
}  // namespace dojo::replay

// SPDX-License-Identifier: Apache-2.0
// Signals of a core as changes, and as a value change dump.
#include "dojo/core/wave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace dojo::core {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMany = 1000;
const Wave::Semaphores kNoSignals{};

/// Values of a wire by the cycle at which they change.
std::map<Cycles, std::uint32_t> changes_of(const Wave& wave, std::size_t wire) {
  std::map<Cycles, std::uint32_t> changes;
  for (const Wave::Change& change : wave.changes()) {
    if (change.wire != wire) continue;
    EXPECT_TRUE(changes.emplace(change.cycle, change.value).second) << change.cycle;
  }
  return changes;
}
std::size_t wire_of(const std::string& name) {
  std::size_t wire = 1, found = 0;
  const Counters none{};
  Counters::fields(none, [&](const char* counter, const auto&, const auto&...) {
    if (name == counter) found = wire;
    ++wire;
  });
  EXPECT_NE(found, 0u) << name;
  return found;
}
using Changes = std::map<Cycles, std::uint32_t>;

/// Tells a wave what a core counts.
struct Watched {
  Wave wave;
  Counters counters;
  explicit Watched(Cycles begin = 0, Cycles end = kNever, std::size_t most = kMany) : wave(begin, end, most) {}
  void at(Cycles now, bool sleeps = false) {
    wave.sample(now, counters, WaveStep::kRuns, WaveStep::kRuns, kNoSignals, sleeps);
  }
};

TEST(Wave, AWireHasWhatWasCountedInTheCycle) {
  Watched core;
  for (Cycles now = 0; now < 6; ++now) {
    ++core.counters.cycles;
    core.counters.address_issues += now == 2 ? 2 : now == 3 ? 1 : 0;
    core.at(now);
  }
  EXPECT_EQ(changes_of(core.wave, wire_of("address_issues")), (Changes{{2, 2}, {3, 1}, {4, 0}}));
  EXPECT_EQ(core.wave.initial()[wire_of("cycles")], 1u);
  EXPECT_TRUE(changes_of(core.wave, wire_of("cycles")).empty());
}

TEST(Wave, ACoreThatIsNotSeenDoesNothing) {
  Watched core;
  ++core.counters.cycles, ++core.counters.matrix_issues;
  core.at(4);
  ++core.counters.cycles, ++core.counters.matrix_issues;
  core.at(9);
  core.wave.close();
  EXPECT_EQ(changes_of(core.wave, wire_of("matrix_issues")), (Changes{{4, 1}, {5, 0}, {9, 1}, {10, 0}}));
}

TEST(Wave, ASleepingCoreGoesOnAsItWas) {
  // Two threads wait from cycle 3 on; the core counts the sleep when it wakes, as core::PipelineNode does.
  Watched core;
  ++core.counters.cycles, core.counters.semaphore_thread_cycles += 2, ++core.counters.vector_empty_cycles;
  core.at(3, true);
  core.counters.packets_received += 1;
  core.at(5, true);
  core.counters.cycles += 7, core.counters.semaphore_thread_cycles += 2 * 6 + 1, core.counters.vector_empty_cycles += 7;
  core.counters.matrix_issues += 1;
  core.at(10);
  EXPECT_EQ(changes_of(core.wave, wire_of("semaphore_thread_cycles")), (Changes{{3, 2}, {10, 1}}));
  EXPECT_EQ(changes_of(core.wave, wire_of("vector_empty_cycles")), (Changes{{3, 1}}));
  EXPECT_EQ(changes_of(core.wave, wire_of("packets_received")), (Changes{{5, 1}, {6, 0}}));
  EXPECT_EQ(changes_of(core.wave, wire_of("cycles")), (Changes{{3, 1}}));
  EXPECT_EQ(changes_of(core.wave, wire_of("matrix_issues")), (Changes{{10, 1}}));
}

TEST(Wave, PartsOfACycleAddUp) {
  Watched core;
  ++core.counters.packets_sent;
  core.at(1);
  ++core.counters.packets_sent;
  core.at(1);
  core.wave.close();
  EXPECT_EQ(core.wave.changes().back().value, 0u);
  std::uint32_t most = 0;
  for (const Wave::Change& change : core.wave.changes())
    if (change.wire == wire_of("packets_sent")) most = std::max(most, change.value);
  EXPECT_EQ(most, 2u);
}

TEST(Wave, StepAndSemaphoresAreStates) {
  Wave wave(0, kNever, kMany);
  Wave::Semaphores two{};
  two[1] = 2;
  wave.sample(1, {}, WaveStep::kWaits, WaveStep::kWaits, two, false);
  wave.sample(6, {}, WaveStep::kRuns, WaveStep::kNone, kNoSignals, false);
  wave.close();
  EXPECT_EQ(changes_of(wave, 0), (Changes{{1, 1}, {6, 2}, {7, 0}}));
  EXPECT_EQ(changes_of(wave, 1 + Wave::kCounters + 1), (Changes{{1, 2}, {6, 0}}));
}

TEST(Wave, KeepsTheCyclesAskedFor) {
  Watched core(3, 5);
  for (Cycles now = 0; now < 8; ++now) {
    core.counters.fma_issues += static_cast<std::uint64_t>(now + 1);
    core.at(now);
  }
  EXPECT_EQ(core.wave.initial()[wire_of("fma_issues")], 4u);
  EXPECT_EQ(changes_of(core.wave, wire_of("fma_issues")), (Changes{{4, 5}}));
}

TEST(Wave, EndsWhereItIsFull) {
  Watched core(0, kNever, 3);
  for (Cycles now = 1; now < 8; ++now) {
    core.counters.fma_issues += static_cast<std::uint64_t>(now);
    core.at(now);
  }
  EXPECT_EQ(core.wave.full_at(), 3);  // the step, and two values
  EXPECT_EQ(core.wave.changes().size(), 3u);
}

std::string vcd_of(const std::vector<NodeWave>& waves, Cycles begin, Cycles end, double clock_hz = 2e9) {
  std::string text;
  write_vcd(waves, clock_hz, begin, end, [&text](std::string_view bytes) { text += bytes; });
  return text;
}

TEST(Vcd, IsTheFormatOfViewers) {
  Watched core;
  ++core.counters.matrix_issues;
  core.at(2);
  core.counters.address_issues += 2;
  core.at(3);
  core.wave.close();
  const std::string text = vcd_of({{0, 3, "tile.die[1].node[3]", core.wave}}, 0, 5);
  EXPECT_THAT(text, HasSubstr("$timescale 1 ps $end\n$scope module tile $end\n$scope module die(1) $end\n"
                              "$scope module node(3) $end\n$var wire 2 ! step $end\n"));
  EXPECT_THAT(text,
              HasSubstr("$upscope $end\n$upscope $end\n$upscope $end\n$enddefinitions $end\n#0\n$dumpvars\nb0 !\n"));
  // matrix_issues is the sixth wire, address_issues the fifth and two bits wide.
  EXPECT_THAT(text, HasSubstr("$var wire 1 & matrix_issues $end\n"));
  EXPECT_THAT(text, HasSubstr("$var wire 2 % address_issues $end\n"));
  EXPECT_THAT(text, HasSubstr("$end\n#1000\nb10 !\n1&\n#1500\nb10 %\n0&\n#2000\nb0 %\n#2500\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("semaphore_0 ")));  // nobody ever signalled it
}

TEST(Vcd, ManyNodesHaveNamesOfTheirOwnAndOneClock) {
  std::vector<NodeWave> waves;
  for (SiteIndex site = 0; site < 200; ++site) {
    Watched core;
    ++core.counters.fma_issues;
    core.at(Cycles{1} + site % 2);
    waves.push_back({0, site, "die.node[" + std::to_string(site) + "]", core.wave});
  }
  const std::string text = vcd_of(waves, 0, 4);
  std::map<std::string, int> names;
  std::size_t at = 0;
  Cycles last = -1;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    if (line.rfind("$var wire ", 0) == 0) ++names[line.substr(12, line.find(' ', 12) - 12)];
    if (line[0] == '#') {
      EXPECT_GT(std::stoll(line.substr(1)), last);
      last = std::stoll(line.substr(1));
    }
    at = end + 1;
  }
  EXPECT_EQ(names.size(), 200 * (1 + Wave::kCounters));
  EXPECT_EQ(last, 2000);
}

TEST(Vcd, ACycleThatIsNoWholeNumberOfPicoseconds) {
  Watched core;
  ++core.counters.fma_issues;
  core.at(1000);
  EXPECT_THAT(vcd_of({{0, 0, "node", core.wave}}, 0, 2000, 1.5e9), HasSubstr("\n#666667\n"));
}

TEST(Vcd, EndsWithTheFirstNodeThatIsFull) {
  Watched one(0, kNever, 2), other;
  for (Cycles now = 1; now < 8; ++now) {
    for (Watched* core : {&one, &other}) {
      core->counters.fma_issues += static_cast<std::uint64_t>(now);
      core->at(now);
    }
  }
  const std::vector<NodeWave> waves{{0, 0, "a", one.wave}, {0, 1, "b", other.wave}};
  EXPECT_EQ(full_at(waves), 2);
  const std::string text = vcd_of(waves, 0, kNever);
  EXPECT_EQ(text.substr(text.rfind('#')), "#1000\n");
}

}  // namespace
}  // namespace dojo::core

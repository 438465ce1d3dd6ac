// SPDX-License-Identifier: Apache-2.0
// Laws of both network models on random meshes, machines, routers and patterns: every packet arrives, no flit or
// credit is lost, no packet is faster than in an empty network, cuts and threads change nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/draw.h"
#include "support/net.h"

namespace dojo::test {
namespace {

int between(Draw& draw, int low, int high) {
  return static_cast<int>(draw.between(low, high));
}

std::string set(const std::string& key, int value) {
  return key + "=" + std::to_string(value);
}

std::vector<std::string> random_router(Draw& draw) {
  return {set("router.virtual_channels", between(draw, 1, 8)),
          set("router.input_buffer_flits", between(draw, 1, 20)),
          set("router.hop_cycles", between(draw, 1, 5)),
          set("router.credit_cycles", between(draw, 1, 5)),
          set("router.injection_cycles", between(draw, 1, 3)),
          set("router.internal_speedup", between(draw, 1, 2)),
          std::string("router.speculative=") + draw.one_of({"true", "false"})};
}

std::vector<std::string> random_traffic(Draw& draw, int sites) {
  const std::string pattern =
      draw.one_of<std::string>({"uniform", "transpose", "tornado", "neighbor", "bitcomp", "mirror", "hotspot"});
  std::vector<std::string> settings{"net.pattern=" + pattern,
                                    set("net.packet_flits", draw.one_of({1, 2, 5, 8, 9, 17, 40, 64})),
                                    fmt::format("net.rate={}", 0.005 * between(draw, 1, 30)),
                                    "net.warmup_cycles=400",
                                    "net.measure_cycles=1000",
                                    std::string("net.mirror=") + draw.one_of({"rows", "columns"}),
                                    std::string("net.scope=") + draw.one_of({"die", "machine"}),
                                    set("run.threads", between(draw, 1, 3)),
                                    set("run.seed", between(draw, 0, 1000)),
                                    set("machine.node.noc_read_ports", draw.one_in(3) ? between(draw, 2, 5) : 1),
                                    set("machine.node.noc_write_ports", draw.one_in(3) ? between(draw, 2, 5) : 1)};
  if (pattern == "hotspot") settings.push_back(set("net.hotspots[0]", between(draw, 0, sites - 1)));
  return settings;
}

std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// measure_net() has checked that flits that entered = left + inside.
void expect_laws(const NetMeasured& run, const std::string& trace) {
  SCOPED_TRACE(trace);
  const traffic::Outcome& o = run.outcome;
  if (o.saturated) return;  // a hotspot may be; conservation was checked
  EXPECT_EQ(o.not_arrived, 0u) << "a packet that never arrives is a deadlock";
  EXPECT_EQ(o.tally.measured, o.created);
  EXPECT_EQ(o.tally.injected, o.created);
  if (o.created < 300) return;
  const double distance = static_cast<double>(o.tally.distance) / static_cast<double>(o.created);
  EXPECT_NEAR(distance, run.distance, 0.2 * run.distance + 0.3) << "hops of the sample against those of the pattern";
}

bool same(const traffic::Outcome& a, const traffic::Outcome& b) {
  return a.end == b.end && a.created == b.created && a.tally.cycles == b.tally.cycles &&
         a.tally.accepted == b.tally.accepted && a.tally.longest == b.tally.longest &&
         a.tally.flits_injected == b.tally.flits_injected && a.tally.packets_ejected == b.tally.packets_ejected;
}

TEST(ReferenceNetwork, LawsHoldOnRandomMeshes) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Draw draw(seed);
    const int rows = between(draw, 1, 9), columns = between(draw, 1, 9);
    const std::vector<std::string> settings =
        joined(joined({set("net.mesh.rows", rows), set("net.mesh.columns", columns)}, random_router(draw)),
               random_traffic(draw, rows * columns));
    const NetMeasured whole = measure_net("", settings);
    expect_laws(whole, fmt::format("seed {}: {}", seed, fmt::join(settings, " ")));
    EXPECT_TRUE(same(measure_net("", settings, between(draw, 1, 12)).outcome, whole.outcome)) << "seed " << seed;
    expect_laws(measure_net(net_config("", settings), NetModel::kFast),
                fmt::format("fast, seed {}: {}", seed, fmt::join(settings, " ")));
  }
}

TEST(ReferenceNetwork, LawsHoldOnRandomMachines) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Draw draw(seed);
    const int rows = between(draw, 1, 4), columns = between(draw, 1, 4);
    const int absent = rows * columns > 1 ? between(draw, 0, 1) : 0;
    const std::vector<std::string> machine{"machine.level=tile",
                                           set("machine.tile.dies.rows", between(draw, 1, 4)),
                                           set("machine.tile.dies.columns", between(draw, 1, 4)),
                                           set("machine.die.grid.rows", rows),
                                           set("machine.die.grid.columns", columns),
                                           set("machine.die.enabled", rows * columns - absent),
                                           set("machine.die.crossing_ns", between(draw, 1, 60)),
                                           fmt::format("machine.die.edge_bytes_per_s={}e9", between(draw, 20, 800)),
                                           set("machine.die.crossing_buffer_bytes", between(draw, 0, 1) * 4096)};
    std::vector<std::string> settings =
        joined(joined(machine, random_router(draw)), random_traffic(draw, rows * columns));
    const NetMeasured run = measure_net("", settings);
    expect_laws(run, fmt::format("seed {}: {}", seed, fmt::join(settings, " ")));
    const NetMeasured fast = measure_net(net_config("", settings), NetModel::kFast);
    expect_laws(fast, fmt::format("fast, seed {}: {}", seed, fmt::join(settings, " ")));
    settings.emplace_back("run.threads=4");
    EXPECT_TRUE(same(measure_net("", settings).outcome, run.outcome)) << "seed " << seed;
    EXPECT_TRUE(same(measure_net(net_config("", settings), NetModel::kFast).outcome, fast.outcome)) << "seed " << seed;
  }
}

/// Mean latency is never below that of an empty network for the distances that were drawn.
TEST(ReferenceNetwork, NoPacketIsFasterThanInAnEmptyNetwork) {
  for (const char* pattern : {"transpose", "tornado", "neighbor", "bitcomp", "mirror"}) {
    const NetMeasured run = measure_net(
        "configs/net/reference_base.json",
        {std::string("net.pattern=") + pattern, "net.rate=0.002", "net.packet_flits=1", "net.measure_cycles=20000"});
    const double distance = static_cast<double>(run.outcome.tally.distance) / static_cast<double>(run.outcome.created);
    EXPECT_GE(run.outcome.mean_cycles, 3 * (distance + 1) + 2 - 1e-9) << pattern;
    EXPECT_NEAR(run.outcome.mean_cycles, 3 * (distance + 1) + 2, 0.3) << pattern;
  }
}

}  // namespace
}  // namespace dojo::test

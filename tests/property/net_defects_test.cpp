// SPDX-License-Identifier: Apache-2.0
// Synthetic traffic on machines with dead parts, in both network models: every packet arrives, no flit or credit is
// lost, nothing stands still above saturation, threads change nothing, and what is not touched is as on a whole
// machine.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "dojo/base/error.h"
#include "support/net.h"

namespace dojo::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Settings = std::vector<std::string>;

Settings with(Settings settings, const Settings& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

/// 3 x 3 dies of 6 x 6 nodes, or of 18 x 20 at every tenth seed, with dead routers and links, and at times a dead die,
/// an edge, cores.
Settings hurt_machine(unsigned seed) {
  std::mt19937 draw(seed);
  const auto one_in = [&draw](unsigned n) { return draw() % n == 0; };
  const bool real = seed % 10 == 0;
  Settings set{"machine.level=tile", fmt::format("machine.tile.dies={{\"rows\":{0},\"columns\":{0}}}", real ? 2 : 3)};
  if (!real) set = with(set, {"machine.die.grid={\"rows\":6,\"columns\":6}", "machine.die.enabled=36"});
  set.emplace_back("machine.die.crossing_ns=20");
  std::string random = fmt::format("{{\"kind\":\"router\",\"share\":0.0{},\"seed\":{}}}", 1 + draw() % 4, seed);
  if (one_in(2)) random += fmt::format(",{{\"kind\":\"link\",\"share\":0.03,\"seed\":{}}}", seed);
  if (one_in(3)) random += fmt::format(",{{\"kind\":\"core\",\"share\":0.05,\"seed\":{}}}", seed);
  if (one_in(2)) random += fmt::format(",{{\"kind\":\"die\",\"count\":1,\"seed\":{}}}", seed);
  set.push_back("machine.defects_random=[" + random + "]");
  if (one_in(2)) set.emplace_back("machine.defects=[{\"path\":\"tile.die[0].edge.south\",\"kind\":\"edge\"}]");
  return set;
}

Settings traffic(unsigned seed, double rate) {
  std::mt19937 draw(seed + 1000);
  const char* const patterns[] = {"uniform", "transpose", "tornado", "neighbor", "bitcomp", "mirror"};
  const int flits[] = {1, 2, 8, 17, 64};
  return {fmt::format("net.pattern={}", patterns[draw() % 6]),
          fmt::format("net.packet_flits={}", flits[draw() % 5]),
          fmt::format("router.virtual_channels={}", 1 + draw() % 2),  // up to six legs
          fmt::format("router.internal_speedup={}", 1 + draw() % 2),
          fmt::format("router.speculative={}", draw() % 2 == 0 ? "true" : "false"),
          fmt::format("net.scope={}", draw() % 3 == 0 ? "die" : "machine"),
          fmt::format("net.rate={}", rate),
          "router.hop_cycles=1",
          "net.warmup_cycles=500",
          "net.measure_cycles=1500"};
}

NetMeasured measured(const Settings& settings, NetModel model, int threads) {
  return measure_net(net_config("", with(settings, {fmt::format("run.threads={}", threads)})), model);
}

bool same(const traffic::Outcome& a, const traffic::Outcome& b) {
  return a.end == b.end && a.created == b.created && a.tally.cycles == b.tally.cycles &&
         a.tally.accepted == b.tally.accepted && a.tally.longest == b.tally.longest &&
         a.tally.distance == b.tally.distance && a.tally.flits_injected == b.tally.flits_injected;
}

class HurtMachines : public testing::TestWithParam<unsigned> {};

TEST_P(HurtMachines, EveryPacketArrives) {
  const Settings settings = with(hurt_machine(GetParam()), traffic(GetParam(), 0.01));
  SCOPED_TRACE(fmt::format("{}", fmt::join(settings, " ")));
  for (const NetModel model : {NetModel::kFast, NetModel::kReference}) {
    const NetMeasured run = measured(settings, model, 1);  // flits that entered = left + inside: checked there
    if (!run.outcome.saturated) {
      EXPECT_EQ(run.outcome.not_arrived, 0u);
    }
    EXPECT_GT(run.outcome.created, 0u);
    EXPECT_TRUE(same(measured(settings, model, 3).outcome, run.outcome));
  }
}

/// Every node sends what it can: a circle of packets that wait for each other would stop them for good.
TEST_P(HurtMachines, NothingStandsStillAboveSaturation) {
  const config::RunConfig config = net_config("", with(hurt_machine(GetParam()), traffic(GetParam(), 1)));
  const topology::Topology topology(config.machine);
  const traffic::Endpoints endpoints(topology, config.net);
  for (const NetModel model : {NetModel::kFast, NetModel::kReference}) {
    const auto network = net_model(config, topology, endpoints, model);
    std::uint64_t before = 0;
    for (const Cycles until : {2000, 4000, 6000}) {
      network->run_until(until);
      const std::uint64_t ejected = network->tally().flits_ejected;
      EXPECT_GT(ejected - before, endpoints.senders()) << "by cycle " << until;
      before = ejected;
    }
    network->check();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HurtMachines, testing::Range(1u, 31u));

/// A die in the corner sends within itself; dead is the corner across. Each leg has as many virtual channels as a whole
/// machine's ports, so that nothing differs, also where packets meet.
TEST(HurtNetworks, WhatIsNotTouchedIsAsOnAWholeMachine) {
  const Settings traffic{"machine.level=tile", "net.pattern=uniform",    "net.area={\"rows\":1,\"columns\":1}",
                         "net.packet_flits=8", "net.rate=0.12",          "net.warmup_cycles=500",
                         "run.threads=1",      "net.measure_cycles=3000"};
  for (const NetModel model : {NetModel::kFast, NetModel::kReference}) {
    const NetMeasured whole = measure_net(net_config("", traffic), model);
    const NetMeasured hurt = measure_net(
        net_config("", with(traffic, {"machine.defects=[{\"path\":\"tile.die[24]\",\"kind\":\"die\"}]"})), model);
    EXPECT_TRUE(same(whole.outcome, hurt.outcome));
    EXPECT_EQ(whole.flit_hops, hurt.flit_hops);
    EXPECT_EQ(whole.zero_load_cycles, hurt.zero_load_cycles);
  }
}

TEST(HurtNetworks, NodesWhoseImageIsOnADeadDieAreSilent) {
  const auto senders = [](const Settings& more) {
    const config::RunConfig config = net_config("", with({"machine.level=tile", "net.pattern=bitcomp"}, more));
    const topology::Topology topology(config.machine);
    return traffic::Endpoints(topology, config.net).senders();
  };
  EXPECT_EQ(senders({}), 25u * 354);
  EXPECT_EQ(senders({"machine.defects=[{\"path\":\"tile.die[0]\",\"kind\":\"die\"}]"}), 23u * 354);
}

TEST(HurtNetworks, WhatCannotBeSentIsSaidBefore) {
  const auto refusal = [](const Settings& settings) -> std::string {
    try {
      (void)measure_net(net_config("", settings), NetModel::kFast);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return fmt::format("{}", fmt::join(error.lines(), "\n"));
    }
    return "accepted";
  };
  const Settings hurt{"machine.level=die",
                      "machine.defects=[{\"path\":\"die.node[103].router\",\"kind\":\"router\"},"
                      "{\"path\":\"die.node[123].router\",\"kind\":\"router\"}]"};
  EXPECT_EQ(refusal(with(hurt, {"net.rate=0.01"})), "accepted");
  EXPECT_THAT(refusal({"machine.level=tile", "machine.defects=[{\"path\":\"tile.die[0]\",\"kind\":\"die\"}]",
                       "net.area={\"rows\":1,\"columns\":1}"}),
              HasSubstr("net.area: found no node that works"));
  const std::string many = refusal(
      {"machine.level=tile", "router.virtual_channels=8",
       "machine.defects_random=[{\"kind\":\"router\",\"share\":0.06,\"seed\":1},{\"kind\":\"link\",\"share\":0.05,"
       "\"seed\":1}]"});
  EXPECT_THAT(many, AllOf(HasSubstr("in at most 2 legs"), HasSubstr("set router.virtual_channels lower")));
  EXPECT_EQ(std::count(many.begin(), many.end(), '\n'), 19) << "twenty at once";
}

/// Those whose way in dimension order would lead through the one dead router.
TEST(HurtNetworks, PairsThatGoAroundAreCounted) {
  const config::RunConfig config = net_config(
      "", {"machine.level=die", "machine.defects=[{\"path\":\"die.node[103].router\",\"kind\":\"router\"}]"});
  const topology::Topology topology(config.machine);
  const traffic::Endpoints endpoints(topology, config.net);
  const auto between = [](int at, int a, int b) { return at >= std::min(a, b) && at <= std::max(a, b); };
  int around = 0;
  for (std::uint32_t from = 0; from < endpoints.count(); ++from) {
    for (std::uint32_t to = 0; to < endpoints.count(); ++to) {
      const topology::Site a = endpoints.site(from), b = endpoints.site(to);  // the router: row 5, column 3
      around += (a.row == 5 && between(3, a.column, b.column)) || (b.column == 3 && between(5, a.row, b.row)) ? 1 : 0;
    }
  }
  const traffic::Ways ways = traffic::find_ways(topology, endpoints, 4, 1, [] { return false; });
  EXPECT_EQ(ways.pairs, 353u * 353);
  EXPECT_NEAR(ways.detours, around / (353.0 * 353), 1e-12);
}

/// A pair that was not among those looked at before: the run ends with the same sentence.
TEST(HurtNetworks, APacketWithoutAWayIsAnErrorOfTheInput) {
  const config::RunConfig config =
      net_config("", {"machine.level=tile", "machine.defects_random=[{\"kind\":\"router\",\"share\":0.03,\"seed\":1}]",
                      "router.virtual_channels=8", "router.hop_cycles=1", "net.rate=0.1", "run.threads=2"});
  const topology::Topology topology(config.machine);
  const traffic::Endpoints endpoints(topology, config.net);
  for (const NetModel model : {NetModel::kFast, NetModel::kReference}) {
    const auto network = net_model(config, topology, endpoints, model);
    try {
      network->run_until(1000);
      FAIL() << "all were sent";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      EXPECT_THAT(error.what(), HasSubstr("in at most 2 legs"));
    }
  }
}

}  // namespace
}  // namespace dojo::test

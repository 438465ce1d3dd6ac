// SPDX-License-Identifier: Apache-2.0
// Packets one by one over meshes and rings: times to the cycle, rates of nodes, and no deadlock under load.
#include "dojo/reference/packets.h"

#include <gtest/gtest.h>

#include <map>

#include "support/draw.h"

namespace dojo::reference {
namespace {

using Arrivals = std::vector<PacketNetwork::Arrival>;

PacketNetworkParams torus(std::uint32_t rows, std::uint32_t columns, bool one_way) {
  PacketNetworkParams params;
  params.rings = {{columns, true, one_way}, {rows, true, one_way}, false};
  params.hop_cycles = 9;
  params.endpoint_cycles = 5;
  params.virtual_channels = 8;
  params.buffer_flits = 32;
  return params;
}

Arrivals run(PacketNetwork& network, Cycles most) {
  Arrivals arrivals;
  for (Cycles now = 0; now < most && !network.idle(); ++now) network.cycle(now, arrivals);
  EXPECT_TRUE(network.idle()) << "packets are still under way after " << most << " cycles";
  return arrivals;
}

/// Of one packet in an empty network: 5 to its router, 9 for each hop, 5 to the node, a cycle for each further flit.
TEST(Packets, TakeTheirHopsAndTheirFlits) {
  for (const bool one_way : {false, true}) {
    const PacketNetworkParams params = torus(12, 10, one_way);
    for (const std::uint32_t to : {0u, 1u, 9u, 10u, 110u, 55u, 119u}) {
      for (const std::uint32_t flits : {1u, 2u, 129u}) {
        const auto network = make_packet_network(params);
        network->send({0, to, flits, 1, 7});
        const Arrivals arrivals = run(*network, 5000);
        ASSERT_EQ(arrivals.size(), 1u);
        EXPECT_EQ(arrivals[0].tag, 7u);
        const Cycles hops = params.rings.row.hops(0, to % 10) + params.rings.column.hops(0, to / 10);
        EXPECT_EQ(arrivals[0].time, 5 + 9 * hops + 5 + flits - 1) << to << ", " << flits << " flits";
      }
    }
  }
}

TEST(Packets, GoAtTheRateOfTheirNode) {
  PacketNetworkParams params = torus(12, 10, true);
  params.endpoint_cycles_of_1024_flits = 2048;
  const auto network = make_packet_network(params);
  for (std::uint32_t i = 0; i < 8; ++i) network->send({0, 1, 129, 1, i});
  const Arrivals arrivals = run(*network, 20000);
  ASSERT_EQ(arrivals.size(), 8u);
  EXPECT_NEAR(static_cast<double>(arrivals.back().time), 2.0 * 8 * 129 + 19, 4);
}

TEST(Packets, OfSeveralSendersShareWhatANodeTakes) {
  PacketNetworkParams params = torus(12, 10, true);
  params.endpoint_cycles_of_1024_flits = 1536;
  const auto network = make_packet_network(params);
  for (std::uint32_t i = 1; i < 9; ++i) network->send({i * 10 + i, 0, 200, 1, i});
  const Arrivals arrivals = run(*network, 20000);
  ASSERT_EQ(arrivals.size(), 8u);
  EXPECT_NEAR(static_cast<double>(arrivals.back().time), 1.5 * 8 * 200 + 150, 150);
}

/// Cycles that `senders` nodes of one row take to send `flits` each to the node behind them.
Cycles last_arrival(const PacketNetworkParams& params, std::uint32_t senders, std::uint32_t flits) {
  const auto network = make_packet_network(params);
  for (std::uint32_t i = 0; i < senders; ++i) network->send({i, senders, flits, 1, i});
  const Arrivals arrivals = run(*network, 100000);
  EXPECT_EQ(arrivals.size(), senders);
  return arrivals.empty() ? 0 : arrivals.back().time;
}

PacketNetworkParams row_with_shared_buffers() {
  PacketNetworkParams params;
  params.rings = {{4, false, false}, {1, false, false}, false};
  params.hop_cycles = 9;
  params.endpoint_cycles = 5;
  params.credit_cycles = 7;
  params.virtual_channels = 2;  // one of each class
  params.buffer_flits = 1;
  params.shared_flits_of_channel = 15;
  return params;
}

/// A place is free for the next flit 9 + 7 cycles after the last: 16 of them carry a flit a cycle, one a sixteenth.
TEST(Packets, OfOneChannelHaveWhatIsSharedToo) {
  PacketNetworkParams params = row_with_shared_buffers();
  constexpr std::uint32_t kFlits = 1600;
  const auto takes = [&](std::uint32_t shared) {
    params.shared_flits = shared;
    return static_cast<double>(last_arrival(params, 1, kFlits));
  };
  EXPECT_NEAR(takes(15), kFlits, 30);
  EXPECT_NEAR(takes(100), kFlits, 30) << "no more than 15 are for one channel";
  EXPECT_NEAR(takes(7), 2 * kFlits, 60);
  EXPECT_NEAR(takes(0), 16 * kFlits, 300);
}

/// Two packets on two channels of a link, of which one ends at a node that takes a flit in 100 cycles: it fills what is
/// shared, and the other has its own place left.
TEST(Packets, ThatStandStillTakeWhatIsShared) {
  PacketNetworkParams params = row_with_shared_buffers();
  params.virtual_channels = 4;
  params.slower_nodes = {{2, 102400}};
  const auto passes = [&](std::uint32_t shared) {
    params.shared_flits = shared;
    const auto network = make_packet_network(params);
    network->send({0, 2, 400, 1, 0});
    Arrivals arrivals;
    for (Cycles now = 0; now < 2000; ++now) network->cycle(now, arrivals);
    network->send({1, 3, 160, 1, 1});
    for (Cycles now = 2000; now < 100000 && arrivals.empty(); ++now) network->cycle(now, arrivals);
    EXPECT_EQ(arrivals.at(0).tag, 1u);
    return static_cast<double>(arrivals.at(0).time - 2000);
  };
  EXPECT_NEAR(passes(30), 160, 60);
  EXPECT_NEAR(passes(15), 16 * 160, 300);
}

/// From west to east and from the node to the south: both go at once either way. West sends to the east and to the
/// south in turns: only where links choose first do both links carry what both input ports have.
TEST(Packets, OfOneInputMayFeedTwoLinks) {
  PacketNetworkParams params = torus(3, 3, false);
  params.rings = {{3, false, false}, {3, false, false}, false};
  const auto takes = [&](topology::SwitchOrder order) {
    params.switch_order = order;
    const auto network = make_packet_network(params);
    network->send({3, 5, 300, 1, 0});  // through the middle to the east
    network->send({3, 7, 300, 0, 1});  // through the middle to the south, of the other class
    network->send({4, 5, 300, 1, 2});
    network->send({4, 7, 300, 0, 3});
    return run(*network, 5000).back().time;
  };
  EXPECT_LE(takes(topology::SwitchOrder::kLinksFirst), takes(topology::SwitchOrder::kInputsFirst));
}

/// A packet keeps its lane where it is free: two of one node go side by side on two lanes, in turns or not; a third
/// takes the lane that is given back first.
TEST(Packets, KeepTheirLaneWhereItIsFree) {
  for (const auto choice : {topology::LaneChoice::kInTurn, topology::LaneChoice::kKeep}) {
    PacketNetworkParams params = torus(12, 10, true);
    params.lane_choice = choice;
    const auto network = make_packet_network(params);
    for (std::uint32_t i = 0; i < 6; ++i) network->send({i % 3, 5, 100, 1, i});
    const Arrivals arrivals = run(*network, 5000);
    ASSERT_EQ(arrivals.size(), 6u);
    EXPECT_NEAR(static_cast<double>(arrivals.back().time), 6 * 100 + 5 + 3 * 9 + 5, 20) << "the last link never rests";
  }
}

PacketNetworkParams open_mesh(std::uint32_t rows, std::uint32_t columns) {
  PacketNetworkParams params;
  params.rings = {{columns, false, false}, {rows, false, false}, false};
  params.endpoint_cycles = 2;
  params.credit_cycles = 1;
  params.virtual_channels = 2;
  params.buffer_flits = 4;
  params.switch_order = topology::SwitchOrder::kLinksFirst;
  return params;
}

/// From any router to any rectangle around it: each node has its copy after its own distance, one a cycle.
TEST(Packets, ForkToAllNodesOfARectangle) {
  const PacketNetworkParams params = open_mesh(5, 6);
  constexpr std::uint32_t kWords = 20;
  for (const std::uint32_t from : {0u, 8u, 29u}) {
    const std::uint32_t row = from / 6, column = from % 6;
    const PacketReach reach{static_cast<std::uint16_t>(row / 2), 4, 0, static_cast<std::uint16_t>((column + 5) / 2)};
    const auto network = make_packet_network(params);
    for (std::uint32_t i = 0; i < kWords; ++i) network->send_to_all({from, from, 1, 1, i}, reach);
    std::map<std::uint32_t, std::vector<PacketNetwork::Arrival>> by_router;
    for (const auto& arrival : run(*network, 1000)) by_router[arrival.router].push_back(arrival);
    std::size_t reached = 0;
    for (std::uint32_t to = 0; to < 30; ++to) {
      const std::uint32_t at_row = to / 6, at_column = to % 6;
      if (to == from || at_row < reach.first_row || at_column > reach.last_column) continue;
      ++reached;
      const Cycles hops = std::abs(static_cast<int>(at_row) - static_cast<int>(row)) +
                          std::abs(static_cast<int>(at_column) - static_cast<int>(column));
      ASSERT_EQ(by_router[to].size(), kWords) << from << " to " << to;
      for (std::uint32_t i = 0; i < kWords; ++i) {
        EXPECT_EQ(by_router[to][i].tag, i);
        EXPECT_EQ(by_router[to][i].time, 2 + hops + 2 + i) << from << " to " << to;
      }
    }
    EXPECT_EQ(by_router.size(), reached) << "nobody else has a copy";
  }
}

/// Multicasts from everywhere to everywhere beside packets for one node, on few places: all of them arrive.
TEST(Packets, ThatForkArriveBesideOthers) {
  for (const std::uint32_t channels : {2u, 8u, 16u}) {
    PacketNetworkParams params = open_mesh(4, 4);
    params.virtual_channels = channels;
    params.buffer_flits = 1;
    params.endpoint_cycles_of_1024_flits = 3000;
    const auto network = make_packet_network(params);
    for (std::uint32_t i = 0; i < 160; ++i) {
      network->send_to_all({i % 16, 0, 1, 1, 0}, PacketReach{0, 3, 0, 3});
      network->send({i % 16, (i * 7 + 3) % 16, 9, i % 2, 1});
    }
    std::map<std::uint32_t, std::size_t> of_tag;
    for (const PacketNetwork::Arrival& arrival : run(*network, 100000)) ++of_tag[arrival.tag];
    EXPECT_EQ(of_tag[0], 160u * 15);
    EXPECT_EQ(of_tag[1], 160u);
  }
}

/// Fifty drawn networks, each with more packets than its buffers hold: all of them arrive, each once.
TEST(Packets, NeverDeadlock) {
  test::Draw draw(11);
  for (int i = 0; i < 50; ++i) {
    PacketNetworkParams params;
    const bool row_ring = draw.between(0, 2) != 0, column_ring = draw.between(0, 2) != 0;
    const bool one_way = row_ring && column_ring && draw.between(0, 1) == 1;
    params.rings.row = {static_cast<std::uint32_t>(draw.between(1, 9)), row_ring, one_way};
    params.rings.column = {static_cast<std::uint32_t>(draw.between(1, 9)), column_ring, one_way};
    params.rings.columns_first = draw.between(0, 1) == 1;
    params.hop_cycles = draw.between(1, 9);
    params.endpoint_cycles = draw.between(1, 5);
    params.virtual_channels = params.rings.any() || draw.between(0, 1) == 1 ? (4u << draw.between(0, 2)) : 2;
    params.buffer_flits = static_cast<std::uint32_t>(draw.between(1, 9));
    params.endpoint_cycles_of_1024_flits = static_cast<std::uint32_t>(draw.between(1024, 3000));
    params.credit_cycles = draw.between(0, 9);
    params.switch_order = draw.between(0, 1) == 1 ? topology::SwitchOrder::kLinksFirst : params.switch_order;
    params.lane_choice = draw.between(0, 1) == 1 ? topology::LaneChoice::kKeep : params.lane_choice;
    params.shared_flits = static_cast<std::uint32_t>(draw.between(0, 20));
    params.shared_flits_of_channel = std::min(params.shared_flits, static_cast<std::uint32_t>(draw.between(0, 9)));
    const std::uint32_t routers = params.rings.row.length * params.rings.column.length;
    const auto network = make_packet_network(params);
    std::map<std::uint32_t, int> left;
    for (std::uint32_t tag = 0; tag < 20 * routers; ++tag) {
      network->send({tag % routers, static_cast<std::uint32_t>(draw.between(0, routers - 1)),
                     static_cast<std::uint32_t>(draw.between(1, 40)), static_cast<std::uint32_t>(draw.between(0, 1)),
                     tag});
      left[tag] = 1;
    }
    for (const PacketNetwork::Arrival& arrival : run(*network, 400000)) --left[arrival.tag];
    for (const auto& [tag, open] : left) ASSERT_EQ(open, 0) << "network " << i << ", packet " << tag;
  }
}

}  // namespace
}  // namespace dojo::reference

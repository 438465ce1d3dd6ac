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
    params.virtual_channels = params.rings.any() || draw.between(0, 1) == 1 ? (draw.between(0, 1) == 1 ? 8 : 4) : 2;
    params.buffer_flits = static_cast<std::uint32_t>(draw.between(1, 9));
    params.endpoint_cycles_of_1024_flits = static_cast<std::uint32_t>(draw.between(1024, 3000));
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

// SPDX-License-Identifier: Apache-2.0
// Packets that cross idle ports of a die without events, and give way to others.
#include <gtest/gtest.h>

#include <memory>

#include "traffic/packet_mesh.h"

namespace dojo::traffic {
namespace {

RouterParams d1() {
  RouterParams router;
  router.hop_cycles = 1;
  return router;
}

std::uint32_t to(std::uint32_t row, std::uint32_t column) {
  return row << kSiteBits | column;
}

/// A die of 4 x 4 routers, numbered along the rows; messages of 64 flits are 8 segments of 8.
class PacketExpress : public ::testing::Test {
 protected:
  void cycle() {
    mesh->arrive(now);
    mesh->allocate(now);
    ++now;
  }
  SegmentRules rules{d1(), 64};
  std::unique_ptr<PacketMesh> mesh = make_packet_mesh({0, 0, 4, 4}, rules);
  Cycles now = 10;
};

TEST_F(PacketExpress, TakesNoEventsUntilItsTailIsOut) {
  ASSERT_TRUE(rules.express);
  ASSERT_TRUE(mesh->express(0, 0, {3, to(3, 3)}, now));  // 7 routers
  EXPECT_EQ(mesh->flits_inside(), 64u);
  const Cycles start = now + rules.injection, tail_at_source = start + 7 * 8, tail = tail_at_source + 6;
  while (now < tail) {
    EXPECT_EQ(mesh->busy_cycles(now) & 1, now == tail_at_source || now == tail_at_source + rules.credit) << now;
    EXPECT_TRUE(mesh->ejected.empty());
    cycle();
  }
  EXPECT_EQ(mesh->packet_hops(start + 3), 3u);
  EXPECT_EQ(mesh->sent(0, 0, 0, start + 9), 16u);
  cycle();
  ASSERT_EQ(mesh->ejected.size(), 1u);
  EXPECT_EQ(mesh->ejected[0].first, start + 7);
  EXPECT_EQ(mesh->ejected[0].flits, 64u);
  EXPECT_EQ(mesh->ejected[0].created, 3u);
  EXPECT_TRUE(mesh->ejected[0].tail);
  EXPECT_EQ(mesh->flits_inside(), 0u);
  EXPECT_TRUE(mesh->resumed.empty());
}

TEST_F(PacketExpress, SharesRoutersButNoPorts) {
  ASSERT_TRUE(mesh->express(4, 0, {0, to(1, 3)}, now));    // east through row 1
  EXPECT_TRUE(mesh->express(1, 0, {0, to(3, 1)}, now));    // south through router 5
  EXPECT_FALSE(mesh->express(5, 0, {0, to(1, 2)}, now));   // east from router 5
  EXPECT_FALSE(mesh->express(4, 1, {0, to(0, 0)}, now));   // the node's own port is busy
  EXPECT_FALSE(mesh->express(13, 0, {0, to(3, 1)}, now));  // to a node that the second one reaches
  EXPECT_TRUE(mesh->express(7, 0, {0, to(1, 0)}, now));    // the other way
}

TEST_F(PacketExpress, GivesWaySegmentBySegment) {
  ASSERT_TRUE(mesh->express(4, 0, {0, to(1, 3)}, now));
  while (now < 30) cycle();
  mesh->injections(now).push({mesh->local_input_vc(6, 0), {0, to(1, 3) | kFirstMark}});  // is there one cycle later
  cycle();
  ASSERT_TRUE(mesh->resumed.empty());
  mesh->arrive(now);
  ASSERT_EQ(mesh->resumed.size(), 1u);
  EXPECT_EQ(mesh->resumed[0].router, 4u);
  EXPECT_EQ(mesh->resumed[0].sent, 3u);  // in cycles 10, 18 and 26
  EXPECT_EQ(mesh->resumed[0].owed, 0u);
  // Three segments have left router 4 in cycles 11, 19 and 27, and router 7 in 14, 22 and 30.
  EXPECT_EQ(mesh->sent(1, 0, 0, now), 24u);
  EXPECT_EQ(mesh->sent(1, 3, kLocalPort, now), 24u);
  EXPECT_EQ(mesh->flits_inside(), 8u);  // the one that was injected; none of the express
  ASSERT_EQ(mesh->ejected.size(), 1u);
  EXPECT_EQ(mesh->ejected[0].flits, 24u);
  EXPECT_FALSE(mesh->ejected[0].tail);
}

TEST_F(PacketExpress, NeverWhereCreditsMayHoldItUp) {
  RouterParams slow = d1();
  slow.hop_cycles = 6;
  EXPECT_TRUE(SegmentRules(slow, 64).express);  // 6 + 1 <= 8
  slow.credit_cycles = 3;
  EXPECT_FALSE(SegmentRules(slow, 64).express);
  EXPECT_FALSE(SegmentRules(d1(), 15).express);  // segments of one flit
}

}  // namespace
}  // namespace dojo::traffic

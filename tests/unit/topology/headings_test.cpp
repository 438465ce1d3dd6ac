// SPDX-License-Identifier: Apache-2.0
// Headings: what fits into a packet's header leads to its destination leg by leg, whoever wrote it.
#include "dojo/topology/headings.h"

#include <gmock/gmock.h>

#include "dojo/base/error.h"

namespace dojo::topology {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

MachineParams hurt_tile() {
  MachineParams params;
  params.level = Level::kTile;
  params.tile.dies = {2, 2};
  params.die.grid = {6, 6};
  params.die.enabled = 36;
  params.defects = {{"tile.die[0].node[8].router", "router"},  // row 1, column 2
                    {"tile.die[3].node[21].router.east", "link"},
                    {"tile.die[2].edge.east", "edge"}};
  return params;
}

/// From router to router, as the networks do: the marks of the two high bits stay.
void follow(const Headings& headings, const Routes& routes, std::uint32_t heading, Site at, const Site& to,
            std::int32_t hops) {
  constexpr std::uint32_t kMarks = 3u << 30;
  heading |= kMarks;
  unsigned leg = 0;
  std::int32_t gone = 0;
  for (; gone <= hops; ++gone) {
    heading = headings.onward(heading, at);
    EXPECT_EQ(heading & kMarks, kMarks);
    EXPECT_GE(Headings::leg(heading), leg);
    leg = Headings::leg(heading);
    const Site end = headings.end(heading & ~kMarks);
    if (at == end) break;  // onward() goes on where a leg ends, so this is the last one's
    const Direction d = end.column > at.column   ? Direction::kEast
                        : end.column < at.column ? Direction::kWest
                        : end.row > at.row       ? Direction::kSouth
                                                 : Direction::kNorth;
    ASSERT_TRUE(routes.link_works(at, d));
    at.column += d == Direction::kEast ? 1 : d == Direction::kWest ? -1 : 0;
    at.row += d == Direction::kSouth ? 1 : d == Direction::kNorth ? -1 : 0;
    ASSERT_TRUE(routes.router_works(at));
  }
  EXPECT_TRUE(at == to);
  EXPECT_EQ(gone, hops);
}

TEST(Headings, LeadEveryPairOverWhatWorks) {
  const Topology topology(hurt_tile());
  const Routes& routes = *topology.routes();
  Headings headings(topology, kRouteLegs);
  std::array<Headings::Book, 2> books;  // of two writers, in turn
  for (std::int32_t from = 0; from < 144; ++from) {
    for (std::int32_t to = 0; to < 144; ++to) {
      const Site a{from / 12, from % 12}, b{to / 12, to % 12};
      if (!routes.router_works(a) || !routes.router_works(b)) continue;
      const Headings::Way way = headings.way(a, b, books[static_cast<std::size_t>(to % 2)]);
      EXPECT_EQ(way.hops, routes.find(a, b).hops);
      follow(headings, routes, way.heading, a, b, way.hops);
      EXPECT_EQ(headings.way(a, b, books[static_cast<std::size_t>(to % 2)]).heading, way.heading) << "looked up once";
    }
  }
}

TEST(Headings, AWayOfTooManyLegsIsRefusedWithItsEnds) {
  const Topology topology(hurt_tile());
  Headings headings(topology, 1);
  Headings::Book book;
  EXPECT_EQ(headings.way({0, 0}, {0, 5}, book).hops, 5);
  try {
    (void)headings.way({1, 1}, {1, 3}, book);
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("tile.die[0].node[7].router"), HasSubstr("tile.die[0].node[9].router"),
                                    HasSubstr("at most 1 legs"), HasSubstr("router.virtual_channels lower")));
  }
}

}  // namespace
}  // namespace dojo::topology

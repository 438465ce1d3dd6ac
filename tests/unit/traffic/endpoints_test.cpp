// SPDX-License-Identifier: Apache-2.0
// Where patterns send, on square and other grids, with absent sites, per die.
#include "dojo/traffic/endpoints.h"

#include <gmock/gmock.h>

#include <set>

#include "dojo/base/error.h"
#include "support/mesh.h"

namespace dojo::traffic {
namespace {

using test::mesh;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using topology::Level;
using topology::MachineParams;
using topology::Topology;

/// Of nodes in order: the node that each sends to.
std::vector<std::uint32_t> targets(const MachineParams& machine, NetParams params) {
  const Endpoints endpoints(Topology(machine), params);
  Random random(1, 0);
  std::vector<std::uint32_t> all;
  for (std::uint32_t node = 0; node < endpoints.count(); ++node) all.push_back(endpoints.destination(node, random));
  return all;
}

NetParams with(Pattern pattern) {
  NetParams params;
  params.pattern = pattern;
  return params;
}

TEST(Endpoints, HotspotsMustBeSites) {
  NetParams params = with(Pattern::kHotspot);
  const Topology topology(mesh(2, 3));
  EXPECT_THROW(Endpoints(topology, params), Error);
  params.hotspots = {0, 6, 99};
  try {
    const Endpoints endpoints(topology, params);
    FAIL() << "ids 6 and 99 are no sites of a 2 x 3 mesh";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.lines(), ElementsAre(HasSubstr("found 6, expected 0 to 5"), HasSubstr("found 99")));
  }
}

TEST(Endpoints, PatternsOnASquare) {
  // id = 4 row + column
  EXPECT_THAT(targets(mesh(4, 4), with(Pattern::kTranspose)),
              ElementsAre(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  EXPECT_THAT(targets(mesh(4, 4), with(Pattern::kBitcomp)),
              ElementsAre(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  EXPECT_THAT(targets(mesh(4, 4), with(Pattern::kNeighbor)),
              ElementsAre(5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0));
  EXPECT_THAT(targets(mesh(4, 4), with(Pattern::kTornado)), targets(mesh(4, 4), with(Pattern::kNeighbor)))
      << "ceil(4/2) - 1 = 1 further";
}

TEST(Endpoints, PatternsOnOtherGrids) {
  // 2 x 3: (r, c) -> (floor(2c/3), floor(3r/2))
  EXPECT_THAT(targets(mesh(2, 3), with(Pattern::kTranspose)), ElementsAre(0, 0, 3, 1, 1, 4));
  EXPECT_THAT(targets(mesh(2, 3), with(Pattern::kMirror)), ElementsAre(2, 1, 0, 5, 4, 3));
  NetParams rows = with(Pattern::kMirror);
  rows.mirror = "rows";
  EXPECT_THAT(targets(mesh(2, 3), rows), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(targets(mesh(1, 5), with(Pattern::kTornado)), ElementsAre(2, 3, 4, 0, 1)) << "ceil(5/2) - 1 = 2 further";
}

TEST(Endpoints, AnAbsentSiteMapsToTheNextNode) {
  MachineParams machine = mesh(2, 3);
  machine.die.enabled = 5;
  machine.die.disabled_sites = {5};  // nodes 0 to 4 are sites 0 to 4
  EXPECT_THAT(targets(machine, with(Pattern::kBitcomp)), ElementsAre(0, 4, 3, 2, 1))
      << "site 0 sends to site 5, which is absent: round the end to site 0";
}

TEST(Endpoints, UniformReachesAllAndOnlyItsDie) {
  MachineParams machine = mesh(2, 2);
  machine.level = Level::kTile;
  machine.tile.dies = {1, 2};
  NetParams params;
  params.scope = "die";
  const Endpoints endpoints(Topology(machine), params);
  ASSERT_EQ(endpoints.count(), 8u);
  Random random(1, 0);
  std::set<std::uint32_t> reached;
  for (int i = 0; i < 200; ++i) reached.insert(endpoints.destination(2, random));
  EXPECT_THAT(reached, ElementsAre(2, 3, 6, 7)) << "columns 2 and 3 of both rows are die 1";
}

TEST(Endpoints, MeanDistance) {
  // Mean |a - b| over all pairs of 0 .. k-1 is (k^2 - 1) / (3 k), once for each axis.
  const auto axis = [](double k) { return (k * k - 1) / (3 * k); };
  EXPECT_NEAR(Endpoints(Topology(mesh(8, 8)), NetParams{}).mean_distance(), 2 * axis(8), 1e-12);
  EXPECT_NEAR(Endpoints(Topology(mesh(3, 5)), NetParams{}).mean_distance(), axis(3) + axis(5), 1e-12);
  EXPECT_NEAR(Endpoints(Topology(mesh(4, 4)), with(Pattern::kMirror)).mean_distance(), 2, 1e-12) << "3, 1, 1, 3";
}

TEST(Endpoints, MeanCrossing) {
  MachineParams machine = mesh(2, 2);
  machine.level = Level::kTile;
  machine.tile.dies = {1, 2};
  machine.die.crossing_ns = 100;  // 200 cycles
  const Topology tile(machine);
  EXPECT_NEAR(Endpoints(tile, with(Pattern::kMirror)).mean_crossing_cycles(tile), 200, 1e-12);
  EXPECT_NEAR(Endpoints(tile, NetParams{}).mean_crossing_cycles(tile), 100, 1e-12) << "half of the pairs";
}

}  // namespace
}  // namespace dojo::traffic

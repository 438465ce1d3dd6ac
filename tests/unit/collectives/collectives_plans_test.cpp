// SPDX-License-Identifier: Apache-2.0
// Every plan of every algorithm: fires everything once, ends, moves the bytes of the closed form, adds each rank once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "dojo/base/error.h"
#include "unit/collectives/collectives_support.h"

namespace dojo::workload {
namespace {

using test::Bench;
using test::entry_order;
using test::PlanRun;
using test::run_plan;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

const std::vector<OpKind> kKinds = {OpKind::kAllReduce, OpKind::kReduce,   OpKind::kReduceScatter, OpKind::kAllGather,
                                    OpKind::kBroadcast, OpKind::kAllToAll, OpKind::kBarrier};

std::string refusal(const CollectiveRequest& request, const topology::Topology& topology) {
  try {
    (void)choose_algorithm(request, topology);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    std::string all;
    for (const std::string& line : error.lines()) all += line + "\n";
    return all;
  }
  return "accepted";
}

TEST(CollectiveAlgorithms, AreTheWordsInTheirOrder) {
  std::vector<std::string> names;
  for (const CollectiveAlgorithm& a : collective_algorithms()) names.emplace_back(a.name());
  EXPECT_EQ(names, schema::enum_words<Algorithm>());
}

TEST(CollectiveErrors, UnsupportedNameGivesThePossibleOnes) {
  Bench bench;
  bench.add_dies(1, 3);
  EXPECT_THAT(refusal(bench.request(OpKind::kAllReduce, 64, "mesh2d"), bench.topology),
              AllOf(HasSubstr("'mesh2d'"), HasSubstr("3 ranks"), HasSubstr("possible here: ring, tree, zplane")));
}

TEST(CollectiveErrors, AllFindingsAtOnce) {
  Bench bench;
  bench.add_dies(1, 3);
  EXPECT_THAT(refusal(bench.request(OpKind::kBroadcast, -5, "", 3), bench.topology),
              AllOf(HasSubstr("bytes -5"), HasSubstr("root 3 found"), HasSubstr("0 to 2")));
  EXPECT_THAT(refusal(bench.request(OpKind::kSend, 5), bench.topology), HasSubstr("expected a collective"));
  EXPECT_THAT(refusal(Bench().request(OpKind::kAllReduce, 5), bench.topology), HasSubstr("0 members"));
}

TEST(CollectiveTable, IsAlphabetical) {
  const auto& table = collective_algorithms();
  for (std::size_t i = 1; i < table.size(); ++i) EXPECT_LT(std::string(table[i - 1].name()), table[i].name());
}

/// What holds for every plan.
void check_plan(const DataflowPlan& plan, const Bench& bench, const std::string& what) {
  SCOPED_TRACE(what);
  const auto n = static_cast<std::uint32_t>(bench.slices.size());
  const bool zplane = plan.algorithm == "zplane" && n > 1;
  ASSERT_EQ(plan.positions,
            n + (zplane ? dips_of(bench.request(OpKind::kBarrier, 0).members, bench.topology, nullptr).size() : 0));
  ASSERT_EQ(plan.track_node.size(), plan.tracks);
  ASSERT_GE(plan.tracks, 1u);
  ASSERT_GE(plan.chunks, 1u);
  ASSERT_EQ(plan.item_begin.size(), plan.positions + 1);
  for (const auto& slice : bench.slices) ASSERT_LT(plan.track_node.back(), slice->shape->node_count());
  EXPECT_TRUE(std::is_sorted(plan.track_node.begin(), plan.track_node.end()));
  for (const bool reversed : {false, true}) {
    const PlanRun run = run_plan(plan, entry_order(n, reversed));
    EXPECT_THAT(run.fired, Each(1));
    EXPECT_THAT(run.done_at, Each(::testing::Ne(SIZE_MAX)));
    EXPECT_FALSE(run.early_finish);
  }
}

struct Place {
  const char* name;
  void (*fill)(Bench&);
};
const Place kPlaces[] = {
    {"one", [](Bench& b) { b.add_dies(1, 1); }},
    {"two in a row", [](Bench& b) { b.add_dies(1, 2); }},
    {"column of five", [](Bench& b) { b.add_dies(5, 1); }},
    {"2 x 2", [](Bench& b) { b.add_dies(2, 2, 1, 1); }},
    {"2 x 3", [](Bench& b) { b.add_dies(2, 3); }},
    {"3 x 2", [](Bench& b) { b.add_dies(3, 2); }},
    {"5 x 5", [](Bench& b) { b.add_dies(5, 5); }},
    {"seven: 5 and 2 below",
     [](Bench& b) {
       b.add_dies(1, 5);
       b.add_dies(1, 2, 1, 0);
     }},
    {"scattered",
     [](Bench& b) {
       b.add_dies(1, 1, 4, 4);
       b.add_dies(1, 1, 0, 0);
       b.add_dies(1, 1, 2, 3);
     }},
    {"single nodes",
     [](Bench& b) {
       for (std::int32_t i = 0; i < 12; ++i) b.add(b.node_shape(), 3 + i / 4, 5 + i % 4);
     }},
    {"a die with fewer nodes",
     [](Bench& b) {
       b.add_dies(1, 2);
       b.add(b.die_shape(1, 1, 9), 18, 0);
       b.add_dies(1, 1, 1, 1);
     }},
};

TEST(CollectivePlans, EveryAlgorithmOnEveryGroup) {
  for (const Place& place : kPlaces) {
    Bench bench;
    place.fill(bench);
    for (const OpKind kind : kKinds) {
      for (const Bytes bytes : {Bytes{0}, Bytes{1}, Bytes{4096}, Bytes{1'000'003}}) {
        for (const CollectiveAlgorithm& a : collective_algorithms()) {
          CollectiveRequest request =
              bench.request(kind, bytes, a.name(), static_cast<std::uint32_t>(bench.slices.size() / 2));
          if (!a.supports(request)) continue;
          const DataflowPlan plan = build_collective(request, bench.topology);
          EXPECT_EQ(plan.algorithm, a.name());
          EXPECT_EQ(plan.model_seconds > 0, bench.slices.size() > 1);
          check_plan(plan, bench, std::string(place.name) + ", " + op_kind_name(kind) + ", " + a.name());
        }
      }
    }
  }
}

TEST(CollectivePlans, EveryKindHasAnAlgorithmOnEveryGroup) {
  for (const Place& place : kPlaces) {
    Bench bench;
    place.fill(bench);
    for (const OpKind kind : kKinds)
      check_plan(build_collective(bench.request(kind, 5000), bench.topology), bench, place.name);
  }
}

TEST(CollectivePlans, AllReduceAddsEachRankOnceEverywhere) {
  for (const Place& place : kPlaces) {
    Bench bench;
    place.fill(bench);
    for (const CollectiveAlgorithm& a : collective_algorithms()) {
      const CollectiveRequest request = bench.request(OpKind::kAllReduce, 100'000, a.name());
      if (!a.supports(request)) continue;
      SCOPED_TRACE(std::string(place.name) + ", " + a.name());
      const DataflowPlan plan = build_collective(request, bench.topology);
      const auto n = static_cast<std::uint32_t>(bench.slices.size());
      const PlanRun run = run_plan(plan, entry_order(n, true));
      for (std::size_t i = 0; i < plan.items.size(); ++i) {
        if (!plan.items[i].finish) continue;
        EXPECT_THAT(run.value[i], Each(1)) << "item " << i;
      }
      // Nobody can be done before the last rank has entered.
      EXPECT_THAT(run.done_at, Each(std::size_t{n}));
    }
  }
}

TEST(CollectivePlans, ReduceAddsEachRankOnceAtTheRoot) {
  Bench bench;
  bench.add_dies(2, 3);
  const DataflowPlan plan = build_collective(bench.request(OpKind::kReduce, 1000, "tree", 4), bench.topology);
  const PlanRun run = run_plan(plan, entry_order(6));
  EXPECT_THAT(run.own_finish_sum[4], Each(1));
}

TEST(CollectivePlans, BroadcastCarriesOnlyTheRoot) {
  for (const char* algorithm : {"tree", "direct"}) {
    Bench bench;
    bench.add_dies(2, 3);
    const DataflowPlan plan = build_collective(bench.request(OpKind::kBroadcast, 1000, algorithm, 4), bench.topology);
    const PlanRun run = run_plan(plan, entry_order(6));
    for (const PlanRun::Value& value : run.own_finish_sum) EXPECT_THAT(value, ::testing::ElementsAre(0, 0, 0, 0, 1, 0));
    EXPECT_EQ(run.bytes_moved, 5 * 1000);
  }
}

TEST(CollectivePlans, NobodyLeavesABarrierBeforeTheLastEnters) {
  for (const char* algorithm : {"tree", "direct", "zplane"}) {
    Bench bench;
    bench.add_dies(3, 3);
    const DataflowPlan plan = build_collective(bench.request(OpKind::kBarrier, 0, algorithm), bench.topology);
    EXPECT_THAT(run_plan(plan, entry_order(9)).done_at, Each(std::size_t{9}));
  }
}

TEST(CollectivePlans, AllGatherBringsEachRankOnceToEveryRank) {
  // Every forwarding or receiving step of a rank handles one block; its own block counts once.
  for (const char* algorithm : {"ring", "direct"}) {
    Bench bench;
    bench.add_dies(1, 5);
    const DataflowPlan plan = build_collective(bench.request(OpKind::kAllGather, 640, algorithm), bench.topology);
    const PlanRun run = run_plan(plan, entry_order(5));
    for (const PlanRun::Value& value : run.own_finish_sum) EXPECT_THAT(value, Each(::testing::Ge(1)));
    EXPECT_THAT(run.bytes_out, Each(Bytes{4 * 640}));
  }
}

TEST(CollectivePlans, RingMovesTheClosedForm) {
  for (const std::int32_t n : {2, 3, 5}) {
    Bench bench;
    bench.add_dies(1, n);
    const Bytes bytes = 60 * 1024;
    const auto moved = [&](OpKind kind) {
      return run_plan(build_collective(bench.request(kind, bytes, "ring"), bench.topology),
                      entry_order(static_cast<std::uint32_t>(n)));
    };
    EXPECT_THAT(moved(OpKind::kAllReduce).bytes_out, Each(2 * (n - 1) * bytes / n));  // 2 (n - 1) / n per rank
    EXPECT_THAT(moved(OpKind::kReduceScatter).bytes_out, Each((n - 1) * bytes / n));
    EXPECT_THAT(moved(OpKind::kAllGather).bytes_out, Each((n - 1) * bytes));
  }
}

TEST(CollectivePlans, RingPartsAreWholeAtTheirOwner) {
  Bench bench;
  bench.add_dies(1, 5);
  const DataflowPlan plan = build_collective(bench.request(OpKind::kReduceScatter, 1003, "ring"), bench.topology);
  const PlanRun run = run_plan(plan, entry_order(5));
  for (std::uint32_t p = 0; p < 5; ++p) {
    const std::uint32_t last = plan.item_begin[p + 1] - 1;
    EXPECT_THAT(run.value[last], Each(1));
    EXPECT_EQ(plan.items[last].bytes, 1003 * (p + 1) / 5 - 1003 * p / 5);  // near-equal parts, part p at position p
  }
}

TEST(CollectivePlans, TreeUsesEachEdgeOnceUpAndOnceDown) {
  Bench bench;
  bench.add_dies(5, 5);
  const DataflowPlan plan = build_collective(bench.request(OpKind::kAllReduce, 1 << 20, "tree"), bench.topology);
  EXPECT_EQ(plan.items.size(), 2u * 25 - 1);
  EXPECT_EQ(plan.edges.size(), 2u * 24);
  EXPECT_EQ(run_plan(plan, entry_order(25)).bytes_moved, Bytes{2 * 24} << 20);
}

/// Bytes between each two members, one way.
std::map<std::pair<std::uint32_t, std::uint32_t>, Bytes> ways_of(const DataflowPlan& plan) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Bytes> ways;
  for (const DataflowItem& item : plan.items) {
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      if (to != item.position) ways[{item.position, to}] += plan.edges[e].bytes;
    }
  }
  return ways;
}

/// Five combs each way, a tenth of the bytes each. An edge is a tooth of the five along it, and in the spine of one of
/// the others: so all 80 ways between neighbours carry six tenths.
TEST(CollectivePlans, CombsShareAllEdgesEvenly) {
  Bench bench;
  bench.add_dies(5, 5);
  const DataflowPlan plan = build_collective(bench.request(OpKind::kAllReduce, 10 << 20, "combs"), bench.topology);
  EXPECT_EQ(plan.items.size(), 10u * (2 * 25 - 1));
  const auto ways = ways_of(plan);
  EXPECT_EQ(ways.size(), 80u);
  for (const auto& [between, bytes] : ways) EXPECT_EQ(bytes, 6 << 20) << between.first << " to " << between.second;
}

/// What comes into a corner comes by both of its edges alike: all parts but its own.
TEST(CollectivePlans, CombsGatherOverBothEdgesOfACorner) {
  Bench bench;
  bench.add_dies(5, 5);
  const Bytes part = 10 << 10;
  const DataflowPlan plan = build_collective(bench.request(OpKind::kAllGather, part, "combs"), bench.topology);
  EXPECT_EQ(run_plan(plan, entry_order(25)).bytes_moved, 24 * 25 * part);
  for (const auto& [between, bytes] : ways_of(plan)) {
    if (between.second == 0) {
      EXPECT_EQ(bytes, 12 * part);
    }
    EXPECT_LE(bytes, 15 * part);
  }
}

/// The root may stand anywhere: also on a tooth of each comb.
TEST(CollectivePlans, CombsHaveTheNamedRoot) {
  Bench bench;
  bench.add_dies(3, 4);
  for (std::uint32_t root = 0; root < 12; ++root) {
    const DataflowPlan sums = build_collective(bench.request(OpKind::kReduce, 6000, "combs", root), bench.topology);
    const PlanRun reduced = run_plan(sums, entry_order(12));
    EXPECT_THAT(reduced.own_finish_sum[root], Each(6)) << "each of six combs adds each rank once";
    EXPECT_EQ(reduced.bytes_moved, 11 * 6000);
    const DataflowPlan copies =
        build_collective(bench.request(OpKind::kBroadcast, 6000, "combs", root), bench.topology);
    const PlanRun spread = run_plan(copies, entry_order(12));
    PlanRun::Value of_root(12, 0);
    of_root[root] = 6;
    EXPECT_THAT(spread.own_finish_sum, Each(of_root));
    EXPECT_EQ(spread.bytes_moved, 11 * 6000);
  }
}

/// A tile: five rows of dies between two DIPs each, whose islands are the three and two dies next to them.
TEST(CollectivePlans, TheZplaneJoinsTheIslandsOfDips) {
  Bench bench;
  bench.add_dies(5, 5);
  const Bytes bytes = 1 << 20;
  const DataflowPlan plan = build_collective(bench.request(OpKind::kAllReduce, bytes, "zplane"), bench.topology);
  EXPECT_EQ(plan.positions, 25u + 10);
  EXPECT_FALSE(plan.striped);
  std::size_t between_dips = 0, into_dips = 0;
  for (const DataflowItem& item : plan.items) {
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      EXPECT_EQ(plan.edges[e].bytes, bytes);
      between_dips += item.position >= 25 && to >= 25 ? 1 : 0;
      into_dips += item.position < 25 && to >= 25 ? 1 : 0;
      if (item.position < 25 && to < 25) {  // in a half of a row of dies
        EXPECT_EQ(item.position / 5, to / 5);
        EXPECT_EQ(item.position % 5 < 3, to % 5 < 3);
      }
    }
  }
  EXPECT_EQ(between_dips, 2u * 9);
  EXPECT_EQ(into_dips, 2u * 9);
}

/// Between whole dies the tree goes around what is dead by other neighbours, and its messages stay striped.
TEST(CollectivePlans, TheTreeAvoidsDeadEdges) {
  topology::MachineParams machine = Bench::parameters(topology::Level::kTile);
  machine.defects = {{"tile.die[7].edge.south", "edge"},
                     {"tile.die[11].edge.east", "edge"}};  // of its trunk and a line
  const topology::Topology hurt(machine);
  Bench bench;
  bench.add_dies(5, 5);
  for (auto& slice : bench.slices) slice->dies = {0};  // whole dies; which ones is told by their place
  for (const OpKind kind : {OpKind::kAllReduce, OpKind::kAllGather, OpKind::kReduceScatter}) {
    const CollectiveRequest request = bench.request(kind, 25 << 20);
    const DataflowPlan plan = build_collective(request, hurt);
    EXPECT_EQ(plan.algorithm, "tree");
    EXPECT_TRUE(plan.striped);
    for (const DataflowItem& item : plan.items) {
      for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
        const std::uint32_t to = plan.items[plan.edges[e].item].position, low = std::min(item.position, to),
                            high = std::max(item.position, to);
        EXPECT_FALSE(low == 7 && high == 12);
        EXPECT_FALSE(low == 11 && high == 12);
      }
    }
    EXPECT_THAT(run_plan(plan, entry_order(25)).fired, Each(1));
  }
}

TEST(CollectivePlans, ACutTrunkIsPassedNextToTheCut) {
  topology::MachineParams machine = Bench::parameters(topology::Level::kTile);
  machine.defects = {{"tile.die[11].edge.east", "edge"}};  // beside the root in the middle
  const topology::Topology hurt(machine);
  Bench bench;
  bench.add_dies(5, 5);
  for (auto& slice : bench.slices) slice->dies = {0};
  const DataflowPlan plan = build_collective(bench.request(OpKind::kReduce, 25 << 20, "tree", 12), hurt);
  EXPECT_TRUE(plan.striped);
  std::set<std::pair<std::uint32_t, std::uint32_t>> joints;  // between the western two columns of dies and the others
  for (const DataflowItem& item : plan.items) {
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      if (item.position % 5 < 2 && to % 5 >= 2) joints.emplace(item.position, to);
    }
  }
  EXPECT_THAT(joints, ::testing::ElementsAre(std::pair{6u, 7u}));
  EXPECT_THAT(run_plan(plan, entry_order(25)).fired, Each(1));
}

TEST(CollectivePlans, TheTreeGathersAndScattersParts) {
  Bench bench;
  bench.add_dies(1, 5);  // the middle one is the root of two chains of two
  const Bytes part = 1000;
  const auto moved = [&](OpKind kind, Bytes bytes) {
    return run_plan(build_collective(bench.request(kind, bytes, "tree"), bench.topology), entry_order(5));
  };
  // Up: a part, then two, on both sides; down: the other four or three parts.
  EXPECT_EQ(moved(OpKind::kAllGather, part).bytes_moved, 2 * (1 + 2) * part + 2 * (4 + 3) * part);
  EXPECT_THAT(moved(OpKind::kAllGather, part).done_at, Each(std::size_t{5}));
  // Up: the whole vector on each edge; down: two parts, then one.
  const PlanRun scatter = moved(OpKind::kReduceScatter, 5 * part);
  EXPECT_EQ(scatter.bytes_moved, 4 * 5 * part + 2 * (2 + 1) * part);
  EXPECT_THAT(scatter.done_at, Each(std::size_t{5}));
}

TEST(CollectivePlans, OnlyANamedAlgorithmLeavesTheMesh) {
  Bench bench;
  bench.add_dies(5, 5);
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    EXPECT_EQ(a.by_cost(bench.request(OpKind::kBarrier, 0), bench.topology), a.id != Algorithm::kZplane);
  }
  EXPECT_NE(build_collective(bench.request(OpKind::kBarrier, 0), bench.topology).algorithm, "zplane");
}

TEST(CollectiveErrors, TheZplaneNeedsDips) {
  topology::MachineParams machine = Bench::parameters(topology::Level::kTile);
  machine.dip.present = false;
  const topology::Topology without(machine);
  Bench bench;
  bench.add_dies(1, 3);
  try {
    (void)build_collective(bench.request(OpKind::kAllReduce, 64, "zplane"), without);
    FAIL() << "it was built";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("machine without DIPs"));
  }
}

TEST(CollectivePlans, Mesh2dMovesTheClosedForm) {
  Bench bench;
  bench.add_dies(3, 4);
  const Bytes bytes = 12 * 1024, n = 12;
  const auto moved = [&](OpKind kind) {
    return run_plan(build_collective(bench.request(kind, bytes, "mesh2d"), bench.topology), entry_order(12))
        .bytes_moved;
  };
  // Rows: each rank passes 3 of 4 parts, twice for an all-reduce; columns: 2 edges up and down for each of 4 parts.
  EXPECT_EQ(moved(OpKind::kAllReduce), 2 * n * bytes * 3 / 4 + 4 * (2 * 2) * bytes / 4);
  EXPECT_EQ(moved(OpKind::kReduceScatter), n * (bytes * 3 / 4 + bytes / 4 * 2 / 3));
  EXPECT_EQ(moved(OpKind::kAllGather), n * (2 * bytes + 3 * 3 * bytes));
}

TEST(CollectivePlans, AllToAllSendsOnePartToEachPeer) {
  Bench bench;
  for (std::int32_t i = 0; i < 300; ++i) bench.add(bench.node_shape(), i / 20, i % 20);
  const DataflowPlan plan = build_collective(bench.request(OpKind::kAllToAll, 300 * 64, ""), bench.topology);
  EXPECT_EQ(plan.algorithm, "direct");
  for (const DataflowItem& item : plan.items) EXPECT_LE(item.need, 255);  // more senders than one item can count
  check_plan(plan, bench, "300 nodes");
  EXPECT_THAT(run_plan(plan, entry_order(300)).bytes_out, Each(Bytes{299 * 64}));
}

}  // namespace
}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Each counter of each struct, set by itself, is seen by whatever adds, scales, copies or hashes counters.
#include <gtest/gtest.h>

#include <vector>

#include "machine/die_counters.h"
#include "machine/sums.h"

namespace dojo::machine {
namespace {

/// Calls `see(counters, name, fold)` with counters of which one alone is changed, for each of them.
template <class Counters, class See>
void each_alone(See&& see) {
  for (std::size_t i = 0; i < schema::counter_count<Counters>(); ++i) {
    Counters counters{};
    std::size_t next = 0;
    Counters::fields(counters, [&](const char* name, auto& counter, auto fold, const auto&...) {
      if (next++ != i) return;
      counter = 5;  // less than kNever, more than 0: both kinds of extremes take it
      see(counters, name, fold);
    });
  }
}

template <class Counters>
std::vector<std::uint64_t> words(const Counters& counters) {
  const auto values = schema::values_of(counters);
  return {values.begin(), values.end()};
}

std::vector<std::uint64_t> counted(const Results& results) {
  std::vector<std::uint64_t> all;
  visit_counted(results, [&all](std::uint64_t word) { all.push_back(word); });
  return all;
}

template <class Counters>
class EachStruct : public ::testing::Test {};
using Structs =
    ::testing::Types<LinkCounters, CoreCounters, RunCounters, PlanTotals, Breakdown, Executions, OpCounters,
                     LatencyCounters, ZplaneTotals, fabric::TtpoeCounters, fabric::LinkUse, fabric::PortUse>;
TYPED_TEST_SUITE(EachStruct, Structs);

TYPED_TEST(EachStruct, HasALineForEachMember) {
  EXPECT_EQ(schema::counter_count<TypeParam>() * 8, sizeof(TypeParam));
}

TYPED_TEST(EachStruct, MergesEveryCounter) {
  each_alone<TypeParam>([](const TypeParam& one, const char* name, auto) {
    TypeParam sum{};
    schema::merge(sum, one);
    EXPECT_EQ(words(sum), words(one)) << name;
  });
}

TYPED_TEST(EachStruct, MultipliesEveryCounterThatAdds) {
  each_alone<TypeParam>([](TypeParam one, const char* name, auto fold) {
    const auto before = words(one);
    schema::multiply(one, 3);
    EXPECT_EQ(words(one) != before, fold.kAdds) << name;
  });
}

TEST(ThreadSums, GiveEveryCounterToACopiedTaskAndTakeItBack) {
  each_alone<RunCounters>([](const RunCounters& one, const char* name, auto) {
    ThreadSums sums, back;
    static_cast<RunCounters&>(sums) = one;
    back.add(sums.of_lone_task(), 0, kNone);
    EXPECT_EQ(words<RunCounters>(back), words(one)) << name;
  });
  each_alone<LatencyCounters>([](const LatencyCounters& one, const char* name, auto) {
    ThreadSums sums, back;
    static_cast<LatencyCounters&>(sums.packets) = one;
    back.add(sums.of_lone_task(), 0, kNone);
    EXPECT_EQ(words<LatencyCounters>(back.packets), words(one)) << name;
  });
  each_alone<OpCounters>([](const OpCounters& one, const char* name, auto) {
    ThreadSums sums, back;
    sums.lone_op = one;
    back.add(sums.of_lone_task(), 0, 0);
    EXPECT_EQ(words(back.lone_op), words(one)) << name;
  });
}

TEST(ThreadSums, GiveEveryPacketToACopiedTask) {
  ThreadSums sums, back;
  for (const Cycles latency : {1, 199, 200, 12345}) sums.packets.add(latency, 3);
  back.add(sums.of_lone_task(), 0, kNone);
  EXPECT_EQ(back.packets.count, sums.packets.count);
}

TEST(ThreadSums, MultiplyEveryCounterOfManyShards) {
  each_alone<RunCounters>([](const RunCounters& one, const char* name, auto) {
    ThreadSums sums;
    static_cast<RunCounters&>(sums) = one;
    sums.multiply(3);
    EXPECT_NE(words<RunCounters>(sums), words(one)) << name;
  });
  ThreadSums sums;
  sums.ops = {{OpCounters{{2, 20, 10, 10}, 0, 10, 7}}};
  sums.packets.add(9, 2);
  sums.multiply(3);
  EXPECT_EQ(words(sums.ops[0][0]), (std::vector<std::uint64_t>{6, 60, 10, 10, 0, 10, 21}));
  EXPECT_EQ(sums.packets.count[9], 6u);
  EXPECT_EQ(words<LatencyCounters>(sums.packets), (std::vector<std::uint64_t>{6, 54, 9, 9}));
}

/// `place(results)` gives the struct of that type inside Results.
template <class Counters, class Place>
void expect_in_the_digest(Place&& place) {
  each_alone<Counters>([&](const Counters& one, const char* name, auto) {
    Results none, some;
    none.ops.resize(1);
    none.collectives.resize(1);
    some = none;
    place(some) = one;
    EXPECT_NE(counted(some), counted(none)) << name;
  });
}

TEST(Results, DigestCoversEveryCounter) {
  expect_in_the_digest<RunCounters>([](Results& r) -> RunCounters& { return r; });
  expect_in_the_digest<PlanTotals>([](Results& r) -> PlanTotals& { return r; });
  expect_in_the_digest<CoreCounters>([](Results& r) -> CoreCounters& { return r.cores; });
  expect_in_the_digest<fabric::LinkUse>([](Results& r) -> fabric::LinkUse& { return r.noc; });
  expect_in_the_digest<fabric::PortUse>([](Results& r) -> fabric::PortUse& { return r.ports; });
  expect_in_the_digest<Breakdown>([](Results& r) -> Breakdown& { return r.breakdown; });
  expect_in_the_digest<ZplaneTotals>([](Results& r) -> ZplaneTotals& { return r.zplane; });
  expect_in_the_digest<LatencyCounters>([](Results& r) -> LatencyCounters& { return r.packets; });
  expect_in_the_digest<LinkCounters>([](Results& r) -> LinkCounters& { return r.classes[3].counters; });
  expect_in_the_digest<OpCounters>([](Results& r) -> OpCounters& { return r.ops[0]; });
  expect_in_the_digest<Executions>([](Results& r) -> Executions& { return r.collectives[0]; });
}

TEST(Results, DigestKeepsNeighboursApart) {
  Results early, late;
  early.packets.count[3] = 4;
  late.packets.count[4] = 3;
  EXPECT_NE(counted(early), counted(late));
  Results cores, links;
  cores.cores.busy_cycles = 5;
  links.noc.busy_cycles = 5;
  EXPECT_NE(counted(cores), counted(links)) << "counters of the same name";
}

TEST(DieCounters, AreReadAndAddedInOneOrder) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  const topology::Topology topology(params);
  fabric::DieNetwork network, other;
  network.configure(topology, 0);
  other.configure(topology, 0);
  std::vector<CoreCounters> cores(static_cast<std::size_t>(topology.sites())), others(cores.size());
  std::vector<std::uint64_t> row(die_counter_count(cores.size()));
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i + 1;  // every counter has a value of its own
  add_to_counters(network, cores, row);
  std::vector<std::uint64_t> read;
  list_counters(network, cores, read);
  EXPECT_EQ(read, row);
  add_to_counters(other, others, read);
  add_to_counters(other, others, read);
  list_counters(other, others, read);
  for (std::size_t i = 0; i < row.size(); ++i) ASSERT_EQ(read[i], 2 * row[i]) << i;
}

TEST(LinkClassTotals, TheBusyTimeOfManyLinksIsMoreThanTheirSumHolds) {
  LinkClassTotals totals;
  LinkCounters link;
  link.busy_units = std::uint64_t{1} << 63;
  for (int i = 0; i < 5; ++i) totals.add(link, 1.0);
  EXPECT_EQ(totals.links, 5u);
  EXPECT_DOUBLE_EQ(totals.busy_units(), 5 * 9223372036854775808.0);
  EXPECT_EQ(totals.max_busy_units, link.busy_units);
}

}  // namespace
}  // namespace dojo::machine

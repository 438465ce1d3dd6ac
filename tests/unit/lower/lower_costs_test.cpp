// SPDX-License-Identifier: Apache-2.0
// The cost model by which operations are cut over a slice's nodes, against arithmetic by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dojo/workload/residency.h"
#include "lower/candidate.h"
#include "lower/deliveries.h"
#include "lower/reduction.h"

namespace dojo::workload {
namespace {

/// A slice of a machine whose dies have 18 rows and 20 columns, or those given for a die by itself.
struct Place {
  explicit Place(topology::MachineParams params, std::int64_t row = 0, std::int64_t column = 0, std::int64_t rows = 0,
                 std::int64_t columns = 0)
      : topology(std::move(params)),
        slice(SliceMaker(topology).make(row, column, rows == 0 ? topology.site_rows() : rows,
                                        columns == 0 ? topology.site_columns() : columns)),
        grid(slice, topology),
        cost(topology.params().node, node::NodeModel::kBounds),
        context{grid, cost} {}
  static topology::MachineParams at(topology::Level level) {
    topology::MachineParams params;
    params.level = level;
    params.node.core.address_generators = 3;  // adds 64 bytes a cycle
    return params;
  }
  static topology::MachineParams die(std::int64_t rows, std::int64_t columns) {
    topology::MachineParams params = at(topology::Level::kDie);
    params.die.grid = {rows, columns};
    params.die.enabled = rows * columns;
    params.die.disabled_sites.clear();
    return params;
  }
  topology::Topology topology;
  Slice slice;
  SliceGrid grid;
  node::NodeCost cost;
  PlanContext context;
};

// A task starts and ends with a barrier of each die: to the middle and a semaphore, there and back.
TEST(GridCost, OfPartsOfADie) {
  const Place die(Place::die(4, 5));
  EXPECT_EQ(die.grid.row_latency(), 5);
  EXPECT_EQ(die.grid.column_latency(), 4);
  EXPECT_EQ(die.grid.row_bytes_per_cycle(), 64);
  EXPECT_EQ(die.grid.task_latency(), 2 * ((2 + 3) + 2));
  topology::MachineParams slow = Place::die(4, 5);
  slow.noc.hop_cycles = 3;
  slow.node.semaphore_cycles = 7;
  EXPECT_EQ(Place(slow).grid.row_latency(), 15);
  EXPECT_EQ(Place(slow).grid.task_latency(), 2 * (3 * (2 + 3) + 2 * 7));
  EXPECT_EQ(Place(Place::at(topology::Level::kTile), 2, 3, 10, 6).grid.task_latency(), 2 * ((5 + 3) + 2));
}

// Rows cross two die edges of 200 cycles, columns one; a row has the eighteenth of 1,008 bytes a cycle.
TEST(GridCost, OfSeveralDies) {
  const Place dies(Place::at(topology::Level::kTile), 18, 20, 36, 60);
  EXPECT_EQ(dies.grid.row_latency(), 60 + 2 * 200);
  EXPECT_EQ(dies.grid.column_latency(), 36 + 200);
  EXPECT_DOUBLE_EQ(dies.grid.row_bytes_per_cycle(), 1008 / 18.0);
  EXPECT_DOUBLE_EQ(dies.grid.column_bytes_per_cycle(), 1008 / 20.0);
  EXPECT_EQ(dies.grid.task_latency(), 2 * ((9 + 10) + 2 + 3 * 200 + (18 + 40)));
  const Place tiles(Place::at(topology::Level::kTray), 0, 80, 18, 60);  // dies 4 and 5 are of two tiles
  EXPECT_EQ(tiles.grid.row_latency(), 60 + 400 + 200);
  EXPECT_DOUBLE_EQ(tiles.grid.row_bytes_per_cycle(), 448 / 18.0);
  EXPECT_EQ(tiles.grid.column_latency(), 18);
  EXPECT_EQ(tiles.grid.column_bytes_per_cycle(), 64);
}

TEST(GridCost, OfTwoDiesOneBelowTheOther) {
  const Place dies(Place::at(topology::Level::kTile), 0, 0, 36, 20);
  EXPECT_EQ(dies.grid.row_latency(), 20);
  EXPECT_EQ(dies.grid.column_latency(), 36 + 200);
  EXPECT_EQ(dies.grid.row_bytes_per_cycle(), 64);
  EXPECT_DOUBLE_EQ(dies.grid.column_bytes_per_cycle(), 1008 / 20.0);
  EXPECT_EQ(dies.grid.task_latency(), 2 * ((9 + 10) + 2 + 200 + 18));
}

TEST(GridCost, ADeadEdgeHalvesTheRateOfWhatIsLeft) {
  topology::MachineParams params = Place::at(topology::Level::kTile);
  params.defects = {{"tile.die[6].edge.east", "edge"}, {"tile.die[6].edge.south", "edge"}};
  const Place broken(params, 18, 20, 36, 40);
  EXPECT_EQ(broken.grid.row_latency(), 40);
  EXPECT_EQ(broken.grid.column_latency(), 36);
  EXPECT_DOUBLE_EQ(broken.grid.row_bytes_per_cycle(), 1008 / 18.0 / 2)
      << "that of the second row of dies, and a line beside a gap carries two lines' operands";
}

constexpr double kAnyRate = 1e6;

TEST(DeliveryCost, OfOneTransferIsItsPortOrItsShareOfTheLinks) {
  const Place die(Place::die(3, 4));
  const auto load = [&](std::uint32_t from, std::uint32_t to, double port) {
    Deliveries one(die.grid, 1);
    one.unicast(from, to, 1200);
    EXPECT_EQ(one.load(port).first, one.load(port).all) << "all of it is there before the first step";
    return one.load(port).all;
  };
  EXPECT_DOUBLE_EQ(load(0, 11, 64), 1200 / 64.0);
  EXPECT_DOUBLE_EQ(load(0, 11, kAnyRate), 1200 * (3 / 4.0) / 64) << "three of four links of the row";
  EXPECT_DOUBLE_EQ(load(11, 0, kAnyRate), 1200 * (3 / 4.0) / 64);
  EXPECT_DOUBLE_EQ(load(1, 9, kAnyRate), 1200 * (2 / 3.0) / 64) << "two of three links of the column";
  EXPECT_DOUBLE_EQ(load(9, 1, kAnyRate), 1200 * (2 / 3.0) / 64);
  Deliveries two(die.grid, 1);
  two.unicast(0, 3, 1200);
  two.unicast(1, 3, 600);
  EXPECT_DOUBLE_EQ(two.load(64).all, 1800 / 64.0);
  EXPECT_DOUBLE_EQ(two.load(kAnyRate).all, (1200 * (3 / 4.0) + 600 * (2 / 4.0)) / 64);
}

// Of two nodes that send each other what they have, each receives what the other has.
TEST(DeliveryCost, OfMulticastsIsTheLineOrThePort) {
  for (const bool rows : {true, false}) {
    const Place two(rows ? Place::die(1, 2) : Place::die(2, 1));
    for (const bool streamed : {false, true}) {
      Deliveries deliveries(two.grid, 4);
      const Holding holding = {800, 6400};
      EXPECT_EQ(rows ? deliveries.along_rows(holding, streamed) : deliveries.along_columns(holding, streamed), 7200);
      EXPECT_DOUBLE_EQ(deliveries.load(32).all, 6400 / 32.0);
      EXPECT_DOUBLE_EQ(deliveries.load(kAnyRate).all, 7200 / 64.0);
      // In four steps the first node's half comes first: that of the first two steps, side by side.
      EXPECT_DOUBLE_EQ(deliveries.load(32).first, streamed ? 800 / 32.0 : 6400 / 32.0);
      EXPECT_DOUBLE_EQ(deliveries.load(kAnyRate).first, streamed ? 800 / 64.0 : 7200 / 64.0);
    }
  }
}

// Rows and columns together at one port, and links of a row and a column each by themselves.
TEST(DeliveryCost, OfBothAxesAddsUpAtThePort) {
  const Place die(Place::die(2, 2));
  Deliveries deliveries(die.grid, 1);
  EXPECT_EQ(deliveries.along_rows({640, 0, 0, 0}, false), 640);
  EXPECT_EQ(deliveries.along_columns({0, 0, 0, 1280}, false), 1280);
  deliveries.unicast(2, 1, 320);
  // Node 1 receives all three: along the row, along the column, and one transfer.
  EXPECT_DOUBLE_EQ(deliveries.load(64).all, (640 + 1280 + 320) / 64.0);
  EXPECT_DOUBLE_EQ(deliveries.load(kAnyRate).all, (1280 + 320 / 2.0) / 64) << "the second column's links";
}

// Rows pass on what the first column has brought, when it has brought it all.
TEST(DeliveryCost, OfTwoStagesIsThatOfOneAfterTheOther) {
  const Place die(Place::die(2, 2));
  for (const std::uint32_t steps : {1u, 2u, 4u}) {
    Deliveries deliveries(die.grid, steps);
    deliveries.to_all({640, 0, 320, 0}, true);
    // The column's links carry both, then each row's.
    EXPECT_DOUBLE_EQ(deliveries.load(64).all, 960 / 64.0 + 960 / 64.0) << steps;
    EXPECT_DOUBLE_EQ(deliveries.load(64).first, 960 / 64.0 + (steps <= 2 ? 960 : 480) / 64.0) << steps;
    EXPECT_DOUBLE_EQ(deliveries.load(16).all, 640 / 16.0 + 960 / 16.0) << "a node's own piece takes no port";
  }
}

// Equal shares from all nodes of a row are so many messages, whether they are kept one by one or added up.
TEST(DeliveryCost, OfARowsSharesIsThatOfItsMessages) {
  const Place die(Place::die(3, 4));
  for (const bool pass_on : {false, true}) {
    for (const std::uint32_t step : {0u, 3u}) {
      Deliveries shares(die.grid, 4, Deliveries::Keep::kLoad), messages(die.grid, 4);
      const Bytes arrive[] = {9000 - 2250, 5000};  // the node has a share of what its own row sends
      EXPECT_EQ(shares.unicasts_of_row(1, 6, 9000, step, pass_on), arrive[0]);
      EXPECT_EQ(shares.unicasts_of_row(2, 0, 5000, step, pass_on), arrive[1]);
      for (std::uint32_t i = 0; i < 4; ++i) {
        const auto send = [&](std::uint32_t from, std::uint32_t to, Bytes bytes) {
          pass_on ? messages.unicast_to_pass_on(from, to, bytes) : messages.unicast(from, to, bytes, step);
        };
        send(4 + i, 6, 2250);
        send(8 + i, 0, 1250);
      }
      for (const double port : {64.0, 1e6}) {
        EXPECT_DOUBLE_EQ(shares.load(port, 1.5).all, messages.load(port, 1.5).all) << port;
        EXPECT_DOUBLE_EQ(shares.load(port, 1.5).first, messages.load(port, 1.5).first) << port;
      }
      EXPECT_EQ(shares.latency(), messages.latency());
    }
  }
}

/// Of a node that has the sums of `below` others: messages at a port and adds one after the other, and adds with a
/// latency each.
struct Way {
  double messages = 0, adds = 0;
};
Way way_to_head(std::int64_t below, std::int64_t arity) {
  if (below == 0) return {};
  const std::int64_t pieces = std::min(arity, below);
  const Way farther = way_to_head((below + pieces - 1) / pieces - 1, arity);
  return {farther.messages + 2 * static_cast<double>(pieces), farther.adds + 1};
}
/// Heads of the pieces of both sides send to the root; what comes earlier waits less.
Way way_to_root(std::int64_t low, std::int64_t high, std::int64_t arity) {
  const auto heads = [&](std::int64_t side) {
    const std::int64_t pieces = std::min(arity, side);
    return side == 0 ? Way{} : way_to_head((side + pieces - 1) / pieces - 1, arity);
  };
  const double from_low = static_cast<double>(std::min(arity, low)),
               from_high = static_cast<double>(std::min(arity, high));
  const Way a = heads(low), b = heads(high);
  const double both = from_low + from_high;
  const double come = a.messages < b.messages ? std::max(b.messages + from_high, a.messages + both)
                                              : std::max(a.messages + from_low, b.messages + both);
  return {come + both, std::max(a.adds, b.adds) + 1};
}

/// As docs/kernels.md states it, for one shape.
double reduction_cycles(const ReductionSpec& spec, const ReductionShape& s, const SliceGrid& grid) {
  constexpr double kPort = 64, kLatency = 2 + 4;  // SRAM to router and back; vector unit
  const auto line = [&](std::int64_t count, double sums, double bytes, std::uint32_t parts) {
    const std::int64_t low = count / (2 * parts), high = count - 1 - low;
    const Way way = way_to_root(low, high, s.arity);
    const double message = bytes / parts / s.chunks / kPort;
    const auto at_root =
        static_cast<double>(std::min<std::int64_t>(s.arity, low) + std::min<std::int64_t>(s.arity, high));
    return way.messages * message + way.adds * kLatency + (s.chunks - 1) * at_root * message +
           2 * (sums - 1.0 / parts) * bytes / kPort;
  };
  double cycles = 0, messages = 0, bytes = static_cast<double>(spec.node_bytes);
  const double rows = grid.rows(), columns = grid.columns(), nodes = grid.nodes();
  if (spec.along_rows) {
    cycles += line(grid.columns(), 1, bytes, s.row_parts);
    messages += nodes * s.row_parts;
    bytes = std::ceil(bytes / s.row_parts);
  }
  if (spec.along_columns) {
    const bool one = spec.matrices == 1;
    cycles += line(one ? grid.rows() : 1 + grid.rows() / spec.matrices,
                   one ? 1 : 1 + static_cast<double>(spec.matrices) / rows, bytes, s.column_parts);
    messages += s.column_parts * (spec.along_rows ? rows * s.row_parts : nodes);
  }
  messages *= s.chunks;
  if (messages > 3 * nodes && s.row_parts * s.column_parts * s.chunks > 1) return -1;
  const double roots = (spec.along_rows ? s.row_parts : columns) *
                       (spec.along_columns ? s.column_parts * static_cast<double>(spec.matrices) : rows);
  return cycles + static_cast<double>(grid.row_latency() + grid.column_latency()) + kLatency +
         static_cast<double>(spec.result_bytes) / std::min(static_cast<double>(spec.destinations.size()), roots) /
             kPort;
}

// Three nodes in a row: the root takes one message from each side, one after the other, and adds both.
TEST(ReductionCost, OfThreeNodesIsTwoMessagesAndTwoAdds) {
  const Place row(Place::die(1, 3));
  ReductionSpec spec{true, false, 64, 64, {1}};
  EXPECT_DOUBLE_EQ(choose_reduction(spec, row.grid, row.topology.params().node).cycles, (2 + 2) + 6 + (3 + 1) + 6 + 1);
  // Of five the root takes four, which is less than a chain's one message and one add more and a latency.
  const Place longer(Place::die(1, 5));
  EXPECT_DOUBLE_EQ(choose_reduction(spec, longer.grid, longer.topology.params().node).cycles,
                   (4 + 4) + 6 + (5 + 1) + 6 + 1);
}

// A result that goes to all of a die from its first half: half of it over the middle links of the rows.
TEST(ReductionCost, OfAResultThatIsMovedIsTheLinksBetween) {
  const Place die(Place::die(4, 6));
  const SliceGrid half(die.slice, die.topology, SlicePart{0, 4, 0, 3});
  ReductionSpec spec{false, false, 0, 24 * 640, residency(half.shape(), 24 * 640)};
  ASSERT_EQ(spec.destinations.size(), 24u);
  const double latency = static_cast<double>(half.row_latency() + half.column_latency()) + 6;
  EXPECT_DOUBLE_EQ(choose_reduction(spec, half, die.topology.params().node).cycles, latency + 3 * 640 / 64.0);
  const SliceGrid upper(die.slice, die.topology, SlicePart{0, 2, 0, 6});
  EXPECT_DOUBLE_EQ(choose_reduction(spec, upper, die.topology.params().node).cycles,
                   static_cast<double>(upper.row_latency() + upper.column_latency()) + 6 + 2 * 640 / 64.0);
}

TEST(ReductionCost, IsTheCheapestOfTheShapesThatMayBe) {
  const Place small(Place::die(4, 5)), whole(Place::at(topology::Level::kDie)),
      dies(Place::at(topology::Level::kTile), 0, 0, 36, 40);
  for (const Place* place : {&small, &whole, &dies}) {
    for (const auto& [rows, columns] : {std::pair{true, false}, {false, true}, {true, true}, {false, false}}) {
      for (const Bytes bytes : {100, 127, 128, 1000, 8000, 100'000, 3'000'000}) {
        for (const std::int64_t matrices : {1, 3, 4, 40}) {
          if (matrices > 1 && (rows || !columns)) continue;
          ReductionSpec spec{rows, columns, rows || columns ? bytes : 0, bytes, {0, 1, 2}};
          spec.matrices = matrices;
          double best = -1;
          for (const std::uint32_t arity : {1u, 2u, 3u}) {
            for (const std::uint32_t row_parts : {1u, 2u, 4u, 8u}) {
              for (const std::uint32_t column_parts : {1u, 2u, 4u, 8u}) {
                for (const std::uint32_t chunks : {1u, 2u, 4u}) {
                  const bool whole_sums = row_parts * column_parts * chunks == 1;
                  const bool fits = (rows || row_parts == 1) && (columns || column_parts == 1) &&
                                    row_parts <= place->grid.columns() && column_parts <= place->grid.rows() &&
                                    spec.node_bytes / row_parts / column_parts / chunks >= 64;
                  if (!fits && !whole_sums) continue;
                  const double cycles =
                      reduction_cycles(spec, {row_parts, column_parts, arity, chunks, 0}, place->grid);
                  if (cycles >= 0 && (best < 0 || cycles < best)) best = cycles;
                }
              }
            }
          }
          const ReductionShape chosen = choose_reduction(spec, place->grid, place->topology.params().node);
          EXPECT_NEAR(chosen.cycles, best, 1e-6 * best) << rows << columns << " " << bytes << " x " << matrices;
          EXPECT_NEAR(reduction_cycles(spec, chosen, place->grid), best, 1e-6 * best);
        }
      }
    }
  }
}

ProductRequest product(std::int64_t m, std::int64_t n, std::int64_t k) {
  ProductRequest r;
  r.m = m;
  r.n = n;
  r.k = k;
  r.a_bytes = 2 * m * k;
  r.b_bytes = 2 * k * n;
  r.c_bytes = 2 * m * n;
  r.a.layout = Layout::kPixels;
  r.flops = 2 * m * n * k;
  return r;
}

CandidateAxes axes(Cut rows, Cut columns, Stream stream = Stream::kNone, std::uint32_t steps = 1) {
  CandidateAxes a;
  a.rows = rows;
  a.columns = columns;
  a.stream = stream;
  a.steps = steps;
  return a;
}

// On one node nothing is delivered: launch, the product, and the task's way.
TEST(ProductCost, OnOneNodeIsItsTime) {
  const Place one(Place::die(1, 1));
  const auto plan = plan_candidate(product(64, 64, 64), one.context, axes(Cut::kM, Cut::kN), true);
  ASSERT_TRUE(plan.has_value());
  const Cycles time = 40 + 8 * 8 * 16 + 8 * 8 + 5;
  EXPECT_EQ(plan->kernel.cycles.at(0), time);
  EXPECT_EQ(plan->kernel.matrix_flops.at(0), 2 * 64 * 64 * 64);
  EXPECT_EQ(plan->cycles, time + one.grid.task_latency());
  EXPECT_EQ(plan->least_cycles, plan->cycles);
  EXPECT_EQ(plan->buffer_bytes, 64 * 64 * 4) << "nothing comes, and sums stay from step to step of K";
  const auto rows = plan_candidate(product(64, 64, 64), one.context, axes(Cut::kM, Cut::kN, Stream::kM, 2), true);
  EXPECT_EQ(rows->buffer_bytes % (64 * 2), 0) << "whole rows of operands, and no sums";
  EXPECT_FALSE(plan->reduction.has_value());
}

// Each node computes half the columns, and both need all of A: 4 KiB from each, over one link of 64 bytes a cycle. The
// way is that of one stage, half a corner to corner.
TEST(ProductCost, AddsWhatArrivesBeforeTheFirstStep) {
  const Place two(Place::die(1, 2));
  const Cycles half = 8 * 4 * 16 + 8 * 8 + 5;
  const auto whole = plan_candidate(product(64, 64, 64), two.context, axes(Cut::kM, Cut::kN), true);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->cycles, 0.5 * (2 + 1) + 8192 / 64 + (40 + half) + static_cast<double>(two.grid.task_latency()));
  // In four steps over M, of two block rows each; a step after the first waits for its semaphore alone.
  const auto stepped = plan_candidate(product(64, 64, 64), two.context, axes(Cut::kM, Cut::kN, Stream::kM, 4), true);
  ASSERT_TRUE(stepped.has_value());
  const Cycles step = 2 * 4 * 16 + 2 * 8 + 5, busy = 40 + 4 * step + 3;
  EXPECT_EQ(stepped->kernel.cycles.at(0), 40 + step);
  EXPECT_EQ(stepped->kernel.cycles.at(1), 1 + step);
  EXPECT_EQ(stepped->cycles, 0.5 * (2 + 1) + 4096 / 64 + static_cast<double>(busy + two.grid.task_latency()))
      << "operands of two steps come side by side";
  EXPECT_EQ(stepped->least_cycles, static_cast<double>(busy + two.grid.task_latency()));
}

// At an eighth of the rate all of A takes longer than the work. The third step's operands wait for the first step's
// buffers, so of four steps two follow.
TEST(ProductCost, OperandsOfTwoStepsAreInFlight) {
  topology::MachineParams slow = Place::die(1, 2);
  slow.noc.link_bytes_per_cycle = 8;
  const Place two(slow);
  const auto plan = plan_candidate(product(64, 8, 64), two.context, axes(Cut::kM, Cut::kN, Stream::kM, 4), true);
  ASSERT_TRUE(plan.has_value());
  const double busy = 40 + 4 * (2 * 16 + 2 * 8 + 5) + 3;
  EXPECT_EQ(plan->cycles, 0.5 * (2 + 1) + 8192 / 8 + busy / 2 + static_cast<double>(two.grid.task_latency()));
}

// Cut by K both nodes have sums of all results: they are stored as FP32, then added up by a task of its own.
TEST(ProductCost, ASumOverNodesIsATaskOfItsOwn) {
  const Place two(Place::die(1, 2));
  ProductRequest request = product(64, 64, 64);
  request.a.layout = Layout::kAny;
  const auto plan = plan_candidate(request, two.context, axes(Cut::kM, Cut::kK), true);
  ASSERT_TRUE(plan.has_value() && plan->reduction.has_value());
  EXPECT_EQ(plan->reduction->node_bytes, 64 * 64 * 4);
  EXPECT_EQ(plan->reduction->result_bytes, 64 * 64 * 2);
  EXPECT_GE(plan->buffer_bytes, 64 * 64 * 4) << "the sums, and operands";
  const Cycles time = 40 + 8 * 8 * 8 + 8 * 8 + 5;
  EXPECT_EQ(plan->kernel.cycles.at(0), time);
  const double reduction = choose_reduction(*plan->reduction, two.grid, two.topology.params().node).cycles;
  EXPECT_NEAR(plan->cycles, static_cast<double>(time + 2 * two.grid.task_latency()) + reduction, 1e-6);
}

// What comes after wants the result by pixels again: over the rows' and the columns' ports.
TEST(ProductCost, AResultByChannelsCostsItsWayBack) {
  for (const int rows : {1, 2}) {
    const Place nodes(Place::die(rows, 2));
    ProductRequest request = product(64, 64, 64);
    request.a.layout = Layout::kAny;
    const auto plan = plan_candidate(request, nodes.context, axes(Cut::kN, Cut::kN), true);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->output.layout, Layout::kOther);
    const Cycles time = 40 + 8 * (4 / rows) * 16 + 8 * 8 + 5;  // of 32 or 16 channels
    const double back = 64 * 64 * 2 / 64.0 * (1.0 / rows + 1 / 2.0);
    Deliveries all(nodes.grid, 1);
    all.to_all(spread_evenly(nodes.grid, 64 * 64 * 2), false);
    EXPECT_NEAR(plan->cycles,
                all.latency() + all.load(64).all + static_cast<double>(time + nodes.grid.task_latency()) + back, 1e-6)
        << rows;
  }
}

TEST(VectorCost, IsThatOfANodesShare) {
  const Place die(Place::die(3, 4));
  VectorRequest request;
  request.load_bytes = 12 * 1280;
  request.store_bytes = 12 * 640;
  request.flops = 12 * 3200;
  const KernelPlan plan = plan_vector(request, die.context);
  EXPECT_EQ(plan.kernel.cycles.at(11), 40 + 100 + 9);
  EXPECT_EQ(plan.cycles, 40 + 100 + 9 + die.grid.task_latency());
  EXPECT_EQ(plan.kernel.vector_flops.at(11), 3200);
  EXPECT_FALSE(plan.reduction.has_value());
  EXPECT_EQ(plan.buffer_bytes, 0);
  request.flops = 0;
  request.to_all_bytes = 1280;  // every node reads it whole
  EXPECT_EQ(plan_vector(request, die.context).kernel.cycles.at(11), 40 + 20 + 9);
  request.sums_bytes = 1280;  // every node stores sums of all of it
  const KernelPlan sums = plan_vector(request, die.context);
  EXPECT_EQ(sums.kernel.cycles.at(11), 40 + 30 + 9);
  ASSERT_TRUE(sums.reduction.has_value());
  EXPECT_TRUE(sums.reduction->along_rows && sums.reduction->along_columns);
  EXPECT_EQ(sums.reduction->node_bytes, 1280);
  request.place.layout = Layout::kBandChannels;  // of a quarter of the channels
  EXPECT_EQ(plan_vector(request, die.context).reduction->node_bytes, 320);
  EXPECT_FALSE(plan_vector(request, die.context).reduction->along_rows);
  const Place row(Place::die(1, 4)), column(Place::die(4, 1)), one(Place::die(1, 1));
  request.place.layout = Layout::kPixels;
  EXPECT_FALSE(plan_vector(request, row.context).reduction->along_columns);
  EXPECT_FALSE(plan_vector(request, column.context).reduction->along_rows);
  EXPECT_FALSE(plan_vector(request, one.context).reduction.has_value());
}

// Each node of the row sends the sums of eight rows to the others, for the second step.
TEST(VectorCost, OfRowsOverNodesIsTwoStepsAndTheSumsBetween) {
  const Place row(Place::die(1, 4));
  VectorRequest request;
  request.place.layout = Layout::kBandChannels;
  request.load_bytes = request.store_bytes = 4 * 640;
  request.flops = 4 * 3200;
  request.rows = 8;
  request.row_sums_bytes = 400;
  const KernelPlan plan = plan_vector(request, row.context);
  ASSERT_EQ(plan.kernel.steps, 2u);
  Deliveries sums(row.grid, 2);
  sums.along_rows_before(Holding(4, 8 * 400), 1);
  const double all = sums.load(64).all;
  EXPECT_GE(all, 3 * 8 * 400 / 64.0) << "at each write port";
  EXPECT_EQ(plan_vector(request, Place(Place::die(4, 1)).context).kernel.steps, 1u) << "each node has whole rows";
  EXPECT_NEAR(plan.cycles,
              sums.latency() + all +
                  static_cast<double>(plan.kernel.cycles.at(0) + plan.kernel.cycles.at(1) + row.grid.task_latency()),
              1e-6);
}

TEST(ShapelessCost, IsTheRooflineOrTheRecordedTime) {
  const Place die(Place::die(3, 4));
  const Cycles latency = die.grid.task_latency();
  EXPECT_EQ(plan_shapeless({12 * 51200, 0, 0}, die.context).cycles, 40 + 100 + latency);
  EXPECT_EQ(plan_shapeless({0, 12 * 12800, 0}, die.context).cycles, 40 + 100 + latency);
  EXPECT_EQ(plan_shapeless({12 * 51200, 0, 77}, die.context).cycles, 77 + latency);
  EXPECT_EQ(plan_shapeless({12 * 51200, 0, 1}, die.context).cycles, 1 + latency);
}

}  // namespace
}  // namespace dojo::workload

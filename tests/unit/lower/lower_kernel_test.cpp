// SPDX-License-Identifier: Apache-2.0
// Spatial partition: no FLOP lost over odd shapes, arrival counts equal to brute-force delivery, operands complete.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <tuple>

#include "lower/candidate.h"
#include "lower/deliveries.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {
namespace {

struct Die {
  explicit Die(topology::MachineParams params = defaults())
      : topology(std::move(params)),
        slice(SliceMaker(topology).make(0, 0, topology.site_rows(), topology.site_columns())),
        grid(slice, topology),
        parts(slice_parts(slice, topology)),
        cost(topology.params().node, node::NodeModel::kBounds),
        context{grid, cost},
        on_parts{parts.front(), cost, 0, &parts} {}
  static topology::MachineParams defaults() {
    topology::MachineParams params;
    params.level = topology::Level::kDie;
    return params;
  }
  static topology::MachineParams small(std::vector<std::int64_t> disabled) {
    topology::MachineParams params = defaults();
    params.die.grid = {3, 4};
    params.die.enabled = 12 - static_cast<std::int64_t>(disabled.size());
    params.die.disabled_sites = std::move(disabled);
    return params;
  }
  topology::Topology topology;
  Slice slice;
  SliceGrid grid;
  std::vector<SliceGrid> parts;
  node::NodeCost cost;
  PlanContext context, on_parts;
};

struct Arrival {
  std::uint32_t from = 0, to = 0, slot = 0;
  Bytes bytes = 0;
  bool unicast = false;
};

/// Every piece at every receiver: other nodes of the slice's row or column, or the destination of a unicast.
std::vector<Arrival> arrivals(const Kernel& kernel, const SliceShape& shape) {
  std::vector<Arrival> all;
  for (std::uint32_t l = 0; l + 1 < kernel.gather_begin.size(); ++l) {
    const SliceShape::Line line = clipped(shape, shape.lines[l], kernel.part);
    for (std::uint32_t g = kernel.gather_begin[l]; g < kernel.gather_begin[l + 1]; ++g) {
      const Gather& gather = kernel.gathers[g];
      for (std::uint32_t p = gather.pieces_begin; p < gather.pieces_end; ++p) {
        const std::uint32_t from = shape.line_nodes[line.nodes_begin + kernel.pieces[p].holder];
        for (std::uint32_t to = 0; to < shape.node_count(); ++to) {
          const SliceShape::Node& a = shape.nodes[from];
          const SliceShape::Node& b = shape.nodes[to];
          if (to != from && kernel.part.has(b) && (line.horizontal ? a.row == b.row : a.column == b.column)) {
            all.push_back({from, to, gather.slot, kernel.pieces[p].bytes, false});
          }
        }
      }
    }
  }
  for (const Unicast& u : kernel.unicasts) {
    all.push_back({u.source, u.destination, u.slot, u.bytes, true});
  }
  return all;
}

/// On one die a node counts a gather of its line once, however many others hold pieces of it.
void expect_counts_match(const Kernel& kernel, const SliceShape& shape, const std::string& what) {
  const std::size_t slots = kernel.steps + std::size_t{1};
  std::vector<std::uint16_t> expected(shape.node_count() * slots, 0);
  for (std::uint32_t l = 0; l + 1 < kernel.gather_begin.size(); ++l) {
    const SliceShape::Line line = clipped(shape, shape.lines[l], kernel.part);
    for (std::uint32_t g = kernel.gather_begin[l]; g < kernel.gather_begin[l + 1]; ++g) {
      const Gather& gather = kernel.gathers[g];
      ASSERT_LE(gather.slot, kernel.steps);
      ASSERT_LT(gather.pieces_begin, gather.pieces_end) << what;
      if (g > kernel.gather_begin[l]) {
        const Gather& before = kernel.gathers[g - 1];
        EXPECT_LT(std::pair(before.slot, before.stage), std::pair(gather.slot, gather.stage)) << what;
      }
      for (std::uint32_t i = line.nodes_begin; i < line.nodes_end; ++i) {
        const bool alone = gather.pieces_end - gather.pieces_begin == 1 &&
                           kernel.pieces[gather.pieces_begin].holder == i - line.nodes_begin;
        if (!alone) {
          ++expected[shape.line_nodes[i] * slots + gather.slot];
        }
      }
    }
  }
  for (const Unicast& u : kernel.unicasts) {
    ++expected[u.destination * slots + u.slot];
  }
  if (!kernel.need.empty()) {
    EXPECT_EQ(kernel.need, expected) << what;
  }
}

ProductRequest product(std::int64_t m, std::int64_t n, std::int64_t k) {
  ProductRequest r;
  r.m = m, r.n = n, r.k = k;
  r.a_bytes = m * k * 2, r.b_bytes = k * n * 2, r.c_bytes = m * n * 2;
  return r;
}

std::vector<KernelPlan> all_plans(const ProductRequest& request, const PlanContext& context) {
  std::vector<KernelPlan> plans;
  for (const ProductChoice& choice : evaluate_products(request, context)) {
    plans.push_back(build_product(request, choice, context));
    EXPECT_EQ(plans.back().cycles, choice.cycles);
    EXPECT_EQ(plans.back().buffer_bytes, choice.buffer_bytes);
  }
  return plans;
}

KernelPlan best_plan(const ProductRequest& request, const PlanContext& context) {
  return build_product(request, choose_product(evaluate_products(request, context), 0), context);
}

TEST(Product, EveryCandidateDoesAllFlopsOverOddShapes) {
  const Die die(Die::small({1, 6}));
  std::mt19937 random(20240);
  for (int i = 0; i < 40; ++i) {
    const auto size = [&] { return static_cast<std::int64_t>(1 + random() % 197); };
    ProductRequest request = product(size(), size(), size());
    request.a.layout = static_cast<Layout>(random() % 4);
    request.pixels = random() % 2 == 0 ? Cut::kM : Cut::kK;
    if (request.pixels == Cut::kK) {
      request.b.layout = static_cast<Layout>(random() % 4);
    }
    for (const KernelPlan& plan : all_plans(request, die.context)) {
      const auto& flops = plan.kernel.matrix_flops;
      EXPECT_EQ(std::accumulate(flops.begin(), flops.end(), std::int64_t{0}), 2 * request.m * request.n * request.k)
          << plan.name << " seed 20240 case " << i;
      expect_counts_match(plan.kernel, die.grid.shape(), plan.name);
    }
  }
}

TEST(Product, ConvolutionFlopsEqualTheGraphs) {
  const Die die;
  ProductRequest request = product(8 * 28 * 28, 128, 128 * 9);
  request.conv = {8, 128, 56, 56, 128, 3, 3, 2, 1, 28, 28};
  request.a.layout = Layout::kPixels;
  request.a_bytes = 8LL * 56 * 56 * 128 * 2;
  request.halo = ProductRequest::Halo::kForward;
  request.halo_pixels = 8 * 56 * 56;
  request.halo_pixel_bytes = 256;
  const KernelPlan plan = best_plan(request, die.context);
  const auto& flops = plan.kernel.matrix_flops;
  EXPECT_EQ(std::accumulate(flops.begin(), flops.end(), std::int64_t{0}), 2LL * 8 * 28 * 28 * 128 * 128 * 9);
  expect_counts_match(plan.kernel, die.grid.shape(), plan.name);
}

TEST(Product, EveryPartDoesAllFlopsOfABatch) {
  const Die die(Die::small({1, 6}));
  std::mt19937 random(4711);
  for (int i = 0; i < 30; ++i) {
    const auto size = [&] { return static_cast<std::int64_t>(1 + random() % 97); };
    ProductRequest request = product(size(), size(), size());
    request.batch = 1 + static_cast<std::int64_t>(random() % 7);
    request.a_bytes *= request.batch, request.b_bytes *= request.batch, request.c_bytes *= request.batch;
    request.pixels = random() % 2 == 0 ? Cut::kM : Cut::kK;
    request.a.layout = static_cast<Layout>(random() % 4);
    if (i % 3 == 0) request.a.part = static_cast<std::uint8_t>(random() % die.parts.size());
    const std::int64_t all = 2 * request.m * request.n * request.k * request.batch;
    for (const KernelPlan& plan : all_plans(request, die.on_parts)) {
      const auto& flops = plan.kernel.matrix_flops;
      EXPECT_EQ(std::accumulate(flops.begin(), flops.end(), std::int64_t{0}), all) << plan.name << " case " << i;
      expect_counts_match(plan.kernel, die.grid.shape(), plan.name);
      for (std::uint32_t n = 0; n < die.grid.nodes(); ++n) {
        if (plan.kernel.part.has(die.grid.shape().nodes[n])) continue;
        EXPECT_EQ(flops[n], 0) << "outside the part";
      }
    }
  }
}

/// A part's nodes all lie in the part before, and the last part is one node.
TEST(Parts, LieInOneAnother) {
  for (const std::vector<std::int64_t>& disabled : {std::vector<std::int64_t>{}, {0}, {0, 1, 4, 5}}) {
    const Die die(Die::small(disabled));
    ASSERT_GE(die.parts.size(), 2U);
    EXPECT_EQ(die.parts.front().nodes(), die.grid.nodes());
    for (std::size_t i = 1; i < die.parts.size(); ++i) {
      EXPECT_LT(die.parts[i].nodes(), die.parts[i - 1].nodes());
      for (const std::uint32_t node : die.parts[i].all()) {
        EXPECT_TRUE(die.parts[i - 1].part().has(die.grid.shape().nodes[node]));
      }
    }
  }
  EXPECT_EQ(Die().parts.back().nodes(), 1U);
}

/// Of the slower one of two machines: fewer ports, longer latencies.
topology::MachineParams slower() {
  topology::MachineParams params = Die::defaults();
  params.node.load_ports = 1;
  params.node.noc_write_ports = 2;
  params.node.vector_latency_cycles *= 3;
  return params;
}

/// Which cuts there are depends on sizes alone; rates decide among them, and how many of them are tried in steps.
TEST(Product, RatesDoNotDecideWhichCutsThereAre) {
  const Die usual, other(slower());
  for (const std::int64_t m : {1, 64, 500}) {
    ProductRequest request = product(m, 300, 200);
    request.a.part = 0;  // how many smaller parts are worth a look is a bound of the time
    const auto cuts = [&](const Die& die) {
      std::vector<std::tuple<Cut, Cut, Bytes>> found;
      for (const ProductChoice& c : evaluate_products(request, die.on_parts))
        if (c.axes.steps == 1) found.emplace_back(c.axes.rows, c.axes.columns, c.buffer_bytes);
      return found;
    };
    EXPECT_EQ(cuts(usual), cuts(other));
  }
}

/// Cuts that are not tried in steps have none that would be taken, whatever the budget.
TEST(Product, NothingThatIsLeftOutIsCheaper) {
  const Die usual, other(slower());
  for (const Die* die : {&usual, &other}) {
    const Bytes least_budget = die->topology.params().node.sram_bytes / 8;
    std::size_t all = 0, tried = 0;
    for (const std::int64_t m : {1, 64, 500, 3000}) {
      const ProductRequest request = product(m, 300, 2000);
      const auto choices = evaluate_products(request, die->context);
      tried += choices.size();
      for (const Bytes budget : {Bytes{0}, least_budget, 4 * least_budget}) {
        const double chosen = choose_product(choices, budget).cycles;
        for (const Cut rows : {Cut::kM, Cut::kN, Cut::kK}) {
          for (const Cut columns : {Cut::kM, Cut::kN, Cut::kK}) {
            if (rows != request.pixels && columns == request.pixels) continue;
            for (const Stream stream : {Stream::kM, Stream::kN, Stream::kK}) {
              for (const std::uint32_t steps : {2u, 4u, 8u, 15u}) {
                const std::int64_t sizes[] = {m, 300, 2000};
                if (sizes[static_cast<std::size_t>(stream) - 1] < 8 * steps) continue;
                const auto plan = plan_candidate(request, die->context, {rows, columns, stream, steps}, false);
                if (!plan) continue;
                ++all;
                if (budget == 0 || plan->buffer_bytes <= budget) {
                  EXPECT_LE(chosen, 1.01 * plan->cycles) << m;
                }
              }
            }
          }
        }
      }
    }
    EXPECT_LT(tried, all / 3) << "some are left out";
  }
}

TEST(Product, ThatDoesNotFitTakesMoreSteps) {
  const Die die;
  const auto choices = evaluate_products(product(4864, 4864, 4864), die.context);
  const ProductChoice free = choose_product(choices, 0);
  const ProductChoice tight = choose_product(choices, 500'000);
  EXPECT_LE(tight.buffer_bytes, 500'000);
  EXPECT_GT(tight.axes.steps, free.axes.steps);
  const ProductChoice smallest = choose_product(choices, 1);
  for (const ProductChoice& choice : choices) EXPECT_GE(choice.buffer_bytes, smallest.buffer_bytes);
}

/// Of each pair of cuts and part the cheapest, in the order of their cost.
TEST(Product, ChoicesCanBeTakenOneAfterTheOther) {
  const Die die;
  const auto choices = evaluate_products(product(512, 512, 512), die.on_parts);
  double before = choose_product(choices, 0).cycles / 1.01;
  for (std::uint32_t rank = 1; rank < 8; ++rank) {
    const ProductChoice choice = choose_product(choices, 0, rank);
    EXPECT_GE(choice.cycles, before);
    before = choice.cycles;
  }
  EXPECT_EQ(choose_product(choices, 0, 1000).cycles, choose_product(choices, 0, 100'000).cycles);
}

/// Random convolutions, wide and flat ones among them: windows may reach over many pieces.
TEST(Product, EveryConvolutionHasACandidate) {
  const Die die;
  std::mt19937 random(99);
  for (int i = 0; i < 60; ++i) {
    const auto size = [&](std::int64_t most) { return static_cast<std::int64_t>(1 + random() % most); };
    const std::int64_t r = 1 + 2 * size(3), pad = r / 2;
    const std::int64_t h = size(i % 2 == 0 ? 4 : 60), w = size(i % 2 == 0 ? 1500 : 60);
    const std::int64_t n = size(4), c = size(64), k = size(128);
    const ConvShape conv{n, c, h, w, k, r, r, 1, pad, h, w};
    ProductRequest request = product(n * h * w, k, c * r * r);
    request.a_bytes = n * h * w * c * 2;
    request.conv = conv;
    request.a.layout = Layout::kPixels;
    request.halo = ProductRequest::Halo::kForward;
    request.halo_pixels = n * h * w;
    request.halo_pixel_bytes = c * 2;
    const KernelPlan plan = best_plan(request, die.on_parts);
    const auto& flops = plan.kernel.matrix_flops;
    EXPECT_EQ(std::accumulate(flops.begin(), flops.end(), std::int64_t{0}), 2 * request.m * request.n * request.k) << i;
  }
}

/// Attention: the gradients of both operands take about as long as the product itself, and fit where it does.
TEST(Product, TheWeightGradientOfABatchIsNoSlowerThanTheProduct) {
  const Die die;
  for (const std::int64_t heads : {4, 8, 12, 16}) {
    const auto batch = [&](std::int64_t m, std::int64_t n, std::int64_t k, Cut pixels) {
      ProductRequest r = product(m, n, k);
      r.batch = heads;
      r.a_bytes *= heads, r.b_bytes *= heads, r.c_bytes *= heads;
      r.pixels = pixels;
      return choose_product(evaluate_products(r, die.on_parts), 500'000);
    };
    const ProductChoice forward = batch(1024, 1024, 64, Cut::kM);
    for (const ProductChoice& gradient : {batch(1024, 64, 1024, Cut::kM), batch(64, 1024, 1024, Cut::kK)}) {
      EXPECT_LT(gradient.cycles, 1.7 * forward.cycles) << heads << " heads";
      EXPECT_LE(gradient.buffer_bytes, 500'000) << heads << " heads";
    }
  }
}

/// A small operand lies where it is used: a product of operands that nothing has placed does not send them to all.
TEST(Product, ASmallOperandDoesNotGoEverywhere) {
  const Die die;
  const double below = best_plan(product(1024, 1024, 88), die.on_parts).cycles;
  const double above = best_plan(product(1024, 1024, 96), die.on_parts).cycles;
  EXPECT_LT(below, 1.02 * above);
}

TEST(Product, ASlowCoreTakesLongerAndOthersDoNot) {
  topology::MachineParams params = Die::small({});
  params.slow_nodes.push_back({"die.node[5]", 0.5});
  const Die slow(params);
  const Die even(Die::small({}));
  const ProductRequest request = product(96, 96, 96);
  const KernelPlan a = best_plan(request, even.context);
  const KernelPlan b = best_plan(request, slow.context);
  EXPECT_EQ(a.kernel.cycles[0], b.kernel.cycles[0]);
  EXPECT_GT(b.kernel.cycles[5 * b.kernel.steps], a.kernel.cycles[5 * a.kernel.steps]);
}

TEST(Product, NoCandidateIsFasterThanThePeak) {
  const Die die;
  const ProductRequest request = product(1000, 700, 300);
  const double peak = 2.0 * 1000 * 700 * 300 / (354 * 512);
  for (const KernelPlan& plan : all_plans(request, die.context)) {
    EXPECT_GT(plan.cycles, peak) << plan.name;
  }
}

TEST(Deliveries, ToAllBringsEveryNodeTheWholeTensor) {
  for (const std::vector<std::int64_t>& disabled : {std::vector<std::int64_t>{}, {1, 6}, {0, 4, 8}}) {
    const Die die(Die::small(disabled));
    for (const Bytes bytes : {Bytes{24000}, Bytes{1000}, Bytes{7}}) {
      Deliveries deliveries(die.grid, 1);
      const Holding holding = spread_resident(die.grid, bytes);
      (void)deliveries.to_all(holding, false);
      Kernel kernel;
      deliveries.finish(kernel);
      expect_counts_match(kernel, die.grid.shape(), "to all");
      // A node has its own piece; what its column brings it in stage 1 it does not get again, the rest comes in
      // stage 2.
      std::vector<Bytes> has = holding;
      // Proxies also get, by unicast, the column of the missing neighbour that they pass on.
      for (const Arrival& arrival : arrivals(kernel, die.grid.shape())) {
        has[arrival.to] += arrival.bytes;
      }
      for (std::uint32_t node = 0; node < die.grid.nodes(); ++node) {
        EXPECT_EQ(has[node], bytes) << "node " << node << ", " << disabled.size() << " disabled";
      }
    }
  }
}

/// One holder of a row, and more steps than holders: each step has its share.
TEST(Deliveries, AHolderServesManySteps) {
  const Die die(Die::small({}));
  Deliveries deliveries(die.grid, 30);
  const Holding holding = spread_over_rows(die.grid, 900);
  EXPECT_EQ(std::count_if(holding.begin(), holding.end(), [](Bytes b) { return b > 0; }), 3) << "one in each row";
  EXPECT_EQ(deliveries.along_rows(holding, true), 300);
  Kernel kernel;
  kernel.steps = 30;
  deliveries.finish(kernel);
  expect_counts_match(kernel, die.grid.shape(), "many steps");
  EXPECT_EQ(kernel.gathers.size(), 90U);
}

TEST(Deliveries, AlongRowsBringsTheBandAndNothingElse) {
  const Die die(Die::small({1}));
  Deliveries deliveries(die.grid, 2);
  const Holding holding = spread_evenly(die.grid, 11000);
  EXPECT_EQ(deliveries.along_rows(holding, true), 4000);
  Kernel kernel;
  kernel.steps = 2;
  deliveries.finish(kernel);
  expect_counts_match(kernel, die.grid.shape(), "along rows");
  EXPECT_EQ(kernel.pieces.size(), 11U);
  EXPECT_EQ(kernel.gathers.size(), 6U) << "two steps in each of three rows";
  EXPECT_EQ(arrivals(kernel, die.grid.shape()).size(), 2U * 4 * 3 + 3 * 2) << "rows of four, four, and three nodes";
}

/// Along a row of four nodes: of messages shorter than the row, the one nearest to a link goes first, each way; a
/// node's second message comes after all first ones, and long ones keep their place behind the short ones.
TEST(Deliveries, ShortMessagesOfNodesComeToTheirLinksInOrder) {
  const Die die(Die::small({}));
  Deliveries deliveries(die.grid, 1);
  const std::array<std::array<std::uint32_t, 3>, 7> messages{{{0, 3, 256},   // east, the last to come to link 2 - 3
                                                              {1, 3, 64},    // east
                                                              {1, 0, 64},    // west, the second of its node
                                                              {2, 3, 256},   // east, next to that link
                                                              {3, 0, 64},    // west, nobody before it
                                                              {4, 7, 257},   // longer than the row
                                                              {5, 9, 64}}};  // along a column alone
  for (const auto& [from, to, bytes] : messages) deliveries.unicast(from, to, bytes);
  Kernel kernel;
  deliveries.finish(kernel);
  std::vector<std::array<std::uint32_t, 3>> order;
  for (const Unicast& u : kernel.unicasts) order.push_back({u.source, u.destination, u.bytes});
  const std::vector<std::array<std::uint32_t, 3>> expected{{5, 9, 64},  {3, 0, 64},  {2, 3, 256}, {1, 3, 64},
                                                           {0, 3, 256}, {4, 7, 257}, {1, 0, 64}};
  EXPECT_EQ(order, expected);
}

TEST(Halo, NeededPixelsAreTheWindowClippedToTheImage) {
  // One 4 x 4 image, 3 x 3 filter, pad 1, stride 1: output pixel (1, 1) reads rows 0 to 2 from (0, 0) to (2, 2).
  const ConvShape conv{2, 1, 4, 4, 1, 3, 3, 1, 1, 4, 4};
  const PixelRange inner = needed_pixels(conv, ProductRequest::Halo::kForward, 5, 6);
  EXPECT_EQ(inner.first, 0);
  EXPECT_EQ(inner.last, 11);
  const PixelRange corner = needed_pixels(conv, ProductRequest::Halo::kForward, 15, 16);
  EXPECT_EQ(corner.first, 10);
  EXPECT_EQ(corner.last, 16) << "does not reach into the next image";
  const PixelRange second = needed_pixels(conv, ProductRequest::Halo::kForward, 16, 17);
  EXPECT_EQ(second.first, 16) << "does not reach back into the first image";
}

}  // namespace
}  // namespace dojo::workload

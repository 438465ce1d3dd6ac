// SPDX-License-Identifier: Apache-2.0
// Spatial partition: no FLOP lost over odd shapes, arrival counts equal to brute-force delivery, operands complete.
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

#include "workload/lower/deliveries.h"
#include "workload/lower/kernel_plan.h"

namespace dojo::workload {
namespace {

struct Die {
  explicit Die(topology::MachineParams params = defaults())
      : topology(std::move(params)),
        slice(SliceMaker(topology).make(0, 0, topology.site_rows(), topology.site_columns())),
        grid(slice, topology),
        cost(topology.params().node),
        context{grid, cost} {}
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
  node::NodeCost cost;
  PlanContext context;
};

/// Sends every transfer to every receiver.
template <class Visit>
void for_each_arrival(const Kernel& kernel, const SliceShape& shape, Visit visit) {
  if (kernel.transfer_begin.empty()) {
    return;
  }
  for (std::uint32_t from = 0; from < shape.node_count(); ++from) {
    for (std::uint32_t i = kernel.transfer_begin[from]; i < kernel.transfer_begin[from + 1]; ++i) {
      const Transfer& t = kernel.transfers[i];
      for (std::uint32_t to = 0; to < shape.node_count(); ++to) {
        const bool reached = t.shape == Transfer::Shape::kUnicast ? to == t.destination
                             : t.shape == Transfer::Shape::kRow   ? shape.nodes[to].row == shape.nodes[from].row
                                                                  : shape.nodes[to].column == shape.nodes[from].column;
        if (reached && to != from) {
          visit(from, to, t);
        }
      }
    }
  }
}

void expect_counts_match(const Kernel& kernel, const SliceShape& shape, const std::string& what) {
  std::vector<std::uint16_t> expected(static_cast<std::size_t>(shape.node_count()) * (kernel.steps + 1), 0);
  for_each_arrival(kernel, shape, [&](std::uint32_t, std::uint32_t to, const Transfer& t) {
    ASSERT_LE(t.slot, kernel.steps);
    ++expected[static_cast<std::size_t>(to) * (kernel.steps + 1) + t.slot];
  });
  if (!kernel.need.empty()) {
    EXPECT_EQ(kernel.need, expected) << what;
  }
  for (std::uint32_t from = 0; !kernel.transfer_begin.empty() && from < shape.node_count(); ++from) {
    for (std::uint32_t i = kernel.transfer_begin[from] + 1; i < kernel.transfer_begin[from + 1]; ++i) {
      const Transfer& a = kernel.transfers[i - 1];
      const Transfer& b = kernel.transfers[i];
      EXPECT_LE(std::pair(a.slot, a.stage), std::pair(b.slot, b.stage)) << what;
    }
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
    request.a = static_cast<Layout>(random() % 4);
    request.pixels = random() % 2 == 0 ? Cut::kM : Cut::kK;
    if (request.pixels == Cut::kK) {
      request.b = static_cast<Layout>(random() % 4);
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
  request.a = Layout::kPixels;
  request.a_bytes = 8LL * 56 * 56 * 128 * 2;
  request.halo = ProductRequest::Halo::kForward;
  request.halo_pixels = 8 * 56 * 56;
  request.halo_pixel_bytes = 256;
  const KernelPlan plan = best_plan(request, die.context);
  const auto& flops = plan.kernel.matrix_flops;
  EXPECT_EQ(std::accumulate(flops.begin(), flops.end(), std::int64_t{0}), 2LL * 8 * 28 * 28 * 128 * 128 * 9);
  expect_counts_match(plan.kernel, die.grid.shape(), plan.name);
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
      for_each_arrival(kernel, die.grid.shape(), [&](std::uint32_t, std::uint32_t to, const Transfer& t) {
        if (t.shape != Transfer::Shape::kUnicast) {
          has[to] += t.bytes;
        }
      });
      // Proxies also get, by unicast, the column of the missing neighbour that they pass on.
      for_each_arrival(kernel, die.grid.shape(), [&](std::uint32_t, std::uint32_t to, const Transfer& t) {
        if (t.shape == Transfer::Shape::kUnicast) {
          has[to] += t.bytes;
        }
      });
      for (std::uint32_t node = 0; node < die.grid.nodes(); ++node) {
        EXPECT_EQ(has[node], bytes) << "node " << node << ", " << disabled.size() << " disabled";
      }
    }
  }
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
  EXPECT_EQ(kernel.transfers.size(), 11U);
  EXPECT_EQ(kernel.need[0 * 3 + 1] + kernel.need[0 * 3 + 2], 2) << "two others in the row with the disabled site";
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

// SPDX-License-Identifier: Apache-2.0
// Candidates of a matrix product's partition, and the choice among them.
#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"
#include "dojo/topology/node_ports.h"
#include "lower/candidate.h"

namespace dojo::workload {
namespace {

std::int64_t size_of(const ProductRequest& r, Stream stream) {
  const std::int64_t matrices = r.pixels == (stream == Stream::kM ? Cut::kM : Cut::kK) ? r.batch : 1;
  return stream == Stream::kN ? r.n : matrices * (stream == Stream::kM ? r.m : r.k);
}

/// Cycles that no plan on that many nodes goes below.
double peak_cycles(const ProductRequest& r, const PlanContext& context) {
  const topology::NodeParams& node = context.cost.params();
  const double flops = 2.0 * static_cast<double>(r.m) * static_cast<double>(r.n) * static_cast<double>(r.k) *
                       static_cast<double>(r.batch);
  const std::int64_t of_node =
      r.element_bytes >= 4 ? node.fp32_flop_per_cycle : 2 * node.matrix_rows * node.matrix_columns * node.matrix_depth;
  return flops / static_cast<double>(of_node) / context.grid.nodes();
}

/// What a node of the part holds more than if all nodes of the slice held it: operands that nothing has placed yet, and
/// the result.
Bytes more_resident(const ProductRequest& r, const PlanContext& context) {
  Bytes bytes = r.destinations.empty() ? r.c_bytes : 0;
  bytes += r.a.part == kUnplaced ? r.a_bytes : 0;
  bytes += r.b.part == kUnplaced ? r.b_bytes : 0;
  return held_more(bytes, context);
}

/// What every budget has room for: an operation always has an eighth of the SRAM.
Bytes always_free(const PlanContext& context) {
  return context.cost.params().sram_bytes / 16;
}

/// Steps in ascending order: more than 15 only while operands in flight are a matter of capacity.
void evaluate_steps(const ProductRequest& request, const PlanContext& context, CandidateAxes axes,
                    std::vector<ProductChoice>& choices) {
  constexpr std::array<std::uint32_t, 8> kSteps{2, 4, 8, 15, 30, 60, 120, Kernel::kMostSteps};
  constexpr std::uint32_t kFew = 15;
  const Bytes small = always_free(context);
  Bytes buffer = 0;
  for (const std::uint32_t steps : kSteps) {
    if (size_of(request, axes.stream) < 8 * steps) return;
    if (steps > kFew && buffer <= small) return;
    axes.steps = steps;
    stop_point();
    const auto plan = plan_candidate(request, context, axes, false);
    if (!plan) return;
    buffer = plan->buffer_bytes;
    choices.push_back({axes, buffer, more_resident(request, context), plan->cycles});
  }
}

/// A candidate in one step, and cycles that its cuts do not go below in any number of them.
struct Bounded {
  CandidateAxes axes;
  double least_cycles = 0;
};

void evaluate_part(const ProductRequest& request, const PlanContext& context, std::vector<ProductChoice>& choices,
                   std::vector<Bounded>& cuts) {
  constexpr std::array kCuts{Cut::kM, Cut::kN, Cut::kK};
  for (const Cut rows : kCuts) {
    for (const Cut columns : kCuts) {
      // Pixels lie in row-major order: columns alone cannot cut them. The rows share out a batch.
      if (rows != request.pixels && (columns == request.pixels || request.batch > 1)) continue;
      // Nor is the sum of a batch's matrices cut by columns.
      if (request.batch > 1 && columns == Cut::kK) continue;
      const bool shares_b = request.batch > 1 && request.pixels == Cut::kM;
      for (const bool b_by_columns : {false, true}) {
        if (b_by_columns && !shares_b) continue;
        const CandidateAxes axes{rows, columns, Stream::kNone, 1, context.part, b_by_columns};
        const auto plan = plan_candidate(request, context, axes, false);
        choices.push_back({axes, plan->buffer_bytes, more_resident(request, context), plan->cycles});
        cuts.push_back({axes, plan->least_cycles});
      }
    }
  }
}

/// Steps are of no use to cuts whose bound lies well above the time of a choice that always fits: none of their choices
/// would be taken.
void evaluate_all_steps(const ProductRequest& request, const PlanContext& context, std::vector<Bounded> cuts,
                        std::vector<ProductChoice>& choices) {
  constexpr double kFar = 1.15;  // as far as the cost model may be off
  std::stable_sort(cuts.begin(), cuts.end(),
                   [](const Bounded& a, const Bounded& b) { return a.least_cycles < b.least_cycles; });
  double least = std::numeric_limits<double>::infinity();  // of a choice that always fits
  std::size_t seen = 0;
  for (const Bounded& cut : cuts) {
    for (; seen < choices.size(); ++seen) {
      const ProductChoice& c = choices[seen];
      if (c.buffer_bytes + c.resident_bytes <= always_free(context)) least = std::min(least, c.cycles);
    }
    if (cut.least_cycles > kFar * least) return;
    CandidateAxes axes = cut.axes;
    for (const Stream stream : {Stream::kM, Stream::kN, Stream::kK}) {
      axes.stream = stream;
      evaluate_steps(request, context.on(axes.part), axes, choices);
    }
  }
}

}  // namespace

const char* cut_name(Cut cut) {
  return cut == Cut::kM ? "M" : cut == Cut::kN ? "N" : "K";
}

double task_cycles(const KernelPlan& plan, const PlanContext& context) {
  const double task = static_cast<double>(context.grid.task_latency());
  if (!plan.reduction) return task;
  return 2 * task + choose_reduction(*plan.reduction, context.grid, context.cost.params()).cycles;
}

double write_port_bytes_per_cycle(const PlanContext& context) {
  return topology::node_ports(context.cost.params()).write * context.grid.link_bytes_per_cycle();
}

const char* stream_name(Stream stream) {
  return stream == Stream::kNone ? "" : cut_name(static_cast<Cut>(static_cast<int>(stream) - 1));
}

std::string name_of_part(const PlanContext& context) {
  const SliceGrid& all = context.on(0).grid;
  if (context.part == 0) return "";
  return fmt::format(", on {} x {} of {} x {} sites", context.grid.rows(), context.grid.columns(), all.rows(),
                     all.columns());
}

bool operator<(const ProductRequest& x, const ProductRequest& y) {
  const auto key = [](const ProductRequest& r) {
    const ConvShape& c = r.conv;
    return std::tuple(r.m, r.n, r.k, r.batch, r.element_bytes, r.a_bytes, r.b_bytes, r.c_bytes, r.a.layout, r.a.part,
                      r.b.layout, r.b.part, r.pixels, r.halo_pixels, r.halo_pixel_bytes, r.halo, c.key(),
                      r.destinations, r.any_nodes, r.groups);
  };
  return key(x) < key(y);
}

std::vector<ProductChoice> evaluate_products(const ProductRequest& request, const PlanContext& context) {
  std::vector<ProductChoice> choices;
  const std::size_t most = last_part(std::min(request.a.part, request.b.part), context);
  std::vector<Bounded> cuts;
  double least = 0;
  for (std::size_t part = 0; part <= most; ++part) {
    const PlanContext on = context.on(static_cast<std::uint8_t>(part));
    if (part > 0 && peak_cycles(request, on) > least) break;  // nor is any smaller part as good
    evaluate_part(request, on, choices, cuts);
    least = choices.front().cycles;
    for (const ProductChoice& choice : choices) least = std::min(least, choice.cycles);
  }
  evaluate_all_steps(request, context, std::move(cuts), choices);
  DOJO_CHECK(!choices.empty(), "no partition for a product of {} x {} x {}", request.m, request.n, request.k);
  return choices;
}

ProductChoice choose_product(const std::vector<ProductChoice>& choices, Bytes budget_bytes, std::uint32_t rank) {
  std::vector<PlanCost> costs;
  for (const ProductChoice& c : choices) {
    const CandidateAxes& x = c.axes;
    const auto cuts =
        8 * static_cast<std::uint32_t>(x.rows) + 2 * static_cast<std::uint32_t>(x.columns) + (x.b_by_columns ? 1U : 0U);
    costs.push_back({x.part, cuts, x.steps, c.buffer_bytes + c.resident_bytes, c.cycles});
  }
  return choices[choose_plan(costs, budget_bytes, rank)];
}

KernelPlan build_product(const ProductRequest& request, const ProductChoice& choice, const PlanContext& context) {
  auto plan = plan_candidate(request, context.on(choice.axes.part), choice.axes, true);
  DOJO_CHECK(plan.has_value(), "a partition that was possible is not: {} x {} x {}", request.m, request.n, request.k);
  return std::move(*plan);
}

}  // namespace dojo::workload

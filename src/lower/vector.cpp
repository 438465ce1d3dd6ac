// SPDX-License-Identifier: Apache-2.0
// Elementwise-like operations, pooling, normalisation and operations without shapes, cut evenly over a slice's nodes.
#include <algorithm>
#include <array>
#include <tuple>

#include "dojo/workload/residency.h"
#include "lower/deliveries.h"
#include "lower/floors.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {
namespace {

void deliver(const VectorRequest& request, const SliceGrid& grid, Deliveries& deliveries, Bytes& buffer) {
  if (request.to_all_bytes > 0) buffer += deliveries.to_all(spread_resident(grid, request.to_all_bytes), false);
  if (request.shifted_bytes > 0) {
    // A node keeps its part of what passes by: that and two pieces in flight.
    (void)deliveries.along_rows(spread_evenly(grid, request.shifted_bytes), false);
    buffer += 3 * ceil_div<Bytes>(request.shifted_bytes, grid.nodes());
  }
  if (request.collected_bytes > 0)
    buffer += deliveries.filtered_by_column(spread_evenly(grid, request.collected_bytes), false);
  const ConvShape& w = request.window;
  if (request.halo == ProductRequest::Halo::kNone || w.p * w.q == 0) return;
  const bool forward = request.halo == ProductRequest::Halo::kForward;
  const std::int64_t cut = w.n * w.p * w.q;
  const std::int64_t operand = forward ? w.n * w.h * w.w : cut;
  Bytes most = 0;
  if (request.place.layout != Layout::kBandChannels) {
    Deliveries with_halo = deliveries;
    if (add_piece_halo(w, request.halo, cut, operand, request.pixel_bytes, grid, &with_halo, &most)) {
      deliveries = with_halo;
      buffer += most;
      return;
    }
    most = 0;
  }
  // Few rows are more than four bands high; then each node has whole images of its channels.
  constexpr std::int64_t kMostBands = 4;
  Deliveries with_halo = deliveries;
  if (add_band_halo(w, request.halo, cut, operand, request.pixel_bytes, false, grid, &with_halo, &most) <= kMostBands) {
    deliveries = with_halo;
    buffer += most;
    return;
  }
  buffer += deliveries.filtered_by_column(spread_evenly(grid, operand * request.pixel_bytes), false);
}

}  // namespace

bool operator<(const VectorRequest& a, const VectorRequest& b) {
  const auto key = [](const VectorRequest& r) {
    const ConvShape& c = r.window;
    return std::tuple(r.load_bytes, r.store_bytes, r.flops, r.operations, r.element_bytes, r.place.layout, r.place.part,
                      r.shifted_bytes, r.collected_bytes, r.to_all_bytes, r.halo,
                      std::array{c.n, c.c, c.h, c.w, c.k, c.r, c.s, c.stride, c.pad, c.p, c.q}, r.pixel_bytes,
                      r.sums_bytes);
  };
  return key(a) < key(b);
}

KernelPlan plan_vector(const VectorRequest& request, const PlanContext& context) {
  const SliceGrid& grid = context.grid;
  KernelPlan plan;
  plan.name = "cut evenly" + name_of_part(context);
  plan.floors = core_floors(request, context);
  plan.part = context.part;
  plan.output = request.place;
  Deliveries deliveries(grid, 1);
  deliver(request, grid, deliveries, plan.buffer_bytes);
  deliveries.finish(plan.kernel);

  // Sums of all channels when the node has all channels of its pixels, else of its own.
  const bool bands = request.place.layout == Layout::kBandChannels;
  const Bytes node_sums = bands ? ceil_div<Bytes>(request.sums_bytes, grid.columns()) : request.sums_bytes;
  plan.buffer_bytes += node_sums;
  plan.kernel.part = grid.part();
  plan.kernel.cycles.resize(grid.shape().node_count());
  plan.kernel.vector_flops.resize(grid.shape().node_count());
  Cycles most = 0;
  for (std::uint32_t p = 0; p < grid.nodes(); ++p) {
    const std::uint32_t node = grid.node_at(p);
    const node::VectorPiece work{piece_size(request.load_bytes, grid.nodes(), p) + request.to_all_bytes,
                                 piece_size(request.store_bytes, grid.nodes(), p) + node_sums,
                                 piece_size(request.flops, grid.nodes(), p), request.element_bytes,
                                 piece_size(request.operations, grid.nodes(), p)};
    plan.kernel.vector_flops[node] = work.flops;
    const Cycles nominal = saturating_sum(context.cost.launch(), context.time(work));
    plan.cores.add(nominal, saturating_sum(context.cost.launch(), context.cost.vector(work)));
    const Cycles cycles = node::NodeCost::scaled(nominal, grid.shape().nodes[node].core_speed);
    plan.kernel.cycles[node] = cycles;
    most = std::max(most, cycles);
  }
  if (request.sums_bytes > 0 && grid.nodes() > 1) {
    ReductionSpec spec;
    spec.part = context.part;
    spec.along_rows = !bands && grid.columns() > 1;
    spec.along_columns = grid.rows() > 1;
    spec.node_bytes = node_sums;
    spec.result_bytes = request.sums_bytes;
    spec.destinations = residency(grid.shape(), request.sums_bytes, grid.part());
    plan.reduction = std::move(spec);
  }
  plan.cycles = deliveries.latency() + deliveries.load(write_port_bytes_per_cycle(context)).all +
                static_cast<double>(most) + task_cycles(plan, context);
  return plan;
}

bool operator<(const ShapelessRequest& a, const ShapelessRequest& b) {
  return std::tuple(a.flops, a.bytes, a.recorded_cycles) < std::tuple(b.flops, b.bytes, b.recorded_cycles);
}

KernelPlan plan_shapeless(const ShapelessRequest& request, const PlanContext& context) {
  const SliceGrid& grid = context.grid;
  const bool recorded = request.recorded_cycles > 0;
  KernelPlan plan;
  plan.name = recorded ? "recorded time" : "cut evenly";
  plan.floors = core_floors(request, context);
  plan.kernel.timed_by = recorded ? Kernel::TimedBy::kRecorded : Kernel::TimedBy::kRoofline;
  plan.kernel.cycles.resize(grid.shape().node_count());
  plan.kernel.matrix_flops.resize(grid.shape().node_count());
  for (std::uint32_t p = 0; p < grid.nodes(); ++p) {
    const std::uint32_t node = grid.node_at(p);
    const node::RooflinePiece work{piece_size(request.flops, grid.nodes(), p),
                                   piece_size(request.bytes, grid.nodes(), p)};
    plan.kernel.matrix_flops[node] = work.flops;
    const Cycles modelled = saturating_sum(context.cost.launch(), context.cost.roofline(work));
    const Cycles nominal = recorded ? request.recorded_cycles : modelled;
    // A recorded time is what the operation took, on whatever cores; a slow core still is slower.
    plan.kernel.cycles[node] = node::NodeCost::scaled(nominal, grid.shape().nodes[node].core_speed);
    plan.cores.add(nominal, nominal);
  }
  const Cycles most = *std::max_element(plan.kernel.cycles.begin(), plan.kernel.cycles.end());
  plan.cycles = static_cast<double>(most) + task_cycles(plan, context);
  return plan;
}

}  // namespace dojo::workload

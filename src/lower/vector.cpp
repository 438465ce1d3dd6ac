// SPDX-License-Identifier: Apache-2.0
// Elementwise-like operations, pooling, normalisation and operations without shapes, cut evenly over a slice's nodes.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "dojo/workload/residency.h"
#include "lower/deliveries.h"
#include "lower/floors.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {
namespace {

/// What comes along the columns, and 1/rows of it then along the rows, lies on a node until it works on it, in as many
/// turns as keep that below `most`. The time is that of one turn, in which it works when all has come.
Bytes collected(Bytes bytes, const PlanContext& from, const PlanContext& context, Deliveries& deliveries) {
  constexpr Bytes kShareOfSram = 4;  // assumed; docs/kernels.md, "Other operations"
  if (bytes == 0) return 0;
  return std::min(context.cost.params().sram_bytes / kShareOfSram,
                  deliveries.filtered_by_column(spread_evenly(from.grid, bytes), false));
}

/// What lies in another layout is passed along the rows, or like what lies on another part collected along both axes.
Bytes deliver_inputs(const VectorRequest& request, const PlanContext& context, Deliveries& deliveries) {
  const SliceGrid& grid = context.grid;
  const Layout layout = request.place.layout;
  Bytes shifted = 0, across = 0, buffer = 0;
  std::map<std::uint8_t, Bytes> elsewhere;  // by part
  for (const VectorRequest::Input& input : request.inputs) {
    const Layout lies = input.place.layout;
    if (input.place.part != context.part)
      elsewhere[input.place.part] += input.bytes;
    else if (lies != Layout::kAny && lies != layout)
      (lies == Layout::kOther || layout == Layout::kOther ? across : shifted) += input.bytes;
  }
  if (shifted > 0) {
    // A node keeps its part of what passes by: that and two pieces in flight.
    (void)deliveries.along_rows(spread_evenly(grid, shifted), false);
    buffer += 3 * ceil_div<Bytes>(shifted, grid.nodes());
  }
  buffer += collected(across, context, context, deliveries);
  for (const auto& [part, bytes] : elsewhere) buffer += collected(bytes, context.on(part), context, deliveries);
  return buffer;
}

void deliver(const VectorRequest& request, const PlanContext& context, Deliveries& deliveries, Bytes& buffer) {
  const SliceGrid& grid = context.grid;
  if (request.to_all_bytes > 0) buffer += deliveries.to_all(spread_resident(grid, request.to_all_bytes), false);
  buffer += deliver_inputs(request, context, deliveries);
  if (request.scattered_bytes > 0)
    buffer += add_scattered(request.scattered_bytes, request.scattered_rows, grid, deliveries);
  const ConvShape& w = request.window;
  if (request.halo == ProductRequest::Halo::kNone || w.p * w.q == 0) return;
  const bool forward = request.halo == ProductRequest::Halo::kForward;
  const std::int64_t cut = w.n * w.p * w.q;
  const std::int64_t operand = forward ? w.n * w.h * w.w : cut;
  Bytes most = 0;
  if (request.place.layout != Layout::kBandChannels) {
    Deliveries with_halo = deliveries;
    if (add_piece_halo(w, request.halo, cut, operand, request.pixel_bytes, grid, &with_halo, &most)) {
      deliveries = std::move(with_halo);
      buffer += most;
      return;
    }
    most = 0;
  }
  // Few rows are more than four bands high; then each node has whole images of its channels.
  constexpr std::int64_t kMostBands = 4;
  Deliveries with_halo = deliveries;
  if (add_band_halo(w, request.halo, cut, operand, request.pixel_bytes, false, grid, &with_halo, &most) <= kMostBands) {
    deliveries = std::move(with_halo);
    buffer += most;
    return;
  }
  buffer += deliveries.filtered_by_column(spread_evenly(grid, operand * request.pixel_bytes), false);
}

/// Partial sums of the rows of each band, which its nodes send each other.
Holding sums_of_bands(const VectorRequest& request, const SliceGrid& grid) {
  Holding holding(grid.shape().node_count(), 0);
  for (const std::uint32_t node : grid.all()) {
    const std::uint32_t row = grid.row_of(node);
    holding[node] = request.row_sums_bytes * (piece_begin(request.rows, grid.nodes(), grid.row_begin(row + 1)) -
                                              piece_begin(request.rows, grid.nodes(), grid.row_begin(row)));
  }
  return holding;
}

/// Of the p-th node. Where a row is cut over the nodes of a slice row, each has a part of every row of its band.
node::RowWork rows_of(const VectorRequest& request, const SliceGrid& grid, std::uint32_t p) {
  constexpr std::int64_t kThreads = 2;  // of a sum of all, each makes one
  node::RowWork rows = request.row_work;
  if (rows.chains == 0) return rows;
  const std::uint32_t row = grid.row_of(grid.node_at(p));
  const bool cut = request.place.layout == Layout::kBandChannels && request.row_sums_bytes > 0;
  rows.rows = request.rows == 0 ? kThreads
              : cut             ? piece_begin(request.rows, grid.nodes(), grid.row_begin(row + 1)) -
                          piece_begin(request.rows, grid.nodes(), grid.row_begin(row))
                    : piece_size(request.rows, grid.nodes(), p);
  return rows;
}

/// For cores that run cycle by cycle. Of two steps each has half of the work, and the second also waits.
void add_core_pieces(const node::NodeCost& cost, const node::VectorPiece& work, std::uint32_t node, Cycles wait,
                     Kernel& kernel) {
  const node::StreamWork all = cost.stream(work);
  for (std::uint32_t step = 0; step < kernel.steps; ++step) {
    const auto part = [&](std::int64_t items) { return piece_size(items, kernel.steps, step); };
    node::CorePiece piece;
    piece.kind = node::CorePiece::Kind::kStream;
    piece.before = step == 0 ? cost.launch() : wait;
    piece.stream = {part(all.units),
                    part(all.loads),
                    part(all.stores),
                    part(all.fma),
                    part(all.unpacks),
                    part(all.packs),
                    step == 0 ? all.rows : node::RowWork{}};
    const auto known = std::find_if(
        kernel.core_pieces.begin(), kernel.core_pieces.end(),
        [&](const node::CorePiece& other) { return other.before == piece.before && other.stream == piece.stream; });
    kernel.core_piece_of[std::size_t{node} * kernel.steps + step] =
        static_cast<std::uint32_t>(known - kernel.core_pieces.begin());
    if (known == kernel.core_pieces.end()) kernel.core_pieces.push_back(piece);
  }
}

/// What each node has of `work_of(position)`: in one step, or half of it in each of two.
template <class WorkOf>
void compute(const PlanContext& context, const WorkOf& work_of, Cycles sums_cycles, KernelPlan& plan) {
  const SliceGrid& grid = context.grid;
  const std::uint32_t steps = plan.kernel.steps;
  plan.kernel.part = grid.part();
  plan.kernel.cycles.resize(static_cast<std::size_t>(grid.shape().node_count()) * steps);
  plan.kernel.vector_flops.resize(grid.shape().node_count());
  if (context.for_detailed) plan.kernel.core_piece_of.resize(plan.kernel.cycles.size());
  for (std::uint32_t p = 0; p < grid.nodes(); ++p) {
    const std::uint32_t node = grid.node_at(p);
    const node::VectorPiece work = work_of(p);
    plan.kernel.vector_flops[node] = work.flops;
    const float speed = grid.shape().nodes[node].core_speed;
    const Cycles busy = context.time(work), first = busy / steps;
    plan.kernel.cycles[static_cast<std::size_t>(node) * steps] =
        node::NodeCost::scaled(saturating_sum(context.cost.launch(), first), speed);
    plan.cores.add(saturating_sum(context.cost.launch(), busy),
                   saturating_sum(context.cost.launch(), context.cost.vector(work)));
    if (steps > 1) {
      plan.kernel.cycles[static_cast<std::size_t>(node) * steps + 1] =
          saturating_sum(node::NodeCost::scaled(context.cost.step_start() + busy - first, speed), sums_cycles);
    }
    if (context.for_detailed) add_core_pieces(context.cost, work, node, sums_cycles, plan.kernel);
  }
}

}  // namespace

bool operator<(const VectorRequest& a, const VectorRequest& b) {
  const auto key = [](const VectorRequest& r) {
    const ConvShape& c = r.window;
    std::vector<std::tuple<Layout, std::uint8_t, Bytes>> inputs;
    for (const VectorRequest::Input& i : r.inputs) inputs.emplace_back(i.place.layout, i.place.part, i.bytes);
    return std::tuple(r.load_bytes, r.store_bytes, r.flops, r.operations, r.element_bytes, r.place.layout, r.place.part,
                      inputs, r.held_bytes, r.to_all_bytes, r.halo, c.key(), r.pixel_bytes, r.sums_bytes, r.rows,
                      r.row_sums_bytes, r.scattered_bytes, r.scattered_rows, r.row_work.chains, r.row_work.sums,
                      r.row_work.operations, r.row_work.lanes, r.shuffles, r.narrow_load_bytes, r.narrow_store_bytes);
  };
  return key(a) < key(b);
}

std::vector<PlanCost> evaluate_vector(const VectorRequest& request, const PlanContext& context) {
  std::vector<PlanCost> costs;
  double least = 0;
  for (std::uint8_t part = 0; part <= last_part(request.place.part, context); ++part) {
    const PlanContext on = context.on(part);
    const KernelPlan plan = plan_vector(request, on, false);
    costs.push_back({part, 0, plan.kernel.steps, plan.buffer_bytes + held_more(request.held_bytes, on), plan.cycles});
    least = part == 0 ? plan.cycles : std::min(least, plan.cycles);
    if (plan.least_cycles > least) break;  // nor is any smaller part as good
  }
  return costs;
}

KernelPlan plan_vector(const VectorRequest& request, const PlanContext& context, bool build) {
  const SliceGrid& grid = context.grid;
  KernelPlan plan;
  plan.part = context.part;
  plan.output = {request.place.layout, context.part};
  const bool bands = request.place.layout == Layout::kBandChannels;
  // Rows that are cut over nodes take two steps: up to the sums, which the node then sends, and with all of them.
  const bool two_steps = bands && request.rows > 0 && request.row_sums_bytes > 0 && grid.columns() > 1;
  const std::uint32_t steps = plan.kernel.steps = two_steps ? 2 : 1;
  Deliveries deliveries(grid, steps, build ? Deliveries::Keep::kAll : Deliveries::Keep::kLoad);
  deliver(request, context, deliveries, plan.buffer_bytes);
  Cycles sums_cycles = 0;
  if (two_steps) {
    const Bytes arriving = deliveries.along_rows_before(sums_of_bands(request, grid), 1);
    plan.buffer_bytes += arriving;
    // The messages are on their way from the kernel's start. In truth they start with the second step, which therefore
    // waits for as long as they take.
    const double rate = std::min(write_port_bytes_per_cycle(context), grid.row_bytes_per_cycle());
    sums_cycles = grid.row_latency() + static_cast<Cycles>(static_cast<double>(arriving) / rate);
  }
  // Sums of all channels when the node has all channels of its pixels, else of its own.
  const Bytes node_sums = bands ? ceil_div<Bytes>(request.sums_bytes, grid.columns()) : request.sums_bytes;
  plan.buffer_bytes += node_sums;
  const auto work_of = [&](std::uint32_t p) {
    return node::VectorPiece{piece_size(request.load_bytes, grid.nodes(), p) + request.to_all_bytes,
                             piece_size(request.store_bytes, grid.nodes(), p) + node_sums,
                             piece_size(request.flops, grid.nodes(), p),
                             request.element_bytes,
                             piece_size(request.operations, grid.nodes(), p),
                             rows_of(request, grid, p),
                             piece_size(request.shuffles, grid.nodes(), p),
                             piece_size(request.narrow_load_bytes, grid.nodes(), p),
                             piece_size(request.narrow_store_bytes, grid.nodes(), p)};
  };
  if (build) {
    plan.name = "cut evenly" + name_of_part(context);
    plan.floors = core_floors(request, context);
    deliveries.finish(plan.kernel);
    compute(context, work_of, sums_cycles, plan);
  }
  // The last node has the most.
  const Cycles busy = saturating_sum(context.cost.launch(), context.cost.vector(work_of(grid.nodes() - 1)));
  const Cycles second = two_steps ? context.cost.step_start() + sums_cycles : 0;
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
  plan.least_cycles = static_cast<double>(busy);
  constexpr double kScattered = 1.6;  // by simulation: messages all over the part get in each other's way
  const double crowding = request.scattered_bytes > 0 ? kScattered : 1;
  plan.cycles = deliveries.latency() + deliveries.load(write_port_bytes_per_cycle(context), crowding).all +
                static_cast<double>(saturating_sum(busy, second)) + task_cycles(plan, context);
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

// SPDX-License-Identifier: Apache-2.0
// One candidate of a matrix product's partition: what arrives where, what each node computes, what that costs.
#include "lower/candidate.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/topology/node_ports.h"
#include "dojo/workload/residency.h"
#include "lower/deliveries.h"

namespace dojo::workload {
namespace {

bool same(Stream stream, Cut cut) {
  return static_cast<int>(stream) == static_cast<int>(cut) + 1;
}

/// An operand with its two dimensions; `pixel` is the one that counts pixels when it has a layout.
struct Operand {
  Cut first, second;
  Cut pixel, channel;
  Bytes bytes;
  Layout layout;
  [[nodiscard]] bool has(Cut cut) const { return cut == first || cut == second; }
};

/// How the sources of a delivery follow one another: operands with different orders cannot both be streamed.
enum class Order : std::uint8_t { kLocal, kAny, kPixelsInRow, kChannelsInRow, kByColumn, kByRow };

enum class Delivery : std::uint8_t { kLocal, kRows, kColumns, kAll, kFilteredByRow, kFilteredByColumn };

class Candidate {
 public:
  Candidate(const ProductRequest& request, const PlanContext& context, Cut rows, Cut columns, Stream stream,
            std::uint32_t steps)
      : request_(request),
        context_(context),
        grid_(context.grid),
        rows_(rows),
        columns_(columns),
        stream_(stream),
        steps_(steps),
        deliveries_(context.grid, steps) {}

  /// Nothing when the layouts or the halo do not allow it.
  std::optional<KernelPlan> plan(bool build) {
    if (!deliver()) return std::nullopt;
    KernelPlan plan;
    plan.name = fmt::format("rows {}, columns {}, {} step(s)", cut_name(rows_), cut_name(columns_), steps_);
    plan.kernel.steps = steps_;
    compute(plan, build);
    if (build) deliveries_.finish(plan.kernel);
    plan.output = output_layout();
    reduce(plan);
    score(plan);
    return plan;
  }

 private:
  [[nodiscard]] Operand a() const {
    const Cut channel = request_.pixels == Cut::kM ? Cut::kK : Cut::kM;
    return {Cut::kM, Cut::kK, request_.pixels, channel, request_.a_bytes, request_.a};
  }
  [[nodiscard]] Operand b() const {
    const bool pixel = request_.pixels == Cut::kK;
    return {Cut::kK, Cut::kN, pixel ? Cut::kK : Cut::kN, pixel ? Cut::kN : Cut::kK, request_.b_bytes, request_.b};
  }

  /// A flexible operand lies as suits: only what an axis does not cut has to move.
  [[nodiscard]] Delivery flexible_delivery(const Operand& x, bool everywhere) const {
    const bool by_row = x.has(rows_);
    const bool by_column = x.has(columns_);
    if (by_row && by_column) return everywhere ? Delivery::kLocal : Delivery::kAll;
    if (!everywhere || (!by_row && !by_column)) return Delivery::kAll;
    return by_row ? Delivery::kRows : Delivery::kColumns;
  }

  [[nodiscard]] Delivery laid_out_delivery(const Operand& x) const {
    if (x.layout == Layout::kOther)
      return rows_ == x.channel && columns_ == x.channel ? Delivery::kLocal : Delivery::kAll;
    if (rows_ == x.pixel) {
      const bool local = (columns_ == x.pixel && x.layout == Layout::kPixels) ||
                         (columns_ == x.channel && x.layout == Layout::kBandChannels);
      return local ? Delivery::kLocal : Delivery::kRows;
    }
    if (rows_ == x.channel && columns_ != x.channel) return Delivery::kFilteredByRow;
    if (columns_ == x.channel && rows_ != x.channel) return Delivery::kFilteredByColumn;
    return Delivery::kAll;
  }

  [[nodiscard]] Order order_of(Delivery delivery, const Operand& x) const {
    switch (delivery) {
      case Delivery::kLocal:
        return Order::kLocal;
      case Delivery::kRows:
        return x.layout == Layout::kAny      ? Order::kAny
               : x.layout == Layout::kPixels ? Order::kPixelsInRow
                                             : Order::kChannelsInRow;
      case Delivery::kFilteredByColumn:
        return Order::kByRow;
      case Delivery::kColumns:
        return Order::kAny;
      default:
        return x.layout == Layout::kAny ? Order::kAny : Order::kByColumn;
    }
  }

  /// The pieces of an operand arrive in an order that follows the streamed dimension.
  [[nodiscard]] bool can_stream(const Operand& x, Order order) const {
    if (stream_ == Stream::kNone || order == Order::kLocal || !(same(stream_, x.first) || same(stream_, x.second)))
      return false;
    switch (order) {
      case Order::kAny:
        return true;
      case Order::kChannelsInRow:
        return same(stream_, x.channel);
      default:
        return same(stream_, x.pixel);
    }
  }

  void send(Delivery delivery, bool streamed, const Holding& holding) {
    Bytes arrives = 0;
    switch (delivery) {
      case Delivery::kLocal:
        return;
      case Delivery::kRows:
        arrives = deliveries_.along_rows(holding, streamed);
        break;
      case Delivery::kColumns:
        arrives = deliveries_.along_columns(holding, streamed);
        break;
      case Delivery::kFilteredByRow:
        arrives = deliveries_.filtered_by_row(holding, streamed);
        break;
      case Delivery::kFilteredByColumn:
        arrives = deliveries_.filtered_by_column(holding, streamed);
        break;
      case Delivery::kAll:
        arrives = deliveries_.to_all(holding, streamed);
        break;
    }
    buffer_bytes_ += streamed ? 2 * ceil_div<Bytes>(arrives, steps_) : arrives;
  }

  bool deliver() {
    const Operand xa = a();
    const Operand xb = b();
    const auto holding = [&](const Operand& x) {
      return x.layout == Layout::kAny ? spread_resident(grid_, x.bytes) : spread_evenly(grid_, x.bytes);
    };
    const Holding hold_a = holding(xa);
    const Holding hold_b = holding(xb);
    const auto everywhere = [](const Holding& h) { return std::find(h.begin(), h.end(), 0) == h.end(); };
    const auto choose = [&](const Operand& x, const Holding& h) {
      return x.layout == Layout::kAny ? flexible_delivery(x, everywhere(h)) : laid_out_delivery(x);
    };
    const Delivery da = choose(xa, hold_a);
    // A batched product has one B per matrix of the batch: it lies with the rows of A that use it.
    const Delivery db = request_.batch > 1 ? Delivery::kRows : choose(xb, hold_b);
    if (request_.batch > 1 && (rows_ != Cut::kM || columns_ == Cut::kK)) return false;
    const Order order_a = order_of(da, xa);
    const Order order_b = order_of(db, xb);
    bool stream_a = can_stream(xa, order_a);
    bool stream_b = request_.batch == 1 && can_stream(xb, order_b);
    if (stream_a && stream_b && order_a != order_b && order_a != Order::kAny && order_b != Order::kAny)
      (xa.bytes >= xb.bytes ? stream_b : stream_a) = false;
    if (steps_ > 1 && !stream_a && !stream_b) return false;  // nothing arrives in steps
    send(da, stream_a, hold_a);
    send(db, stream_b, hold_b);
    return halo(da);
  }

  bool halo(Delivery delivery) {
    // Where every pixel comes anyway there is no boundary.
    if (request_.halo == ProductRequest::Halo::kNone || rows_ != request_.pixels || delivery == Delivery::kAll)
      return true;
    const std::int64_t pixels = request_.pixels == Cut::kM ? request_.m : request_.k;
    Bytes most = 0;
    bool good = false;
    if (columns_ == request_.pixels && request_.a != Layout::kBandChannels) {
      good = add_piece_halo(request_.conv, request_.halo, pixels, request_.halo_pixels, request_.halo_pixel_bytes,
                            grid_, &deliveries_, &most);
    } else {
      const bool pass_on = delivery == Delivery::kRows;
      good = add_band_halo(request_.conv, request_.halo, pixels, request_.halo_pixels, request_.halo_pixel_bytes,
                           pass_on, grid_, &deliveries_, &most);
    }
    buffer_bytes_ += most;
    return good;
  }

  struct Range {
    std::int64_t begin = 0, end = 0;
    [[nodiscard]] std::int64_t size() const { return end - begin; }
  };

  [[nodiscard]] Range range(std::uint32_t node, Cut cut, std::int64_t total) const {
    const std::uint32_t row = grid_.row_of(node);
    const std::uint32_t position = grid_.position(node);
    const std::int64_t nodes = grid_.nodes();
    if (rows_ == cut && columns_ == cut)
      return {piece_begin(total, nodes, position), piece_begin(total, nodes, position + 1)};
    if (rows_ == cut)
      return {piece_begin(total, nodes, grid_.row_begin(row)), piece_begin(total, nodes, grid_.row_begin(row + 1))};
    if (columns_ == cut) {
      const std::int64_t count = grid_.row_count(row);
      const std::int64_t index = position - grid_.row_begin(row);
      return {piece_begin(total, count, index), piece_begin(total, count, index + 1)};
    }
    return {0, total};
  }

  /// `build`: fills the kernel too; else only what the cost model needs.
  void compute(KernelPlan& plan, bool build) {
    const std::uint32_t nodes = grid_.nodes();
    if (build) {
      plan.kernel.cycles.resize(static_cast<std::size_t>(nodes) * steps_);
      plan.kernel.matrix_flops.resize(nodes);
    }
    const bool partial = rows_ == Cut::kK || columns_ == Cut::kK;
    Bytes sums = 0;
    for (std::uint32_t node = 0; node < nodes; ++node) {
      const Sizes size{range(node, Cut::kM, request_.m * request_.batch).size(),
                       range(node, Cut::kN, request_.n).size(), range(node, Cut::kK, request_.k).size()};
      if (partial || stream_ == Stream::kK) sums = std::max<Bytes>(sums, size[0] * size[1] * 4);
      const NodeTimes& times = times_of(size, partial);
      compute_cycles_ = std::max(compute_cycles_, times.sum);
      if (!build) continue;
      plan.kernel.matrix_flops[node] = size[0] * size[1] * size[2] * 2;
      for (std::uint32_t s = 0; s < steps_; ++s) {
        plan.kernel.cycles[static_cast<std::size_t>(node) * steps_ + s] =
            node::NodeCost::scaled(times.steps[s], grid_.shape().nodes[node].core_speed);
      }
    }
    buffer_bytes_ += sums;
    plan.buffer_bytes = buffer_bytes_;
  }

  using Sizes = std::array<std::int64_t, 3>;  // m, n, k of a node
  struct NodeTimes {
    Sizes size{};
    std::vector<Cycles> steps;  ///< at nominal speed: a slow core does not change how the work is cut
    Cycles sum = 0;
  };

  const NodeTimes& times_of(const Sizes& size, bool partial) {
    // Nearly equal pieces come in a handful of sizes.
    for (const NodeTimes& known : times_)
      if (known.size == size) return known;
    NodeTimes& times = times_.emplace_back();
    times.size = size;
    for (std::uint32_t step = 0; step < steps_; ++step) {
      times.steps.push_back(step_cycles(step, size, partial));
      times.sum = saturating_sum(times.sum, times.steps.back());
    }
    return times;
  }

  [[nodiscard]] Cycles step_cycles(std::uint32_t step, Sizes size, bool partial) const {
    if (stream_ != Stream::kNone) {
      std::int64_t& streamed = size[static_cast<std::size_t>(stream_) - 1];
      streamed = piece_size(streamed, steps_, step);
    }
    node::ProductWork piece{size[0], size[1], size[2], request_.element_bytes, request_.element_bytes, false};
    if (stream_ == Stream::kK) {
      piece.accumulate = step > 0;
      piece.result_bytes = step + 1 < steps_ || partial ? 4 : request_.element_bytes;
    } else if (partial) {
      piece.result_bytes = 4;
    }
    return saturating_sum(step == 0 ? context_.cost.launch() : context_.cost.step_start(),
                          context_.cost.product(piece));
  }

  [[nodiscard]] Layout output_layout() const {
    if (request_.pixels == Cut::kK) return Layout::kAny;  // a weight gradient
    if (rows_ == Cut::kM && columns_ == Cut::kM) return Layout::kPixels;
    if (rows_ == Cut::kM && columns_ == Cut::kN) return Layout::kBandChannels;
    return rows_ == Cut::kM ? Layout::kPixels : Layout::kOther;
  }

  void reduce(KernelPlan& plan) {
    ReductionSpec spec;
    spec.along_rows = columns_ == Cut::kK;
    spec.along_columns = rows_ == Cut::kK;
    const Bytes sums = request_.m * request_.n * 4;
    spec.node_bytes = sums;
    if (spec.along_rows != spec.along_columns)
      spec.node_bytes = ceil_div<Bytes>(sums, spec.along_rows ? grid_.rows() : grid_.columns());
    spec.result_bytes = request_.c_bytes;
    spec.destinations =
        request_.destinations.empty() ? residency(grid_.shape(), request_.c_bytes) : request_.destinations;
    if (!spec.along_rows && !spec.along_columns) {
      if (request_.destinations.empty() || request_.destinations.size() == grid_.nodes() || grid_.nodes() == 1) return;
      spec.node_bytes = 0;
    }
    if (grid_.nodes() > 1) plan.reduction = std::move(spec);
  }

  void score(KernelPlan& plan) const {
    const double port = static_cast<double>(topology::node_ports(context_.cost.params()).write *
                                            context_.cost.params().port_bytes_per_cycle);
    const Deliveries::Load load = deliveries_.load(port);
    const double latency =
        static_cast<double>(grid_.row_latency() + grid_.column_latency()) * (deliveries_.count() == 0   ? 0
                                                                             : deliveries_.two_stages() ? 1
                                                                                                        : 0.5);
    const double busy = static_cast<double>(compute_cycles_);
    plan.cycles = latency + std::max(load.first + busy, load.all + busy / steps_);
    if (plan.reduction) plan.cycles += choose_reduction(*plan.reduction, grid_, context_.cost.params()).cycles;
    if (plan.output == Layout::kOther && grid_.nodes() > 1) {
      // The next operation will want it by pixels again.
      plan.cycles += static_cast<double>(request_.c_bytes) / port * (1.0 / grid_.rows() + 1.0 / grid_.columns());
    }
  }

  const ProductRequest& request_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  Cut rows_, columns_;
  Stream stream_;
  std::uint32_t steps_;
  Deliveries deliveries_;
  Bytes buffer_bytes_ = 0;
  Cycles compute_cycles_ = 0;
  std::deque<NodeTimes> times_;
};

}  // namespace

std::optional<KernelPlan> plan_candidate(const ProductRequest& request, const PlanContext& context,
                                         const CandidateAxes& axes, bool build) {
  return Candidate(request, context, axes.rows, axes.columns, axes.stream, axes.steps).plan(build);
}

}  // namespace dojo::workload

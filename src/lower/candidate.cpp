// SPDX-License-Identifier: Apache-2.0
// One candidate of a matrix product's partition: what arrives where, what each node computes, what that costs.
#include "lower/candidate.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/node/grouped_cost.h"
#include "dojo/workload/residency.h"
#include "lower/floors.h"
#include "lower/operand.h"

namespace dojo::workload {
namespace {

class Candidate {
 public:
  Candidate(const ProductRequest& request, const PlanContext& context, const CandidateAxes& axes, bool build)
      : request_(request),
        context_(context),
        grid_(context.grid),
        rows_(axes.rows),
        columns_(axes.columns),
        stream_(axes.stream),
        steps_(axes.steps),
        b_by_columns_(axes.b_by_columns),
        build_(build),
        deliveries_(context.grid, axes.steps, build ? Deliveries::Keep::kAll : Deliveries::Keep::kLoad) {}

  std::optional<KernelPlan> plan() {
    if (!deliver_operands()) return std::nullopt;
    KernelPlan plan;
    plan.part = context_.part;
    plan.kernel.part = grid_.part();
    plan.kernel.steps = steps_;
    compute(plan);
    if (build_) {
      deliveries_.finish(plan.kernel);
      plan.name = name();
      plan.floors = core_floors(request_, context_);
    }
    plan.output = {output_layout(), request_.destinations.empty() ? context_.part : std::uint8_t{0}};
    reduce(plan);
    score(plan);
    return plan;
  }

 private:
  /// For reports.
  [[nodiscard]] std::string name() const {
    std::string text = rows_ == columns_ ? fmt::format("{} over all nodes", cut_name(rows_))
                                         : fmt::format("{} over {} rows, {} over {} columns", cut_name(rows_),
                                                       grid_.rows(), cut_name(columns_), grid_.columns());
    if (steps_ > 1) text += fmt::format(", {} steps over {}", steps_, stream_name(stream_));
    if (b_by_columns_) text += ", B along columns";
    return text + name_of_part(context_);
  }
  [[nodiscard]] bool batched() const { return request_.batch > 1; }
  /// Of the whole batch, whose matrices follow one another in the dimension of the pixels.
  [[nodiscard]] std::int64_t total(Cut cut) const {
    const std::int64_t one = cut == Cut::kM ? request_.m : cut == Cut::kN ? request_.n : request_.k;
    return cut == request_.pixels ? one * request_.batch : one;
  }

  void take(Bytes arrives, bool streamed) {
    buffer_bytes_ += streamed ? 2 * ceil_div<Bytes>(arrives, steps_) : arrives;
  }

  bool deliver_operands() {
    const Operand a = operand_a(request_);
    const Operand b = operand_b(request_);
    Delivery da = delivery_of(a, rows_, columns_, context_);
    const bool has_halo = request_.halo != ProductRequest::Halo::kNone && rows_ == request_.pixels;
    if (has_halo && lies_elsewhere(a, context_)) da = Delivery::kAll;
    const bool rows_of_batch =
        batched() && request_.pixels == Cut::kM;  // B has no M, but lies with the rows that use it
    const Delivery db = rows_of_batch ? delivery_of_batch(b) : delivery_of(b, rows_, columns_, context_);
    // Where every pixel comes anyway there is no boundary.
    if (has_halo && da != Delivery::kAll && !halo(da)) da = Delivery::kAll;
    const Order order_a = order_of(da, a);
    const Order order_b = order_of(db, b);
    bool stream_a = can_stream(a, order_a, stream_);
    bool stream_b = can_stream(b, rows_of_batch && order_b != Order::kLocal ? Order::kAny : order_b, stream_);
    if (stream_a && stream_b && order_a != order_b && order_a != Order::kAny && order_b != Order::kAny)
      (a.bytes >= b.bytes ? stream_b : stream_a) = false;
    if (steps_ > 1 && !stream_a && !stream_b) return false;  // nothing arrives in steps
    take(deliver(da, holding_of(a, da, context_), stream_a, deliveries_), stream_a);
    if (rows_of_batch && !b_by_columns_) share_matrices(db, b.bytes, stream_b);
    take(deliver(db, holding_of(b, db, context_), stream_b, deliveries_), stream_b);
    return true;
  }

  /// Of B when the rows cut M: a row needs the matrices of its batches, and all of them where the columns bring it.
  [[nodiscard]] Delivery delivery_of_batch(const Operand& b) const {
    if (lies_elsewhere(b, context_)) return b_by_columns_ ? Delivery::kAll : Delivery::kFilteredByRow;
    const bool local = columns_ == Cut::kN && b.place.layout == Layout::kAny;
    if (b_by_columns_) return local ? Delivery::kColumns : Delivery::kAll;
    return local ? Delivery::kLocal : Delivery::kRows;
  }

  /// Rows that share a matrix of a batch send each other their pieces of its B.
  void share_matrices(Delivery delivery, Bytes bytes, bool streamed) {
    if (delivery == Delivery::kFilteredByRow) return;
    const std::int64_t nodes = grid_.nodes();
    Bytes most = 0;
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) {
      if (grid_.row_count(row) == 0) continue;
      const auto [first, last] = grid_.matrices_of(row, request_.batch);
      const Bytes begin = piece_begin(bytes, request_.batch, first), end = piece_begin(bytes, request_.batch, last);
      Bytes received = 0;
      for (std::uint32_t from = 0; from < grid_.rows(); ++from) {
        const Bytes low = std::max(begin, piece_begin(bytes, nodes, grid_.row_begin(from)));
        const Bytes high = std::min(end, piece_begin(bytes, nodes, grid_.row_begin(from + 1)));
        if (from == row || low >= high) continue;
        received += delivery == Delivery::kLocal ? deliveries_.row_to_row(from, row, high - low)
                                                 : deliveries_.band_halo(from, row, high - low, true, streamed);
      }
      most = std::max(most, received);
    }
    take(most, streamed);
  }

  bool halo(Delivery delivery) {
    const std::int64_t pixels = total(request_.pixels);
    Bytes most = 0;
    bool good = true;
    Deliveries with_halo = deliveries_;
    if (columns_ == request_.pixels && request_.a.layout != Layout::kBandChannels) {
      good = add_piece_halo(request_.conv, request_.halo, pixels, request_.halo_pixels, request_.halo_pixel_bytes,
                            grid_, &with_halo, &most);
    } else {
      constexpr std::int64_t kMostBands = 16;
      good = add_band_halo(request_.conv, request_.halo, pixels, request_.halo_pixels, request_.halo_pixel_bytes,
                           delivery == Delivery::kRows, grid_, &with_halo, &most) <= kMostBands;
    }
    if (!good) return false;
    deliveries_ = std::move(with_halo);
    buffer_bytes_ += most;
    return true;
  }

  struct Range {
    std::int64_t begin = 0, end = 0;
    [[nodiscard]] std::int64_t size() const { return end - begin; }
  };

  [[nodiscard]] Range range(std::uint32_t node, Cut cut) const {
    const std::uint32_t row = grid_.row_of(node);
    const std::uint32_t position = grid_.position(node);
    const std::int64_t nodes = grid_.nodes(), all = total(cut);
    if (rows_ == cut && columns_ == cut)
      return {piece_begin(all, nodes, position), piece_begin(all, nodes, position + 1)};
    if (rows_ == cut)
      return {piece_begin(all, nodes, grid_.row_begin(row)), piece_begin(all, nodes, grid_.row_begin(row + 1))};
    if (columns_ == cut) {
      const std::int64_t count = grid_.row_count(row);
      const std::int64_t index = position - grid_.row_begin(row);
      return {piece_begin(all, count, index), piece_begin(all, count, index + 1)};
    }
    return {0, all};
  }

  [[nodiscard]] bool partial() const { return rows_ == Cut::kK || columns_ == Cut::kK; }

  /// Results that a node adds up for themselves: of a batch cut by K, one for each matrix of its row.
  [[nodiscard]] std::int64_t results(std::uint32_t node) const {
    if (!batched() || rows_ != Cut::kK) return 1;
    const auto [first, last] = grid_.matrices_of(grid_.row_of(node), request_.batch);
    return last - first;
  }

  using Sizes = std::array<std::int64_t, 4>;  // m, n, k of a node, results
  struct NodeTimes {
    Sizes size{};
    std::vector<Cycles> steps;  ///< at nominal speed: a slow core does not change how the work is cut
    Cycles sum = 0, formulas = 0;
    std::uint32_t index = 0;
  };

  /// What one matrix of a step is, and what starting the step takes. Groups of a convolution are timed by a formula of
  /// their own.
  struct Step {
    node::ProductWork piece;
    Cycles start;
    std::int64_t groups;
  };
  void compute(KernelPlan& plan) {
    if (build_) {
      plan.kernel.cycles.resize(static_cast<std::size_t>(grid_.shape().node_count()) * steps_);
      plan.kernel.matrix_flops.resize(grid_.shape().node_count());
    }
    const bool keep = build_ && context_.for_detailed;
    if (keep) plan.kernel.core_piece_of.resize(plan.kernel.cycles.size());
    Bytes sums = 0;
    for (const std::uint32_t node : grid_.all()) {
      const Sizes size{range(node, Cut::kM).size(), range(node, Cut::kN).size(), range(node, Cut::kK).size(),
                       results(node)};
      if (partial() || stream_ == Stream::kK) sums = std::max<Bytes>(sums, size[0] * size[1] * size[3] * 4);
      const NodeTimes& times = times_of(size, build_);
      compute_cycles_ = std::max(compute_cycles_, times.sum);
      if (!build_) continue;
      plan.cores.add(times.sum, times.formulas);
      plan.kernel.matrix_flops[node] = size[0] * size[1] * size[2] * 2;
      for (std::uint32_t s = 0; s < steps_; ++s) {
        plan.kernel.cycles[static_cast<std::size_t>(node) * steps_ + s] =
            node::NodeCost::scaled(times.steps[s], grid_.shape().nodes[node].core_speed);
        if (keep) plan.kernel.core_piece_of[std::size_t{node} * steps_ + s] = times.index * steps_ + s;
      }
    }
    if (keep) {
      for (const NodeTimes& times : times_)
        for (std::uint32_t s = 0; s < steps_; ++s) plan.kernel.core_pieces.push_back(core_piece(s, times.size));
    }
    buffer_bytes_ += sums;
    plan.buffer_bytes = buffer_bytes_;
  }

  /// The semaphore of a later step's operands is the core's own business.
  [[nodiscard]] node::CorePiece core_piece(std::uint32_t step, const Sizes& size) const {
    const Step what = step_of(step, size);
    node::CorePiece piece;
    if (step == 0) piece.before = what.start;
    if (what.groups > 1 && node::groups_take_vector_unit(context_.cost, what.piece, what.groups)) {
      piece.kind = node::CorePiece::Kind::kStream;
      piece.stream = context_.cost.stream(node::grouped_vector_piece(what.piece, what.groups));
      return piece;
    }
    piece.kind = node::CorePiece::Kind::kProduct;
    piece.times = what.groups > 1 ? what.groups : size[3];
    piece.product = what.piece;
    return piece;
  }

  /// `chosen`: the times that the run takes, else those of the formulas.
  const NodeTimes& times_of(const Sizes& size, bool chosen) {
    // Nearly equal pieces come in a handful of sizes.
    for (const NodeTimes& known : times_)
      if (known.size == size) return known;
    NodeTimes& times = times_.emplace_back();
    times.size = size;
    times.index = static_cast<std::uint32_t>(times_.size() - 1);
    for (std::uint32_t step = 0; step < steps_; ++step) {
      const Step what = step_of(step, size);
      const Cycles formula = step_cycles(what, size, context_.cost);
      times.steps.push_back(chosen && context_.pieces != nullptr ? step_cycles(what, size, context_) : formula);
      times.sum = saturating_sum(times.sum, times.steps.back());
      times.formulas = saturating_sum(times.formulas, formula);
    }
    return times;
  }

  [[nodiscard]] Step step_of(std::uint32_t step, Sizes size) const {
    if (stream_ != Stream::kNone) {
      std::int64_t& streamed = size[static_cast<std::size_t>(stream_) - 1];
      streamed = piece_size(streamed, steps_, step);
    }
    const std::int64_t k = ceil_div(size[2], size[3]);
    // That the step has, of a convolution's groups.
    const std::int64_t groups = std::max<std::int64_t>(1, ceil_div(request_.groups * size[1], request_.n));
    node::ProductWork piece{size[0], ceil_div(size[1], groups), k, request_.element_bytes, request_.element_bytes,
                            false};
    if (stream_ == Stream::kK) {
      piece.accumulate = step > 0;
      piece.result_bytes = step + 1 < steps_ || partial() ? 4 : request_.element_bytes;
    } else if (partial()) {
      piece.result_bytes = 4;
    }
    return {piece, step == 0 ? context_.cost.launch() : context_.cost.step_start(), groups};
  }
  /// `times` has those of pieces: the formulas, or the context of a chosen plan.
  [[nodiscard]] static Cycles time_of(const node::NodeCost& times, const node::ProductWork& piece) {
    return times.product(piece);
  }
  [[nodiscard]] static Cycles time_of(const PlanContext& times, const node::ProductWork& piece) {
    return times.time(piece);
  }
  [[nodiscard]] static Cycles time_of(const node::NodeCost& times, const node::VectorPiece& piece) {
    return times.vector(piece);
  }
  [[nodiscard]] static Cycles time_of(const PlanContext& times, const node::VectorPiece& piece) {
    return times.time(piece);
  }
  template <class Times>
  [[nodiscard]] Cycles step_cycles(const Step& step, const Sizes& size, const Times& times) const {
    if (step.groups > 1 && node::groups_take_vector_unit(context_.cost, step.piece, step.groups))
      return saturating_sum(step.start, time_of(times, node::grouped_vector_piece(step.piece, step.groups)));
    const std::int64_t products = step.groups > 1 ? step.groups : size[3];
    return saturating_sum(step.start, saturating_product(products, time_of(times, step.piece)));
  }

  [[nodiscard]] Layout output_layout() const {
    if (request_.pixels == Cut::kK) return batched() ? Layout::kPixels : Layout::kAny;  // a weight gradient
    if (rows_ == Cut::kM && columns_ == Cut::kM) return Layout::kPixels;
    if (rows_ == Cut::kM && columns_ == Cut::kN) return Layout::kBandChannels;
    return rows_ == Cut::kM ? Layout::kPixels : Layout::kOther;
  }

  void reduce(KernelPlan& plan) {
    ReductionSpec spec;
    spec.part = context_.part;
    spec.along_rows = columns_ == Cut::kK && grid_.nodes() > 1;
    spec.along_columns = rows_ == Cut::kK && grid_.nodes() > 1;
    if (batched() && spec.along_columns) spec.matrices = request_.batch;
    // Of one node: what the axes do not cut, or cut for another sum.
    Bytes sums = request_.m * request_.n * 4;
    if (spec.along_columns && columns_ != Cut::kK) sums = ceil_div<Bytes>(sums, grid_.columns());
    if (spec.along_rows && rows_ != Cut::kK) sums = ceil_div<Bytes>(sums * request_.batch, grid_.rows());
    spec.node_bytes = sums;
    spec.result_bytes = request_.c_bytes;
    if (!spec.along_rows && !spec.along_columns && request_.destinations.empty()) return;
    spec.destinations = request_.destinations.empty() ? residency(grid_.shape(), request_.c_bytes, grid_.part())
                                                      : request_.destinations;
    if (!spec.along_rows && !spec.along_columns) {
      const bool on_all = request_.any_nodes || request_.destinations.size() == grid_.nodes();
      if (context_.part == 0 && on_all) return;
      spec.node_bytes = 0;
    }
    plan.reduction = std::move(spec);
  }

  void score(KernelPlan& plan) const {
    const double port = write_port_bytes_per_cycle(context_);
    const Deliveries::Load load = deliveries_.load(port);
    const double busy = static_cast<double>(compute_cycles_);
    // Operands of two steps are in flight: those of the third wait for the first step's end, and after all have come
    // the last step is left.
    const double late = busy * std::min(steps_, 2U) / steps_;
    const double kernel = deliveries_.latency() + std::max(load.first + busy, load.all + late);
    plan.cycles = kernel + task_cycles(plan, context_);
    if (plan.output.layout == Layout::kOther && grid_.nodes() > 1) {
      // The next operation will want it by pixels again.
      plan.cycles += static_cast<double>(request_.c_bytes) / port * (1.0 / grid_.rows() + 1.0 / grid_.columns());
    }
    plan.least_cycles = plan.cycles - kernel + std::max(load.all, busy);
  }

  const ProductRequest& request_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  Cut rows_, columns_;
  Stream stream_;
  std::uint32_t steps_;
  bool b_by_columns_;
  bool build_;  ///< fills the kernel too; else only what the cost model needs
  Deliveries deliveries_;
  Bytes buffer_bytes_ = 0;
  Cycles compute_cycles_ = 0;
  std::deque<NodeTimes> times_;
};

}  // namespace

std::optional<KernelPlan> plan_candidate(const ProductRequest& request, const PlanContext& context,
                                         const CandidateAxes& axes, bool build) {
  return Candidate(request, context, axes, build).plan();
}

}  // namespace dojo::workload

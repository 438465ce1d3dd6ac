// SPDX-License-Identifier: Apache-2.0
// Plans of attention. In the band of tokens that a slice row holds, its nodes share out (head, token) pairs head by
// head. Tokens lie zig-zag over the bands, so that a causal mask leaves every band the same work. The other side's
// tokens of the heads that a column works on go along the column; of a batch, from row to row of the same sequence.
#include "lower/attention.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "dojo/base/error.h"
#include "dojo/workload/residency.h"
#include "lower/attention_pass.h"
#include "lower/deliveries.h"

namespace dojo::workload {
namespace {

class AttentionPlan {
 public:
  AttentionPlan(const AttentionRequest& request, const PlanContext& context, const AttentionChoice& choice)
      : request_(request),
        shape_(request.shape),
        context_(context),
        grid_(context.grid),
        stays_(choice.stays),
        steps_(choice.steps),
        deliveries_(context.grid, choice.steps) {
    using Work = node::AttentionWork;
    if (stays_ == Stays::kBoth) {
      passes_.emplace_back(request, context, true, Work::kQueryGradient);
      passes_.emplace_back(request, context, false, Work::kKeyGradients);
    } else {
      passes_.emplace_back(request, context, stays_ == Stays::kQueries,
                           request.grad ? Work::kGradients : Work::kForward);
    }
  }

  KernelPlan plan(bool build) {
    KernelPlan plan;
    plan.part = context_.part;
    plan.kernel.part = grid_.part();
    plan.kernel.steps = steps_;
    plan.output = {Layout::kBandChannels, context_.part};
    for (const AttentionPass& pass : passes_) {
      const Bytes moving = pass.cut().deliver_moving(deliveries_, steps_);
      buffer_bytes_ += pass.cut().deliver_staying(deliveries_);
      buffer_bytes_ += steps_ > 1 ? 2 * ceil_div<Bytes>(moving, steps_) : moving;
    }
    compute(plan, build);
    reduce(plan);
    plan.buffer_bytes = buffer_bytes_;
    if (build) {
      deliveries_.finish(plan.kernel);
      plan.name = name();
      plan.floors = floors();
    }
    const Deliveries::Load load = deliveries_.load(write_port_bytes_per_cycle(context_));
    const double busy = static_cast<double>(busy_cycles_), late = busy * std::min(steps_, 2U) / steps_;
    plan.cycles = deliveries_.latency() + std::max(load.first + busy, load.all + late) + task_cycles(plan, context_);
    return plan;
  }

 private:
  [[nodiscard]] std::string name() const {
    constexpr const char* kStaying[] = {"queries", "keys", "queries and keys"};
    constexpr const char* kMoving[] = {"keys", "queries", "both"};
    const auto side = static_cast<std::size_t>(stays_);
    std::string text =
        fmt::format("{} over {} rows, heads over {} columns", kStaying[side], grid_.rows(), grid_.columns());
    if (steps_ > 1) text += fmt::format(", {} steps over {}", steps_, kMoving[side]);
    return text + name_of_part(context_);
  }

  void compute(KernelPlan& plan, bool build) {
    const std::int64_t flops = product_flops(shape_) * traits(kind()).shape_flops;
    if (build) {
      plan.kernel.cycles.resize(static_cast<std::size_t>(grid_.shape().node_count()) * steps_);
      plan.kernel.matrix_flops.resize(grid_.shape().node_count());
      plan.kernel.vector_flops.resize(grid_.shape().node_count());
    }
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) {
      for (std::uint32_t i = 0; i < grid_.row_count(row); ++i) {
        const std::uint32_t node = grid_.node_at(grid_.row_begin(row) + i);
        Cycles busy = 0;
        for (std::uint32_t step = 0; step < steps_; ++step) {
          Cycles cycles = step == 0 ? context_.cost.launch() : context_.cost.step_start();
          for (AttentionPass& pass : passes_) cycles = saturating_sum(cycles, pass.cycles(row, i, step, steps_));
          busy = saturating_sum(busy, cycles);
          if (!build) continue;
          plan.kernel.cycles[static_cast<std::size_t>(node) * steps_ + step] =
              node::NodeCost::scaled(cycles, grid_.shape().nodes[node].core_speed);
        }
        busy_cycles_ = std::max(busy_cycles_, busy);
        if (!build) continue;
        // What both passes make is counted once.
        plan.kernel.matrix_flops[node] = passes_.front().share_of(flops, row, i);
        for (const AttentionPass& pass : passes_) plan.kernel.vector_flops[node] += pass.vector_flops(row, i);
      }
    }
  }

  /// Of a gradient dK and dV, or dQ; where keys stay also O and its sums: partial sums of every row.
  void reduce(KernelPlan& plan) {
    const bool queries_stay = stays_ == Stays::kQueries;
    if (stays_ == Stays::kBoth || (queries_stay && !request_.grad)) return;
    const AttentionCut& cut = passes_.front().cut();
    constexpr Bytes kFp32 = 4, kRowSums = 8;
    const std::int64_t tensors = queries_stay ? 2 : 1;
    const Bytes head_bytes = tensors * shape_.head_size * kFp32 + (request_.grad ? 0 : kRowSums);
    std::int64_t heads = 0;
    for (const Heads& column : cut.columns()) heads += column.count();
    ReductionSpec spec;
    spec.part = context_.part;
    spec.along_columns = grid_.rows() > 1;
    spec.matrices = spec.along_columns ? shape_.batch : 1;
    spec.node_bytes = ceil_div<Bytes>(heads * cut.moves().tokens * head_bytes, grid_.columns());
    spec.result_bytes =
        shape_.batch * cut.moves().heads * cut.moves().tokens * tensors * shape_.head_size * request_.element_bytes;
    spec.destinations = residency(grid_.shape(), spec.result_bytes, grid_.part());
    // Only a row's first and last sequence are shared with others and wait for the rest of their sums.
    std::int64_t shared = 1;
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) shared = std::max(shared, cut.sequences(row));
    buffer_bytes_ += spec.node_bytes * std::min<std::int64_t>(2, shared);
    if (grid_.nodes() > 1) plan.reduction = std::move(spec);
  }

  [[nodiscard]] OpKind kind() const { return request_.grad ? OpKind::kAttentionGrad : OpKind::kAttention; }

  /// Products of the graph, and the softmax of all scores, shared by all cores.
  [[nodiscard]] Floors floors() const {
    const topology::NodeParams& node = context_.cost.params();
    double speed = 0;
    const SliceGrid& all = context_.on(0).grid;
    for (const std::uint32_t n : all.all()) speed += static_cast<double>(all.shape().nodes[n].core_speed);
    const double flops = static_cast<double>(product_flops(shape_) * traits(kind()).shape_flops);
    Floors floors;
    const auto per_cycle = request_.element_bytes >= 4 ? node.fp32_flop_per_cycle
                                                       : 2 * node.matrix_rows * node.matrix_columns * node.matrix_depth;
    floors[request_.element_bytes >= 4 ? Bound::kVector : Bound::kMatrix] =
        flops / static_cast<double>(per_cycle) / speed;
    floors[Bound::kLatency] = static_cast<double>(context_.cost.launch());
    return floors;
  }

  const AttentionRequest& request_;
  const AttentionShape& shape_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  Stays stays_;
  std::uint32_t steps_;
  std::vector<AttentionPass> passes_;
  Deliveries deliveries_;
  Bytes buffer_bytes_ = 0;
  Cycles busy_cycles_ = 0;
};

}  // namespace

bool operator<(const AttentionRequest& a, const AttentionRequest& b) {
  const auto key = [](const AttentionRequest& r) {
    return std::tuple(r.shape.key(), r.element_bytes, r.grad, r.queries.layout, r.queries.part, r.keys.layout,
                      r.keys.part);
  };
  return key(a) < key(b);
}

std::vector<AttentionChoice> evaluate_attention(const AttentionRequest& request, const PlanContext& context) {
  constexpr std::array<std::uint32_t, 6> kSteps{1, 2, 4, 8, 15, 30};
  std::vector<AttentionChoice> choices;
  for (const Stays stays : {Stays::kQueries, Stays::kKeys, Stays::kBoth}) {
    if (stays == Stays::kBoth && !request.grad) continue;
    const std::int64_t tokens = stays == Stays::kQueries ? request.shape.keys
                                : stays == Stays::kKeys  ? request.shape.queries
                                                         : std::min(request.shape.queries, request.shape.keys);
    for (const std::uint32_t steps : kSteps) {
      if (steps > 1 && tokens < 8 * steps) break;
      AttentionChoice choice{stays, steps, 0, 0};
      const KernelPlan plan = AttentionPlan(request, context, choice).plan(false);
      choice.buffer_bytes = plan.buffer_bytes;
      choice.cycles = plan.cycles;
      choices.push_back(choice);
    }
  }
  return choices;
}

AttentionChoice choose_attention(const std::vector<AttentionChoice>& choices, Bytes budget_bytes) {
  const auto worse = [&](const AttentionChoice& c) {
    const bool too_large = budget_bytes > 0 && c.buffer_bytes > budget_bytes;
    return std::tuple(too_large, too_large ? static_cast<double>(c.buffer_bytes) : c.cycles, c.steps);
  };
  return *std::min_element(choices.begin(), choices.end(),
                           [&](const AttentionChoice& a, const AttentionChoice& b) { return worse(a) < worse(b); });
}

KernelPlan build_attention(const AttentionRequest& request, const AttentionChoice& choice, const PlanContext& context) {
  return AttentionPlan(request, context, choice).plan(true);
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Plans of attention. In the band of tokens that a slice row holds, its nodes share out (head, token) pairs head by
// head. Tokens lie zig-zag over the bands, so that a causal mask leaves every band the same work. The other side's
// tokens of the heads that a column works on go along the column; of a batch, from row to row of the same sequence.
#include "lower/attention.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "dojo/base/error.h"
#include "dojo/node/attention_cost.h"
#include "dojo/workload/residency.h"
#include "lower/attention_cut.h"
#include "lower/deliveries.h"

namespace dojo::workload {
namespace {

class AttentionPlan {
 public:
  AttentionPlan(const AttentionRequest& request, const PlanContext& context, const AttentionChoice& choice)
      : request_(request),
        shape_(request.shape),
        cut_(request, context, choice.queries_stay),
        context_(context),
        grid_(context.grid),
        queries_stay_(choice.queries_stay),
        steps_(choice.steps),
        deliveries_(context.grid, choice.steps) {}

  KernelPlan plan(bool build) {
    KernelPlan plan;
    plan.part = context_.part;
    plan.kernel.part = grid_.part();
    plan.kernel.steps = steps_;
    plan.output = {Layout::kBandChannels, context_.part};
    buffer_bytes_ = cut_.deliver_staying(deliveries_);
    const Bytes moving = cut_.deliver_moving(deliveries_, steps_);
    buffer_bytes_ += steps_ > 1 ? 2 * ceil_div<Bytes>(moving, steps_) : moving;
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
    std::string text = fmt::format("{} over {} rows, heads over {} columns", queries_stay_ ? "queries" : "keys",
                                   grid_.rows(), grid_.columns());
    if (steps_ > 1) text += fmt::format(", {} steps over {}", steps_, queries_stay_ ? "keys" : "queries");
    return text + name_of_part(context_);
  }

  /// Rows of the other side that one row of the staying side meets.
  [[nodiscard]] std::int64_t met() const {
    std::int64_t rows = ceil_div(shape_.pairs(), cut_.stays().tokens);
    // Blocks at the edge of a mask are computed whole: half a block on average.
    const topology::NodeParams& node = context_.cost.params();
    if (shape_.masked()) rows = std::min(rows + node.matrix_columns / 2, cut_.moves().tokens);
    return queries_stay_ ? rows : rows * (shape_.heads / shape_.key_heads());
  }

  void compute(KernelPlan& plan, bool build) {
    const std::int64_t met_rows = met();
    const std::int64_t flops = product_flops(shape_) * traits(kind()).shape_flops;
    const std::int64_t all = cut_.stays().heads * shape_.batch * cut_.stays().tokens;
    if (build) {
      plan.kernel.cycles.resize(static_cast<std::size_t>(grid_.shape().node_count()) * steps_);
      plan.kernel.matrix_flops.resize(grid_.shape().node_count());
      plan.kernel.vector_flops.resize(grid_.shape().node_count());
    }
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) {
      const std::int64_t tokens = cut_.band(cut_.stays(), row);
      const std::int64_t before =
          cut_.stays().heads * piece_begin(shape_.batch * cut_.stays().tokens, grid_.nodes(), grid_.row_begin(row));
      for (std::uint32_t i = 0; i < grid_.row_count(row); ++i) {
        const std::uint32_t node = grid_.node_at(grid_.row_begin(row) + i);
        const Heads mine = cut_.share(row, i);
        Cycles busy = 0;
        for (std::uint32_t step = 0; step < steps_; ++step) {
          const Cycles cycles = saturating_sum(step == 0 ? context_.cost.launch() : context_.cost.step_start(),
                                               step_cycles(mine, tokens, row, piece_size(met_rows, steps_, step)));
          busy = saturating_sum(busy, cycles);
          if (build)
            plan.kernel.cycles[static_cast<std::size_t>(node) * steps_ + step] =
                node::NodeCost::scaled(cycles, grid_.shape().nodes[node].core_speed);
        }
        busy_cycles_ = std::max(busy_cycles_, busy);
        if (!build) continue;
        plan.kernel.matrix_flops[node] =
            piece_begin(flops, all, before + mine.end) - piece_begin(flops, all, before + mine.begin);
        plan.kernel.vector_flops[node] = node::attention_vector_flops(piece_of(mine.count(), met_rows));
      }
    }
  }

  /// So many rows of what stays, and so many of what moves.
  [[nodiscard]] node::AttentionPiece piece_of(std::int64_t rows, std::int64_t met_rows) const {
    node::AttentionPiece piece{rows,          met_rows,          shape_.head_size, request_.element_bytes,
                               request_.grad, shape_.scores != 0};
    if (!queries_stay_) std::swap(piece.queries, piece.keys);
    return piece;
  }

  /// Head by head, and within a head sequence by sequence.
  Cycles step_cycles(Heads mine, std::int64_t tokens, std::uint32_t row, std::int64_t met_rows) {
    Cycles sum = 0;
    const std::int64_t parts = cut_.sequences(row);
    for (std::int64_t begin = mine.begin; begin < mine.end;) {
      const std::int64_t end = std::min(mine.end, (begin / tokens + 1) * tokens);
      const std::int64_t rows = ceil_div(end - begin, parts);
      const auto known = times_.find({rows, met_rows});
      Cycles cycles = known != times_.end() ? known->second : 0;
      if (known == times_.end()) {
        times_[{rows, met_rows}] = cycles = node::attention_cycles(context_.cost, piece_of(rows, met_rows));
      }
      sum = saturating_sum(sum, saturating_product(parts, cycles));
      begin = end;
    }
    return sum;
  }

  /// Of a gradient dK and dV, or dQ; where keys stay also O and its sums: partial sums of every row.
  void reduce(KernelPlan& plan) {
    if (queries_stay_ && !request_.grad) return;
    constexpr Bytes kFp32 = 4, kRowSums = 8;
    const std::int64_t tensors = queries_stay_ ? 2 : 1;
    const Bytes head_bytes = tensors * shape_.head_size * kFp32 + (request_.grad ? 0 : kRowSums);
    std::int64_t heads = 0;
    for (const Heads& column : cut_.columns()) heads += column.count();
    ReductionSpec spec;
    spec.part = context_.part;
    spec.along_columns = grid_.rows() > 1;
    spec.matrices = spec.along_columns ? shape_.batch : 1;
    spec.node_bytes = ceil_div<Bytes>(heads * cut_.moves().tokens * head_bytes, grid_.columns());
    spec.result_bytes =
        shape_.batch * cut_.moves().heads * cut_.moves().tokens * tensors * shape_.head_size * request_.element_bytes;
    spec.destinations = residency(grid_.shape(), spec.result_bytes, grid_.part());
    // Only a row's first and last sequence are shared with others and wait for the rest of their sums.
    std::int64_t shared = 1;
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) shared = std::max(shared, cut_.sequences(row));
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
  AttentionCut cut_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  bool queries_stay_;
  std::uint32_t steps_;
  Deliveries deliveries_;
  std::map<std::pair<std::int64_t, std::int64_t>, Cycles> times_;
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
  for (const bool queries_stay : {true, false}) {
    const std::int64_t tokens = queries_stay ? request.shape.keys : request.shape.queries;
    for (const std::uint32_t steps : kSteps) {
      if (steps > 1 && tokens < 8 * steps) break;
      AttentionChoice choice{queries_stay, steps, 0, 0};
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

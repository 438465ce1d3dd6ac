// SPDX-License-Identifier: Apache-2.0
// Plans of attention, and the candidates among which is chosen. Tokens lie zig-zag over the nodes that share a head, so
// that a causal mask leaves each of them the same work.
#include "lower/attention.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"
#include "dojo/workload/residency.h"
#include "lower/attention_pass.h"
#include "lower/deliveries.h"

namespace dojo::workload {
namespace {

/// How many times what they load messages from so many nodes to each take.
double crowding(double senders) {
  constexpr double kSendersThatDouble = 12;  // by simulation: 1.4 times with 6, 2.1 with 12 to 15, 3 with 20
  return 1 + senders / kSendersThatDouble;
}

class AttentionPlan {
 public:
  AttentionPlan(const AttentionRequest& request, const PlanContext& context, Stays stays, AttentionGroups groups)
      : request_(request), shape_(request.shape), context_(context), grid_(context.grid), stays_(stays) {
    using Work = node::AttentionWork;
    const auto add = [&](bool queries_stay, Work work) {
      auto cut = groups.down == 0 ? cut_by_bands(request, context, queries_stay)
                                  : cut_by_groups(request, context, queries_stay, groups);
      if (cut != nullptr) passes_.emplace_back(request, context, std::move(cut), work);
    };
    if (stays_ == Stays::kBoth) {
      add(true, Work::kQueryGradient);
      add(false, Work::kKeyGradients);
    } else {
      add(stays_ == Stays::kQueries, request.grad ? Work::kGradients : Work::kForward);
    }
  }

  /// Nodes do not send too many messages.
  [[nodiscard]] bool is_possible() const { return passes_.size() == (stays_ == Stays::kBoth ? 2U : 1U); }

  /// What it costs, in so many steps.
  [[nodiscard]] KernelPlan cost(std::uint32_t steps) {
    steps_ = steps;
    if (!standing_) {
      standing_.emplace(grid_, 1, Deliveries::Keep::kLoad);
      for (const AttentionPass& pass : passes_) deliver_standing(pass.cut(), *standing_);
      return_sums(*standing_);
    }
    Deliveries deliveries = standing_->in_steps(steps);
    Bytes buffer_bytes = standing_bytes_;
    for (const AttentionPass& pass : passes_) buffer_bytes += deliver_moving(pass.cut(), deliveries);
    return plan_with(deliveries, buffer_bytes, false);
  }

  [[nodiscard]] KernelPlan build(std::uint32_t steps) {
    steps_ = steps, standing_bytes_ = 0;
    Deliveries deliveries(grid_, steps);
    Bytes buffer_bytes = 0;
    for (const AttentionPass& pass : passes_) {
      buffer_bytes += deliver_moving(pass.cut(), deliveries);
      deliver_standing(pass.cut(), deliveries);
    }
    return_sums(deliveries);
    return plan_with(deliveries, buffer_bytes + standing_bytes_, true);
  }

 private:
  [[nodiscard]] std::string name() const {
    constexpr const char* kStaying[] = {"queries", "keys", "queries and keys"};
    constexpr const char* kMoving[] = {"keys", "queries", "both"};
    const auto side = static_cast<std::size_t>(stays_);
    std::string text = fmt::format("{} {}", kStaying[side], passes_.front().cut().name());
    if (steps_ > 1) text += fmt::format(", {} steps over {}", steps_, kMoving[side]);
    return text + name_of_part(context_);
  }

  [[nodiscard]] Bytes deliver_moving(const AttentionCut& cut, Deliveries& deliveries) const {
    const Bytes moving = cut.deliver_moving(deliveries, steps_);
    return steps_ > 1 ? 2 * ceil_div<Bytes>(moving, steps_) : moving;
  }
  /// What does not depend on the number of steps.
  void deliver_standing(const AttentionCut& cut, Deliveries& deliveries) {
    cut.deliver_to_pass_on(deliveries);
    standing_bytes_ += cut.deliver_staying(deliveries);
    cut.return_results(deliveries, result_bytes(cut));
  }
  void return_sums(Deliveries& deliveries) const {
    if (!has_sums()) return;
    const AttentionCut& cut = passes_.front().cut();
    const AttentionCut::Sums sums = cut.sums(sum_bytes());
    if (!sums.along_rows && !sums.along_columns)
      cut.return_sums(deliveries, sum_tensors() * shape_.head_size * request_.element_bytes);
  }

  [[nodiscard]] KernelPlan plan_with(const Deliveries& deliveries, Bytes buffer_bytes, bool build) {
    KernelPlan plan;
    plan.part = context_.part;
    plan.kernel.part = grid_.part();
    plan.kernel.steps = steps_;
    plan.output = {Layout::kBandChannels, context_.part};
    plan.buffer_bytes = buffer_bytes;
    const Cycles busy_cycles = compute(plan, build);
    if (has_sums()) reduce(plan);
    if (build) {
      deliveries.finish(plan.kernel);
      plan.name = name();
      plan.floors = floors();
    }
    constexpr double kLinesThatDouble = 8;  // by simulation: 1.05 to 1.15 times with one other line, 1.3 with three
    const AttentionCut& cut = passes_.front().cut();
    Deliveries::Load load = deliveries.load(write_port_bytes_per_cycle(context_), crowding(cut.senders()));
    const double passed_on = 1 + cut.other_lines() / kLinesThatDouble;
    load.first *= passed_on, load.all *= passed_on;
    const double busy = static_cast<double>(busy_cycles), late = busy * std::min(steps_, 2U) / steps_;
    const double others = deliveries.latency() + task_cycles(plan, context_);
    plan.cycles = others + std::max(load.first + busy, load.all + late);
    plan.least_cycles = others + std::max(load.all, busy);
    return plan;
  }

  /// Of the busiest node. `build`: fills the kernel too.
  Cycles compute(KernelPlan& plan, bool build) {
    Cycles busiest = 0;
    const std::int64_t flops = product_flops(shape_) * traits(kind()).shape_flops;
    if (build) {
      plan.kernel.cycles.resize(static_cast<std::size_t>(grid_.shape().node_count()) * steps_);
      plan.kernel.matrix_flops.resize(grid_.shape().node_count());
      plan.kernel.vector_flops.resize(grid_.shape().node_count());
      if (context_.for_detailed) plan.kernel.core_piece_of.resize(plan.kernel.cycles.size());
    }
    // Of two passes, the node that is busiest in both may be neither's busiest one.
    const bool all = build || passes_.size() > 1;
    for (const std::uint32_t node : all ? grid_.all() : passes_.front().cut().busiest()) {
      Cycles busy = 0, run_busy = 0;
      for (std::uint32_t step = 0; step < steps_; ++step) {
        Cycles cycles = step == 0 ? context_.cost.launch() : context_.cost.step_start(), run = cycles;
        for (AttentionPass& pass : passes_) {
          cycles = saturating_sum(cycles, pass.cycles(node, step, steps_));
          if (build) run = saturating_sum(run, pass.run_cycles(node, step, steps_));
        }
        busy = saturating_sum(busy, cycles);
        if (!build) continue;
        run_busy = saturating_sum(run_busy, run);
        if (context_.for_detailed) add_core_piece(plan.kernel, node, step);
        plan.kernel.cycles[static_cast<std::size_t>(node) * steps_ + step] =
            node::NodeCost::scaled(run, grid_.shape().nodes[node].core_speed);
      }
      busiest = std::max(busiest, busy);
      if (!build) continue;
      plan.cores.add(run_busy, busy);
      // What both passes make is counted once.
      plan.kernel.matrix_flops[node] = passes_.front().share_of(flops, node);
      for (const AttentionPass& pass : passes_) plan.kernel.vector_flops[node] += pass.vector_flops(node);
    }
    return busiest;
  }

  /// For cores that run cycle by cycle.
  void add_core_piece(Kernel& kernel, std::uint32_t node, std::uint32_t step) {
    node::CorePiece piece;
    if (step == 0) piece.before = context_.cost.launch();
    for (AttentionPass& pass : passes_) pass.add_parts(node, step, steps_, piece.attention);
    const bool has_program =
        std::all_of(piece.attention.begin(), piece.attention.end(),
                    [](const node::AttentionPart& part) { return node::attention_has_program(part.piece); });
    if (has_program) piece.kind = node::CorePiece::Kind::kAttention;
    const auto known = std::find(kernel.core_pieces.begin(), kernel.core_pieces.end(), piece);
    kernel.core_piece_of[std::size_t{node} * steps_ + step] =
        static_cast<std::uint32_t>(known - kernel.core_pieces.begin());
    if (known == kernel.core_pieces.end()) kernel.core_pieces.push_back(piece);
  }

  /// Of a row of one head that stays: O or dQ, or dK and dV. Forward, O is of queries.
  [[nodiscard]] Bytes result_bytes(const AttentionCut& cut) const {
    const Bytes element = shape_.head_size * request_.element_bytes;
    if (!request_.grad) return cut.queries_stay() ? element : 0;
    return cut.queries_stay() ? element : 2 * element;
  }

  /// Partial sums on several nodes: of a gradient dK and dV, or dQ; where keys stay also O and its sums.
  [[nodiscard]] bool has_sums() const { return stays_ != Stays::kBoth && (stays_ == Stays::kKeys || request_.grad); }
  [[nodiscard]] std::int64_t sum_tensors() const { return stays_ == Stays::kQueries ? 2 : 1; }
  /// Of a row of one head.
  [[nodiscard]] Bytes sum_bytes() const {
    constexpr Bytes kFp32 = 4, kRowSums = 8;
    return sum_tensors() * shape_.head_size * kFp32 + (request_.grad ? 0 : kRowSums);
  }
  void reduce(KernelPlan& plan) const {
    const AttentionCut& cut = passes_.front().cut();
    const AttentionCut::Sums sums = cut.sums(sum_bytes());
    plan.buffer_bytes += sums.kept_bytes;
    if (!sums.along_rows && !sums.along_columns) return;
    ReductionSpec spec;
    spec.part = context_.part;
    spec.along_rows = sums.along_rows;
    spec.along_columns = sums.along_columns;
    spec.matrices = sums.matrices;
    spec.node_bytes = sums.node_bytes;
    spec.result_bytes = shape_.batch * cut.moves().heads * cut.moves().tokens * sum_tensors() * shape_.head_size *
                        request_.element_bytes;
    spec.destinations = residency(grid_.shape(), spec.result_bytes, grid_.part());
    plan.reduction = std::move(spec);
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
  std::uint32_t steps_ = 1;
  std::vector<AttentionPass> passes_;
  std::optional<Deliveries> standing_;  ///< of cost(): what does not depend on the number of steps
  Bytes standing_bytes_ = 0;            ///< what of it arrives at a node
};

}  // namespace

bool operator<(const AttentionRequest& a, const AttentionRequest& b) {
  const auto key = [](const AttentionRequest& r) {
    return std::tuple(r.shape.key(), r.element_bytes, r.grad, r.queries.layout, r.queries.part, r.keys.layout,
                      r.keys.part, r.last_part, r.held_bytes);
  };
  return key(a) < key(b);
}

namespace {

/// How many groups a side of so many sites may be cut into: with each smallest side of a group, the most groups.
std::vector<std::uint32_t> group_counts(std::uint32_t sites) {
  std::vector<std::uint32_t> counts;
  for (std::uint32_t count = sites; count > 0; count = count == 1 ? 0 : sites / (sites / count + 1))
    counts.push_back(count);
  return counts;
}

/// A cut without its steps, and cycles that it does not go below in any number of them.
struct Bounded {
  AttentionChoice choice;
  double least_cycles = 0;
};

class AttentionCandidates {
 public:
  AttentionCandidates(const AttentionRequest& request, const PlanContext& context)
      : request_(request), shape_(request.shape), context_(context) {}

  std::vector<AttentionChoice> evaluate() {
    std::vector<Bounded> cuts;
    for (std::uint8_t part = 0; part <= last_part(request_.last_part, context_); ++part) {
      for (const Stays stays : {Stays::kQueries, Stays::kKeys, Stays::kBoth}) {
        if (stays == Stays::kBoth && !request_.grad) continue;
        AttentionChoice bands;
        bands.stays = stays;
        bands.part = part;
        cuts.push_back({bands, least_of_bands(bands)});
        add_groups(bands, cuts);
      }
    }
    std::stable_sort(cuts.begin(), cuts.end(),
                     [](const Bounded& a, const Bounded& b) { return a.least_cycles < b.least_cycles; });
    for (const Bounded& cut : cuts) {
      if (cut.least_cycles > least_) break;  // neither it nor any after it would be taken
      evaluate_steps(cut.choice);
    }
    return std::move(choices_);
  }

 private:
  void add_groups(AttentionChoice choice, std::vector<Bounded>& cuts) const {
    const PlanContext on = context_.on(choice.part);
    const bool sums = choice.stays == Stays::kKeys || (choice.stays == Stays::kQueries && request_.grad);
    for (const std::uint32_t down : group_counts(on.grid.rows())) {
      for (const std::uint32_t across : group_counts(on.grid.columns())) {
        // Sums are added up along whole lines.
        const bool columns = down == 1 && across == on.grid.columns(), rows = across == 1 && down == on.grid.rows();
        const bool all = down == 1 && across == 1, one = down == on.grid.rows() && across == on.grid.columns();
        if (sums && !columns && !rows && !all && !one) continue;
        choice.groups = {down, across};
        cuts.push_back({choice, least_of_groups(choice, on)});
      }
    }
  }

  /// What the busiest node has to compute and to receive, at least.
  [[nodiscard]] double least_of_groups(const AttentionChoice& choice, const PlanContext& on) const {
    const std::int64_t count = std::int64_t{choice.groups.down} * choice.groups.across;
    const std::int64_t nodes = ceil_div<std::int64_t>(on.grid.nodes(), count);
    const std::int64_t units = ceil_div(shape_.batch * shape_.key_heads(), count);
    const std::int64_t ratio = shape_.heads / shape_.key_heads();
    const Bytes element = shape_.head_size * request_.element_bytes;
    const auto pass = [&](bool queries_stay) {
      const std::int64_t rows = queries_stay ? ratio * shape_.queries : shape_.keys;
      const std::int64_t others = queries_stay ? shape_.keys : ratio * shape_.queries;
      const std::int64_t block = on.cost.params().matrix_rows;
      const std::int64_t of_node = std::min(units * rows, ceil_div(units * ceil_div(rows, block), nodes) * block);
      const double scores = static_cast<double>(of_node) * static_cast<double>(shape_.pairs()) *
                            static_cast<double>(ratio) / static_cast<double>(rows);
      const int products = request_.grad ? choice.stays == Stays::kBoth ? 3 : 5 : 2;
      const double flops = products * scores * static_cast<double>(2 * shape_.head_size);
      const Bytes moved = others * (queries_stay || request_.grad ? 2 : 1) * element * units;
      double arriving = static_cast<double>(moved) * static_cast<double>(nodes - 1) / static_cast<double>(nodes);
      if (choice.groups.down > 1 && choice.groups.across > 1) arriving *= crowding(static_cast<double>(nodes - 1));
      return std::pair(flops / flop_per_cycle(on), arriving / write_port_bytes_per_cycle(on));
    };
    std::pair<double, double> sum = pass(choice.stays != Stays::kKeys);
    if (choice.stays == Stays::kBoth) {
      const auto second = pass(false);
      sum.first += second.first, sum.second += second.second;
    }
    return std::max(sum.first, sum.second) + static_cast<double>(on.grid.task_latency());
  }
  [[nodiscard]] double least_of_bands(const AttentionChoice& choice) const {
    const PlanContext on = context_.on(choice.part);
    const int products = request_.grad ? choice.stays == Stays::kBoth ? 6 : 5 : 2;
    const double scores = static_cast<double>(shape_.pairs()) * static_cast<double>(shape_.heads * shape_.batch);
    return products * scores * static_cast<double>(2 * shape_.head_size) / on.grid.nodes() / flop_per_cycle(on) +
           static_cast<double>(on.grid.task_latency());
  }
  [[nodiscard]] double flop_per_cycle(const PlanContext& on) const {
    const topology::NodeParams& node = on.cost.params();
    return static_cast<double>(request_.element_bytes >= 4
                                   ? node.fp32_flop_per_cycle
                                   : 2 * node.matrix_rows * node.matrix_columns * node.matrix_depth);
  }

  /// In ascending order: more than 15 only while operands in flight are a matter of capacity.
  void evaluate_steps(AttentionChoice choice) {
    constexpr std::array<std::uint32_t, 9> kSteps{1, 2, 4, 8, 15, 30, 60, 120, Kernel::kMostSteps};
    constexpr std::uint32_t kFew = 15;
    const PlanContext on = context_.on(choice.part);
    const Bytes small = on.cost.params().sram_bytes / 16;  // what every budget has room for
    const std::int64_t tokens = choice.stays == Stays::kQueries ? shape_.keys
                                : choice.stays == Stays::kKeys  ? shape_.queries
                                                                : std::min(shape_.queries, shape_.keys);
    AttentionPlan cut(request_, on, choice.stays, choice.groups);
    if (!cut.is_possible()) return;
    for (const std::uint32_t steps : kSteps) {
      if (steps > 1 && tokens < 8 * steps) return;
      if (steps > kFew && choice.buffer_bytes <= small) return;
      choice.steps = steps;
      stop_point();
      const KernelPlan plan = cut.cost(steps);
      choice.buffer_bytes = plan.buffer_bytes;
      choice.resident_bytes = held_more(request_.held_bytes, on);
      choice.cycles = plan.cycles;
      choices_.push_back(choice);
      if (choice.buffer_bytes + choice.resident_bytes <= small) least_ = std::min(least_, choice.cycles);
      if (plan.least_cycles > least_) return;  // in steps it would not be taken either
    }
  }

  const AttentionRequest& request_;
  const AttentionShape& shape_;
  const PlanContext& context_;
  std::vector<AttentionChoice> choices_;
  double least_ = std::numeric_limits<double>::infinity();  ///< of a choice that always fits
};

}  // namespace

std::vector<AttentionChoice> evaluate_attention(const AttentionRequest& request, const PlanContext& context) {
  return AttentionCandidates(request, context).evaluate();
}

AttentionChoice choose_attention(const std::vector<AttentionChoice>& choices, Bytes budget_bytes, std::uint32_t rank) {
  std::vector<PlanCost> costs;
  for (const AttentionChoice& c : choices) {
    const std::uint32_t cuts = (static_cast<std::uint32_t>(c.stays) << 28U) + (c.groups.down << 14U) + c.groups.across;
    costs.push_back({c.part, cuts, c.steps, c.buffer_bytes + c.resident_bytes, c.cycles});
  }
  return choices[choose_plan(costs, budget_bytes, rank)];
}

KernelPlan build_attention(const AttentionRequest& request, const AttentionChoice& choice, const PlanContext& context) {
  const PlanContext on = context.on(choice.part);
  AttentionPlan plan(request, on, choice.stays, choice.groups);
  DOJO_CHECK(plan.is_possible(), "a cut of attention that was possible is not: {} steps", choice.steps);
  return plan.build(choice.steps);
}

}  // namespace dojo::workload

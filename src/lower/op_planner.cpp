// SPDX-License-Identifier: Apache-2.0
// Kernels of operations: each request is planned once.
#include "lower/op_planner.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dojo/base/error.h"
#include "lower/deliveries.h"

namespace dojo::workload {

OpPlanner::OpPlanner(const Graph& graph, const PlanContext& context, Settings settings, PlanChoices& choices)
    : graph_(graph),
      context_(context),
      settings_(std::move(settings)),
      sends_(graph, settings_.group_sizes),
      places_(graph.tensors.size()),
      choices_(choices) {}

std::uint32_t OpPlanner::store(KernelPlan plan) {
  plans_.push_back(std::move(plan));
  return static_cast<std::uint32_t>(plans_.size() - 1);
}

/// What nothing had placed lies on the part of the operation that used it first.
void OpPlanner::place_tensors(const OpView& view, std::uint8_t part, TensorPlace output) {
  view.for_each_input([&](std::uint32_t index, const Tensor&) {
    if (places_[index].part == kUnplaced) places_[index].part = part;
  });
  view.for_each_output([&](std::uint32_t index, const Tensor& tensor) {
    if (is_local_data(tensor.role))
      places_[index] = output;
    else if (places_[index].part == kUnplaced)
      places_[index].part = output.part;
  });
}

std::uint32_t OpPlanner::plan_of(const ProductRequest& request, Bytes budget_bytes) {
  auto found = choices_.products.find(request);
  if (found == choices_.products.end())
    found = choices_.products.emplace(request, evaluate_products(request, context_)).first;
  const ProductChoice choice = choose_product(found->second, budget_bytes, settings_.plan_choice);
  const CandidateAxes& axes = choice.axes;
  const std::array key{static_cast<std::uint32_t>(axes.rows),
                       static_cast<std::uint32_t>(axes.columns),
                       static_cast<std::uint32_t>(axes.stream),
                       axes.steps,
                       std::uint32_t{axes.part},
                       std::uint32_t{axes.b_by_columns}};
  auto& known = products_[request];
  if (known.count(key) == 0) known[key] = store(build_product(request, choice, context_));
  return known.at(key);
}

std::uint32_t OpPlanner::plan_of(const AttentionRequest& request, Bytes budget_bytes) {
  auto found = choices_.attentions.find(request);
  if (found == choices_.attentions.end())
    found = choices_.attentions.emplace(request, evaluate_attention(request, context_)).first;
  const AttentionChoice choice = choose_attention(found->second, budget_bytes, settings_.plan_choice);
  auto& known = attentions_[request];
  if (known.count(choice.key()) == 0) known[choice.key()] = store(build_attention(request, choice, context_));
  return known.at(choice.key());
}

std::uint32_t OpPlanner::plan_of(const VectorRequest& request, Bytes budget_bytes) {
  auto found = choices_.vectors.find(request);
  if (found == choices_.vectors.end())
    found = choices_.vectors.emplace(request, evaluate_vector(request, context_)).first;
  const std::vector<PlanCost>& costs = found->second;
  const std::uint8_t part = costs[choose_plan(costs, budget_bytes, settings_.plan_choice)].part;
  auto& known = vectors_[request];
  if (known.count(part) == 0) known[part] = store(plan_vector(request, context_.on(part)));
  return known.at(part);
}

std::uint32_t OpPlanner::plan_of(const ShapelessRequest& request, Bytes) {
  const auto found = shapeless_.find(request);
  return found != shapeless_.end() ? found->second : shapeless_[request] = store(plan_shapeless(request, context_));
}

bool matches(const ReplayRule& rule, const Graph& graph, const Op& op) {
  return fnmatch(rule.operations.c_str(), graph.op_name(op).c_str(), 0) == 0 ||
         fnmatch(rule.operations.c_str(), op_kind_name(op.kind), 0) == 0;
}

Replay OpPlanner::replay_of(const Op& op) const {
  for (auto rule = settings_.replay_rules.rbegin(); rule != settings_.replay_rules.rend(); ++rule)
    if (matches(*rule, graph_, op)) return rule->replay;
  return settings_.replay;
}

KernelRequest OpPlanner::request_of(const OpView& view) const {
  const Replay replay = replay_of(view.op);
  if (replay == Replay::kRecorded && view.op.duration_ns > 0) return recorded_request(view);
  if (replay == Replay::kRoofline && family(view.op.kind) != OpFamily::kShapeless) return roofline_request(view);
  const KernelFunction function = kernel_function(view.op.kind);
  DOJO_CHECK(function != nullptr, "no kernel function for {}", op_kind_name(view.op.kind));
  return function(view);
}

Cycles OpPlanner::delay(std::uint32_t op) {
  const OpView view{graph_, graph_.ops[op], places_, context_, settings_.optimizer_shards, settings_.clock_hz, &sends_};
  // FLOP are counted where cores work, so that an operation with FLOP stays on them.
  if (view.op.recorded_on == RecordedOn::kCores || view.op.duration_ns <= 0 || view.op.flops > 0) {
    return 0;
  }
  const KernelRequest request = request_of(view);
  const auto* shapeless = std::get_if<ShapelessRequest>(&request);
  if (shapeless == nullptr || shapeless->recorded_cycles == 0) {
    return 0;
  }
  place_tensors(view, 0, {Layout::kPixels, 0});
  return shapeless->recorded_cycles;
}

std::uint32_t OpPlanner::plan_of(const OpView& view, Bytes budget_bytes) {
  try {
    return std::visit([&](const auto& request) { return plan_of(request, budget_bytes); }, request_of(view));
  } catch (const Deliveries::TooLarge& found) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("{}: operation \"{}\": found {} bytes that one node sends in one step, expected at most {}; "
                    "use smaller sizes or a larger workload.rank_unit",
                    graph_.file, graph_.op_name(view.op), found.bytes, Deliveries::TooLarge::kMost));
  }
}

std::uint32_t OpPlanner::plan(std::uint32_t op, Bytes budget_bytes) {
  const OpView view{graph_, graph_.ops[op], places_, context_, settings_.optimizer_shards, settings_.clock_hz, &sends_};
  const std::uint32_t plan = plan_of(view, budget_bytes);
  place_tensors(view, plans_[plan].part, plans_[plan].output);
  return plan;
}

}  // namespace dojo::workload

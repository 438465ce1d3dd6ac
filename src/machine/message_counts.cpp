// SPDX-License-Identifier: Apache-2.0
// What the reference model counts message by message where the fast one takes many together.
#include <algorithm>
#include <numeric>

#include "machine/context.h"

namespace dojo::machine {

using workload::Kernel;

/// A striped message becomes one message a node: each node is a track of its own.
void Context::cut_striped_plans() {
  for (const workload::DataflowInstance& instance : job.instances) {
    const workload::DataflowPlan& striped = job.plans[instance.plan];
    PlanInfo& info = plans[instance.plan];
    if (!striped.striped || info.plan != &striped) continue;
    workload::DataflowPlan& plan = track_plans.emplace_back(striped);
    plan.striped = false;
    plan.tracks = job.slices[instance.participants.front().index].shape->node_count();
    plan.track_node.resize(plan.tracks);
    std::iota(plan.track_node.begin(), plan.track_node.end(), 0u);
    info = plan_info(plan);
  }
}

namespace {

/// A die without any node, a dead one, is in no collective.
bool may_move_by_groups(const std::vector<std::shared_ptr<const fabric::StripeGroups>>& maps) {
  return std::all_of(maps.begin(), maps.end(),
                     [](const auto& groups) { return (*groups)[0].nodes() == 0 || groups->complete(); });
}

}  // namespace

/// The finer grid where the job has few enough striped messages, and each of its groups a node.
void Context::group_nodes() {
  std::int64_t messages = 0;
  for (const workload::DataflowInstance& instance : job.instances) {
    const workload::DataflowPlan& plan = job.plans[instance.plan];
    if (plan.striped) messages += static_cast<std::int64_t>(plan.edges.size()) * plan.chunks;
  }
  const auto use = [&](fabric::StripeGroups::Grid grid) {
    stripe_groups.clear();
    for (const topology::Topology::SiteMap& map : topology.site_maps()) {
      stripe_groups.push_back(std::make_shared<const fabric::StripeGroups>(topology.site_rows(),
                                                                           topology.site_columns(), map.enabled, grid));
    }
  };
  use(fabric::StripeGroups::grid_for(messages));
  if (!may_move_by_groups(stripe_groups)) use(fabric::StripeGroups::kCoarse);
}

/// Nodes of a die do not keep step: those nearest to an edge get ahead. So groups of them are tracks of their own.
void Context::group_striped_plans() {
  const auto striped = [](const workload::DataflowPlan& plan) { return plan.striped; };
  if (std::none_of(job.plans.begin(), job.plans.end(), striped)) return;
  if (!may_move_by_groups(stripe_groups)) return;
  groups_stripes = true;
  for (std::size_t i = 0; i < job.plans.size(); ++i) {
    if (!job.plans[i].striped) continue;
    workload::DataflowPlan& plan = track_plans.emplace_back(job.plans[i]);
    plan.tracks = stripe_groups.front()->grid().groups();
    plan.track_node.assign(plan.tracks, 0);
    const std::vector<std::uint32_t> item_waits = plans[i].item_waits;
    plans[i] = plan_info(plan);
    plans[i].item_waits = item_waits;
  }
}

/// Each node of a line gets every piece of the others by itself, where a gather of the fast model is one arrival.
void Context::count_pieces() {
  for (const workload::Program& program : job.programs) {
    const workload::SliceShape& shape = *shapes[program.shape_index].shape;
    std::vector<std::vector<std::uint32_t>> in_row(static_cast<std::size_t>(shape.rows)),
        in_column(static_cast<std::size_t>(shape.columns));
    for (std::uint32_t n = 0; n < shape.node_count(); ++n) {
      in_row[shape.nodes[n].row].push_back(n);
      in_column[shape.nodes[n].column].push_back(n);
    }
    std::vector<std::vector<std::uint32_t>>& needs = piece_needs.emplace_back();
    for (const Kernel& kernel : program.kernels) {
      std::vector<std::uint32_t>& need = needs.emplace_back(kernel.need.begin(), kernel.need.end());
      if (need.empty() || kernel.gather_begin.empty()) continue;
      const std::uint32_t slots = kernel.steps + 1;
      for (std::uint32_t l = 0; l < shape.lines.size(); ++l) {
        const workload::SliceShape::Line line = workload::clipped(shape, shape.lines[l], kernel.part);
        if (line.nodes_begin == line.nodes_end) continue;
        const workload::SliceShape::Node& any = shape.nodes[shape.line_nodes[line.nodes_begin]];
        const auto& receivers = line.horizontal ? in_row[any.row] : in_column[any.column];
        for (std::uint32_t g = kernel.gather_begin[l]; g < kernel.gather_begin[l + 1]; ++g) {
          const workload::Gather& gather = kernel.gathers[g];
          std::uint32_t pieces = 0;
          for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i)
            pieces += kernel.pieces[i].bytes > 0 ? 1 : 0;
          for (const std::uint32_t n : receivers) {
            if (!kernel.part.has(shape.nodes[n])) continue;
            std::uint32_t others = pieces;
            for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
              const bool own = shape.line_nodes[line.nodes_begin + kernel.pieces[i].holder] == n;
              if (own && kernel.pieces[i].bytes > 0) --others;
            }
            if (others > 0) need[std::size_t{n} * slots + gather.slot] += others - 1;
          }
        }
      }
    }
  }
}

}  // namespace dojo::machine

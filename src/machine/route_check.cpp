// SPDX-License-Identifier: Apache-2.0
// Before the run: is there a way for everything that a job may send?
#include <algorithm>
#include <set>

#include "dojo/base/error.h"
#include "dojo/topology/dip_gates.h"
#include "machine/context.h"
#include "machine/die/residents.h"
#include "machine/network/models.h"

namespace dojo::machine {
namespace {

using topology::Site;
using workload::DataflowInstance;
using Participant = DataflowInstance::Participant;

class RouteCheck {
 public:
  explicit RouteCheck(const Context& context)
      : c_(context), t_(context.topology), routes_(*context.topology.routes()) {}

  void ranks() {
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;  // single dies of one program and map are alike
    for (RankId rank = 0; rank < c_.job.slices.size(); ++rank) {
      const workload::Slice& slice = c_.job.slices[rank];
      const workload::Program& program = c_.program(rank);
      const bool alone = slice.dies.size() == 1;
      if (alone && !seen.emplace(c_.job.program_of_rank[rank], t_.site_map_index(slice.dies.front())).second) continue;
      for (const workload::Kernel& kernel : program.kernels) {
        for (const workload::Unicast& u : kernel.unicasts) pair(node(slice, u.source), node(slice, u.destination));
      }
      lines(slice);
      const workload::SliceShape& shape = *slice.shape;
      for (std::uint32_t die = 1; die < shape.die_count(); ++die) {  // control messages
        pair(node(slice, shape.die_begin[0]), node(slice, shape.die_begin[die]));
        pair(node(slice, shape.die_begin[die]), node(slice, shape.die_begin[0]));
      }
      for (const workload::Task& task : program.tasks) {
        if (task.kind != workload::Task::Kind::kDataflow) continue;
        const std::uint32_t instance = c_.job.instance_of[rank][task.entry].instance;
        if (instance != kNone && c_.job.instances[instance].participants.front().kind == Participant::Kind::kNode)
          inside(slice, c_.job.instances[instance]);
      }
    }
  }

  void instances() {
    for (const DataflowInstance& instance : c_.job.instances) {
      if (instance.participants.empty() || instance.participants.front().kind == Participant::Kind::kNode) continue;
      const workload::DataflowPlan& plan = c_.job.plans[instance.plan];
      for (const workload::DataflowItem& item : plan.items) {
        for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
          const workload::DataflowItem& to = plan.items[plan.edges[e].item];
          if (to.position == item.position && !item.single && !to.single) continue;
          between(instance, plan, item, to);
        }
      }
    }
  }

  void finish() const { findings_.throw_if_any(); }

 private:
  [[nodiscard]] Site node(const workload::Slice& slice, std::uint32_t index) const {
    const workload::SliceShape::Node& n = slice.shape->nodes[index];
    return {slice.first_site_row + n.row, slice.first_site_column + n.column};
  }
  void lines(const workload::Slice& slice) {
    const workload::SliceShape& shape = *slice.shape;
    for (std::uint32_t die = 0; die < shape.die_count(); ++die) {
      for (std::uint32_t l = shape.line_begin[die]; l < shape.line_begin[die + 1]; ++l) {
        if (!is_broken_line(slice, die, l, t_)) continue;
        const workload::SliceShape::Line& line = shape.lines[l];
        for (std::uint32_t i = line.nodes_begin; i < line.nodes_end; ++i) {
          const Site from = node(slice, shape.line_nodes[i]);
          for (std::uint32_t j = line.nodes_begin; j < line.nodes_end; ++j)
            pair(from, node(slice, shape.line_nodes[j]));
        }
        const Site first = node(slice, shape.line_nodes[line.nodes_begin]);
        if (!line.goes_on_low && !line.goes_on_high) continue;
        for (std::uint32_t n = 0; n < shape.node_count(); ++n) {
          const Site to = node(slice, n);
          if (line.horizontal ? to.row == first.row : to.column == first.column) pair(first, to);
        }
      }
    }
  }

  void inside(const workload::Slice& slice, const DataflowInstance& instance) {
    const workload::DataflowPlan& plan = c_.job.plans[instance.plan];
    for (const workload::DataflowItem& item : plan.items) {
      for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
        const workload::DataflowItem& to = plan.items[plan.edges[e].item];
        pair(node(slice, instance.participants[item.position].index),
             node(slice, instance.participants[to.position].index));
      }
    }
  }

  void between(const DataflowInstance& instance, const workload::DataflowPlan& plan, const workload::DataflowItem& from,
               const workload::DataflowItem& to) {
    if (plan.striped) return;  // lowering saw that all in between works
    const Participant& a = instance.participants[from.position];
    const Participant& b = instance.participants[to.position];
    for (std::uint32_t track = 0; track < plan.tracks; ++track) {
      const std::uint32_t source = plan.track_node[from.single ? 0 : track];
      const std::uint32_t destination = plan.track_node[to.single ? 0 : track];
      if (a.kind == Participant::Kind::kDip && b.kind == Participant::Kind::kDip) continue;
      if (a.kind == Participant::Kind::kDip) {
        const Site end = node(c_.job.slices[b.index], destination);
        pair(topology::dip_gate(t_, a.index, end).router, end);
      } else if (b.kind == Participant::Kind::kDip) {
        const Site start = node(c_.job.slices[a.index], source);
        pair(start, topology::dip_gate(t_, b.index, start).router);
      } else {
        pair(node(c_.job.slices[a.index], source), node(c_.job.slices[b.index], destination));
      }
    }
  }

  void pair(const Site& from, const Site& to) {
    if (routes_.leg_works(from, to) || found_ >= kMostShown) return;
    const std::uint64_t key = static_cast<std::uint64_t>(from.row * routes_.columns() + from.column) << 32 |
                              static_cast<std::uint32_t>(to.row * routes_.columns() + to.column);
    if (!known_.insert(key).second || routes_.find(from, to).legs > 0) return;
    ++found_;
    findings_.add(
        "machine: /defects: found no way from {} to {} in at most {} legs of dimension order, expected one: the dead "
        "routers and links "
        "around them leave no such way; declare the core of one of the two dead",
        topology::router_path(t_, from), topology::router_path(t_, to), topology::kRouteLegs);
  }

  static constexpr int kMostShown = 20;
  const Context& c_;
  const topology::Topology& t_;
  const topology::Routes& routes_;
  Findings findings_;
  int found_ = 0;
  std::set<std::uint64_t> known_;
};

}  // namespace

void check_routes(const Context& context) {
  if (!context.model.takes_detours) {
    throw Error(
        ExitCode::kInvalidInput,
        "run.network_model: found \"reference\" on a machine with dead routers, links, edges or dies, expected "
        "\"fast\": the reference's routers know dimension order only; take these defects out, or use the fast model");
  }
  RouteCheck check(context);
  check.ranks();
  check.instances();
  check.finish();
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// Lanes, chunks, model time and plan of a collective along a spanning tree.
#include "workload/collectives/tree_plan.h"

#include <algorithm>

namespace dojo::workload::collectives {
namespace {

/// Everything of the model that does not depend on the number of chunks.
struct Costs {
  std::vector<Path> up, down;  ///< by member: to and from its parent
  double edge_cycles = 0;      ///< all bytes over the slowest edge
  double port_cycles = 0;      ///< all bytes through the ports and the vector unit of the busiest member
};

double zplane_children(const SpanningTree& tree, std::uint32_t member) {
  const auto& children = tree.children[member];
  return static_cast<double>(std::count_if(children.begin(), children.end(),
                                           [&tree](std::uint32_t child) { return tree.over_zplane(child); }));
}

Costs costs(const TreeLayout& layout, const CollectiveRequest& request, const Rates& rates,
            const topology::Topology& topology) {
  const std::size_t n = request.members.size();
  Costs c;
  c.up.resize(n);
  c.down.resize(n);
  const double bytes = static_cast<double>(layout.bytes);
  const double lane_bytes = bytes / static_cast<double>(layout.lanes.count());
  for (std::uint32_t i = 0; i < n; ++i) {
    const double children = static_cast<double>(layout.tree.children[i].size());
    const std::uint32_t parent = layout.tree.parent[i];
    const double others = parent == kNone ? 0 : 1;
    const double come = (layout.up ? children : 0) + (layout.down ? others : 0);
    const double go = (layout.up ? others : 0) + (layout.down ? children : 0);
    c.port_cycles = std::max({c.port_cycles, come * lane_bytes / rates.eject, go * lane_bytes / rates.inject,
                              layout.up ? children * lane_bytes / rates.combine : 0.0});
    if (parent == kNone) continue;
    const bool zplane = layout.tree.over_zplane(i);
    const auto path = zplane ? path_over_zplane : path_between;
    c.up[i] = path(*request.members[i], *request.members[parent], topology);
    c.down[i] = path(*request.members[parent], *request.members[i], topology);
    // The port of a parent's DIP carries what all its islands send, and what goes on to its own parent.
    const double above = zplane && layout.tree.over_zplane(parent) ? 1 : 0;
    const double islands = zplane ? zplane_children(layout.tree, parent) : 1;
    const double at_port = islands + (layout.up && layout.down ? above : 0);
    if (layout.up) c.edge_cycles = std::max(c.edge_cycles, at_port * bytes / rates.path(c.up[i], layout.lanes));
    if (layout.down) c.edge_cycles = std::max(c.edge_cycles, at_port * bytes / rates.path(c.down[i], layout.lanes));
  }
  return c;
}

/// One message on the longest way up and down, then the rest of the bytes at the slowest resource.
double model_cycles(const TreeLayout& layout, const Costs& c, const Rates& rates, std::int64_t chunks) {
  const double m = message_bytes(layout.bytes, layout.lanes.count(), chunks);
  const SpanningTree& tree = layout.tree;
  std::vector<double> up(tree.parent.size(), 0), down(tree.parent.size(), 0);
  double fill = 0;
  if (layout.up) {
    for (auto it = tree.order.rbegin(); it != tree.order.rend(); ++it) {
      for (const std::uint32_t child : tree.children[*it]) {
        up[*it] =
            std::max(up[*it], up[child] + c.up[child].latency_cycles + m / rates.message(c.up[child], layout.lanes));
      }
      up[*it] += std::max(0.0, zplane_children(tree, *it) - 1) * rates.over_ethernet(m);
      if (layout.bytes > 0) up[*it] += static_cast<double>(tree.children[*it].size()) * m / rates.combine;
    }
    fill = up[tree.root];
  }
  double deepest = 0;
  if (layout.down) {
    for (const std::uint32_t i : tree.order) {
      double before = 0;  // messages to the children leave one after the other
      for (const std::uint32_t child : tree.children[i]) {
        down[child] = down[i] + before + c.down[child].latency_cycles + m / rates.message(c.down[child], layout.lanes);
        before += tree.over_zplane(child) ? rates.over_ethernet(m) : m / rates.inject;
        deepest = std::max(deepest, down[child]);
      }
    }
  }
  const double lanes = layout.lanes.striped ? 1 : static_cast<double>(layout.lanes.count()),
               parts = static_cast<double>(chunks);
  return fill + deepest + std::max(c.edge_cycles * (1 - 1 / (lanes * parts)), c.port_cycles * (1 - 1 / parts));
}

}  // namespace

bool tree_supports(const CollectiveRequest& request) {
  return request.kind == OpKind::kAllReduce || request.kind == OpKind::kReduce || request.kind == OpKind::kBroadcast ||
         request.kind == OpKind::kBarrier;
}

bool has_root(const CollectiveRequest& request) {
  return request.kind == OpKind::kReduce || request.kind == OpKind::kBroadcast;
}

TreeLayout tree_layout(const CollectiveRequest& request, SpanningTree tree, const topology::Topology& topology) {
  TreeLayout l;
  l.up = request.kind != OpKind::kBroadcast;
  l.down = request.kind != OpKind::kReduce;
  l.bytes = request.kind == OpKind::kBarrier ? 0 : request.bytes;
  l.tree = std::move(tree);
  const std::int64_t edges = static_cast<std::int64_t>(request.members.size() - 1) * (l.up && l.down ? 2 : 1);
  bool straight = true;
  for (std::uint32_t i = 0; i < request.members.size(); ++i) {
    const std::uint32_t parent = l.tree.parent[i];
    straight = straight && !l.tree.over_zplane(i) &&
               (parent == kNone || is_straight(*request.members[i], *request.members[parent]));
  }
  l.lanes = choose_lanes(request, {l.bytes, l.bytes, edges, straight}, topology);
  const Rates rates(topology);
  const Costs c = costs(l, request, rates, topology);
  l.choice =
      choose_chunks(l.bytes, l.lanes, edges, [&](std::int64_t chunks) { return model_cycles(l, c, rates, chunks); });
  return l;
}

/// Every member but the leaves adds what its children send; `up` of the root is the turning point.
DataflowPlan tree_plan(const char* algorithm, const TreeLayout& l, const topology::Topology& topology) {
  const std::uint32_t n = static_cast<std::uint32_t>(l.tree.parent.size());
  const Bytes message = std::max(l.bytes, kSignalBytes);
  PlanBuilder builder(n + l.tree.islands);
  std::vector<std::uint32_t> up(n, kNone), down(n, kNone);
  for (std::uint32_t i = 0; i < n; ++i) {
    const bool root = i == l.tree.root;
    if (l.up) {
      const Bytes added = static_cast<Bytes>(l.tree.children[i].size()) * l.bytes;
      up[i] = builder.item(i, {true, root || !l.down, added});
    }
    if (l.up && root) {
      down[i] = up[i];
    } else if (l.down) {
      // Without a reduction before it a member has to have entered before it can receive.
      down[i] = builder.item(i, {!l.up, true, 0});
    }
  }
  const auto send = [&](const std::vector<std::uint32_t>& items, std::uint32_t from, std::uint32_t to, bool zplane) {
    std::uint32_t before = items[from];
    for (const std::uint32_t end : {from, to}) {
      if (!zplane) break;
      const std::uint32_t at_dip = builder.item(n + l.tree.island[end], {false, false, 0});
      builder.edge(before, at_dip, message);
      before = at_dip;
    }
    builder.edge(before, items[to], message);
  };
  for (std::uint32_t i = 0; i < n; ++i) {
    if (l.up && i != l.tree.root) send(up, i, l.tree.parent[i], l.tree.over_zplane(i));
    if (!l.down) continue;
    for (const std::uint32_t child : l.tree.children[i]) send(down, i, child, l.tree.over_zplane(child));
  }
  return builder.build(algorithm, l.lanes, l.choice, topology);
}

}  // namespace dojo::workload::collectives

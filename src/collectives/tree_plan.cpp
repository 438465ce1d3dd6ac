// SPDX-License-Identifier: Apache-2.0
// Tracks, chunks, model time and plan of a collective along a spanning tree.
#include "collectives/tree_plan.h"

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
  const SpanningTree& tree = layout.tree;
  const auto tracks = static_cast<double>(layout.tracks.count());
  Costs c;
  c.up.resize(n);
  c.down.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t parent = tree.parent[i];
    double from_below = 0, to_below = 0;
    for (const std::uint32_t child : tree.children[i]) {
      from_below += static_cast<double>(layout.up_bytes[child]) / tracks;
      to_below += static_cast<double>(layout.down_bytes[child]) / tracks;
    }
    const auto up = static_cast<double>(layout.up_bytes[i]), down = static_cast<double>(layout.down_bytes[i]);
    c.port_cycles = std::max({c.port_cycles, (from_below + down / tracks) / rates.eject,
                              (to_below + up / tracks) / rates.inject, layout.adds ? from_below / rates.combine : 0.0});
    if (parent == kNone) continue;
    const bool zplane = tree.over_zplane(i);
    const auto path = zplane ? path_over_zplane : path_between;
    c.up[i] = path(*request.members[i], *request.members[parent], topology);
    c.down[i] = path(*request.members[parent], *request.members[i], topology);
    // The port of a parent's DIP carries what all its islands send, and what goes on to its own parent.
    const double above = zplane && tree.over_zplane(parent) ? 1 : 0;
    const double islands = zplane ? zplane_children(tree, parent) : 1;
    const double at_port = islands + (layout.up && layout.down ? above : 0);
    c.edge_cycles = std::max({c.edge_cycles, at_port * up / rates.path(c.up[i], layout.tracks),
                              at_port * down / rates.path(c.down[i], layout.tracks)});
  }
  return c;
}

/// One message on the longest way up and down, then the rest of the bytes at the slowest resource.
double model_cycles(const TreeLayout& layout, const Costs& c, const Rates& rates, std::int64_t chunks) {
  const SpanningTree& tree = layout.tree;
  const auto message = [&](Bytes bytes) { return message_bytes(bytes, layout.tracks.count(), chunks); };
  std::vector<double> up(tree.parent.size(), 0), down(tree.parent.size(), 0);
  double fill = 0;
  if (layout.up) {
    for (auto it = tree.order.rbegin(); it != tree.order.rend(); ++it) {
      double added = 0, queued = 0, longest = 0;  // messages of other islands before the last at the DIP's port
      for (const std::uint32_t child : tree.children[*it]) {
        const double m = message(layout.up_bytes[child]);
        up[*it] =
            std::max(up[*it], up[child] + c.up[child].latency_cycles + m / rates.message(c.up[child], layout.tracks));
        if (layout.adds && layout.up_bytes[child] > 0) added += m / rates.combine;
        if (!tree.over_zplane(child)) continue;
        queued += rates.over_ethernet(m);
        longest = std::max(longest, rates.over_ethernet(m));
      }
      up[*it] += queued - longest + added;
    }
    fill = up[tree.root];
  }
  double deepest = 0;
  if (layout.down) {
    for (const std::uint32_t i : tree.order) {
      double before = 0;  // messages to the children leave one after the other
      for (const std::uint32_t child : tree.children[i]) {
        const double m = message(layout.down_bytes[child]);
        down[child] = down[i] + before + c.down[child].latency_cycles + m / rates.message(c.down[child], layout.tracks);
        before += tree.over_zplane(child) ? rates.over_ethernet(m) : m / rates.inject;
        deepest = std::max(deepest, down[child]);
      }
    }
  }
  const double tracks = layout.tracks.striped ? 1 : static_cast<double>(layout.tracks.count()),
               parts = static_cast<double>(chunks);
  return fill + deepest + std::max(c.edge_cycles * (1 - 1 / (tracks * parts)), c.port_cycles * (1 - 1 / parts));
}

/// What each edge carries: the whole vector where it is summed or spread; the parts of those below where a member
/// gives or gets only its part.
void fill_bytes(TreeLayout& l, const CollectiveRequest& request) {
  const std::size_t n = request.members.size();
  const bool gather = request.kind == OpKind::kAllGather, scatter = request.kind == OpKind::kReduceScatter;
  const Bytes whole = request.kind == OpKind::kBarrier ? 0
                      : gather                         ? request.bytes * static_cast<Bytes>(n)
                                                       : request.bytes;
  const auto count = static_cast<std::int64_t>(n);
  std::vector<Bytes> below(n);
  for (std::int64_t i = 0; i < count; ++i) {
    below[static_cast<std::size_t>(i)] = piece_size(whole, count, i);
  }
  for (auto it = l.tree.order.rbegin(); it != l.tree.order.rend(); ++it) {
    if (l.tree.parent[*it] != kNone) below[l.tree.parent[*it]] += below[*it];
  }
  l.up_bytes.assign(n, 0);
  l.down_bytes.assign(n, 0);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (l.tree.parent[i] == kNone) continue;
    if (l.up) l.up_bytes[i] = gather ? below[i] : whole;
    if (l.down) l.down_bytes[i] = scatter ? below[i] : gather ? whole - below[i] : whole;
  }
}

}  // namespace

bool tree_supports(const CollectiveRequest& request) {
  return request.kind != OpKind::kAllToAll;
}

bool has_root(const CollectiveRequest& request) {
  return traits(request.kind).has(OpTraits::kHasRoot);
}

TreeLayout tree_layout(const CollectiveRequest& request, SpanningTree tree, const topology::Topology& topology) {
  TreeLayout l;
  l.up = request.kind != OpKind::kBroadcast;
  l.down = request.kind != OpKind::kReduce;
  l.adds =
      request.kind == OpKind::kAllReduce || request.kind == OpKind::kReduce || request.kind == OpKind::kReduceScatter;
  l.tree = std::move(tree);
  fill_bytes(l, request);
  const std::int64_t edges = static_cast<std::int64_t>(request.members.size() - 1) * (l.up && l.down ? 2 : 1);
  bool straight = true;
  for (std::uint32_t i = 0; i < request.members.size(); ++i) {
    const std::uint32_t parent = l.tree.parent[i];
    straight = straight && !l.tree.over_zplane(i) &&
               (parent == kNone || works_straight(*request.members[i], *request.members[parent], topology));
  }
  Bytes least = kNever, most = 0;
  for (std::uint32_t i = 0; i < request.members.size(); ++i) {
    if (l.tree.parent[i] == kNone) continue;
    const auto [less, more] =
        std::minmax(l.up ? l.up_bytes[i] : l.down_bytes[i], l.down ? l.down_bytes[i] : l.up_bytes[i]);
    least = std::min(least, less);
    most = std::max(most, more);
  }
  l.tracks = choose_tracks(request, {least, most, edges, straight}, topology);
  const Rates rates(topology);
  const Costs c = costs(l, request, rates, topology);
  l.choice =
      choose_chunks(most, l.tracks, edges, [&](std::int64_t chunks) { return model_cycles(l, c, rates, chunks); });
  return l;
}

/// Every member but the leaves adds what its children send; `up` of the root is the turning point.
DataflowPlan tree_plan(Algorithm algorithm, const TreeLayout& l, const topology::Topology& topology) {
  const std::uint32_t n = static_cast<std::uint32_t>(l.tree.parent.size());
  const auto message = [](Bytes bytes) { return std::max(bytes, kSignalBytes); };
  PlanBuilder builder(n + l.tree.islands);
  std::vector<std::uint32_t> up(n, kNone), down(n, kNone);
  for (std::uint32_t i = 0; i < n; ++i) {
    const bool root = i == l.tree.root;
    if (l.up) {
      Bytes added = 0;
      for (const std::uint32_t child : l.tree.children[i]) added += l.adds ? l.up_bytes[child] : 0;
      up[i] = builder.item(i, {true, root || !l.down, added});
    }
    if (l.up && root) {
      down[i] = up[i];
    } else if (l.down) {
      // Without a reduction before it a member has to have entered before it can receive.
      down[i] = builder.item(i, {!l.up, true, 0});
    }
  }
  const auto send = [&](const std::vector<std::uint32_t>& items, std::uint32_t from, std::uint32_t to, bool zplane,
                        Bytes bytes) {
    std::uint32_t before = items[from];
    for (const std::uint32_t end : {from, to}) {
      if (!zplane) break;
      const std::uint32_t at_dip = builder.item(n + l.tree.island[end], {false, false, 0});
      builder.edge(before, at_dip, message(bytes));
      before = at_dip;
    }
    builder.edge(before, items[to], message(bytes));
  };
  for (std::uint32_t i = 0; i < n; ++i) {
    if (l.up && i != l.tree.root) send(up, i, l.tree.parent[i], l.tree.over_zplane(i), l.up_bytes[i]);
    if (!l.down) continue;
    for (const std::uint32_t child : l.tree.children[i])
      send(down, i, child, l.tree.over_zplane(child), l.down_bytes[child]);
  }
  DataflowPlan plan = collective_plan(builder, algorithm, l.tracks, l.choice, topology);
  plan.over_zplane = algorithm == Algorithm::kZplane;
  return plan;
}

}  // namespace dojo::workload::collectives

// SPDX-License-Identifier: Apache-2.0
// Tracks, chunks, model time and plan of a collective along a spanning tree.
#include "collectives/tree_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dojo::workload::collectives {
namespace {

/// Everything of the model that does not depend on the number of chunks.
struct Costs {
  struct Paths {
    std::vector<Path> up, down;  ///< by member: to and from its parent
  };
  std::vector<Paths> of_tree;
  double edge_cycles = 0;  ///< all bytes over the slowest edge
  double port_cycles = 0;  ///< all bytes through the ports and the vector unit of the busiest member
};

double zplane_children(const SpanningTree& tree, std::uint32_t member) {
  const auto& children = tree.children[member];
  return static_cast<double>(std::count_if(children.begin(), children.end(),
                                           [&tree](std::uint32_t child) { return tree.over_zplane(child); }));
}

/// Bytes that each member moves, over all trees.
struct Moved {
  double in = 0, out = 0, added = 0;
};

void add_moved(const TreeTraffic& traffic, bool adds, std::vector<Moved>& moved) {
  for (std::uint32_t i = 0; i < moved.size(); ++i) {
    const auto up = static_cast<double>(traffic.up_bytes[i]), down = static_cast<double>(traffic.down_bytes[i]);
    moved[i].in += down;
    moved[i].out += up;
    const std::uint32_t parent = traffic.tree.parent[i];
    if (parent == kNone) continue;
    moved[parent].in += up;
    moved[parent].out += down;
    moved[parent].added += adds ? up : 0;
  }
}

/// What a way between two members is busy with, of one tree.
struct Busy {
  std::uint32_t from, to;
  double cycles;
};

/// Of the way that all trees together keep busy longest.
double busiest(std::vector<Busy> ways) {
  std::sort(ways.begin(), ways.end(),
            [](const Busy& a, const Busy& b) { return std::pair(a.from, a.to) < std::pair(b.from, b.to); });
  double most = 0, sum = 0;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const bool same = i > 0 && ways[i].from == ways[i - 1].from && ways[i].to == ways[i - 1].to;
    sum = ways[i].cycles + (same ? sum : 0);
    most = std::max(most, sum);
  }
  return most;
}

Costs costs(const TreeLayout& layout, const CollectiveRequest& request, const Rates& rates,
            const topology::Topology& topology) {
  const std::size_t n = request.members.size();
  Costs c;
  std::vector<Moved> moved(n);
  std::vector<Busy> ways;
  for (const TreeTraffic& traffic : layout.trees) {
    const SpanningTree& tree = traffic.tree;
    Costs::Paths& paths = c.of_tree.emplace_back();
    paths.up.resize(n);
    paths.down.resize(n);
    add_moved(traffic, layout.adds, moved);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t parent = tree.parent[i];
      if (parent == kNone) continue;
      const bool zplane = tree.over_zplane(i);
      const auto path = zplane ? path_over_zplane : path_between;
      paths.up[i] = path(*request.members[i], *request.members[parent], topology);
      paths.down[i] = path(*request.members[parent], *request.members[i], topology);
      // The port of a parent's DIP carries what all its islands send, and what goes on to its own parent.
      const double above = zplane && tree.over_zplane(parent) ? 1 : 0;
      const double islands = zplane ? zplane_children(tree, parent) : 1;
      const double at_port = islands + (layout.up && layout.down ? above : 0);
      const auto up = static_cast<double>(traffic.up_bytes[i]), down = static_cast<double>(traffic.down_bytes[i]);
      ways.push_back({i, parent, at_port * up / rates.path(paths.up[i], layout.tracks)});
      ways.push_back({parent, i, at_port * down / rates.path(paths.down[i], layout.tracks)});
    }
  }
  c.edge_cycles = busiest(std::move(ways));
  const auto tracks = static_cast<double>(layout.tracks.count());
  for (const Moved& m : moved) {
    c.port_cycles = std::max(
        {c.port_cycles, m.in / tracks / rates.eject, m.out / tracks / rates.inject, m.added / tracks / rates.combine});
  }
  return c;
}

/// One message on the longest way up and down.
double fill_cycles(const TreeLayout& layout, const TreeTraffic& traffic, const Costs::Paths& paths, const Rates& rates,
                   std::int64_t chunks) {
  const SpanningTree& tree = traffic.tree;
  const auto message = [&](Bytes bytes) { return message_bytes(bytes, layout.tracks.count(), chunks); };
  std::vector<double> up(tree.parent.size(), 0), down(tree.parent.size(), 0);
  double fill = 0;
  if (layout.up) {
    for (auto it = tree.order.rbegin(); it != tree.order.rend(); ++it) {
      double added = 0, queued = 0, longest = 0;  // messages of other islands before the last at the DIP's port
      for (const std::uint32_t child : tree.children[*it]) {
        const double m = message(traffic.up_bytes[child]);
        const Path& path = paths.up[child];
        up[*it] = std::max(up[*it], up[child] + path.latency_cycles + m / rates.message(path, layout.tracks));
        if (layout.adds && traffic.up_bytes[child] > 0) added += m / rates.combine;
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
        const double m = message(traffic.down_bytes[child]);
        const Path& path = paths.down[child];
        down[child] = down[i] + before + path.latency_cycles + m / rates.message(path, layout.tracks);
        before += tree.over_zplane(child) ? rates.over_ethernet(m) : m / rates.inject;
        deepest = std::max(deepest, down[child]);
      }
    }
  }
  return fill + deepest;
}

/// The longest fill of a tree, then the rest of the bytes at the slowest resource.
struct Phases {
  double fill = 0, rest = 0;
};

Phases phases(const TreeLayout& layout, const Costs& c, const Rates& rates, std::int64_t chunks) {
  Phases p;
  for (std::size_t t = 0; t < layout.trees.size(); ++t)
    p.fill = std::max(p.fill, fill_cycles(layout, layout.trees[t], c.of_tree[t], rates, chunks));
  const double tracks = layout.tracks.striped ? 1 : static_cast<double>(layout.tracks.count()),
               parts = static_cast<double>(chunks) * static_cast<double>(layout.trees.size());
  p.rest = std::max(c.edge_cycles * (1 - 1 / (tracks * parts)), c.port_cycles * (1 - 1 / parts));
  return p;
}

/// Where ranks send several ways, what they pass on would wait behind all that they have of their own. So they hold
/// back what need not be under way yet: a chunk takes the fill, and in practice about twice its share of the rest.
std::uint32_t window_of(const TreeLayout& layout, const Phases& p) {
  if (layout.trees.size() == 1) return 0;
  const double chunks = static_cast<double>(layout.choice.chunks);
  return 1 + static_cast<std::uint32_t>(std::min(chunks, std::ceil(p.fill / (2 * p.rest / chunks))));
}

/// What each edge carries: the whole vector where it is summed or spread; the parts of those below where a member
/// gives or gets only its part. Of all that, a tree's share is the index-th of `count`.
TreeTraffic traffic_of(SpanningTree tree, const TreeLayout& layout, const CollectiveRequest& request,
                       std::int64_t count, std::int64_t index) {
  const std::size_t n = request.members.size();
  const bool gather = request.kind == OpKind::kAllGather, scatter = request.kind == OpKind::kReduceScatter;
  const Bytes share = piece_size(request.bytes, count, index);
  const Bytes whole = request.kind == OpKind::kBarrier ? 0 : gather ? share * static_cast<Bytes>(n) : share;
  std::vector<Bytes> below(n);
  for (std::size_t i = 0; i < n; ++i)
    below[i] = piece_size(whole, static_cast<std::int64_t>(n), static_cast<std::int64_t>(i));
  for (auto it = tree.order.rbegin(); it != tree.order.rend(); ++it) {
    if (tree.parent[*it] != kNone) below[tree.parent[*it]] += below[*it];
  }
  TreeTraffic traffic{std::move(tree), std::vector<Bytes>(n, 0), std::vector<Bytes>(n, 0)};
  for (std::size_t i = 0; i < n; ++i) {
    if (traffic.tree.parent[i] == kNone) continue;
    if (layout.up) traffic.up_bytes[i] = gather ? below[i] : whole;
    if (layout.down) traffic.down_bytes[i] = scatter ? below[i] : gather ? whole - below[i] : whole;
  }
  return traffic;
}

/// The least and the most bytes that any edge carries, and whether all edges are straight.
Traffic summary(const TreeLayout& l, const CollectiveRequest& request, const topology::Topology& topology) {
  Traffic all;
  all.edges = static_cast<std::int64_t>((request.members.size() - 1) * l.trees.size() * (l.up && l.down ? 2 : 1));
  all.straight = true;
  all.least_bytes = kNever;
  for (const auto& [tree, up_bytes, down_bytes] : l.trees) {
    for (std::uint32_t i = 0; i < request.members.size(); ++i) {
      const std::uint32_t parent = tree.parent[i];
      if (parent == kNone) continue;
      all.straight = all.straight && !tree.over_zplane(i) &&
                     works_straight(*request.members[i], *request.members[parent], topology);
      const auto [less, more] = std::minmax(l.up ? up_bytes[i] : down_bytes[i], l.down ? down_bytes[i] : up_bytes[i]);
      all.least_bytes = std::min(all.least_bytes, less);
      all.most_bytes = std::max(all.most_bytes, more);
    }
  }
  return all;
}

}  // namespace

bool tree_supports(const CollectiveRequest& request) {
  return request.kind != OpKind::kAllToAll;
}

bool has_root(const CollectiveRequest& request) {
  return traits(request.kind).has(OpTraits::kHasRoot);
}

TreeLayout tree_layout(const CollectiveRequest& request, std::vector<SpanningTree> trees,
                       const topology::Topology& topology) {
  TreeLayout l;
  l.up = request.kind != OpKind::kBroadcast;
  l.down = request.kind != OpKind::kReduce;
  l.adds =
      request.kind == OpKind::kAllReduce || request.kind == OpKind::kReduce || request.kind == OpKind::kReduceScatter;
  const auto count = static_cast<std::int64_t>(trees.size());
  for (std::int64_t t = 0; t < count; ++t)
    l.trees.push_back(traffic_of(std::move(trees[static_cast<std::size_t>(t)]), l, request, count, t));
  const Traffic all = summary(l, request, topology);
  l.tracks = choose_tracks(request, all, topology);
  const Rates rates(topology);
  const Costs c = costs(l, request, rates, topology);
  l.choice = choose_chunks(all.most_bytes, l.tracks, all.edges, [&](std::int64_t chunks) {
    const Phases p = phases(l, c, rates, chunks);
    return p.fill + p.rest;
  });
  l.window = window_of(l, phases(l, c, rates, l.choice.chunks));
  return l;
}

namespace {

/// Every member but the leaves adds what its children send; `up` of the root is the turning point.
void add_tree(const TreeLayout& l, const TreeTraffic& traffic, PlanBuilder& builder) {
  const auto& [tree, up_bytes, down_bytes] = traffic;
  const std::uint32_t n = static_cast<std::uint32_t>(tree.parent.size());
  const auto message = [](Bytes bytes) { return std::max(bytes, kSignalBytes); };
  std::vector<std::uint32_t> up(n, kNone), down(n, kNone);
  for (std::uint32_t i = 0; i < n; ++i) {
    const bool root = i == tree.root;
    if (l.up) {
      Bytes added = 0;
      for (const std::uint32_t child : tree.children[i]) added += l.adds ? up_bytes[child] : 0;
      up[i] = builder.item(i, {true, root || !l.down, added});
    }
    if (l.up && root) {
      down[i] = up[i];
    } else if (l.down) {
      // Without a reduction before it a member has to have entered before it can receive.
      down[i] = builder.item(i, {!l.up, true, 0});
    }
  }
  const auto send = [&, &island = tree.island](const std::vector<std::uint32_t>& items, std::uint32_t from,
                                               std::uint32_t to, bool zplane, Bytes bytes) {
    std::uint32_t before = items[from];
    for (const std::uint32_t end : {from, to}) {
      if (!zplane) break;
      const std::uint32_t at_dip = builder.item(n + island[end], {false, false, 0});
      builder.edge(before, at_dip, message(bytes));
      before = at_dip;
    }
    builder.edge(before, items[to], message(bytes));
  };
  for (std::uint32_t i = 0; i < n; ++i) {
    if (l.up && i != tree.root) send(up, i, tree.parent[i], tree.over_zplane(i), up_bytes[i]);
    if (!l.down) continue;
    for (const std::uint32_t child : tree.children[i]) send(down, i, child, tree.over_zplane(child), down_bytes[child]);
  }
}

/// A few chunks, of which all, a half, a third or a quarter are under way at once. More chunks were never faster by
/// more than 2 %, and take longer to walk.
std::vector<Cutting> cuttings_of(const ChunkChoice& choice) {
  constexpr std::uint32_t kMostChunks = 16;
  std::vector<Cutting> cuttings;
  for (const std::int64_t count : choice.counts) {
    const auto chunks = static_cast<std::uint32_t>(count);
    if (chunks > kMostChunks && count != choice.counts.back()) continue;
    std::uint32_t last = chunks;
    for (const std::uint32_t window : {ceil_div(chunks, 2u), ceil_div(chunks, 3u), chunks / 4}) {
      if (window > 1 && window < last) cuttings.push_back({chunks, window});
      last = window;
    }
    cuttings.push_back({chunks, 0});
  }
  return cuttings;
}

}  // namespace

BuiltPlan tree_plan(Algorithm algorithm, const TreeLayout& l, const topology::Topology& topology) {
  const SpanningTree& first = l.trees.front().tree;
  PlanBuilder builder(static_cast<std::uint32_t>(first.parent.size()) + first.islands);
  for (const TreeTraffic& traffic : l.trees) add_tree(l, traffic, builder);
  DataflowPlan plan = collective_plan(builder, algorithm, l.tracks, l.choice, topology);
  plan.over_zplane = algorithm == Algorithm::kZplane;
  plan.window = l.window;
  return {std::move(plan), l.trees.size() > 1 ? cuttings_of(l.choice) : std::vector<Cutting>{}};
}

}  // namespace dojo::workload::collectives

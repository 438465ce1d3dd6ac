// SPDX-License-Identifier: Apache-2.0
// Spanning trees over a grid of slices: lines on full grids, nearest neighbours elsewhere.
#include "collectives/spanning_tree.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>
#include <utility>

#include "collectives/common.h"
#include "dojo/base/error.h"

namespace dojo::workload::collectives {
namespace {

/// Beyond this many members the quadratic search for nearest neighbours gives way to lines.
constexpr std::size_t kMaxNearestNeighbour = 4096;

/// In sites.
std::int32_t distance(const Slice& from, const Slice& to) {
  return std::abs(from.first_site_row - to.first_site_row) + std::abs(from.first_site_column - to.first_site_column);
}

/// Members of each line in order of `along` are chained towards the one nearest to `centre`; returns that one.
std::uint32_t chain_line(std::vector<std::uint32_t> line, const std::vector<std::int64_t>& along, std::int64_t centre,
                         std::vector<std::uint32_t>& parent) {
  std::sort(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return along[a] < along[b]; });
  std::size_t head = 0;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (std::abs(along[line[i]] - centre) < std::abs(along[line[head]] - centre)) head = i;
  }
  for (std::size_t i = 0; i < head; ++i) parent[line[i]] = line[i + 1];
  for (std::size_t i = head + 1; i < line.size(); ++i) parent[line[i]] = line[i - 1];
  return line[head];
}

/// The longer side first: its hops then add one message each, and only the short trunk adds three.
std::vector<std::uint32_t> line_parents(const std::vector<const Slice*>& members, std::uint32_t root,
                                        bool columns_first) {
  const std::size_t n = members.size();
  std::vector<std::int64_t> along(n), across(n);
  for (std::size_t i = 0; i < n; ++i) {
    along[i] = columns_first ? members[i]->first_site_row : members[i]->first_site_column;
    across[i] = columns_first ? members[i]->first_site_column : members[i]->first_site_row;
  }
  std::map<std::int64_t, std::vector<std::uint32_t>> lines;
  for (std::uint32_t i = 0; i < n; ++i) lines[across[i]].push_back(i);
  std::vector<std::uint32_t> parent(n, kNone), heads;
  for (const auto& [position, line] : lines) heads.push_back(chain_line(line, along, along[root], parent));
  // The root heads its own line: no other member of that line has its coordinate.
  chain_line(heads, across, across[root], parent);
  return parent;
}

/// Prim's algorithm from the root.
std::vector<std::uint32_t> nearest_parents(const std::vector<const Slice*>& members, std::uint32_t root) {
  const std::size_t n = members.size();
  std::vector<std::uint32_t> parent(n, kNone), depth(n, 0), degree(n, 0);
  std::vector<std::uint8_t> in_tree(n, 0);
  const auto key = [&](std::uint32_t candidate, std::size_t member) {
    return std::make_tuple(distance(*members[candidate], *members[member]), depth[candidate], degree[candidate],
                           candidate);
  };
  std::uint32_t added = root;
  in_tree[root] = 1;
  for (std::size_t round = 1; round < n; ++round) {
    std::uint32_t next = kNone;
    for (std::uint32_t i = 0; i < n; ++i) {
      if (in_tree[i] != 0) continue;
      if (parent[i] == kNone || key(added, i) < key(parent[i], i)) parent[i] = added;
      if (next == kNone ||
          std::make_tuple(distance(*members[parent[i]], *members[i]), depth[parent[i]] + 1, i) <
              std::make_tuple(distance(*members[parent[next]], *members[next]), depth[parent[next]] + 1, next)) {
        next = i;
      }
    }
    in_tree[next] = 1;
    depth[next] = depth[parent[next]] + 1;
    ++degree[parent[next]];
    added = next;
  }
  return parent;
}

void finish_tree(SpanningTree& tree) {
  const std::size_t n = tree.parent.size();
  tree.children.assign(n, {});
  for (std::uint32_t i = 0; i < n; ++i) {
    if (tree.parent[i] != kNone) tree.children[tree.parent[i]].push_back(i);
  }
  tree.order.assign(1, tree.root);
  for (std::size_t i = 0; i < tree.order.size(); ++i) {
    const auto& children = tree.children[tree.order[i]];
    tree.order.insert(tree.order.end(), children.begin(), children.end());
  }
  std::vector<std::uint32_t> height(n, 0);
  for (auto it = tree.order.rbegin(); it != tree.order.rend(); ++it) {
    for (const std::uint32_t child : tree.children[*it]) height[*it] = std::max(height[*it], height[child] + 1);
  }
  for (auto& children : tree.children) {
    std::stable_sort(children.begin(), children.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return height[a] > height[b]; });
  }
}

}  // namespace

std::uint32_t central_member(const std::vector<const Slice*>& members) {
  const MemberGrid grid = member_grid(members);
  if (grid.full) return grid.member[grid.rows / 2 * grid.columns + grid.columns / 2];
  std::int64_t low_row = members[0]->first_site_row, high_row = low_row;
  std::int64_t low_column = members[0]->first_site_column, high_column = low_column;
  for (const Slice* m : members) {
    low_row = std::min<std::int64_t>(low_row, m->first_site_row);
    high_row = std::max<std::int64_t>(high_row, m->first_site_row);
    low_column = std::min<std::int64_t>(low_column, m->first_site_column);
    high_column = std::max<std::int64_t>(high_column, m->first_site_column);
  }
  const auto off_centre = [&](const Slice* m) {
    return std::abs(2 * m->first_site_row - low_row - high_row) +
           std::abs(2 * m->first_site_column - low_column - high_column);
  };
  std::uint32_t best = 0;
  for (std::uint32_t i = 1; i < members.size(); ++i) {
    if (off_centre(members[i]) < off_centre(members[best])) best = i;
  }
  return best;
}

namespace {

/// 1: the member or one above it is `top`.
std::vector<std::uint8_t> subtree(const std::vector<std::uint32_t>& parent, std::uint32_t top) {
  std::vector<std::uint8_t> below(parent.size(), 2);  // 2: not known yet
  below[top] = 1;
  std::vector<std::uint32_t> way;
  for (std::uint32_t i = 0; i < parent.size(); ++i) {
    std::uint32_t at = i;
    for (; at != kNone && below[at] == 2; at = parent[at]) way.push_back(at);
    const std::uint8_t known = at == kNone ? 0 : below[at];
    for (const std::uint32_t member : way) below[member] = known;
    way.clear();
  }
  return below;
}

/// Repairs edges that cross dead parts. Where the way from a subtree of dies to its parent is damaged, another die of
/// the subtree joins the nearest die outside the subtree that lies in its row or column and to which everything works.
/// Of dies that are equally near, it joins the one beside the old parent.
void avoid_dead_parts(const std::vector<const Slice*>& members, const topology::Topology& topology,
                      std::vector<std::uint32_t>& parent) {
  if (topology.routes() == nullptr || !are_equal_dies(members, topology)) return;
  std::map<std::int32_t, std::vector<std::uint32_t>> rows, columns;
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    rows[members[i]->first_site_row].push_back(i);
    columns[members[i]->first_site_column].push_back(i);
  }
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    if (parent[i] == kNone || works_straight(*members[i], *members[parent[i]], topology)) continue;
    const Slice& hung_at = *members[parent[i]];
    const std::vector<std::uint8_t> below = subtree(parent, i);
    std::pair<std::int32_t, std::int32_t> nearest;  // the two joined, the outer one and the old parent
    std::uint32_t inner = kNone, outer = kNone;
    for (std::uint32_t a = 0; a < members.size(); ++a) {
      if (below[a] == 0) continue;
      for (const auto* line : {&rows[members[a]->first_site_row], &columns[members[a]->first_site_column]}) {
        for (const std::uint32_t b : *line) {
          if (below[b] != 0) continue;
          const std::pair near{distance(*members[a], *members[b]), distance(*members[b], hung_at)};
          if ((inner != kNone && near >= nearest) || !works_straight(*members[a], *members[b], topology)) continue;
          nearest = near;
          inner = a;
          outer = b;
        }
      }
    }
    while (inner != kNone) {  // turns the way from there up to `i` round
      const std::uint32_t next = inner == i ? kNone : parent[inner];
      parent[inner] = outer;
      outer = inner;
      inner = next;
    }
  }
}

}  // namespace

SpanningTree spanning_tree(const std::vector<const Slice*>& members, std::uint32_t root,
                           const topology::Topology& topology) {
  SpanningTree tree;
  tree.root = root;
  const MemberGrid grid = member_grid(members);
  if (grid.full || members.size() > kMaxNearestNeighbour) {
    tree.parent = line_parents(members, root, grid.rows >= grid.columns);
  } else {
    tree.parent = nearest_parents(members, root);
  }
  avoid_dead_parts(members, topology, tree.parent);
  finish_tree(tree);
  return tree;
}

SpanningTree tree_of_edges(std::uint32_t members, std::uint32_t root,
                           const std::vector<std::pair<std::uint32_t, std::uint32_t>>& edges) {
  std::vector<std::vector<std::uint32_t>> joined(members);
  for (const auto& [a, b] : edges) {
    joined[a].push_back(b);
    joined[b].push_back(a);
  }
  SpanningTree tree;
  tree.root = root;
  tree.parent.assign(members, kNone);
  std::vector<std::uint32_t> reached{root};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (const std::uint32_t next : joined[reached[i]]) {
      if (next == tree.parent[reached[i]]) continue;
      tree.parent[next] = reached[i];
      reached.push_back(next);
      DOJO_CHECK(reached.size() <= members, "{} edges between {} members are no tree", edges.size(), members);
    }
  }
  DOJO_CHECK(reached.size() == members, "{} edges reach {} of {} members", edges.size(), reached.size(), members);
  finish_tree(tree);
  return tree;
}

namespace {

/// The member of an island next to its DIP.
std::uint32_t head_of_island(const std::vector<const Slice*>& members, const std::vector<std::uint32_t>& island,
                             std::uint32_t dip, const topology::Topology& topology) {
  const topology::DieCoordinates end = topology.coordinates(topology.dip_die(dip));
  const auto distance = [&](std::uint32_t member) {
    const topology::DieCoordinates at = topology.coordinates(first_die(*members[member], topology));
    return std::abs(at.row - end.row) + std::abs(at.column - end.column);
  };
  return *std::min_element(island.begin(), island.end(),
                           [&](std::uint32_t a, std::uint32_t b) { return distance(a) < distance(b); });
}

}  // namespace

SpanningTree island_tree(const std::vector<const Slice*>& members, std::uint32_t root, std::uint32_t fan_in,
                         const topology::Topology& topology) {
  SpanningTree tree;
  const std::vector<std::uint32_t> dips = dips_of(members, topology, &tree.island);
  tree.islands = static_cast<std::uint32_t>(dips.size());
  std::vector<std::vector<std::uint32_t>> island(dips.size());
  for (std::uint32_t i = 0; i < members.size(); ++i) island[tree.island[i]].push_back(i);
  const std::uint32_t first = root == kNone ? 0 : tree.island[root];
  std::vector<std::uint32_t> head(dips.size()), rank(dips.size());  // rank: breadth first, the root's island before all
  tree.parent.assign(members.size(), kNone);
  for (std::uint32_t k = 0; k < dips.size(); ++k) {
    rank[k] = k == first ? 0 : k + (k < first ? 1 : 0);
    head[k] = root != kNone && k == first ? root : head_of_island(members, island[k], dips[k], topology);
    std::vector<const Slice*> slices;
    for (const std::uint32_t member : island[k]) slices.push_back(members[member]);
    const auto at =
        static_cast<std::uint32_t>(std::find(island[k].begin(), island[k].end(), head[k]) - island[k].begin());
    const SpanningTree within = spanning_tree(slices, at, topology);
    for (std::size_t i = 0; i < island[k].size(); ++i) {
      if (within.parent[i] != kNone) tree.parent[island[k][i]] = island[k][within.parent[i]];
    }
  }
  std::vector<std::uint32_t> of_rank(dips.size());
  for (std::uint32_t k = 0; k < dips.size(); ++k) of_rank[rank[k]] = k;
  for (std::uint32_t r = 1; r < dips.size(); ++r) tree.parent[head[of_rank[r]]] = head[of_rank[(r - 1) / fan_in]];
  tree.root = head[first];
  finish_tree(tree);
  return tree;
}

}  // namespace dojo::workload::collectives

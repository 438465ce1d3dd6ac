// SPDX-License-Identifier: Apache-2.0
// Which nodes of a slice speak for the rank in a collective.
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>

#include "collectives/common.h"
#include "dojo/base/error.h"
#include "dojo/topology/routes.h"
#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace collectives {
namespace {

/// `count` nodes along wrapped diagonals, so that rows and columns are used evenly.
std::vector<std::uint32_t> diagonal_nodes(const SliceShape& shape, std::int64_t count) {
  std::vector<std::uint8_t> taken(shape.node_count(), 0);
  std::vector<std::uint32_t> chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = i * shape.rows / count, column = i % shape.columns;
    std::int64_t best_distance = -1;
    std::uint32_t best = 0;
    for (std::uint32_t n = 0; n < shape.node_count(); ++n) {
      if (taken[n] != 0) continue;
      const std::int64_t distance = std::abs(shape.nodes[n].row - row) + std::abs(shape.nodes[n].column - column);
      if (best_distance < 0 || distance < best_distance) {
        best_distance = distance;
        best = n;
      }
      if (distance == 0) break;
    }
    taken[best] = 1;
    chosen.push_back(best);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

bool are_equal_dies(const std::vector<const Slice*>& members, const topology::Topology& topology) {
  const Slice& first = *members.front();
  return first.dies.size() == 1 && first.shape->rows == topology.site_rows() &&
         first.shape->columns == topology.site_columns() &&
         std::all_of(members.begin(), members.end(),
                     [&](const Slice* member) { return member->shape_index == first.shape_index; });
}

bool all_work_between(const std::vector<const Slice*>& members, const topology::Topology& topology) {
  if (topology.routes() == nullptr) return true;
  topology::Site low{members.front()->first_site_row, members.front()->first_site_column}, high = low;
  for (const Slice* member : members) {
    low.row = std::min(low.row, member->first_site_row);
    low.column = std::min(low.column, member->first_site_column);
    high.row = std::max(high.row, member->first_site_row + member->shape->rows - 1);
    high.column = std::max(high.column, member->first_site_column + member->shape->columns - 1);
  }
  return topology.routes()->all_work(low, high);
}

bool is_straight(const Slice& from, const Slice& to) {
  return from.first_site_row == to.first_site_row || from.first_site_column == to.first_site_column;
}

}  // namespace collectives

bool can_stripe(const Slice& from, const Slice& to, Bytes bytes, const topology::Topology& topology) {
  return from.dies != to.dies && collectives::is_straight(from, to) &&
         collectives::are_equal_dies({&from, &to}, topology) && collectives::all_work_between({&from, &to}, topology) &&
         bytes >= static_cast<Bytes>(from.shape->node_count()) * collectives::kMinPieceBytes;
}

namespace collectives {
namespace {

void count_lines(Tracks& tracks, const SliceShape& shape) {
  std::set<std::uint16_t> rows, columns;
  for (const std::uint32_t n : tracks.nodes) {
    rows.insert(shape.nodes[n].row);
    columns.insert(shape.nodes[n].column);
  }
  tracks.distinct_rows = static_cast<std::int64_t>(rows.size());
  tracks.distinct_columns = static_cast<std::int64_t>(columns.size());
}

}  // namespace

Tracks choose_tracks(const CollectiveRequest& request, const Traffic& traffic, const topology::Topology& topology) {
  // Defects can make shapes differ: node indices of the smallest one are valid in all.
  const SliceShape* shape = request.members.front()->shape.get();
  for (const Slice* member : request.members) {
    if (member->shape->node_count() < shape->node_count()) shape = member->shape.get();
  }
  const std::int64_t per_line = 2 * static_cast<std::int64_t>(std::max(shape->rows, shape->columns));
  const std::int64_t most =
      std::min({per_line, static_cast<std::int64_t>(shape->node_count()),
                std::max<std::int64_t>(kMaxMessages / std::max<std::int64_t>(traffic.edges, 1), 1)});
  Tracks tracks;
  tracks.striped = traffic.straight &&
                   traffic.most_bytes >= static_cast<Bytes>(shape->node_count()) * traffic.least_piece &&
                   are_equal_dies(request.members, topology);
  if (tracks.striped) {
    tracks.nodes.resize(shape->node_count());
    std::iota(tracks.nodes.begin(), tracks.nodes.end(), 0u);
  } else if (std::max<Bytes>(traffic.least_bytes / kSmallestPieceBytes, 1) <= most) {
    tracks.nodes = residency(*shape, traffic.least_bytes);
  } else {
    tracks.nodes = diagonal_nodes(*shape, most);
  }
  count_lines(tracks, *shape);
  return tracks;
}

Tracks tracks_on(const SliceShape& shape, std::vector<std::uint32_t> nodes) {
  Tracks tracks;
  tracks.nodes = std::move(nodes);
  count_lines(tracks, shape);
  return tracks;
}

}  // namespace collectives
}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Lower bounds of an all-reduce: injection and bisection.
#include <algorithm>
#include <vector>

#include "collectives/common.h"
#include "dojo/collectives/bounds.h"

namespace dojo::workload {
namespace {

using topology::Direction;

/// Bytes per second that can leave a slice.
double exit_rate(const Slice& slice, const topology::Topology& topology) {
  const SliceShape& shape = *slice.shape;
  const double ports =
      static_cast<double>(shape.node_count()) * collectives::Rates(topology).inject * topology.params().clock_hz;
  const bool whole_dies = shape.rows == shape.die_rows * topology.site_rows() &&
                          shape.columns == shape.die_columns * topology.site_columns();
  if (!whole_dies) return ports;
  double edges = 0;
  const std::int32_t row = slice.first_site_row / topology.site_rows();
  const std::int32_t column = slice.first_site_column / topology.site_columns();
  const auto add = [&](std::int32_t r, std::int32_t c, Direction direction) {
    const topology::Edge edge = topology.edge(topology.die_at(r, c), direction);
    if (edge.neighbour != kNone && edge.neighbour < topology.die_count()) edges += edge.bytes_per_s;
  };
  for (std::int32_t r = row; r < row + shape.die_rows; ++r) {
    add(r, column, Direction::kWest);
    add(r, column + shape.die_columns - 1, Direction::kEast);
  }
  for (std::int32_t c = column; c < column + shape.die_columns; ++c) {
    add(row, c, Direction::kNorth);
    add(row + shape.die_rows - 1, c, Direction::kSouth);
  }
  return std::min(ports, edges);
}

/// Cuts behind which members begin, with none across, as indices of the die line before the cut.
std::vector<std::int32_t> separating_cuts(const CollectiveRequest& request, std::int32_t lines,
                                          std::int32_t sites_per_line, bool by_rows) {
  std::vector<std::int32_t> first, last;  // die lines of each member
  for (const Slice* m : request.members) {
    const std::int32_t begin = by_rows ? m->first_site_row : m->first_site_column;
    const std::int32_t size = by_rows ? m->shape->rows : m->shape->columns;
    first.push_back(begin / sites_per_line);
    last.push_back((begin + size - 1) / sites_per_line);
  }
  std::vector<std::int32_t> cuts;
  for (std::int32_t cut = 0; cut + 1 < lines; ++cut) {
    std::size_t before = 0, behind = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      before += last[i] <= cut ? 1u : 0u;
      behind += first[i] > cut ? 1u : 0u;
    }
    if (before > 0 && behind > 0 && before + behind == first.size()) cuts.push_back(cut);
  }
  return cuts;
}

}  // namespace

double all_reduce_injection_bound_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  const double n = static_cast<double>(request.members.size());
  double rate = 0;
  for (const Slice* m : request.members) rate += exit_rate(*m, topology);
  return rate > 0 ? 2 * (n - 1) * static_cast<double>(request.bytes) / rate : 0;
}

double all_reduce_bisection_bound_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  double bound = 0;
  const auto visit = [&](bool by_rows) {
    const std::int32_t lines = by_rows ? topology.die_rows() : topology.die_columns();
    const std::int32_t across = by_rows ? topology.die_columns() : topology.die_rows();
    const std::int32_t sites = by_rows ? topology.site_rows() : topology.site_columns();
    for (const std::int32_t cut : separating_cuts(request, lines, sites, by_rows)) {
      double rate = 0;
      for (std::int32_t i = 0; i < across; ++i) {
        const DieId die = by_rows ? topology.die_at(cut, i) : topology.die_at(i, cut);
        rate += topology.edge(die, by_rows ? Direction::kSouth : Direction::kEast).bytes_per_s;
      }
      if (rate > 0) bound = std::max(bound, static_cast<double>(request.bytes) / rate);
    }
  };
  visit(true);
  visit(false);
  return bound;
}

}  // namespace dojo::workload

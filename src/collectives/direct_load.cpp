// SPDX-License-Identifier: Apache-2.0
// Load of the busiest edge when members send straight to each other under dimension-order routing.
#include "collectives/direct_load.h"

#include <algorithm>
#include <vector>

namespace dojo::workload::collectives {
namespace {

/// One direction of the grid: rows (lines of columns) or columns (lines of rows).
struct Axis {
  const std::vector<std::uint32_t>& line_of;     ///< by member
  const std::vector<std::uint32_t>& coordinate;  ///< by member, along its line
  std::uint32_t lines, length;
  bool rows;
};
struct Sides {  ///< members on the two sides of a cut across lines
  double before = 0, behind = 0;
};

/// counts[k]: members whose coordinate is below k.
std::vector<double> counts_below(const Axis& axis) {
  std::vector<double> below(axis.length + 1, 0);
  for (const std::uint32_t c : axis.coordinate) below[c + 1] += 1;
  for (std::uint32_t k = 0; k < axis.length; ++k) below[k + 1] += below[k];
  return below;
}

/// Members of each line in the order of their coordinates.
std::vector<std::vector<std::uint32_t>> members_by_line(const Axis& axis) {
  std::vector<std::vector<std::uint32_t>> lines(axis.lines);
  for (std::uint32_t i = 0; i < axis.line_of.size(); ++i) lines[axis.line_of[i]].push_back(i);
  for (auto& line : lines) {
    std::sort(line.begin(), line.end(),
              [&](std::uint32_t a, std::uint32_t b) { return axis.coordinate[a] < axis.coordinate[b]; });
  }
  return lines;
}

/// The root alone as sender: on its side of the cut, and on a row only if it is the root's.
Sides root_side(const Axis& axis, std::uint32_t root, std::uint32_t line, std::uint32_t cut) {
  if (axis.rows && axis.line_of[root] != line) return {};
  const bool before = axis.coordinate[root] < cut;
  return {before ? 1.0 : 0.0, before ? 0.0 : 1.0};
}

}  // namespace

double direct_edge_cycles(const CollectiveRequest& request, bool from_root, Bytes bytes, const Tracks& tracks,
                          const topology::Topology& topology) {
  const Rates rates(topology);
  const MemberGrid grid = member_grid(request.members);
  double worst = 0;
  for (const Axis& axis : {Axis{grid.row_of, grid.column_of, grid.rows, grid.columns, true},
                           Axis{grid.column_of, grid.row_of, grid.columns, grid.rows, false}}) {
    const std::vector<double> below = counts_below(axis);
    const auto lines = members_by_line(axis);
    for (std::uint32_t index = 0; index < axis.lines; ++index) {
      const auto& line = lines[index];
      for (std::size_t k = 0; k + 1 < line.size(); ++k) {
        const std::uint32_t cut = axis.coordinate[line[k]] + 1;
        const Sides here{static_cast<double>(k + 1), static_cast<double>(line.size() - k - 1)};
        const Sides all{below[cut], below.back() - below[cut]};
        // A row carries what its own members send to receivers in any row; a column what members of any column send to
        // its own.
        const Sides receivers = axis.rows ? all : here;
        const Sides senders = from_root ? root_side(axis, request.root, index, cut) : axis.rows ? here : all;
        const Slice &a = *request.members[line[k]], &b = *request.members[line[k + 1]];
        const double forth = senders.before * receivers.behind * static_cast<double>(bytes);
        const double back = senders.behind * receivers.before * static_cast<double>(bytes);
        worst = std::max({worst, forth / rates.path(path_between(a, b, topology), tracks),
                          back / rates.path(path_between(b, a, topology), tracks)});
      }
    }
  }
  return worst;
}

}  // namespace dojo::workload::collectives

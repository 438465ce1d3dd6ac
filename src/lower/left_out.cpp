// SPDX-License-Identifier: Apache-2.0
// Which nodes a rank on a die with dead routers or links does without.
#include <algorithm>

#include "dojo/topology/routes.h"
#include "lower/slices.h"

namespace dojo::workload {
namespace {

/// A rank that would lose more than this share of its nodes keeps them all: 1 of 5; measured on products of a die.
constexpr std::size_t kMostOf = 5;

/// The rectangle of a slice on its die.
struct Rectangle {
  std::int32_t row, column, rows, columns;  ///< of the machine
  std::int32_t die_row, die_column, die_columns;
  [[nodiscard]] std::size_t site(std::int32_t r, std::int32_t c) const {
    return static_cast<std::size_t>((r - die_row) * die_columns + c - die_column);
  }
};

/// Keeps of the used sites of a line the longest stretch in which each site has a working way along the line to the
/// next one; of equal ones the first.
template <class WorksBetween>
void keep_longest(const std::vector<std::size_t>& line, WorksBetween&& works_between, std::vector<std::uint8_t>& used) {
  std::vector<std::size_t> at;  // places in the line
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (used[line[i]] != 0) at.push_back(i);
  }
  std::size_t best = 0, best_end = 0, begin = 0;
  for (std::size_t i = 1; i <= at.size(); ++i) {
    if (i < at.size() && works_between(at[i - 1], at[i])) continue;
    if (i - begin > best_end - best) best = begin, best_end = i;
    begin = i;
  }
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (i < best || i >= best_end) used[line[at[i]]] = 0;
  }
}

void keep_longest_lines(const Rectangle& on, const topology::Routes& routes, std::vector<std::uint8_t>& used) {
  std::vector<std::size_t> line;
  for (std::int32_t r = on.row; r < on.row + on.rows; ++r) {
    line.clear();
    for (std::int32_t c = on.column; c < on.column + on.columns; ++c) line.push_back(on.site(r, c));
    keep_longest(
        line,
        [&](std::size_t a, std::size_t b) {
          return routes.row_works(r, on.column + static_cast<std::int32_t>(a),
                                  on.column + static_cast<std::int32_t>(b));
        },
        used);
  }
  for (std::int32_t c = on.column; c < on.column + on.columns; ++c) {
    line.clear();
    for (std::int32_t r = on.row; r < on.row + on.rows; ++r) line.push_back(on.site(r, c));
    keep_longest(
        line,
        [&](std::size_t a, std::size_t b) {
          return routes.column_works(c, on.row + static_cast<std::int32_t>(a), on.row + static_cast<std::int32_t>(b));
        },
        used);
  }
}

}  // namespace

std::vector<std::int64_t> sites_left_out(const Slice& slice, std::int64_t rows, std::int64_t columns,
                                         const topology::Topology& topology) {
  const topology::Routes* const routes = topology.routes();
  if (routes == nullptr || slice.dies.size() != 1) return {};
  const topology::DieCoordinates place = topology.coordinates(slice.dies.front());
  const Rectangle on{slice.first_site_row,
                     slice.first_site_column,
                     static_cast<std::int32_t>(rows),
                     static_cast<std::int32_t>(columns),
                     place.row * topology.site_rows(),
                     place.column * topology.site_columns(),
                     topology.site_columns()};
  std::vector<std::uint8_t> enabled(static_cast<std::size_t>(topology.sites()), 0);
  for (std::int32_t r = on.row; r < on.row + on.rows; ++r) {
    for (std::int32_t c = on.column; c < on.column + on.columns; ++c)
      enabled[on.site(r, c)] = topology.site_map(slice.dies.front()).enabled[on.site(r, c)];
  }
  std::vector<std::uint8_t> used = enabled;
  keep_longest_lines(on, *routes, used);
  std::vector<std::int64_t> left_out;
  for (std::size_t site = 0; site < used.size(); ++site) {
    if (enabled[site] != 0 && used[site] == 0) left_out.push_back(static_cast<std::int64_t>(site));
  }
  const auto nodes = static_cast<std::size_t>(std::count(enabled.begin(), enabled.end(), 1));
  if (left_out.size() * kMostOf > nodes) left_out.clear();
  return left_out;
}

}  // namespace dojo::workload

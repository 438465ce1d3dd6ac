// SPDX-License-Identifier: Apache-2.0
// Searching for ways over live routers and links.
#include "dojo/topology/routes.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "topology/dead_parts.h"

namespace dojo::topology {
namespace {

std::int32_t distance(const Site& a, const Site& b) {
  return std::abs(a.row - b.row) + std::abs(a.column - b.column);
}

}  // namespace

/// Where legs may end: the crossings of some rows and columns.
struct Routes::Candidates {
  std::vector<std::int32_t> rows, columns;
};

Routes::Routes(const Topology& topology, const DeadParts& parts)
    : rows_(static_cast<std::size_t>(topology.die_rows()) * static_cast<std::size_t>(topology.site_rows())),
      columns_(static_cast<std::size_t>(topology.die_columns()) * static_cast<std::size_t>(topology.site_columns())),
      die_rows_(topology.site_rows()),
      die_columns_(topology.site_columns()) {
  dead_.assign(rows_ * columns_, 0);
  dead_before_in_row_.assign(rows_ * columns_, 0);
  dead_before_in_column_.assign(rows_ * columns_, 0);
  for (int d = 0; d < kDirections; ++d) {
    const auto side = static_cast<Direction>(d);
    dead_dip_lanes_[static_cast<std::size_t>(d)].assign(
        side == Direction::kEast || side == Direction::kWest ? rows_ : columns_, 0);
  }
  for (std::int32_t row = 0; row < this->rows(); ++row) {
    for (std::int32_t column = 0; column < this->columns(); ++column) {
      const DieId die = topology.die_at(row / die_rows_, column / die_columns_);
      const auto site = static_cast<SiteIndex>(row % die_rows_ * die_columns_ + column % die_columns_);
      const Site here{row, column};
      dead_[index(here)] = parts.router(die, site) ? 1 : 0;
      if (column + 1 < this->columns()) {
        dead_before_in_row_[index(here) + 1] =
            dead_before_in_row_[index(here)] + (parts.link(die, site, Direction::kEast) ? 1 : 0);
      }
      if (row + 1 < this->rows()) {
        const std::size_t at = static_cast<std::size_t>(column) * rows_ + static_cast<std::size_t>(row);
        dead_before_in_column_[at + 1] =
            dead_before_in_column_[at] + (parts.link(die, site, Direction::kSouth) ? 1 : 0);
      }
      const auto border = [&](bool at_border, Direction d, std::int32_t lane) {
        if (at_border && parts.link(die, site, d))
          dead_dip_lanes_[static_cast<std::size_t>(d)][static_cast<std::size_t>(lane)] = 1;
      };
      border(column == 0, Direction::kWest, row);
      border(column + 1 == this->columns(), Direction::kEast, row);
      border(row == 0, Direction::kNorth, column);
      border(row + 1 == this->rows(), Direction::kSouth, column);
    }
  }
}

bool Routes::all_work(const Site& low, const Site& high) const {
  if (!router_works(low)) return false;
  for (std::int32_t row = low.row; row <= high.row; ++row) {
    if (!row_works(row, low.column, high.column)) return false;
  }
  for (std::int32_t column = low.column; column <= high.column; ++column) {
    if (!column_works(column, low.row, high.row)) return false;
  }
  return true;
}

bool Routes::edge_works(DieId die, Direction d) const {
  const auto [row, column] = corner(die);
  if (d == Direction::kEast || d == Direction::kWest) {
    const std::int32_t west = d == Direction::kEast ? column + die_columns_ - 1 : column - 1;
    for (std::int32_t r = row; r < row + die_rows_; ++r) {
      if (row_works(r, west, west + 1)) return true;
    }
    return false;
  }
  const std::int32_t north = d == Direction::kSouth ? row + die_rows_ - 1 : row - 1;
  for (std::int32_t c = column; c < column + die_columns_; ++c) {
    if (column_works(c, north, north + 1)) return true;
  }
  return false;
}

std::int32_t Routes::dip_lane(DieId die, Direction side, std::int32_t wanted) const {
  const bool by_rows = side == Direction::kEast || side == Direction::kWest;
  const std::int32_t first = by_rows ? corner(die).row : corner(die).column;
  const std::vector<std::uint8_t>& dead = dead_dip_lanes_[static_cast<std::size_t>(side)];
  std::int32_t best = -1;
  for (std::int32_t lane = 0; lane < (by_rows ? die_rows_ : die_columns_); ++lane) {
    if (dead[static_cast<std::size_t>(first + lane)] == 0 &&
        (best < 0 || std::abs(lane - wanted) < std::abs(best - wanted)))
      best = lane;
  }
  return best;
}

Site Routes::corner(DieId die) const {
  const std::int32_t dies_in_row = columns() / die_columns_;
  const auto at = static_cast<std::int32_t>(die);
  return {at / dies_in_row * die_rows_, at % dies_in_row * die_columns_};
}

Routes::Candidates Routes::on_die(const Site& s) const {
  Candidates all;
  for (std::int32_t i = 0; i < die_rows_; ++i) all.rows.push_back(s.row / die_rows_ * die_rows_ + i);
  for (std::int32_t i = 0; i < die_columns_; ++i) all.columns.push_back(s.column / die_columns_ * die_columns_ + i);
  return all;
}

/// Rows and columns within `reach` of either end, and the first and last of each die within `dies` dies of them.
Routes::Candidates Routes::near(const Site& from, const Site& to, std::int32_t reach, std::int32_t dies) const {
  const auto gather = [&](std::int32_t a, std::int32_t b, std::int32_t per_die, std::int32_t limit) {
    std::vector<std::int32_t> lines;
    for (const std::int32_t end : {a, b}) {
      for (std::int32_t i = end - reach; i <= end + reach; ++i) lines.push_back(i);
      for (std::int32_t die = end / per_die - dies; die <= end / per_die + dies; ++die) {
        lines.push_back(die * per_die);
        lines.push_back(die * per_die + per_die - 1);
      }
    }
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    lines.erase(std::remove_if(lines.begin(), lines.end(), [&](std::int32_t i) { return i < 0 || i >= limit; }),
                lines.end());
    return lines;
  };
  return {gather(from.row, to.row, die_rows_, rows()), gather(from.column, to.column, die_columns_, columns())};
}

/// The same lanes of the dies beside either end.
Routes::Candidates Routes::beside(const Site& from, const Site& to) const {
  constexpr std::int32_t kDies = 6;  // past the edge of a tile
  const auto gather = [](std::int32_t a, std::int32_t b, std::int32_t per_die, std::int32_t limit) {
    std::vector<std::int32_t> lines;
    for (std::int32_t die = -kDies; die <= kDies; ++die) {
      for (const std::int32_t line : {a + die * per_die, b + die * per_die}) {
        if (line >= 0 && line < limit) lines.push_back(line);
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  return {gather(from.row, to.row, die_rows_, rows()), gather(from.column, to.column, die_columns_, columns())};
}

/// No lane of an edge on the way in dimension order works.
bool Routes::is_cut(const Site& from, const Site& to) const {
  const std::int32_t dies_in_row = columns() / die_columns_, end_row = to.row / die_rows_,
                     end_column = to.column / die_columns_;
  std::int32_t row = from.row / die_rows_, column = from.column / die_columns_;
  const auto works = [&](Direction d) { return edge_works(static_cast<DieId>(row * dies_in_row + column), d); };
  for (; column != end_column; column += column < end_column ? 1 : -1) {
    if (!works(column < end_column ? Direction::kEast : Direction::kWest)) return true;
  }
  for (; row != end_row; row += row < end_row ? 1 : -1) {
    if (!works(row < end_row ? Direction::kSouth : Direction::kNorth)) return true;
  }
  return false;
}

Route Routes::two_legs(const Site& from, const Site& to, const Candidates& by) const {
  Route best;
  const bool last = ((from.row + from.column) & 1) != 0;  // of ways that are as long, so that both sides share the load
  for (const std::int32_t row : by.rows) {
    for (const std::int32_t column : by.columns) {
      const Site turn{row, column};
      const std::int32_t hops = distance(from, turn) + distance(turn, to);
      if ((best.legs != 0 && (last ? hops > best.hops : hops >= best.hops)) || !router_works(turn)) continue;
      if (!leg_works(from, turn) || !leg_works(turn, to)) continue;
      best.ends = {turn, to};
      best.legs = 2;
      best.hops = hops;
    }
  }
  return best;
}

/// Leg by leg: the shortest way to each candidate with exactly so many legs.
Route Routes::more_legs(const Site& from, const Site& to, const Candidates& by) const {
  constexpr std::int32_t kFar = std::numeric_limits<std::int32_t>::max();
  std::vector<Site> at;
  for (const std::int32_t row : by.rows) {
    for (const std::int32_t column : by.columns) {
      if (router_works({row, column})) at.push_back({row, column});
    }
  }
  std::vector<std::int32_t> hops(at.size(), kFar);
  std::vector<std::vector<std::uint32_t>> before;  // by leg, from the second on
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (leg_works(from, at[i])) hops[i] = distance(from, at[i]);
  }
  for (int legs = 3; legs <= kRouteLegs; ++legs) {
    std::vector<std::int32_t> next(at.size(), kFar);
    std::vector<std::uint32_t> last(at.size(), kNone);
    for (std::uint32_t i = 0; i < at.size(); ++i) {
      if (hops[i] == kFar) continue;
      for (std::size_t j = 0; j < at.size(); ++j) {
        const std::int32_t length = hops[i] + distance(at[i], at[j]);
        if (length >= next[j] || !leg_works(at[i], at[j])) continue;
        next[j] = length;
        last[j] = i;
      }
    }
    before.push_back(std::move(last));
    hops = std::move(next);
    Route best;
    for (std::uint32_t j = 0; j < at.size(); ++j) {
      if (hops[j] == kFar || !leg_works(at[j], to)) continue;
      const std::int32_t length = hops[j] + distance(at[j], to);
      if (best.legs != 0 && length >= best.hops) continue;
      best.legs = static_cast<std::uint8_t>(legs);
      best.hops = length;
      best.ends[static_cast<std::size_t>(legs) - 1] = to;
      std::uint32_t turn = j;
      for (auto leg = static_cast<std::size_t>(legs) - 2;; --leg) {
        best.ends[leg] = at[turn];
        if (leg == 0) break;
        turn = before[leg - 1][turn];
      }
    }
    if (best.legs != 0) return best;
  }
  return {};
}

Route Routes::find(const Site& from, const Site& to) const {
  if (!router_works(from) || !router_works(to)) return {};
  if (leg_works(from, to)) {
    Route direct;
    direct.ends[0] = to;
    direct.legs = 1;
    direct.hops = distance(from, to);
    return direct;
  }
  if (from.row / die_rows_ == to.row / die_rows_ && from.column / die_columns_ == to.column / die_columns_) {
    const Candidates all = on_die(from);
    const Route route = two_legs(from, to, all);
    return route.legs != 0 ? route : more_legs(from, to, all);
  }
  Route route;
  if (is_cut(from, to)) route = two_legs(from, to, beside(from, to));
  if (route.legs == 0) route = two_legs(from, to, near(from, to, 2, 0));
  if (route.legs == 0) route = two_legs(from, to, near(from, to, 8, 6));
  if (route.legs == 0) route = more_legs(from, to, near(from, to, 3, 1));
  if (route.legs == 0) route = more_legs(from, to, near(from, to, 8, 6));
  return route;
}

}  // namespace dojo::topology

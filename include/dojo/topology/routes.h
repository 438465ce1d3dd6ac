// SPDX-License-Identifier: Apache-2.0
// Ways around dead routers, links, edges and dies. A route is a chain of at most kRouteLegs legs; each leg is
// dimension order (along the row, then along the column) over routers and links that all work. Leg k travels on virtual
// network k, so that channels depend on each other in the order of dimension order within a leg and of legs otherwise,
// and never in a circle.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dojo/topology/topology.h"

namespace dojo::topology {

/// Assumed. Four are nearly always enough; small dies with every tenth router or link dead need more.
inline constexpr int kRouteLegs = 6;

/// A router in the site grid of the whole machine.
struct Site {
  std::int32_t row = 0, column = 0;
};
inline bool operator==(const Site& a, const Site& b) {
  return a.row == b.row && a.column == b.column;
}

struct Route {
  std::array<Site, kRouteLegs> ends{};  ///< of the legs; the last one is the destination
  std::uint8_t legs = 0;                ///< 0: there is no way within kRouteLegs
  std::int32_t hops = 0;
};

class Routes {
 public:
  Routes(const Topology& topology, const DeadParts& parts);

  [[nodiscard]] bool router_works(const Site& s) const { return dead_[index(s)] == 0; }
  /// All links of a row between two columns.
  [[nodiscard]] bool row_works(std::int32_t row, std::int32_t a, std::int32_t b) const {
    const std::uint32_t* const line = &dead_before_in_row_[static_cast<std::size_t>(row) * columns_];
    return line[a] == line[b];
  }
  [[nodiscard]] bool column_works(std::int32_t column, std::int32_t a, std::int32_t b) const {
    const std::uint32_t* const line = &dead_before_in_column_[static_cast<std::size_t>(column) * rows_];
    return line[a] == line[b];
  }
  /// Dimension order, the row first. Both ends work.
  [[nodiscard]] bool leg_works(const Site& from, const Site& to) const {
    return row_works(from.row, from.column, to.column) && column_works(to.column, from.row, to.row);
  }
  /// The link of a router to the next one of the machine.
  [[nodiscard]] bool link_works(const Site& s, Direction d) const {
    switch (d) {
      case Direction::kEast:
        return row_works(s.row, s.column, s.column + 1);
      case Direction::kWest:
        return row_works(s.row, s.column - 1, s.column);
      case Direction::kSouth:
        return column_works(s.column, s.row, s.row + 1);
      case Direction::kNorth:
        return column_works(s.column, s.row - 1, s.row);
    }
    return false;
  }
  /// Everything in a rectangle works: all its routers and the links between them.
  [[nodiscard]] bool all_work(const Site& low, const Site& high) const;
  /// At least one lane of a die's edge towards the next die.
  [[nodiscard]] bool edge_works(DieId die, Direction d) const;
  /// The working lane into a DIP that is nearest to row (of the die; at a northern or southern edge, column) `wanted`;
  /// -1: none.
  [[nodiscard]] std::int32_t dip_lane(DieId die, Direction side, std::int32_t wanted) const;

  /// The fewest legs, then the fewest hops among the candidates, then the first or the last in reading order by the
  /// parity of `from`. Depends on nothing but its arguments. Around a dead die or edge each lane takes the same lane of
  /// a die beside it, where it can, so that all lanes carry their share. A route between two routers of one die stays
  /// on that die, and is found if there is one.
  [[nodiscard]] Route find(const Site& from, const Site& to) const;

  [[nodiscard]] std::int32_t rows() const { return static_cast<std::int32_t>(rows_); }
  [[nodiscard]] std::int32_t columns() const { return static_cast<std::int32_t>(columns_); }

 private:
  struct Candidates;
  [[nodiscard]] std::size_t index(const Site& s) const {
    return static_cast<std::size_t>(s.row) * columns_ + static_cast<std::size_t>(s.column);
  }
  [[nodiscard]] Site corner(DieId die) const;  ///< its first site
  [[nodiscard]] Candidates on_die(const Site& s) const;
  [[nodiscard]] Candidates near(const Site& from, const Site& to, std::int32_t reach, std::int32_t dies) const;
  [[nodiscard]] Candidates beside(const Site& from, const Site& to) const;
  [[nodiscard]] bool is_cut(const Site& from, const Site& to) const;
  [[nodiscard]] Route two_legs(const Site& from, const Site& to, const Candidates& by) const;
  [[nodiscard]] Route more_legs(const Site& from, const Site& to, const Candidates& by) const;

  std::size_t rows_ = 1, columns_ = 1;
  std::int32_t die_rows_ = 1, die_columns_ = 1;  ///< sites of a die
  std::vector<std::uint8_t> dead_;               ///< routers
  /// [row * columns + column]: dead links of the row to the west of the column; [column * rows + row] likewise.
  std::vector<std::uint32_t> dead_before_in_row_, dead_before_in_column_;
  std::array<std::vector<std::uint8_t>, kDirections> dead_dip_lanes_;  ///< by row or column of the machine
};

/// A channel of the network: a link of a router, on the virtual network of a leg.
struct Channel {
  Site router;
  Direction direction = Direction::kEast;
  int phase = 0;
};
/// What a packet may do at a router: from the link and leg on which it came to those on which it goes on.
using TurnRule = std::function<bool(Direction in, int phase_in, Direction out, int phase_out)>;
/// The rule of Routes: within a leg straight on, or from the row into the column; or any link of a later leg.
[[nodiscard]] bool route_turn(Direction in, int phase_in, Direction out, int phase_out);
/// Looks for a circle in the channel dependency graph of a machine under a rule: channels are all working links, a
/// channel depends on the next one wherever the rule lets a packet go on. Empty: there is none, so no deadlock.
[[nodiscard]] std::vector<Channel> find_channel_cycle(const Topology& topology, int phases, const TurnRule& rule);
[[nodiscard]] std::string router_path(const Topology& topology, const Site& router);
[[nodiscard]] std::string channel_path(const Topology& topology, const Channel& channel);  ///< router, direction, leg

}  // namespace dojo::topology

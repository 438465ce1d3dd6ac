// SPDX-License-Identifier: Apache-2.0
// The links of the dies between the members of a plan, each free from some cycle on, and the ways of messages over
// them. As in the fast network, a train takes each link as a whole.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "collectives/common.h"
#include "dojo/fabric/edge_slots.h"
#include "dojo/topology/routes.h"

namespace dojo::workload::collectives {

/// What moves as one: the piece of a group of a die's nodes (striped plans), or that of a track's node.
struct ScheduleUnit {
  std::uint32_t node = 0;                              ///< of a track: in the slice
  double nodes = 1;                                    ///< of a group
  std::array<double, 2> in_line{1, 1};                 ///< most of its nodes in one row, in one column
  std::array<std::int32_t, 2> begin{0, 0}, end{1, 1};  ///< of a group: columns, rows on its die
  std::array<std::uint32_t, 2> lane{0, 0};             ///< which rows it shares with other groups, which columns
  std::array<std::int32_t, 2> fullest{0, 0};           ///< of a group: the row (column) with most of its nodes
  /// Of a group, by direction: which steps over that row (column) pass a node of the group.
  std::array<std::vector<std::uint8_t>, topology::kDirections> has_node;
};

/// Rows and columns of dies that all members and the ways between them lie in.
struct DieArea {
  topology::DieCoordinates low, high;
  [[nodiscard]] std::size_t index(topology::DieCoordinates die) const {
    return static_cast<std::size_t>(die.row - low.row) * static_cast<std::size_t>(high.column - low.column + 1) +
           static_cast<std::size_t>(die.column - low.column);
  }
  [[nodiscard]] std::size_t count() const { return index(high) + 1; }
};
[[nodiscard]] DieArea area_of(const CollectiveRequest& request, const topology::Topology& topology);

[[nodiscard]] constexpr std::size_t axis_of(topology::Direction d) {
  return d == topology::Direction::kEast || d == topology::Direction::kWest ? 0 : 1;
}
[[nodiscard]] constexpr bool is_up(topology::Direction d) {
  return d == topology::Direction::kEast || d == topology::Direction::kSouth;
}

class ScheduleLinks {
 public:
  ScheduleLinks(const DataflowPlan& plan, const CollectiveRequest& request, const topology::Topology& topology);

  [[nodiscard]] const std::vector<ScheduleUnit>& units() const { return units_; }
  /// Of striped plans: the groups that share so many rows (axis 0) or columns, in their order.
  [[nodiscard]] const std::vector<std::uint32_t>& units_of(std::size_t axis, std::size_t lane) const {
    return units_of_[axis][lane];
  }
  [[nodiscard]] bool striped() const { return striped_; }
  [[nodiscard]] double hop() const { return hop_; }
  [[nodiscard]] double flits(double bytes) const { return std::max(1.0, std::ceil(bytes / link_bytes_)); }
  /// Of the fullest row (column) of a unit, for so many bytes of its.
  [[nodiscard]] double line_flits(const ScheduleUnit& unit, std::size_t axis, double bytes) const {
    return unit.in_line[axis] * flits(bytes / unit.nodes);
  }
  [[nodiscard]] topology::DieCoordinates die_of(topology::Site site) const {
    return {site.row / topology_.site_rows(), site.column / topology_.site_columns()};
  }
  [[nodiscard]] std::size_t edge_index(topology::DieCoordinates die, topology::Direction d) const {
    return area_.index(die) * topology::kDirections + static_cast<std::size_t>(d);
  }
  /// Sites along a way over a die.
  [[nodiscard]] std::int32_t length(topology::Direction d) const {
    return axis_of(d) == 0 ? topology_.site_columns() : topology_.site_rows();
  }
  /// The first site of the next die.
  [[nodiscard]] topology::Site next_die(topology::Site first, topology::Direction d) const;

  /// What a group moves leaves its die, passes one, or ends on it. Its rows (columns) go side by side; the fullest is
  /// walked for all.
  struct Stripe {
    double head = 0;        ///< at the border, late enough that all flits follow without a gap; or all is there
    double links_free = 0;  ///< of the busiest link
    double start = 0;       ///< when the head has left the receive buffer
  };
  [[nodiscard]] Stripe stripe_out(topology::DieCoordinates die, topology::Direction d, const ScheduleUnit& unit,
                                  double bytes, double now);
  [[nodiscard]] Stripe stripe_through(topology::DieCoordinates die, topology::Direction d, const ScheduleUnit& unit,
                                      double bytes, double now);
  [[nodiscard]] Stripe stripe_in(topology::DieCoordinates die, topology::Direction d, const ScheduleUnit& unit,
                                 double bytes, double now);

  /// A track's message on a die: along the row, then along the column, to its node or to the border.
  struct Unicast {
    double head = 0;                         ///< where it ends on this die
    double start = 0, first_link_free = 0;   ///< of its first link; 0: it took none
    std::optional<topology::Direction> out;  ///< the border that it came to
    topology::Site next;                     ///< where it comes into the next die
  };
  [[nodiscard]] Unicast unicast(topology::Site at, topology::Site to, double flits, double head);

 private:
  void make_groups(const Slice& die, std::int64_t messages);
  [[nodiscard]] ScheduleUnit make_group(const std::vector<SiteIndex>& sites) const;
  [[nodiscard]] bool has_node(topology::Direction d, std::int32_t line, std::int32_t step) const;
  struct Steps {
    std::int32_t begin, end;
  };
  /// The steps of a way on which a group's nodes lie.
  [[nodiscard]] Steps steps_of(topology::Direction d, const ScheduleUnit& unit) const;
  [[nodiscard]] double nodes_on(topology::Direction d, std::int32_t line, Steps steps) const;
  /// The links of a row (column) in the order in which a message takes them; the last leads out.
  [[nodiscard]] double* links(topology::DieCoordinates die, topology::Direction d, std::int32_t line);
  [[nodiscard]] double along(double* free, std::int32_t count, double flits, double head) const;

  const topology::Topology& topology_;
  DieArea area_;
  bool striped_;
  double link_bytes_, hop_;
  std::size_t longest_;                ///< of rows and columns
  std::vector<std::uint8_t> enabled_;  ///< of striped plans: by site of a die
  std::vector<ScheduleUnit> units_;
  std::array<std::vector<std::vector<std::uint32_t>>, 2> units_of_;  ///< by axis and lane
  std::vector<double> free_;
};

/// What moves as one in the fast network, by default (run.burst_bytes).
inline constexpr Bytes kBurstBytes = 16384;

/// An edge between dies, with the credits of the receive buffer on its far side.
struct ScheduleEdge {
  static constexpr std::size_t kMostWaiting = 64;  ///< as in the fast network: beyond it nodes wait
  struct Waiting {
    std::size_t part;
    double bytes, line_flits, head;
  };
  double bytes_per_cycle = 1, latency = 0, credit = 0;
  fabric::EdgeSlots slots;
  std::deque<Waiting> waiting;
  std::vector<std::size_t> parked_parts, parked_sends;  ///< what waits for room in the queue
  [[nodiscard]] bool full() const { return waiting.size() >= kMostWaiting; }
  /// Sends the first that waits, no earlier than `now`. Returns when its head is at the next die.
  double cross(double now);
};
[[nodiscard]] std::vector<ScheduleEdge> schedule_edges(const DieArea& area, const topology::Topology& topology);

}  // namespace dojo::workload::collectives

// SPDX-License-Identifier: Apache-2.0
// The parts of the machine that the messages of a plan share, each free from some cycle on.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "collectives/common.h"
#include "dojo/topology/routes.h"
#include "dojo/fabric/stripe_groups.h"

namespace dojo::workload::collectives {

/// What moves as one: a group of a die's nodes (striped plans), or a track's node.
struct ScheduleUnit {
  double nodes = 1;
  std::array<double, 2> in_line{1, 1};         ///< most of its nodes in one row, in one column
  std::array<std::uint32_t, 2> lane{0, 0};     ///< of stripes: which rows it shares with others, which columns
  std::array<std::vector<std::int32_t>, 2> lines;  ///< of its rows (columns) those that differ from each other
  std::array<std::int32_t, 2> begin{0, 0}, end{1, 1};  ///< of stripes: columns and rows on its die
  std::uint32_t node = 0;                      ///< of a track: in the slice
};
/// A place among the dies that the members span.
struct ScheduleDie {
  std::int32_t row = 0, column = 0;
};

class ScheduleParts {
 public:
  ScheduleParts(const DataflowPlan& plan, const CollectiveRequest& request, const topology::Topology& topology);

  [[nodiscard]] const std::vector<ScheduleUnit>& units() const { return units_; }
  [[nodiscard]] bool striped() const { return striped_; }
  [[nodiscard]] double part_limit() const { return part_limit_; }  ///< bytes that move as one
  [[nodiscard]] double flits(double bytes) const { return std::max(1.0, std::ceil(bytes / link_)); }
  /// Of the longest line of a unit, for a part of so many bytes; axis 0: along rows.
  [[nodiscard]] double line_flits(const ScheduleUnit& unit, std::size_t axis, double bytes) const {
    return unit.in_line[axis] * flits(bytes / unit.nodes);
  }
  /// Site of a member's unit in the machine; of stripes: the first of the die.
  [[nodiscard]] topology::Site site(std::uint32_t member, std::uint32_t unit) const;
  /// Where a stripe comes to by this way: the first site of the next die.
  [[nodiscard]] topology::Site next_die(topology::Site at, topology::Direction d) const;
  [[nodiscard]] ScheduleDie die_of(topology::Site site) const;

  /// A stripe of one unit leaves its die, passes one, or ends on it. Its rows (columns) go side by side.
  struct Stripe {
    double head = 0;        ///< at the border, late enough that all flits follow without a gap
    double links_free = 0;  ///< of the busiest link
    double start = 0;       ///< when the head has left the receive buffer
  };
  [[nodiscard]] Stripe stripe_out(ScheduleDie die, topology::Direction d, std::uint32_t unit, double bytes, double now);
  [[nodiscard]] Stripe stripe_through(ScheduleDie die, topology::Direction d, std::uint32_t unit, double bytes,
                                      double now);
  /// `head`: when the last piece has come to its router.
  [[nodiscard]] Stripe stripe_in(ScheduleDie die, topology::Direction d, std::uint32_t unit, double bytes, double now);

  /// A track's message on a die: along the row, then along the column, to its node or to the border.
  struct Unicast {
    double head = 0;                        ///< where it ends on this die
    double first_link_free = 0, start = 0;  ///< of its first link; 0: it took none
    std::optional<topology::Direction> out;  ///< the border that it came to
    topology::Site next;                     ///< where it comes into the next die
  };
  [[nodiscard]] Unicast unicast(topology::Site at, topology::Site to, double flits, double head);

  /// An edge between dies, with the credits of the receive buffer on its far side.
  struct Edge {
    struct Waiting {
      std::size_t part;
      double bytes, line_flits, head;
    };
    double free = 0, bytes_per_cycle = 1, latency = 0, credit = 0;
    std::deque<Waiting> waiting;
    std::vector<std::size_t> parked_parts, parked_sends;  ///< that wait for room in the queue
    [[nodiscard]] bool full() const { return waiting.size() >= kMostWaiting; }
    /// Sends the first that waits, no earlier than `now`. Returns when its head is at the next die.
    double cross(double now);
  };
  [[nodiscard]] std::size_t edge_index(ScheduleDie die, topology::Direction d) const {
    return (static_cast<std::size_t>(die.row - low_.row) * static_cast<std::size_t>(columns_) +
            static_cast<std::size_t>(die.column - low_.column)) *
               4 +
           static_cast<std::size_t>(d);
  }
  [[nodiscard]] Edge& edge(std::size_t index) { return edges_[index]; }
  std::vector<double> reads, writes, adders;  ///< by member and unit

 private:
  static constexpr std::size_t kMostWaiting = 64;  ///< of an edge of the fast network; beyond it nodes wait

  void make_groups(const CollectiveRequest& request);
  void make_edges(const CollectiveRequest& request);
  /// Free times of the links of a row (column), in the order in which a message takes them; the last leads out.
  [[nodiscard]] double* links(ScheduleDie die, topology::Direction d, std::size_t lane) {
    return &links_[(edge_index(die, d) * lanes_per_edge_ + lane) * links_per_lane_];
  }
  [[nodiscard]] std::int32_t length(topology::Direction d) const {
    const bool along_row = d == topology::Direction::kEast || d == topology::Direction::kWest;
    return along_row ? topology_.site_columns() : topology_.site_rows();
  }
  [[nodiscard]] bool has_node(topology::Direction d, std::int32_t line, std::int32_t step) const;
  double along(double* links, std::int32_t count, double flits, double head) const;

  const topology::Topology& topology_;
  const CollectiveRequest& request_;
  double link_, hop_;
  bool striped_;
  double part_limit_ = 0;
  ScheduleDie low_, high_;
  std::int32_t columns_ = 1;
  std::size_t lanes_per_edge_ = 1, links_per_lane_ = 1;
  std::vector<ScheduleUnit> units_;
  std::vector<Edge> edges_;
  std::vector<std::uint8_t> enabled_;  ///< of stripes: by site of a die
  std::vector<double> links_;
};

}  // namespace dojo::workload::collectives

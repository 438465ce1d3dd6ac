// SPDX-License-Identifier: Apache-2.0
// The parts of the machine that the messages of a plan share, each free from some cycle on.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
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
  [[nodiscard]] ScheduleDie die_of(topology::Site site) const;

  /// Links from where a part is to the border by which it leaves the die; of stripes: across the die.
  [[nodiscard]] std::int32_t hops_to_border(topology::Site at, topology::Site to, topology::Direction d) const;
  /// The row (column) in which a track's message leaves the die.
  [[nodiscard]] std::uint32_t lane_of(topology::Site at, topology::Site to, topology::Direction d) const;
  /// Where it comes into the next die; of stripes: the first site of that die.
  [[nodiscard]] topology::Site entry(topology::Site at, topology::Site to, topology::Direction d) const;

  /// The head of a part comes to the border of a die at `head`. Returns when it is at the next die.
  struct Passage {
    double lane_start, arrival;
  };
  [[nodiscard]] Passage leave(ScheduleDie die, topology::Direction d, std::uint32_t lane, std::size_t from,
                              double line_flits, double bytes, double head);
  /// A lane's links lie in segments: link i leads into segment i, the last one to the border.
  static constexpr std::size_t kSegments = 4;
  /// Takes these links of a lane, one after another. Returns when the head is on the last.
  double pass(ScheduleDie die, topology::Direction d, std::uint32_t lane, std::size_t from, std::size_t to,
              double line_flits, double head);
  /// The segment of a site, counted in the direction of the way.
  [[nodiscard]] std::size_t segment(topology::Direction d, std::int32_t position) const {
    const bool row = d == topology::Direction::kEast || d == topology::Direction::kWest;
    const std::int32_t length = row ? topology_.site_columns() : topology_.site_rows();
    const bool up = d == topology::Direction::kEast || d == topology::Direction::kSouth;
    return static_cast<std::size_t>((up ? position : length - 1 - position) * static_cast<std::int32_t>(kSegments) / length);
  }
  /// From when on an edge takes more from nodes: its queue is no longer full.
  [[nodiscard]] double open_from(ScheduleDie die, topology::Direction d, double now);
  std::vector<double> reads, writes, adders;  ///< by member and unit

 private:
  struct Edge {
    double free = 0, bytes_per_cycle = 1, latency = 0;
    std::deque<double> waiting;  ///< when each part that has been taken starts
  };
  void make_groups(const CollectiveRequest& request);
  void make_edges(const CollectiveRequest& request);
  [[nodiscard]] std::size_t edge_index(ScheduleDie die, topology::Direction d) const {
    return (static_cast<std::size_t>(die.row - low_.row) * static_cast<std::size_t>(columns_) +
            static_cast<std::size_t>(die.column - low_.column)) *
               4 +
           static_cast<std::size_t>(d);
  }
  [[nodiscard]] std::size_t lane_index(ScheduleDie die, topology::Direction d, std::uint32_t lane) const {
    return edge_index(die, d) * lanes_per_edge_ + lane;
  }

  const topology::Topology& topology_;
  const CollectiveRequest& request_;
  double link_;
  bool striped_;
  double part_limit_ = 0;
  ScheduleDie low_, high_;
  std::int32_t columns_ = 1;
  std::size_t lanes_per_edge_ = 1;
  std::vector<ScheduleUnit> units_;
  std::vector<Edge> edges_;
  std::vector<double> lanes_;
};

}  // namespace dojo::workload::collectives

// SPDX-License-Identifier: Apache-2.0
#include "collectives/schedule_parts.h"

#include <algorithm>
#include <cmath>

namespace dojo::workload::collectives {

using topology::Direction;

namespace {

/// Of an edge's queue in the fast network: beyond it nodes wait.
constexpr std::size_t kMostWaiting = 64;
constexpr double kBurstBytes = 16384;

}  // namespace

ScheduleParts::ScheduleParts(const DataflowPlan& plan, const CollectiveRequest& request,
                             const topology::Topology& topology)
    : topology_(topology),
      request_(request),
      link_(static_cast<double>(topology.params().noc.link_bytes_per_cycle)),
      striped_(plan.striped) {
  if (striped_) {
    make_groups(request);
  } else {
    for (const std::uint32_t node : plan.track_node) {
      units_.emplace_back();
      units_.back().node = node;
    }
  }
  make_edges(request);
  reads.assign(request.members.size() * units_.size(), 0);
  writes = adders = reads;
}

void ScheduleParts::make_groups(const CollectiveRequest& request) {
  const SliceShape& shape = *request.members.front()->shape;
  const auto make = [&](const fabric::StripeGroup& of) {
    ScheduleUnit unit;
    std::vector<double> rows(static_cast<std::size_t>(shape.rows), 0), columns(static_cast<std::size_t>(shape.columns), 0);
    unit.nodes = 0;
    for (const SliceShape::Node& node : shape.nodes) {
      if (!of.has(node.row, node.column)) continue;
      unit.nodes += 1;
      rows[node.row] += 1;
      columns[node.column] += 1;
    }
    unit.in_line = {*std::max_element(rows.begin(), rows.end()), *std::max_element(columns.begin(), columns.end())};
    unit.begin = {of.column, of.row};
    unit.end = {of.column_end, of.row_end};
    unit.lane = {of.grid_row, of.grid_column};
    units_.push_back(unit);
  };
  for (std::uint32_t group = 0; group < fabric::kStripeGroups; ++group)
    make(fabric::stripe_group(group, shape.rows, shape.columns));
  const bool empty = std::any_of(units_.begin(), units_.end(), [](const ScheduleUnit& unit) { return unit.nodes == 0; });
  if (!empty) return;
  units_.clear();
  make({0, shape.rows, 0, shape.columns, 0, 0});
}

void ScheduleParts::make_edges(const CollectiveRequest& request) {
  low_ = high_ = die_of({request.members.front()->first_site_row, request.members.front()->first_site_column});
  for (const Slice* m : request.members) {
    const ScheduleDie first = die_of({m->first_site_row, m->first_site_column});
    const ScheduleDie last =
        die_of({m->first_site_row + m->shape->rows - 1, m->first_site_column + m->shape->columns - 1});
    low_ = {std::min(low_.row, first.row), std::min(low_.column, first.column)};
    high_ = {std::max(high_.row, last.row), std::max(high_.column, last.column)};
  }
  columns_ = high_.column - low_.column + 1;
  edges_.resize(static_cast<std::size_t>(high_.row - low_.row + 1) * static_cast<std::size_t>(columns_) * 4);
  lanes_per_edge_ = striped_ ? std::max(fabric::kStripeGroupRows, fabric::kStripeGroupColumns)
                             : static_cast<std::size_t>(std::max(topology_.site_rows(), topology_.site_columns()));
  lanes_.assign(edges_.size() * lanes_per_edge_ * (kSegments + 1), 0);
  const topology::MachineParams& p = topology_.params();
  const double burst = striped_ ? kBurstBytes * std::min(topology_.site_rows(), topology_.site_columns()) : kBurstBytes;
  part_limit_ = burst;
  for (std::int32_t row = low_.row; row <= high_.row; ++row) {
    for (std::int32_t column = low_.column; column <= high_.column; ++column) {
      for (std::size_t d = 0; d < 4; ++d) {
        const topology::Edge from = topology_.edge(topology_.die_at(row, column), static_cast<Direction>(d));
        Edge& edge = edges_[edge_index({row, column}, static_cast<Direction>(d))];
        edge.latency = static_cast<double>(from.latency_cycles);
        edge.bytes_per_cycle = from.bytes_per_s / p.clock_hz;
        if (from.neighbour == kNone) {  // dead: over three other edges, as fast as this one was
          edge.latency = 3 * static_cast<double>(topology_.cycles_from_ns(p.die.crossing_ns));
          edge.bytes_per_cycle = p.die.edge_bytes_per_s / p.clock_hz;
        } else if (striped_ && from.neighbour < topology_.die_count()) {
          part_limit_ = std::min(part_limit_, static_cast<double>(from.buffer_bytes) / 2);
        }
      }
    }
  }
  if (striped_) part_limit_ = std::max(part_limit_ / static_cast<double>(units_.size()), 64.0);
}

topology::Site ScheduleParts::site(std::uint32_t member, std::uint32_t unit) const {
  const Slice& slice = *request_.members[member];
  if (striped_) return {slice.first_site_row, slice.first_site_column};
  const SliceShape::Node& node = slice.shape->nodes[units_[unit].node];
  return {slice.first_site_row + node.row, slice.first_site_column + node.column};
}

ScheduleDie ScheduleParts::die_of(topology::Site site) const {
  return {site.row / topology_.site_rows(), site.column / topology_.site_columns()};
}

std::int32_t ScheduleParts::hops_to_border(topology::Site at, topology::Site to, Direction d) const {
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  if (striped_) return d == Direction::kEast || d == Direction::kWest ? columns : rows;
  const std::int32_t row = at.row % rows, column = at.column % columns, turn = std::abs(to.column - at.column);
  switch (d) {
    case Direction::kEast:
      return columns - column;
    case Direction::kWest:
      return column + 1;
    case Direction::kSouth:
      return turn + rows - row;
    case Direction::kNorth:
      break;
  }
  return turn + row + 1;
}

std::uint32_t ScheduleParts::lane_of(topology::Site at, topology::Site to, Direction d) const {
  const bool along_row = d == Direction::kEast || d == Direction::kWest;
  return static_cast<std::uint32_t>(along_row ? at.row % topology_.site_rows() : to.column % topology_.site_columns());
}

topology::Site ScheduleParts::entry(topology::Site at, topology::Site to, Direction d) const {
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  if (striped_) {
    if (d == Direction::kEast || d == Direction::kWest) return {at.row, at.column + (d == Direction::kEast ? columns : -columns)};
    return {at.row + (d == Direction::kSouth ? rows : -rows), at.column};
  }
  const std::int32_t first_row = at.row / rows * rows, first_column = at.column / columns * columns;
  switch (d) {
    case Direction::kEast:
      return {at.row, first_column + columns};
    case Direction::kWest:
      return {at.row, first_column - 1};
    case Direction::kSouth:
      return {first_row + rows, to.column};
    case Direction::kNorth:
      break;
  }
  return {first_row - 1, to.column};
}

double ScheduleParts::open_from(ScheduleDie die, Direction d, double now) {
  std::deque<double>& waiting = edges_[edge_index(die, d)].waiting;
  while (!waiting.empty() && waiting.front() <= now) waiting.pop_front();
  return waiting.size() < kMostWaiting ? now : waiting[waiting.size() - kMostWaiting];
}

double ScheduleParts::pass(ScheduleDie die, Direction d, std::uint32_t lane, std::size_t from, std::size_t to,
                           double line_flits, double head) {
  const std::size_t lane_at = lane_index(die, d, lane) * (kSegments + 1);
  for (std::size_t i = from; i <= to; ++i) {
    double& free = lanes_[lane_at + i];
    head = std::max(head, free);
    free = head + line_flits;
  }
  return head;
}

ScheduleParts::Passage ScheduleParts::leave(ScheduleDie die, Direction d, std::uint32_t lane, std::size_t from,
                                            double line_flits, double bytes, double head) {
  Edge& edge = edges_[edge_index(die, d)];
  const double start = pass(die, d, lane, from, kSegments, line_flits, head);
  const double first = std::max(start, edge.free), last = first + bytes / edge.bytes_per_cycle;
  edge.free = last;
  edge.waiting.push_back(first);
  // An edge slower than the lane delays the head, so that the train stays whole on the far side.
  return {start, std::max(first, last - line_flits) + edge.latency};
}

}  // namespace dojo::workload::collectives

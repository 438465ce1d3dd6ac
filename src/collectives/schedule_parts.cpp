// SPDX-License-Identifier: Apache-2.0
#include "collectives/schedule_parts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

namespace dojo::workload::collectives {

using topology::Direction;

namespace {

constexpr double kBurstBytes = 16384;

std::size_t axis_of(Direction d) {
  return d == Direction::kEast || d == Direction::kWest ? 0 : 1;
}
bool is_along_row(Direction d) {
  return axis_of(d) == 0;
}
bool is_up(Direction d) {
  return d == Direction::kEast || d == Direction::kSouth;
}

/// Flits that follow each other over links.
struct Train {
  double flits = 0, head = std::numeric_limits<double>::infinity(), tail = 0;
  void join(double head_of, double more) {
    flits += more;
    head = std::min(head, head_of);
    tail = std::max(tail, head_of + more);
  }
  void pass(double& free, double hop) {
    const double start = std::max(head, free);
    free = std::max(start + flits, tail);
    head = start + hop;
    tail = free + hop;
  }
};

}  // namespace

ScheduleParts::ScheduleParts(const DataflowPlan& plan, const CollectiveRequest& request,
                             const topology::Topology& topology)
    : topology_(topology),
      request_(request),
      link_(static_cast<double>(topology.params().noc.link_bytes_per_cycle)),
      hop_(static_cast<double>(topology.params().noc.hop_cycles)),
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
  enabled_.assign(static_cast<std::size_t>(shape.rows * shape.columns), 0);
  for (const SliceShape::Node& node : shape.nodes)
    enabled_[static_cast<std::size_t>(node.row * shape.columns + node.column)] = 1;
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
    for (const std::size_t axis : {0u, 1u}) {
      std::set<std::vector<bool>> seen;
      for (std::int32_t line = unit.begin[1 - axis]; line < unit.end[1 - axis]; ++line) {
        std::vector<bool> nodes;
        const Direction d = axis == 0 ? Direction::kEast : Direction::kSouth;
        for (std::int32_t step = 0; step < length(d); ++step) nodes.push_back(has_node(d, line, step));
        if (seen.insert(std::move(nodes)).second) unit.lines[axis].push_back(line);
      }
    }
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
  lanes_per_edge_ = static_cast<std::size_t>(std::max(topology_.site_rows(), topology_.site_columns()));
  links_per_lane_ = static_cast<std::size_t>(std::max(topology_.site_rows(), topology_.site_columns()));
  links_.assign(edges_.size() * lanes_per_edge_ * links_per_lane_, 0);
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
        edge.credit = std::max(static_cast<double>(from.buffer_bytes), 2 * kBurstBytes);
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

topology::Site ScheduleParts::next_die(topology::Site at, Direction d) const {
  const std::int32_t step = is_up(d) ? length(d) : -length(d);
  return is_along_row(d) ? topology::Site{at.row, at.column + step} : topology::Site{at.row + step, at.column};
}

/// Whether there is a node at that step of a way along a row (column).
bool ScheduleParts::has_node(Direction d, std::int32_t line, std::int32_t step) const {
  const std::int32_t at = is_up(d) ? step : length(d) - 1 - step, columns = topology_.site_columns();
  return enabled_[static_cast<std::size_t>(is_along_row(d) ? line * columns + at : at * columns + line)] != 0;
}

/// From every node to the border: a link carries the pieces of all nodes behind it.
ScheduleParts::Stripe ScheduleParts::stripe_out(ScheduleDie die, Direction d, std::uint32_t number, double bytes,
                                                double now) {
  const ScheduleUnit& unit = units_[number];
  const std::size_t axis = axis_of(d);
  const double piece = flits(bytes / unit.nodes);
  const std::int32_t end = length(d), begin = is_up(d) ? unit.begin[axis] : end - unit.end[axis],
                     nodes_end = is_up(d) ? unit.end[axis] : end - unit.begin[axis];
  Stripe stripe{now, 0, now};
  for (const std::int32_t line : unit.lines[axis]) {
    double* const free = links(die, d, static_cast<std::size_t>(line));
    Train train;
    for (std::int32_t i = begin; i < end; ++i) {
      if (i < nodes_end && has_node(d, line, i)) train.join(now + hop_, piece);
      if (train.flits > 0) train.pass(free[i], hop_);
    }
    stripe.head = std::max(stripe.head, train.tail - train.flits);
    stripe.links_free = std::max(stripe.links_free, train.tail - hop_);
  }
  return stripe;
}

ScheduleParts::Stripe ScheduleParts::stripe_through(ScheduleDie die, Direction d, std::uint32_t number, double bytes,
                                                    double now) {
  const ScheduleUnit& unit = units_[number];
  const std::size_t axis = axis_of(d);
  const double piece = flits(bytes / unit.nodes);
  const std::int32_t begin = is_up(d) ? unit.begin[axis] : length(d) - unit.end[axis],
                     nodes_end = is_up(d) ? unit.end[axis] : length(d) - unit.begin[axis];
  Stripe stripe{now, 0, now};
  for (const std::int32_t line : unit.lines[axis]) {
    double* const free = links(die, d, static_cast<std::size_t>(line));
    double flits = 0;
    for (std::int32_t i = begin; i < nodes_end; ++i) flits += has_node(d, line, i) ? piece : 0;
    if (flits == 0) continue;
    stripe.start = std::max(stripe.start, *free);
    stripe.head = std::max(stripe.head, along(free, length(d), flits, now));
  }
  stripe.links_free = stripe.head + line_flits(unit, axis, bytes) - hop_;
  return stripe;
}

/// From the border to every node, the farthest node's piece first, as the way out orders them.
ScheduleParts::Stripe ScheduleParts::stripe_in(ScheduleDie die, Direction d, std::uint32_t number, double bytes,
                                               double now) {
  const ScheduleUnit& unit = units_[number];
  const std::size_t axis = axis_of(d);
  const double piece = flits(bytes / unit.nodes);
  const std::int32_t begin = is_up(d) ? unit.begin[axis] : length(d) - unit.end[axis],
                     nodes_end = is_up(d) ? unit.end[axis] : length(d) - unit.begin[axis];
  Stripe stripe{now, 0, now};
  for (const std::int32_t line : unit.lines[axis]) {
    double* const free = links(die, d, static_cast<std::size_t>(line));
    double flits = 0;
    for (std::int32_t i = begin; i < nodes_end; ++i) flits += has_node(d, line, i) ? piece : 0;
    Train train{flits, now, now + flits};
    for (std::int32_t i = 0; train.flits > 0; ++i) {
      if (i >= begin && has_node(d, line, i)) {
        stripe.head = std::max(stripe.head, train.tail);
        train.flits -= piece;
        train.tail -= piece;
        if (train.flits <= 0) break;
      }
      if (i == 0) stripe.start = std::max(stripe.start, *free);
      train.pass(free[i], hop_);
    }
  }
  return stripe;
}

double ScheduleParts::along(double* free, std::int32_t count, double flits, double head) const {
  for (std::int32_t i = 0; i < count; ++i) {
    const double start = std::max(head, free[i]);
    free[i] = start + flits;
    head = start + hop_;
  }
  return head;
}

ScheduleParts::Unicast ScheduleParts::unicast(topology::Site at, topology::Site to, double flits, double head) {
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  const ScheduleDie die = die_of(at);
  const topology::Site first{die.row * rows, die.column * columns};
  Unicast way{head, 0, head, std::nullopt, at};
  const auto go = [&](Direction d, std::int32_t from, std::int32_t target, std::int32_t size, std::int32_t lane) {
    const bool leaves = target < 0 || target >= size;
    const std::int32_t begin = is_up(d) ? from : size - 1 - from;
    const std::int32_t count = leaves ? size - begin : std::abs(target - from);
    double* const free = links(die, d, static_cast<std::size_t>(lane)) + begin;
    way.head = along(free, count, flits, way.head);
    if (way.first_link_free == 0) {
      way.first_link_free = *free;
      way.start = *free - flits;
    }
    if (leaves) way.out = d;
  };
  const std::int32_t row = at.row - first.row, column = at.column - first.column;
  if (to.column != at.column) {
    go(to.column > at.column ? Direction::kEast : Direction::kWest, column, to.column - first.column, columns, row);
    way.next = {at.row, way.out ? (is_up(*way.out) ? first.column + columns : first.column - 1) : to.column};
  }
  if (!way.out && to.row != at.row) {
    go(to.row > at.row ? Direction::kSouth : Direction::kNorth, row, to.row - first.row, rows, to.column - first.column);
    if (way.out) way.next.row = is_up(*way.out) ? first.row + rows : first.row - 1;
  }
  return way;
}

double ScheduleParts::Edge::cross(double now) {
  const Waiting& first_of = waiting.front();
  const double first = std::max({first_of.head, now, free}), last = first + first_of.bytes / bytes_per_cycle;
  const double line = first_of.line_flits;
  free = last;
  credit -= first_of.bytes;
  waiting.pop_front();
  // An edge slower than the links delays the head, so that the train stays whole on the far side.
  return std::max(std::ceil(first), std::ceil(last) - line) + latency;
}

}  // namespace dojo::workload::collectives

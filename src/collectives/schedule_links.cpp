// SPDX-License-Identifier: Apache-2.0
#include "collectives/schedule_links.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "dojo/fabric/stripe_groups.h"

namespace dojo::workload::collectives {

using topology::DieCoordinates;
using topology::Direction;
using topology::Site;

namespace {

/// Flits that follow each other over links.
struct Train {
  double flits = 0, head = std::numeric_limits<double>::infinity(), tail = 0;
  void join(double from, double more) {
    flits += more;
    head = std::min(head, from);
    tail = std::max(tail, from + more);
  }
  void pass(double& free, double hop) {
    const double start = std::max(head, free);
    free = std::max(start + flits, tail);
    head = start + hop;
    tail = free + hop;
  }
};

}  // namespace

DieArea area_of(const CollectiveRequest& request, const topology::Topology& topology) {
  DieArea area{{std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max()}, {0, 0}};
  for (const Slice* m : request.members) {
    area.low = {std::min(area.low.row, m->first_site_row / topology.site_rows()),
                std::min(area.low.column, m->first_site_column / topology.site_columns())};
    area.high = {std::max(area.high.row, (m->first_site_row + m->shape->rows - 1) / topology.site_rows()),
                 std::max(area.high.column, (m->first_site_column + m->shape->columns - 1) / topology.site_columns())};
  }
  return area;
}

ScheduleLinks::ScheduleLinks(const DataflowPlan& plan, const CollectiveRequest& request,
                             const topology::Topology& topology)
    : topology_(topology),
      area_(area_of(request, topology)),
      striped_(plan.striped),
      link_bytes_(static_cast<double>(topology.params().noc.link_bytes_per_cycle)),
      hop_(static_cast<double>(topology.params().noc.hop_cycles)),
      longest_(static_cast<std::size_t>(std::max(topology.site_rows(), topology.site_columns()))),
      free_(area_.count() * topology::kDirections * longest_ * longest_, 0) {
  if (striped_) {
    make_groups(*request.members.front(), static_cast<std::int64_t>(plan.edges.size()) * plan.chunks);
    for (std::uint32_t unit = 0; unit < units_.size(); ++unit) {
      for (const std::size_t axis : {0u, 1u}) {
        const std::size_t lane = units_[unit].lane[axis];
        units_of_[axis].resize(std::max(units_of_[axis].size(), lane + 1));
        units_of_[axis][lane].push_back(unit);
      }
    }
  } else {
    for (const std::uint32_t node : plan.track_node) {
      units_.emplace_back();
      units_.back().node = node;
    }
  }
}

/// As the fast network groups them in a job of these messages alone: in a grid of StripeGroups, or all as one where a
/// group of that would be empty.
void ScheduleLinks::make_groups(const Slice& die, std::int64_t messages) {
  using fabric::StripeGroups;
  enabled_ = topology_.site_map(die.dies.front()).enabled;
  const auto grouped = [&](StripeGroups::Grid grid) {
    return StripeGroups(topology_.site_rows(), topology_.site_columns(), enabled_, grid);
  };
  StripeGroups groups = grouped(StripeGroups::grid_for(messages));
  if (!groups.complete()) groups = grouped(StripeGroups::kCoarse);
  if (!groups.complete()) {
    units_ = {make_group(groups[0].sites)};
    return;
  }
  const auto columns = static_cast<unsigned>(groups.grid().columns);
  for (unsigned group = 1; group < groups.count(); ++group) {
    units_.push_back(make_group(groups[group].sites));
    units_.back().lane = {(group - 1) / columns, (group - 1) % columns};
  }
}

ScheduleUnit ScheduleLinks::make_group(const std::vector<SiteIndex>& sites) const {
  ScheduleUnit unit;
  unit.nodes = static_cast<double>(sites.size());
  unit.begin = {topology_.site_columns(), topology_.site_rows()};
  unit.end = {0, 0};
  for (const SiteIndex site : sites) {
    const std::array<std::int32_t, 2> at{site % topology_.site_columns(), site / topology_.site_columns()};
    for (const std::size_t axis : {0u, 1u}) {
      unit.begin[axis] = std::min(unit.begin[axis], at[axis]);
      unit.end[axis] = std::max(unit.end[axis], at[axis] + 1);
    }
  }
  for (const std::size_t axis : {0u, 1u}) {
    const Direction d = axis == 0 ? Direction::kEast : Direction::kSouth;
    for (std::int32_t line = unit.begin[1 - axis]; line < unit.end[1 - axis]; ++line) {
      const double nodes = nodes_on(d, line, steps_of(d, unit));
      if (nodes <= unit.in_line[axis] && line > unit.begin[1 - axis]) continue;
      unit.in_line[axis] = nodes;
      unit.fullest[axis] = line;
    }
  }
  for (const Direction d : {Direction::kEast, Direction::kWest, Direction::kNorth, Direction::kSouth}) {
    const Steps steps = steps_of(d, unit);
    std::vector<std::uint8_t>& has = unit.has_node[static_cast<std::size_t>(d)];
    for (std::int32_t i = 0; i < length(d); ++i)
      has.push_back(i >= steps.begin && i < steps.end && has_node(d, unit.fullest[axis_of(d)], i) ? 1 : 0);
  }
  return unit;
}

Site ScheduleLinks::next_die(Site first, Direction d) const {
  const std::int32_t step = is_up(d) ? length(d) : -length(d);
  return axis_of(d) == 0 ? Site{first.row, first.column + step} : Site{first.row + step, first.column};
}

bool ScheduleLinks::has_node(Direction d, std::int32_t line, std::int32_t step) const {
  const std::int32_t at = is_up(d) ? step : length(d) - 1 - step, columns = topology_.site_columns();
  return enabled_[static_cast<std::size_t>(axis_of(d) == 0 ? line * columns + at : at * columns + line)] != 0;
}

ScheduleLinks::Steps ScheduleLinks::steps_of(Direction d, const ScheduleUnit& unit) const {
  const std::size_t axis = axis_of(d);
  if (is_up(d)) return {unit.begin[axis], unit.end[axis]};
  return {length(d) - unit.end[axis], length(d) - unit.begin[axis]};
}

double ScheduleLinks::nodes_on(Direction d, std::int32_t line, Steps steps) const {
  double nodes = 0;
  for (std::int32_t i = steps.begin; i < steps.end; ++i) nodes += has_node(d, line, i) ? 1 : 0;
  return nodes;
}

double* ScheduleLinks::links(DieCoordinates die, Direction d, std::int32_t line) {
  return &free_[(edge_index(die, d) * longest_ + static_cast<std::size_t>(line)) * longest_];
}

/// From every node to the border: a link carries the pieces of all nodes behind it.
ScheduleLinks::Stripe ScheduleLinks::stripe_out(DieCoordinates die, Direction d, const ScheduleUnit& unit, double bytes,
                                                double now) {
  const double piece = flits(bytes / unit.nodes);
  const std::vector<std::uint8_t>& has = unit.has_node[static_cast<std::size_t>(d)];
  double* const free = links(die, d, unit.fullest[axis_of(d)]);
  Train train;
  for (std::size_t i = 0; i < has.size(); ++i) {
    if (has[i] != 0) train.join(now + hop_, piece);
    if (train.flits > 0) train.pass(free[i], hop_);
  }
  return {train.tail - train.flits, train.tail - hop_, now};
}

ScheduleLinks::Stripe ScheduleLinks::stripe_through(DieCoordinates die, Direction d, const ScheduleUnit& unit,
                                                    double bytes, double now) {
  const double whole = line_flits(unit, axis_of(d), bytes);
  double* const free = links(die, d, unit.fullest[axis_of(d)]);
  const double start = std::max(now, *free), head = along(free, length(d), whole, now);
  return {head, head + whole - hop_, start};
}

/// From the border to every node, the farthest node's piece first, as the way out orders them.
ScheduleLinks::Stripe ScheduleLinks::stripe_in(DieCoordinates die, Direction d, const ScheduleUnit& unit, double bytes,
                                               double now) {
  const double piece = flits(bytes / unit.nodes), whole = line_flits(unit, axis_of(d), bytes);
  const std::vector<std::uint8_t>& has = unit.has_node[static_cast<std::size_t>(d)];
  double* const free = links(die, d, unit.fullest[axis_of(d)]);
  Stripe stripe{now, 0, now};
  Train train{whole, now, now + whole};
  for (std::size_t i = 0; train.flits > 0 && i < has.size(); ++i) {
    if (has[i] != 0) {
      stripe.head = std::max(stripe.head, train.tail);
      train.flits -= piece;
      train.tail -= piece;
      if (train.flits <= 0) break;
    }
    if (i == 0) stripe.start = std::max(now, *free);
    train.pass(free[i], hop_);
  }
  return stripe;
}

double ScheduleLinks::along(double* free, std::int32_t count, double flits, double head) const {
  for (std::int32_t i = 0; i < count; ++i) {
    const double start = std::max(head, free[i]);
    free[i] = start + flits;
    head = start + hop_;
  }
  return head;
}

ScheduleLinks::Unicast ScheduleLinks::unicast(Site at, Site to, double flits, double head) {
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  const DieCoordinates die = die_of(at);
  const Site first{die.row * rows, die.column * columns};
  Unicast way{head, head, 0, std::nullopt, at};
  const auto go = [&](Direction d, std::int32_t from, std::int32_t target, std::int32_t line) {
    const bool leaves = target < 0 || target >= length(d);
    const std::int32_t begin = is_up(d) ? from : length(d) - 1 - from;
    double* const free = links(die, d, line) + begin;
    way.head = along(free, leaves ? length(d) - begin : std::abs(target - from), flits, way.head);
    if (way.first_link_free == 0) {
      way.first_link_free = *free;
      way.start = *free - flits;
    }
    if (leaves) way.out = d;
  };
  const std::int32_t row = at.row - first.row, column = at.column - first.column;
  if (to.column != at.column) {
    go(to.column > at.column ? Direction::kEast : Direction::kWest, column, to.column - first.column, row);
    way.next.column = !way.out ? to.column : is_up(*way.out) ? first.column + columns : first.column - 1;
  }
  if (!way.out && to.row != at.row) {
    go(to.row > at.row ? Direction::kSouth : Direction::kNorth, row, to.row - first.row, to.column - first.column);
    if (way.out) way.next.row = is_up(*way.out) ? first.row + rows : first.row - 1;
  }
  return way;
}

double ScheduleEdge::cross(double now) {
  const Waiting next = waiting.front();
  waiting.pop_front();
  credit -= next.bytes;
  const auto head = static_cast<Cycles>(std::ceil(std::max(next.head, now)));
  const auto flits = static_cast<Flits>(std::max(1.0, std::ceil(next.line_flits)));
  const auto units = static_cast<std::int64_t>(std::ldexp(next.bytes / bytes_per_cycle, fabric::EdgeSlots::kUnitBits));
  const Cycles last = slots.take(head, flits, units, static_cast<Cycles>(now));
  // An edge slower than the links, or one that others use too, delays the head, so that the train stays whole.
  return static_cast<double>(std::max(head, last - flits)) + latency;
}

std::vector<ScheduleEdge> schedule_edges(const DieArea& area, const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  std::vector<ScheduleEdge> edges(area.count() * topology::kDirections);
  for (std::int32_t row = area.low.row; row <= area.high.row; ++row) {
    for (std::int32_t column = area.low.column; column <= area.high.column; ++column) {
      for (std::size_t d = 0; d < topology::kDirections; ++d) {
        const topology::Edge from = topology.edge(topology.die_at(row, column), static_cast<Direction>(d));
        ScheduleEdge& edge = edges[area.index({row, column}) * topology::kDirections + d];
        edge.latency = static_cast<double>(from.latency_cycles);
        edge.bytes_per_cycle = from.bytes_per_s / p.clock_hz;
        edge.credit = static_cast<double>(std::max<Bytes>(from.buffer_bytes, 2 * kBurstBytes));
        if (from.neighbour != kNone) continue;  // else dead: over three other edges, as fast as this one was
        edge.latency = 3 * static_cast<double>(topology.cycles_from_ns(p.die.crossing_ns));
        edge.bytes_per_cycle = p.die.edge_bytes_per_s / p.clock_hz;
        edge.credit = 2 * edge.latency * edge.bytes_per_cycle;
      }
    }
  }
  return edges;
}

}  // namespace dojo::workload::collectives

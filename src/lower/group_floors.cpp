// SPDX-License-Identifier: Apache-2.0
// Floors of collectives: what any algorithm of messages between ranks has to send, over ports, links and edges.
#include <array>
#include <cstdlib>

#include "dojo/topology/node_ports.h"
#include "lower/floors.h"

namespace dojo::workload {
namespace {

using topology::Direction;
using Members = std::vector<const Slice*>;

/// Bytes per cycle that can leave all members together; 0: not known, because a slice ends within a die and at its
/// edge.
struct Exits {
  double ports = 0, links = 0, edges = 0;
};

double edges_around(const Slice& slice, const topology::Topology& topology) {
  const std::int32_t row = slice.first_site_row / topology.site_rows();
  const std::int32_t column = slice.first_site_column / topology.site_columns();
  double rate = 0;
  const auto add = [&](std::int32_t r, std::int32_t c, Direction direction) {
    const topology::Edge edge = topology.edge(topology.die_at(r, c), direction);
    if (edge.neighbour != kNone && edge.neighbour < topology.die_count()) rate += edge.bytes_per_s;
  };
  for (std::int32_t r = row; r < row + slice.shape->die_rows; ++r) {
    add(r, column, Direction::kWest);
    add(r, column + slice.shape->die_columns - 1, Direction::kEast);
  }
  for (std::int32_t c = column; c < column + slice.shape->die_columns; ++c) {
    add(row, c, Direction::kNorth);
    add(row + slice.shape->die_rows - 1, c, Direction::kSouth);
  }
  return rate / topology.params().clock_hz;
}

Exits exits_of(const Members& members, const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  const topology::NodePorts ports = topology::node_ports(p.node);
  const auto link = static_cast<double>(p.noc.link_bytes_per_cycle);
  Exits all;
  bool whole_dies = true, within_dies = true;
  for (const Slice* m : members) {
    const SliceShape& shape = *m->shape;
    all.ports += static_cast<double>(shape.node_count() * std::min(ports.read, ports.write)) * link;
    whole_dies = whole_dies && shape.rows == shape.die_rows * topology.site_rows() &&
                 shape.columns == shape.die_columns * topology.site_columns();
    within_dies = within_dies && shape.die_count() == 1 && shape.rows < topology.site_rows() &&
                  shape.columns < topology.site_columns();
    if (whole_dies) all.edges += edges_around(*m, topology);
    all.links += 2 * (shape.rows + shape.columns) * link;
  }
  if (!whole_dies) all.edges = 0;
  if (!within_dies) all.links = 0;
  return all;
}

/// Bytes that cross a cut one way at least, with so many members on each side.
double crossing_bytes(OpKind kind, double bytes, double before, double behind) {
  const double n = before + behind;
  switch (kind) {
    case OpKind::kAllGather:
      return bytes * std::max(before, behind);
    case OpKind::kReduceScatter:
      return bytes * std::max(before, behind) / n;
    case OpKind::kAllToAll:
      return bytes * before * behind / n;
    case OpKind::kBarrier:
      return 0;
    default:
      return bytes;
  }
}

/// Members along one axis, in dies.
struct Span {
  std::int32_t first = 0, last = 0;
};
Span span_of(const Slice& slice, const topology::Topology& topology, bool columns) {
  const std::int32_t sites = columns ? topology.site_columns() : topology.site_rows();
  const std::int32_t begin = columns ? slice.first_site_column : slice.first_site_row;
  return {begin / sites, (begin + (columns ? slice.shape->columns : slice.shape->rows) - 1) / sites};
}

/// Over every straight cut between dies with members on both sides and none across. Messages in dimension order stay
/// within the rectangle of the members.
double cut_cycles(OpKind kind, double bytes, const Members& members, const topology::Topology& topology, bool columns) {
  std::vector<Span> spans;
  Span along = span_of(*members.front(), topology, columns), across = span_of(*members.front(), topology, !columns);
  for (const Slice* m : members) {
    const Span a = span_of(*m, topology, columns), b = span_of(*m, topology, !columns);
    spans.push_back(a);
    along = {std::min(along.first, a.first), std::max(along.last, a.last)};
    across = {std::min(across.first, b.first), std::max(across.last, b.last)};
  }
  // By die line: members that end at it, that begin behind it.
  const auto lines = static_cast<std::size_t>(along.last - along.first + 1);
  std::vector<std::int32_t> ends(lines, 0), begins(lines, 0);
  for (const Span& s : spans) {
    ++ends[static_cast<std::size_t>(s.last - along.first)];
    ++begins[static_cast<std::size_t>(s.first - along.first)];
  }
  double most = 0;
  std::int32_t before = 0, begun = 0;
  for (std::size_t i = 0; i + 1 < lines; ++i) {
    before += ends[i];
    begun += begins[i];
    if (begun != before) continue;  // a member lies across
    double rate = 0;
    for (std::int32_t line = across.first; line <= across.last; ++line) {
      const auto at = along.first + static_cast<std::int32_t>(i);
      const DieId die = columns ? topology.die_at(line, at) : topology.die_at(at, line);
      rate += topology.edge(die, columns ? Direction::kEast : Direction::kSouth).bytes_per_s;
    }
    const double crossing = crossing_bytes(kind, bytes, before, static_cast<double>(members.size()) - before);
    if (rate > 0) most = std::max(most, crossing / rate * topology.params().clock_hz);
  }
  return most;
}

/// From the nearest node of one slice to the nearest of the other: hops and crossings.
double distance(const Slice& from, const Slice& to, const topology::Topology& topology) {
  double cycles = 0;
  for (const bool columns : {true, false}) {
    const auto low_end = [&](const Slice& s) { return columns ? s.first_site_column : s.first_site_row; };
    const auto behind = [&](const Slice& s) { return low_end(s) + (columns ? s.shape->columns : s.shape->rows); };
    const Slice& low = low_end(from) <= low_end(to) ? from : to;
    const Slice& high = &low == &from ? to : from;
    if (behind(low) > low_end(high)) continue;
    cycles += static_cast<double>((low_end(high) - behind(low) + 1) * topology.params().noc.hop_cycles);
    const std::int32_t line = span_of(from, topology, !columns).first;
    for (std::int32_t at = span_of(low, topology, columns).last; at < span_of(high, topology, columns).first; ++at) {
      const DieId die = columns ? topology.die_at(line, at) : topology.die_at(at, line);
      const topology::Edge edge = topology.edge(die, columns ? Direction::kEast : Direction::kSouth);
      cycles += edge.neighbour == kNone ? 0.0 : static_cast<double>(edge.latency_cycles);
    }
  }
  return cycles;
}

/// The farthest that data has to go: between the members that stand out in some direction, or from the root to one.
double farthest(bool rooted, const Slice& root, const Members& members, const topology::Topology& topology) {
  constexpr std::array<std::array<std::int32_t, 2>, 4> kDirections{{{1, 0}, {0, 1}, {1, 1}, {1, -1}}};
  double most = 0;
  for (const auto& [down, right] : kDirections) {
    const auto along = [d = down, r = right](const Slice* m) {
      return d * m->first_site_row + r * m->first_site_column;
    };
    const auto [low, high] = std::minmax_element(members.begin(), members.end(),
                                                 [&](const Slice* a, const Slice* b) { return along(a) < along(b); });
    if (!rooted) most = std::max(most, distance(**low, **high, topology));
    if (rooted) most = std::max({most, distance(root, **low, topology), distance(root, **high, topology)});
  }
  return most;
}

}  // namespace

Floors collective_floors(OpKind kind, Bytes bytes, std::uint32_t root, const Members& members,
                         const topology::Topology& topology) {
  Floors floors;
  const double n = static_cast<double>(members.size());
  if (n < 2) return floors;
  const bool rooted = traits(kind).has(OpTraits::kHasRoot);
  const double sent = traits(kind).link_bytes(static_cast<double>(bytes), n) * (rooted ? n - 1 : n);
  const Exits exits = exits_of(members, topology);
  floors[Bound::kPort] = sent / exits.ports;
  if (exits.links > 0) floors[Bound::kLink] = sent / exits.links;
  if (exits.edges > 0) floors[Bound::kEdge] = sent / exits.edges;
  if (topology.routes() == nullptr) {
    for (const bool columns : {true, false})
      floors.raise(Bound::kEdge, cut_cycles(kind, static_cast<double>(bytes), members, topology, columns));
  }
  floors[Bound::kLatency] = farthest(rooted, *members[root < members.size() ? root : 0], members, topology);
  return floors;
}

}  // namespace dojo::workload

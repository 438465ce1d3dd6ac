// SPDX-License-Identifier: Apache-2.0
// Path latencies, rates and the choice of chunks of the latency-bandwidth model (docs/collectives.md).
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include "collectives/common.h"
#include "dojo/topology/node_ports.h"
#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace collectives {
namespace {

topology::DieCoordinates centre_die(const Slice& slice, const topology::Topology& topology) {
  return {(slice.first_site_row + slice.shape->rows / 2) / topology.site_rows(),
          (slice.first_site_column + slice.shape->columns / 2) / topology.site_columns()};
}

/// Adds crossings in dimension order, columns first, and the on-die hops between them.
void walk(topology::DieCoordinates at, topology::DieCoordinates end, const Slice& from,
          const topology::Topology& topology, Path& path) {
  using topology::Direction;
  const auto cross = [&](Direction direction, std::int32_t parallel_edges) {
    const topology::Edge edge = topology.edge(topology.die_at(at.row, at.column), direction);
    if (edge.neighbour == kNone) {  // dead: over three other edges, as fast as this one was
      path.latency_cycles += 3 * static_cast<double>(topology.cycles_from_ns(topology.params().die.crossing_ns));
      return;
    }
    path.latency_cycles += static_cast<double>(edge.latency_cycles);
    const double rate = edge.bytes_per_s / topology.params().clock_hz * parallel_edges;
    path.pooled_bytes_per_cycle = std::min(path.pooled_bytes_per_cycle, rate);
  };
  const std::int32_t step_column = end.column > at.column ? 1 : -1, step_row = end.row > at.row ? 1 : -1;
  for (; at.column != end.column; at.column += step_column) {
    cross(step_column > 0 ? Direction::kEast : Direction::kWest, from.shape->die_rows);
  }
  for (; at.row != end.row; at.row += step_row) {
    cross(step_row > 0 ? Direction::kSouth : Direction::kNorth, from.shape->die_columns);
  }
}

/// From the middle of a slice over the mesh into its DIP, or back.
void walk_to_dip(const Slice& slice, std::uint32_t dip, const topology::Topology& topology, Path& path) {
  const DieId die = topology.dip_die(dip);
  const topology::Direction side = topology.dip_side(dip);
  const topology::DieCoordinates end = topology.coordinates(die);
  const topology::DieCoordinates at = centre_die(slice, topology);
  const bool by_rows = side == topology::Direction::kWest || side == topology::Direction::kEast;
  const bool low = side == topology::Direction::kWest || side == topology::Direction::kNorth;
  const std::int32_t middle = by_rows ? slice.first_site_column + slice.shape->columns / 2
                                      : slice.first_site_row + slice.shape->rows / 2,
                     sites = by_rows ? topology.die_columns() * topology.site_columns()
                                     : topology.die_rows() * topology.site_rows();
  const std::int32_t across = low ? middle + 1 : sites - middle,
                     along = by_rows ? std::abs(at.row - end.row) * topology.site_rows()
                                     : std::abs(at.column - end.column) * topology.site_columns();
  path.latency_cycles += static_cast<double>((across + along) * topology.params().noc.hop_cycles);
  walk(at, end, slice, topology, path);
  (by_rows ? path.horizontal : path.vertical) = true;
  const topology::Edge edge = topology.edge(die, side);
  path.latency_cycles +=
      static_cast<double>(edge.latency_cycles + topology.cycles_from_ns(topology.params().dip.bridge_ns));
  path.pooled_bytes_per_cycle = std::min(path.pooled_bytes_per_cycle, edge.bytes_per_s / topology.params().clock_hz);
}

}  // namespace

DieId first_die(const Slice& slice, const topology::Topology& topology) {
  return topology.die_at(slice.first_site_row / topology.site_rows(),
                         slice.first_site_column / topology.site_columns());
}

Path path_between(const Slice& from, const Slice& to, const topology::Topology& topology) {
  Path path;
  path.pooled_bytes_per_cycle = std::numeric_limits<double>::infinity();
  const std::int64_t rows = std::abs(to.first_site_row - from.first_site_row);
  const std::int64_t columns = std::abs(to.first_site_column - from.first_site_column);
  path.horizontal = columns != 0;
  path.vertical = rows != 0;
  path.latency_cycles = static_cast<double>((rows + columns) * topology.params().noc.hop_cycles);
  walk(centre_die(from, topology), centre_die(to, topology), from, topology, path);
  return path;
}

Path path_over_zplane(const Slice& from, const Slice& to, const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  const Rates rates(topology);
  Path path;
  path.pooled_bytes_per_cycle = std::min(rates.frame_payload / rates.over_ethernet(rates.frame_payload),
                                         p.dip.hbm_bytes_per_s * p.dip.hbm_efficiency / p.clock_hz);
  walk_to_dip(from, topology.nearest_dip(first_die(from, topology)), topology, path);
  walk_to_dip(to, topology.nearest_dip(first_die(to, topology)), topology, path);
  const double switches = p.zplane.switch_tiers == 1 ? 1 : 3;
  path.latency_cycles += static_cast<double>(
      topology.cycles_from_ns(2 * p.dip.hbm_latency_ns + 2 * p.dip.bridge_ns + switches * p.zplane.switch_ns));
  return path;
}

Rates::Rates(const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  link = static_cast<double>(p.noc.link_bytes_per_cycle);
  const topology::NodePorts ports = topology::node_ports(p.node);
  inject = ports.read * link;
  eject = ports.write * link;
  combine = topology::add_rate(p.node).bytes_per_cycle();
  ethernet = p.dip.ethernet_bytes_per_s / p.clock_hz;
  frame_payload = static_cast<double>(p.zplane.frame_beats) * 64;
  frame_overhead = static_cast<double>(p.zplane.header_bytes + p.zplane.gap_bytes);
}

double Rates::over_ethernet(double bytes) const {
  return (bytes + std::ceil(bytes / frame_payload) * frame_overhead) / ethernet;
}

double Rates::path(const Path& path, const Tracks& tracks) const {
  double rate = std::min(path.pooled_bytes_per_cycle, static_cast<double>(tracks.count()) * std::min(inject, eject));
  if (path.horizontal) rate = std::min(rate, static_cast<double>(tracks.distinct_rows) * link);
  if (path.vertical) rate = std::min(rate, static_cast<double>(tracks.distinct_columns) * link);
  return rate;
}

double Rates::message(const Path& path, const Tracks& tracks) const {
  if (tracks.striped) return this->path(path, tracks) / static_cast<double>(tracks.count());
  return std::min({link, inject, eject, path.pooled_bytes_per_cycle});
}

double message_bytes(Bytes bytes, std::int64_t tracks, std::int64_t chunks) {
  const Bytes piece = ceil_div<Bytes>(bytes, tracks * chunks);
  return static_cast<double>(std::max<Bytes>(ceil_div<Bytes>(piece, 64), 1) * 64);
}

ChunkChoice choose_chunks(Bytes step_bytes, const Tracks& on, std::int64_t edges, const ChunkCost& cost) {
  constexpr double kWorthIt = 1.05;
  constexpr std::int64_t kOverlap = 4;  // steps overlap only when there is something to send while something comes
  const std::int64_t tracks = on.count();
  const Bytes least = on.striped ? kMinPieceBytes : kMinMessageBytes;
  const std::int64_t messages = (on.striped ? 1 : tracks) * std::max<std::int64_t>(1, edges);  // of one chunk
  const Bytes least_of_many = on.striped ? least : kMinBulkMessageBytes;
  const std::int64_t worthwhile =
      std::min(step_bytes / (tracks * least), std::max(step_bytes / (tracks * least_of_many), kFewMessages / messages));
  const std::int64_t most = std::max<std::int64_t>(1, std::min(worthwhile, kMaxMessages / messages));
  // Messages of a power of two up to 8 KiB and of whole 8 KiB beyond, because the network moves them in such bursts.
  std::vector<ChunkChoice> choices;
  Bytes message = least;
  for (std::int64_t chunks = kNever; chunks > std::min(kOverlap, most);) {
    chunks = std::clamp<std::int64_t>(ceil_div(step_bytes, tracks * message), 1, most);
    choices.push_back({chunks, cost(chunks), {}});
    message = message < 8192 ? message * 2 : ceil_div<Bytes>(message * 5 / 4, 8192) * 8192;
  }
  while (choices.size() > 1 && choices.back().chunks < std::min(kOverlap, most)) choices.pop_back();
  double best = choices.front().cycles;
  for (const ChunkChoice& choice : choices) best = std::min(best, choice.cycles);
  ChunkChoice chosen = *std::find_if(choices.rbegin(), choices.rend(),
                                     [&](const ChunkChoice& choice) { return choice.cycles <= best * kWorthIt; });
  for (const ChunkChoice& choice : choices) chosen.counts.push_back(choice.chunks);
  return chosen;
}

MemberGrid member_grid(const std::vector<const Slice*>& members) {
  MemberGrid grid;
  std::map<std::int32_t, std::uint32_t> rows, columns;
  for (const Slice* m : members) {
    rows.emplace(m->first_site_row, 0u);
    columns.emplace(m->first_site_column, 0u);
  }
  for (auto& [site, index] : rows) index = grid.rows++;
  for (auto& [site, index] : columns) index = grid.columns++;
  for (const Slice* m : members) {
    grid.row_of.push_back(rows.at(m->first_site_row));
    grid.column_of.push_back(columns.at(m->first_site_column));
  }
  if (static_cast<std::uint64_t>(grid.rows) * grid.columns != members.size()) return grid;
  grid.member.assign(members.size(), kNone);
  for (std::uint32_t i = 0; i < members.size(); ++i) grid.member[grid.row_of[i] * grid.columns + grid.column_of[i]] = i;
  grid.full = std::find(grid.member.begin(), grid.member.end(), kNone) == grid.member.end();
  return grid;
}

}  // namespace collectives

std::vector<std::uint32_t> dips_of(const std::vector<const Slice*>& members, const topology::Topology& topology,
                                   std::vector<std::uint32_t>* of_member) {
  std::vector<std::uint32_t> dips, index(topology.dip_count(), kNone);
  for (const Slice* member : members) {
    const std::uint32_t dip = topology.nearest_dip(collectives::first_die(*member, topology));
    if (index[dip] == kNone) {
      index[dip] = static_cast<std::uint32_t>(dips.size());
      dips.push_back(dip);
    }
    if (of_member != nullptr) of_member->push_back(index[dip]);
  }
  return dips;
}

double message_seconds(const Slice& from, const Slice& to, Bytes bytes, bool over_zplane,
                       const topology::Topology& topology) {
  using namespace collectives;
  const SliceShape& smaller = from.shape->node_count() <= to.shape->node_count() ? *from.shape : *to.shape;
  const bool all = !over_zplane && can_stripe(from, to, bytes, topology);
  const Tracks tracks = tracks_on(smaller, residency(smaller, all ? std::numeric_limits<Bytes>::max() : bytes));
  const Path path = over_zplane ? path_over_zplane(from, to, topology) : path_between(from, to, topology);
  const Rates rates(topology);
  const double overhead = over_zplane ? rates.frame_overhead / rates.ethernet : 0;
  return (path.latency_cycles + overhead + static_cast<double>(bytes) / rates.path(path, tracks)) /
         topology.params().clock_hz;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// What the meshes of routers of all network models share and what is no timing: the numbers of ports, the shape of a
// mesh, the way of a packet in dimension order, and the word of its header that says where it goes.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/topology/node_ports.h"
#include "dojo/topology/topology.h"

namespace dojo::traffic {

using topology::kMostNodePorts;
using topology::node_ports;
using topology::NodePorts;

/// Ports 0 to 3 of a router face its neighbours east, west, south and north; the ports of its node follow. Output port
/// p feeds the neighbour's input port p ^ 1. A side of a mesh has the number of the ports that face it.
inline constexpr unsigned kSides = 4, kLocalPort = kSides;
/// Ports are scanned in an order of their own; this and port_of() are the only places that know both orders.
inline constexpr std::array<topology::Direction, kSides> kDirectionOfPort{
    topology::Direction::kEast, topology::Direction::kWest, topology::Direction::kSouth, topology::Direction::kNorth};
constexpr unsigned port_of(topology::Direction d) {
  unsigned port = 0;
  while (kDirectionOfPort[port] != d) ++port;
  return port;
}
constexpr bool is_east_or_west(unsigned side) {
  return side < 2;
}

/// A packet's header word: marks of its first and its last part (flit or segment), and where it goes: row and column of
/// its destination, or, on machines with dead parts, a topology::Headings.
inline constexpr std::uint32_t kFirstMark = 1u << 31, kLastMark = 1u << 30;
inline constexpr std::uint32_t kSiteBits = 15, kSiteMask = (1u << kSiteBits) - 1;
constexpr std::uint32_t site_word(std::int32_t row, std::int32_t column) {
  return static_cast<std::uint32_t>(row) << kSiteBits | static_cast<std::uint32_t>(column);
}
constexpr std::uint32_t row_of(std::uint32_t word) {
  return word >> kSiteBits & kSiteMask;
}
constexpr std::uint32_t column_of(std::uint32_t word) {
  return word & kSiteMask;
}

/// Packets carry the low half of the cycle in which they were created, and are never 2^32 cycles old.
constexpr Cycles whole_cycle(Cycles now, std::uint32_t created) {
  return now - static_cast<std::uint32_t>(static_cast<std::uint32_t>(now) - created);
}

/// Dimension order, along the row first: the output port of a router at (row, column) towards a destination.
template <class Router>
[[gnu::always_inline]] inline unsigned port_towards(const Router& here, std::uint32_t row, std::uint32_t column) {
  const unsigned along = column > here.column ? 0u : 1u;
  const unsigned down = row > here.row ? 2u : 3u;
  const unsigned last = row == here.row ? kLocalPort : down;
  return column == here.column ? last : along;
}

/// A rectangle of routers, numbered row by row. Its first row and column are those of the whole machine.
struct MeshShape {
  std::int32_t first_row = 0, first_column = 0, rows = 1, columns = 1;
  /// The router at the end of a lane (row or column of the mesh) at a side.
  [[nodiscard]] std::uint32_t router_at(unsigned side, std::uint32_t lane) const {
    const auto wide = static_cast<std::uint32_t>(columns), high = static_cast<std::uint32_t>(rows);
    if (is_east_or_west(side)) return lane * wide + (side == 0 ? wide - 1 : 0);
    return (side == 2 ? (high - 1) * wide : 0) + lane;
  }
  /// Of a router at a row and column of the machine, which leads over a side.
  [[nodiscard]] std::uint16_t lane_of(unsigned side, std::uint32_t row, std::uint32_t column) const {
    return static_cast<std::uint16_t>(is_east_or_west(side) ? row - static_cast<std::uint32_t>(first_row)
                                                            : column - static_cast<std::uint32_t>(first_column));
  }
  /// Bit s: beyond side s of the router at (row, column) of the mesh lies none of its routers.
  [[nodiscard]] std::uint8_t border(std::int32_t row, std::int32_t column) const {
    return static_cast<std::uint8_t>((column == columns - 1 ? 1 : 0) | (column == 0 ? 2 : 0) |
                                     (row == rows - 1 ? 4 : 0) | (row == 0 ? 8 : 0));
  }
};

/// A side of a die beyond which lies another die, or a DIP, in units of flits.
struct CrossingParams {
  unsigned side = 0;
  double bytes_per_s = 0, clock_hz = 1;
  std::int64_t flit_bytes = 64;
  Cycles latency = 1;
  std::int64_t buffer_flits = 0;  ///< receive buffer of the whole edge
  std::uint32_t lanes = 1;        ///< rows or columns of the die
};
inline CrossingParams crossing_params(const topology::Topology& topology, const topology::Edge& edge, unsigned side) {
  CrossingParams params;
  params.side = side;
  params.bytes_per_s = edge.bytes_per_s;
  params.clock_hz = topology.params().clock_hz;
  params.flit_bytes = topology.params().noc.link_bytes_per_cycle;
  params.latency = edge.latency_cycles;
  params.buffer_flits = edge.buffer_bytes / params.flit_bytes;
  params.lanes = static_cast<std::uint32_t>(is_east_or_west(side) ? topology.site_rows() : topology.site_columns());
  return params;
}

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// The nodes that send and receive, and where each pattern sends.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dojo/topology/rings.h"
#include "dojo/topology/routes.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/injection.h"
#include "dojo/traffic/params.h"

namespace dojo::traffic {

using topology::Site;

constexpr std::int64_t distance(Site a, Site b) {
  const std::int64_t rows = a.row - b.row, columns = a.column - b.column;
  return (rows < 0 ? -rows : rows) + (columns < 0 ? -columns : columns);
}

/// Where the node at (r, c) of an R x C grid sends, before absent sites are left out. Not for uniform,
/// hotspot and exchange.
[[nodiscard]] Site image(Pattern pattern, bool mirror_rows, std::int32_t rows, std::int32_t columns, Site from);

/// Nodes are numbered row by row over the sites of the whole machine, absent sites left out.
class Endpoints {
 public:
  /// Throws Error(kInvalidInput) for hotspots that are no sites and for dies that are not there. `topology` may go
  /// afterwards.
  Endpoints(const topology::Topology& topology, const NetParams& params);

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(sites_.size()); }
  [[nodiscard]] Site site(std::uint32_t node) const { return sites_[node]; }
  [[nodiscard]] std::int32_t rows() const { return rows_; }        ///< sites of the whole machine
  [[nodiscard]] std::int32_t columns() const { return columns_; }  ///< sites of the whole machine
  /// The node at a site, kNone where there is none.
  [[nodiscard]] std::uint32_t node_at(std::int32_t row, std::int32_t column) const {
    return nodes_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                  static_cast<std::size_t>(column)];
  }
  /// Nodes that inject: those of the area, without those that the pattern leaves silent.
  [[nodiscard]] std::uint32_t senders() const { return senders_; }
  [[nodiscard]] bool sends(std::uint32_t node) const { return sends_[node] != 0; }
  /// Where the next packet of a node that sends goes.
  [[nodiscard]] std::uint32_t destination(std::uint32_t node, Random& random) const {
    return fixed_.empty() ? destination_at(node, random.below(destination_count(node))) : fixed_[node];
  }
  /// All of them, each with the same chance.
  [[nodiscard]] std::uint32_t destination_count(std::uint32_t node) const {
    return fixed_.empty() ? static_cast<std::uint32_t>(group(node).size()) : 1;
  }
  [[nodiscard]] std::uint32_t destination_at(std::uint32_t node, std::uint32_t i) const {
    return fixed_.empty() ? group(node)[i] : fixed_[node];
  }
  /// From one row, or column, to another, in a unit of its own.
  using Between = std::function<std::int64_t(std::int32_t, std::int32_t)>;
  [[nodiscard]] const topology::Rings& rings() const { return rings_; }
  /// Hops between routers.
  [[nodiscard]] std::int64_t hops(Site from, Site to) const {
    return rings_.any() ? std::int64_t{rings_.hops(from, to)} : distance(from, to);
  }
  /// Mean distance of a packet, in channels between routers.
  [[nodiscard]] double mean_distance() const;
  /// Mean time that packets spend in crossings between dies, waits not included, in cycles.
  [[nodiscard]] double mean_crossing_cycles(const topology::Topology& topology) const;

 private:
  /// A rectangle of sites.
  struct Grid {
    Site origin;
    std::int32_t rows = 0, columns = 0;
    [[nodiscard]] bool holds(Site at) const {
      return at.row >= origin.row && at.row < origin.row + rows && at.column >= origin.column &&
             at.column < origin.column + columns;
    }
  };
  [[nodiscard]] const std::vector<std::uint32_t>& group(std::uint32_t node) const {
    return groups_[group_of_.empty() ? 0 : group_of_[node]];
  }
  void set_area(const topology::Topology& topology, const AreaParams& area);
  /// What the pattern is laid over: the area, or the die that holds `at`.
  [[nodiscard]] Grid grid_of(const topology::Topology& topology, const NetParams& params, Site at) const;
  void add_nodes(const topology::Topology& topology);
  void map_exchange(const topology::Topology& topology);
  void map_pattern(const topology::Topology& topology, const NetParams& params);
  void map_uniform(const topology::Topology& topology, bool per_die);
  void map_hotspots(const topology::Topology& topology, const NetParams& params);
  [[nodiscard]] std::uint32_t image_node(const topology::Topology& topology, const Grid& grid, Site at) const;
  [[nodiscard]] std::uint32_t nearest_node(const Grid& grid, Site at) const;
  /// Mean over the packets of the distances of source and destination, rows and columns added.
  [[nodiscard]] double mean_of(const Between& rows, const Between& columns) const;
  [[nodiscard]] double mean_of_groups(const Between& rows_between, const Between& columns_between) const;

  topology::Rings rings_;
  std::int32_t rows_ = 0, columns_ = 0;
  Grid area_;
  std::uint32_t senders_ = 0;
  std::vector<std::uint8_t> sends_;  ///< by node
  std::vector<Site> sites_;
  std::vector<std::uint32_t> nodes_;  ///< by site
  std::vector<std::uint32_t> fixed_;  ///< by node: its one destination (kNone: silent); empty for uniform and hotspot
  std::vector<std::vector<std::uint32_t>> groups_;  ///< destinations with equal chance
  std::vector<std::uint32_t> group_of_;             ///< by node; empty: all use the first group
};

/// Between each two rows (`down`) or columns of dies: the edge that leads from the one to the next, the same along the
/// whole machine but for edges that are dead. All zero where all of them are.
[[nodiscard]] std::vector<topology::Edge> edges_along(const topology::Topology& topology, bool down);
/// By row (`down`) or column of sites: cycles in crossings from the first one, waits not included.
[[nodiscard]] std::vector<std::int64_t> crossing_positions(const topology::Topology& topology, bool down);

}  // namespace dojo::traffic

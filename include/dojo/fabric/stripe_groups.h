// SPDX-License-Identifier: Apache-2.0
// The nodes of a die whose pieces of a striped message move together, in the models that move bursts. Group 0 is the
// whole die; the others are a grid of rectangles that together are the die. Dies with the same site map share them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/topology.h"

namespace dojo::fabric {

/// How many rows and columns of groups a die has.
struct StripeGrid {
  std::int32_t rows, columns;
  [[nodiscard]] constexpr unsigned groups() const { return static_cast<unsigned>(rows * columns); }
};

class StripeGroups {
 public:
  using Grid = StripeGrid;
  /// What a job's collectives move takes as many events as there are groups, so large jobs have fewer.
  static constexpr Grid kCoarse{2, 4}, kFine{6, 4};
  static constexpr unsigned kMost = 1 + kFine.groups();  ///< groups of a die, the whole die included
  /// A job whose dies send so many striped messages (chunks of edges of plans) has the finer grid. The limit is chosen:
  /// up to it, stripes take less than a second of the host's time.
  static constexpr std::int64_t kMostFine = 10'000;
  [[nodiscard]] static constexpr Grid grid_for(std::int64_t messages) {
    return messages > 0 && messages <= kMostFine ? kFine : kCoarse;
  }

  struct Group {
    std::array<std::int32_t, 2> begin{}, end{};  ///< columns, rows
    std::vector<SiteIndex> sites;                ///< of its nodes, ascending
    std::uint32_t before = 0;                    ///< nodes of the groups before it
    std::array<std::vector<Flits>, 2> on_lane;   ///< nodes by row, by column
    std::array<Flits, 2> fullest{};              ///< nodes in the fullest row, in the fullest column
    [[nodiscard]] std::uint32_t nodes() const { return static_cast<std::uint32_t>(sites.size()); }
  };

  /// `enabled`: by site, row by row; 1: the site has a node.
  StripeGroups(std::int32_t rows, std::int32_t columns, const std::vector<std::uint8_t>& enabled, Grid grid = kCoarse);

  [[nodiscard]] Grid grid() const { return grid_; }
  [[nodiscard]] unsigned count() const { return 1 + grid_.groups(); }  ///< the whole die included
  /// Each group has a node.
  [[nodiscard]] bool complete() const;

  [[nodiscard]] const Group& operator[](unsigned group) const { return groups_[group]; }
  /// What of a message of the whole die, in bytes, the nodes of a group move; at least 1.
  [[nodiscard]] Bytes share_of(unsigned group, Bytes bytes) const;

 private:
  [[nodiscard]] Group make(const std::vector<std::uint8_t>& enabled, std::array<std::int32_t, 2> begin,
                           std::array<std::int32_t, 2> end) const;

  std::int32_t rows_, columns_;
  Grid grid_;
  std::vector<Group> groups_;
};

/// What striped bursts have moved in one direction. How that is spread over links and ports follows from the site map,
/// so it is worked out when somebody asks.
struct StripeUse {
  std::uint64_t flits = 0, bursts = 0;   ///< of one node's pieces
  std::uint64_t bytes = 0;               ///< that every node moves
  std::vector<std::uint32_t> remainder;  ///< [n]: bursts in which nodes 0 to n-1 move a byte more; empty: none yet
  void add(Flits piece, Bytes all, std::uint32_t nodes) {
    flits += static_cast<std::uint64_t>(piece);
    ++bursts;
    bytes += static_cast<std::uint64_t>(all / nodes);
    if (all % nodes == 0) return;
    if (remainder.empty()) remainder.assign(std::size_t{nodes} + 1, 0);
    ++remainder[static_cast<std::size_t>(all % nodes)];
  }
  [[nodiscard]] std::uint32_t more(std::size_t node) const { return remainder.empty() ? 0 : remainder[node]; }
  void clear() {
    flits = bursts = bytes = 0;
    std::fill(remainder.begin(), remainder.end(), 0u);
  }
};

}  // namespace dojo::fabric

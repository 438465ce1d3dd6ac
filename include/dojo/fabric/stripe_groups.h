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

class StripeGroups {
 public:
  static constexpr std::int32_t kRows = 2, kColumns = 4;
  static constexpr unsigned kCount = 1 + kRows * kColumns;

  struct Group {
    std::array<std::int32_t, 2> begin{}, end{};  ///< columns, rows
    std::vector<SiteIndex> sites;                ///< of its nodes, ascending
    std::uint32_t before = 0;                    ///< nodes of the groups before it
    std::array<std::vector<Flits>, 2> on_lane;   ///< nodes by row, by column
    std::array<Flits, 2> fullest{};              ///< nodes in the fullest row, in the fullest column
    [[nodiscard]] std::uint32_t nodes() const { return static_cast<std::uint32_t>(sites.size()); }
  };

  /// `enabled`: by site, row by row; 1: the site has a node.
  StripeGroups(std::int32_t rows, std::int32_t columns, const std::vector<std::uint8_t>& enabled);

  [[nodiscard]] const Group& operator[](unsigned group) const { return groups_[group]; }
  /// What of a message of the whole die, in bytes, the nodes of a group move; at least 1.
  [[nodiscard]] Bytes share_of(unsigned group, Bytes bytes) const;

 private:
  [[nodiscard]] Group make(const std::vector<std::uint8_t>& enabled, std::array<std::int32_t, 2> begin,
                           std::array<std::int32_t, 2> end) const;

  std::int32_t rows_, columns_;
  std::array<Group, kCount> groups_;
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

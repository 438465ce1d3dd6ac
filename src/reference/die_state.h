// SPDX-License-Identifier: Apache-2.0
// Inside of reference::Die: its block and what lies at its four edges.
#pragma once
#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "dojo/reference/die.h"
#include "reference/crossing.h"
#include "reference/die_block.h"

namespace dojo::reference {

using fabric::Burst;
using fabric::Shape;
using topology::Direction;

/// What comes from a DIP arrives a flit a cycle on the lane of its burst.
struct DipLane {
  struct Train {
    std::uint32_t message = 0, flits = 0;
    Bytes bytes = 0;
    Cycles created = 0, next = 0;
  };
  std::deque<Train> coming, taken;  ///< taken: still owed credit for
};

struct SideState {
  ShardId neighbour = kNone;
  bool dip = false;
  Cycles latency = 1;
  std::unique_ptr<CrossingOut> out;
  std::unique_ptr<CrossingIn> in;
  std::vector<DipLane> lanes;
  std::vector<std::uint32_t> local;  ///< by the neighbour's number of a message: ours
  std::uint64_t queue_cycles = 0;
  Leaves leaves;
};

struct Die::State {
  State(const topology::Topology& topology, DieId die);
  std::uint32_t post_one(const Burst& burst, Bytes bytes, const Way& way, std::uint32_t ends);
  [[nodiscard]] std::uint8_t channel(const Burst& burst, SiteIndex site, bool leaves) const;
  [[nodiscard]] Way unicast_way(const Burst& burst) const;
  /// One direction of a multicast from a position in its line (row or column), itself not included.
  Way line_way(const Burst& burst, bool horizontal, bool high, std::int32_t lane, std::int32_t from,
               std::uint32_t& ends) const;
  std::uint32_t enter(Direction side, const Burst& burst, std::uint32_t flits, std::int32_t lane);
  void run_side(unsigned port, Cycles now);
  void feed_from_dip(SideState& side, Cycles now);
  void send_on(unsigned port, Cycles now);
  void find_next(Cycles now);
  [[nodiscard]] std::uint32_t flits_of(Bytes bytes) const {
    return static_cast<std::uint32_t>(std::max<Bytes>(1, ceil_div(bytes, link_bytes)));
  }
  [[nodiscard]] bool leaves(const Way& way) const {
    return way.exit != kLocalPort || way.column == 0 || way.column > columns || way.row == 0 || way.row > rows;
  }

  std::int32_t rows, columns, first_row, first_column, machine_columns;
  Bytes link_bytes;
  traffic::RouterParams router;
  std::vector<std::uint8_t> enabled;
  std::unique_ptr<DieBlock> block;
  std::array<SideState, kSides> sides;    ///< by port
  std::vector<Leaving> crossed, credits;  ///< scratch
  Cycles next = kNever, ran = -1;
};

}  // namespace dojo::reference

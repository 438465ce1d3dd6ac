// SPDX-License-Identifier: Apache-2.0
// The moving state of one kernel on the nodes of one die of a rank's slice. Objects are pooled: their vectors keep
// their capacity, so the hot loop does not allocate.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/program.h"

namespace dojo::machine {

struct KernelRun {
  const workload::Kernel* kernel = nullptr;
  std::uint32_t index = 0;  ///< in the die's pool
  std::uint32_t task = kNone, rank_die = kNone;
  bool in_use = false;   ///< operands may come before the task starts here
  bool started = false;  ///< the task has started here
  bool ending = false;   ///< its end is planned
  bool recompute = false;
  unsigned queue = 0;  ///< send queue that its messages take
  Cycles start = 0;
  Cycles finish = 0;     ///< latest end of a node's last step so far
  Cycles net_until = 0;  ///< latest arrival of an operand so far
  std::uint32_t done_nodes = 0;
  std::uint32_t arrivals_left = 0;  ///< at all nodes
  std::uint32_t gathers_left = 0;   ///< that this die still has to send
  std::uint32_t allowed_slot = 2;   ///< operands of at most two steps are in flight: double buffers

  struct NodeState {
    Cycles free = 0;         ///< end of its last step so far
    std::uint32_t step = 0;  ///< next that it computes
  };
  struct Slot {
    Cycles ready = 0;        ///< latest arrival so far
    std::uint32_t need = 0;  ///< arrivals still to come
  };
  std::uint32_t slots = 0;  ///< steps + 1; 0 without operands
  std::uint32_t node_count = 0;
  std::vector<NodeState> nodes;
  /// By node: when it has sent its pieces for its column, and for its row. A node sends one after the other.
  std::vector<std::array<Cycles, 2>> sends_end;
  /// [slot][node]: a gather meets the same slot of many nodes of a row or column, and a die is cold in the host's
  /// caches when its turn comes, so what one slot of all nodes needs lies side by side.
  std::vector<Slot> slots_of_nodes;
  [[nodiscard]] Slot& slot(std::uint32_t n, std::uint32_t s) { return slots_of_nodes[std::size_t{s} * node_count + n]; }
  [[nodiscard]] const Slot& slot(std::uint32_t n, std::uint32_t s) const {
    return slots_of_nodes[std::size_t{s} * node_count + n];
  }
  /// It is known when all that a node needs for a step will be there.
  [[nodiscard]] bool knows_operands(std::uint32_t node, std::uint32_t step) const {
    return slots == 0 || (slot(node, 0).need == 0 && slot(node, step + 1).need == 0);
  }

  static constexpr std::uint32_t kMostSideBySide = 12;  ///< gathers that share a line
  struct LineState {
    std::uint32_t cursor = 0;        ///< next gather
    std::uint32_t side_by_side = 0;  ///< how many from there on share the line now
    std::uint32_t complete = 0;      ///< a bit for each of them: all of it is on its way
    Bytes sent = 0;                  ///< by each node, of all its pieces of them
    /// For each of them, what had been sent when it began to share the line, in flits.
    std::array<std::uint32_t, kMostSideBySide> joined{};
    std::uint16_t open = 0;  ///< nodes of the line to which stage 1 is still to come
    bool pending = false;    ///< an event or an edge's credit will look at it
  };
  std::vector<LineState> lines;           ///< rows and columns of the die
  std::vector<std::uint32_t> next_slots;  ///< by line: of its next gather; kNone: there is none
  std::uint32_t rows = 0;                 ///< how many of the lines are rows; they come before columns
  std::vector<std::uint8_t> posted;       ///< by piece of the kernel, where each goes as a message of its own
  std::vector<std::uint32_t> steps_done;  ///< by step: nodes that have computed it
  std::vector<Cycles> steps_end;
};

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// The moving state of kernels and dataflows on one shard. Objects are pooled: their vectors keep their capacity, so the
// hot loop does not allocate.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/workload/program.h"
#include "machine/context.h"

namespace dojo::machine {

/// One kernel on the nodes of one die of a rank's slice.
struct KernelRun {
  const workload::Kernel* kernel = nullptr;
  std::uint32_t index = 0;  ///< in the shard's pool
  std::uint32_t task = kNone, rank_die = kNone;
  bool in_use = false, started = false, ending = false, recompute = false;
  Cycles start = 0, finish = 0, net_until = 0;
  std::uint32_t done_nodes = 0, arrivals_left = 0, gathers_left = 0;
  std::uint32_t allowed_slot = 2;  ///< operands of at most two steps are in flight: double buffers
  struct NodeState {
    Cycles free = 0;                    ///< end of its last step so far
    std::uint32_t step = 0, spans = 0;  ///< next step it computes; spans so far
  };
  struct Slot {
    Cycles ready = 0;        ///< latest arrival so far
    std::uint32_t need = 0;  ///< arrivals still to come
  };
  struct Span {  ///< the core is busy
    Cycles begin = 0, end = 0;
  };
  // Planes: a gather meets the same slot of many nodes of a row or column, and dies are cold in the host's caches when
  // their turn comes, so what one slot (or span) of all nodes needs lies side by side.
  std::vector<NodeState> nodes;
  std::vector<Slot> slots_of_nodes;  ///< [slot][node]: steps + 1 slots, none without operands
  std::vector<Span> spans_of_nodes;  ///< [span][node]: of a node follow each other in time, planned as soon as
                                     ///< operands are known to come
  std::uint32_t slots = 0, node_count = 0;
  [[nodiscard]] NodeState& node(std::uint32_t n) { return nodes[n]; }
  [[nodiscard]] const NodeState& node(std::uint32_t n) const { return nodes[n]; }
  [[nodiscard]] Slot& slot(std::uint32_t n, std::uint32_t s) { return slots_of_nodes[std::size_t{s} * node_count + n]; }
  [[nodiscard]] const Slot& slot(std::uint32_t n, std::uint32_t s) const {
    return slots_of_nodes[std::size_t{s} * node_count + n];
  }
  [[nodiscard]] Span& span(std::uint32_t n, std::uint32_t i) { return spans_of_nodes[std::size_t{i} * node_count + n]; }
  [[nodiscard]] const Span& span(std::uint32_t n, std::uint32_t i) const {
    return spans_of_nodes[std::size_t{i} * node_count + n];
  }
  struct LineState {
    std::uint32_t cursor = 0;  ///< next gather
    Bytes sent = 0;            ///< of each piece of that gather
    std::uint16_t open = 0;    ///< nodes of the line to which stage 1 is still to come
    bool pending = false;      ///< an event will look at it
  };
  std::vector<LineState> lines;
  std::vector<std::uint8_t> posted;  ///< in the reference model, by piece of the kernel
  std::uint32_t steps_done[16] = {};
  Cycles steps_end[16] = {};
};

/// One dataflow instance on one shard: the items of one position (or of all positions that are nodes).
struct DataflowRun {
  const PlanInfo* info = nullptr;
  std::uint32_t index = 0;  ///< in the shard's pool
  std::uint32_t instance = kNone, position = kNone, rank_die = kNone;
  std::uint32_t slot = kNone;  ///< of the rank's instance table, when the places are nodes
  bool in_use = false, started = false;
  std::uint32_t task = kNone;
  std::uint32_t first_item = 0, item_count = 0;
  std::uint32_t lane_low = 0, lane_count = 0;  ///< lanes whose node lies on this shard
  std::uint32_t finish_left = 0, fire_left = 0;
  std::vector<std::uint16_t> tokens;  ///< [(item - first) * lane_count * chunks + (lane - low) * chunks + chunk]
};

/// A dataflow among the nodes of one die: no message of it leaves the die, so it needs no tokens.
struct InRankRun {
  const PlanInfo* info = nullptr;
  std::uint32_t instance = kNone, rank_die = kNone, task = kNone;
  bool in_use = false;
  std::uint32_t level = 0;    ///< next
  Cycles finish = 0;          ///< of what has fired
  std::vector<Cycles> ready;  ///< [item * chunks + chunk] when all that has come is there
};

/// A message that a node or DIP still has to inject.
struct Send {
  fabric::Burst burst;
  Bytes remaining = 0;
  std::uint32_t next = kNone;
};

/// The nodes of one rank on one die.
struct RankDie {
  RankId rank = 0;
  std::uint32_t slice_die = 0, first_node = 0, node_count = 0;
  const workload::Slice* slice = nullptr;
  const ShapeInfo* shape = nullptr;
  const workload::Program* program = nullptr;
  const std::vector<std::vector<std::uint32_t>>* piece_needs = nullptr;  ///< by kernel; in the reference model
  std::vector<std::uint32_t> kernels_done;  ///< [kernel * 2 + recompute] since the counters were settled
  std::vector<bool> local_tasks;   ///< by task: it sends nothing off this die and waits for nothing from outside
  std::vector<bool> broken_lines;  ///< of the die: a router or link on the way is dead; empty: none
  std::uint32_t net_active = 0, mem_active = 0;
  std::vector<Cycles> combine_free;  ///< by node: its communication thread's adds
  Breakdown breakdown;               ///< up to counted_to
  Cycles counted_to = 0;
  const KernelRun* on_cores = nullptr;      ///< the kernel that the rank's cores run, until its work has been counted
  std::vector<std::uint8_t> counted_spans;  ///< of that kernel, by node: those that lie before counted_to
};

/// A router or link between the nodes of a slice's line does not work; all of the line when it spans several dies.
[[nodiscard]] bool is_broken_line(const workload::Slice& slice, std::uint32_t die, std::uint32_t line,
                                  const topology::Topology& topology);

/// A rank's sequencer, on the shard of the first die of its slice.
struct Controller {
  RankId rank = 0;
  const workload::Program* program = nullptr;
  std::vector<std::uint16_t> waits;       ///< dependencies still open, by task
  std::vector<std::uint32_t> ready_core;  ///< min-heap of tasks
  struct Active {
    std::uint32_t task, dies_left;
  };
  std::vector<Active> active;
  bool core_busy = false;
  std::uint32_t tasks_left = 0;
  std::vector<std::uint32_t> step_left;  ///< tasks still open, by training step
  std::vector<std::uint16_t> op_left;    ///< by op + step * ops
  std::vector<Cycles> op_start;
};

}  // namespace dojo::machine

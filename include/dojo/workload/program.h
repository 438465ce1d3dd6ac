// SPDX-License-Identifier: Apache-2.0
// What the executor runs: per rank a small DAG of tasks, made of two mechanisms only.
//
//   Kernel    one operation spread over the nodes of a rank's slice: operands are gathered along rows and columns in
//             steps, each node computes its piece of each step when its operands are there.
//   Dataflow  items that fire when enough messages have come and then send messages on: reductions, collectives,
//             send/recv, transfers from and to DIPs. One plan is replicated over `tracks` (nodes that hold a piece of
//             the data) and `chunks` (pieces of a track that are pipelined).
//
// Plans and programs are shared by all ranks with the same graph and the same slice shape.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/node/core_piece.h"
#include "dojo/node/node_model.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/floors.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

/// Where one rank lives: a rectangle of sites of the whole machine. Nodes are numbered die by die (dies row-major
/// within the slice), and row-major within a die; only enabled sites are nodes.
struct SliceShape {
  std::int32_t rows = 0, columns = 0;  ///< sites
  std::int32_t die_rows = 1, die_columns = 1;
  struct Node {
    std::uint16_t die = 0;              ///< index of the die within the slice
    SiteIndex site = 0;                 ///< within the die
    std::uint16_t row = 0, column = 0;  ///< of sites within the slice
    std::uint16_t row_index = 0;        ///< among the enabled nodes of this slice row
    std::uint16_t column_index = 0;     ///< among the enabled nodes of this slice column
    float core_speed = 1.0f;
    std::uint32_t row_line = 0, column_line = 0;  ///< into `lines`
  };
  std::vector<Node> nodes;
  /// The nodes of one row or column that lie on one die, west to east or north to south.
  struct Line {
    bool horizontal = true;
    bool goes_on_low = false, goes_on_high = false;  ///< the slice has more of it on the die to the west (north), east
    std::uint16_t lane = 0;                          ///< row (column) of the die
    std::uint32_t nodes_begin = 0, nodes_end = 0;    ///< into `line_nodes`
  };
  std::vector<Line> lines;                ///< die by die, a die's rows before its columns; none without nodes
  std::vector<std::uint32_t> line_begin;  ///< first line of each die; size dies + 1
  std::vector<std::uint32_t> line_nodes;
  std::vector<std::uint16_t> line_offsets;  ///< of those, column (row) on the die
  std::vector<std::uint32_t> die_begin;     ///< first node of each die; size dies + 1
  std::vector<std::uint16_t> row_count;     ///< enabled nodes in each slice row
  std::vector<std::uint16_t> column_count;  ///< enabled nodes in each slice column
  [[nodiscard]] std::uint32_t node_count() const { return static_cast<std::uint32_t>(nodes.size()); }
  [[nodiscard]] std::uint32_t die_count() const { return static_cast<std::uint32_t>(die_rows * die_columns); }
};

/// A rectangle of a slice's sites, [begin, end) in each direction; by default all of the slice.
struct SlicePart {
  std::uint16_t row_begin = 0, row_end = 0xffff, column_begin = 0, column_end = 0xffff;
  [[nodiscard]] bool is_all() const {
    return row_begin == 0 && row_end == 0xffff && column_begin == 0 && column_end == 0xffff;
  }
  [[nodiscard]] bool has(const SliceShape::Node& node) const {
    return node.row >= row_begin && node.row < row_end && node.column >= column_begin && node.column < column_end;
  }
};
/// What of a line lies in the part: fewer nodes, and it goes on to another die only where the part does. A part lies on
/// one die or is made of whole dies.
[[nodiscard]] SliceShape::Line clipped(const SliceShape& shape, const SliceShape::Line& line, const SlicePart& part);

struct Slice {
  std::shared_ptr<const SliceShape> shape;
  std::uint32_t shape_index = 0;                           ///< equal shapes share one index
  std::vector<DieId> dies;                                 ///< machine die of each die of the slice
  std::int32_t first_site_row = 0, first_site_column = 0;  ///< in the whole machine's site grid
};

/// Nodes of a line that hold pieces of an operand multicast them along the row or column of the kernel's part.
struct Gather {
  std::uint32_t pieces_begin = 0, pieces_end = 0;
  std::uint8_t slot = 0;   ///< arrival slot at the receivers: 0 = stage 1, 1 .. steps = operands of that step
  std::uint8_t stage = 1;  ///< 1: sent when the kernel starts; 2: passes on what has come in slot 0 to all of the line
};
struct Piece {
  std::uint16_t holder = 0;  ///< the sender, a number among the nodes of the clipped line
  std::uint32_t bytes = 0;
};
/// A message between two nodes; sent when the kernel starts.
struct Unicast {
  std::uint32_t source = 0, destination = 0;  ///< nodes
  std::uint32_t bytes = 0;
  std::uint8_t slot = 0;
};

/// One operation on the nodes of a part of a slice; the others have nothing to do in it. A slot's arrivals at a node
/// are counted in gathers (one for each line of its row or column in which another node holds a piece) and unicasts.
struct Kernel {
  static constexpr std::uint32_t kMostSteps = 240;  ///< a slot has 8 bits
  SlicePart part;
  std::uint32_t steps = 1;                   ///< 1 .. kMostSteps
  std::vector<std::uint32_t> gather_begin;   ///< by line, size lines + 1; empty = no operand traffic at all
  std::vector<Gather> gathers;               ///< of one line ordered by (slot, stage)
  std::vector<Piece> pieces;                 ///< of one gather ordered by holder
  std::vector<std::uint32_t> unicast_begin;  ///< by die of the slice, size dies + 1; empty = no operand traffic at all
  std::vector<Unicast> unicasts;             ///< of one die in the order in which they go; of one source by slot
  std::vector<std::uint16_t> need;           ///< [node * (steps + 1) + slot]; empty = none
  std::vector<Cycles> cycles;                ///< [node * steps + step]: core time of a step, slow cores included
  /// Where some cores run cycle by cycle: what a step is for its core, [node * steps + step] into `core_pieces`; empty
  /// = of all that only its time is known.
  std::vector<std::uint32_t> core_piece_of;
  std::vector<node::CorePiece> core_pieces;
  std::vector<std::int64_t> matrix_flops;  ///< by node, 2 per MAC, useful work only; empty = 0
  std::vector<std::int64_t> vector_flops;  ///< by node; empty = 0
  enum class TimedBy : std::uint8_t { kShapes, kRoofline, kRecorded };
  TimedBy timed_by = TimedBy::kShapes;
};

/// One item of a dataflow plan, replicated over tracks and chunks unless `single`.
struct DataflowItem {
  std::uint32_t position = 0;  ///< participant: index into DataflowInstance::participants
  std::uint16_t need = 0;      ///< tokens before it fires; a local start of the position's task counts as one
  bool start = false;          ///< receives a token when the position's task starts
  bool finish = false;         ///< the position's task is done when all its `finish` items have fired
  bool combine = false;        ///< adds what has come to what it has before sending (vector unit)
  bool single = false;         ///< only track 0, chunk 0 exist; an edge from it to a normal item fans out to all tracks
                               ///< and chunks, an edge into it brings a token of each (count them in `need`)
  enum class Service : std::uint8_t { kNone, kHbmRead, kHbmWrite, kHostRead, kHostWrite };
  Service service = Service::kNone;  ///< at a DIP: the resources it passes before sending on
  Bytes bytes = 0;                   ///< over all tracks and chunks: what is combined or served
  std::uint32_t edges_begin = 0, edges_end = 0;
};
struct DataflowEdge {
  std::uint32_t item = 0;  ///< destination
  Bytes bytes = 0;         ///< over all tracks and chunks; the same position: no message, a token only
};
struct DataflowPlan {
  std::string algorithm;     ///< for reports: an Algorithm's word, "p2p", "zplane", "dip", "in_rank", "none"
  bool over_zplane = false;  ///< made for the Ethernet between DIPs
  std::uint32_t positions = 0;
  std::uint32_t tracks = 1, chunks = 1;
  std::vector<std::uint32_t> track_node;  ///< slice node of each track, the same for every position that is a rank
  /// Each rank has a die of its own; its data lie on all nodes in equal pieces, and a message goes from every node to
  /// the same node of a die in the same row or column of dies. Then tracks = 1.
  bool striped = false;
  /// Chunks that a position has under way at once, on each track: a later one starts there when all its items of the
  /// chunk so many before have fired. 0: all start with the task.
  std::uint32_t window = 0;
  std::vector<DataflowItem> items;        ///< grouped by position
  std::vector<std::uint32_t> item_begin;  ///< by position, size positions + 1
  std::vector<DataflowEdge> edges;
  double model_seconds = 0;  ///< latency-bandwidth time by which the algorithm was chosen; 0 = none
  Floors floors;             ///< of what serves ranks; where groups share a plan, what holds for all of them
};

/// A use of a plan by particular ranks and DIPs.
struct DataflowInstance {
  struct Participant {
    /// kNode: a node of the rank's own slice (reductions inside a rank). All participants of an instance are nodes, or
    /// none; then tracks = 1, the rank's task starts every position and is done when every position is. Such an
    /// instance is shared by all ranks of a program (a copy each would be 300 MB for 3,000 ranks): its state is per
    /// rank and entry.
    enum class Kind : std::uint8_t { kRank, kDip, kNode } kind = Kind::kRank;
    std::uint32_t index = 0;
  };
  std::uint32_t plan = 0;
  std::vector<Participant> participants;  ///< by position
  std::uint32_t group = kNone;            ///< for reports: index into Job::groups
};

struct Task {
  /// kDelay: recorded time that passes beside the cores, as another stream (kCore), communication or copies.
  enum class Kind : std::uint8_t { kNone, kKernel, kDataflow, kDelay };
  enum class Unit : std::uint8_t {
    kCore,
    kNetwork,
    kMemory
  };  ///< which hardware threads it occupies; memory = DIP traffic
  Kind kind = Kind::kNone;
  Unit unit = Unit::kCore;
  std::uint8_t part = 0;   ///< of the slice, whose dies take part (Program::dies_of)
  bool recompute = false;  ///< repeats work that was done before: not counted in flops.executed
  union {
    std::uint32_t kernel = 0;  ///< of kKernel: index into Program::kernels
    std::uint32_t entry;       ///< of kDataflow: of the rank's table, Job::instance_of
    std::uint32_t delay;       ///< of kDelay: index into Program::delays
  };
  std::uint32_t op = kNone;  ///< graph operation it belongs to
  std::uint16_t step = 0;    ///< training step
  std::uint16_t dependencies = 0;
  std::uint32_t successors_begin = 0, successors_end = 0;
};

/// Memory of one rank as planned by the ledger; the same for each rank of a program.
struct MemoryPlan {
  Bytes node_capacity = 0;
  Bytes node_peak = 0;                                                                 ///< of any node
  Bytes weights = 0, gradients = 0, optimizer = 0, activations_peak = 0, buffers = 0;  ///< per rank
  Bytes recomputed = 0, spilled = 0;                                                   ///< per rank and step
  Bytes streamed = 0;                  ///< loaded or stored by capacity_policy stream, per rank and step
  std::vector<std::string> decisions;  ///< sentences for the report
};

struct Program {
  std::uint32_t graph = 0;
  std::uint32_t shape_index = 0;
  std::vector<Task> tasks;
  std::vector<std::uint32_t> successors;
  std::vector<Kernel> kernels;
  std::vector<OpPlan> kernel_plans;  ///< by kernel, the reduction that follows it included
  std::vector<Cycles> delays;
  std::uint32_t instance_entries = 0;  ///< length of each rank's instance table
  MemoryPlan memory;
  std::int64_t samples_per_step = 0;
  std::vector<std::vector<std::uint16_t>> part_dies;  ///< by Task::part: dies of the slice, ascending; empty: all
  [[nodiscard]] const std::vector<std::uint16_t>& dies_of(const Task& task) const {
    static const std::vector<std::uint16_t> all;
    return task.part < part_dies.size() ? part_dies[task.part] : all;
  }
};

/// Everything the machine needs to run: programs, slices, dataflow plans and who takes part in which.
struct Job {
  std::vector<Slice> slices;  ///< by rank
  std::vector<std::uint32_t> program_of_rank;
  std::vector<Program> programs;
  std::vector<DataflowPlan> plans;
  std::vector<DataflowInstance> instances;
  struct InstanceRef {
    std::uint32_t instance = kNone;
    std::uint32_t position = 0;
  };
  std::vector<std::vector<InstanceRef>> instance_of;  ///< [rank][entry]
  std::vector<Bytes> hbm_used_bytes;                  ///< by DIP: samples, spill
  node::PieceTally pieces;                            ///< that the pipeline of a core timed
  std::vector<std::string> approximations;            ///< sentences for fidelity.approximations
  bool groups_by_tile = false;  ///< batch-norm groups are the ranks of a tile, not consecutive ones
};

}  // namespace dojo::workload

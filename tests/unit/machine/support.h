// SPDX-License-Identifier: Apache-2.0
// Small machines and jobs made by hand, and what stands in for the neighbours of a part under test.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "dojo/engine/wheel.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"
#include "machine/context.h"
#include "machine/die/gathers.h"
#include "machine/die/moment.h"
#include "machine/die/sequencer.h"
#include "machine/die/task_ends.h"
#include "machine/network/line_port.h"
#include "machine/network/mail.h"

namespace dojo::machine::test {

using workload::DataflowInstance;
using workload::DataflowItem;
using workload::DataflowPlan;
using workload::Kernel;
using workload::Program;
using workload::Slice;
using workload::SliceShape;
using workload::Task;
using ParticipantKind = DataflowInstance::Participant::Kind;

/// One die; every site is a node.
inline topology::MachineParams die_params(std::int64_t rows, std::int64_t columns) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {rows, columns};
  params.die.enabled = rows * columns;
  params.dip.present = false;
  params.node.core.address_generators = 3;  // adds 64 bytes a cycle
  return params;
}

/// A tile of dies. An edge moves 64 bytes a cycle and takes 10 cycles; its receive buffer holds `buffer` bytes.
inline topology::MachineParams tile_params(std::int64_t die_rows, std::int64_t die_columns, std::int64_t rows,
                                           std::int64_t columns, std::int64_t buffer = 0) {
  topology::MachineParams params = die_params(rows, columns);
  params.level = topology::Level::kTile;
  params.tile.dies = {die_rows, die_columns};
  params.clock_hz = 1e9;
  params.die.edge_bytes_per_s = 64e9;
  params.die.crossing_ns = 10;
  params.die.crossing_buffer_bytes = buffer;
  return params;
}

/// All sites of a rectangle of the machine's; every one is a node.
inline Slice make_slice(const topology::Topology& topology, std::int32_t first_row, std::int32_t first_column,
                        std::int32_t rows, std::int32_t columns) {
  const std::int32_t die_height = topology.site_rows(), die_width = topology.site_columns();
  auto shape = std::make_shared<SliceShape>();
  shape->rows = rows;
  shape->columns = columns;
  const std::int32_t top = first_row / die_height, bottom = (first_row + rows - 1) / die_height;
  const std::int32_t left = first_column / die_width, right = (first_column + columns - 1) / die_width;
  shape->die_rows = bottom - top + 1;
  shape->die_columns = right - left + 1;
  Slice slice;
  slice.first_site_row = first_row;
  slice.first_site_column = first_column;
  for (std::int32_t r = top; r <= bottom; ++r) {
    for (std::int32_t c = left; c <= right; ++c) {
      const auto die = static_cast<std::uint16_t>(slice.dies.size());
      slice.dies.push_back(topology.die_at(r, c));
      const auto first_node = static_cast<std::uint32_t>(shape->nodes.size());
      shape->die_begin.push_back(first_node);
      shape->line_begin.push_back(static_cast<std::uint32_t>(shape->lines.size()));
      const std::int32_t row_low = std::max(first_row, r * die_height) - r * die_height;
      const std::int32_t row_high = std::min(first_row + rows, (r + 1) * die_height) - r * die_height;
      const std::int32_t column_low = std::max(first_column, c * die_width) - c * die_width;
      const std::int32_t column_high = std::min(first_column + columns, (c + 1) * die_width) - c * die_width;
      const std::int32_t width = column_high - column_low, height = row_high - row_low;
      const auto first_line = static_cast<std::uint32_t>(shape->lines.size());
      for (std::int32_t y = row_low; y < row_high; ++y) {
        for (std::int32_t x = column_low; x < column_high; ++x) {
          SliceShape::Node node;
          node.die = die;
          node.site = static_cast<SiteIndex>(y * die_width + x);
          node.row = node.column_index = static_cast<std::uint16_t>(r * die_height + y - first_row);
          node.column = node.row_index = static_cast<std::uint16_t>(c * die_width + x - first_column);
          node.row_line = first_line + static_cast<std::uint32_t>(y - row_low);
          node.column_line = first_line + static_cast<std::uint32_t>(height + x - column_low);
          shape->nodes.push_back(node);
        }
      }
      const auto add_line = [&](bool horizontal, std::int32_t lane, std::int32_t from, std::int32_t to, bool low,
                                bool high, const std::function<std::int32_t(std::int32_t)>& node) {
        SliceShape::Line line;
        line.horizontal = horizontal;
        line.goes_on_low = low;
        line.goes_on_high = high;
        line.lane = static_cast<std::uint16_t>(lane);
        line.nodes_begin = static_cast<std::uint32_t>(shape->line_nodes.size());
        for (std::int32_t i = from; i < to; ++i) {
          shape->line_nodes.push_back(first_node + static_cast<std::uint32_t>(node(i)));
          shape->line_offsets.push_back(static_cast<std::uint16_t>(i));
        }
        line.nodes_end = static_cast<std::uint32_t>(shape->line_nodes.size());
        shape->lines.push_back(line);
      };
      for (std::int32_t y = row_low; y < row_high; ++y) {
        add_line(true, y, column_low, column_high, c > left, c < right,
                 [&](std::int32_t x) { return (y - row_low) * width + x - column_low; });
      }
      for (std::int32_t x = column_low; x < column_high; ++x) {
        add_line(false, x, row_low, row_high, r > top, r < bottom,
                 [&](std::int32_t y) { return (y - row_low) * width + x - column_low; });
      }
    }
  }
  shape->die_begin.push_back(static_cast<std::uint32_t>(shape->nodes.size()));
  shape->line_begin.push_back(static_cast<std::uint32_t>(shape->lines.size()));
  shape->row_count.assign(static_cast<std::size_t>(rows), static_cast<std::uint16_t>(columns));
  shape->column_count.assign(static_cast<std::size_t>(columns), static_cast<std::uint16_t>(rows));
  slice.shape = std::move(shape);
  return slice;
}

inline Task kernel_task(std::uint32_t kernel, std::uint32_t op = 0) {
  Task task;
  task.kind = Task::Kind::kKernel;
  task.unit = Task::Unit::kCore;
  task.kernel = kernel;
  task.op = op;
  return task;
}

inline Task dataflow_task(std::uint32_t slot, std::uint32_t op = 0, Task::Unit unit = Task::Unit::kNetwork) {
  Task task;
  task.kind = Task::Kind::kDataflow;
  task.unit = unit;
  task.entry = slot;
  task.op = op;
  return task;
}

inline Task delay_task(std::uint32_t delay, std::uint32_t op, Task::Unit unit) {
  Task task;
  task.kind = Task::Kind::kDelay;
  task.unit = unit;
  task.delay = delay;
  task.op = op;
  return task;
}

/// `before` ends before `after` starts. Edges are added in the order of `before`.
inline void add_dependency(Program& program, std::uint32_t before, std::uint32_t after) {
  Task& task = program.tasks[before];
  if (task.successors_begin == task.successors_end)
    task.successors_begin = static_cast<std::uint32_t>(program.successors.size());
  program.successors.push_back(after);
  task.successors_end = static_cast<std::uint32_t>(program.successors.size());
  ++program.tasks[after].dependencies;
}

/// Every node takes so many cycles for each step; nothing is sent.
inline Kernel plain_kernel(std::uint32_t nodes, const std::vector<std::uint32_t>& cycles_of_step) {
  Kernel kernel;
  kernel.steps = static_cast<std::uint32_t>(cycles_of_step.size());
  for (std::uint32_t node = 0; node < nodes; ++node)
    kernel.cycles.insert(kernel.cycles.end(), cycles_of_step.begin(), cycles_of_step.end());
  return kernel;
}

/// A kernel with operands: gathers and unicasts are added one by one, and counted where they arrive.
class KernelMaker {
 public:
  KernelMaker(const SliceShape& shape, const std::vector<std::uint32_t>& cycles_of_step)
      : shape_(shape), kernel_(plain_kernel(shape.node_count(), cycles_of_step)) {
    kernel_.gather_begin.assign(shape.lines.size() + 1, 0);
    kernel_.unicast_begin.assign(shape.die_count() + 1, 0);
    kernel_.need.assign(std::size_t{shape.node_count()} * (kernel_.steps + 1), 0);
  }
  /// Lines in ascending order; of one line by slot. `pieces`: place in the line, bytes.
  KernelMaker& gather(std::uint32_t line, std::uint8_t slot, const std::vector<workload::Piece>& pieces,
                      std::uint8_t stage = 1) {
    workload::Gather gather;
    gather.pieces_begin = static_cast<std::uint32_t>(kernel_.pieces.size());
    kernel_.pieces.insert(kernel_.pieces.end(), pieces.begin(), pieces.end());
    gather.pieces_end = static_cast<std::uint32_t>(kernel_.pieces.size());
    gather.slot = slot;
    gather.stage = stage;
    kernel_.gathers.push_back(gather);
    for (std::size_t i = line + 1; i < kernel_.gather_begin.size(); ++i) ++kernel_.gather_begin[i];
    const SliceShape::Line& at = shape_.lines[line];
    const SliceShape::Node& any = shape_.nodes[shape_.line_nodes[at.nodes_begin]];
    for (std::uint32_t n = 0; n < shape_.node_count(); ++n) {
      const SliceShape::Node& node = shape_.nodes[n];
      if (at.horizontal ? node.row != any.row : node.column != any.column) continue;
      const bool alone = pieces.size() == 1 && shape_.line_nodes[at.nodes_begin + pieces[0].holder] == n;
      if (!alone) ++need(n, slot);
    }
    return *this;
  }
  /// Sources on dies in ascending order.
  KernelMaker& unicast(std::uint32_t source, std::uint32_t destination, std::uint32_t bytes, std::uint8_t slot) {
    kernel_.unicasts.push_back({source, destination, bytes, slot});
    for (std::size_t i = shape_.nodes[source].die + 1u; i < kernel_.unicast_begin.size(); ++i)
      ++kernel_.unicast_begin[i];
    ++need(destination, slot);
    return *this;
  }
  [[nodiscard]] const Kernel& kernel() const { return kernel_; }

 private:
  [[nodiscard]] std::uint16_t& need(std::uint32_t node, std::uint32_t slot) {
    return kernel_.need[std::size_t{node} * (kernel_.steps + 1) + slot];
  }
  const SliceShape& shape_;
  Kernel kernel_;
};

/// A dataflow plan, items and edges one by one: items by position, the edges of an item after it.
class PlanMaker {
 public:
  explicit PlanMaker(std::uint32_t tracks = 1, std::uint32_t chunks = 1) {
    plan_.algorithm = "test";
    plan_.tracks = tracks;
    plan_.chunks = chunks;
    for (std::uint32_t track = 0; track < tracks; ++track) plan_.track_node.push_back(track);
  }
  PlanMaker& position() {
    plan_.item_begin.push_back(static_cast<std::uint32_t>(plan_.items.size()));
    ++plan_.positions;
    return *this;
  }
  PlanMaker& item(std::uint16_t need, const std::function<void(DataflowItem&)>& more = {}) {
    DataflowItem item;
    item.position = plan_.positions - 1;
    item.need = need;
    item.edges_begin = item.edges_end = static_cast<std::uint32_t>(plan_.edges.size());
    if (more) more(item);
    plan_.items.push_back(item);
    return *this;
  }
  PlanMaker& edge(std::uint32_t to, Bytes bytes = 0) {
    plan_.edges.push_back({to, bytes});
    plan_.items.back().edges_end = static_cast<std::uint32_t>(plan_.edges.size());
    return *this;
  }
  [[nodiscard]] DataflowPlan plan() const {
    DataflowPlan plan = plan_;
    plan.item_begin.push_back(static_cast<std::uint32_t>(plan.items.size()));
    return plan;
  }

 private:
  DataflowPlan plan_;
};

inline void starts(DataflowItem& item) {
  item.start = true;
}
inline void finishes(DataflowItem& item) {
  item.finish = true;
}

/// A machine, a job on it and their context, which is made when it is first asked for.
struct Bench {
  explicit Bench(const topology::MachineParams& params) : topology(params) {
    workload.graphs.emplace_back();
    workload.graphs.back().ops.resize(4);
    workload.group_classes.push_back({"all", {{"all", {}}}});
  }
  /// All ranks of one program have the same shape, and so has each program one of its own.
  RankId add_rank(const Slice& slice, std::uint32_t program) {
    const auto rank = static_cast<RankId>(job.slices.size());
    job.slices.push_back(slice);
    job.slices.back().shape_index = program;
    job.program_of_rank.push_back(program);
    while (job.programs.size() <= program) {
      const auto index = static_cast<std::uint32_t>(job.programs.size());
      job.programs.emplace_back().shape_index = index;
    }
    workload.graph_of_rank.push_back(0);
    workload.group_classes.front().groups.front().ranks.push_back(rank);
    job.instance_of.emplace_back();
    return rank;
  }
  [[nodiscard]] const SliceShape& shape(RankId rank) const { return *job.slices[rank].shape; }
  std::uint32_t add_instance(std::uint32_t plan, const std::vector<DataflowInstance::Participant>& participants) {
    DataflowInstance instance;
    instance.plan = plan;
    instance.participants = participants;
    job.instances.push_back(instance);
    return static_cast<std::uint32_t>(job.instances.size() - 1);
  }
  Context& context() {
    if (!context_) context_ = std::make_unique<Context>(topology, workload, job, settings);
    return *context_;
  }

  topology::Topology topology;
  workload::Workload workload;
  workload::Job job;
  MachineSettings settings;

 private:
  std::unique_ptr<Context> context_;
};

struct FakeLauncher final : Sequencer::Launcher {
  struct Launch {
    RankId rank;
    std::uint32_t task;
    Cycles now;
    bool operator==(const Launch& o) const { return rank == o.rank && task == o.task && now == o.now; }
  };
  struct Delay {
    bool begins;
    Task::Unit unit;
    Cycles now;
    bool operator==(const Delay& o) const { return begins == o.begins && unit == o.unit && now == o.now; }
  };
  std::vector<Launch> launched;
  std::vector<Delay> delays;
  std::map<std::uint32_t, Cycles> known;             ///< how long tasks take that are repeated
  std::vector<std::vector<std::uint32_t>> together;  ///< tasks, for each time that they were asked for
  std::vector<std::uint32_t> ended_tasks;
  std::vector<Cycles> repeat(const std::vector<std::uint32_t>& tasks, Cycles) override {
    together.push_back(tasks);
    std::vector<Cycles> times;
    for (const std::uint32_t task : tasks) times.push_back(known.count(task) != 0 ? known.at(task) : kNever);
    return times;
  }
  void ended(std::uint32_t task, Cycles) override { ended_tasks.push_back(task); }
  void launch(RankId rank, std::uint32_t task, Cycles now) override { launched.push_back({rank, task, now}); }
  void delay_begins(RankId, Task::Unit unit, Cycles now) override { delays.push_back({true, unit, now}); }
  void delay_ends(RankId, Task::Unit unit, Cycles now) override { delays.push_back({false, unit, now}); }
};

struct FakeEnds final : TaskEnds {
  struct End {
    std::uint32_t rank_die, task;
    Cycles done;
    bool operator==(const End& o) const { return rank_die == o.rank_die && task == o.task && done == o.done; }
  };
  std::vector<End> ended;
  void task_done(std::uint32_t rank_die, std::uint32_t task, Cycles done) override {
    ended.push_back({rank_die, task, done});
  }
};

struct FakeReceiver final : NetworkPort::Receiver {
  struct Message {
    SiteIndex site;
    fabric::Burst burst;
    Cycles tail;
  };
  std::vector<Message> messages;
  void received(SiteIndex site, const fabric::Burst& burst, Cycles tail) override {
    messages.push_back({site, burst, tail});
  }
};

struct FakeMail final : BorderMail {
  struct Sent {
    topology::Direction direction;
    fabric::Crossing crossing;
  };
  struct Back {
    topology::Direction direction;
    fabric::Credit credit;
  };
  std::vector<Sent> crossings;
  std::vector<Back> credits;
  void post(topology::Direction d, const fabric::Crossing& crossing) override { crossings.push_back({d, crossing}); }
  void post(topology::Direction d, const fabric::Credit& credit) override { credits.push_back({d, credit}); }
};

/// A network in which every message within the die takes `latency` cycles, and a gather's pieces are everywhere
/// `latency` cycles after the last sender was ready. Nothing waits for anything.
struct FakePort final : LinePort {
  struct Post {
    SiteIndex site;
    fabric::Burst burst;
    Bytes bytes;
    Cycles now;
    unsigned queue = 0;
  };
  struct Passed {
    topology::Direction direction;
    std::int32_t lane;
    fabric::Burst burst;
    Cycles head;
  };
  FakePort(const topology::Topology& topology, DieId die) { network_.configure(topology, die); }

  Cycles latency = 100, links_busy = 0;
  std::uint32_t full = 0;  ///< a bit for each direction
  std::vector<Post> posts, stripes, within, in_turn;
  std::vector<fabric::Gathering> gathers;
  std::vector<std::vector<fabric::GatherNode>> gather_nodes;
  std::vector<Passed> passed;
  std::vector<std::pair<topology::Direction, ParkedLine>> parked;

  void post(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) override {
    posts.push_back({site, head, bytes, now, queue});
  }
  void post_stripe(const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) override {
    stripes.push_back({0, head, bytes, now, queue});
  }
  Cycles send_within(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) override {
    within.push_back({site, head, bytes, now});
    return now + latency;
  }
  [[nodiscard]] std::unique_ptr<Gathers> make_gathers(KernelRuns&) override { return nullptr; }
  void gather(fabric::Gathering& g) override {
    Cycles ready = 0;
    g.bytes = 0;
    g.first_start = kNever;
    for (std::uint32_t i = 0; i < g.count; ++i) {
      if (g.nodes[i].piece_bytes == 0) continue;
      ready = std::max(ready, g.nodes[i].ready);
      g.first_start = std::min(g.first_start, g.nodes[i].ready);
      g.bytes += g.nodes[i].piece_bytes;
      g.delivered += network_.flits(g.nodes[i].piece_bytes) * (g.count - 1);
    }
    for (std::uint32_t i = 0; i < g.count && g.bytes > 0; ++i) g.nodes[i].done = ready + latency;
    gather_nodes.emplace_back(g.nodes, g.nodes + g.count);
    g.first_head = ready + 1;
    g.last_tail = ready + latency;
    g.links_free = ready + links_busy;
    if (g.leaves_low) g.low_head = ready + 1;
    if (g.leaves_high) g.high_head = ready + 2;
    gathers.push_back(g);
  }
  void post_in_turn(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) override {
    in_turn.push_back({site, head, bytes, now});
  }
  [[nodiscard]] bool is_full(topology::Direction d) const override { return (full >> static_cast<int>(d) & 1u) != 0; }
  void park(topology::Direction d, const ParkedLine& line) override { parked.emplace_back(d, line); }
  void pass_on(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head) override {
    passed.push_back({d, lane, burst, head});
  }
  [[nodiscard]] Cycles next_time() const override { return kNever; }
  void run_next() override {}
  void handle(const engine::Event&) override {}
  Cycles read_mail() override { return kNever; }
  [[nodiscard]] bool at_rest(Cycles) const override { return true; }
  [[nodiscard]] Cycles latest() const override { return 0; }
  [[nodiscard]] bool settled() const override { return true; }
  void each_standing(const std::function<void(const fabric::Burst&, int)>&) const override {}
  void copy(const NetworkPort&, const RowNames&) override {}
  void settle() override {}
  [[nodiscard]] bool has_edge(topology::Direction) const override { return false; }
  [[nodiscard]] LinkCounters edge(topology::Direction) const override { return {}; }
  [[nodiscard]] std::uint64_t events() const override { return 0; }
  [[nodiscard]] const fabric::DieNetwork& network() const override { return network_; }
  [[nodiscard]] fabric::DieNetwork& network() override { return network_; }

 private:
  fabric::DieNetwork network_;
};

/// Sums of a host thread for one graph of `ops` operations and `steps` training steps.
inline ThreadSums empty_sums(std::size_t ops = 4, std::size_t steps = 1) {
  ThreadSums sums;
  sums.ops.emplace_back(ops);
  sums.step_end.assign(steps, 0);
  return sums;
}

/// Takes events up to `end` and gives them to `handle`, with the moment's time set. Returns the time of the last.
template <class Handle>
Cycles run_events(engine::Wheel& wheel, Moment& moment, Handle&& handle, Cycles end = kNever) {
  engine::Event event;
  while (wheel.take(end, event)) {
    moment.now = event.time;
    handle(event);
  }
  return moment.now;
}

/// Rows of tiles further south by `site_rows`: ranks and instances get the names that are listed.
inline RowNames row_names(std::int32_t site_rows, std::vector<RankId> ranks, std::vector<std::uint32_t> instances) {
  RowNames names;
  names.site_rows = site_rows;
  names.rank = std::move(ranks);
  names.instance = std::move(instances);
  return names;
}

}  // namespace dojo::machine::test

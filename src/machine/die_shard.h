// SPDX-License-Identifier: Apache-2.0
// One die: its event wheel, its network, and what the ranks on it are doing. Touched by one thread at a time.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dojo/engine/time_heap.h"
#include "dojo/engine/wheel.h"
#include "dojo/fabric/die_network.h"
#include "dojo/fabric/edge.h"
#include "dojo/reference/die.h"
#include "machine/context.h"
#include "machine/runs.h"
#include "machine/task_copy.h"

namespace dojo::machine {

/// Where bursts come out of the network; remembers for whom, because a multicast comes out at many nodes.
struct DieSink {
  class DieShard& shard;
  KernelRun* run = nullptr;
  const std::int32_t* local_of_site = nullptr;  // of the die, for `run`
  std::uint16_t rank_die = 0xffff;
  inline void deliver(SiteIndex site, const fabric::Burst& burst, Cycles tail);
  inline void leave(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head);
};

class DieShard {
 public:
  struct Core {
    std::uint64_t busy_cycles = 0, matrix_flops = 0, vector_flops = 0;
  };
  DieShard() = default;
  DieShard(const DieShard&) = delete;
  DieShard& operator=(const DieShard&) = delete;
  void configure(Context& context, DieId die);
  /// As much of it as counters need.
  void configure_counters(const Context& context, DieId die);
  /// Puts the nodes of a rank that lie on this die under its care; `home` also gives it the rank's sequencer.
  void add_rank(RankId rank, std::uint32_t slice_die, bool home);
  void start(Cycles now);

  [[nodiscard]] Cycles next_time() const {
    return std::min({wheel_.next_time(), arrivals_.next_time(), next_wake_, flits_ ? flits_->next_cycle() : kNever});
  }
  void read_mail(ThreadSums& sums);
  void run(Cycles window_end, ThreadSums& sums);

  // State as users and the report see it.
  [[nodiscard]] const fabric::DieNetwork& network() const { return network_; }
  [[nodiscard]] fabric::DieNetwork& network() { return network_; }
  [[nodiscard]] const fabric::EdgeOut& edge(topology::Direction d) const { return edges_[static_cast<std::size_t>(d)]; }
  [[nodiscard]] LinkCounters edge_counters(topology::Direction d) const;
  /// Not null: the reference model.
  [[nodiscard]] const reference::Die* flits() const { return flits_.get(); }
  [[nodiscard]] const Core& core(SiteIndex site) const { return cores_[site]; }
  [[nodiscard]] Core& core(SiteIndex site) { return cores_[site]; }
  /// All additive counters of the die, by site: links, ports, core.
  void counters(std::vector<std::uint64_t>& out) const;
  [[nodiscard]] Cycles last_event() const { return now_; }
  [[nodiscard]] std::uint64_t events() const {
    return wheel_.taken() + arrivals_.taken() + wakes_ + (flits_ ? flits_->flit_hops() : 0);
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Controller>>& controllers() const { return controllers_; }
  [[nodiscard]] const std::vector<RankDie>& rank_dies() const { return rank_dies_; }
  /// Node-cycle classes up to `end`, for all ranks on this die.
  [[nodiscard]] Breakdown breakdown(Cycles end) const;
  /// Adds what kernels and copied tasks did to the counters; may be called again.
  void settle();
  /// Takes the state of its like in the first row of tiles, which has run for both.
  void take_over(const DieShard& from, const RowNames& names);
  /// Rows of tiles are no longer in step.
  void go_on() { stop_ = kNever; }
  [[nodiscard]] std::uint64_t tasks_copied() const { return tasks_copied_; }
  /// Everything sent has arrived and every credit is back (a finished run).
  [[nodiscard]] bool settled() const;

 private:
  friend struct DieSink;
  enum EventType : std::uint16_t {
    kInject,       // a: site
    kGather,       // a: kernel run, b: line
    kStepDone,     // a: kernel run, b: slot that may be sent now: all nodes have computed an earlier step
    kKernelQuiet,  // a: rank die: the operands of its kernel have all arrived
    kKernelDone,   // a: kernel run
    kToken,        // a: instance, b: item, c: lane << 16 | chunk, small: site
    kNodeToken,    // a: slot of the rank's instances, b: item, c: lane << 16 | chunk, small: site
    kFire,         // a: dataflow run, b: token index
    kStripe,       // a: direction: the next striped burst
    kInRankLevel,  // a: in-rank run
    kInRankDone,   // a: in-rank run
    kTaskStart,    // a: rank, b: task
    kTaskDone,     // a: rank, b: task (at the sequencer)
    kRankStart,    // a: controller
    kRunTask,      // a: rank die, b: task: runs it without a record
    kCopyDone      // a: generation
  };
  struct SiteState {
    std::uint32_t queue_head = kNone, queue_tail = kNone;  // sends waiting for the injection port
    std::uint16_t rank_die = 0xffff;
    bool inject_pending = false;
  };
  struct Entry {  // a burst at the die's border
    fabric::Crossing crossing;
    std::uint8_t side = 0;
    std::uint32_t next = kNone;
  };

  void dispatch(const engine::Event& event);

  // network.cpp part
  void arrive(std::uint32_t entry, Cycles now);
  void push_send(SiteIndex site, const fabric::Burst& burst, Bytes bytes, Cycles now);
  void inject(SiteIndex site, Cycles now);
  void leave(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head);
  void deliver(DieSink& sink, SiteIndex site, const fabric::Burst& burst, Cycles tail);
  void received(DieSink& sink, SiteIndex site, const fabric::Burst& burst, Cycles tail);
  [[nodiscard]] int blocked_edge(const fabric::Burst& burst);
  [[nodiscard]] int blocked_way(const fabric::Burst& burst) const;
  void wake_edge(topology::Direction d, Cycles now);
  void plan_wake(topology::Direction d);

  // flits.cpp part: the network cycle by cycle
  void run_flits(Cycles window_end);
  void read_flits(topology::Direction side, bool dip, std::size_t mailbox, int half);
  void post_leaving();
  void post_flits(SiteIndex site, const fabric::Burst& burst, Bytes bytes, Cycles now);
  void post_line(KernelRun& run, std::uint32_t line, Cycles now);
  void post_piece(const KernelRun& run, const workload::SliceShape::Line& line, const workload::Piece& piece,
                  std::uint32_t slot, Cycles now);
  void settle_links();

  // stripes.cpp part
  void push_stripe(const fabric::Burst& burst, Bytes bytes, Cycles now);
  void send_stripe(topology::Direction d, Cycles now);
  /// Returns when its heads have left the receive buffer.
  Cycles arrive_stripe(topology::Direction side, const fabric::Burst& burst, Cycles now);
  void run_wakes(Cycles time);
  void run_arrivals(Cycles time);
  void send_message(SiteIndex site, std::int32_t row, std::int32_t column, Bytes bytes, const fabric::Burst& head,
                    Cycles now);

  // kernel.cpp part
  KernelRun& kernel_run(std::uint32_t rank_die, std::uint32_t task);
  void start_kernel(std::uint32_t rank_die, std::uint32_t task, Cycles now);
  void send_unicasts(KernelRun& run, Cycles now);
  void advance_line(KernelRun& run, std::uint32_t line, Cycles now);
  [[nodiscard]] int blocked_line(const workload::SliceShape::Line& line) const;
  void gather_by_messages(const RankDie& place, const workload::SliceShape::Line& line, fabric::Gathering& g,
                          Cycles now);
  void pass_to_other_dies(const KernelRun& run, const workload::SliceShape::Line& line, const workload::Gather& gather,
                          Cycles ready);
  [[nodiscard]] bool is_broken(const RankDie& place, std::uint32_t line) const;
  Cycles gather_round(KernelRun& run, std::uint32_t line, const workload::Gather& gather, Cycles now);
  void leave_line(const KernelRun& run, const workload::SliceShape::Line& line, const fabric::Gathering& g,
                  std::uint32_t slot, bool last);
  void gathers_allowed(KernelRun& run, std::uint32_t slot, Cycles now);
  [[nodiscard]] Cycles first_ready(const KernelRun& run, std::uint32_t line) const;
  void operand_arrived(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready, Cycles now);
  void line_arrived(KernelRun& run, const workload::SliceShape::Line& line, std::uint32_t slot, std::uint32_t sender,
                    Cycles now);
  void arrived(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles now);
  void advance_node(KernelRun& run, std::uint32_t node);
  void step_completed(KernelRun& run, std::uint32_t step, Cycles end);
  void node_done(KernelRun& run, Cycles end);
  void end_if_complete(KernelRun& run, Cycles now);
  void kernel_done(std::uint32_t run, Cycles now);

  // dataflow.cpp part
  DataflowRun& dataflow_run(std::uint32_t instance, std::uint32_t position, std::uint32_t rank_die,
                            std::uint32_t slot = kNone);
  void start_dataflow(std::uint32_t rank_die, std::uint32_t task, Cycles now);
  void token(DataflowRun& run, std::uint32_t item, std::uint32_t lane, std::uint32_t chunk, Cycles now);
  void fire(DataflowRun& run, std::uint32_t token_index, Cycles now);
  void follow_edge(DataflowRun& run, std::uint32_t edge, const workload::DataflowItem& from, std::uint32_t lane,
                   std::uint32_t chunk, Cycles now);
  void position_finished(DataflowRun& run, Cycles now);
  void release(DataflowRun& run);
  [[nodiscard]] SiteIndex site_of(const DataflowRun& run, const workload::DataflowItem& item, std::uint32_t lane) const;

  // in_rank.cpp part
  void start_in_rank(std::uint32_t rank_die, std::uint32_t task, std::uint32_t instance, Cycles now);
  void advance_in_rank(std::uint32_t run, Cycles now);
  void fire_in_rank(InRankRun& run, std::uint32_t index);
  void in_rank_done(std::uint32_t run, Cycles now);
  Cycles send_on_die(SiteIndex site, fabric::Burst burst, Bytes bytes, Cycles now);
  void start_route(SiteIndex site, fabric::Burst& burst);
  Cycles combine(RankDie& place, std::uint32_t node, Bytes bytes, Cycles now);
  [[nodiscard]] Cycles adding_cycles(Bytes bytes) const;
  Cycles combine_everywhere(RankDie& place, Bytes bytes, Cycles now);

  // task_copy.cpp part
  struct Copying {
    const TaskCopy* copy = nullptr;
    Cycles start = 0;
  };
  void add_to_counters(const std::vector<std::uint64_t>& increase);
  [[nodiscard]] bool at_rest(Cycles now) const;
  void run_or_copy(std::uint32_t rank_die, std::uint32_t task, Cycles now);
  [[nodiscard]] std::uint32_t take_partner(std::uint32_t task, Cycles now);
  [[nodiscard]] bool ends_unseen(const Tasks& tasks);
  [[nodiscard]] const TaskCopy* find_or_record(const RankDie& place, const Tasks& tasks);
  void copy_done(std::uint32_t generation, Cycles now);
  void disturb(Cycles first_arrival);
  [[nodiscard]] std::unique_ptr<TaskCopy> record(Context& context, DieId die, const RankDie& original,
                                                 const Tasks& tasks);

  // tasks.cpp part
  void task_started_on_die(std::uint32_t rank_die, std::uint32_t task, Cycles now);
  /// `now` is the time of the event, `done` when the sequencer may know.
  void task_done_on_die(std::uint32_t rank_die, std::uint32_t task, Cycles done);
  void account(RankDie& rank_die, Cycles now);
  void change_traffic(RankDie& rank_die, int network, int memory, Cycles now);
  void op_started(Controller& controller, const workload::Task& task, Cycles now);
  void launch(Controller& controller, std::uint32_t task, Cycles now);
  void schedule_ready(Controller& controller, std::uint32_t task, Cycles now);
  void start_core(Controller& controller, Cycles now);
  void finish_task(Controller& controller, std::uint32_t task, Cycles now);
  void plan_start(RankId rank, std::uint32_t task, Cycles time);
  void control_message(RankId rank, std::uint32_t slice_die, fabric::Purpose purpose, std::uint32_t task, Cycles now);
  [[nodiscard]] bool counted_op(const workload::Program& program, const workload::Task& task) const;
  [[nodiscard]] std::uint32_t rank_die_of(RankId rank) const;
  [[nodiscard]] Controller& controller_of(RankId rank);

  Context* context_ = nullptr;
  ThreadSums* sums_ = nullptr;  // of the thread that runs this window
  DieId die_ = 0;
  engine::Wheel wheel_;
  Cycles stop_ = kNever;  // while rows of tiles are in step: a task starts then after which they are not
  // In a cycle, waiting edges come first, then arrivals by side, then the die's own events: an order that does not
  // depend on when mail was read.
  engine::TimeHeap arrivals_;  // of entries
  std::array<Cycles, topology::kDirections> wake_at_{kNever, kNever, kNever, kNever};
  Cycles next_wake_ = kNever;
  std::uint64_t wakes_ = 0;
  std::vector<std::uint32_t> arrived_;
  fabric::DieNetwork network_;
  std::unique_ptr<reference::Die> flits_;  // in the reference model it moves what there is; network_ holds the counters
  std::array<fabric::EdgeOut, topology::kDirections> edges_;
  std::array<ShardId, topology::kDirections> neighbours_{kNone, kNone, kNone, kNone};
  std::array<Cycles, topology::kDirections> latencies_{};
  /// By direction, then leg of a detour: sites and arrived bursts that wait for a full edge.
  static constexpr int kWays = topology::kDirections * topology::kRoutePhases;
  std::array<std::vector<std::uint32_t>, kWays> parked_sites_, parked_entries_;
  struct Stripes {  // striped messages that wait for their turn on the way to one edge
    std::deque<Send> queue;
    bool pending = false;  // an event or the woken edge will look at it
    bool parked = false;   // the edge is full
  };
  std::array<Stripes, topology::kDirections> stripes_;
  struct ParkedLine {
    std::uint32_t run, line;
  };
  std::array<std::vector<ParkedLine>, topology::kDirections> parked_lines_;
  std::vector<fabric::GatherNode> gather_nodes_;  // scratch
  std::vector<SiteState> sites_;
  std::vector<Core> cores_;
  std::vector<Send> sends_;
  std::uint32_t free_send_ = kNone;
  std::vector<Entry> entries_;
  std::uint32_t free_entry_ = kNone;
  std::vector<RankDie> rank_dies_;
  std::vector<std::unique_ptr<KernelRun>> kernels_;
  std::vector<std::unique_ptr<DataflowRun>> dataflows_;
  std::vector<std::uint32_t> active_dataflows_;
  std::vector<std::unique_ptr<InRankRun>> in_rank_runs_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  bool task_ended_ = false;  // here, since the start of the run
  Copying copying_;
  std::uint32_t copy_generation_ = 0;
  std::vector<std::uint32_t> copy_hits_;
  std::uint64_t tasks_copied_ = 0;
  Cycles combine_latest_ = 0;  // no node adds beyond this
  Cycles semaphore_ = 0;       // at each step of a collective or message
  Cycles now_ = 0;             // of the event being handled
  std::int64_t sends_open_ = 0;
  std::uint32_t full_edges_ = 0;  // bit per direction + 4 x leg: new bursts must wait at their router
};

inline void DieSink::deliver(SiteIndex site, const fabric::Burst& burst, Cycles tail) {
  shard.deliver(*this, site, burst, tail);
}
inline void DieSink::leave(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head) {
  shard.leave(d, lane, burst, head);
}

}  // namespace dojo::machine

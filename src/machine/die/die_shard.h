// SPDX-License-Identifier: Apache-2.0
// One die: its event wheel, and the parts that handle what is on it. The parts know each other only by the references
// that they are given here; this shell gives events to them and passes on what they tell each other.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/engine/wheel.h"
#include "machine/die/adders.h"
#include "machine/die/detailed_nodes.h"
#include "machine/die/die_dataflows.h"
#include "machine/die/kernel_runs.h"
#include "machine/die/moment.h"
#include "machine/die/node_time.h"
#include "machine/die/queue_choice.h"
#include "machine/die/reductions.h"
#include "machine/die/residents.h"
#include "machine/die/sequencer.h"
#include "machine/die_counters.h"
#include "machine/network/network_port.h"
#include "machine/shard.h"
#include "machine/shortcuts/copied_tasks.h"
#include "machine/shortcuts/kernel_repeats.h"

namespace dojo::machine {

class DieShard final : public Shard, private NetworkPort::Receiver, private Sequencer::Launcher, private TaskEnds {
 public:
  DieShard(Context& context, DieId die);
  DieShard(const DieShard&) = delete;
  DieShard& operator=(const DieShard&) = delete;
  ~DieShard() override = default;

  /// Puts the nodes of a rank that lie on this die under its care; `home` also gives it the rank's sequencer.
  void add_rank(RankId rank, std::uint32_t slice_die, bool home);
  /// Tasks on a die at rest may be taken from the records of other dies.
  void copy_tasks() { copied_ = std::make_unique<CopiedTasks>(context_, die_, *this); }
  /// Kernels of a rank at home here take the time of an earlier run of theirs.
  void repeat_kernels(RankId rank, std::unique_ptr<KernelRepeats> repeats) {
    sequencer_.repeat(rank);
    repeats_ = std::move(repeats);
  }
  [[nodiscard]] KernelRepeats* repeats() { return repeats_.get(); }
  /// All ranks at home here begin.
  void start(Cycles now) { sequencer_.start(now); }

  [[nodiscard]] Cycles next_time() const override { return std::min(wheel_.next_time(), port_->next_time()); }
  void read_mail(ThreadSums& sums) override;
  void run(Cycles window_end, ThreadSums& sums) override {
    run_events(window_end, sums);
    port_->end_window();
  }
  /// A part of a window; end_window() follows the last.
  void run_events(Cycles until, ThreadSums& sums);
  void end_window(ThreadSums& sums) {
    count_into(sums);
    port_->end_window();
  }
  [[nodiscard]] Cycles last_event() const override { return moment_.now; }
  [[nodiscard]] std::uint64_t events() const override { return wheel_.taken() + port_->events(); }

  // What the results are made of.
  [[nodiscard]] const NetworkPort& port() const { return *port_; }
  [[nodiscard]] const CoreCounters& core(SiteIndex site) const { return cores_[site]; }
  [[nodiscard]] const std::deque<RankTasks>& ranks() const { return sequencer_.ranks(); }
  /// Node-cycle classes up to `end`, for all ranks on this die.
  [[nodiscard]] Breakdown breakdown(Cycles end) const { return time_.breakdown(end); }
  [[nodiscard]] std::uint64_t tasks_copied() const {
    return (copied_ ? copied_->count() : 0) + (repeats_ ? repeats_->count() : 0);
  }
  /// Everything sent has arrived and every credit is back (a finished run).
  [[nodiscard]] bool settled() const { return port_->settled(); }
  /// Adds what kernels and copied tasks did to the counters; may be called again.
  void settle();

  // For the short cuts: copied tasks, and rows of tiles in step.
  [[nodiscard]] engine::Wheel& wheel() { return wheel_; }
  [[nodiscard]] Moment& moment() { return moment_; }
  [[nodiscard]] const Residents& residents() const { return residents_; }
  [[nodiscard]] NodeTime& time() { return time_; }
  [[nodiscard]] Sequencer& sequencer() { return sequencer_; }
  [[nodiscard]] KernelRuns& kernels() { return kernels_; }
  [[nodiscard]] const std::vector<CoreCounters>& cores() const { return cores_; }
  void add_counters(const std::vector<std::uint64_t>& increase) { add_to_counters(port_->network(), cores_, increase); }
  [[nodiscard]] NetworkPort& port() { return *port_; }
  /// Nothing is under way on this die and nothing is reserved beyond now, so what follows depends on the program alone.
  [[nodiscard]] bool at_rest(Cycles now) const {
    return wheel_.empty() && port_->at_rest(now) && adders_.latest() <= now;
  }
  /// No link, port or adder is taken beyond this cycle.
  [[nodiscard]] Cycles busy_until() const { return std::max(port_->latest(), adders_.latest()); }
  /// Runs a task's part on this die.
  void run_task(std::uint32_t rank_die, std::uint32_t task, Cycles now);
  void task_done(std::uint32_t rank_die, std::uint32_t task, Cycles done) override;
  /// The cores that run cycle by cycle; null: none.
  [[nodiscard]] const DetailedNodes* detailed() const { return detailed_.get(); }
  [[nodiscard]] DetailedNodes* detailed() { return detailed_.get(); }
  /// What happens from now on is counted there; null: into the sums of the host's thread again.
  void record_into(ThreadSums* sums) {
    ThreadSums* const of_thread = moment_.thread != nullptr ? moment_.thread : moment_.sums;
    recorded_ = sums;
    if (of_thread != nullptr) count_into(*of_thread);  // else it has not run yet
  }
  /// How many tasks' parts have ended here.
  [[nodiscard]] std::uint64_t tasks_ended() const { return tasks_ended_; }
  void dispatch(const engine::Event& event);
  /// The task that the event starts on this die; kNone: the event does something else.
  [[nodiscard]] static std::uint32_t task_start(const engine::Event& event);
  /// Takes the state of its like in the row of tiles that has run for both.
  void copy(const DieShard& from, const RowNames& names);
  /// Rows of tiles are no longer in step.
  void go_on() { stop_ = kNever; }

 private:
  enum class Kind : std::uint8_t {
    kTaskStart  // a: rank, b: task
  };
  void count_into(ThreadSums& of_thread) {
    moment_.sums = recorded_ != nullptr ? recorded_ : &of_thread;
    moment_.thread = recorded_ != nullptr ? &of_thread : nullptr;
  }
  void launch(RankId rank, std::uint32_t task, Cycles now) override;
  [[nodiscard]] std::vector<Cycles> repeat(const std::vector<std::uint32_t>& tasks, Cycles now) override {
    return repeats_->start(tasks, now);
  }
  void ended(std::uint32_t task, Cycles now) override { repeats_->ended(task, now); }
  void delay_begins(RankId rank, workload::Task::Unit unit, Cycles now) override;
  void delay_ends(RankId rank, workload::Task::Unit unit, Cycles now) override;
  void received(SiteIndex site, const fabric::Burst& burst, Cycles tail) override;
  void written(SiteIndex site, Cycles time) override {
    if (detailed_->has(site)) detailed_->write(site, 1, time);
  }
  [[nodiscard]] Bytes sent_by(const RankDie& place, std::uint32_t task) const;
  void plan_start(RankId rank, std::uint32_t task, Cycles time);
  void send_notice(RankId rank, std::uint32_t slice_die, fabric::Purpose purpose, std::uint32_t task, Cycles now);
  void rename(engine::Event& event, const RowNames& names) const;

  Context& context_;
  const DieId die_;
  Moment moment_;
  engine::Wheel wheel_;
  Timer timer_;
  Cycles stop_ = kNever;  ///< while rows of tiles are in step: a task starts then after which they are not
  std::uint64_t tasks_ended_ = 0;
  Residents residents_;
  NodeTime time_;
  Adders adders_;
  QueueChoice queues_;
  std::vector<CoreCounters> cores_;
  std::unique_ptr<NetworkPort> port_;
  KernelRuns kernels_;
  DieDataflows dataflows_;
  Reductions reductions_;
  Sequencer sequencer_;
  std::unique_ptr<DetailedNodes> detailed_;
  std::unique_ptr<CopiedTasks> copied_;     ///< none: every task is run
  std::unique_ptr<KernelRepeats> repeats_;  ///< of the rank of several dies that is at home here; none: it has none
  ThreadSums* recorded_ = nullptr;          ///< somebody records what this die does
};

}  // namespace dojo::machine

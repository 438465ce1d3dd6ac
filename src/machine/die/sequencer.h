// SPDX-License-Identifier: Apache-2.0
// The sequencers of the ranks whose first die this is: which tasks may start, and what their ends make possible.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/machine/machine.h"
#include "dojo/workload/program.h"
#include "machine/die/moment.h"
#include "machine/shortcuts/row_names.h"

namespace dojo::machine {

/// One rank: its tasks are a graph; each starts when those before it are done, on the cores one at a time.
struct RankTasks {
  RankId rank = 0;
  std::uint32_t dies = 1;  ///< of its slice
  const workload::Program* program = nullptr;
  std::vector<std::uint16_t> waits;       ///< dependencies still open, by task
  std::vector<std::uint32_t> ready_core;  ///< min-heap of tasks that wait for the cores
  struct Active {
    std::uint32_t task, dies_left;
  };
  std::vector<Active> active;
  bool core_busy = false;
  std::uint32_t tasks_left = 0;
  std::vector<std::uint32_t> step_left;  ///< tasks still open, by training step
  std::vector<std::uint16_t> op_left;    ///< tasks still open, by op + step * ops
  std::vector<Cycles> op_start;          ///< of the same
  std::vector<TaskTime> times;           ///< by task; empty: not asked for
  bool repeats = false;                  ///< the launcher may know how long tasks will take
  std::vector<std::uint32_t> together;   ///< then: tasks that start in this event
};

class Sequencer {
 public:
  /// Starts tasks on the dies of a slice.
  class Launcher {
   public:
    virtual ~Launcher() = default;
    virtual void launch(RankId rank, std::uint32_t task, Cycles now) = 0;
    /// Of a rank that may repeat what it has run: how long each of these tasks will take, which start together; kNever:
    /// it is to be launched.
    virtual std::vector<Cycles> repeat(const std::vector<std::uint32_t>& tasks, Cycles /*now*/) {
      return std::vector<Cycles>(tasks.size(), kNever);
    }
    /// A task of that rank has ended.
    virtual void ended(std::uint32_t /*task*/, Cycles /*now*/) {}
    /// Recorded time begins or ends that passes beside the cores.
    virtual void delay_begins(RankId rank, workload::Task::Unit unit, Cycles now) = 0;
    virtual void delay_ends(RankId rank, workload::Task::Unit unit, Cycles now) = 0;
  };

  Sequencer(const workload::Workload& workload, engine::Wheel& wheel, const Moment& moment, Launcher& launcher)
      : workload_(workload), timer_(wheel, Part::kSequencer), moment_(moment), launcher_(launcher) {}

  /// `recorded`: RankTasks::times says when each task ran.
  void add_rank(RankId rank, std::uint32_t dies, const workload::Program& program, bool recorded);
  /// The launcher is asked to repeat the tasks of a rank that is at home here.
  void repeat(RankId rank) { of(rank).repeats = true; }
  /// All ranks begin at `now`.
  void start(Cycles now);
  void handle(const engine::Event& event);
  /// One die's part of a task will have ended at `time`, as the sequencer learns it.
  void plan_end(RankId rank, std::uint32_t task, Cycles time) { timer_.at(time, Kind::kTaskDone, rank, task); }
  /// One die's part of a task ends.
  void finish(RankId rank, std::uint32_t task, Cycles now) { finish(of(rank), task, now); }
  /// A task after this one waits for nothing else.
  [[nodiscard]] bool end_starts_another(RankId rank, std::uint32_t task) const;

  [[nodiscard]] const std::deque<RankTasks>& ranks() const { return state_.ranks; }

  /// Takes the state of another die's that has run for both, with this row's names.
  void copy(const Sequencer& from, const RowNames& names);
  /// The same for an event that it has planned.
  static void rename(engine::Event& event, const RowNames& names);
  /// The end of a task that is planned by this event; kNone: it plans something else.
  [[nodiscard]] static std::uint32_t task_done(const engine::Event& event) {
    return Timer::part(event) == Part::kSequencer && Timer::kind<Kind>(event) == Kind::kTaskDone ? event.b : kNone;
  }

 private:
  enum class Kind : std::uint8_t {
    kRankStart,  // a: index of the rank
    kTaskDone    // a: rank, b: task
  };
  struct State {
    std::deque<RankTasks> ranks;
  };

  RankTasks& of(RankId rank);
  [[nodiscard]] bool is_counted(const workload::Program& program, const workload::Task& task) const;
  void starts(RankTasks& rank, std::uint32_t task, Cycles now);
  void ready(RankTasks& rank, std::uint32_t task, Cycles now);
  void start_core(RankTasks& rank, Cycles now);
  void launch(RankTasks& rank, std::uint32_t task, Cycles now);
  void launch_now(RankTasks& rank, std::uint32_t task, Cycles now);
  void launch_together(RankTasks& rank, Cycles now);
  void finish(RankTasks& rank, std::uint32_t task, Cycles now);

  const workload::Workload& workload_;
  Timer timer_;
  const Moment& moment_;
  Launcher& launcher_;
  State state_;
};

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// Decorates a die: a task that starts on a die at rest takes the record of another die that has run it, instead of
// running its events (shortcuts/task_copy.h says when that is exact).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/engine/wheel.h"
#include "machine/die/moment.h"
#include "machine/shortcuts/task_copy.h"

namespace dojo::machine {

struct Context;
class DieShard;

class CopiedTasks {
 public:
  CopiedTasks(Context& context, DieId id, DieShard& die);

  /// Takes the record of a task that stays on this die, or of it and what starts with it, making it first if there is
  /// none; or runs the tasks.
  void start(std::uint32_t rank_die, std::uint32_t task, Cycles now);
  void handle(const engine::Event& event);
  /// Messages come from outside. If that is before copied tasks have ended, they are run from their start after all.
  void disturb(Cycles first_arrival);
  /// Adds what copied tasks did to the die's counters.
  void settle();
  /// How many tasks took a record.
  [[nodiscard]] std::uint64_t count() const { return state_.count; }
  /// Takes the state of another die's that has run for both.
  void copy(const CopiedTasks& from) { state_ = from.state_; }

 private:
  enum class Kind : std::uint8_t {
    kDone,  // a: generation
    kRun    // b: task: runs it without a record
  };
  struct State {
    const TaskCopy* record = nullptr;  ///< that the die goes by now
    Cycles start = 0;                  ///< of those tasks
    std::uint32_t generation = 0;
    std::vector<std::uint32_t> hits;  ///< by record, since the counters were settled
    std::uint64_t count = 0;
  };
  [[nodiscard]] std::uint32_t take_partner(std::uint32_t task, Cycles now);
  [[nodiscard]] bool ends_unseen(const Tasks& tasks);
  [[nodiscard]] const TaskCopy* find_or_record(const Tasks& tasks);
  void done(Cycles now);

  Context& context_;
  const DieId id_;
  DieShard& die_;
  Timer timer_;
  State state_;
};

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// The pipeline of one D1 core, cycle by cycle: front end, four threads, scalar and vector scheduler, address
// generators, matrix, FMA and shuffle unit, registers, store and send queues, semaphores. docs/core.md says what is
// modelled.
//
// Memory is what its ports reach:   Cycles access(std::uint32_t address, bool write, Cycles at)   when a line's bank is
// granted, `at` or later. Network takes packets:   bool ready()   void send(std::uint32_t address, Cycles at).
// Observer is told what happens to each instruction; NoObserver costs nothing.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/base/bits.h"
#include "dojo/base/types.h"
#include "dojo/core/counters.h"
#include "dojo/core/params.h"
#include "dojo/core/program.h"
#include "dojo/core/scheduler.h"
#include "dojo/core/thread.h"
#include "dojo/core/values.h"

namespace dojo::core {

struct NoObserver {
  /// Instruction `index` of the thread was decoded; `age` numbers decoded instructions.
  void decoded(int /*thread*/, std::uint32_t /*index*/, std::uint32_t /*age*/, Cycles /*now*/) {}
  /// It left a scheduler; its result is there at `done`.
  void issued(std::uint32_t /*age*/, Unit /*unit*/, Cycles /*now*/, Cycles /*done*/) {}
};

template <class Memory, class Network, class Observer = NoObserver>
class Pipeline {
 public:
  /// Requires programs that check() lets pass; they must outlive the pipeline.
  Pipeline(const Params& params, const Work& work, Memory& memory, Network& network, Observer observer = {});

  /// One cycle; `now` grows by 1 from 0, or by more where stuck() says so.
  void tick(Cycles now);
  /// Seen from the next tick on.
  void signal(std::int32_t semaphore, std::int32_t count = 1) {
    raised_ |= std::uint64_t{1} << semaphore;
    std::int64_t& by = raised_by_[static_cast<std::size_t>(semaphore)];
    by = saturating_sum(by, count);
  }
  /// Every thread that ends has ended.
  [[nodiscard]] bool done() const { return (living_ & ends_) == 0; }
  /// Every living thread waits for a semaphore and nothing is under way: only signal() changes that.
  [[nodiscard]] bool stuck() const { return stuck_; }
  [[nodiscard]] bool living(int thread) const { return (living_ >> thread & 1) != 0; }
  /// Where a living thread is: its next instruction to decode, or to fetch.
  [[nodiscard]] std::uint32_t next_instruction(int thread);
  [[nodiscard]] std::int64_t semaphore(int number) const { return semaphores_[static_cast<std::size_t>(number)]; }
  /// The same with signals that have not been seen yet.
  [[nodiscard]] std::int64_t held(int number) const {
    const auto at = static_cast<std::size_t>(number);
    return saturating_sum(semaphores_[at], raised_by_[at]);
  }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] Observer& observer() { return observer_; }

 private:
  enum class Decoded { kYes, kScalarFull, kVectorFull, kSemaphore, kNoValues, kHalt };
  struct SendUnderWay {
    std::uint32_t address = 0;
    std::int32_t packets = 0;
    std::uint8_t thread = 0;
  };

  void arrive();
  void see_signals();
  void drain_sends();
  void drain_stores();
  [[nodiscard]] int storing_thread();
  void issue_integers(int& issues);
  void issue_addresses(int issues);
  bool issue_load(int index);
  bool issue_store(int index);
  bool issue_send(int index);
  void issue_vectors();
  void issue_vector(int index);
  void fetch();
  [[nodiscard]] int fetching_thread() const;
  bool fetch_one(Thread& thread);
  void decode();
  Decoded decode_some(Thread& thread, int number, int& budget);
  Decoded decode_one(Thread& thread, int number, const FetchedInstruction& fetched);
  Decoded decode_wait(Thread& thread, const Instruction& instruction);
  Decoded decode_signal(Thread& thread, const Instruction& instruction);
  Decoded decode_scalar(Thread& thread, int number, const Instruction& instruction);
  Decoded decode_memory(Thread& thread, int number, const FetchedInstruction& fetched);
  Decoded decode_vector(Thread& thread, int number, const FetchedInstruction& fetched);
  ValueId add_operand_load(Thread& thread, int number, int index, const FetchedInstruction& fetched);
  void set_address(Entry& entry, int index, Thread& thread, int number, std::uint32_t instruction);
  void write_register(Entry& entry, int number, std::uint8_t place, EntryId id, std::uint8_t own_reads);
  void count_cycle(Decoded why);
  void left(Thread& thread);
  void fire_signals(Thread& thread);
  void finish();

  [[nodiscard]] static EntryId vector_id(int index) { return static_cast<EntryId>(index + 64); }
  void wake(EntryId id) {
    if (id < 64) {
      scalar_.operand_came(id);
    } else {
      vector_.operand_came(id - 64);
    }
  }
  auto waker() {
    return [this](EntryId id) { wake(id); };
  }
  void release(Entry& entry) {
    for (const ValueId id : entry.sources) {
      if (id == kNoValue) break;
      values_.reader_gone(id, waker());
    }
  }

  Params params_;
  Memory& memory_;
  Network& network_;
  Observer observer_;
  Cycles now_ = 0;
  std::uint32_t living_ = 0, ends_ = 0, age_ = 0;
  bool stuck_ = false;
  int vector_slots_ = 0, stores_waiting_ = 0;
  unsigned next_store_ = 0, next_decode_ = 0, next_fetch_ = 0;
  std::array<Cycles, kMostPorts> load_port_from_{}, store_port_from_{}, read_port_from_{};
  std::uint64_t raised_ = 0;                                 ///< semaphores with signals that nobody has seen yet
  std::array<std::int64_t, 64> semaphores_{}, raised_by_{};  ///< a loop of large counts goes beyond 32 bits
  Ring<SendUnderWay, 16> sends_;
  Counters counters_;
  Scheduler scalar_, vector_;
  std::array<Thread, kThreads> threads_;
  Values values_;
};

}  // namespace dojo::core

#include "dojo/core/pipeline_decode.h"  // IWYU pragma: export
#include "dojo/core/pipeline_issue.h"   // IWYU pragma: export

// SPDX-License-Identifier: Apache-2.0
// One core with its own SRAM and a network that takes every packet: runs programs to their end.
#pragma once
#include <cstdint>

#include "dojo/core/counters.h"
#include "dojo/core/pipeline.h"
#include "dojo/core/sram.h"

namespace dojo::core {

/// A network that is always ready.
struct OpenNetwork {
  [[nodiscard]] static bool ready() { return true; }
  static void send(std::uint32_t /*address*/, Cycles /*at*/) {}
};

/// A program that has not ended after so many cycles is said to have no end.
inline constexpr Cycles kMostCycles = 100'000'000;

template <class Observer = NoObserver>
class Core {
 public:
  /// Requires programs that check() lets pass; they must outlive the core.
  Core(const Params& params, const Work& work, Observer observer = {})
      : write_ports_(params.write_ports),
        work_(work),
        sram_(params.banks),
        pipeline_(params, work, sram_, network_, observer),
        next_arrival_(work.arrivals.packets > 0 ? work.arrivals.first : kNever) {}
  /// Until the threads have ended. Throws Error(kCannotFinish) for a deadlock and after `most` cycles.
  Counters run(Cycles most = kMostCycles);
  [[nodiscard]] Observer& observer() { return pipeline_.observer(); }

 private:
  void receive(Cycles now);

  int write_ports_;
  const Work& work_;
  Sram sram_;
  OpenNetwork network_;
  Pipeline<Sram, OpenNetwork, Observer> pipeline_;
  std::int64_t received_ = 0;
  Cycles next_arrival_;
  std::array<Cycles, kMostPorts> write_port_from_{};
};

/// The built-in core on the programs of `work`. Throws Error(kInvalidInput) too, as check() and Params do.
[[nodiscard]] Counters run(const Work& work, const Hardware& hardware, Cycles most = kMostCycles);

/// Sentences of a run that cannot end. `where` has a line for each living thread.
struct ThreadPlace {
  const Program* program = nullptr;
  int thread = 0;
  std::uint32_t instruction = 0;
  std::int64_t held = 0;  ///< by the semaphore it waits for
};
[[noreturn]] void fail_deadlock(const std::vector<ThreadPlace>& places, Cycles now);
[[noreturn]] void fail_endless(const std::vector<ThreadPlace>& places, Cycles most);

/// What arrives is written before the core's own accesses of a cycle.
template <class Observer>
void Core<Observer>::receive(Cycles now) {
  const Arrivals& arrivals = work_.arrivals;
  for (int port = 0; port < write_ports_ && next_arrival_ <= now; ++port) {
    Cycles& from = write_port_from_[static_cast<std::size_t>(port)];
    if (from > now) continue;
    const std::int64_t turn = arrivals.lines == 0 ? received_ : received_ % arrivals.lines;
    const auto line = static_cast<std::uint32_t>(turn) * kLineBytes;
    from = sram_.access(arrivals.address + line, true, now) + 1;
    ++pipeline_.counters().packets_received;
    if (arrivals.semaphore >= 0) pipeline_.signal(arrivals.semaphore);
    next_arrival_ = ++received_ == arrivals.packets ? kNever : next_arrival_ + arrivals.every;
  }
}

template <class Observer>
Counters Core<Observer>::run(Cycles most) {
  const auto places = [this] {
    std::vector<ThreadPlace> all;
    for (int i = 0; i < kThreads; ++i) {
      const Program* program = work_.threads[static_cast<std::size_t>(i)];
      if (program == nullptr || !pipeline_.living(i)) continue;
      const std::uint32_t at = pipeline_.next_instruction(i);
      const Instruction& instruction = program->instructions[at];
      all.push_back({program, i, at, instruction.op == Op::kWait ? pipeline_.semaphore(instruction.immediate) : 0});
    }
    return all;
  };
  for (Cycles now = 0; !pipeline_.done(); ++now) {
    if (now == most) fail_endless(places(), most);
    sram_.advance(now);
    if (next_arrival_ <= now) receive(now);
    pipeline_.tick(now);
    if (pipeline_.stuck() && !pipeline_.done() && (next_arrival_ == kNever || work_.arrivals.semaphore < 0))
      fail_deadlock(places(), now);
  }
  Counters counters = pipeline_.counters();
  counters.bank_stall_cycles = sram_.waited_cycles();
  return counters;
}

extern template class Pipeline<Sram, OpenNetwork>;
extern template class Core<>;

}  // namespace dojo::core

// SPDX-License-Identifier: Apache-2.0
// Dataflows among the nodes of one die, where the network model knows arrivals at once. Items fire in the order of the
// times at which all that they wait for has come. No message leaves the die, so no tokens are needed.
#pragma once
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "machine/die/adders.h"
#include "machine/die/moment.h"
#include "machine/die/node_time.h"
#include "machine/die/residents.h"
#include "machine/die/task_ends.h"
#include "machine/network/network_port.h"

namespace dojo::machine {

class Reductions {
 public:
  Reductions(const Context& context, engine::Wheel& wheel, const Residents& residents, NodeTime& time, Adders& adders,
             NetworkPort& port, TaskEnds& ends)
      : context_(context),
        timer_(wheel, Part::kReductions),
        residents_(residents),
        time_(time),
        adders_(adders),
        port_(port),
        ends_(ends) {}

  void start(std::uint32_t rank_die, std::uint32_t task, std::uint32_t instance, Cycles now);
  void handle(const engine::Event& event);
  void copy(const Reductions& from, const RowNames& names);

 private:
  enum class Kind : std::uint8_t {
    kFire,  // a: run: what may fire
    kDone   // a: run
  };
  using Ready = std::pair<Cycles, std::uint32_t>;  ///< when, item * chunks + chunk
  struct Run {
    const PlanInfo* info = nullptr;
    std::uint32_t index = 0;  ///< in the pool
    std::uint32_t instance = kNone, rank_die = kNone, task = kNone;
    bool in_use = false;
    Cycles finish = 0;  ///< of what has fired
    // By item * chunks + chunk
    std::vector<Cycles> ready;         ///< when all that has come is there
    std::vector<std::uint32_t> waits;  ///< for how many messages
    std::vector<Ready> open;           ///< a heap of those that wait for nothing, the earliest first
  };
  struct State {
    std::deque<Run> runs;
  };
  void advance(Run& run, Cycles now);
  void fire(Run& run, std::uint32_t index);
  static void come(Run& run, std::uint32_t index, Cycles time);

  const Context& context_;
  Timer timer_;
  const Residents& residents_;
  NodeTime& time_;
  Adders& adders_;
  NetworkPort& port_;
  TaskEnds& ends_;
  State state_;
};

}  // namespace dojo::machine

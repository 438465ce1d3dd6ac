// SPDX-License-Identifier: Apache-2.0
// Which send queue of the nodes of a die an operation uses: the emptier one when it starts, on all nodes of the die.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::machine {

/// A queue is as full as the operations are long that have taken it and are not over: most of their messages follow as
/// others come in. Operations that stay on the die are short; they take a queue, but do not fill it.
class QueueChoice {
 public:
  explicit QueueChoice(std::int64_t queues) : queues_(static_cast<std::size_t>(queues)) {}

  /// The emptier queue, of equal ones the first.
  [[nodiscard]] unsigned emptier() const {
    const auto end = state_.bytes.begin() + static_cast<std::ptrdiff_t>(queues_);
    return static_cast<unsigned>(std::min_element(state_.bytes.begin(), end) - state_.bytes.begin());
  }
  /// An operation that sends `bytes` from this die takes it.
  unsigned take(std::uint32_t rank_die, std::uint32_t task, Bytes bytes) {
    const unsigned queue = emptier();
    if (bytes == 0 || queues_ == 1) return queue;
    state_.bytes[queue] += bytes;
    state_.under_way.push_back({rank_die, task, queue, bytes});
    return queue;
  }
  /// It is over; nothing happens if it has taken none.
  void give_back(std::uint32_t rank_die, std::uint32_t task) {
    for (Operation& each : state_.under_way) {
      if (each.task != task || each.rank_die != rank_die) continue;
      state_.bytes[each.queue] -= each.bytes;
      each = state_.under_way.back();
      return state_.under_way.pop_back();
    }
  }
  /// Takes the state of another die's that has run for both.
  void copy(const QueueChoice& from) { state_ = from.state_; }

 private:
  struct Operation {
    std::uint32_t rank_die, task;
    unsigned queue;
    Bytes bytes;
  };
  struct State {
    std::array<Bytes, topology::kMostSendQueues> bytes{};
    std::vector<Operation> under_way;
  };
  std::size_t queues_;
  State state_;
};

}  // namespace dojo::machine

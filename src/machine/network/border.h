// SPDX-License-Identifier: Apache-2.0
// The edges of one die in the models that move bursts: what leaves takes its edge's rate and its credits, and waits for
// them in a queue; when the queue is long, new bursts wait at their routers until there is room.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/fabric/edge.h"
#include "dojo/topology/topology.h"
#include "machine/die/moment.h"
#include "machine/network/mail.h"
#include "machine/shortcuts/row_names.h"

namespace dojo::machine {

/// By which edge, and in which virtual network (leg of a detour), a burst leaves a die.
struct WayOut {
  topology::Direction direction = topology::Direction::kEast;
  unsigned leg = 0;
  static constexpr std::size_t kCount = std::size_t{topology::kDirections} * topology::kRouteLegs;
  [[nodiscard]] std::size_t index() const {
    return static_cast<std::size_t>(direction) + std::size_t{topology::kDirections} * leg;
  }
};

class Border {
 public:
  Border(const Context& context, DieId die, BorderMail& mail, const Moment& moment);

  [[nodiscard]] const fabric::EdgeOut& edge(topology::Direction d) const { return at(d); }
  [[nodiscard]] fabric::EdgeOut& edge(topology::Direction d) { return at(d); }
  [[nodiscard]] Cycles latency(topology::Direction d) const { return latencies_[static_cast<std::size_t>(d)]; }

  /// A burst whose head reaches the border at `head`; `train` is its length in flits.
  void leave(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Flits train, Cycles head) {
    DOJO_CHECK(at(d).present(), "a burst leaves {} where the machine ends", direction_name(d));
    at(d).offer(burst, lane, train, head, moment_.now, [&](const fabric::Crossing& crossing) { post(d, crossing); });
    if (at(d).waiting()) plan_wake(d);
    if (at(d).full(burst.leg)) state_.full |= 1u << WayOut{d, burst.leg}.index();
  }
  /// New bursts for that way must wait at their routers.
  [[nodiscard]] bool is_full(const WayOut& way) const { return (state_.full >> way.index() & 1u) != 0; }
  [[nodiscard]] bool any_full() const { return state_.full != 0; }

  void add_credit(topology::Direction d, const fabric::Credit& credit) { at(d).add_credit(credit); }
  /// After new credits: looks again at the edge when the first of them may be used.
  void plan_wake(topology::Direction d);
  /// Earliest use of a credit for which something waits; kNever: none.
  [[nodiscard]] Cycles next_wake() const { return state_.next_wake; }
  /// All edges that get credits in the cycle next_wake(), by direction: what waits there goes, and `room(WayOut)` is
  /// called for each way that is full no longer.
  template <class Room>
  void run_wakes(Room&& room);

  /// A single node's burst has passed an edge.
  struct Passed {
    topology::Direction direction;
    std::int32_t lane;
    std::uint32_t bytes;
    Cycles head;  ///< at the edge
  };
  /// Those of the calls since this was emptied.
  [[nodiscard]] std::vector<Passed>& passed() { return passed_; }

  [[nodiscard]] bool any_waiting() const {
    return std::any_of(state_.edges.begin(), state_.edges.end(), [](const auto& edge) { return edge.waiting(); });
  }
  [[nodiscard]] bool at_rest() const { return state_.next_wake == kNever && state_.full == 0 && !any_waiting(); }
  [[nodiscard]] std::uint64_t wakes() const { return state_.wakes; }

  /// Takes the state of another die's border. Edges to other rows of tiles have carried nothing, and keep their own.
  void copy(const Border& from, const RowNames& names);

 private:
  struct State {
    std::array<fabric::EdgeOut, topology::kDirections> edges;
    std::array<Cycles, topology::kDirections> wake_at{kNever, kNever, kNever, kNever};
    Cycles next_wake = kNever;
    std::uint64_t wakes = 0;
    std::uint32_t full = 0;  ///< a bit for each WayOut
  };
  static_assert(WayOut::kCount <= 32);

  [[nodiscard]] fabric::EdgeOut& at(topology::Direction d) { return state_.edges[static_cast<std::size_t>(d)]; }
  [[nodiscard]] const fabric::EdgeOut& at(topology::Direction d) const {
    return state_.edges[static_cast<std::size_t>(d)];
  }

  void post(topology::Direction d, const fabric::Crossing& crossing) {
    if (crossing.burst.shape == fabric::Shape::kUnicast && crossing.burst.traffic_class == fabric::TrafficClass::kData)
      passed_.push_back({d, crossing.lane, crossing.burst.bytes, crossing.time - latency(d)});
    mail_.post(d, crossing);
  }

  BorderMail& mail_;
  std::vector<Passed> passed_;
  const Moment& moment_;
  unsigned legs_ = 1;
  std::array<ShardId, topology::kDirections> neighbours_{kNone, kNone, kNone, kNone};
  std::array<Cycles, topology::kDirections> latencies_{};
  State state_;
};

template <class Room>
void Border::run_wakes(Room&& room) {
  const Cycles time = std::exchange(state_.next_wake, kNever);
  for (unsigned i = 0; i < static_cast<unsigned>(topology::kDirections); ++i) {
    if (state_.wake_at[i] != time) continue;
    state_.wake_at[i] = kNever;
    ++state_.wakes;
    const auto d = static_cast<topology::Direction>(i);
    at(d).woken();
    at(d).advance(time, [&](const fabric::Crossing& crossing) { post(d, crossing); });
    for (unsigned leg = 0; leg < legs_; ++leg) {
      const WayOut way{d, leg};
      if (!is_full(way) || at(d).full(leg)) continue;
      state_.full &= ~(1u << way.index());
      room(way);
    }
    plan_wake(d);
  }
  state_.next_wake = *std::min_element(state_.wake_at.begin(), state_.wake_at.end());
}

}  // namespace dojo::machine

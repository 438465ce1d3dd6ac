// SPDX-License-Identifier: Apache-2.0
#include "machine/network/border.h"

namespace dojo::machine {

using topology::Direction;

Border::Border(const Context& context, DieId die, BorderMail& mail, const Moment& moment)
    : mail_(mail), moment_(moment), legs_(context.topology.routes() == nullptr ? 1 : topology::kRouteLegs) {
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const topology::Edge edge = context.topology.edge(die, static_cast<Direction>(i));
    if (edge.neighbour == kNone) continue;
    neighbours_[index] = edge.neighbour;
    latencies_[index] = edge.latency_cycles;
    configure_edge(context, edge, state_.edges[index]);
  }
}

void Border::plan_wake(Direction d) {
  const Cycles time = at(d).next_advance(moment_.now);
  if (time == kNever) return;
  Cycles& wake = state_.wake_at[static_cast<std::size_t>(d)];
  wake = std::min(wake, time);
  state_.next_wake = std::min(state_.next_wake, wake);
}

void Border::copy(const Border& from, const RowNames& names) {
  const auto& [edges, wake_at, next_wake, wakes, full] = from.state_;
  for (std::size_t d = 0; d < edges.size(); ++d) {
    if (neighbours_[d] == kNone || neighbours_[d] != RowNames::of(names.shard, from.neighbours_[d])) continue;
    state_.edges[d] = edges[d];
    state_.edges[d].change_waiting([&](fabric::Burst& burst) { names.rename(burst); });
  }
  state_.wake_at = wake_at;
  state_.next_wake = next_wake;
  state_.wakes = wakes;
  state_.full = full;
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// Turns of single nodes' bursts on the rows and columns by which they leave a die, and what waits behind them.
#include <algorithm>

#include "dojo/fabric/ideal_die.h"
#include "machine/network/burst_port.h"

namespace dojo::machine {

using fabric::Burst;
using topology::Direction;

/// Along the row first, then along the column.
template <class Links>
typename BurstPort<Links>::Leg BurstPort<Links>::leg_of(std::int32_t row, std::int32_t column, bool comes,
                                                        const Burst& burst) const {
  const std::int32_t columns = links_.columns(), rows = links_.rows();
  const std::int32_t to_column = burst.column - links_.first_column();
  const std::int32_t to_row = burst.row - links_.first_row();
  Leg leg;
  leg.input = comes ? LaneInput::kOn : LaneInput::kNode;
  const auto out = [&](Direction d, std::int32_t lane, std::int32_t from_edge) {
    leg.out = d;
    leg.lane = lane;
    leg.from_edge = from_edge;
    return leg;
  };
  if (to_column < 0) return out(Direction::kWest, row, column);
  if (to_column >= columns) return out(Direction::kEast, row, columns - 1 - column);
  if (to_column != column) {
    leg.input = to_column > column ? LaneInput::kLow : LaneInput::kHigh;
    column = to_column;
  }
  if (to_row < 0) return out(Direction::kNorth, column, row);
  if (to_row >= rows) return out(Direction::kSouth, column, rows - 1 - row);
  return leg;
}

/// What goes to a DIP goes as it comes: its HBM is slower than the edge, and takes a message when all of it is there.
template <class Links>
bool BurstPort<Links>::takes_turns(const Burst& burst) const {
  const std::int32_t columns = context_.topology.die_columns() * links_.columns(),
                     rows = context_.topology.die_rows() * links_.rows();
  return lanes_ && burst.shape == fabric::Shape::kUnicast && burst.traffic_class == fabric::TrafficClass::kData &&
         burst.column >= 0 && burst.column < columns && burst.row >= 0 && burst.row < rows;
}

template <class Links>
std::size_t BurstPort<Links>::lane_index(Direction d, std::int32_t lane) const {
  return static_cast<std::size_t>(d) * static_cast<std::size_t>(std::max(links_.rows(), links_.columns())) +
         static_cast<std::size_t>(lane);
}

/// The router of a lane at the edge.
template <class Links>
SiteIndex BurstPort<Links>::edge_site(Direction d, std::int32_t lane) const {
  switch (d) {
    case Direction::kEast:
      return static_cast<SiteIndex>((lane + 1) * links_.columns() - 1);
    case Direction::kWest:
      return static_cast<SiteIndex>(lane * links_.columns());
    case Direction::kSouth:
      return static_cast<SiteIndex>((links_.rows() - 1) * links_.columns() + lane);
    case Direction::kNorth:
      break;
  }
  return static_cast<SiteIndex>(lane);
}

/// A node asks for a turn: all that ask in this cycle are compared at its end. False: the burst stays on the die.
template <class Links>
bool BurstPort<Links>::ask_lane(SiteIndex site, unsigned queue, const Burst& burst, Cycles now) {
  const Leg leg = leg_of(site / links_.columns(), site % links_.columns(), false, burst);
  if (!leg.out) return false;
  const std::size_t index = lane_index(*leg.out, leg.lane);
  Lane& lane = state_.lanes[index];
  lane.add({site, static_cast<std::uint8_t>(queue), leg.input, false, leg.from_edge});
  if (!lane.planned && !lane.at_edge) plan_lane(*leg.out, leg.lane, now);
  return true;
}

/// Looks at a lane when it is free. In a cycle that comes after what asks then.
template <class Links>
void BurstPort<Links>::plan_lane(Direction d, std::int32_t number, Cycles now) {
  Lane& lane = state_.lanes[lane_index(d, number)];
  lane.planned = true;
  timer_.at(std::max(now, lane.free), Kind::kLane, static_cast<std::uint32_t>(d), static_cast<std::uint32_t>(number));
}

/// Bursts go from a lane as long as its links are free for them.
template <class Links>
void BurstPort<Links>::run_lane(Direction d, std::int32_t number, Cycles now) {
  Lane& lane = state_.lanes[lane_index(d, number)];
  while (!lane.empty() && !lane.planned) {
    if (lane.at_edge || border_.is_full({d, 0})) return;  // credits will bring it
    if (lane.free > now) return plan_lane(d, number, now);
    const Lane::Ask ask = lane.take(context_.oldest_first);
    if (ask.is_inlet) {
      state_.inlets[ask.who].asked = false;
      enter_first(ask.who, now);
    } else {
      const auto site = static_cast<SiteIndex>(ask.who);
      const Cycles port_free = links_.inject_free(site);
      if (port_free > now) {  // a kernel or a reduction came first
        timer_.at(port_free, Kind::kInject, site);
      } else {
        send_burst(site, ask.queue, lane_bytes_, now);
      }
    }
    hold_lane(d, number, now);
    if (ask.is_inlet) run_inlet(ask.who, now);
  }
}

/// The next burst begins when its head will find the links free, wherever it begins.
template <class Links>
void BurstPort<Links>::hold_lane(Direction d, std::int32_t number, Cycles now) {
  Lane& lane = state_.lanes[lane_index(d, number)];
  lane.free = std::max({lane.free, now, links_.link(edge_site(d, number), d).free - across()});
}

/// A burst that came over an edge goes on, behind those that came before it on its row or column.
template <class Links>
void BurstPort<Links>::come(std::uint32_t entry, Cycles now) {
  const auto& [crossing, side, unused] = state_.entries[entry];
  const auto index = static_cast<std::uint32_t>(lane_index(side, crossing.lane));
  state_.inlets[index].entries.push_back(entry);
  ++state_.in_inlets;
  run_inlet(index, now);
}

template <class Links>
void BurstPort<Links>::run_inlet(std::uint32_t index, Cycles now) {
  Inlet& inlet = state_.inlets[index];
  while (!inlet.entries.empty() && !inlet.asked && !inlet.planned) {
    if (inlet.free > now) {
      inlet.planned = true;
      timer_.at(inlet.free, Kind::kInlet, index);
      return;
    }
    const auto& [crossing, side, unused] = state_.entries[inlet.entries.front()];
    const auto [row, column] = inlet_place(side, crossing.lane);
    const Leg leg = leg_of(row, column, true, crossing.burst);
    if (!leg.out) {
      enter_first(index, now);
      continue;
    }
    inlet.asked = true;
    Lane& lane = state_.lanes[lane_index(*leg.out, leg.lane)];
    lane.add({index, 0, leg.input, true, leg.from_edge});
    asked_.push_back({*leg.out, leg.lane});
  }
}

/// Lanes for which bursts of other dies have asked for turns in this event.
template <class Links>
void BurstPort<Links>::run_asked(Cycles now) {
  for (std::size_t i = 0; i < asked_.size(); ++i) run_lane(asked_[i].first, asked_[i].second, now);
  asked_.clear();
}

template <class Links>
std::pair<std::int32_t, std::int32_t> BurstPort<Links>::inlet_place(Direction side, std::int32_t lane) const {
  const SiteIndex site = edge_site(side, lane);
  return {site / links_.columns(), site % links_.columns()};
}

/// The first burst of an inlet takes its links, and those behind it follow.
template <class Links>
void BurstPort<Links>::enter_first(std::uint32_t index, Cycles now) {
  Inlet& inlet = state_.inlets[index];
  const std::uint32_t entry = inlet.entries.front();
  inlet.entries.erase(inlet.entries.begin());
  --state_.in_inlets;
  const auto& [crossing, side, unused] = state_.entries[entry];
  const Cycles start = enter_burst(side, crossing, now);
  inlet.free = start + links_.flits(crossing.burst.bytes);
  leave_buffer(entry, start, now);
}

/// Gives back the credit of an entry whose head has left the receive buffer at `start`.
template <class Links>
void BurstPort<Links>::leave_buffer(std::uint32_t index, Cycles start, Cycles now) {
  const auto& [crossing, side, unused] = state_.entries[index];
  mail_.post(side,
             fabric::Credit{std::max(start, now) + border_.latency(side), crossing.burst.bytes, crossing.burst.leg});
  state_.entries[index].next = state_.free_entry;
  state_.free_entry = index;
}

/// Lanes whose bursts have passed an edge may go on: the next head comes there when the tail of that one has gone.
template <class Links>
void BurstPort<Links>::note_passed(Cycles now) {
  if (lanes_) {
    for (const Border::Passed& passed : border_.passed()) {
      Lane& lane = state_.lanes[lane_index(passed.direction, passed.lane)];
      lane.at_edge = false;
      lane.free = std::max(lane.free, passed.head + links_.flits(passed.bytes) - across());
      if (!lane.empty() && !lane.planned) plan_lane(passed.direction, passed.lane, now);
    }
  }
  border_.passed().clear();
}

template class BurstPort<fabric::DieNetwork>;
template class BurstPort<fabric::IdealDie>;

}  // namespace dojo::machine

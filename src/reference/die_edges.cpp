// SPDX-License-Identifier: Apache-2.0
// The four edges of a die: crossings to other dies, links to DIPs.
#include <algorithm>

#include "reference/die_state.h"

namespace dojo::reference {

/// A message comes in at an edge; returns its number here.
std::uint32_t Die::State::enter(Direction side, const Burst& burst, std::uint32_t flits, std::int32_t lane) {
  Message message;
  message.burst = burst;
  message.flits = flits;
  Way way;
  std::uint32_t ends = 1;
  if (burst.shape == Shape::kUnicast) {
    way = unicast_way(burst);
  } else {
    const bool horizontal = side == Direction::kEast || side == Direction::kWest;
    const bool high = side == Direction::kWest || side == Direction::kNorth;  // comes from the low side
    way = line_way(burst, horizontal, high, lane, high ? -1 : (horizontal ? columns : rows), ends);
  }
  return block->add(message, way, ends);
}

void EdgeMail::append(EdgeMail& later) {
  if (empty()) return std::swap(*this, later);
  for (Record& record : later.records) {
    record.at += flits.size();
    records.push_back(record);
  }
  flits.insert(flits.end(), later.flits.begin(), later.flits.end());
  credits.insert(credits.end(), later.credits.begin(), later.credits.end());
  later.clear();
}

void Die::take(Direction from, EdgeMail& mail) {
  State& s = *state_;
  SideState& side = s.sides[port_of(from)];
  std::size_t record = 0;
  for (std::size_t i = 0; i < mail.flits.size(); ++i) {
    const EdgeMail::Item& flit = mail.flits[i];
    for (; record < mail.records.size() && mail.records[record].at == i; ++record) {
      const EdgeMail::Record& r = mail.records[record];
      if (side.local.size() <= r.message) side.local.resize(std::size_t{r.message} + 1, kNone);
      side.local[r.message] = s.enter(from, r.burst, r.flits, flit.lane);
    }
    const std::uint32_t marks = kFirstMark | kLastMark | (flit.last ? kLastOfMessage : 0);
    side.in->arrive({flit.time, flit.lane, flit.channel, {flit.created, marks | side.local[flit.message]}});
    s.next = std::min(s.next, std::max(flit.time, s.ran + 1));
  }
  for (const EdgeMail::Item& credit : mail.credits) side.out->credit({credit.time, credit.lane, credit.channel, {}});
  mail.clear();
}

void Die::take(Direction from, const fabric::Crossing& crossing) {
  State& s = *state_;
  SideState& side = s.sides[port_of(from)];
  const std::uint32_t flits = s.flits_of(crossing.burst.bytes);
  DipLane& lane = side.lanes[static_cast<std::size_t>(crossing.lane)];
  const std::uint32_t id = s.enter(from, crossing.burst, flits, crossing.lane);
  lane.coming.push_back({id, flits, crossing.burst.bytes, crossing.burst.created, crossing.time});
  lane.taken.push_back(lane.coming.back());
  s.next = std::min(s.next, std::max(crossing.time, s.ran + 1));
}

void Die::State::feed_from_dip(SideState& side, Cycles now) {
  const std::uint8_t channel = this->channel({}, 0, true);
  for (std::size_t i = 0; i < side.lanes.size(); ++i) {
    std::deque<DipLane::Train>& coming = side.lanes[i].coming;
    if (coming.empty() || coming.front().next > now) continue;
    DipLane::Train& train = coming.front();
    const bool last = --train.flits == 0;
    const std::uint32_t marks = kFirstMark | kLastMark | (last ? kLastOfMessage : 0);
    side.in->arrive({now,
                     static_cast<std::uint16_t>(i),
                     channel,
                     {static_cast<std::uint32_t>(train.created), marks | train.message}});
    ++train.created;
    train.next = now + 1;
    if (!last) continue;
    coming.pop_front();
    if (!coming.empty()) coming.front().next = std::max(coming.front().next, now + 1);
  }
}

void Die::State::run_side(unsigned port, Cycles now) {
  SideState& side = sides[port];
  side.out->take(block->flits_out[port]);
  side.in->take_credits(block->credits_out[port]);
  if (side.dip) feed_from_dip(side, now);
  crossed.clear();
  credits.clear();
  side.out->cycle(now, *block, crossed);
  side.queue_cycles += side.out->queued();
  if (!crossed.empty()) send_on(port, now);
  side.in->cycle(now, *block, credits);
  for (const Leaving& credit : credits) {
    if (!side.dip) {
      side.leaves.mail.credits.push_back({credit.time, 0, 0, credit.lane, credit.channel, false});
      continue;
    }
    DipLane::Train& train = side.lanes[credit.lane].taken.front();
    const Bytes bytes = std::min(link_bytes, train.bytes);
    train.bytes -= bytes;
    side.leaves.dip_credits.push_back({credit.time, static_cast<std::uint32_t>(bytes)});
    if (--train.flits == 0) side.lanes[credit.lane].taken.pop_front();
  }
}

/// What has passed the serialiser is known here no longer.
void Die::State::send_on(unsigned port, Cycles now) {
  SideState& side = sides[port];
  for (const Leaving& flit : crossed) {
    const std::uint32_t id = flit.flit.where & kMessageMask;
    const bool last = (flit.flit.where & kLastOfMessage) != 0;
    Message& message = block->message(id);
    if (side.dip) {
      Burst burst = message.burst;
      burst.created = now - static_cast<std::uint32_t>(static_cast<std::uint32_t>(now) - flit.flit.created);
      burst.last = last && message.burst.last;
      const Bytes rest = message.burst.bytes - static_cast<Bytes>(message.flits - 1) * link_bytes;
      burst.bytes = static_cast<std::uint32_t>(last ? rest : link_bytes);
      side.leaves.to_dip.push_back({flit.time, flit.lane, burst});
      side.out->credit({flit.time + side.latency, flit.lane, flit.channel, {}});  // a DIP takes everything as it comes
    } else {
      EdgeMail& mail = side.leaves.mail;
      if (!message.announced) {
        message.announced = true;
        mail.records.push_back({mail.flits.size(), id, message.flits, message.burst});
      }
      mail.flits.push_back({flit.time, flit.flit.created, id, flit.lane, flit.channel, last});
    }
    block->close_one(id);
  }
}

}  // namespace dojo::reference

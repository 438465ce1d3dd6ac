// SPDX-License-Identifier: Apache-2.0
// Both ends of a crossing, a cycle at a time.
#include "reference/crossing.h"

#include <algorithm>
#include <cmath>

#include "dojo/base/error.h"

namespace dojo::reference {
namespace {

/// Ring size for what a router plans ahead; see horizon() in router_block.cpp.
Cycles ahead(const RouterParams& p) {
  return p.hop_cycles + p.credit_cycles + p.virtual_channels * p.input_buffer_flits + 4;
}

/// Drops what was read from the front of a list that is read in order.
void drop_read(std::vector<Leaving>& list, std::size_t& first) {
  if (first != list.size() && first < 1024) return;
  list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(first));
  first = 0;
}

}  // namespace

void LaneQueues::push(std::uint32_t lane, std::uint32_t channel, Flit flit) {
  std::uint32_t cell = unused_;
  if (cell == kNone) {
    cell = static_cast<std::uint32_t>(cells_.size());
    cells_.emplace_back();
  } else {
    unused_ = cells_[cell].next;
  }
  cells_[cell] = {flit, kNone};
  Queue& queue = queues_[lane * channels_ + channel];
  if (queue.head == kNone) {
    queue.head = cell;
  } else {
    cells_[queue.tail].next = cell;
  }
  queue.tail = cell;
  open_[lane] = static_cast<std::uint16_t>(open_[lane] | 1u << channel);
  ++size_;
}

Flit LaneQueues::pop(std::uint32_t lane, std::uint32_t channel) {
  Queue& queue = queues_[lane * channels_ + channel];
  const std::uint32_t cell = queue.head;
  const Flit flit = cells_[cell].flit;
  queue.head = cells_[cell].next;
  if (queue.head == kNone) open_[lane] = static_cast<std::uint16_t>(open_[lane] & ~(1u << channel));
  cells_[cell].next = unused_;
  unused_ = cell;
  --size_;
  return flit;
}

CrossingOut::CrossingOut(const CrossingParams& params, const RouterParams& router)
    : side_(params.side),
      channels_(static_cast<std::uint32_t>(router.virtual_channels)),
      latency_(params.latency),
      credit_cycles_(router.credit_cycles),
      gain_(static_cast<Int128>(std::llround(params.bytes_per_s * 2))),
      cost_(static_cast<Int128>(std::llround(params.clock_hz * 2)) * params.flit_bytes),
      used_(static_cast<std::size_t>(params.lanes) * channels_, 0),
      turn_(params.lanes, 0),
      arrivals_(ahead(router)),
      queues_(params.lanes, channels_) {
  const auto owners = static_cast<std::int64_t>(used_.size());
  // At least a flit for each, at most a router's buffer; what is left over is for whoever comes.
  reserved_ = std::clamp<std::int64_t>(params.buffer_flits / owners / 2, 1, router.input_buffer_flits);
  shared_ = std::max<std::int64_t>(0, params.buffer_flits - reserved_ * owners);
}

void CrossingOut::take(std::vector<Leaving>& from_router) {
  for (const Leaving& flit : from_router) arrivals_.at(flit.time).push(flit);
  on_the_way_ += from_router.size();
  from_router.clear();
}

void CrossingOut::apply_credits(Cycles now) {
  for (; first_credit_ < credits_.size() && credits_[first_credit_].time <= now; ++first_credit_) {
    const Leaving& credit = credits_[first_credit_];
    std::int32_t& used = used_[credit.lane * channels_ + credit.channel];
    if (used > reserved_) ++shared_;
    --used;
  }
  drop_read(credits_, first_credit_);
}

/// What was not used while nothing came is lost, but for less than a flit.
void CrossingOut::gain(Cycles now) {
  const Int128 cycles = now - last_;
  last_ = now;
  tokens_ = std::min(tokens_ + gain_ * (cycles - 1), cost_) + gain_;
}

void CrossingOut::cycle(Cycles now, Block& block, std::vector<Leaving>& mail) {
  List<Leaving>& due = arrivals_.at(now);
  on_the_way_ -= due.size();
  for (const Leaving& flit : due) queues_.push(flit.lane, flit.channel, flit.flit);
  due.clear();
  if (queues_.size() == 0) return;
  apply_credits(now);
  gain(now);
  const std::uint32_t lanes = queues_.lanes(), first = next_lane_;
  for (std::uint32_t i = 0; i < lanes && tokens_ >= cost_ && queues_.size() != 0; ++i) {
    const std::uint32_t lane = first + i < lanes ? first + i : first + i - lanes;
    if (queues_.filled(lane) == 0 || !send_from(lane, now, block, mail)) continue;
    tokens_ -= cost_;
    next_lane_ = lane + 1 == lanes ? 0 : lane + 1;
  }
  tokens_ = std::min(tokens_, cost_);
}

bool CrossingOut::send_from(std::uint32_t lane, Cycles now, Block& block, std::vector<Leaving>& mail) {
  std::uint32_t may = 0;
  for (std::uint32_t left = queues_.filled(lane); left != 0; left &= left - 1) {
    const unsigned channel = lowest_bit(left);
    if (shared_ > 0 || used_[lane * channels_ + channel] < reserved_) may |= 1u << channel;
  }
  if (may == 0) return false;
  const unsigned channel = next_bit(may, turn_[lane]);
  turn_[lane] = static_cast<std::uint8_t>(channel + 1);
  if (used_[lane * channels_ + channel]++ >= reserved_) --shared_;
  const Flit flit = queues_.pop(lane, channel);
  const auto lane16 = static_cast<std::uint16_t>(lane);
  const auto channel8 = static_cast<std::uint8_t>(channel);
  mail.push_back({now + latency_, lane16, channel8, flit});
  block.credit(side_, {now + credit_cycles_, lane16, channel8, {}});
  ++sent_;
  return true;
}

CrossingIn::CrossingIn(const CrossingParams& params, const RouterParams& router)
    : side_(params.side),
      channels_(static_cast<std::uint32_t>(router.virtual_channels)),
      latency_(params.latency),
      credits_(static_cast<std::size_t>(params.lanes) * channels_,
               static_cast<std::uint8_t>(router.input_buffer_flits)),
      open_(params.lanes, static_cast<std::uint16_t>((1u << channels_) - 1)),
      turn_(params.lanes, 0),
      router_credits_(ahead(router)),
      queues_(params.lanes, channels_) {}

void CrossingIn::take_credits(std::vector<Leaving>& from_router) {
  for (const Leaving& credit : from_router) router_credits_.at(credit.time).push(credit);
  from_router.clear();
}

void CrossingIn::cycle(Cycles now, Block& block, std::vector<Leaving>& credit_mail) {
  List<Leaving>& due = router_credits_.at(now);
  for (const Leaving& credit : due) {
    ++credits_[credit.lane * channels_ + credit.channel];
    open_[credit.lane] = static_cast<std::uint16_t>(open_[credit.lane] | 1u << credit.channel);
  }
  due.clear();
  for (; first_arrival_ < arrivals_.size() && arrivals_[first_arrival_].time <= now; ++first_arrival_) {
    const Leaving& flit = arrivals_[first_arrival_];
    queues_.push(flit.lane, flit.channel, flit.flit);
  }
  drop_read(arrivals_, first_arrival_);
  if (queues_.size() == 0) return;
  for (std::uint32_t lane = 0; lane < queues_.lanes(); ++lane) {
    const std::uint32_t may = queues_.filled(lane) & open_[lane];
    if (may == 0) continue;
    const unsigned channel = next_bit(may, turn_[lane]);
    turn_[lane] = static_cast<std::uint8_t>(channel + 1);
    if (--credits_[lane * channels_ + channel] == 0)
      open_[lane] = static_cast<std::uint16_t>(open_[lane] & ~(1u << channel));
    const auto lane16 = static_cast<std::uint16_t>(lane);
    const auto channel8 = static_cast<std::uint8_t>(channel);
    block.enter(side_, {now, lane16, channel8, queues_.pop(lane, channel)});
    credit_mail.push_back({now + latency_, lane16, channel8, {}});
  }
}

}  // namespace dojo::reference

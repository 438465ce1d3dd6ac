// SPDX-License-Identifier: Apache-2.0
// Both ends of a crossing, a cycle at a time.
#include "traffic/packet_crossing.h"

#include <algorithm>
#include <cmath>

#include "dojo/base/bits.h"

namespace dojo::traffic {

void LaneFifos::push(std::uint32_t lane, std::uint32_t channel, Segment segment) {
  fifos_[lane * channels_ + channel].segments.push(segment);
  filled_[lane] = static_cast<std::uint16_t>(filled_[lane] | 1u << channel);
  ++size_;
}

Segment LaneFifos::pop(std::uint32_t lane, std::uint32_t channel) {
  Fifo& fifo = fifos_[lane * channels_ + channel];
  const Segment segment = fifo.segments[fifo.first++];
  --size_;
  if (fifo.first == fifo.segments.size()) filled_[lane] = static_cast<std::uint16_t>(filled_[lane] & ~(1u << channel));
  if (fifo.first == fifo.segments.size() || fifo.first >= 64) {
    fifo.segments.drop_front(fifo.first);
    fifo.first = 0;
  }
  return segment;
}

std::uint64_t LaneFifos::flits(const SegmentRules& rules) const {
  std::uint64_t flits = 0;
  for (const Fifo& fifo : fifos_) {
    for (const Segment* segment = fifo.segments.begin() + fifo.first; segment != fifo.segments.end(); ++segment)
      flits += rules.length(*segment);
  }
  return flits;
}

std::uint64_t InOrder::flits(const SegmentRules& rules) const {
  std::uint64_t flits = 0;
  for (const Leaving* one = list_.begin() + first_; one != list_.end(); ++one) flits += rules.length(one->segment);
  return flits;
}

CrossingSender::CrossingSender(const CrossingParams& edge, const SegmentRules& rules)
    : rules_(rules),
      side_(edge.side),
      latency_(edge.latency),
      gain_(static_cast<Int128>(std::llround(edge.bytes_per_s * 2))),
      cost_(static_cast<Int128>(std::llround(edge.clock_hz * 2)) * edge.flit_bytes),
      used_(static_cast<std::size_t>(edge.lanes) * rules.channels, 0),
      turn_(edge.lanes, 0),
      free_from_(edge.lanes, 0),
      fifos_(edge.lanes, rules.channels) {
  // A segment is paid for when it starts; so a cycle may start as many as the edge carries while a segment lasts.
  most_ = cost_ + gain_ * (rules.flits - 1);
  // An edge slower than a link takes longer for a segment; its head waits, so that it arrives whole.
  if (gain_ < cost_) latency_ += static_cast<Cycles>((cost_ - gain_) * (rules.flits - 1) / gain_);
  const auto owners = static_cast<std::int64_t>(used_.size());
  const std::int64_t segments = edge.buffer_flits / rules.flits;
  // At least a segment for each, at most a router's buffer; what is left over is for whoever comes.
  reserved_ = std::clamp<std::int64_t>(segments / owners / 2, 1, rules.depth);
  shared_ = std::max<std::int64_t>(0, segments - reserved_ * owners);
}

void CrossingSender::take(List<Leaving>& from_router) {
  for (const Leaving& segment : from_router) arrivals_.add(segment);
  from_router.clear();
}

void CrossingSender::cycle(Cycles now, PacketMesh& mesh, List<Leaving>& mail) {
  arrivals_.take_due(now, [this](const Leaving& one) { fifos_.push(one.lane, one.channel, one.segment); });
  if (fifos_.size() == 0) return;
  credits_.take_due(now, [this](const Leaving& credit) {
    if (used_[credit.lane * rules_.channels + credit.channel]-- > reserved_) ++shared_;
  });
  // What was not used while nothing came is lost.
  tokens_ = std::min(tokens_ + gain_ * (now - last_ - 1), most_) + gain_;
  last_ = now;
  const std::uint32_t lanes = fifos_.lanes(), first = next_lane_;
  for (std::uint32_t i = 0; i < lanes && tokens_ >= cost_ && fifos_.size() != 0; ++i) {
    const std::uint32_t lane = first + i < lanes ? first + i : first + i - lanes;
    if (fifos_.filled(lane) == 0 || free_from_[lane] > now || !send_from(lane, now, mesh, mail)) continue;
    next_lane_ = lane + 1 == lanes ? 0 : lane + 1;
  }
  tokens_ = std::min(tokens_, most_);
}

bool CrossingSender::send_from(std::uint32_t lane, Cycles now, PacketMesh& mesh, List<Leaving>& mail) {
  std::uint32_t may = 0;
  for (std::uint32_t left = fifos_.filled(lane); left != 0; left &= left - 1) {
    const unsigned channel = lowest_bit(left);
    if (shared_ > 0 || used_[lane * rules_.channels + channel] < reserved_) may |= 1u << channel;
  }
  if (may == 0) return false;
  const unsigned channel = next_bit(may, turn_[lane]);
  turn_[lane] = static_cast<std::uint8_t>(channel + 1);
  if (used_[lane * rules_.channels + channel]++ >= reserved_) --shared_;
  const Segment segment = fifos_.pop(lane, channel);
  const std::uint32_t flits = rules_.length(segment);
  const auto lane16 = static_cast<std::uint16_t>(lane);
  const auto channel8 = static_cast<std::uint8_t>(channel);
  mail.push({now + latency_, lane16, channel8, segment});
  mesh.credit(side_, {now + rules_.credit, lane16, channel8, {}});
  tokens_ -= cost_ * flits;
  free_from_[lane] = now + flits;
  sent_ += flits;
  return true;
}

CrossingReceiver::CrossingReceiver(const CrossingParams& edge, const SegmentRules& rules)
    : rules_(rules),
      side_(edge.side),
      latency_(edge.latency),
      room_(static_cast<std::size_t>(edge.lanes) * rules.channels, static_cast<std::uint8_t>(rules.depth)),
      open_(edge.lanes, static_cast<std::uint16_t>((1u << rules.channels) - 1)),
      turn_(edge.lanes, 0),
      free_from_(edge.lanes, 0),
      fifos_(edge.lanes, rules.channels) {}

void CrossingReceiver::take_credits(List<Leaving>& from_router) {
  for (const Leaving& credit : from_router) router_credits_.add(credit);
  from_router.clear();
}

void CrossingReceiver::cycle(Cycles now, PacketMesh& mesh, List<Leaving>& credit_mail) {
  router_credits_.take_due(now, [this](const Leaving& credit) {
    ++room_[credit.lane * rules_.channels + credit.channel];
    open_[credit.lane] = static_cast<std::uint16_t>(open_[credit.lane] | 1u << credit.channel);
  });
  arrivals_.take_due(now, [this](const Leaving& one) { fifos_.push(one.lane, one.channel, one.segment); });
  if (fifos_.size() == 0) return;
  for (std::uint32_t lane = 0; lane < fifos_.lanes(); ++lane) {
    const std::uint32_t may = fifos_.filled(lane) & open_[lane];
    if (may == 0 || free_from_[lane] > now) continue;
    const unsigned channel = next_bit(may, turn_[lane]);
    turn_[lane] = static_cast<std::uint8_t>(channel + 1);
    if (--room_[lane * rules_.channels + channel] == 0)
      open_[lane] = static_cast<std::uint16_t>(open_[lane] & ~(1u << channel));
    const Segment segment = fifos_.pop(lane, channel);
    const auto lane16 = static_cast<std::uint16_t>(lane);
    const auto channel8 = static_cast<std::uint8_t>(channel);
    free_from_[lane] = now + rules_.length(segment);
    mesh.enter(side_, {now, lane16, channel8, segment});
    credit_mail.push({now + latency_, lane16, channel8, {}});
  }
}

}  // namespace dojo::traffic

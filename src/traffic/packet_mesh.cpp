// SPDX-License-Identifier: Apache-2.0
// How packets are cut into segments; set-up of a die's routers, and what happens around their visits.
#include "traffic/packet_mesh.h"

#include <algorithm>

#include "traffic/packet_express.h"
#include "traffic/packet_visit.h"

namespace dojo::traffic {
namespace {

/// An eighth of a packet, so that what shares a link still takes turns often; no more than a VC's buffer holds, whose
/// depth it divides.
std::uint32_t flits_of_a_segment(std::uint32_t packet_flits, std::uint32_t depth) {
  constexpr std::uint32_t kSegments = 8, kMost = 16;
  std::uint32_t flits = std::min({std::max(packet_flits / kSegments, 1u), depth, kMost});
  while (depth % flits != 0) --flits;
  return flits;
}

/// Cycles from a packet's start to its tail's last router, where nothing holds it up.
Cycles longest_passage(const SegmentRules& rules, const MeshShape& shape) {
  return rules.express ? rules.injection + rules.packet_flits + (shape.rows + shape.columns) * rules.hop : 1;
}

}  // namespace

SegmentRules::SegmentRules(const RouterParams& router, std::uint32_t flits_of_packet, NodePorts node)
    : packet_flits(flits_of_packet),
      flits(flits_of_a_segment(flits_of_packet, static_cast<std::uint32_t>(router.input_buffer_flits))),
      count(ceil_div(flits_of_packet, flits)),
      channels(static_cast<std::uint32_t>(router.virtual_channels)),
      depth(static_cast<std::uint32_t>(router.input_buffer_flits) / flits),
      ports(node),
      hop(router.hop_cycles),
      credit(router.credit_cycles),
      injection(router.injection_cycles),
      speculative(router.speculative),
      input_limited(router.internal_speedup == 1) {
  last_flits = packet_flits - (count - 1) * flits;
  constexpr std::uint32_t kLongestExpress = 1024;  // sources look less than 2048 cycles ahead
  express = flits > 1 && packet_flits <= kLongestExpress && speculative && input_limited && ports.single() &&
            static_cast<Cycles>(flits) >= std::max(hop, injection) + credit;
}

PacketMesh::PacketMesh(const SegmentRules& rules, const MeshShape& shape, unsigned stride)
    : rules_(rules),
      stride_(stride),
      arrivals_(std::max(rules.hop, rules.injection) + 1),
      credits_(rules.hop + rules.credit + 1),
      visits_(kVisitsAhead - 1),
      passing_(longest_passage(rules, shape)),
      due_(std::max({rules.hop + rules.credit + rules.injection + 1, kVisitsAhead, longest_passage(rules, shape)})) {}

template <unsigned kStride, bool kLong, unsigned kPorts>
PacketRouters<kStride, kLong, kPorts>::PacketRouters(const MeshShape& shape, const SegmentRules& rules)
    : PacketMesh(rules, shape, kStride),
      shape_(shape),
      step_{1, -1, shape.columns, -shape.columns, 0},
      node_limits_(rules.depth * rules.flits < rules.hop + rules.credit) {
  while ((1u << depth_bits_) < rules.depth) ++depth_bits_;
  depth_mask_ = (1u << depth_bits_) - 1;
  const auto count = static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.columns);
  routers_.resize(count);
  buffers_.resize((count * kInputVcs) << depth_bits_);
  if (kLong) busy_.resize(count);
  Mask channels = 0;
  for (unsigned port = 0; port < kPorts; ++port)
    channels |= static_cast<Mask>(((kOne << rules.channels) - 1) << (port * kStride));
  for (std::size_t i = 0; i < count; ++i) {
    Router& r = routers_[i];
    const auto row = static_cast<std::int32_t>(i) / shape.columns,
               column = static_cast<std::int32_t>(i) % shape.columns;
    r.row = static_cast<std::uint16_t>(shape.first_row + row);
    r.column = static_cast<std::uint16_t>(shape.first_column + column);
    r.leaves = shape.border(row, column);
    r.free = r.credit = channels;
    r.credits.fill(static_cast<std::uint8_t>(rules.depth));
  }
}

template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::apply_credits(Cycles now) {
  List<std::uint32_t>& due = credits_.at(now);
  for (const std::uint32_t to : due) {
    const std::uint32_t index = to >> kInputVcBits;
    const unsigned vc = to & ((1u << kInputVcBits) - 1);
    if (vc >= kNode) {
      node_credits.push({index, static_cast<std::uint8_t>((vc - kNode) / kStride),
                         static_cast<std::uint8_t>((vc - kNode) % kStride)});
      continue;
    }
    Router& r = routers_[index];
    if (r.credits[vc]++ != 0) continue;
    r.credit |= kOne << vc;
    if ((r.free >> vc & 1) != 0) continue;
    const unsigned holder = r.holder[vc];
    if (r.length[holder] == 0) continue;
    r.ready |= kOne << holder;
    plan(r, index, now);
  }
  due.clear();
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::apply_arrival(Arrival arrival, Cycles now) {
  const std::uint32_t index = arrival.input_vc >> kInputVcBits;
  const unsigned vc = arrival.input_vc & ((1u << kInputVcBits) - 1);
  if constexpr (kLong) {
    if (arrival.segment.first()) make_way(arrival, now);
  }
  Router& r = routers_[index];
  const unsigned length = r.length[vc]++;
  DOJO_CHECK(length < rules_.depth, "a segment reaches a full buffer: router ({}, {}), input VC {}, cycle {}", r.row,
             r.column, vc, now);
  buffer(index, vc)[(r.first[vc] + length) & depth_mask_] = arrival.segment;
  if (length != 0) return;
  if ((r.active >> vc & 1) == 0) {
    r.output[vc] = static_cast<std::uint8_t>(route(r, arrival.segment));
    r.waiting |= kOne << vc;
  } else if ((r.credit >> r.held[vc] & 1) != 0) {
    r.ready |= kOne << vc;
  } else {
    return;
  }
  plan(r, index, now);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::arrive(Cycles now) {
  apply_credits(now);
  List<Arrival>& due = arrivals_.at(now);
  // What gives way to an arrival may be due in this cycle as well: the list grows.
  // NOLINTNEXTLINE(modernize-loop-convert)
  for (std::size_t i = 0; i < due.size(); ++i) apply_arrival(due[i], now);
  due.clear();
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::free_ports(Router& r, std::uint32_t index,
                                                                                     Cycles now) {
  const Busy& busy = busy_[index];
  const auto over = [now](std::uint32_t until) {
    return static_cast<std::int32_t>(until - static_cast<std::uint32_t>(now)) <= 0;
  };
  for (std::uint32_t left = r.sending_in; left != 0; left &= left - 1) {
    const unsigned port = lowest_bit(left);
    if (over(busy.in_until[port])) r.sending_in = static_cast<std::uint8_t>(r.sending_in & ~(1u << port));
  }
  for (std::uint32_t left = r.sending_out; left != 0; left &= left - 1) {
    const unsigned port = lowest_bit(left);
    if (over(busy.out_until[port])) r.sending_out = static_cast<std::uint8_t>(r.sending_out & ~(1u << port));
  }
}

/// The next cycle in which something that waits here may go: a head for which a VC is free, a segment whose ports are
/// idle then. All else is woken by credit or by an arrival.
template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::plan_next(Router& r, std::uint32_t index,
                                                                                    Cycles now) {
  if ((r.ready | r.waiting) == 0) return;
  std::uint32_t wait = 1;
  if constexpr (kLong) {
    wait = kVisitsAhead;
    for (Mask left = r.waiting; left != 0; left &= left - 1) {
      if ((r.free & channels_of(r, lowest_bit(left))) != 0) return plan(r, index, now + 1);
    }
    const Busy& busy = busy_[index];
    const auto now32 = static_cast<std::uint32_t>(now);
    for (Mask left = r.ready; left != 0; left &= left - 1) {
      const unsigned i = lowest_bit(left), in = i / kStride, out = r.output[i];
      std::uint32_t most = 1;
      if (rules_.input_limited && (r.sending_in >> in & 1) != 0) most = std::max(most, busy.in_until[in] - now32);
      if ((busy_outputs(r) >> out & 1) != 0) most = std::max(most, busy_until(busy, out, now32) - now32);
      wait = std::min(wait, most);
    }
    if (wait == kVisitsAhead) return;
  }
  plan(r, index, now + wait);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::allocate(Cycles now) {
  List<std::uint32_t>& due = visits_.at(now);
  if (!due.empty()) visit_all(due, now);
  if constexpr (kLong) pass_by(now);
  due_.pass(now);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::visit_all(List<std::uint32_t>& due, Cycles now) {
  List<Arrival>& arrivals = later(arrivals_, now + rules_.hop);
  List<std::uint32_t>& credits = later(credits_, now + rules_.credit);
  const std::size_t most = due.size() * kPorts;
  Outlets out{arrivals.room(most), credits.room(most)};
  const std::uint32_t bit = 1u << (static_cast<std::uint32_t>(now) & 31);
  for (const std::uint32_t index : due) {
    Router& r = routers_[index];
    r.planned &= ~bit;
    visit(r, index, now, out);
    plan_next(r, index, now);
  }
  due.clear();
  arrivals.finish(out.arrivals);
  credits.finish(out.credits);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
std::uint64_t PacketRouters<kStride, kLong, kPorts>::flits_inside() const {
  std::uint64_t flits = 0;
  for (const List<Arrival>& list : arrivals_.lists())
    for (const Arrival& arrival : list) flits += rules_.length(arrival.segment);
  for (const List<Leaving>& list : segments_out)
    for (const Leaving& leaving : list) flits += rules_.length(leaving.segment);
  for (const Passage& p : passages_) flits += p.running ? rules_.packet_flits : 0;
  for (std::size_t index = 0; index < routers_.size(); ++index) {
    const Router& r = routers_[index];
    for (unsigned vc = 0; vc < kInputVcs; ++vc) {
      for (unsigned i = 0; i < r.length[vc]; ++i)
        flits += rules_.length(buffers_[((index * kInputVcs + vc) << depth_bits_) + ((r.first[vc] + i) & depth_mask_)]);
    }
    DOJO_CHECK((r.ready & ~r.active) == 0 && (r.waiting & r.active) == 0, "router ({}, {}): states overlap", r.row,
               r.column);
  }
  return flits;
}

namespace {

template <unsigned kStride>
std::unique_ptr<PacketMesh> make(const MeshShape& shape, const SegmentRules& rules) {
  constexpr unsigned kSeveral = kLocalPort + kMostNodePorts;
  if (rules.flits == 1) {
    if (rules.ports.single()) return std::make_unique<PacketRouters<kStride, false, 5>>(shape, rules);
    return std::make_unique<PacketRouters<kStride, false, kSeveral>>(shape, rules);
  }
  if (rules.ports.single()) return std::make_unique<PacketRouters<kStride, true, 5>>(shape, rules);
  return std::make_unique<PacketRouters<kStride, true, kSeveral>>(shape, rules);
}

}  // namespace

std::unique_ptr<PacketMesh> make_packet_mesh(const MeshShape& shape, const SegmentRules& rules) {
  if (rules.headings != nullptr) return make<16>(shape, rules);
  return rules.channels <= 4 ? make<4>(shape, rules) : make<8>(shape, rules);
}

}  // namespace dojo::traffic

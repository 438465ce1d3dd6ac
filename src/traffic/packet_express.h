// SPDX-License-Identifier: Apache-2.0
// Packets that meet nobody. Where every port on a packet's way is idle, it needs no events: segment k leaves router h
// of its way at start + k x flits + h x hop. Such a passage is written into the routers when its tail is out, or,
// segment by segment as it then stands, before another packet may want one of its ports. So results are the same as
// without.
#pragma once
#include <algorithm>
#include <cstdlib>

#include "traffic/packet_routers.h"

namespace dojo::traffic {

template <unsigned kStride, bool kLong, unsigned kPorts>
bool PacketRouters<kStride, kLong, kPorts>::express(std::uint32_t router, unsigned channel, Segment segment,
                                                    Cycles now) {
  if constexpr (!kLong) return false;
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::uint32_t>(passages_.size()));
    passages_.emplace_back();
  }
  const std::uint32_t id = unused_.back();
  Passage& p = passages_[id];
  p.start = now + rules_.injection;
  p.segment = segment;
  if (!find_way(p, router, kLocalPort * kStride + channel)) return false;
  unused_.pop_back();
  p.running = true;
  p.at_source = true;
  mark(p, id + 1);
  later(passing_, tail_leaves(p, 0)).push(id);
  later(passing_, tail_leaves(p, p.way.size() - 1)).push(id);
  return true;
}

template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::mark(const Passage& p, std::uint32_t mark) {
  for (const Step& step : p.way) {
    Busy& busy = busy_[step.router];
    busy.in_passage[step.in / kStride] = busy.out_passage[step.channel / kStride] = mark;
  }
}

/// A segment of a passage leaves the router in this cycle.
template <unsigned kStride, bool kLong, unsigned kPorts>
bool PacketRouters<kStride, kLong, kPorts>::passes(std::uint32_t index, Cycles now) const {
  for (const std::uint32_t id : busy_[index].in_passage) {
    if (id == 0) continue;
    const Passage& p = passages_[id - 1];
    const Router &here = routers_[index], &first = routers_[p.way[0].router];
    const Cycles at = std::abs(here.row - first.row) + std::abs(here.column - first.column);
    const Cycles since = now - p.start - at * rules_.hop, flits = rules_.flits;
    if (since >= 0 && since % flits == 0 && since / flits < rules_.count) return true;
  }
  return false;
}

/// The head of a packet that may want a port of passages.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::make_way(const Arrival& arrival, Cycles now) {
  const std::uint32_t index = arrival.input_vc >> kInputVcBits;
  const unsigned in = (arrival.input_vc & ((1u << kInputVcBits) - 1)) / kStride,
                 out = route(routers_[index], arrival.segment);
  const Busy& busy = busy_[index];
  if (busy.in_passage[in] != 0) write_down(busy.in_passage[in] - 1, now, now);
  if (busy.out_passage[out] != 0) write_down(busy.out_passage[out] - 1, now, now);
}

/// Nobody sends through the ports from cycle `from` on, holds or wants one of their VCs, or waits behind who does.
template <unsigned kStride, bool kLong, unsigned kPorts>
bool PacketRouters<kStride, kLong, kPorts>::idle(std::uint32_t index, unsigned in, unsigned out,
                                                 std::uint32_t from) const {
  const Router& r = routers_[index];
  const Busy& busy = busy_[index];
  const auto after = [from](std::uint32_t until) { return static_cast<std::int32_t>(until - from) > 0; };
  if (busy.in_passage[in] != 0 || busy.out_passage[out] != 0) return false;
  if (after(busy.in_until[in]) || after(busy.out_until[out])) return false;
  const Mask held = r.waiting | r.active;
  if ((held & port_mask(in)) != 0) return false;
  for (Mask left = held; left != 0; left &= left - 1) {
    const unsigned vc = lowest_bit(left);
    if (r.output[vc] == out) return false;
    for (unsigned i = 1; i < r.length[vc]; ++i) {
      const Segment segment = buffer(index, vc)[(r.first[vc] + i) & depth_mask_];
      if (segment.first() && route(r, segment) == out) return false;
    }
  }
  return true;
}

/// Routers up to the segment's node and the VCs that its packet will be given; false where a port is not idle.
template <unsigned kStride, bool kLong, unsigned kPorts>
bool PacketRouters<kStride, kLong, kPorts>::find_way(Passage& p, std::uint32_t index, unsigned in) const {
  p.way.clear();
  for (auto head = static_cast<std::uint32_t>(p.start);; head += static_cast<std::uint32_t>(rules_.hop)) {
    const Router& r = routers_[index];
    const unsigned output = route(r, p.segment);
    if ((r.leaves >> output & 1) != 0 || !idle(index, in / kStride, output, head)) return false;
    const unsigned channel = next_bit(r.free & port_mask(output), r.next_wanted[in]);
    p.way.push({index, static_cast<std::uint8_t>(in), static_cast<std::uint8_t>(channel)});
    if (output == kLocalPort) return true;
    if (r.credits[channel] != rules_.depth) return false;
    index += static_cast<std::uint32_t>(step_[output]);
    in = channel ^ kStride;
  }
}

/// The passages that end in cycle `now`, or whose tail leaves its first router: the node's VC has room again.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::pass_by(Cycles now) {
  List<std::uint32_t>& due = passing_.at(now);
  for (const std::uint32_t id : due) {
    Passage& p = passages_[id];
    if (!p.running) continue;
    if (p.at_source && tail_leaves(p, 0) == now) {
      p.at_source = false;
      later(credits_, now + rules_.credit).push(input_vc(p.way[0].router, p.way[0].in + kStride));
    }
    if (tail_leaves(p, p.way.size() - 1) == now) write_down(id, now + 1, now);
  }
  due.clear();
}

/// How many segments left router `at` of the way before cycle `now`.
template <unsigned kStride, bool kLong, unsigned kPorts>
std::uint32_t PacketRouters<kStride, kLong, kPorts>::segments_before(const Passage& p, std::size_t at,
                                                                     Cycles now) const {
  const Cycles since = now - p.start - static_cast<Cycles>(at) * rules_.hop;
  if (since <= 0) return 0;
  return std::min(rules_.count, static_cast<std::uint32_t>((since + rules_.flits - 1) / rules_.flits));
}

/// Puts a passage into the routers as it stands before anything is sent in cycle `now`; credits have been taken up to
/// `credited`.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::write_down(std::uint32_t id, Cycles now, Cycles credited) {
  Passage& p = passages_[id];
  p.running = false;
  unused_.push_back(id);
  mark(p, 0);
  const std::size_t last = p.way.size() - 1;
  // Segments that left the node, or the router before, by now: those that have not left this router are on the link.
  std::uint32_t entered = segments_before(p, 0, now + rules_.injection);
  if (entered < rules_.count) {
    std::uint32_t owed = 0;
    for (std::uint32_t k = 0; k < entered; ++k) owed += leaves(p, 0, k) + rules_.credit > credited ? 1 : 0;
    resumed.push({p.way[0].router, entered, owed});
  }
  for (std::size_t at = 0; at <= last; ++at) {
    const Step& step = p.way[at];
    const std::uint32_t sent = segments_before(p, at, now);
    for (std::uint32_t k = sent; k < entered; ++k)
      later(arrivals_, leaves(p, at, k)).push({input_vc(step.router, step.in), segment_of(p, k)});
    return_credits(p, at, sent, credited);
    if (sent != 0) write_router(p, at, sent);
    if (sent != 0 && at != last) take_credits(p, at, sent, credited);
    entered = sent;
  }
  eject(p, entered, ejected);
}

/// The first `count` segments have left the last router for their node, one right behind the other.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::eject(const Passage& p, std::uint32_t count, List<Ejected>& to) const {
  if (count == 0) return;
  to.push({leaves(p, p.way.size() - 1, 0) + rules_.hop, p.segment.created, flits_of(count), count == rules_.count});
}

template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::add_passed(Cycles now, List<Ejected>& to) const {
  for (const Passage& p : passages_) {
    if (p.running) eject(p, segments_before(p, p.way.size() - 1, now), to);
  }
}

/// Credits of the `sent` segments that are on their way back to where they came from.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::return_credits(const Passage& p, std::size_t at, std::uint32_t sent,
                                                           Cycles credited) {
  for (std::uint32_t k = sent; k-- > 0;) {
    const Cycles back = leaves(p, at, k) + rules_.credit;
    if (back <= credited) return;
    if (at != 0) {
      later(credits_, back).push(input_vc(p.way[at - 1].router, p.way[at - 1].channel));
    } else if (k + 1 != rules_.count || p.at_source) {  // else pass_by() did
      later(credits_, back).push(input_vc(p.way[0].router, p.way[0].in + kStride));
    }
  }
}

/// What the router knows of the packet after `sent` of its segments.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::write_router(const Passage& p, std::size_t at, std::uint32_t sent) {
  const Step& step = p.way[at];
  Router& r = routers_[step.router];
  Busy& busy = busy_[step.router];
  const unsigned from = step.in / kStride, to = step.channel / kStride;
  const Mask in = kOne << step.in, out = kOne << step.channel;
  const auto until =
      static_cast<std::uint32_t>(leaves(p, at, sent - 1)) + (sent == rules_.count ? rules_.last_flits : rules_.flits);
  busy.in_until[from] = busy.out_until[to] = until;
  r.sending_in = static_cast<std::uint8_t>(r.sending_in | 1u << from);
  r.sending_out = static_cast<std::uint8_t>(r.sending_out | 1u << to);
  r.sent[to] += flits_of(sent);
  r.next_wanted[step.in] = static_cast<std::uint8_t>(step.channel + 1);
  r.next_in[step.channel] = after(step.in);
  r.next_output[from] = static_cast<std::uint8_t>(to + 1);
  r.next_vc[from] = static_cast<std::uint8_t>((step.in + 1) % kStride);
  r.next_input[to] = static_cast<std::uint8_t>(from + 1);
  r.output[step.in] = static_cast<std::uint8_t>(to);
  if (sent < rules_.count) {
    r.active |= in;
    r.free &= ~out;
    r.held[step.in] = step.channel;
    r.holder[step.channel] = step.in;
  }
}

/// Of the `sent` segments, those whose credit is not back from the next router.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::take_credits(const Passage& p, std::size_t at, std::uint32_t sent,
                                                         Cycles credited) {
  Router& r = routers_[p.way[at].router];
  const unsigned channel = p.way[at].channel;
  ++heads_;
  for (std::uint32_t k = sent; k-- > 0 && leaves(p, at + 1, k) + rules_.credit > credited;) --r.credits[channel];
  if (r.credits[channel] == 0) r.credit &= ~(kOne << channel);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
std::uint64_t PacketRouters<kStride, kLong, kPorts>::sent(std::int32_t row, std::int32_t column, unsigned port,
                                                          Cycles now) const {
  const auto index = static_cast<std::uint32_t>(row * shape_.columns + column);
  std::uint64_t flits = routers_[index].sent[port];
  for (const Passage& p : passages_) {
    if (!p.running) continue;
    for (std::size_t at = 0; at < p.way.size(); ++at) {
      if (p.way[at].router == index && p.way[at].channel / kStride == port)
        flits += flits_of(segments_before(p, at, now));
    }
  }
  return flits;
}

template <unsigned kStride, bool kLong, unsigned kPorts>
std::uint64_t PacketRouters<kStride, kLong, kPorts>::packet_hops(Cycles now) const {
  std::uint64_t hops = heads_;
  for (const Passage& p : passages_) {
    if (!p.running) continue;
    for (std::size_t at = 0; at + 1 < p.way.size(); ++at) hops += segments_before(p, at, now) != 0 ? 1 : 0;
  }
  return hops;
}

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// A visit of one router: which heads are given virtual channels, which segments cross the switch, where they go.
#pragma once
#include "traffic/packet_routers.h"

namespace dojo::traffic {

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline unsigned PacketRouters<kStride, kLong, kPorts>::route(const Router& router,
                                                                                    Segment segment) const {
  std::uint32_t column = column_of(segment.where), row = row_of(segment.where);
  if constexpr (Router::kDetours) {
    const topology::Site end = rules_.headings->end(onward(router, segment));
    column = static_cast<std::uint32_t>(end.column);
    row = static_cast<std::uint32_t>(end.row);
  }
  return port_towards(router, row, column);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline typename PacketRouters<kStride, kLong, kPorts>::Mask
PacketRouters<kStride, kLong, kPorts>::channels_of(const Router& r, unsigned input) const {
  if constexpr (Router::kDetours) {
    const Segment head = buffer(static_cast<std::uint32_t>(&r - routers_.data()), input)[r.first[input]];
    const std::uint32_t channels = rules_.channels / rules_.legs, leg = topology::Headings::leg(onward(r, head));
    return ((kOne << channels) - 1) << (r.output[input] * kStride + leg * channels);
  }
  return port_mask(r.output[input]);
}

/// Each waiting head asks for one of the free VCs of its output port, those without credit too.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::want_channels(const Router& r, Bids& bids) const {
  const Mask open = r.free & r.credit;
  for (Mask left = r.waiting; left != 0; left &= left - 1) {
    const unsigned i = lowest_bit(left);
    const Mask port = channels_of(r, i);
    const Mask free = r.free & port;
    if (free == 0) continue;
    bids.wanting |= kOne << i;
    bids.wanted[i] = static_cast<std::uint8_t>(next_bit(free, r.next_wanted[i]));
    if ((open & port) != 0) bids.trying |= kOne << i;
  }
  if (!rules_.speculative) bids.trying = 0;
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::give(Router& r, unsigned input,
                                                                               unsigned channel) {
  const Mask in = kOne << input, out = kOne << channel;
  r.held[input] = static_cast<std::uint8_t>(channel);
  r.holder[channel] = static_cast<std::uint8_t>(input);
  r.waiting &= ~in;
  r.active |= in;
  r.free &= ~out;
  if ((r.credit & out) != 0) r.ready |= in;
  r.next_wanted[input] = static_cast<std::uint8_t>(channel + 1);
  r.next_in[channel] = after(input);
}

/// A VC goes to one of the heads that asked for it; the others ask again.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::give_channels(Router& r, const Bids& bids) {
  for (Mask left = bids.wanting; left != 0;) {
    const unsigned first = lowest_bit(left), channel = bids.wanted[first];
    Mask rivals = kOne << first;
    for (Mask other = left & (left - 1); other != 0; other &= other - 1) {
      const unsigned i = lowest_bit(other);
      if (bids.wanted[i] == channel) rivals |= kOne << i;
    }
    left &= ~rivals;
    give(r, next_bit(rivals, r.next_in[channel]), channel);
  }
}

/// An input port's bid: an output in turn, then one of its VCs that want this output in turn.
template <unsigned kStride, bool kLong, unsigned kPorts>
unsigned PacketRouters<kStride, kLong, kPorts>::choose(const Router& r, unsigned port, Mask bids) {
  if (at_most_one_bit(bids)) return lowest_bit(bids);
  std::uint32_t outputs = 0;
  for (Mask left = bids; left != 0; left &= left - 1) outputs |= 1u << r.output[lowest_bit(left)];
  const unsigned output = next_bit(outputs, r.next_output[port]);
  Mask same = 0;
  for (Mask left = bids; left != 0; left &= left - 1) {
    const unsigned i = lowest_bit(left);
    if (r.output[i] == output) same |= kOne << i;
  }
  return next_bit(same, port * kStride + r.next_vc[port]);
}

/// Those bids whose input and output ports are not in the middle of a segment.
template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline typename PacketRouters<kStride, kLong, kPorts>::Mask
PacketRouters<kStride, kLong, kPorts>::idle_bids(const Router& r, Mask bids) const {
  if constexpr (!kLong) return bids;
  if (rules_.input_limited) {
    for (std::uint32_t busy = r.sending_in; busy != 0; busy &= busy - 1) bids &= ~port_mask(lowest_bit(busy));
  }
  const unsigned busy = busy_outputs(r);
  if (busy == 0) return bids;
  Mask idle = 0;
  for (; bids != 0; bids &= bids - 1) {
    const unsigned i = lowest_bit(bids);
    if ((busy >> r.output[i] & 1) == 0) idle |= kOne << i;
  }
  return idle;
}

/// All heads that wait have inputs and outputs of their own, so that nobody has to be chosen.
template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline bool PacketRouters<kStride, kLong, kPorts>::apart(const Router& r) {
  if (at_most_one_bit(r.waiting)) return true;
  std::uint32_t inputs = 0, outputs = 0;
  for (Mask left = r.waiting; left != 0; left &= left - 1) {
    const unsigned i = lowest_bit(left);
    const std::uint32_t in = 1u << (i / kStride), out = 1u << r.output[i];
    if (((inputs & in) | (outputs & out)) != 0) return false;
    inputs |= in;
    outputs |= out;
  }
  return true;
}

/// A packet of one segment that meets nobody: it is given a VC and crosses the switch in one go.
template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::send_at_once(Router& r, std::uint32_t index,
                                                                                       unsigned vc, Cycles now,
                                                                                       Outlets& out) {
  const unsigned output = r.output[vc], port = vc / kStride;
  const Mask free = r.free & channels_of(r, vc);
  if (free == 0) return;
  const unsigned channel = next_bit(free, r.next_wanted[vc]);
  if ((r.credit >> channel & 1) == 0) return give(r, vc, channel);
  const Mask in = kOne << vc;
  r.next_wanted[vc] = static_cast<std::uint8_t>(channel + 1);
  r.next_in[channel] = after(vc);
  r.next_output[port] = static_cast<std::uint8_t>(output + 1);
  r.next_vc[port] = static_cast<std::uint8_t>((vc + 1) % kStride);
  r.next_input[output] = static_cast<std::uint8_t>(port + 1);
  const Segment* const segments = buffer(index, vc);
  const unsigned at = r.first[vc], after = (at + 1) & depth_mask_, length = r.length[vc] - 1u;
  const Segment segment = segments[at];
  r.first[vc] = static_cast<std::uint8_t>(after);
  r.length[vc] = static_cast<std::uint8_t>(length);
  (void)spend(r, channel);
  if (length == 0) {
    r.waiting &= ~in;
  } else {
    r.output[vc] = static_cast<std::uint8_t>(route(r, segments[after]));
  }
  pass(r, index, vc, channel, segment, now, out);
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::visit(Router& r, std::uint32_t index,
                                                                                Cycles now, Outlets& out) {
  if constexpr (kLong) {
    free_ports(r, index, now);
  } else if (r.ready == 0 && rules_.count == 1 && rules_.speculative && apart(r)) {
    for (Mask left = r.waiting; left != 0; left &= left - 1) send_at_once(r, index, lowest_bit(left), now, out);
    return;
  }
  if (r.waiting == 0 && at_most_one_bit(r.ready)) {
    const Mask ready = idle_bids(r, r.ready);
    if (ready == 0) return;
    if (kLong && passes(index, now)) return grant(r, index, lowest_bit(ready), now, out);  // it is not alone
    send(r, index, lowest_bit(ready), now, out);
    return;
  }
  Bids bids;
  if (r.waiting != 0) want_channels(r, bids);
  const Mask firm = idle_bids(r, r.ready), trying = idle_bids(r, bids.trying);
  if (rules_.input_limited) {
    match(r, index, firm, trying, bids, now, out);
  } else {
    match_outputs(r, index, firm, trying, bids, now, out);
  }
}

/// Inputs first: each puts forward one bid, one that holds a VC if it has any; then each output takes one likewise. A
/// head that tries goes only if it was given a VC with credit in the same cycle; else the output is left idle.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::match(Router& r, std::uint32_t index, Mask firm, Mask trying,
                                                  const Bids& bids, Cycles now, Outlets& out) {
  using Inputs = std::conditional_t<kPorts == 5, std::uint32_t, std::uint64_t>;
  Inputs held = 0, tried = 0;  // kPorts bits an output, one for each input port that bids
  std::uint32_t outputs = 0;
  std::array<std::uint8_t, kPorts> chosen;
  for (Mask any = firm | trying; any != 0;) {
    const unsigned port = lowest_bit(any) / kStride;
    const Mask mask = port_mask(port), mine = firm & mask;
    any &= ~mask;
    const unsigned vc = choose(r, port, mine != 0 ? mine : trying & mask), output = r.output[vc];
    chosen[port] = static_cast<std::uint8_t>(vc);
    (mine != 0 ? held : tried) |= Inputs{1} << (output * kPorts + port);
    outputs |= 1u << output;
  }
  give_channels(r, bids);
  for (; outputs != 0; outputs &= outputs - 1) {
    const unsigned output = lowest_bit(outputs);
    constexpr Inputs kInputs = (Inputs{1} << kPorts) - 1;
    auto mine = static_cast<std::uint32_t>(held >> (output * kPorts) & kInputs);
    auto others = static_cast<std::uint32_t>(tried >> (output * kPorts) & kInputs);
    for (unsigned room = room_of(r, output); room != 0 && (mine | others) != 0; --room) {
      const unsigned input = next_bit(mine != 0 ? mine : others, r.next_input[output]);
      mine &= ~(1u << input);
      others &= ~(1u << input);
      grant(r, index, chosen[input], now, out);
    }
  }
}

/// With internal speedup inputs are no limit: each output takes one of all bids for it, the node's one for each write
/// port.
template <unsigned kStride, bool kLong, unsigned kPorts>
void PacketRouters<kStride, kLong, kPorts>::match_outputs(Router& r, std::uint32_t index, Mask firm, Mask trying,
                                                          const Bids& bids, Cycles now, Outlets& out) {
  std::array<Mask, kPorts> held{}, tried{};
  for (Mask left = firm; left != 0; left &= left - 1) held[r.output[lowest_bit(left)]] |= left & (~left + 1);
  for (Mask left = trying; left != 0; left &= left - 1) tried[r.output[lowest_bit(left)]] |= left & (~left + 1);
  give_channels(r, bids);
  for (unsigned output = 0; output < kPorts; ++output) {
    for (unsigned room = room_of(r, output); room != 0; --room) {
      const Mask mine = held[output] != 0 ? held[output] : tried[output] & r.ready;
      if (mine == 0) break;
      const unsigned vc = next_bit(mine, r.next_input[output]);
      r.next_input[output] = after(vc);
      held[output] &= ~(kOne << vc);
      tried[output] &= ~(kOne << vc);
      send(r, index, vc, now, out);
    }
  }
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::grant(Router& r, std::uint32_t index,
                                                                                unsigned vc, Cycles now, Outlets& out) {
  const unsigned port = vc / kStride, output = r.output[vc];
  r.next_output[port] = static_cast<std::uint8_t>(output + 1);
  r.next_vc[port] = static_cast<std::uint8_t>((vc + 1) % kStride);
  r.next_input[output] = static_cast<std::uint8_t>(port + 1);
  if ((r.ready >> vc & 1) != 0) send(r, index, vc, now, out);
}

/// A credit of the output VC; says whether it has more.
template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline bool PacketRouters<kStride, kLong, kPorts>::spend(Router& r, unsigned channel) const {
  if (channel >= kLocalPort * kStride && !node_limits_) return true;
  const unsigned credits = r.credits[channel] - 1u;
  r.credits[channel] = static_cast<std::uint8_t>(credits);
  if (credits != 0) return true;
  r.credit &= ~(kOne << channel);
  return false;
}

template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::send(Router& r, std::uint32_t index,
                                                                               unsigned vc, Cycles now, Outlets& out) {
  const unsigned channel = r.held[vc];
  const Segment* const segments = buffer(index, vc);
  const unsigned at = r.first[vc], after = (at + 1) & depth_mask_;
  const Segment segment = segments[at];
  const unsigned length = r.length[vc] - 1u;
  r.first[vc] = static_cast<std::uint8_t>(after);
  r.length[vc] = static_cast<std::uint8_t>(length);
  const bool credit = spend(r, channel);
  const Mask in = kOne << vc;
  if (segment.last()) {  // the VC can be given away at once, without waiting for the last credit
    r.active &= ~in;
    r.ready &= ~in;
    r.free |= kOne << channel;
    if (length != 0) {
      r.output[vc] = static_cast<std::uint8_t>(route(r, segments[after]));
      r.waiting |= in;
    }
  } else if (length == 0 || !credit) {
    r.ready &= ~in;
  }
  pass(r, index, vc, channel, segment, now, out);
}

/// To the next router, the next die or the node; a credit goes back.
template <unsigned kStride, bool kLong, unsigned kPorts>
[[gnu::always_inline]] inline void PacketRouters<kStride, kLong, kPorts>::pass(Router& r, std::uint32_t index,
                                                                               unsigned vc, unsigned channel,
                                                                               Segment segment, Cycles now,
                                                                               Outlets& out) {
  if constexpr (Router::kDetours) {
    if (segment.first()) segment.where = onward(r, segment);
  }
  const unsigned from = vc / kStride, to = channel / kStride;
  const Cycles arrival = now + rules_.hop;
  const std::uint32_t flits = kLong ? rules_.length(segment) : 1;
  r.sent[to] += flits;
  if constexpr (kLong) {
    const auto until = static_cast<std::uint32_t>(now) + flits;
    r.sending_in = static_cast<std::uint8_t>(r.sending_in | 1u << from);
    const unsigned outlet = idle_outlet(r, to);
    r.sending_out = static_cast<std::uint8_t>(r.sending_out | 1u << outlet);
    busy_[index].in_until[from] = busy_[index].out_until[outlet] = until;
  }
  const auto lane = [&r, this](unsigned side) { return shape_.lane_of(side, r.row, r.column); };
  if (to == kLocalPort) {
    ejected.push({arrival, segment.created, flits, segment.last()});
    if (node_limits_) later(credits_, arrival + rules_.credit).push(input_vc(index, channel));
  } else {
    heads_ += segment.where >> 31;
    if ((r.leaves >> to & 1) != 0) {
      segments_out[to].push({arrival, lane(to), static_cast<std::uint8_t>(channel % kStride), segment});
    } else {
      *out.arrivals++ = {input_vc(index + static_cast<std::uint32_t>(step_[to]), channel ^ kStride), segment};
    }
  }
  if ((r.leaves >> from & 1) != 0) {
    credits_out[from].push({now + rules_.credit, lane(from), static_cast<std::uint8_t>(vc % kStride), {}});
  } else {
    const std::uint32_t before = index + static_cast<std::uint32_t>(step_[from]);  // 0 of the node's ports
    *out.credits++ = from >= kLocalPort ? input_vc(before, vc + kForNode) : input_vc(before, vc ^ kStride);
  }
}

}  // namespace dojo::traffic

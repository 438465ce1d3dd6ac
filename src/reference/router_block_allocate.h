// SPDX-License-Identifier: Apache-2.0
// One allocation round of one router: virtual channels and switch, both on the state at the start of the round; then
// what was granted moves. Separable, input first, round robin or the oldest packet first; pointers move only on a
// grant.
#pragma once
#include "reference/router_block.h"

namespace dojo::reference {

/// Of the cycles in which two packets were created, of which only the low 32 bits are known.
inline bool is_older(std::uint32_t one, std::uint32_t other) {
  return static_cast<std::int32_t>(one - other) < 0;
}

/// The output VCs that the head of an input VC may be given.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline typename RouterBlock<kStride, kRounds, Nodes, kReadPorts>::Mask
RouterBlock<kStride, kRounds, Nodes, kReadPorts>::channels_of(const Hot& r, unsigned input) const {
  const unsigned first = r.output[input] * kStride;
  if constexpr (Hot::kDetours) {
    const Flit head = buffer(static_cast<std::uint32_t>(&r - routers_.data()), input)[r.first[input]];
    const unsigned leg = topology::Headings::leg(this->onward(r, head));
    return ((kOne << channels_of_leg_) - 1) << (first + leg * channels_of_leg_);
  } else if constexpr (Nodes::kHoldsChannels) {
    const Flit head = buffer(static_cast<std::uint32_t>(&r - routers_.data()), input)[r.first[input]];
    return static_cast<Mask>(Mask{this->channels(r, head, r.output[input])} << first);
  }
  return static_cast<Mask>(kPortMask << first);
}

/// Each waiting head asks for one of the free output VCs of its port, full ones too.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::want_channels(const Hot& r, Mask waiting, Bids& bids) const {
  const Mask open = r.free & r.credit;
  for (Mask left = waiting; left != 0; left &= left - 1) {
    const unsigned i = lowest_bit(left);
    const Mask port = channels_of(r, i);
    const Mask free = r.free & port;
    if (free == 0) continue;
    bids.wanting |= kOne << i;
    bids.wanted[i] = static_cast<std::uint8_t>(next_bit(free, r.vc_want[i]));
    if constexpr (Nodes::kSharesBuffers) {
      // The lane that the packet has, if it is free and has credit; else another such one; else a full one.
      if (this->keeps_lanes()) {
        const unsigned lane = lowest_bit(port) + this->lane_of(i % kStride);
        bids.wanted[i] = static_cast<std::uint8_t>(next_bit((open & port) != 0 ? open & port : free, lane));
      }
    }
    if ((open & port) != 0) bids.speculative |= kOne << i;
  }
  if (!speculative_) bids.speculative = 0;
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::give(Hot& r, unsigned input, unsigned channel) {
  const Mask in = kOne << input, out = kOne << channel;
  r.held[input] = static_cast<std::uint8_t>(channel);
  r.holder[channel] = static_cast<std::uint8_t>(input);
  r.waiting &= ~in;
  r.active |= in;
  r.free &= ~out;
  if ((r.credit & out) != 0) r.ready |= in;
  r.vc_want[input] = static_cast<std::uint8_t>(channel + 1);
  r.vc_give[channel] = after(input);
}

/// Each output VC goes to one of the heads that asked for it.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::give_channels(Hot& r, const Bids& bids) {
  if (at_most_one_bit(bids.wanting)) {
    const unsigned i = lowest_bit(bids.wanting);
    return give(r, i, bids.wanted[i]);
  }
  for (Mask left = bids.wanting; left != 0;) {
    const unsigned first = lowest_bit(left);
    const unsigned channel = bids.wanted[first];
    Mask rivals = 0;
    for (Mask other = left; other != 0; other &= other - 1) {
      const unsigned i = lowest_bit(other);
      if (bids.wanted[i] == channel) rivals |= kOne << i;
    }
    left &= ~rivals;
    give(r, next_bit(rivals, r.vc_give[channel]), channel);
  }
}

/// An input port's bid: an output by its pointer, then a VC among those that want this output.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
unsigned RouterBlock<kStride, kRounds, Nodes, kReadPorts>::choose(const Hot& r, unsigned port, Mask bids) const {
  if (at_most_one_bit(bids)) return lowest_bit(bids);
  if constexpr (!Nodes::kHoldsChannels) {
    if (this->oldest_first()) {
      unsigned best = lowest_bit(bids);
      for (Mask left = bids & (bids - 1); left != 0; left &= left - 1) {
        if (is_older(age_mark(r, lowest_bit(left)), age_mark(r, best))) best = lowest_bit(left);
      }
      return best;
    }
  }
  std::uint32_t outputs = 0;
  for (Mask left = bids; left != 0; left &= left - 1) outputs |= 1u << r.output[lowest_bit(left)];
  const unsigned output = next_bit(outputs, r.switch_want[port]);
  Mask same = 0;
  for (Mask left = bids; left != 0; left &= left - 1) {
    const unsigned i = lowest_bit(left);
    if (r.output[i] == output) same |= kOne << i;
  }
  return next_bit(same, port * kStride + r.switch_vc[port]);
}

/// Which of the input ports whose bids want an output has it.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline unsigned RouterBlock<kStride, kRounds, Nodes, kReadPorts>::winner(
    const Hot& r, std::uint32_t inputs, const std::array<std::uint8_t, kPorts>& chosen, unsigned output) const {
  if constexpr (!Nodes::kHoldsChannels) {
    if (this->oldest_first()) {
      unsigned best = lowest_bit(inputs);
      for (std::uint32_t left = inputs & (inputs - 1); left != 0; left &= left - 1) {
        const unsigned port = lowest_bit(left);
        if (is_older(age_mark(r, chosen[port]), age_mark(r, chosen[best]))) best = port;
      }
      return best;
    }
  }
  return next_bit(inputs, r.switch_give[output]);
}

/// All three pointers move, even where a speculative grant is wasted.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::grant(Hot& r, std::uint32_t index,
                                                                                           unsigned vc, Cycles now,
                                                                                           unsigned round,
                                                                                           Outlets& out) {
  const unsigned port = vc / kStride, output = r.output[vc];
  r.switch_want[port] = static_cast<std::uint8_t>(output + 1);
  r.switch_vc[port] = static_cast<std::uint8_t>((vc + 1) % kStride);
  r.switch_give[output] = static_cast<std::uint8_t>(port + 1);
  if ((r.ready >> vc & 1) != 0) send(r, index, vc, now, round, out);
}

/// Multicasts of one flit go before all else; input VCs take turns. Each output that still wants a copy has it as soon
/// as it is free and a channel of it has credit. Returns the outputs that have sent.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
std::uint32_t RouterBlock<kStride, kRounds, Nodes, kReadPorts>::send_copies(Hot& r, std::uint32_t index, Cycles now,
                                                                            Outlets& out) {
  std::uint32_t used = 0;
  if constexpr (Nodes::kSharesBuffers) {
    Forks& forks = forks_[index];
    const Mask before = (kOne << forks.turn) - 1;
    for (Mask turn : {static_cast<Mask>(forks.fronts & ~before), static_cast<Mask>(forks.fronts & before)}) {
      for (; turn != 0; turn &= turn - 1) {
        const unsigned vc = lowest_bit(turn);
        const Flit flit = buffer(index, vc)[r.first[vc]];
        for (std::uint32_t left = forks.outputs[vc] & ~used; left != 0; left &= left - 1) {
          const unsigned output = lowest_bit(left);
          const Mask group = static_cast<Mask>(Mask{this->channels(r, flit, output)} << (output * kStride));
          const Mask open = r.free & r.credit & group;
          if (open == 0) continue;
          const unsigned channel = next_bit(open, lowest_bit(group) + this->lane_of(vc % kStride));
          pool_[index][output] -= r.credits[channel]-- <= this->shared_flits_of_channel() ? 1 : 0;
          share(r, index, output);
          forward(r, index, vc, channel, flit, now, 0, out);
          ++r.sent[output];
          used |= 1u << output;
          forks.outputs[vc] = static_cast<std::uint8_t>(forks.outputs[vc] & ~(1u << output));
        }
        if (forks.outputs[vc] != 0) continue;
        forks.fronts &= ~(kOne << vc);
        forks.turn = after(vc);
        r.first[vc] = static_cast<std::uint8_t>((r.first[vc] + 1u) & index_mask_);
        --r.length[vc];
        return_credit(r, index, vc, now, out);
        if (r.length[vc] != 0) face(r, index, vc, buffer(index, vc)[r.first[vc]], now + 1);
      }
    }
  }
  return used;
}

/// Heads are given virtual channels; then each link takes turns over its channels, whichever input port they come from.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::allocate_by_links(Hot& r, std::uint32_t index, Cycles now,
                                                                         Outlets& out) {
  const std::uint32_t used = send_copies(r, index, now, out);
  if (r.waiting != 0) {
    Bids bids;
    want_channels(r, r.waiting, bids);
    if (bids.wanting != 0) give_channels(r, bids);
  }
  Mask held = 0;
  for (Mask left = r.ready; left != 0; left &= left - 1) held |= kOne << r.held[lowest_bit(left)];
  while (held != 0) {
    const unsigned output = lowest_bit(held) / kStride;
    const Mask port = static_cast<Mask>(kPortMask << (output * kStride));
    const unsigned channel = next_bit(static_cast<Mask>(held & port), output * kStride + r.switch_give[output]);
    held &= ~port;
    if ((used >> output & 1) != 0) continue;
    r.switch_give[output] = static_cast<std::uint8_t>((channel + 1) % kStride);
    send(r, index, r.holder[channel], now, 0, out);
  }
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::allocate(
    Hot& r, std::uint32_t index, Cycles now, unsigned round, Outlets& out) {
  Mask ready = r.ready;
  if constexpr (!Nodes::kHoldsChannels) ready &= ~static_cast<Mask>(this->held_back(index, now));
  if constexpr (Nodes::kSharesBuffers) {
    if (this->links_first()) return allocate_by_links(r, index, now, out);
  }
  if (r.waiting == 0 && at_most_one_bit(ready)) {
    if (ready != 0) grant(r, index, lowest_bit(ready), now, round, out);
    return;
  }
  Bids bids;
  if (r.waiting != 0) want_channels(r, r.waiting, bids);

  // Inputs: bids that hold a VC come first. `held`, `trying`: kPorts bits an output, one for each input port that bids.
  using Inputs = std::conditional_t<kPorts <= 6, std::uint32_t, std::uint64_t>;
  Inputs held = 0, trying = 0;
  std::uint32_t outputs = 0;
  std::array<std::uint8_t, kPorts> chosen;
  bool clash = false;
  for (Mask any = ready | bids.speculative; any != 0;) {
    const unsigned port = lowest_bit(any) / kStride;
    const Mask mask = static_cast<Mask>(kPortMask << (port * kStride));
    any &= ~mask;
    const Mask firm = ready & mask;
    const unsigned vc = choose(r, port, firm != 0 ? firm : bids.speculative & mask);
    const unsigned output = r.output[vc];
    chosen[port] = static_cast<std::uint8_t>(vc);
    (firm != 0 ? held : trying) |= Inputs{1} << (output * kPorts + port);
    clash |= (outputs >> output & 1) != 0;
    outputs |= 1u << output;
  }
  if (bids.wanting != 0) give_channels(r, bids);
  if (!clash) {
    for (Inputs left = held | trying; left != 0; left &= left - 1)
      grant(r, index, chosen[lowest_bit(left) % kPorts], now, round, out);
    return;
  }
  for (; outputs != 0; outputs &= outputs - 1) {
    const unsigned output = lowest_bit(outputs);
    constexpr std::uint32_t kInputs = (1u << kPorts) - 1;
    auto firm = static_cast<std::uint32_t>(held >> (output * kPorts)) & kInputs;
    auto others = static_cast<std::uint32_t>(trying >> (output * kPorts)) & kInputs;
    for (unsigned room = width_of(output); room != 0 && (firm | others) != 0; --room) {
      const unsigned input = winner(r, firm != 0 ? firm : others, chosen, output);
      firm &= ~(1u << input);
      others &= ~(1u << input);
      grant(r, index, chosen[input], now, round, out);
    }
  }
}

/// Packets of one flit: inputs whose packets want the same output VC share its credits.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::leave_front(Hot& r, unsigned vc,
                                                                                                 unsigned held,
                                                                                                 bool credit_left) {
  const Mask in = kOne << vc;
  r.active &= ~in;
  r.ready &= ~in;
  if (credit_left) return;
  for (unsigned i = vc % kStride; i < kInputVcs; i += kStride) {
    if (r.held[i] == held) r.ready &= ~(kOne << i);
  }
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::send(Hot& r, std::uint32_t index,
                                                                                          unsigned vc, Cycles now,
                                                                                          unsigned round,
                                                                                          Outlets& out) {
  const unsigned held = r.held[vc];
  Flit* const flits = buffer(index, vc);
  const unsigned at = r.first[vc];
  Flit flit = flits[at];
  if constexpr (Hot::kDetours) {
    if ((flit.where & kFirstMark) != 0) flit.where = this->onward(r, flit);
  }
  const unsigned after = (at + 1) & index_mask_;
  const unsigned length = r.length[vc] - 1u;
  const unsigned credits = r.credits[held] - 1u;
  r.first[vc] = static_cast<std::uint8_t>(after);
  r.length[vc] = static_cast<std::uint8_t>(length);
  r.credits[held] = static_cast<std::uint8_t>(credits);
  const Mask in = kOne << vc;
  if constexpr (Nodes::kSharesBuffers) {
    pool_[index][held / kStride] -= credits < this->shared_flits_of_channel() ? 1 : 0;
    share(r, index, held / kStride);
  } else {
    if (credits == 0) r.credit &= ~(kOne << held);
  }
  if constexpr (!Nodes::kHoldsChannels) {
    this->sent_from(index, vc, held / kStride, flit, now);
    leave_front(r, vc, held, credits != 0);
    if (length != 0) face(r, index, vc, flits[after], now + 1);
  } else if ((flit.where & kLastMark) != 0) {
    // The output VC is free from the next round on, without waiting for the tail's credit.
    r.active &= ~in;
    r.ready &= ~in;
    r.free |= kOne << held;
    if (length != 0) face(r, index, vc, flits[after], now + 1);
  } else if (length == 0 || (r.credit >> held & 1) == 0) {
    r.ready &= ~in;
  }
  forward(r, index, vc, held, flit, now, round, out);
  return_credit(r, index, vc, now, out);
  ++r.sent[held / kStride];
}

/// To the next router or the sink; the sink takes a flit a cycle and returns its credit like a router.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::forward(
    const Hot& r, std::uint32_t index, unsigned vc, unsigned held, Flit flit, Cycles now, unsigned round,
    Outlets& out) {
  const unsigned port = held / kStride;
  Cycles arrival = now + hop_;
  if constexpr (kRounds > 1) {  // what the second round sends crosses the switch in the next cycle, one flit a cycle
    const Cycles width = width_of(port);
    Cycles& last = last_flit_[index][port];
    last = std::max((now + (round == 0 ? 0 : 1)) * width, last + 1);
    arrival = last / width + hop_;
  }
  (void)vc;
  if (port == kLocalPort) {
    const Cycles taken = this->eject(index, flit, arrival);
    if (kRounds > 1 || taken != arrival) {
      DOJO_CHECK(taken + credit_ - now < credits_.horizon(), "router {}: the sink is {} cycles behind", index,
                 taken - arrival);
      credits_.at(taken + credit_).push(input_vc(index, held));
    } else {
      *out.sink_credits++ = input_vc(index, held);
    }
    return;
  }
  heads_ += flit.where >> 31;
  if ((r.leaves >> port & 1) != 0) {
    this->flits_out[port].push_back(
        {arrival, shape_.lane_of(port, r.row, r.column), static_cast<std::uint8_t>(held % kStride), flit});
    return;
  }
  const std::uint32_t next = index + static_cast<std::uint32_t>(step_[port]);
  const Arrival there{input_vc(next, held ^ kStride), flit};  // output p is the neighbour's input p^1
  if constexpr (kRounds > 1) {
    arrivals_.at(arrival).push(there);
  } else {
    *out.arrivals++ = there;
  }
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::return_credit(
    const Hot& r, std::uint32_t index, unsigned vc, Cycles now, Outlets& out) {
  const unsigned port = vc / kStride;
  Cycles usable = now + credit_;
  if constexpr (kRounds > 1) {  // one credit a cycle and input port, others queue
    Cycles& last = last_credit_[index][port];
    last = std::max(now, last + 1);
    usable = last + credit_;
  }
  if ((r.leaves >> port & 1) != 0) {
    this->credits_out[port].push_back(
        {usable, shape_.lane_of(port, r.row, r.column), static_cast<std::uint8_t>(vc % kStride), {}});
    return;
  }
  const std::uint32_t from = index + static_cast<std::uint32_t>(step_[port]);  // 0 at the node's ports
  const std::uint32_t to = port >= kLocalPort ? input_vc(from, vc + kSourceVcs) : input_vc(from, vc ^ kStride);
  if constexpr (kRounds > 1) {
    credits_.at(usable).push(to);
  } else {
    *out.credits++ = to;
  }
}

}  // namespace dojo::reference

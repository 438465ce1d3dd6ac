// SPDX-License-Identifier: Apache-2.0
// Set-up of a block, and what happens around allocation: credits, arrivals, injection, the list of busy routers.
#include "reference/router_block.h"

#include <algorithm>

#include "reference/die_block.h"
#include "reference/packet_block.h"
#include "reference/router_block_allocate.h"

namespace dojo::reference {
namespace {

/// Latest that anything is planned ahead: with two rounds, flits and credits queue for a cycle of their link each.
/// Where routers fork, copies queue at the sink; so do flits at one that takes them slowly, `sink_cycles` for each.
Cycles horizon(const RouterParams& p, bool holds_channels, Cycles sink_cycles) {
  const bool queues = p.internal_speedup > 1 || !holds_channels || sink_cycles > 1;
  const Cycles queue = queues ? (p.virtual_channels + 1) * p.input_buffer_flits + 8 : 0;
  return 2 * queue * sink_cycles + p.hop_cycles + p.credit_cycles + p.injection_cycles + 1;
}

}  // namespace

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
RouterBlock<kStride, kRounds, Nodes, kReadPorts>::RouterBlock(const MeshShape& shape, const RouterParams& params,
                                                              const typename Nodes::Setup& setup)
    : Nodes(shape, params, setup),
      shape_(shape),
      depth_(static_cast<std::uint32_t>(params.input_buffer_flits)),
      hop_(params.hop_cycles),
      credit_(params.credit_cycles),
      injection_(params.injection_cycles),
      speculative_(params.speculative),
      channels_(static_cast<unsigned>(params.virtual_channels)),
      step_{1, -1, shape.columns, -shape.columns},
      arrivals_(horizon(params, Nodes::kHoldsChannels, setup.sink_cycles())),
      credits_(horizon(params, Nodes::kHoldsChannels, setup.sink_cycles())) {
  if constexpr (Hot::kDetours) channels_of_leg_ = setup.virtual_channels;
  write_ports_ = setup.write_ports();
  depth_bits_ = 0;
  while ((1u << depth_bits_) < depth_) ++depth_bits_;
  index_mask_ = (1u << depth_bits_) - 1;
  const auto count = static_cast<std::uint32_t>(shape.rows * shape.columns);
  routers_.resize(count);
  buffers_.resize((static_cast<std::size_t>(count) * kInputVcs) << depth_bits_);
  list_.reserve(count);
  if (kRounds > 1) {
    std::array<Cycles, kPorts> never;
    never.fill(-1);
    last_flit_.assign(count, never);
    last_credit_.assign(count, never);
  }
  if constexpr (Nodes::kSharesBuffers) {
    std::array<std::uint32_t, kPorts> full;
    full.fill(this->shared_flits());
    pool_.assign(count, full);
    forks_.resize(count);
  }
  Mask channels = 0;
  for (unsigned port = 0; port < kPorts; ++port)
    channels |= static_cast<Mask>(((kOne << params.virtual_channels) - 1) << (port * kStride));
  for (std::uint32_t i = 0; i < count; ++i) {
    Hot& r = routers_[i];
    const auto row = static_cast<std::int32_t>(i) / shape.columns,
               column = static_cast<std::int32_t>(i) % shape.columns;
    r.row = static_cast<std::uint16_t>(shape.first_row + row);
    r.column = static_cast<std::uint16_t>(shape.first_column + column);
    r.leaves = shape.border(row, column);
    r.free = r.credit = channels;
    r.credits.fill(static_cast<std::uint8_t>(depth_));
  }
}

/// A flit has come to the front of its buffer and may bid from cycle `from` on.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
[[gnu::always_inline]] inline void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::face(Hot& r, std::uint32_t index,
                                                                                          unsigned vc, Flit flit,
                                                                                          Cycles from) {
  if constexpr (Nodes::kSharesBuffers) {
    if (const std::uint32_t outputs = this->forks(r, flit); outputs != 0) {
      forks_[index].fronts |= kOne << vc;
      forks_[index].outputs[vc] = static_cast<std::uint8_t>(outputs);
      return;
    }
  }
  const unsigned output = this->route(r, flit);
  r.output[vc] = static_cast<std::uint8_t>(output);
  if constexpr (Nodes::kHoldsChannels) {
    (void)index, (void)from;
    r.waiting |= kOne << vc;
  } else {
    const unsigned held = output * kStride + vc % kStride;
    r.held[vc] = static_cast<std::uint8_t>(held);
    r.active |= kOne << vc;
    if ((r.credit >> held & 1) != 0) r.ready |= kOne << vc;
    this->at_front(index, vc, output, flit, from);
  }
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::cycle(Cycles now) {
  apply_credits(now);
  apply_arrivals(now);
  List<Arrival>& injected = arrivals_.at(now + injection_);
  this->inject(now, [&](std::uint32_t router, unsigned channel, Flit flit) {
    injected.push({input_vc(router, kLocalPort * kStride + channel), flit});
  });
  if constexpr (!Nodes::kHoldsChannels) {
    if (!list_.empty() || injected.size() != 0) this->busy_until = now + arrivals_.horizon();
  }
  allocate_all(now);
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::apply_credits(Cycles now) {
  List<std::uint32_t>& due = credits_.at(now);
  for (const std::uint32_t to : due) {
    const std::uint32_t index = to >> kInputVcBits;
    const unsigned vc = to & ((1u << kInputVcBits) - 1);
    if (vc >= kSource) {
      this->source_credit(index, vc - kSource);
      continue;
    }
    Hot& r = routers_[index];
    if constexpr (Nodes::kSharesBuffers) {
      pool_[index][vc / kStride] += ++r.credits[vc] <= this->shared_flits_of_channel() ? 1 : 0;
      share(r, index, vc / kStride);
      if (r.ready != 0 || forks_[index].fronts != 0) wake(r, index);
      continue;
    }
    if (r.credits[vc]++ != 0) continue;
    r.credit |= kOne << vc;
    if constexpr (!Nodes::kHoldsChannels) {
      for (unsigned i = vc % kStride; i < kInputVcs; i += kStride) {
        if ((r.active >> i & 1) != 0 && r.held[i] == vc) r.ready |= kOne << i;
      }
      if (r.ready != 0) wake(r, index);
      continue;
    }
    if ((r.free >> vc & 1) != 0) continue;
    const unsigned holder = r.holder[vc];
    if (r.length[holder] == 0) continue;
    r.ready |= kOne << holder;
    wake(r, index);
  }
  due.clear();
}

/// Which output VCs of a port have credit: a place of their own, or one of those that they share.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::share(Hot& r, std::uint32_t index, unsigned port) {
  if constexpr (Nodes::kSharesBuffers) {
    const bool pool = pool_[index][port] != 0;
    for (unsigned vc = port * kStride; vc < port * kStride + channels_; ++vc) {
      const Mask out = kOne << vc;
      const bool open = r.credits[vc] > this->shared_flits_of_channel() || (r.credits[vc] != 0 && pool);
      if (open == ((r.credit & out) != 0)) continue;
      r.credit ^= out;
      if ((r.free & out) != 0) continue;
      const unsigned holder = r.holder[vc];
      r.ready &= ~(kOne << holder);
      if (open && r.length[holder] != 0) r.ready |= kOne << holder;
    }
  }
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::apply_arrivals(Cycles now) {
  List<Arrival>& due = arrivals_.at(now);
  for (const Arrival& arrival : due) {
    const std::uint32_t index = arrival.input_vc >> kInputVcBits;
    const unsigned vc = arrival.input_vc & ((1u << kInputVcBits) - 1);
    Hot& r = routers_[index];
    const unsigned length = r.length[vc]++;
    DOJO_CHECK(length < depth_, "a flit reaches a full buffer: router ({}, {}), input VC {}, cycle {}", r.row, r.column,
               vc, now);
    buffer(index, vc)[(r.first[vc] + length) & index_mask_] = arrival.flit;
    if (length != 0) continue;
    if ((r.active >> vc & 1) == 0) {
      face(r, index, vc, arrival.flit, now);
    } else if ((r.credit >> r.held[vc] & 1) != 0) {
      r.ready |= kOne << vc;
    } else {
      continue;
    }
    wake(r, index);
  }
  due.clear();
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
void RouterBlock<kStride, kRounds, Nodes, kReadPorts>::allocate_all(Cycles now) {
  Outlets out{};
  List<Arrival>& arrivals = arrivals_.at(now + hop_);
  List<std::uint32_t>& credits = credits_.at(now + credit_);
  List<std::uint32_t>& sink_credits = credits_.at(now + hop_ + credit_);
  const std::size_t most = list_.size() * kPorts;
  if constexpr (kRounds == 1) out = {arrivals.room(most), credits.room(most), sink_credits.room(most)};
  std::size_t kept = 0;
  for (const std::uint32_t index : list_) {
    Hot& r = routers_[index];
    for (unsigned round = 0; round < kRounds; ++round) allocate(r, index, now, round, out);
    list_[kept] = index;
    bool more = (r.ready | r.waiting) != 0;
    if constexpr (Nodes::kSharesBuffers) more = more || forks_[index].fronts != 0;
    r.listed = more ? 1 : 0;
    kept += more ? 1 : 0;
  }
  list_.resize(kept);
  if constexpr (kRounds == 1) {
    arrivals.finish(out.arrivals);
    credits.finish(out.credits);
    sink_credits.finish(out.sink_credits);
  }
  this->packet_hops = heads_;
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
std::uint64_t RouterBlock<kStride, kRounds, Nodes, kReadPorts>::flits_inside() const {
  std::uint64_t flits = arrivals_.size();
  for (const auto& list : this->flits_out) flits += list.size();
  for (const Hot& r : routers_) {
    for (const std::uint8_t length : r.length) flits += length;
    DOJO_CHECK((r.ready & ~r.active) == 0 && (r.waiting & r.active) == 0, "router ({}, {}): states overlap", r.row,
               r.column);
  }
  return flits;
}

template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
std::uint64_t RouterBlock<kStride, kRounds, Nodes, kReadPorts>::bytes() const {
  return routers_.capacity() * sizeof(Hot) + buffers_.capacity() * sizeof(Flit) + Nodes::bytes_of_nodes() +
         pool_.capacity() * sizeof(pool_[0]) + forks_.capacity() * sizeof(Forks);
}

namespace {

template <unsigned kStride, unsigned kReadPorts>
std::unique_ptr<TrafficBlock> make(const MeshShape& shape, const RouterParams& params, const Sending& sending) {
  if (params.internal_speedup == 1)
    return std::make_unique<RouterBlock<kStride, 1, TrafficBlock, kReadPorts>>(shape, params, sending);
  return std::make_unique<RouterBlock<kStride, 2, TrafficBlock, kReadPorts>>(shape, params, sending);
}

template <unsigned kStride>
std::unique_ptr<TrafficBlock> make(const MeshShape& shape, const RouterParams& params, const traffic::Load& load,
                                   std::uint32_t packet_flits) {
  const Sending sending{load, packet_flits, static_cast<std::uint32_t>(params.virtual_channels) / load.legs,
                        static_cast<std::uint32_t>(params.input_buffer_flits), kStride};
  if (load.ports.single()) return make<kStride, 1>(shape, params, sending);
  return make<kStride, traffic::kMostNodePorts>(shape, params, sending);
}

template <unsigned kStride>
std::unique_ptr<DieBlock> make(const MeshShape& shape, const RouterParams& params, const DieSites& sites) {
  if (sites.ports.single()) return std::make_unique<RouterBlock<kStride, 1, DieBlock, 1>>(shape, params, sites);
  return std::make_unique<RouterBlock<kStride, 1, DieBlock, traffic::kMostNodePorts>>(shape, params, sites);
}

}  // namespace

std::unique_ptr<TrafficBlock> make_block(const MeshShape& shape, const RouterParams& params, const traffic::Load& load,
                                         std::uint32_t packet_flits) {
  if (load.headings != nullptr) return make<16>(shape, params, load, packet_flits);
  return params.virtual_channels <= 4 ? make<4>(shape, params, load, packet_flits)
                                      : make<8>(shape, params, load, packet_flits);
}

std::unique_ptr<PacketBlock> make_packet_block(const MeshShape& shape, const RouterParams& params,
                                               const PacketNetworkParams& setup) {
  if (params.virtual_channels <= 4) return std::make_unique<RouterBlock<4, 1, PacketBlock, 1>>(shape, params, setup);
  if (params.virtual_channels <= 8) return std::make_unique<RouterBlock<8, 1, PacketBlock, 1>>(shape, params, setup);
  return std::make_unique<RouterBlock<16, 1, PacketBlock, 1>>(shape, params, setup);
}

std::unique_ptr<DieBlock> make_die_block(const MeshShape& shape, const RouterParams& params, const DieSites& sites) {
  return params.virtual_channels <= 4 ? make<4>(shape, params, sites) : make<8>(shape, params, sites);
}

}  // namespace dojo::reference

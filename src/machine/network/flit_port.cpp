// SPDX-License-Identifier: Apache-2.0
#include "machine/network/flit_port.h"

#include <cmath>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die/piece_gathers.h"

namespace dojo::machine {

using fabric::Burst;
using topology::Direction;

FlitPort::FlitPort(Context& context, DieId die, engine::Wheel&, const Moment& moment, Receiver& receiver)
    : context_(context),
      die_(die),
      moment_(moment),
      receiver_(receiver),
      mail_(context, die, moment),
      flits_(context.topology, die) {
  network_.configure(context.topology, die, context.stripe_groups[context.topology.site_map_index(die)]);
}

std::unique_ptr<Gathers> FlitPort::make_gathers(KernelRuns& kernels) {
  return std::make_unique<PieceGathers>(kernels, *this, context_);
}

void FlitPort::run_next() {
  flits_.cycle(moment_.now);
  flits_.deliver([&](const reference::Delivery& flit) {
    ThreadSums& sums = *moment_.sums;
    sums.packets.add(flit.latency(), 1);
    if (tells_writes_) receiver_.written(flit.site, flit.time);
    if (!flit.last) return;
    const Burst burst = flits_.burst(flit.message);  // a copy: what is sent now may move the table of messages
    network_.use(flit.site).bytes_ejected += burst.bytes;
    if (burst.shape != fabric::Shape::kUnicast) sums.bytes_to_eject += burst.bytes;
    if (burst.last) receiver_.received(flit.site, burst, flit.time);
  });
}

void FlitPort::end_window() {
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    if (!mail_.has_neighbour(d)) continue;
    reference::Leaves& leaves = flits_.leaving(d);
    for (const fabric::Crossing& crossing : leaves.to_dip) mail_.post(d, crossing);
    for (const fabric::Credit& credit : leaves.dip_credits) mail_.post(d, credit);
    leaves.to_dip.clear();
    leaves.dip_credits.clear();
    if (leaves.mail.empty()) continue;
    Cycles first = kNever;
    for (const auto* items : {&leaves.mail.flits, &leaves.mail.credits}) {
      if (!items->empty()) first = std::min(first, items->front().time);
    }
    mail_.flits_to(d, first).append(leaves.mail);
  }
}

Cycles FlitPort::read_mail() {
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    if (!mail_.has_neighbour(d)) continue;
    if (!mail_.is_dip(d)) {
      flits_.take(d, mail_.flits_from(d));
      continue;
    }
    mail_.take_crossings(d, [&](const fabric::Crossing& crossing) { flits_.take(d, crossing); });
    mail_.take_credits(d, [](const fabric::Credit&) {});  // a DIP takes everything as it comes: the die counts on that
  }
  return kNever;
}

void FlitPort::post(SiteIndex site, const Burst& head, Bytes bytes, Cycles now, unsigned queue) {
  network_.use(site).bytes_injected += static_cast<std::uint64_t>(bytes);
  // Of a multicast, what comes is counted as it comes.
  if (head.shape == fabric::Shape::kUnicast) moment_.sums->bytes_to_eject += static_cast<std::uint64_t>(bytes);
  flits_.post(site, head, bytes, now, queue);
}

void FlitPort::post_stripe(const Burst&, Bytes, Cycles, unsigned) {
  DOJO_CHECK(false, "die {}: a striped message in the reference network", die_);
}

Cycles FlitPort::send_within(SiteIndex, const Burst&, Bytes, Cycles) {
  DOJO_CHECK(false, "die {}: the reference network cannot tell an arrival beforehand", die_);
  return kNever;
}

void FlitPort::each_standing(const std::function<void(const Burst&, int)>& look) const {
  for (const Burst& burst : flits_.open_messages()) look(burst, topology::kDirections);
}

void FlitPort::copy(const NetworkPort&, const RowNames&) {
  DOJO_CHECK(false, "die {}: the reference network is run for every die", die_);
}

LinkCounters FlitPort::edge(Direction d) const {
  const topology::MachineParams& params = context_.topology.params();
  const reference::LinkCount count = flits_.edge(d);
  const std::uint64_t bytes = count.flits * static_cast<std::uint64_t>(network_.link_bytes());
  const Int128 units = static_cast<Int128>(bytes) * kBusyUnitsPerCycle * std::llround(params.clock_hz * 2) /
                       std::llround(context_.topology.edge(die_, d).bytes_per_s * 2);
  return {bytes, static_cast<std::uint64_t>(units), count.wait_cycles, count.flits};
}

/// What the routers counted, where everybody looks for it.
void FlitPort::settle() {
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    for (std::int32_t at = 0; at < context_.topology.sites(); ++at) {
      const auto site = static_cast<SiteIndex>(at);
      const reference::LinkCount count = flits_.link(site, d);
      fabric::LinkUse& link = network_.use(site, d);
      link.busy_cycles = link.bursts = count.flits;
      link.queue_cycles = count.wait_cycles;
    }
  }
}

}  // namespace dojo::machine

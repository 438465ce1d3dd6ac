// SPDX-License-Identifier: Apache-2.0
// Adding sums to sums.
#include "machine/sums.h"

namespace dojo::machine {

void OpSum::add(Cycles start, Cycles end) {
  ++count;
  cycles_sum += static_cast<std::uint64_t>(end - start);
  min = std::min(min, end - start);
  max = std::max(max, end - start);
  first = std::min(first, start);
  last = std::max(last, end);
}

void OpSum::merge(const OpSum& other) {
  count += other.count;
  cycles_sum += other.cycles_sum;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  first = std::min(first, other.first);
  last = std::max(last, other.last);
  flops += other.flops;
}

/// Packets of a gather arrive one after another, so their latencies are taken to be spread evenly between the first
/// and the last: four equal parts.
void ThreadSums::add_gather(const fabric::Gathering& g) {
  if (g.delivered == 0) return;
  bytes_to_eject += static_cast<std::uint64_t>(g.bytes) * (g.count - 1);
  const Cycles first = g.first_head - g.first_start;
  const Cycles spread = g.last_tail - 1 - g.first_head;
  for (Flits part = 0; part < 4; ++part) {
    const Flits packets_of_part = g.delivered * (part + 1) / 4 - g.delivered * part / 4;
    packets.add(first + spread * (2 * part + 1) / 8, static_cast<std::uint64_t>(packets_of_part));
  }
}

void ThreadSums::add_copied(const ThreadSums& record, std::uint32_t graph, std::uint32_t op) {
  packets.merge(record.packets);
  if (op != kNone) ops[graph][op].merge(record.ops[graph][op]);
  for (std::size_t i = 0; i < std::size(flops_by); ++i) flops_by[i] += record.flops_by[i];
  flops_recomputed += record.flops_recomputed;
  bytes_to_eject += record.bytes_to_eject;
}

Breakdown difference(const Breakdown& after, const Breakdown& before) {
  return {after.compute - before.compute, after.communication - before.communication,
          after.overlapped - before.overlapped, after.memory - before.memory, after.idle - before.idle};
}

void add(Breakdown& to, const Breakdown& from) {
  to.compute += from.compute;
  to.communication += from.communication;
  to.overlapped += from.overlapped;
  to.memory += from.memory;
  to.idle += from.idle;
}

}  // namespace dojo::machine

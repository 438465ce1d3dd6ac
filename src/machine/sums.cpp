// SPDX-License-Identifier: Apache-2.0
// Adding sums to sums.
#include "machine/sums.h"

#include <iterator>

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

void ThreadSums::multiply(std::uint64_t times) {
  const auto scale = [&](auto&... sums) { ((sums *= static_cast<std::decay_t<decltype(sums)>>(times)), ...); };
  for (std::uint64_t& n : packets.count) scale(n);
  scale(packets.packets, packets.cycles_sum, tasks_done, ranks_done, bytes_to_eject, detours, detour_hops);
  for (std::vector<OpSum>& graph : ops) {
    for (OpSum& op : graph) scale(op.count, op.cycles_sum, op.flops);
  }
  scale(flops_by[0], flops_by[1], flops_by[2], flops_recomputed);
}

TaskSums ThreadSums::of_lone_task() const {
  TaskSums task;
  for (std::uint16_t bin = 0; bin < LatencyHistogram::kBins; ++bin) {
    if (packets.count[bin] != 0) task.packet_bins.emplace_back(bin, packets.count[bin]);
  }
  task.packets = packets.packets;
  task.packet_cycles_sum = packets.cycles_sum;
  task.packet_min = packets.min;
  task.packet_max = packets.max;
  task.op = lone_op;
  std::copy(std::begin(flops_by), std::end(flops_by), std::begin(task.flops_by));
  task.flops_recomputed = flops_recomputed;
  task.bytes_to_eject = bytes_to_eject;
  task.detours = detours;
  task.detour_hops = detour_hops;
  return task;
}

void ThreadSums::add(const TaskSums& task, std::uint32_t graph, std::uint32_t op_index) {
  for (const auto& [bin, count] : task.packet_bins) packets.count[bin] += count;
  packets.packets += task.packets;
  packets.cycles_sum += task.packet_cycles_sum;
  packets.min = std::min(packets.min, task.packet_min);
  packets.max = std::max(packets.max, task.packet_max);
  if (op_index != kNone) op(graph, op_index).merge(task.op);
  for (std::size_t i = 0; i < std::size(flops_by); ++i) flops_by[i] += task.flops_by[i];
  flops_recomputed += task.flops_recomputed;
  bytes_to_eject += task.bytes_to_eject;
  detours += task.detours;
  detour_hops += task.detour_hops;
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

// SPDX-License-Identifier: Apache-2.0
// Adding sums to sums.
#include "machine/sums.h"

namespace dojo::machine {

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
  schema::multiply<RunCounters>(*this, times);
  schema::multiply<LatencyCounters>(packets, times);
  for (std::uint64_t& n : packets.count) n *= times;
  for (std::vector<OpCounters>& graph : ops) {
    for (OpCounters& op : graph) schema::multiply(op, times);
  }
}

TaskSums ThreadSums::of_lone_task() const {
  TaskSums task;
  static_cast<RunCounters&>(task) = *this;
  task.packets = packets;
  for (std::uint16_t bin = 0; bin < LatencyHistogram::kBins; ++bin) {
    if (packets.count[bin] != 0) task.packet_bins.emplace_back(bin, packets.count[bin]);
  }
  task.op = lone_op;
  return task;
}

void ThreadSums::add(const TaskSums& task, std::uint32_t graph, std::uint32_t op_index) {
  schema::merge<RunCounters>(*this, task);
  schema::merge<LatencyCounters>(packets, task.packets);
  for (const auto& [bin, count] : task.packet_bins) packets.count[bin] += count;
  if (op_index != kNone) schema::merge(op(graph, op_index), task.op);
}

}  // namespace dojo::machine

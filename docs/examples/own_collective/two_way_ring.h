// SPDX-License-Identifier: Apache-2.0
// All-reduce over two rings at once: one half of the parts goes around in rank order, the other against it.
#pragma once
#include "dojo/run/plugins.h"

inline dojo::workload::CollectiveSchedule two_way_ring(const dojo::workload::CollectiveCall& call) {
  const auto n = static_cast<std::uint32_t>(call.members.size());
  dojo::workload::CollectiveSchedule schedule(n, 2 * n);  // n parts for each ring
  for (std::uint32_t way = 0; way < 2; ++way) {
    // The i-th member of this ring, and the slot of its k-th part.
    const auto member = [&](std::uint32_t i) { return way == 0 ? i % n : n - 1 - i % n; };
    const auto slot = [&](std::uint32_t k) { return way * n + k % n; };
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t me = member(i), next = member(i + 1), before = member(i + n - 1);
      for (std::uint32_t step = 0; step + 1 < n; ++step) {  // sums of parts
        schedule.send(me, next, slot(i + n - step));
        schedule.reduce(me, before, slot(i + n - step - 1));
      }
      for (std::uint32_t step = 0; step + 1 < n; ++step) {  // the finished sums, to all
        schedule.send(me, next, slot(i + 1 + n - step));
        schedule.receive(me, before, slot(i + n - step));
      }
    }
  }
  return schedule;
}

inline dojo::workload::OwnCollective two_way_ring_collective() {
  dojo::workload::OwnCollective own;
  own.name = "two_way_ring";
  own.sentence = "half of the parts around the members in rank order, half against it";
  own.kinds = {dojo::workload::OpKind::kAllReduce};
  own.steps = two_way_ring;
  own.serves = [](const dojo::workload::CollectiveCall& call) { return call.members.size() <= 64; };
  return own;
}

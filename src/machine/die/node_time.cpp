// SPDX-License-Identifier: Apache-2.0
#include "machine/die/node_time.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"
#include "machine/sums.h"

namespace dojo::machine {

void NodeTime::add_rank(std::uint32_t nodes) {
  Rank& rank = state_.ranks.emplace_back();
  rank.planned.assign(nodes, 0);
  rank.counted.assign(nodes, 0);
  rank.spans.assign(std::size_t{rank.kept} * nodes, {});
}

void NodeTime::make_room(Rank& rank, std::uint32_t node, Cycles now) {
  account(rank, now);
  if (rank.open(node) < rank.kept) return;
  const Rank before = rank;
  rank.kept *= 2;
  rank.spans.assign(std::size_t{rank.kept} * rank.planned.size(), {});
  for (std::size_t n = 0; n < rank.planned.size(); ++n) {
    for (std::uint8_t i = rank.counted[n]; i != rank.planned[n]; ++i) rank.span(i, n) = before.span(i, n);
  }
}

void NodeTime::kernel_starts(std::uint32_t rank_die, Cycles now) {
  Rank& rank = state_.ranks[rank_die];
  account(rank, now);
  std::fill(rank.planned.begin(), rank.planned.end(), std::uint8_t{0});
  std::fill(rank.counted.begin(), rank.counted.end(), std::uint8_t{0});
  rank.computing = false;
}

/// Cycles of [from, to) in which the cores were busy, over all nodes. `counted`: spans that end by `to` are passed over
/// from now on.
Cycles NodeTime::busy(const Rank& rank, std::uint8_t* counted, Cycles from, Cycles to) {
  if (!rank.computing) return 0;
  const std::size_t nodes = rank.planned.size();
  Cycles sum = 0;
  for (std::size_t node = 0; node < nodes; ++node) {
    for (std::uint8_t i = counted[node]; i != rank.planned[node]; ++i) {
      const Span& span = rank.span(i, node);
      sum += std::max<Cycles>(0, std::min(span.end, to) - std::max(span.begin, from));
      if (span.end > to) break;
      counted[node] = static_cast<std::uint8_t>(i + 1);
    }
  }
  return sum;
}

/// Computing first, the rest by what the rank waits for.
void NodeTime::classify(const Rank& rank, Cycles busy, Cycles rest, Breakdown& sum) {
  if (rank.streams > 0) busy += std::exchange(rest, 0);
  (rank.network > 0 ? sum.overlapped : sum.compute) += static_cast<std::uint64_t>(busy);
  (rank.network > 0 ? sum.communication : rank.memory > 0 ? sum.memory : sum.idle) += static_cast<std::uint64_t>(rest);
}

void NodeTime::account(Rank& rank, Cycles now) {
  if (now <= rank.counted_to) return;
  const auto nodes = static_cast<Cycles>(rank.planned.size());
  const Cycles computed = busy(rank, rank.counted.data(), rank.counted_to, now);
  classify(rank, computed, (now - rank.counted_to) * nodes - computed, rank.sum);
  rank.counted_to = now;
  if (rank.computing) rank.computing = rank.counted != rank.planned;
}

void NodeTime::change(Rank& rank, int network, int memory, Cycles now) {
  const std::uint32_t net = rank.network + static_cast<std::uint32_t>(network);
  const std::uint32_t mem = rank.memory + static_cast<std::uint32_t>(memory);
  if ((net > 0) != (rank.network > 0) || (mem > 0) != (rank.memory > 0)) account(rank, now);
  rank.network = net;
  rank.memory = mem;
}

void NodeTime::change_streams(Rank& rank, int streams, Cycles now) {
  account(rank, now);
  rank.streams += static_cast<std::uint32_t>(streams);
}

void NodeTime::add_known(std::uint32_t rank_die, const Breakdown& known, Cycles now) {
  Rank& rank = state_.ranks[rank_die];
  rank.counted_to = now;
  add(rank.sum, known);
}

void NodeTime::add_known(std::uint32_t rank_die, Breakdown known, Cycles begin, Cycles end) {
  Rank& rank = state_.ranks[rank_die];
  account(rank, begin);
  std::uint64_t counted =
      static_cast<std::uint64_t>(rank.counted_to - begin) * static_cast<std::uint64_t>(rank.planned.size());
  for (std::uint64_t* of : {&known.idle, &known.communication, &known.memory, &known.compute, &known.overlapped}) {
    const std::uint64_t off = std::min(*of, counted);
    *of -= off;
    counted -= off;
  }
  DOJO_CHECK(counted == 0, "cycles up to {} are counted, a task that is repeated ends at {}", rank.counted_to, end);
  rank.counted_to = end;
  add(rank.sum, known);
}

Breakdown NodeTime::breakdown(Cycles end) const {
  Breakdown total;
  for (const Rank& rank : state_.ranks) {
    Breakdown sum = rank.sum;
    std::vector<std::uint8_t> counted = rank.counted;
    const Cycles to = std::max(end, rank.counted_to);
    const Cycles computed = busy(rank, counted.data(), rank.counted_to, to);
    classify(rank, computed, (to - rank.counted_to) * static_cast<Cycles>(rank.planned.size()) - computed, sum);
    add(total, sum);
  }
  return total;
}

}  // namespace dojo::machine

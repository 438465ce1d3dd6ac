// SPDX-License-Identifier: Apache-2.0
// Who was busy with what: the node-cycles of a die's ranks by class, counted when traffic starts or ends.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/machine/results.h"

namespace dojo::machine {

/// A node computes, or waits for what its rank has under way: network before memory; else it is idle.
class NodeTime {
 public:
  /// A rank with that many nodes here; the next index.
  void add_rank(std::uint32_t nodes);

  /// The rank's cores start another kernel; what they ran before is over.
  void kernel_starts(std::uint32_t rank_die, Cycles now);
  /// The node's core will be busy from begin to end. Spans of a node come in the order of time. `now` is not before any
  /// time that was given so far.
  void compute(std::uint32_t rank_die, std::uint32_t node, Cycles begin, Cycles end, Cycles now) {
    Rank& rank = state_.ranks[rank_die];
    if (rank.planned[node] != rank.counted[node]) {
      Span& last = rank.span(static_cast<std::uint8_t>(rank.planned[node] - 1u), node);
      if (last.end == begin) {
        last.end = end;
        return;
      }
      if (rank.open(node) == rank.kept) make_room(rank, node, now);
    }
    rank.span(rank.planned[node]++, node) = {begin, end};
    rank.computing = true;
  }

  /// The node's core is busy from now on, and it is not known for how long: ends() says it.
  void begins(std::uint32_t rank_die, std::uint32_t node, Cycles now) { compute(rank_die, node, now, kNever, now); }
  void ends(std::uint32_t rank_die, std::uint32_t node, Cycles end) {
    Rank& rank = state_.ranks[rank_die];
    rank.span(static_cast<std::uint8_t>(rank.planned[node] - 1u), node).end = end;
  }

  void network_starts(std::uint32_t rank_die, Cycles now) { change(state_.ranks[rank_die], 1, 0, now); }
  void network_ends(std::uint32_t rank_die, Cycles now) { change(state_.ranks[rank_die], -1, 0, now); }
  void memory_starts(std::uint32_t rank_die, Cycles now) { change(state_.ranks[rank_die], 0, 1, now); }
  void memory_ends(std::uint32_t rank_die, Cycles now) { change(state_.ranks[rank_die], 0, -1, now); }
  /// A kernel that was recorded on another stream had that device's cores: all nodes count as computing.
  void stream_starts(std::uint32_t rank_die, Cycles now) { change_streams(state_.ranks[rank_die], 1, now); }
  void stream_ends(std::uint32_t rank_die, Cycles now) { change_streams(state_.ranks[rank_die], -1, now); }
  [[nodiscard]] bool waits_for_network(std::uint32_t rank_die) const { return state_.ranks[rank_die].network > 0; }
  [[nodiscard]] bool waits_for_memory(std::uint32_t rank_die) const { return state_.ranks[rank_die].memory > 0; }

  /// Adds all nodes' cycles since the last call to their classes.
  void account(std::uint32_t rank_die, Cycles now) { account(state_.ranks[rank_die], now); }
  /// Somebody else knows how the cycles up to `now` divide.
  void add_known(std::uint32_t rank_die, const Breakdown& known, Cycles now);
  /// The same of the cycles from `begin` to `end`, which is to come. What has been counted of them is taken off.
  void add_known(std::uint32_t rank_die, Breakdown known, Cycles begin, Cycles end);
  [[nodiscard]] const Breakdown& counted(std::uint32_t rank_die) const { return state_.ranks[rank_die].sum; }
  /// Of all ranks, up to `end` or to where they have been counted.
  [[nodiscard]] Breakdown breakdown(Cycles end) const;

  /// Takes the state of another die's that has run for both.
  void copy(const NodeTime& from) { state_ = from.state_; }

 private:
  struct Span {  ///< the core is busy
    Cycles begin = 0, end = 0;
  };
  struct Rank {
    std::uint32_t network = 0, memory = 0;  ///< tasks of the rank that wait for them
    std::uint32_t streams = 0;              ///< recorded kernels that pass beside the cores
    bool computing = false;                 ///< some span may not be counted yet
    Cycles counted_to = 0;
    Breakdown sum;  ///< up to counted_to
    // Of the kernel that the cores run or ran last, by node: spans planned, and those that lie before counted_to.
    std::vector<std::uint8_t> planned, counted;
    std::uint32_t kept = 4;   ///< spans of a node that are not counted yet; a power of two
    std::vector<Span> spans;  ///< [span modulo `kept`][node]
    [[nodiscard]] Span& span(std::uint8_t number, std::size_t node) {
      return spans[(number & (kept - 1)) * planned.size() + node];
    }
    [[nodiscard]] const Span& span(std::uint8_t number, std::size_t node) const {
      return spans[(number & (kept - 1)) * planned.size() + node];
    }
    [[nodiscard]] std::uint32_t open(std::size_t node) const {
      return static_cast<std::uint8_t>(planned[node] - counted[node]);
    }
  };
  struct State {
    std::vector<Rank> ranks;
  };

  static Cycles busy(const Rank& rank, std::uint8_t* counted, Cycles from, Cycles to);
  static void classify(const Rank& rank, Cycles busy, Cycles rest, Breakdown& sum);
  void account(Rank& rank, Cycles now);
  /// For one more span of the node: counts those that are over, or keeps more of all nodes.
  void make_room(Rank& rank, std::uint32_t node, Cycles now);
  void change(Rank& rank, int network, int memory, Cycles now);
  void change_streams(Rank& rank, int streams, Cycles now);

  State state_;
};

}  // namespace dojo::machine

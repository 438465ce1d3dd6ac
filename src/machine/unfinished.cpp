// SPDX-License-Identifier: Apache-2.0
// What is said of a job that cannot finish: its waiting ranks, and the packets that stand in the network.
#include <fmt/format.h>

#include <algorithm>

#include "machine/machine_state.h"

namespace dojo::machine {
namespace {

struct Blocked {
  Cycles created = 0;
  std::string words;
};

/// "192 bytes for row 3, column 7 of the machine, sent at cycle 40, ", or for the columns or rows of a multicast.
std::string which(const fabric::Burst& burst) {
  using fabric::Shape;
  if (burst.shape == Shape::kUnicast || burst.shape == Shape::kStriped) {
    return fmt::format("{} bytes for row {}, column {} of the machine, sent at cycle {}, ", burst.bytes, burst.row,
                       burst.column, burst.created);
  }
  const bool row = burst.shape == Shape::kRow || burst.shape == Shape::kRowEast || burst.shape == Shape::kRowWest;
  return fmt::format("{} bytes for {} {} to {} of the machine, sent at cycle {}, ", burst.bytes,
                     row ? "columns" : "rows", burst.reach.low, burst.reach.high, burst.created);
}

Blocked at_edge(const fabric::Burst& burst, const std::string& path) {
  return {burst.created, which(burst) + "without credit at " + path};
}

}  // namespace

std::vector<WaitingRank> Machine::waiting() const {
  std::vector<WaitingRank> out;
  impl_->rows.part();
  const Context& context = impl_->context;
  for (const DieShard& die : impl_->dies) {
    for (const RankTasks& waiting : die.ranks()) {
      if (waiting.tasks_left == 0) continue;
      WaitingRank rank;
      rank.rank = waiting.rank;
      const workload::Program& program = *waiting.program;
      const workload::Graph& graph = context.workload.graphs[context.workload.graph_of_rank[waiting.rank]];
      const auto describe = [&](const workload::Task& task, const char* state) {
        if (task.op == kNone) return;
        const workload::Op& op = graph.ops[task.op];
        std::string line =
            fmt::format("{} '{}' (id {}, {})", workload::op_kind_name(op.kind), graph.op_name(op), op.id, graph.file);
        if (op.peer >= 0) line += fmt::format(" with rank {} tag {}", op.peer, op.tag);
        rank.operations.push_back(line + ": " + state);
      };
      for (const RankTasks::Active& active : waiting.active) {
        describe(program.tasks[active.task], "started, its messages have not all come");
      }
      if (waiting.active.empty()) {
        for (std::size_t t = 0; t < program.tasks.size() && rank.operations.size() < 4; ++t) {
          if (waiting.waits[t] > 0) describe(program.tasks[t], "waits for earlier operations");
        }
      }
      out.push_back(std::move(rank));
    }
  }
  std::sort(out.begin(), out.end(), [](const WaitingRank& x, const WaitingRank& y) { return x.rank < y.rank; });
  return out;
}

std::vector<std::string> Machine::waiting_cores() const {
  constexpr std::size_t kMost = 10;
  std::vector<std::string> lines;
  for (const DieShard& die : impl_->dies) {
    if (die.detailed() == nullptr) continue;
    std::vector<std::string> more = die.detailed()->waiting();
    std::move(more.begin(), more.end(), std::back_inserter(lines));
  }
  if (lines.size() <= kMost) return lines;
  const std::size_t left_out = lines.size() - kMost;
  lines.resize(kMost);
  lines.push_back(fmt::format("and {} more cores", left_out));
  return lines;
}

std::vector<std::string> Machine::blocked_packets() const {
  constexpr std::size_t kMost = 10;
  const topology::Topology& topology = impl_->context.topology;
  std::vector<Blocked> all;
  for (DieId die = 0; die < impl_->dies.size(); ++die) {
    impl_->dies[die].port().each_standing([&](const fabric::Burst& burst, int edge) {
      all.push_back(edge == topology::kDirections
                        ? Blocked{burst.created, which(burst) + "on " + topology.die_path(die)}
                        : at_edge(burst, topology.edge_path(die, static_cast<topology::Direction>(edge))));
    });
  }
  for (std::uint32_t dip = 0; dip < impl_->dips.size(); ++dip) {
    impl_->dips[dip].edge().each_waiting(
        [&](const fabric::Burst& burst) { all.push_back(at_edge(burst, topology.dip_path(dip))); });
  }
  std::stable_sort(all.begin(), all.end(), [](const Blocked& x, const Blocked& y) { return x.created < y.created; });
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(all.size(), kMost); ++i) lines.push_back(std::move(all[i].words));
  if (all.size() > kMost) lines.push_back(fmt::format("and {} more", all.size() - kMost));
  return lines;
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// What is said of a job that cannot finish: its waiting ranks, and the packets that stand in the network.
#include <fmt/format.h>

#include <algorithm>

#include "machine/impl.h"

namespace dojo::machine {
namespace {

struct Blocked {
  Cycles created = 0;
  std::string words;
};

void add_blocked(const fabric::EdgeOut& edge, const std::string& path, std::vector<Blocked>& out) {
  edge.each_waiting([&](const fabric::Burst& burst) {
    out.push_back({burst.created,
                   fmt::format("{} bytes for row {}, column {} of the machine, sent at cycle {}, without credit at {}",
                               burst.bytes, burst.row, burst.column, burst.created, path)});
  });
}

std::string on_die(const fabric::Burst& burst, const std::string& path) {
  if (burst.shape == fabric::Shape::kUnicast) {
    return fmt::format("{} bytes for row {}, column {} of the machine, sent at cycle {}, on {}", burst.bytes, burst.row,
                       burst.column, burst.created, path);
  }
  const bool row = burst.shape == fabric::Shape::kRowEast || burst.shape == fabric::Shape::kRowWest;
  return fmt::format("{} bytes for {} {} to {} of the machine, sent at cycle {}, on {}", burst.bytes,
                     row ? "columns" : "rows", burst.low, burst.high, burst.created, path);
}

}  // namespace

std::vector<WaitingRank> Machine::waiting() const {
  std::vector<WaitingRank> out;
  impl_->part_rows();
  const Context& context = impl_->context;
  for (const DieShard& die : impl_->dies) {
    for (const auto& controller : die.controllers()) {
      if (controller->tasks_left == 0) continue;
      WaitingRank rank;
      rank.rank = controller->rank;
      const workload::Program& program = *controller->program;
      const workload::Graph& graph = context.workload.graphs[program.graph];
      const auto describe = [&](const workload::Task& task, const char* state) {
        if (task.op == kNone) return;
        const workload::Op& op = graph.ops[task.op];
        std::string line =
            fmt::format("{} '{}' (id {}, {})", workload::op_kind_name(op.kind), graph.op_name(op), op.id, graph.file);
        if (op.peer >= 0) line += fmt::format(" with rank {} tag {}", op.peer, op.tag);
        rank.operations.push_back(line + ": " + state);
      };
      for (const Controller::Active& active : controller->active) {
        describe(program.tasks[active.task], "started, its messages have not all come");
      }
      if (controller->active.empty()) {
        for (std::size_t t = 0; t < program.tasks.size() && rank.operations.size() < 4; ++t) {
          if (controller->waits[t] > 0) describe(program.tasks[t], "waits for earlier operations");
        }
      }
      out.push_back(std::move(rank));
    }
  }
  std::sort(out.begin(), out.end(), [](const WaitingRank& x, const WaitingRank& y) { return x.rank < y.rank; });
  return out;
}

/// In the fast model, everything that stands anywhere stands behind one of these: links on a die never refuse a burst.
std::vector<std::string> Machine::blocked_packets() const {
  constexpr std::size_t kMost = 10;
  const topology::Topology& topology = impl_->context.topology;
  std::vector<Blocked> all;
  for (DieId die = 0; die < impl_->dies.size(); ++die) {
    if (const reference::Die* flits = impl_->dies[die].flits(); flits != nullptr) {
      for (const fabric::Burst& burst : flits->open_messages())
        all.push_back({burst.created, on_die(burst, topology.die_path(die))});
      continue;
    }
    for (int d = 0; d < topology::kDirections; ++d) {
      const auto direction = static_cast<topology::Direction>(d);
      const fabric::EdgeOut& edge = impl_->dies[die].edge(direction);
      if (edge.waiting()) add_blocked(edge, topology.edge_path(die, direction), all);
    }
  }
  for (std::uint32_t dip = 0; dip < impl_->dips.size(); ++dip) {
    const fabric::EdgeOut& edge = impl_->dips[dip].edge();
    if (edge.waiting()) add_blocked(edge, topology.dip_path(dip), all);
  }
  std::stable_sort(all.begin(), all.end(), [](const Blocked& x, const Blocked& y) { return x.created < y.created; });
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(all.size(), kMost); ++i) lines.push_back(std::move(all[i].words));
  if (all.size() > kMost) lines.push_back(fmt::format("and {} more", all.size() - kMost));
  return lines;
}

}  // namespace dojo::machine

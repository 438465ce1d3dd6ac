// SPDX-License-Identifier: Apache-2.0
// Packs operations into a Graph's arrays.
#include "trace/graph_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace dojo::workload {

GraphBuilder::GraphBuilder(std::string file, std::string format) {
  graph_.file = std::move(file);
  graph_.format = std::move(format);
}

std::uint32_t GraphBuilder::string(const std::string& s) {
  const auto [entry, added] = known_.emplace(s, static_cast<std::uint32_t>(graph_.strings.size()));
  if (added) graph_.strings.push_back(s);
  return entry->second;
}

std::uint32_t GraphBuilder::tensor(const std::string& name, Bytes bytes, TensorRole role) {
  graph_.tensors.push_back(Tensor{string(name), bytes, role});
  return static_cast<std::uint32_t>(graph_.tensors.size() - 1);
}

std::uint32_t GraphBuilder::add(OpDraft draft) {
  stops_.pass();
  const auto append = [](std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& from, std::uint32_t& begin,
                         std::uint32_t& end) {
    begin = static_cast<std::uint32_t>(to.size());
    to.insert(to.end(), from.begin(), from.end());
    end = static_cast<std::uint32_t>(to.size());
  };
  Op& op = draft.op;
  op.name = string(draft.name);
  append(graph_.tensor_refs, draft.inputs, op.inputs_begin, op.inputs_end);
  append(graph_.tensor_refs, draft.outputs, op.outputs_begin, op.outputs_end);
  append(graph_.deps, draft.deps, op.deps_begin, op.deps_end);
  op.pairs_begin = static_cast<std::uint32_t>(graph_.pair_bytes.size());
  graph_.pair_bytes.insert(graph_.pair_bytes.end(), draft.pairs.begin(), draft.pairs.end());
  op.pairs_end = static_cast<std::uint32_t>(graph_.pair_bytes.size());
  graph_.ops.push_back(op);
  return op_count() - 1;
}

Workload::GroupClass all_ranks_class(RankId ranks) {
  Group group{"all", {}};
  group.ranks.reserve(ranks);
  for (RankId rank = 0; rank < ranks; ++rank) group.ranks.push_back(rank);
  return {"all", {std::move(group)}};
}

void reorder(Graph& graph, const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> new_index(order.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) new_index[order[i]] = i;
  std::vector<Op> ops;
  ops.reserve(order.size());
  for (const std::uint32_t old : order) ops.push_back(graph.ops[old]);
  graph.ops = std::move(ops);
  for (std::uint32_t& dep : graph.deps) dep = new_index[dep];
}

void run_streams_beside(Graph& graph, const std::vector<std::int64_t>& stream) {
  std::map<std::int64_t, std::int64_t> busy;
  const auto recorded = [&](std::size_t i) {
    const Op& op = graph.ops[i];
    return stream[i] >= 0 && !is_communication(op.kind) && op.duration_ns > 0 && op.recorded_on == RecordedOn::kCores;
  };
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (recorded(i)) busy[stream[i]] += graph.ops[i].duration_ns;
  }
  const auto main =
      std::max_element(busy.begin(), busy.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (recorded(i) && stream[i] != main->first) graph.ops[i].recorded_on = RecordedOn::kStream;
  }
}

std::string describe_place(const Graph& graph, const Op& op) {
  const std::string name = fmt::format("operation '{}' (id {})", graph.op_name(op), op.id);
  if (graph.format == "chakra-et") return fmt::format("{}: byte {}: {}", graph.file, op.place, name);
  if (op.place > 0) return fmt::format("{}:{}: {}", graph.file, op.place, name);  // a line
  return fmt::format("{}: {}", graph.file, name);
}

}  // namespace dojo::workload

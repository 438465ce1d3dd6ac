// SPDX-License-Identifier: Apache-2.0
// Turns what would be a hang across ranks into a sentence: collectives that do not agree, messages without a partner.
#include "trace/check_ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <tuple>

#include "dojo/base/stop_point.h"
#include "trace/graph_builder.h"

namespace dojo::workload {
namespace {

using Sequence = std::vector<std::uint32_t>;  // operation indices

std::string named(const Workload& workload, RankId rank, std::uint32_t op) {
  const Graph& graph = workload.graphs[workload.graph_of_rank[rank]];
  return fmt::format("rank {} ({})", rank, describe_place(graph, graph.ops[op]));
}

std::string sort_and_size(const Workload& workload, RankId rank, std::uint32_t index) {
  const Op& op = workload.graphs[workload.graph_of_rank[rank]].ops[index];
  std::string text = fmt::format("{} of {} bytes", op_kind_name(op.kind), op.bytes);
  if (traits(op.kind).has(OpTraits::kHasRoot)) text += fmt::format(" with root {}", op.root);
  return text;
}

bool agree(const Op& a, const Op& b) {
  // With a size for each pair each rank sends what it has.
  const std::uint32_t pairs = a.pairs_end - a.pairs_begin;
  if (pairs != b.pairs_end - b.pairs_begin) return false;
  return a.kind == b.kind && (pairs != 0 || a.bytes == b.bytes) && a.root == b.root;
}

/// The first place where two members of a group part.
void compare(const Workload& workload, const Group& group, RankId a, const Sequence& of_a, RankId b,
             const Sequence& of_b, Findings& findings) {
  const Graph& graph_a = workload.graphs[workload.graph_of_rank[a]];
  const Graph& graph_b = workload.graphs[workload.graph_of_rank[b]];
  const std::size_t both = std::min(of_a.size(), of_b.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (agree(graph_a.ops[of_a[i]], graph_b.ops[of_b[i]])) continue;
    findings.add(
        "{}: found {} as collective number {} of group '{}', expected {} as on {}; the ranks of a group must enter the "
        "same collectives in the same order: correct the trace",
        named(workload, b, of_b[i]), sort_and_size(workload, b, of_b[i]), i, group.name,
        sort_and_size(workload, a, of_a[i]), named(workload, a, of_a[i]));
    return;
  }
  if (of_a.size() == of_b.size()) return;
  const bool a_longer = of_a.size() > of_b.size();
  const RankId with = a_longer ? a : b, without = a_longer ? b : a;
  const std::uint32_t op = a_longer ? of_a[both] : of_b[both];
  findings.add(
      "{}: found {} as collective number {} of group '{}', expected every rank of the group to enter it, but rank {} "
      "({}) enters only {}; correct the trace or the group",
      named(workload, with, op), sort_and_size(workload, with, op), both, group.name, without,
      workload.graphs[workload.graph_of_rank[without]].file, both);
}

void compare_class(const Workload& workload, std::uint32_t index, const std::vector<Sequence>& of_graph,
                   Findings& findings) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> compared;  // once for each pair of graphs: ranks share them
  std::vector<bool> member(workload.ranks(), false);
  for (const Group& group : workload.group_classes[index].groups) {
    const RankId first = group.ranks.front();
    const std::uint32_t first_graph = workload.graph_of_rank[first];
    for (const RankId rank : group.ranks) {
      member[rank] = true;
      const std::uint32_t graph = workload.graph_of_rank[rank];
      if (graph == first_graph || !compared.insert(std::minmax(graph, first_graph)).second) continue;
      compare(workload, group, first, of_graph[first_graph], rank, of_graph[graph], findings);
    }
    for (const std::uint32_t op : of_graph[first_graph]) {
      const Op& entry = workload.graphs[first_graph].ops[op];
      const std::size_t pairs = entry.pairs_end - entry.pairs_begin;
      if (pairs != 0 && pairs != group.ranks.size()) {
        findings.add(
            "{}: found {} sizes in pair_bytes, expected one for each of the {} ranks of group '{}'; correct it",
            named(workload, first, op), pairs, group.ranks.size(), group.name);
      }
      if (entry.root < 0 || static_cast<std::size_t>(entry.root) >= group.ranks.size()) {
        findings.add("{}: found root {}, expected a position in group '{}' of {} ranks; correct the trace",
                     named(workload, first, op), entry.root, group.name, group.ranks.size());
      }
    }
  }
  std::set<std::uint32_t> reported;
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    const std::uint32_t graph = workload.graph_of_rank[rank];
    if (member[rank] || of_graph[graph].empty() || !reported.insert(graph).second) continue;
    findings.add(
        "{}: found {} in group class '{}', expected a group with rank {}; add the rank to a group or remove the "
        "operation",
        named(workload, rank, of_graph[graph][0]), sort_and_size(workload, rank, of_graph[graph][0]),
        workload.group_classes[index].name, rank);
  }
}

}  // namespace

std::vector<std::uint32_t> topological_order(const Graph& graph, std::vector<std::uint32_t>* waiting) {
  const std::size_t count = graph.ops.size();
  std::vector<std::uint32_t> need(count, 0), begin(count + 1, 0), successors(graph.deps.size()), order;
  for (const Op& op : graph.ops) {
    for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i) ++begin[graph.deps[i] + 1];
  }
  for (std::size_t i = 0; i < count; ++i) begin[i + 1] += begin[i];
  std::vector<std::uint32_t> fill(begin.begin(), begin.end() - 1);
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t at = 0; at < count; ++at) {
    const Op& op = graph.ops[at];
    need[at] = op.deps_end - op.deps_begin;
    for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i) successors[fill[graph.deps[i]]++] = at;
    if (need[at] == 0) ready.push(at);
  }
  order.reserve(count);
  StopPoints stops;
  while (!ready.empty()) {
    stops.pass();
    const std::uint32_t at = ready.top();
    ready.pop();
    order.push_back(at);
    for (std::uint32_t i = begin[at]; i < begin[at + 1]; ++i) {
      if (--need[successors[i]] == 0) ready.push(successors[i]);
    }
  }
  if (waiting != nullptr) *waiting = std::move(need);
  return order;
}

bool check_groups(const Workload& workload, Findings& findings) {
  const std::size_t before = findings.lines().size();
  const RankId ranks = workload.ranks();
  const std::string file = workload.graphs.empty() ? "workload" : workload.graphs.front().file;
  if (workload.group_classes.empty() || workload.group_classes[0].groups.size() != 1 ||
      workload.group_classes[0].groups[0].ranks.size() != ranks) {
    findings.add("workload: group class 0: expected one group of all {} ranks", ranks);
  }
  for (const Workload::GroupClass& entry : workload.group_classes) {
    std::vector<bool> seen(ranks, false);
    for (const Group& group : entry.groups) {
      if (group.ranks.empty()) {
        findings.add(
            "{}: group '{}' of class '{}': found no rank, expected at least one; add ranks or remove the group", file,
            group.name, entry.name);
      }
      for (const RankId rank : group.ranks) {
        if (rank >= ranks) {
          findings.add(
              "{}: group '{}' of class '{}': found rank {}, expected 0 to {}; correct the group or give all rank files",
              file, group.name, entry.name, rank, ranks - 1);
        } else if (seen[rank]) {
          findings.add(
              "{}: group '{}' of class '{}': found rank {} a second time, expected each rank in at most one group of "
              "a class; remove it",
              file, group.name, entry.name, rank);
        } else {
          seen[rank] = true;
        }
      }
    }
  }
  return findings.lines().size() == before;
}

void check_collectives(const Workload& workload, Findings& findings) {
  // [class][graph]: the collectives in the order of the graph.
  std::vector<std::vector<Sequence>> sequences(workload.group_classes.size(),
                                               std::vector<Sequence>(workload.graphs.size()));
  for (std::size_t g = 0; g < workload.graphs.size(); ++g) {
    const Graph& graph = workload.graphs[g];
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
      if (is_collective(graph.ops[i].kind)) sequences[graph.ops[i].group][g].push_back(i);
    }
  }
  for (std::uint32_t c = 0; c < sequences.size(); ++c) compare_class(workload, c, sequences[c], findings);
}

void check_messages(const Workload& workload, Findings& findings) {
  struct Message {
    RankId rank;
    std::uint32_t op;
  };
  struct Channel {
    std::vector<Message> sends, receives;
  };
  std::map<std::tuple<RankId, RankId, std::int32_t>, Channel> channels;  // (source, destination, tag)
  std::vector<Sequence> messages(workload.graphs.size());                // found once for each graph, not for each rank
  for (std::size_t g = 0; g < workload.graphs.size(); ++g) {
    const std::vector<Op>& ops = workload.graphs[g].ops;
    for (std::uint32_t i = 0; i < ops.size(); ++i) {
      if (is_message(ops[i].kind)) messages[g].push_back(i);
    }
  }
  StopPoints stops;
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    const Graph& graph = workload.graphs[workload.graph_of_rank[rank]];
    for (const std::uint32_t i : messages[workload.graph_of_rank[rank]]) {
      stops.pass();
      const Op& op = graph.ops[i];
      const auto peer = static_cast<RankId>(op.peer);
      if (op.peer < 0 || peer >= workload.ranks() || peer == rank) {
        findings.add("{}: found peer {}, expected another rank from 0 to {}; correct the trace",
                     named(workload, rank, i), op.peer, workload.ranks() - 1);
        continue;
      }
      if (op.kind == OpKind::kSend) {
        channels[{rank, peer, op.tag}].sends.push_back({rank, i});
      } else {
        channels[{peer, rank, op.tag}].receives.push_back({rank, i});
      }
    }
  }
  for (const auto& [key, channel] : channels) {
    const auto [source, destination, tag] = key;
    const std::size_t both = std::min(channel.sends.size(), channel.receives.size());
    for (std::size_t i = 0; i < both; ++i) {
      const Message &send = channel.sends[i], &receive = channel.receives[i];
      const Bytes sent = workload.graphs[workload.graph_of_rank[send.rank]].ops[send.op].bytes;
      const Bytes taken = workload.graphs[workload.graph_of_rank[receive.rank]].ops[receive.op].bytes;
      if (sent == taken) continue;
      findings.add("{}: found a receive of {} bytes, expected {} as sent by {}; correct the trace",
                   named(workload, receive.rank, receive.op), taken, sent, named(workload, send.rank, send.op));
    }
    if (channel.sends.size() > both) {
      findings.add(
          "{}: found a send to rank {} with tag {} that nobody receives ({} sends, {} receives), expected a receive on "
          "rank {}; correct the trace",
          named(workload, source, channel.sends[both].op), destination, tag, channel.sends.size(),
          channel.receives.size(), destination);
    }
    if (channel.receives.size() > both) {
      findings.add(
          "{}: found a receive from rank {} with tag {} that nobody sends ({} sends, {} receives), expected a send on "
          "rank {}; correct the trace",
          named(workload, destination, channel.receives[both].op), source, tag, channel.sends.size(),
          channel.receives.size(), source);
    }
  }
}

}  // namespace dojo::workload

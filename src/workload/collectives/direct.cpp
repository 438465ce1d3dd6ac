// SPDX-License-Identifier: Apache-2.0
// Collective "direct": every member sends to every other one without a stop on the way.
#include <algorithm>
#include <tuple>

#include "workload/collectives/common.h"

namespace dojo::workload::collectives {
namespace {

/// Messages grow with the square of the group.
constexpr std::size_t kMaxMembers = 4096;
/// Senders that one receiving item waits for; the executor counts tokens in one byte.
constexpr std::uint32_t kSendersPerItem = 128;

struct Layout {
  Lanes lanes;
  Bytes message = 0;  ///< from one member to another, all lanes and chunks
  bool from_root = false, combine = false;
  ChunkChoice choice;
};

/// All members' places as numbers of lines, counted per line, for loads under dimension-order routing.
struct Load {
  double cycles = 0;  ///< of the busiest edge, all messages
};

/// Busiest edge when each sender's message to each member goes along its row first, then along the column.
Load busiest_edge(const CollectiveRequest& request, const Layout& l, const Rates& rates,
                  const topology::Topology& topology) {
  const MemberGrid grid = member_grid(request.members);
  const std::size_t n = request.members.size();
  // One line of members, sorted; what crosses between neighbours k and k + 1 is (senders on one side) x (receivers
  // beyond).
  using Line = std::vector<std::tuple<std::uint32_t, std::uint32_t>>;  // (coordinate, member)
  std::vector<Line> rows(grid.rows), columns(grid.columns);
  for (std::uint32_t i = 0; i < n; ++i) {
    rows[grid.row_of[i]].emplace_back(grid.column_of[i], i);
    columns[grid.column_of[i]].emplace_back(grid.row_of[i], i);
  }
  const auto prefix = [n](const std::vector<std::uint32_t>& coordinate, std::uint32_t size) {
    std::vector<double> below(size + 1, 0);
    for (std::size_t i = 0; i < n; ++i) below[coordinate[i] + 1] += 1;
    for (std::uint32_t k = 0; k < size; ++k) below[k + 1] += below[k];
    return below;
  };
  // Senders of a row against all receivers beyond; senders on all rows against receivers of a column beyond.
  const std::vector<double> left = prefix(grid.column_of, grid.columns), above = prefix(grid.row_of, grid.rows);
  const double all = static_cast<double>(n), bytes = static_cast<double>(l.message);
  Load load;
  const auto visit = [&](std::vector<Line>& lines, const std::vector<double>& below, bool senders_in_line) {
    for (Line& line : lines) {
      std::sort(line.begin(), line.end());
      double here = 0;
      for (std::size_t k = 0; k + 1 < line.size(); ++k) {
        here += 1;
        const double low = below[std::get<0>(line[k]) + 1], rest = static_cast<double>(line.size()) - here;
        double forth = senders_in_line ? here * (all - low) : low * rest;
        double back = senders_in_line ? rest * low : (all - low) * here;
        if (l.from_root) {  // at most one sender: every receiver once
          forth = std::min(forth, senders_in_line ? all - low : rest);
          back = std::min(back, senders_in_line ? low : here);
          const std::uint32_t root_at = senders_in_line ? grid.column_of[request.root] : grid.row_of[request.root];
          const bool root_low = root_at <= std::get<0>(line[k]);
          const bool root_line = !senders_in_line || grid.row_of[request.root] == grid.row_of[std::get<1>(line[k])];
          if (!root_line || !root_low) forth = 0;
          if (!root_line || root_low) back = 0;
        }
        const Slice& a = *request.members[std::get<1>(line[k])];
        const Slice& b = *request.members[std::get<1>(line[k + 1])];
        load.cycles = std::max({load.cycles, forth * bytes / rates.path(path_between(a, b, topology), l.lanes),
                                back * bytes / rates.path(path_between(b, a, topology), l.lanes)});
      }
    }
  };
  visit(rows, left, true);
  visit(columns, above, false);
  return load;
}

/// Longest path of one message, and the ports of the busiest member, and the busiest edge.
void choose_split(Layout& l, const CollectiveRequest& request, const topology::Topology& topology) {
  const Rates rates(topology);
  const std::size_t n = request.members.size();
  const auto peers = static_cast<std::int64_t>(n) - 1;
  const std::int64_t edges = l.from_root ? peers : peers * static_cast<std::int64_t>(n);
  l.lanes = choose_lanes(request, l.message, edges);
  // Latency grows with distance, so the ends of the longest path are extreme in row + column or in row - column.
  const auto extreme = [&](std::int32_t column_sign, bool high) {
    const auto key = [&](const Slice* s) { return s->first_site_row + column_sign * s->first_site_column; };
    const auto less = [&](const Slice* a, const Slice* b) { return key(a) < key(b); };
    const auto& m = request.members;
    return high ? *std::max_element(m.begin(), m.end(), less) : *std::min_element(m.begin(), m.end(), less);
  };
  std::vector<const Slice*> ends = {extreme(1, true), extreme(1, false), extreme(-1, true), extreme(-1, false)};
  Path longest;
  double slowest_message = 0;
  for (const Slice* a : l.from_root ? std::vector<const Slice*>{request.members[request.root]} : ends) {
    for (const Slice* b : ends) {
      const Path path = path_between(*a, *b, topology);
      if (path.latency_cycles < longest.latency_cycles) continue;
      longest = path;
      slowest_message = rates.message(path);
    }
  }
  const double lane_bytes = static_cast<double>(l.message) / static_cast<double>(l.lanes.count());
  const double total = static_cast<double>(peers) * lane_bytes;
  const double ports = std::max(total / rates.inject, l.from_root ? lane_bytes / rates.eject : total / rates.eject);
  const double busiest = std::max(ports, busiest_edge(request, l, rates, topology).cycles);
  l.choice = choose_chunks(l.message, l.lanes.count(), edges, [&](std::int64_t chunks) {
    const double message = message_bytes(l.message, l.lanes.count(), chunks);
    const double added = l.combine ? static_cast<double>(peers) * message / rates.combine : 0;
    const double share =
        1 - 1 / (static_cast<double>(chunks) * static_cast<double>(l.lanes.count()) * static_cast<double>(peers));
    return longest.latency_cycles + message / slowest_message + busiest * share + added;
  });
}

Layout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  Layout l;
  const auto n = static_cast<Bytes>(request.members.size());
  l.message = request.kind == OpKind::kBarrier ? 0 : request.bytes;
  // Each rank's input is cut into one part per member.
  if (request.kind == OpKind::kAllToAll || request.kind == OpKind::kReduceScatter)
    l.message = ceil_div(request.bytes, n);
  l.from_root = request.kind == OpKind::kBroadcast;
  l.combine = request.kind == OpKind::kReduceScatter && request.bytes > 0;
  choose_split(l, request, topology);
  return l;
}

bool supports(const CollectiveRequest& request) {
  return request.members.size() <= kMaxMembers &&
         (request.kind == OpKind::kAllToAll || request.kind == OpKind::kAllGather ||
          request.kind == OpKind::kReduceScatter || request.kind == OpKind::kBroadcast ||
          request.kind == OpKind::kBarrier);
}

double model_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return 0;
  return layout(request, topology).choice.cycles / topology.params().clock_hz;
}

/// Bytes of the part meant for `receiver`.
Bytes part_bytes(const CollectiveRequest& request, std::uint32_t receiver) {
  const auto n = static_cast<std::int64_t>(request.members.size());
  switch (request.kind) {
    case OpKind::kAllToAll:
    case OpKind::kReduceScatter:
      return piece_begin(request.bytes, n, receiver + 1) - piece_begin(request.bytes, n, receiver);
    case OpKind::kBarrier:
      return kSignalBytes;
    default:
      return request.bytes;
  }
}

DataflowPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return trivial_plan("direct", topology);
  const Layout l = layout(request, topology);
  const auto n = static_cast<std::uint32_t>(request.members.size());
  PlanBuilder builder(n);
  std::vector<std::uint32_t> send(n, kNone);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!l.from_root || i == request.root) send[i] = builder.item(i, {true, true, 0});
  }
  // Block b of a receiver waits for the senders at distance 128 b + 1 and beyond.
  std::vector<std::vector<std::uint32_t>> receive(n);
  for (std::uint32_t to = 0; to < n; ++to) {
    if (l.from_root && to == request.root) continue;
    const std::uint32_t senders = l.from_root ? 1 : n - 1;
    for (std::uint32_t first = 0; first < senders; first += kSendersPerItem) {
      const Bytes in_block = std::min(kSendersPerItem, senders - first);
      receive[to].push_back(builder.item(to, {true, true, l.combine ? in_block * part_bytes(request, to) : 0}));
    }
  }
  // In the order of distance, so that not all begin with the same receiver.
  for (std::uint32_t from = 0; from < n; ++from) {
    if (send[from] == kNone) continue;
    for (std::uint32_t i = 1; i < n; ++i) {
      const std::uint32_t to = (from + i) % n;
      builder.edge(send[from], receive[to][l.from_root ? 0 : (i - 1) / kSendersPerItem], part_bytes(request, to));
    }
  }
  return builder.build("direct", l.lanes, l.choice, topology);
}

}  // namespace

CollectiveAlgorithm direct_algorithm() {
  return {"direct", "every member sends to every other one without a stop", supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives

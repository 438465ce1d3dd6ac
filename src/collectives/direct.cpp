// SPDX-License-Identifier: Apache-2.0
// Collective "direct": every member sends to every other one without a stop on the way.
#include <algorithm>
#include <vector>

#include "collectives/common.h"
#include "collectives/direct_load.h"

namespace dojo::workload::collectives {
namespace {

/// Messages grow with the square of the group.
constexpr std::size_t kMaxMembers = 4096;
/// Senders for which one receiving item waits; a receiver has as many such items as it needs.
constexpr std::uint32_t kSendersPerItem = 128;

struct Layout {
  Tracks tracks;
  Bytes message = 0;  ///< from one member to another, all tracks and chunks; at least a packet
  bool from_root = false, combine = false;
  ChunkChoice choice;
};

/// The longest way between members, and the ports of the busiest member.
struct Ends {
  double latency_cycles = -1, bytes_per_cycle = 1, port_cycles = 0;
};

Ends ends(const Layout& l, const CollectiveRequest& request, const Rates& rates, const topology::Topology& topology) {
  // Latency grows with distance, so the ends of the longest path are extreme in row + column or in row - column.
  const auto extreme = [&](std::int32_t sign, bool high) {
    const auto less = [sign](const Slice* a, const Slice* b) {
      return a->first_site_row + sign * a->first_site_column < b->first_site_row + sign * b->first_site_column;
    };
    const auto& m = request.members;
    return high ? *std::max_element(m.begin(), m.end(), less) : *std::min_element(m.begin(), m.end(), less);
  };
  const std::vector<const Slice*> corners = {extreme(1, true), extreme(1, false), extreme(-1, true),
                                             extreme(-1, false)};
  Ends result;
  for (const Slice* a : l.from_root ? std::vector<const Slice*>{request.members[request.root]} : corners) {
    for (const Slice* b : corners) {
      const Path path = path_between(*a, *b, topology);
      if (path.latency_cycles <= result.latency_cycles) continue;
      result.latency_cycles = path.latency_cycles;
      result.bytes_per_cycle = rates.message(path, l.tracks);
    }
  }
  const double track_bytes = static_cast<double>(l.message) / static_cast<double>(l.tracks.count());
  const double total = static_cast<double>(request.members.size() - 1) * track_bytes;
  result.port_cycles = std::max(total / rates.inject, (l.from_root ? track_bytes : total) / rates.eject);
  return result;
}

/// First message on the longest way, the rest of the bytes at the busiest port or edge, then what is added at the end.
void choose_split(Layout& l, const CollectiveRequest& request, const topology::Topology& topology) {
  const Rates rates(topology);
  const auto n = static_cast<std::int64_t>(request.members.size());
  const std::int64_t edges = l.from_root ? n - 1 : (n - 1) * n;
  l.tracks = choose_tracks(request, {l.message, l.message, edges, false}, topology);
  const Ends e = ends(l, request, rates, topology);
  const double load = direct_edge_cycles(request, l.from_root, l.message, l.tracks, topology);
  const double busiest = std::max(e.port_cycles, load), peers = static_cast<double>(n - 1);
  l.choice = choose_chunks(l.message, l.tracks, edges, [&](std::int64_t chunks) {
    const double message = message_bytes(l.message, l.tracks.count(), chunks);
    const double added = l.combine ? peers * message / rates.combine : 0;
    const double rest = 1 - 1 / (static_cast<double>(chunks * l.tracks.count()) * peers);
    return e.latency_cycles + message / e.bytes_per_cycle + busiest * rest + added;
  });
}

Layout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  Layout l;
  const auto n = static_cast<Bytes>(request.members.size());
  l.message = request.kind == OpKind::kBarrier ? 0 : request.bytes;
  // Each rank's input is cut into one part per member.
  if (request.kind == OpKind::kAllToAll || request.kind == OpKind::kReduceScatter)
    l.message = ceil_div(request.bytes, n);
  l.message = std::max(l.message, kSignalBytes);
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
      return piece_size(request.bytes, n, receiver);
    case OpKind::kBarrier:
      return kSignalBytes;
    default:
      return request.bytes;
  }
}

BuiltPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return {trivial_plan(Algorithm::kDirect, topology), {}};
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
  return {collective_plan(builder, Algorithm::kDirect, l.tracks, l.choice, topology), {}};
}

}  // namespace

CollectiveAlgorithm direct_algorithm() {
  return {Algorithm::kDirect, where_all_works, supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives

// SPDX-License-Identifier: Apache-2.0
// Collective "ring": members in communicator order pass parts around a ring, its closing edge included.
#include <algorithm>
#include <numeric>

#include "collectives/ring_steps.h"

namespace dojo::workload::collectives {
namespace {

/// A ring has of the order of n^2 items and 2 (n - 1) latencies: not for large groups.
constexpr std::size_t kMaxMembers = 128;

struct Layout {
  Ring ring;
  Tracks tracks;
  ChunkChoice choice;
  bool scatter = true, gather = true;
};

Layout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  Layout l;
  const auto n = static_cast<std::int64_t>(request.members.size());
  l.scatter = request.kind != OpKind::kAllGather;
  l.gather = request.kind != OpKind::kReduceScatter;
  std::vector<std::uint32_t> members(request.members.size());
  std::iota(members.begin(), members.end(), 0u);
  // An all-gather's bytes are each rank's input, the others' the whole vector.
  l.ring = make_ring(members, l.scatter ? request.bytes : request.bytes * n);
  const Bytes part = *std::max_element(l.ring.part.begin(), l.ring.part.end());
  const std::int64_t edges = n * (n - 1) * (l.scatter && l.gather ? 2 : 1);
  bool straight = true;
  for (std::size_t i = 0; i < members.size(); ++i) {
    straight = straight && works_straight(*request.members[i], *request.members[(i + 1) % members.size()], topology);
  }
  // A step begins when the whole part has come, as the textbook's ring does: one message, striped where it can be.
  l.tracks = choose_tracks(request, {part, part, edges, straight, kSignalBytes}, topology);
  const Rates rates(topology);
  const RingCost cost = ring_cost(l.ring, part, l.tracks, rates, request, topology);
  const double message = message_bytes(part, l.tracks.count(), 1), steps = static_cast<double>(n - 1);
  if (l.scatter) l.choice.cycles += ring_cycles(cost, steps, true, message, rates);
  if (l.gather) l.choice.cycles += ring_cycles(cost, steps, false, message, rates);
  return l;
}

bool supports(const CollectiveRequest& request) {
  return request.members.size() <= kMaxMembers &&
         (request.kind == OpKind::kAllReduce || request.kind == OpKind::kReduceScatter ||
          request.kind == OpKind::kAllGather);
}

double model_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return 0;
  return layout(request, topology).choice.cycles / topology.params().clock_hz;
}

BuiltPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return {trivial_plan(Algorithm::kRing, topology), {}};
  const Layout l = layout(request, topology);
  PlanBuilder builder(static_cast<std::uint32_t>(request.members.size()));
  std::vector<std::uint32_t> own;
  if (l.scatter) {
    own = ring_reduce_scatter(builder, l.ring, {}, !l.gather, true);
  } else {
    for (const std::uint32_t member : l.ring.members) own.push_back(builder.item(member, {true, true, 0}));
  }
  // After a reduction every part that comes has passed here before, so the task has started; else it has to start.
  if (l.gather) ring_all_gather(builder, l.ring, own, !l.scatter, true);
  return {collective_plan(builder, Algorithm::kRing, l.tracks, l.choice, topology), {}};
}

}  // namespace

CollectiveAlgorithm ring_algorithm() {
  return {Algorithm::kRing, where_all_works, supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives

// SPDX-License-Identifier: Apache-2.0
// Lookups that are made once per run.
#include "machine/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "dojo/base/error.h"
#include "machine/network/models.h"
#include "machine/zplane.h"

namespace dojo::machine {

namespace {

Split split_over(Bytes bytes, std::uint64_t parts) {
  return {static_cast<Bytes>(bytes / static_cast<Bytes>(parts)),
          static_cast<std::uint32_t>(bytes % static_cast<Bytes>(parts))};
}

ShapeInfo shape_info(const workload::SliceShape& shape, const topology::Topology& topology) {
  ShapeInfo info;
  info.shape = &shape;
  const auto sites = static_cast<std::size_t>(topology.sites());
  info.local_of_site.assign(shape.die_count() * sites, -1);
  info.barrier_cycles.assign(shape.die_count(), 0);
  for (std::uint32_t die = 0; die < shape.die_count(); ++die) {
    const std::uint32_t begin = shape.die_begin[die];
    const std::uint32_t end = shape.die_begin[die + 1];
    std::int32_t low_row = 1 << 30, high_row = 0, low_column = 1 << 30, high_column = 0;
    for (std::uint32_t n = begin; n < end; ++n) {
      const SiteIndex site = shape.nodes[n].site;
      info.local_of_site[die * sites + site] = static_cast<std::int32_t>(n - begin);
      low_row = std::min(low_row, site / topology.site_columns());
      high_row = std::max(high_row, site / topology.site_columns());
      low_column = std::min(low_column, site % topology.site_columns());
      high_column = std::max(high_column, site % topology.site_columns());
    }
    if (end - begin > 1) {
      // Semaphores run along rows to a middle column, then along it: the farthest node's distance, a hop a cycle.
      const std::int32_t distance = (high_row - low_row + 1) / 2 + (high_column - low_column + 1) / 2;
      info.barrier_cycles[die] =
          distance * topology.params().noc.hop_cycles + 2 * topology.params().node.semaphore_cycles;
    }
  }
  return info;
}

/// Where messages never wait for each other, each goes as one burst; the few longer ones in several.
constexpr Bytes kWholeMessage = Bytes{1} << 31;

/// A striped burst is a burst of every row, but the smallest receive buffer has to hold two.
Bytes stripe_limit(const topology::Topology& topology, Bytes burst_bytes) {
  Bytes limit = burst_bytes * std::min(topology.site_rows(), topology.site_columns());
  for (DieId die = 0; die < topology.die_count(); ++die) {
    for (int d = 0; d < topology::kDirections; ++d) {
      const topology::Edge edge = topology.edge(die, static_cast<topology::Direction>(d));
      if (edge.neighbour != kNone && edge.neighbour < topology.die_count())
        limit = std::min(limit, edge.buffer_bytes / 2);
    }
  }
  return std::max(limit, burst_bytes);
}

}  // namespace

PlanInfo plan_info(const workload::DataflowPlan& plan) {
  PlanInfo info;
  info.plan = &plan;
  const std::uint64_t parts = static_cast<std::uint64_t>(plan.striped ? 1 : plan.tracks) * plan.chunks;
  for (const workload::DataflowEdge& edge : plan.edges) info.edge_splits.push_back(split_over(edge.bytes, parts));
  for (const workload::DataflowItem& item : plan.items) {
    info.item_splits.push_back(split_over(item.bytes, item.single ? 1 : parts));
  }
  info.sent.assign(plan.positions, 0);
  for (const workload::DataflowItem& item : plan.items) {
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      if (plan.items[plan.edges[e].item].position != item.position) info.sent[item.position] += plan.edges[e].bytes;
    }
  }
  return info;
}

Context::Context(const topology::Topology& t, const workload::Workload& w, const workload::Job& j,
                 const MachineSettings& s)
    : topology(t), workload(w), job(j), settings(s), model(network_model(s.network_model)) {
  for (const workload::Slice& slice : job.slices) {
    if (slice.shape_index >= shapes.size()) shapes.resize(slice.shape_index + 1);
    if (shapes[slice.shape_index].shape == nullptr) shapes[slice.shape_index] = shape_info(*slice.shape, topology);
  }
  group_nodes();
  for (const workload::DataflowPlan& plan : job.plans) plans.push_back(plan_info(plan));
  for (const workload::DataflowInstance& instance : job.instances) {
    if (instance.participants.empty() ||
        instance.participants.front().kind != workload::DataflowInstance::Participant::Kind::kNode)
      continue;
    PlanInfo& info = plans[instance.plan];
    if (!info.item_waits.empty()) continue;
    info.item_waits.assign(info.plan->items.size(), 0);
    for (const workload::DataflowEdge& edge : info.plan->edges) ++info.item_waits[edge.item];
  }
  find_zplane();
  mail.resize(static_cast<std::size_t>(topology.die_count()) * 4 + topology.dip_count());
  for (auto* flags : {&has_mail[0], &has_mail[1], &has_local[0], &has_local[1]}) {
    *flags = std::make_unique<std::atomic<std::uint8_t>[]>(shard_count());
    for (ShardId shard = 0; shard < shard_count(); ++shard) (*flags)[shard].store(0, std::memory_order_relaxed);
  }
  if (!model.moves_lines_whole) {
    flit_mail.resize(static_cast<std::size_t>(topology.die_count()) * 4);
    cut_striped_plans();
    count_pieces();
  }
  if (model.shares_links && model.moves_lines_whole) group_striped_plans();
  make_clusters();
  copies.configure(job);
  burst_bytes = model.shares_links ? settings.burst_bytes : kWholeMessage;
  turn_bytes = topology.params().node.communication_threads > 1 ? settings.burst_bytes : burst_bytes;
  stripe_bytes = model.shares_links ? stripe_limit(topology, burst_bytes) : kWholeMessage;
  // Of finer groups too: with shorter trains the edge would stand still between them.
  group_stripe_bytes = std::max<Bytes>(stripe_bytes / fabric::StripeGroups::kCoarse.groups(), 64);
  oldest_first = topology.params().noc.arbitration == topology::Arbitration::kAge;
  trains = {settings.gather_on_die, settings.gather_over_dies};
  sums.resize(settings.threads);
  for (ThreadSums& sum : sums) {
    for (const workload::Graph& graph : workload.graphs) sum.ops.emplace_back(graph.ops.size());
    sum.step_end.assign(static_cast<std::size_t>(std::max<std::int64_t>(1, workload.steps)), 0);
  }
}

void configure_edge(const Context& context, const topology::Edge& edge, fabric::EdgeOut& out) {
  const int legs = context.topology.routes() == nullptr ? 1 : topology::kRouteLegs;
  out.configure(edge.bytes_per_s, context.topology.params().clock_hz, edge.latency_cycles, edge.buffer_bytes,
                context.burst_bytes, legs);
  if (!context.model.shares_links) out.never_share(context.topology.params().noc.link_bytes_per_cycle);
}

/// Jobs that send nothing from DIP to DIP have no switch: no shard, no shorter windows.
void Context::find_zplane() {
  for (const workload::DataflowInstance& instance : job.instances) {
    if (!job.plans[instance.plan].over_zplane) continue;
    const auto dips = std::count_if(instance.participants.begin(), instance.participants.end(), [](const auto& place) {
      return place.kind == workload::DataflowInstance::Participant::Kind::kDip;
    });
    zplane = zplane || dips > 1;
  }
  if (!zplane) return;
  const topology::ZplaneParams& p = topology.params().zplane;
  // Two tiers of switches with P ports: P leaves of P / 2 DIPs each.
  const std::int64_t most = p.switch_tiers == 1 ? p.ports_per_switch : p.ports_per_switch * p.ports_per_switch / 2;
  if (topology.dip_count() > most) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("machine: /zplane/ports_per_switch: found {} ports in {} tier(s) for {} DIPs, expected room "
                    "for each of them; use switches with more ports, or a second tier",
                    p.ports_per_switch, p.switch_tiers, topology.dip_count()));
  }
  frames_up.resize(topology.dip_count());
  frames_down.resize(topology.dip_count());
}

/// For each tile the first tile of those whose dies one thread has to run: where ranks lie on several.
std::vector<std::uint32_t> Context::tiles_joined_by_ranks() const {
  std::vector<std::uint32_t> first(topology.tile_count());
  std::iota(first.begin(), first.end(), 0u);
  const auto find = [&](std::uint32_t tile) {
    while (first[tile] != tile) tile = first[tile];
    return tile;
  };
  for (const workload::Slice& slice : job.slices) {
    for (const DieId die : slice.dies) {
      const auto [low, high] = std::minmax(find(topology.tile_of(die)), find(topology.tile_of(slice.dies.front())));
      first[high] = low;
    }
  }
  for (std::uint32_t& tile : first) tile = find(tile);
  return first;
}

/// Tiles with the DIPs at their edges, when there are enough to keep all threads busy; else every shard by itself.
void Context::make_clusters() {
  constexpr std::uint32_t kGroupsPerThread = 4;
  // Kernels that repeat need all dies of their rank in one cluster, and the same windows for any number of threads.
  const bool tiles = settings.repeat_kernels || topology.tile_count() >= kGroupsPerThread * settings.threads;
  std::vector<std::uint32_t> cluster_of_tile(topology.tile_count());
  std::iota(cluster_of_tile.begin(), cluster_of_tile.end(), 0u);
  std::uint32_t groups = topology.tile_count();
  if (settings.repeat_kernels) {
    groups = 0;
    const std::vector<std::uint32_t> first = tiles_joined_by_ranks();
    for (std::uint32_t tile = 0; tile < first.size(); ++tile)
      cluster_of_tile[tile] = first[tile] == tile ? groups++ : cluster_of_tile[first[tile]];
  }
  clusters.resize((tiles ? groups : topology.shard_count()) + (zplane ? 1 : 0));
  cluster_of.resize(shard_count());
  if (zplane) {
    cluster_of.back() = static_cast<std::uint32_t>(clusters.size() - 1);
    clusters.back().shards.push_back(topology.shard_count());
  }
  for (ShardId shard = 0; shard < topology.shard_count(); ++shard) {
    const bool is_die = shard < topology.die_count();
    const DieId die = is_die ? shard : topology.dip_die(shard - topology.die_count());
    cluster_of[shard] = tiles ? cluster_of_tile[topology.tile_of(die)] : shard;
    clusters[cluster_of[shard]].shards.push_back(shard);
  }
  inside.assign(mail.size(), 0);
  short_window = long_window = kLongestWindow;
  const auto connect = [&](std::size_t mailbox, ShardId a, ShardId b, Cycles latency) {
    inside[mailbox] = cluster_of[a] == cluster_of[b] ? 1 : 0;
    Cycles& window = inside[mailbox] != 0 ? short_window : long_window;
    window = std::min(window, latency);
  };
  for (DieId die = 0; die < topology.die_count(); ++die) {
    for (int i = 0; i < topology::kDirections; ++i) {
      const auto d = static_cast<topology::Direction>(i);
      const topology::Edge edge = topology.edge(die, d);
      if (edge.neighbour == kNone) continue;
      connect(mailbox_of_die(die, d), die, edge.neighbour, edge.latency_cycles);
      if (edge.neighbour >= topology.die_count()) {
        connect(mailbox_of_dip(edge.neighbour - topology.die_count()), edge.neighbour, die, edge.latency_cycles);
      }
    }
  }
  if (zplane) {
    const ZplaneLatency latency(topology);
    long_window = std::min({long_window, latency.up, latency.down});
  }
  if (settings.window_cycles > 0) {
    short_window = std::min(short_window, settings.window_cycles);
    long_window = std::min(long_window, settings.window_cycles);
  }
  short_window = std::min(short_window, long_window);
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// Lookups that are made once per run.
#include "machine/context.h"

#include <algorithm>

namespace dojo::machine {

namespace {

Pieces pieces_of(Bytes bytes, std::uint64_t parts) {
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

}  // namespace

Context::Context(const topology::Topology& t, const workload::Workload& w, const workload::Job& j,
                 const MachineSettings& s)
    : topology(t), workload(w), job(j), settings(s) {
  for (const workload::Slice& slice : job.slices) {
    if (slice.shape_index >= shapes.size()) shapes.resize(slice.shape_index + 1);
    if (shapes[slice.shape_index].shape == nullptr) shapes[slice.shape_index] = shape_info(*slice.shape, topology);
  }
  for (const workload::DataflowPlan& plan : job.plans) {
    PlanInfo info;
    info.plan = &plan;
    const std::uint64_t parts = static_cast<std::uint64_t>(plan.lanes) * plan.chunks;
    for (const workload::DataflowEdge& edge : plan.edges) info.edge_pieces.push_back(pieces_of(edge.bytes, parts));
    for (const workload::DataflowItem& item : plan.items) {
      info.item_pieces.push_back(pieces_of(item.bytes, item.single ? 1 : parts));
    }
    plans.push_back(std::move(info));
  }
  mail.resize(static_cast<std::size_t>(topology.die_count()) * 4 + topology.dip_count());
  for (auto& flags : has_mail) {
    flags = std::make_unique<std::atomic<std::uint8_t>[]>(topology.shard_count());
    for (ShardId shard = 0; shard < topology.shard_count(); ++shard) flags[shard].store(0, std::memory_order_relaxed);
  }
  copies.configure(job);
  sums.resize(settings.threads);
  for (ThreadSums& sum : sums) {
    for (const workload::Graph& graph : workload.graphs) sum.ops.emplace_back(graph.ops.size());
    sum.step_end.assign(static_cast<std::size_t>(std::max<std::int64_t>(1, workload.steps)), 0);
  }
}

}  // namespace dojo::machine

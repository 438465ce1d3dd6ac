// SPDX-License-Identifier: Apache-2.0
// Collective "mesh2d": members that fill a grid work along their rows on everything and along their columns on a part.
#include <algorithm>

#include "collectives/ring_steps.h"

namespace dojo::workload::collectives {
namespace {

/// The rings along the rows alone have 2 x members x side messages, 31 million at this side: beyond it a plan takes
/// gigabytes, and other algorithms do.
constexpr std::uint32_t kMaxSide = 250;

struct Layout {
  MemberGrid grid;
  Tracks tracks;
  ChunkChoice choice;
  Bytes row_part = 0;     ///< of one step along a row
  Bytes column_part = 0;  ///< of one step along a column; the whole row part of an all-reduce
};

std::vector<std::uint32_t> row_members(const MemberGrid& grid, std::uint32_t row) {
  const auto begin = grid.member.begin() + static_cast<std::ptrdiff_t>(row) * grid.columns;
  return {begin, begin + grid.columns};
}

std::vector<std::uint32_t> column_members(const MemberGrid& grid, std::uint32_t column) {
  std::vector<std::uint32_t> members;
  for (std::uint32_t row = 0; row < grid.rows; ++row) members.push_back(grid.member[row * grid.columns + column]);
  return members;
}

/// The slowest of the rows' rings, or of the columns'.
RingCost worst_ring(const Layout& l, bool rows, Bytes part, const Rates& rates, const CollectiveRequest& request,
                    const topology::Topology& topology) {
  RingCost worst;
  for (std::uint32_t i = 0; i < (rows ? l.grid.rows : l.grid.columns); ++i) {
    const Ring ring = make_ring(rows ? row_members(l.grid, i) : column_members(l.grid, i), 0);
    const RingCost cost = ring_cost(ring, part, l.tracks, rates, request, topology);
    worst.bandwidth_cycles = std::max(worst.bandwidth_cycles, cost.bandwidth_cycles);
    worst.latency_cycles = std::max(worst.latency_cycles, cost.latency_cycles);
    worst.slowest_message = i == 0 ? cost.slowest_message : std::min(worst.slowest_message, cost.slowest_message);
  }
  return worst;
}

/// First message from the farther end of the slowest column to its middle and back.
double column_fill(const Layout& l, double message, const Rates& rates, const CollectiveRequest& request,
                   const topology::Topology& topology) {
  double worst = 0;
  for (std::uint32_t c = 0; c < l.grid.columns; ++c) {
    const std::vector<std::uint32_t> members = column_members(l.grid, c);
    double fill = 0;
    for (std::uint32_t row = 0; row < l.grid.rows / 2; ++row) {
      const Path path = path_between(*request.members[members[row]], *request.members[members[row + 1]], topology);
      fill += 2 * (path.latency_cycles + message / rates.message(path, l.tracks)) + message / rates.combine;
    }
    worst = std::max(worst, fill);
  }
  return worst;
}

void choose_split(Layout& l, const CollectiveRequest& request, const topology::Topology& topology) {
  const Rates rates(topology);
  const std::int64_t n = static_cast<std::int64_t>(request.members.size());
  const std::int64_t rows = l.grid.rows, columns = l.grid.columns;
  const double row_steps = static_cast<double>(columns - 1), column_steps = static_cast<double>(rows - 1);
  const bool all_reduce = request.kind == OpKind::kAllReduce;
  const std::int64_t edges = n * (all_reduce ? 2 * columns : columns - 1 + rows - 1);
  const Bytes smaller = all_reduce ? l.row_part : std::min(l.row_part, l.column_part);
  const bool straight = all_work_between(request.members, topology);
  l.tracks = choose_tracks(request, {smaller, std::max(l.row_part, l.column_part), edges, straight}, topology);
  const RingCost along_rows = worst_ring(l, true, l.row_part, rates, request, topology);
  const RingCost along_columns = worst_ring(l, false, l.column_part, rates, request, topology);
  l.choice = choose_chunks(smaller, l.tracks, edges, [&](std::int64_t chunks) {
    const double row_message = message_bytes(l.row_part, l.tracks.count(), chunks);
    const double column_message = message_bytes(l.column_part, l.tracks.count(), chunks);
    if (!all_reduce) {
      const bool combine = request.kind == OpKind::kReduceScatter;
      return ring_cycles(along_rows, row_steps, combine, row_message, rates) +
             ring_cycles(along_columns, column_steps, combine, column_message, rates);
    }
    return ring_cycles(along_rows, row_steps, true, row_message, rates) +
           column_fill(l, column_message, rates, request, topology) +
           ring_cycles(along_rows, row_steps, false, row_message, rates);
  });
}

Layout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  Layout l;
  l.grid = member_grid(request.members);
  const Bytes rows = l.grid.rows, columns = l.grid.columns;
  if (request.kind == OpKind::kAllGather) {  // columns first: a row then passes on whole columns
    l.column_part = request.bytes;
    l.row_part = request.bytes * rows;
  } else {
    l.row_part = ceil_div(request.bytes, columns);
    l.column_part = request.kind == OpKind::kAllReduce ? l.row_part : ceil_div(l.row_part, rows);
  }
  choose_split(l, request, topology);
  return l;
}

bool supports(const CollectiveRequest& request) {
  if (request.kind != OpKind::kAllReduce && request.kind != OpKind::kReduceScatter &&
      request.kind != OpKind::kAllGather) {
    return false;
  }
  if (request.members.size() == 1) return true;
  const MemberGrid grid = member_grid(request.members);
  return grid.full && grid.rows >= 2 && grid.columns >= 2 && grid.rows <= kMaxSide && grid.columns <= kMaxSide;
}

double model_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return 0;
  return layout(request, topology).choice.cycles / topology.params().clock_hz;
}

/// Chains to the middle of a column and back; returns by row the item that holds the column's sum.
std::vector<std::uint32_t> column_all_reduce(PlanBuilder& builder, const std::vector<std::uint32_t>& members,
                                             const std::vector<std::uint32_t>& gates, Bytes bytes) {
  const std::size_t n = members.size(), middle = n / 2;
  std::vector<std::uint32_t> up(n), down(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Bytes neighbours = i == middle ? (middle + 1 < n ? 2 : 1) : (i == 0 || i + 1 == n ? 0 : 1);
    up[i] = builder.item(members[i], {false, i == middle, neighbours * bytes});
    builder.edge(gates[i], up[i], 0);
    down[i] = i == middle ? up[i] : builder.item(members[i], {false, true, 0});
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (i == middle) continue;
    const std::size_t inner = i < middle ? i + 1 : i - 1;
    builder.edge(up[i], up[inner], bytes);
    builder.edge(down[inner], down[i], bytes);
  }
  return down;
}

void build_all_reduce(PlanBuilder& builder, const Layout& l, Bytes bytes) {
  std::vector<std::uint32_t> sum(l.grid.member.size());  // [row * columns + column]: the row's sum, then the grid's
  for (std::uint32_t r = 0; r < l.grid.rows; ++r) {
    const auto own = ring_reduce_scatter(builder, make_ring(row_members(l.grid, r), bytes), {}, false, false);
    std::copy(own.begin(), own.end(), sum.begin() + static_cast<std::ptrdiff_t>(r) * l.grid.columns);
  }
  const Ring parts = make_ring(row_members(l.grid, 0), bytes);
  for (std::uint32_t c = 0; c < l.grid.columns; ++c) {
    std::vector<std::uint32_t> gates;
    for (std::uint32_t r = 0; r < l.grid.rows; ++r) gates.push_back(sum[r * l.grid.columns + c]);
    const auto whole = column_all_reduce(builder, column_members(l.grid, c), gates, parts.part[c]);
    for (std::uint32_t r = 0; r < l.grid.rows; ++r) sum[r * l.grid.columns + c] = whole[r];
  }
  for (std::uint32_t r = 0; r < l.grid.rows; ++r) {
    const auto first = sum.begin() + static_cast<std::ptrdiff_t>(r) * l.grid.columns;
    ring_all_gather(builder, make_ring(row_members(l.grid, r), bytes), {first, first + l.grid.columns}, false, true);
  }
}

void build_reduce_scatter(PlanBuilder& builder, const Layout& l, Bytes bytes) {
  std::vector<std::uint32_t> sum(l.grid.member.size());
  const Ring parts = make_ring(row_members(l.grid, 0), bytes);
  for (std::uint32_t r = 0; r < l.grid.rows; ++r) {
    const auto own = ring_reduce_scatter(builder, make_ring(row_members(l.grid, r), bytes), {}, true, true);
    std::copy(own.begin(), own.end(), sum.begin() + static_cast<std::ptrdiff_t>(r) * l.grid.columns);
  }
  for (std::uint32_t c = 0; c < l.grid.columns; ++c) {
    Gates gates;
    for (std::uint32_t r = 0; r < l.grid.rows; ++r) gates.push_back(sum[r * l.grid.columns + c]);
    ring_reduce_scatter(builder, make_ring(column_members(l.grid, c), parts.part[c]), gates, true, true);
  }
}

void build_all_gather(PlanBuilder& builder, const Layout& l, Bytes bytes) {
  const Bytes rows = l.grid.rows, columns = l.grid.columns;
  std::vector<std::uint32_t> column_whole(l.grid.member.size());
  for (std::uint32_t c = 0; c < l.grid.columns; ++c) {
    const Ring ring = make_ring(column_members(l.grid, c), bytes * rows);
    std::vector<std::uint32_t> own;
    for (const std::uint32_t member : ring.members) own.push_back(builder.item(member, {true, true, 0}));
    const auto items = ring_all_gather(builder, ring, own, true, true);
    for (std::uint32_t r = 0; r < l.grid.rows; ++r) {
      const std::uint32_t whole = builder.item(ring.members[r], {false, true, 0});
      for (const std::uint32_t item : items[r]) builder.edge(item, whole, 0);
      column_whole[r * l.grid.columns + c] = whole;
    }
  }
  for (std::uint32_t r = 0; r < l.grid.rows; ++r) {
    const auto first = column_whole.begin() + static_cast<std::ptrdiff_t>(r) * l.grid.columns;
    ring_all_gather(builder, make_ring(row_members(l.grid, r), bytes * rows * columns), {first, first + l.grid.columns},
                    true, true);
  }
}

BuiltPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return {trivial_plan(Algorithm::kMesh2d, topology), {}};
  const Layout l = layout(request, topology);
  PlanBuilder builder(static_cast<std::uint32_t>(request.members.size()));
  if (request.kind == OpKind::kAllReduce) build_all_reduce(builder, l, request.bytes);
  if (request.kind == OpKind::kReduceScatter) build_reduce_scatter(builder, l, request.bytes);
  if (request.kind == OpKind::kAllGather) build_all_gather(builder, l, request.bytes);
  return {collective_plan(builder, Algorithm::kMesh2d, l.tracks, l.choice, topology), {}};
}

}  // namespace

CollectiveAlgorithm mesh2d_algorithm() {
  return {Algorithm::kMesh2d, where_all_works, supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives

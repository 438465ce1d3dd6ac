// SPDX-License-Identifier: Apache-2.0
#include "machine/kernel_counts.h"

#include <algorithm>
#include <numeric>

#include "dojo/fabric/die_network.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using workload::Gather;
using workload::Kernel;
using workload::SliceShape;

namespace {

/// All gathers of one line, round by round as DieShard::gather_round() sends them.
void count_line(const Kernel& kernel, const SliceShape& shape, std::uint32_t index, Bytes burst_bytes,
                fabric::DieNetwork& network) {
  const SliceShape::Line& line = shape.lines[index];
  std::vector<fabric::GatherNode> nodes;
  fabric::Gathering g;
  g.horizontal = line.horizontal;
  g.leaves_low = line.goes_on_low;
  g.leaves_high = line.goes_on_high;
  g.lane = line.lane;
  g.count = line.nodes_end - line.nodes_begin;
  for (std::uint32_t i = kernel.gather_begin[index]; i < kernel.gather_begin[index + 1]; ++i) {
    const Gather& gather = kernel.gathers[i];
    bool more = true;
    for (Bytes sent = 0; more; sent += burst_bytes) {
      nodes.clear();
      for (std::uint32_t n = line.nodes_begin; n < line.nodes_end; ++n)
        nodes.push_back({shape.line_positions[n], 0, 0, 0});
      more = false;
      for (std::uint32_t p = gather.pieces_begin; p < gather.pieces_end; ++p) {
        const Bytes left = kernel.pieces[p].bytes - sent;
        if (left <= 0) continue;
        nodes[kernel.pieces[p].place].piece_bytes = static_cast<std::uint32_t>(std::min(left, burst_bytes));
        more = more || left > burst_bytes;
      }
      g.nodes = nodes.data();
      network.count(g, 1);
    }
  }
}

KernelCounts::Counters count_kernel(const Context& context, DieId die, const RankDie& place, std::size_t index) {
  const Kernel& kernel = place.program->kernels[index / 2];
  const SliceShape& shape = *place.slice->shape;
  DieShard laboratory;
  laboratory.configure_counters(context, die);
  if (!kernel.need.empty() &&
      context.settings.network_model != NetworkModel::kReference) {  // whose routers count themselves
    const std::uint32_t first = shape.line_begin[place.slice_die];
    for (std::uint32_t line = first; line < shape.line_begin[place.slice_die + 1]; ++line) {
      if (!place.broken_lines.empty() && place.broken_lines[line - first]) continue;  // sent as messages
      count_line(kernel, shape, line, context.settings.burst_bytes, laboratory.network());
    }
  }
  for (std::uint32_t node = place.first_node; node < place.first_node + place.node_count; ++node) {
    DieShard::Core& core = laboratory.core(shape.nodes[node].site);
    const auto cycles = kernel.cycles.begin() + static_cast<std::ptrdiff_t>(std::size_t{node} * kernel.steps);
    core.busy_cycles = std::accumulate(cycles, cycles + kernel.steps, std::uint64_t{0});
    if (!kernel.vector_flops.empty()) core.vector_flops = static_cast<std::uint64_t>(kernel.vector_flops[node]);
    const bool recompute = index % 2 != 0;
    if (!recompute && !kernel.matrix_flops.empty())
      core.matrix_flops = static_cast<std::uint64_t>(kernel.matrix_flops[node]);
  }
  KernelCounts::Counters counters;
  laboratory.counters(counters);
  return counters;
}

}  // namespace

std::shared_ptr<const KernelCounts::Counters> KernelCounts::of(const Context& context, DieId die,
                                                               const RankDie& place) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Known& known = known_[{place.program, place.slice_die, place.broken_lines}];
  if (known.sum != nullptr && known.runs == place.kernels_done) return known.sum;
  known.of_kernel.resize(place.kernels_done.size());
  auto sum = std::make_shared<Counters>();
  for (std::size_t i = 0; i < place.kernels_done.size(); ++i) {
    const std::uint64_t runs = place.kernels_done[i];
    if (runs == 0) continue;
    Counters& one = known.of_kernel[i];
    if (one.empty()) one = count_kernel(context, die, place, i);
    sum->resize(one.size());
    for (std::size_t c = 0; c < one.size(); ++c) (*sum)[c] += runs * one[c];
  }
  known.runs = place.kernels_done;
  known.sum = sum;
  return sum;
}

}  // namespace dojo::machine

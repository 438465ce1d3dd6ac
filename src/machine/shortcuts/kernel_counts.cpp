// SPDX-License-Identifier: Apache-2.0
#include "machine/shortcuts/kernel_counts.h"

#include <algorithm>
#include <numeric>

#include "dojo/fabric/die_network.h"
#include "machine/die/gather_rounds.h"
#include "machine/die/residents.h"
#include "machine/die_counters.h"
#include "machine/network/models.h"

namespace dojo::machine {

using workload::Gather;
using workload::Kernel;
using workload::SliceShape;

namespace {

/// All gathers of one line, a train at a time as they go when each has the line for itself.
void count_line(const Kernel& kernel, const SliceShape& shape, std::uint32_t index, const GatherTrains& trains,
                fabric::DieNetwork& network) {
  GatherRounds round;
  std::vector<fabric::GatherNode> nodes;
  const SliceShape::Line line = workload::clipped(shape, shape.lines[index], kernel.part);
  for (std::uint32_t i = kernel.gather_begin[index]; i < kernel.gather_begin[index + 1]; ++i) {
    Bytes sent = 0;
    do {
      line_nodes(shape, line, 0, nodes);
      round.fill(kernel, i, 1, {}, sent, trains.of(line), network.flit_size(), nodes);
      network.count(gathering(line, nodes), 1);
      sent = round.upto();
    } while (round.more());
  }
}

/// Its core counts as it computes.
bool is_detailed(const Context& context, DieId die, SiteIndex site) {
  const auto found = context.topology.detailed().find(die);
  return context.settings.detailed && found != context.topology.detailed().end() &&
         std::binary_search(found->second.begin(), found->second.end(), site);
}

KernelCounts::Counters count_kernel(const Context& context, DieId die, const RankDie& place, std::size_t index) {
  const Kernel& kernel = place.program->kernels[index / 2];
  const SliceShape& shape = *place.slice->shape;
  fabric::DieNetwork network;
  network.configure(context.topology, die, context.stripe_groups[context.topology.site_map_index(die)]);
  std::vector<CoreCounters> cores(static_cast<std::size_t>(context.topology.sites()));
  if (!kernel.need.empty() && context.model.moves_lines_whole) {  // else what they send is counted as it moves
    const std::uint32_t first = shape.line_begin[place.slice_die];
    for (std::uint32_t line = first; line < shape.line_begin[place.slice_die + 1]; ++line) {
      if (place.is_broken(line - first)) continue;  // sent as messages
      count_line(kernel, shape, line, context.trains, network);
    }
  }
  for (std::uint32_t node = place.first_node; node < place.first_node + place.node_count; ++node) {
    CoreCounters& core = cores[shape.nodes[node].site];
    const auto cycles = kernel.cycles.begin() + static_cast<std::ptrdiff_t>(std::size_t{node} * kernel.steps);
    if (!is_detailed(context, die, shape.nodes[node].site))
      core.busy_cycles = static_cast<std::uint64_t>(std::accumulate(cycles, cycles + kernel.steps, Cycles{0}));
    if (!kernel.vector_flops.empty()) core.vector_flops = kernel.vector_flops[node];
    const bool recompute = index % 2 != 0;
    if (!recompute && !kernel.matrix_flops.empty()) core.matrix_flops = kernel.matrix_flops[node];
  }
  KernelCounts::Counters counters;
  list_counters(network, cores, counters);
  return counters;
}

}  // namespace

std::shared_ptr<const KernelCounts::Counters> KernelCounts::of(const Context& context, DieId die, const RankDie& place,
                                                               const std::vector<std::uint32_t>& done) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const DieId apart = context.topology.detailed().count(die) == 0 ? kNone : die;
  Known& known = known_[{place.program, place.slice_die, place.broken_lines, apart}];
  if (known.sum != nullptr && known.runs == done) return known.sum;
  known.of_kernel.resize(done.size());
  auto sum = std::make_shared<Counters>();
  for (std::size_t i = 0; i < done.size(); ++i) {
    const std::uint64_t runs = done[i];
    if (runs == 0) continue;
    Counters& one = known.of_kernel[i];
    if (one.empty()) one = count_kernel(context, die, place, i);
    sum->resize(one.size());
    for (std::size_t c = 0; c < one.size(); ++c) (*sum)[c] += runs * one[c];
  }
  known.runs = done;
  known.sum = sum;
  return sum;
}

}  // namespace dojo::machine

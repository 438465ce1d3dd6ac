// SPDX-License-Identifier: Apache-2.0
// Rows and columns of a slice with a dead router or link: what a working line multicasts goes as messages where it is
// broken, each on its own way around.
#include <algorithm>
#include <utility>
#include <vector>

#include "machine/die/line_gathers.h"

namespace dojo::machine {

using workload::SliceShape;

/// The line falls into runs of nodes between which everything works. Within a run pieces are multicast. Into another
/// run each sender writes its piece to the node at the near end, which multicasts one after the other as they come.
void LineGathers::gather_in_parts(const SliceShape::Line& line, fabric::Gathering& g, Cycles now) {
  const topology::Routes& routes = *topology_.routes();
  fabric::DieNetwork& network = port_.network();
  const std::int32_t first = line.horizontal ? network.first_column() : network.first_row();
  const std::int32_t lane = line.lane + (line.horizontal ? network.first_row() : network.first_column());
  const auto joined = [&](std::uint32_t i) {  // with the node before it
    const std::int32_t from = first + g.nodes[i - 1].offset, to = first + g.nodes[i].offset;
    return line.horizontal ? routes.row_works(lane, from, to) : routes.column_works(lane, from, to);
  };
  const auto site = [&](std::uint32_t i) {
    const std::int32_t at = g.nodes[i].offset;
    return static_cast<SiteIndex>(line.horizontal ? line.lane * network.columns() + at
                                                  : at * network.columns() + line.lane);
  };
  g.links_free = g.last_tail = now;
  const auto multicast = [&](fabric::GatherNode* nodes, std::uint32_t count) {
    if (count < 2) return;
    fabric::Gathering run;
    run.horizontal = g.horizontal;
    run.lane = g.lane;
    run.nodes = nodes;
    run.count = count;
    port_.gather(run);
    network.count(run, 1);  // kernel_counts.cpp leaves these lines out
    moment_.sums->add_gather(run);
    g.links_free = std::max(g.links_free, run.links_free);
  };
  std::vector<fabric::GatherNode> relay;
  std::vector<std::pair<Cycles, std::uint32_t>> come;  // pieces of other runs: when, bytes
  for (std::uint32_t begin = 0, end = 0; begin < g.count; begin = end) {
    for (end = begin + 1; end < g.count && joined(end);) ++end;
    relay.assign(g.nodes + begin, g.nodes + end);
    for (fabric::GatherNode& node : relay) node.done = 0;
    multicast(relay.data(), end - begin);
    for (std::uint32_t i = begin; i < end; ++i) g.nodes[i].done = std::max(g.nodes[i].done, relay[i - begin].done);
    for (const bool from_low : {true, false}) {
      const std::uint32_t entry = from_low ? begin : end - 1;
      come.clear();
      for (std::uint32_t i = from_low ? 0 : end; i < (from_low ? begin : g.count); ++i) {
        if (g.nodes[i].piece_bytes == 0) continue;
        fabric::Burst burst;
        burst.row = network.first_row() + site(entry) / network.columns();
        burst.column = network.first_column() + site(entry) % network.columns();
        come.emplace_back(port_.send_within(site(i), burst, g.nodes[i].piece_bytes, g.nodes[i].ready),
                          g.nodes[i].piece_bytes);
      }
      std::sort(come.begin(), come.end());
      for (const auto& [ready, bytes] : come) {
        for (fabric::GatherNode& node : relay) node = {node.offset, 0, now, 0};
        relay[entry - begin].piece_bytes = bytes;
        relay[entry - begin].ready = ready;
        multicast(relay.data(), end - begin);
        for (std::uint32_t i = begin; i < end; ++i) {
          g.nodes[i].done = std::max(g.nodes[i].done, i == entry ? ready : relay[i - begin].done);
        }
      }
    }
  }
  for (std::uint32_t i = 0; i < g.count; ++i) {
    g.bytes += g.nodes[i].piece_bytes;
    g.last_tail = std::max({g.last_tail, g.nodes[i].done, g.nodes[i].ready});
  }
}

/// The line's first node passes on all that was gathered here to each node of the line on the slice's other dies.
void LineGathers::send_to_other_dies(const KernelRun& run, const SliceShape::Line& line, const workload::Gather& gather,
                                     Cycles ready) {
  if (!line.goes_on_low && !line.goes_on_high) return;
  const RankDie& place = kernels_.place(run);
  const SliceShape& shape = *place.slice->shape;
  Bytes bytes = 0;
  for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) bytes += run.kernel->pieces[i].bytes;
  const SliceShape::Node& here = shape.nodes[shape.line_nodes[line.nodes_begin]];
  fabric::Burst burst;
  burst.payload = Operand{place.rank, run.task, gather.slot}.pack();
  burst.purpose = fabric::Purpose::kOperand;
  for (const SliceShape::Node& there : shape.nodes) {
    if (there.die == here.die || !run.kernel->part.has(there) ||
        (line.horizontal ? there.row != here.row : there.column != here.column))
      continue;
    burst.row = place.slice->first_site_row + there.row;
    burst.column = place.slice->first_site_column + there.column;
    port_.post(here.site, burst, bytes, std::max(ready, moment_.now), run.queue);
  }
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// Floors of a plan's messages within a slice: bytes through ports, over links and over die edges.
#include <cstdlib>

#include "dojo/topology/node_ports.h"
#include "lower/floors.h"

namespace dojo::workload {

SliceTraffic::SliceTraffic(const Slice& slice, const topology::Topology& topology)
    : slice_(slice),
      shape_(*slice.shape),
      topology_(topology),
      in_(shape_.node_count(), 0),
      out_(shape_.node_count(), 0),
      added_(shape_.node_count(), 0),
      links_(static_cast<std::size_t>(shape_.rows) * static_cast<std::size_t>(shape_.columns) * 4, 0),
      rows_(static_cast<std::size_t>(shape_.rows)),
      columns_(static_cast<std::size_t>(shape_.columns)) {
  std::vector<std::uint32_t> node_at(links_.size() / 4, kNone);
  for (std::uint32_t n = 0; n < shape_.node_count(); ++n)
    node_at[site(shape_.nodes[n].row, shape_.nodes[n].column)] = n;
  for (const std::uint32_t n : node_at) {
    if (n == kNone) continue;
    rows_[shape_.nodes[n].row].push_back(n);
    columns_[shape_.nodes[n].column].push_back(n);
  }
}

void SliceTraffic::load(const SliceShape::Node& from, std::int64_t steps, std::uint32_t direction, Bytes bytes) {
  std::int64_t row = from.row, column = from.column;
  for (; steps > 0; --steps) {
    links_[site(row, column) * 4 + direction] += bytes;
    row += direction == kSouth ? 1 : direction == kNorth ? -1 : 0;
    column += direction == kEast ? 1 : direction == kWest ? -1 : 0;
  }
}

void SliceTraffic::pass_along(const std::vector<std::uint32_t>& line, const std::vector<Bytes>& sent, bool horizontal) {
  Bytes all = 0;
  for (const std::uint32_t n : line) all += sent[n];
  if (all == 0) return;
  Bytes passed = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const SliceShape::Node& node = shape_.nodes[line[i]];
    passed += sent[line[i]];
    in_[line[i]] += all - sent[line[i]];
    if (i + 1 == line.size()) break;
    const SliceShape::Node& next = shape_.nodes[line[i + 1]];
    const std::int64_t steps = horizontal ? next.column - node.column : next.row - node.row;
    load(node, steps, horizontal ? kEast : kSouth, passed);
    load(next, steps, horizontal ? kWest : kNorth, all - passed);
  }
}

void SliceTraffic::add_gathers(const Kernel& kernel) {
  std::vector<Bytes> along_row(shape_.node_count(), 0), along_column(shape_.node_count(), 0);
  for (std::uint32_t l = 0; l + 1 < kernel.gather_begin.size(); ++l) {
    if (kernel.gather_begin[l] == kernel.gather_begin[l + 1]) continue;
    const SliceShape::Line line = clipped(shape_, shape_.lines[l], kernel.part);
    for (std::uint32_t g = kernel.gather_begin[l]; g < kernel.gather_begin[l + 1]; ++g) {
      for (std::uint32_t p = kernel.gathers[g].pieces_begin; p < kernel.gathers[g].pieces_end; ++p) {
        const std::uint32_t node = shape_.line_nodes[line.nodes_begin + kernel.pieces[p].holder];
        (line.horizontal ? along_row : along_column)[node] += kernel.pieces[p].bytes;
        out_[node] += kernel.pieces[p].bytes;
      }
    }
  }
  const auto pass = [&](const std::vector<std::vector<std::uint32_t>>& lines, const std::vector<Bytes>& sent,
                        bool horizontal) {
    std::vector<std::uint32_t> of_part;
    for (const std::vector<std::uint32_t>& line : lines) {
      of_part.clear();
      for (const std::uint32_t n : line)
        if (kernel.part.has(shape_.nodes[n])) of_part.push_back(n);
      pass_along(of_part, sent, horizontal);
    }
  };
  pass(rows_, along_row, true);
  pass(columns_, along_column, false);
}

void SliceTraffic::send(std::uint32_t from, std::uint32_t to, Bytes bytes) {
  if (from == to) return;
  out_[from] += bytes;
  in_[to] += bytes;
  SliceShape::Node at = shape_.nodes[from];
  const SliceShape::Node& end = shape_.nodes[to];
  load(at, std::abs(end.column - at.column), end.column > at.column ? kEast : kWest, bytes);
  at.column = end.column;
  load(at, std::abs(end.row - at.row), end.row > at.row ? kSouth : kNorth, bytes);
}

void SliceTraffic::add(const Kernel& kernel) {
  add_gathers(kernel);
  for (const Unicast& u : kernel.unicasts) send(u.source, u.destination, u.bytes);
}

void SliceTraffic::add(const InRankDataflow& flow) {
  for (const DataflowItem& item : flow.plan.items) {
    const std::uint32_t node = flow.nodes[item.position];
    if (item.combine) added_[node] += item.bytes;
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const DataflowEdge& edge = flow.plan.edges[e];
      send(node, flow.nodes[flow.plan.items[edge.item].position], edge.bytes);
    }
  }
}

Floors SliceTraffic::floors() const {
  const topology::MachineParams& p = topology_.params();
  const topology::NodePorts ports = topology::node_ports(p.node);
  const auto link = static_cast<double>(p.noc.link_bytes_per_cycle);
  Floors floors;
  for (std::uint32_t n = 0; n < shape_.node_count(); ++n) {
    floors.raise(Bound::kPort, static_cast<double>(in_[n]) / (ports.write * link));
    floors.raise(Bound::kPort, static_cast<double>(out_[n]) / (ports.read * link));
    // Two operands are loaded and one is stored.
    floors.raise(Bound::kStore, static_cast<double>(added_[n]) /
                                    static_cast<double>(p.node.store_ports * p.node.port_bytes_per_cycle));
  }
  if (topology_.routes() != nullptr) return floors;
  const std::int32_t top = slice_.first_site_row % topology_.site_rows();
  const std::int32_t left = slice_.first_site_column % topology_.site_columns();
  std::vector<Bytes> edges(slice_.dies.size() * 4, 0);
  for (std::int32_t r = 0; r < shape_.rows; ++r) {
    for (std::int32_t c = 0; c < shape_.columns; ++c) {
      const std::int32_t row = (top + r) % topology_.site_rows(), column = (left + c) % topology_.site_columns();
      const std::int32_t die =
          (top + r) / topology_.site_rows() * shape_.die_columns + (left + c) / topology_.site_columns();
      const bool at_edge[4] = {column + 1 == topology_.site_columns(), column == 0, row == 0,
                               row + 1 == topology_.site_rows()};
      for (std::uint32_t d = 0; d < 4; ++d) {
        const Bytes bytes = links_[site(r, c) * 4 + d];
        if (at_edge[d]) edges[static_cast<std::size_t>(die) * 4 + d] += bytes;
        if (!at_edge[d]) floors.raise(Bound::kLink, static_cast<double>(bytes) / link);
      }
    }
  }
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (edges[i] == 0) continue;
    const topology::Edge edge = topology_.edge(slice_.dies[i / 4], static_cast<topology::Direction>(i % 4));
    floors.raise(Bound::kEdge, static_cast<double>(edges[i]) / edge.bytes_per_s * p.clock_hz);
  }
  return floors;
}

}  // namespace dojo::workload

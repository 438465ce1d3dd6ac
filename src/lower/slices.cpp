// SPDX-License-Identifier: Apache-2.0
// Shapes of slices and their row-major view.
#include "lower/slices.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::workload {

Slice SliceMaker::make(std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns) {
  const std::int64_t site_rows = topology_.site_rows();
  const std::int64_t site_columns = topology_.site_columns();
  Slice slice;
  slice.first_site_row = static_cast<std::int32_t>(row);
  slice.first_site_column = static_cast<std::int32_t>(column);
  std::vector<std::int64_t> key{rows, columns, row % site_rows, column % site_columns};
  for (std::int64_t r = row / site_rows; r <= (row + rows - 1) / site_rows; ++r) {
    for (std::int64_t c = column / site_columns; c <= (column + columns - 1) / site_columns; ++c) {
      const DieId die = topology_.die_at(static_cast<std::int32_t>(r), static_cast<std::int32_t>(c));
      slice.dies.push_back(die);
      key.push_back(topology_.site_map_index(die));
    }
  }
  auto found = shapes_.find(key);
  if (found == shapes_.end()) {
    const auto index = static_cast<std::uint32_t>(shapes_.size());
    found = shapes_.emplace(std::move(key), std::make_pair(index, make_shape(slice, rows, columns))).first;
  }
  slice.shape_index = found->second.first;
  slice.shape = found->second.second;
  return slice;
}

std::shared_ptr<const SliceShape> SliceMaker::make_shape(const Slice& slice, std::int64_t rows,
                                                         std::int64_t columns) const {
  auto shape = std::make_shared<SliceShape>();
  shape->rows = static_cast<std::int32_t>(rows);
  shape->columns = static_cast<std::int32_t>(columns);
  const topology::DieCoordinates first = topology_.coordinates(slice.dies.front());
  const topology::DieCoordinates last = topology_.coordinates(slice.dies.back());
  shape->die_rows = last.row - first.row + 1;
  shape->die_columns = last.column - first.column + 1;
  for (std::size_t d = 0; d < slice.dies.size(); ++d) {
    shape->die_begin.push_back(shape->node_count());
    const topology::DieCoordinates place = topology_.coordinates(slice.dies[d]);
    const topology::Topology::SiteMap& map = topology_.site_map(slice.dies[d]);
    for (std::int32_t site = 0; site < topology_.sites(); ++site) {
      const std::int64_t r = static_cast<std::int64_t>(place.row) * topology_.site_rows() +
                             site / topology_.site_columns() - slice.first_site_row;
      const std::int64_t c = static_cast<std::int64_t>(place.column) * topology_.site_columns() +
                             site % topology_.site_columns() - slice.first_site_column;
      if (r < 0 || c < 0 || r >= rows || c >= columns || map.enabled[static_cast<std::size_t>(site)] == 0) continue;
      SliceShape::Node node;
      node.die = static_cast<std::uint16_t>(d);
      node.site = static_cast<SiteIndex>(site);
      node.row = static_cast<std::uint16_t>(r);
      node.column = static_cast<std::uint16_t>(c);
      node.core_speed = map.core_speed.empty() ? 1.0F : map.core_speed[static_cast<std::size_t>(site)];
      shape->nodes.push_back(node);
    }
  }
  shape->die_begin.push_back(shape->node_count());

  // Indices within rows and columns of the whole slice need its row-major order.
  std::vector<std::uint32_t> order(shape->nodes.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(shape->nodes[a].row, shape->nodes[a].column) <
           std::pair(shape->nodes[b].row, shape->nodes[b].column);
  });
  shape->row_count.assign(static_cast<std::size_t>(rows), 0);
  shape->column_count.assign(static_cast<std::size_t>(columns), 0);
  for (const std::uint32_t i : order) {
    SliceShape::Node& node = shape->nodes[i];
    node.row_index = shape->row_count[node.row]++;
    node.column_index = shape->column_count[node.column]++;
  }
  add_lines(*shape);
  return shape;
}

void SliceMaker::add_lines(SliceShape& shape) const {
  const auto add = [&](std::uint32_t die, bool horizontal, std::int32_t lane) {
    SliceShape::Line line;
    line.horizontal = horizontal;
    line.lane = static_cast<std::uint16_t>(lane);
    line.nodes_begin = static_cast<std::uint32_t>(shape.line_nodes.size());
    for (std::uint32_t n = shape.die_begin[die]; n < shape.die_begin[die + 1]; ++n) {
      SliceShape::Node& node = shape.nodes[n];
      if ((horizontal ? node.site / topology_.site_columns() : node.site % topology_.site_columns()) != lane) continue;
      (horizontal ? node.row_line : node.column_line) = static_cast<std::uint32_t>(shape.lines.size());
      shape.line_nodes.push_back(n);
      shape.line_offsets.push_back(static_cast<std::uint16_t>(horizontal ? node.site % topology_.site_columns()
                                                                         : node.site / topology_.site_columns()));
    }
    line.nodes_end = static_cast<std::uint32_t>(shape.line_nodes.size());
    const auto at = static_cast<std::int32_t>(die);
    const std::int32_t place = horizontal ? at % shape.die_columns : at / shape.die_columns;
    line.goes_on_low = place > 0;
    line.goes_on_high = place + 1 < (horizontal ? shape.die_columns : shape.die_rows);
    if (line.nodes_end > line.nodes_begin) shape.lines.push_back(line);
  };
  for (std::uint32_t die = 0; die < shape.die_count(); ++die) {
    shape.line_begin.push_back(static_cast<std::uint32_t>(shape.lines.size()));
    for (std::int32_t row = 0; row < topology_.site_rows(); ++row) add(die, true, row);
    for (std::int32_t column = 0; column < topology_.site_columns(); ++column) add(die, false, column);
  }
  shape.line_begin.push_back(static_cast<std::uint32_t>(shape.lines.size()));
}

SliceGrid::SliceGrid(const Slice& slice, const topology::Topology& topology) : shape_(slice.shape) {
  const std::uint32_t count = shape_->node_count();
  node_of_site_.assign(static_cast<std::size_t>(shape_->rows) * static_cast<std::size_t>(shape_->columns), kNone);
  for (std::uint32_t i = 0; i < count; ++i)
    node_of_site_[shape_->nodes[i].row * columns() + shape_->nodes[i].column] = i;
  position_of_node_.assign(count, 0);
  row_begin_.push_back(0);
  for (std::uint32_t r = 0; r < rows(); ++r) {
    for (std::uint32_t c = 0; c < columns(); ++c) {
      const std::uint32_t node = at(r, c);
      if (node != kNone) {
        position_of_node_[node] = static_cast<std::uint32_t>(node_of_position_.size());
        node_of_position_.push_back(node);
      }
    }
    row_begin_.push_back(static_cast<std::uint32_t>(node_of_position_.size()));
  }
  measure_links(slice, topology);
}

void SliceGrid::measure_links(const Slice& slice, const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  row_bytes_per_cycle_ = column_bytes_per_cycle_ = static_cast<double>(p.noc.link_bytes_per_cycle);
  row_latency_ = p.noc.hop_cycles * shape_->columns;
  column_latency_ = p.noc.hop_cycles * shape_->rows;
  const auto share = [&](const topology::Edge& edge, std::int32_t lines) {
    return edge.bytes_per_s / p.clock_hz / static_cast<double>(lines);
  };
  for (std::int32_t r = 0; r < shape_->die_rows; ++r) {
    for (std::int32_t c = 0; c < shape_->die_columns; ++c) {
      const DieId die = slice.dies[static_cast<std::size_t>(r * shape_->die_columns + c)];
      if (c + 1 < shape_->die_columns) {
        const topology::Edge edge = topology.edge(die, topology::Direction::kEast);
        if (edge.neighbour != kNone) {  // dead ones are not in the cost model
          row_bytes_per_cycle_ = std::min(row_bytes_per_cycle_, share(edge, topology.site_rows()));
          row_latency_ += r == 0 ? edge.latency_cycles : 0;
        }
      }
      if (r + 1 < shape_->die_rows) {
        const topology::Edge edge = topology.edge(die, topology::Direction::kSouth);
        if (edge.neighbour != kNone) {
          column_bytes_per_cycle_ = std::min(column_bytes_per_cycle_, share(edge, topology.site_columns()));
          column_latency_ += c == 0 ? edge.latency_cycles : 0;
        }
      }
    }
  }
}

std::uint32_t SliceGrid::nearest_in_row(std::uint32_t row, std::uint32_t column) const {
  for (std::uint32_t d = 0; d < columns(); ++d) {
    if (d <= column && at(row, column - d) != kNone) return at(row, column - d);
    if (column + d < columns() && at(row, column + d) != kNone) return at(row, column + d);
  }
  return kNone;
}

std::uint32_t SliceGrid::nearest_in_column(std::uint32_t row, std::uint32_t column) const {
  for (std::uint32_t d = 0; d < rows(); ++d) {
    if (d <= row && at(row - d, column) != kNone) return at(row - d, column);
    if (row + d < rows() && at(row + d, column) != kNone) return at(row + d, column);
  }
  return kNone;
}

}  // namespace dojo::workload

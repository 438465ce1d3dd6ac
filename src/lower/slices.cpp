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
  std::vector<std::int64_t> left_out;
  if (cut_ == Cut::kLeaveOut) left_out = sites_left_out(slice, rows, columns, topology_);
  key.insert(key.end(), left_out.begin(), left_out.end());
  auto found = shapes_.find(key);
  if (found == shapes_.end()) {
    const auto index = first_index_ + static_cast<std::uint32_t>(shapes_.size());
    found = shapes_.emplace(std::move(key), std::make_pair(index, make_shape(slice, rows, columns, left_out))).first;
  }
  slice.shape_index = found->second.first;
  slice.shape = found->second.second;
  return slice;
}

std::shared_ptr<const SliceShape> SliceMaker::make_shape(const Slice& slice, std::int64_t rows, std::int64_t columns,
                                                         const std::vector<std::int64_t>& left_out) const {
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
      if (std::binary_search(left_out.begin(), left_out.end(), site)) continue;
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

std::vector<Slice> slices_with_all_nodes(const std::vector<Slice>& slices, const topology::Topology& topology) {
  const auto leaves_out = [&](const Slice& slice) {
    return !sites_left_out(slice, slice.shape->rows, slice.shape->columns, topology).empty();
  };
  if (topology.routes() == nullptr || std::none_of(slices.begin(), slices.end(), leaves_out)) return {};
  std::uint32_t indices = 0;
  for (const Slice& slice : slices) indices = std::max(indices, slice.shape_index + 1);
  SliceMaker maker(topology, SliceMaker::Cut::kUse, indices);
  std::vector<Slice> all;
  all.reserve(slices.size());
  for (const Slice& slice : slices) {
    all.push_back(leaves_out(slice) ? maker.make(slice.first_site_row, slice.first_site_column, slice.shape->rows,
                                                 slice.shape->columns)
                                    : slice);
  }
  return all;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Row-major view of a slice or of a part of it, and the parts that operations choose from.
#include <algorithm>
#include <array>

#include "dojo/topology/routes.h"
#include "lower/slices.h"

namespace dojo::workload {
namespace {

/// What goes from one side of a gap to the other takes the next row or column, whose links then carry the operands of
/// two lines, and all nodes wait for the slowest line.
constexpr double kBrokenLineRate = 0.5;

/// A dead router or link lies between two nodes of a row or column.
bool has_broken_line(const Slice& slice, const topology::Topology& topology, const SliceGrid& grid) {
  const topology::Routes* const routes = topology.routes();
  if (routes == nullptr) return false;
  const std::int32_t top = slice.first_site_row + grid.part().row_begin;
  const std::int32_t left = slice.first_site_column + grid.part().column_begin;
  std::vector<std::int32_t> last_in_column(grid.columns(), -1);
  for (std::uint32_t r = 0; r < grid.rows(); ++r) {
    std::int32_t last = -1;
    for (std::uint32_t c = 0; c < grid.columns(); ++c) {
      if (grid.at(r, c) == kNone) continue;
      const auto row = static_cast<std::int32_t>(r), column = static_cast<std::int32_t>(c);
      if (last >= 0 && !routes->row_works(top + row, left + last, left + column)) return true;
      std::int32_t& above = last_in_column[c];
      if (above >= 0 && !routes->column_works(left + column, top + above, top + row)) return true;
      last = column;
      above = row;
    }
  }
  return false;
}

}  // namespace

SliceGrid::SliceGrid(const Slice& slice, const topology::Topology& topology, const SlicePart& part)
    : shape_(slice.shape),
      part_(part),
      rows_(static_cast<std::uint32_t>(std::min<std::int32_t>(shape_->rows, part.row_end) - part.row_begin)),
      columns_(
          static_cast<std::uint32_t>(std::min<std::int32_t>(shape_->columns, part.column_end) - part.column_begin)) {
  node_of_site_.assign(static_cast<std::size_t>(rows_) * columns_, kNone);
  for (std::uint32_t i = 0; i < shape_->node_count(); ++i)
    if (part_.has(shape_->nodes[i])) node_of_site_[row_of(i) * columns_ + column_of(i)] = i;
  position_of_node_.assign(shape_->node_count(), kNone);
  column_count_.assign(columns_, 0);
  row_begin_.push_back(0);
  for (std::uint32_t r = 0; r < rows_; ++r) {
    for (std::uint32_t c = 0; c < columns_; ++c) {
      const std::uint32_t node = at(r, c);
      if (node != kNone) {
        position_of_node_[node] = static_cast<std::uint32_t>(node_of_position_.size());
        node_of_position_.push_back(node);
        ++column_count_[c];
      }
    }
    row_begin_.push_back(static_cast<std::uint32_t>(node_of_position_.size()));
  }
  measure_links(slice, topology);
}

void SliceGrid::measure_links(const Slice& slice, const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  link_bytes_per_cycle_ = static_cast<double>(p.noc.link_bytes_per_cycle);
  row_bytes_per_cycle_ = column_bytes_per_cycle_ = link_bytes_per_cycle_;
  row_latency_ = p.noc.hop_cycles * columns_;
  column_latency_ = p.noc.hop_cycles * rows_;
  const auto share = [&](const topology::Edge& edge, std::int32_t lines) {
    return edge.bytes_per_s / p.clock_hz / static_cast<double>(lines);
  };
  // Edges between dies that both have sites of the part.
  const std::int32_t die_rows = topology.site_rows(), die_columns = topology.site_columns();
  const std::int32_t top = slice.first_site_row % die_rows + part_.row_begin;
  const std::int32_t left = slice.first_site_column % die_columns + part_.column_begin;
  const std::int32_t last_row = (top + static_cast<std::int32_t>(rows_) - 1) / die_rows;
  const std::int32_t last_column = (left + static_cast<std::int32_t>(columns_) - 1) / die_columns;
  const Cycles on_dies = row_latency_ + column_latency_;
  for (std::int32_t r = top / die_rows; r <= last_row; ++r) {
    for (std::int32_t c = left / die_columns; c <= last_column; ++c) {
      const DieId die = slice.dies[static_cast<std::size_t>(r * shape_->die_columns + c)];
      if (c < last_column) {
        const topology::Edge edge = topology.edge(die, topology::Direction::kEast);
        if (edge.neighbour != kNone) {  // dead ones are not in the cost model
          row_bytes_per_cycle_ = std::min(row_bytes_per_cycle_, share(edge, die_rows));
          row_latency_ += r == top / die_rows ? edge.latency_cycles : 0;
        }
      }
      if (r < last_row) {
        const topology::Edge edge = topology.edge(die, topology::Direction::kSouth);
        if (edge.neighbour != kNone) {
          column_bytes_per_cycle_ = std::min(column_bytes_per_cycle_, share(edge, die_columns));
          column_latency_ += c == left / die_columns ? edge.latency_cycles : 0;
        }
      }
    }
  }
  const std::int32_t hops = (last_row - top / die_rows) * die_rows + (last_column - left / die_columns) * die_columns;
  // On each die a barrier of all its nodes of the slice: the farthest node's distance to the middle, and semaphores.
  const std::int32_t to_middle =
      (std::min(shape_->rows, die_rows) + 1) / 2 + (std::min(shape_->columns, die_columns) + 1) / 2;
  const Cycles barrier = to_middle * p.noc.hop_cycles + 2 * p.node.semaphore_cycles;
  if (has_broken_line(slice, topology, *this)) {
    row_bytes_per_cycle_ *= kBrokenLineRate;
    column_bytes_per_cycle_ *= kBrokenLineRate;
  }
  task_latency_ = 2 * (barrier + row_latency_ + column_latency_ - on_dies + hops * p.noc.hop_cycles);
}

std::vector<std::uint16_t> SliceGrid::dies() const {
  std::vector<std::uint16_t> dies;
  for (const std::uint32_t node : node_of_position_) dies.push_back(shape_->nodes[node].die);
  std::sort(dies.begin(), dies.end());
  dies.erase(std::unique(dies.begin(), dies.end()), dies.end());
  return dies;
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

namespace {

/// The next smaller side of a rectangle of dies: the squares that tiles and small slices are made of, so that a slice's
/// parts are slices that a smaller job would have.
std::int32_t fewer_dies(std::int32_t side) {
  if (side > 10) return (side - 1) / 5 * 5;
  constexpr std::array<std::int32_t, 5> kSides{10, 5, 3, 2, 1};
  return *std::find_if(kSides.begin(), kSides.end(), [&](std::int32_t s) { return s < side; });
}

}  // namespace

std::vector<SliceGrid> slice_parts(const Slice& slice, const topology::Topology& topology) {
  std::vector<SliceGrid> parts{SliceGrid(slice, topology)};
  const SliceShape& shape = *slice.shape;
  const auto add = [&](std::int32_t rows, std::int32_t columns) {
    const SlicePart part{0, static_cast<std::uint16_t>(rows), 0, static_cast<std::uint16_t>(columns)};
    SliceGrid grid(slice, topology, part);
    if (grid.nodes() > 0 && grid.nodes() < parts.back().nodes()) parts.push_back(std::move(grid));
  };
  std::int32_t rows = shape.rows, columns = shape.columns;
  const std::int32_t die_rows = topology.site_rows(), die_columns = topology.site_columns();
  if (shape.die_count() > 1) {
    const bool whole_dies = slice.first_site_row % die_rows == 0 && rows % die_rows == 0 &&
                            slice.first_site_column % die_columns == 0 && columns % die_columns == 0;
    if (!whole_dies) return parts;
    rows /= die_rows, columns /= die_columns;
    while (rows * columns > 1) {
      (columns > rows ? columns : rows) = fewer_dies(std::max(rows, columns));
      add(rows * die_rows, columns * die_columns);
    }
    rows = die_rows, columns = die_columns;
  }
  while (rows * columns > 1) {
    std::int32_t& side = columns >= rows ? columns : rows;
    side = (side + 1) / 2;
    add(rows, columns);
  }
  return parts;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Slices of ranks: rectangles of sites, and the row-major view of one that kernels are cut by.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

/// Makes slices; equal rectangles over equal maps share one shape.
class SliceMaker {
 public:
  explicit SliceMaker(const topology::Topology& topology) : topology_(topology) {}
  /// In sites of the whole machine. Requires that the rectangle lies in it.
  [[nodiscard]] Slice make(std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns);

 private:
  [[nodiscard]] std::shared_ptr<const SliceShape> make_shape(const Slice& slice, std::int64_t rows,
                                                             std::int64_t columns) const;
  void add_lines(SliceShape& shape) const;
  const topology::Topology& topology_;
  std::map<std::vector<std::int64_t>, std::pair<std::uint32_t, std::shared_ptr<const SliceShape>>> shapes_;
};

/// A slice's nodes in row-major order over the whole slice (`position`), whatever dies they lie on.
class SliceGrid {
 public:
  /// `slice` gives the links between its dies; the shape must outlive the grid.
  SliceGrid(const Slice& slice, const topology::Topology& topology);

  [[nodiscard]] const SliceShape& shape() const { return *shape_; }
  [[nodiscard]] std::uint32_t nodes() const { return shape_->node_count(); }
  [[nodiscard]] std::uint32_t rows() const { return static_cast<std::uint32_t>(shape_->rows); }
  [[nodiscard]] std::uint32_t columns() const { return static_cast<std::uint32_t>(shape_->columns); }
  [[nodiscard]] std::uint32_t node_at(std::uint32_t position) const { return node_of_position_[position]; }
  [[nodiscard]] std::uint32_t position(std::uint32_t node) const { return position_of_node_[node]; }
  /// First position of a row; size rows + 1.
  [[nodiscard]] std::uint32_t row_begin(std::uint32_t row) const { return row_begin_[row]; }
  [[nodiscard]] std::uint32_t row_count(std::uint32_t row) const { return row_begin_[row + 1] - row_begin_[row]; }
  [[nodiscard]] std::uint32_t column_count(std::uint32_t column) const { return shape_->column_count[column]; }
  /// Node at a site of the slice, kNone when the site has no enabled node.
  [[nodiscard]] std::uint32_t at(std::uint32_t row, std::uint32_t column) const {
    return node_of_site_[row * columns() + column];
  }
  /// Enabled node of the row nearest to the column (ties: left); kNone for an empty row.
  [[nodiscard]] std::uint32_t nearest_in_row(std::uint32_t row, std::uint32_t column) const;
  [[nodiscard]] std::uint32_t nearest_in_column(std::uint32_t row, std::uint32_t column) const;
  [[nodiscard]] std::uint32_t row_of(std::uint32_t node) const { return shape_->nodes[node].row; }
  [[nodiscard]] std::uint32_t column_of(std::uint32_t node) const { return shape_->nodes[node].column; }

  /// Slowest link of a row or column of the slice, the share of a die edge included.
  [[nodiscard]] double row_bytes_per_cycle() const { return row_bytes_per_cycle_; }
  [[nodiscard]] double column_bytes_per_cycle() const { return column_bytes_per_cycle_; }
  /// From one corner to the other, die crossings included.
  [[nodiscard]] Cycles row_latency() const { return row_latency_; }
  [[nodiscard]] Cycles column_latency() const { return column_latency_; }

 private:
  void measure_links(const Slice& slice, const topology::Topology& topology);
  std::shared_ptr<const SliceShape> shape_;
  std::vector<std::uint32_t> node_of_position_, position_of_node_, row_begin_, node_of_site_;
  double row_bytes_per_cycle_ = 64, column_bytes_per_cycle_ = 64;
  Cycles row_latency_ = 0, column_latency_ = 0;
};

}  // namespace dojo::workload

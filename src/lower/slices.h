// SPDX-License-Identifier: Apache-2.0
// Slices of ranks: rectangles of sites, and the row-major view of one that kernels are cut by.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

/// Sites of a slice's die, ascending, that a rank does without. A dead router or link cuts its row and its column in
/// two, and operands that go from one side to the other by messages hold up all nodes. So of a row or column only the
/// longest stretch without a gap is used, unless too many nodes would be left out. Of slices of several dies, none.
[[nodiscard]] std::vector<std::int64_t> sites_left_out(const Slice& slice, std::int64_t rows, std::int64_t columns,
                                                       const topology::Topology& topology);

/// Makes slices; equal rectangles over equal maps share one shape.
class SliceMaker {
 public:
  enum class Cut : std::uint8_t { kLeaveOut, kUse };
  /// `cut`: whether slices have the nodes of sites_left_out().
  explicit SliceMaker(const topology::Topology& topology, Cut cut = Cut::kLeaveOut, std::uint32_t first_index = 0)
      : topology_(topology), cut_(cut), first_index_(first_index) {}
  /// In sites of the whole machine. Requires that the rectangle lies in it.
  [[nodiscard]] Slice make(std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns);

 private:
  [[nodiscard]] std::shared_ptr<const SliceShape> make_shape(const Slice& slice, std::int64_t rows,
                                                             std::int64_t columns,
                                                             const std::vector<std::int64_t>& left_out) const;
  void add_lines(SliceShape& shape) const;
  const topology::Topology& topology_;
  Cut cut_;
  std::uint32_t first_index_;
  std::map<std::vector<std::int64_t>, std::pair<std::uint32_t, std::shared_ptr<const SliceShape>>> shapes_;
};

/// The same slices with all their nodes; empty if no slice leaves any out. Their shapes have indices of their own.
[[nodiscard]] std::vector<Slice> slices_with_all_nodes(const std::vector<Slice>& slices,
                                                       const topology::Topology& topology);

/// The nodes of a slice or of a part of it in row-major order (`position`), whatever dies they lie on. Rows and columns
/// count from the part's first; nodes are numbered as in the slice.
class SliceGrid {
 public:
  /// `slice` gives the links between its dies; the shape must outlive the grid.
  SliceGrid(const Slice& slice, const topology::Topology& topology, const SlicePart& part = {});

  [[nodiscard]] const SliceShape& shape() const { return *shape_; }
  [[nodiscard]] const SlicePart& part() const { return part_; }
  [[nodiscard]] std::uint32_t nodes() const { return static_cast<std::uint32_t>(node_of_position_.size()); }
  [[nodiscard]] std::uint32_t rows() const { return rows_; }
  [[nodiscard]] std::uint32_t columns() const { return columns_; }
  [[nodiscard]] std::uint32_t node_at(std::uint32_t position) const { return node_of_position_[position]; }
  /// By position.
  [[nodiscard]] const std::vector<std::uint32_t>& all() const { return node_of_position_; }
  /// Of a node of the part.
  [[nodiscard]] std::uint32_t position(std::uint32_t node) const { return position_of_node_[node]; }
  /// First position of a row; size rows + 1.
  [[nodiscard]] std::uint32_t row_begin(std::uint32_t row) const { return row_begin_[row]; }
  [[nodiscard]] std::uint32_t row_count(std::uint32_t row) const { return row_begin_[row + 1] - row_begin_[row]; }
  [[nodiscard]] std::uint32_t column_count(std::uint32_t column) const { return column_count_[column]; }
  /// Node at a site, kNone when the site has no enabled node.
  [[nodiscard]] std::uint32_t at(std::uint32_t row, std::uint32_t column) const {
    return node_of_site_[row * columns() + column];
  }
  /// Enabled node of the row nearest to the column (ties: left); kNone for an empty row.
  [[nodiscard]] std::uint32_t nearest_in_row(std::uint32_t row, std::uint32_t column) const;
  [[nodiscard]] std::uint32_t nearest_in_column(std::uint32_t row, std::uint32_t column) const;
  [[nodiscard]] std::uint32_t row_of(std::uint32_t node) const { return shape_->nodes[node].row - part_.row_begin; }
  [[nodiscard]] std::uint32_t column_of(std::uint32_t node) const {
    return shape_->nodes[node].column - part_.column_begin;
  }

  /// First and last + 1 of `matrices` equal stretches of the row-major order that a row has a share of.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> matrices_of(std::uint32_t row, std::int64_t matrices) const {
    return {row_begin_[row] * matrices / nodes(), ceil_div(row_begin_[row + 1] * matrices, std::int64_t{nodes()})};
  }

  /// Of a link on a die, and of a node's network port.
  [[nodiscard]] double link_bytes_per_cycle() const { return link_bytes_per_cycle_; }
  /// Slowest link of a row or column, the share of a die edge included.
  [[nodiscard]] double row_bytes_per_cycle() const { return row_bytes_per_cycle_; }
  [[nodiscard]] double column_bytes_per_cycle() const { return column_bytes_per_cycle_; }
  /// From one corner to the other, die crossings included.
  [[nodiscard]] Cycles row_latency() const { return row_latency_; }
  [[nodiscard]] Cycles column_latency() const { return column_latency_; }
  /// For a task's start to reach the part's last die from the slice's first and all its nodes, and for its end to come
  /// back.
  [[nodiscard]] Cycles task_latency() const { return task_latency_; }
  /// Dies of the slice that have nodes of the part.
  [[nodiscard]] std::vector<std::uint16_t> dies() const;

 private:
  void measure_links(const Slice& slice, const topology::Topology& topology);
  std::shared_ptr<const SliceShape> shape_;
  SlicePart part_;
  std::uint32_t rows_, columns_;
  std::vector<std::uint32_t> node_of_position_, position_of_node_, row_begin_, column_count_, node_of_site_;
  double link_bytes_per_cycle_ = 64, row_bytes_per_cycle_ = 64, column_bytes_per_cycle_ = 64;
  Cycles row_latency_ = 0, column_latency_ = 0, task_latency_ = 0;
};

/// The slice, then parts of it, each half of the one before or a little less, down to one node. Each lies in the one
/// before, at the slice's first corner: fewer dies first, then fewer rows and columns of a die.
[[nodiscard]] std::vector<SliceGrid> slice_parts(const Slice& slice, const topology::Topology& topology);

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// What the operand traffic of a kernel loads: row links, column links, write ports.
#include <algorithm>
#include <cmath>

#include "lower/deliveries.h"

namespace dojo::workload {

double Deliveries::latency() const {
  const double stages = count() == 0 ? 0 : two_stages_ ? 1 : 0.5;
  return static_cast<double>(grid_->row_latency() + grid_->column_latency()) * stages;
}

Deliveries::Load Deliveries::load(double write_port_bytes_per_cycle) const {
  std::vector<double> row_first(grid_->rows(), 0), row_all(grid_->rows(), 0);
  std::vector<double> column_first(grid_->columns(), 0), column_all(grid_->columns(), 0);
  std::vector<double> port_first(grid_->shape().node_count(), 0), port_all(grid_->shape().node_count(), 0);
  std::vector<double> rm_first(grid_->rows(), 0), rm_all(grid_->rows(), 0);  // multicasts alone
  std::vector<double> cm_first(grid_->columns(), 0), cm_all(grid_->columns(), 0);
  for (const Sent& s : sent_) {
    const auto bytes = static_cast<double>(s.bytes);
    const double first = s.slot <= 1 ? bytes : 0;
    const std::uint32_t r = grid_->row_of(s.source);
    const std::uint32_t c = grid_->column_of(s.source);
    if (s.shape == Shape::kRow) {
      rm_first[r] += first;
      rm_all[r] += bytes;
      port_first[s.source] -= first;
      port_all[s.source] -= bytes;
    } else if (s.shape == Shape::kColumn) {
      cm_first[c] += first;
      cm_all[c] += bytes;
      port_first[s.source] -= first;
      port_all[s.source] -= bytes;
    } else {
      const std::uint32_t d = s.destination;
      port_first[d] += first;
      port_all[d] += bytes;
      // Its share of the row's and the column's links.
      const double along = std::abs(static_cast<double>(grid_->column_of(d)) - c) / grid_->columns();
      const double down = std::abs(static_cast<double>(grid_->row_of(d)) - r) / grid_->rows();
      row_first[r] += first * along;
      row_all[r] += bytes * along;
      column_first[grid_->column_of(d)] += first * down;
      column_all[grid_->column_of(d)] += bytes * down;
    }
  }
  Load load;
  for (const std::uint32_t n : grid_->all()) {
    const std::uint32_t r = grid_->row_of(n);
    const std::uint32_t c = grid_->column_of(n);
    load.first = std::max(load.first, (port_first[n] + rm_first[r] + cm_first[c]) / write_port_bytes_per_cycle);
    load.all = std::max(load.all, (port_all[n] + rm_all[r] + cm_all[c]) / write_port_bytes_per_cycle);
  }
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    load.first = std::max(load.first, (row_first[r] + rm_first[r]) / grid_->row_bytes_per_cycle());
    load.all = std::max(load.all, (row_all[r] + rm_all[r]) / grid_->row_bytes_per_cycle());
  }
  for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
    load.first = std::max(load.first, (column_first[c] + cm_first[c]) / grid_->column_bytes_per_cycle());
    load.all = std::max(load.all, (column_all[c] + cm_all[c]) / grid_->column_bytes_per_cycle());
  }
  return load;
}

}  // namespace dojo::workload

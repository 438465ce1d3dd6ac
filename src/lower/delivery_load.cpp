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

/// Bytes that links and ports carry of some of the traffic.
class Deliveries::Carried {
 public:
  explicit Carried(const SliceGrid& grid)
      : grid_(grid),
        rows_(grid.rows(), 0),
        columns_(grid.columns(), 0),
        row_multicasts_(grid.rows(), 0),
        column_multicasts_(grid.columns(), 0),
        ports_(grid.shape().node_count(), 0) {}

  void add(const Sent& s) {
    const auto bytes = static_cast<double>(s.bytes);
    const std::uint32_t r = grid_.row_of(s.source);
    const std::uint32_t c = grid_.column_of(s.source);
    if (s.shape == Shape::kUnicast) {
      const std::uint32_t d = s.destination;
      ports_[d] += bytes;
      // Its share of the row's and the column's links.
      rows_[r] += bytes * std::abs(static_cast<double>(grid_.column_of(d)) - c) / grid_.columns();
      columns_[grid_.column_of(d)] += bytes * std::abs(static_cast<double>(grid_.row_of(d)) - r) / grid_.rows();
      return;
    }
    (s.shape == Shape::kRow ? row_multicasts_[r] : column_multicasts_[c]) += bytes;
    ports_[s.source] -= bytes;
  }

  /// Cycles of the busiest row link, column link, or write port.
  [[nodiscard]] double cycles(double write_port_bytes_per_cycle) const {
    double most = 0;
    for (const std::uint32_t n : grid_.all()) {
      const double bytes = ports_[n] + row_multicasts_[grid_.row_of(n)] + column_multicasts_[grid_.column_of(n)];
      most = std::max(most, bytes / write_port_bytes_per_cycle);
    }
    for (std::uint32_t r = 0; r < grid_.rows(); ++r)
      most = std::max(most, (rows_[r] + row_multicasts_[r]) / grid_.row_bytes_per_cycle());
    for (std::uint32_t c = 0; c < grid_.columns(); ++c)
      most = std::max(most, (columns_[c] + column_multicasts_[c]) / grid_.column_bytes_per_cycle());
    return most;
  }

 private:
  const SliceGrid& grid_;
  std::vector<double> rows_, columns_;  // of unicasts
  std::vector<double> row_multicasts_, column_multicasts_;
  std::vector<double> ports_;  // of unicasts, less what the node itself multicasts
};

Deliveries::Load Deliveries::load(double write_port_bytes_per_cycle) const {
  // The gathers of two steps go side by side: the first step has its operands when both have.
  constexpr std::uint32_t kInFlight = 2;
  const auto cycles = [&](auto&& counts) {
    Carried carried(*grid_);
    for (const Sent& s : sent_)
      if (counts(s)) carried.add(s);
    return carried.cycles(write_port_bytes_per_cycle);
  };
  Load load;
  load.all = cycles([](const Sent&) { return true; });
  load.first = steps_ <= kInFlight ? load.all : cycles([](const Sent& s) { return s.slot <= kInFlight; });
  if (!two_stages_) return load;
  // What is passed on goes when all of it has come.
  const double before = cycles([](const Sent& s) { return s.slot == 0; });
  const double after = cycles([](const Sent& s) { return s.stage == 2; });
  load.all = std::max(load.all, before + after);
  load.first = std::max(load.first, before + (steps_ <= kInFlight ? after : cycles([](const Sent& s) {
                                      return s.stage == 2 && s.slot <= kInFlight;
                                    })));
  return load;
}

}  // namespace dojo::workload

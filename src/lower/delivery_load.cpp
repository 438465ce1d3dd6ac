// SPDX-License-Identifier: Apache-2.0
// What the operand traffic of a kernel loads: row links, column links, write ports.
#include <algorithm>
#include <array>
#include <cmath>

#include "lower/deliveries.h"

namespace dojo::workload {

double Deliveries::latency() const {
  const double stages = count() == 0 ? 0 : two_stages_ ? 1 : 0.5;
  return static_cast<double>(grid_->row_latency() + grid_->column_latency()) * stages;
}

namespace {

/// Selections of the traffic, whose loads are added up side by side. The last three matter where nodes pass things on.
enum Selection : std::uint32_t { kAll, kFirst, kToPassOn, kPassedOn, kFirstPassedOn, kSelections };

/// Bytes that something carries, by selection.
using Carried = std::array<double, kSelections>;

void add(Carried& carried, double bytes, const Carried& shares) {
  for (std::uint32_t i = 0; i < kSelections; ++i) carried[i] += bytes * shares[i];
}

}  // namespace

Deliveries::Load Deliveries::load(double write_port_bytes_per_cycle, double crowding) const {
  // The gathers of two steps go side by side: the first step has its operands when both have.
  constexpr std::uint8_t kInFlight = 2;
  std::vector<Carried> rows(grid_->rows()), columns(grid_->columns());                      // by unicasts
  std::vector<Carried> row_multicasts(grid_->rows()), column_multicasts(grid_->columns());  // all that a line's send
  std::vector<Carried> ports(grid_->shape().node_count());     // by unicasts, less what the node itself multicasts
  std::vector<Carried> messages(grid_->shape().node_count());  // by unicasts
  for (const Sent& s : sent_) {
    const auto bytes = static_cast<double>(s.bytes);
    const double first = s.slot <= kInFlight ? 1 : 0, passed_on = s.stage == 2 ? 1 : 0;
    const Carried shares{1, first, s.slot == 0 ? 1.0 : 0.0, passed_on, first * passed_on};
    const std::uint32_t r = grid_->row_of(s.source);
    const std::uint32_t c = grid_->column_of(s.source);
    if (s.shape != Shape::kUnicast) {
      add(s.shape == Shape::kRow ? row_multicasts[r] : column_multicasts[c], bytes, shares);
      add(ports[s.source], -bytes, shares);
      continue;
    }
    const std::uint32_t d = s.destination;
    add(ports[d], bytes, shares);
    add(messages[d], bytes, shares);
    // Its share of the row's and the column's links.
    const double along = std::abs(static_cast<double>(grid_->column_of(d)) - c) / grid_->columns();
    const double down = std::abs(static_cast<double>(grid_->row_of(d)) - r) / grid_->rows();
    add(rows[r], bytes * along, shares);
    add(columns[grid_->column_of(d)], bytes * down, shares);
  }
  Carried ports_most{}, rows_most{}, columns_most{}, most{}, messages_most{};
  const auto take = [](Carried& busiest, std::uint32_t i, double bytes) { busiest[i] = std::max(busiest[i], bytes); };
  for (const std::uint32_t n : grid_->all()) {
    const Carried &along_row = row_multicasts[grid_->row_of(n)], &along_column = column_multicasts[grid_->column_of(n)];
    for (std::uint32_t i = 0; i < kSelections; ++i) {
      take(ports_most, i, ports[n][i] + along_row[i] + along_column[i]);
      take(messages_most, i, messages[n][i] / write_port_bytes_per_cycle);
    }
  }
  for (std::uint32_t i = 0; i < kSelections; ++i) {
    for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
      take(rows_most, i, rows[r][i] + row_multicasts[r][i]);
      take(messages_most, i, rows[r][i] / grid_->row_bytes_per_cycle());
    }
    for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
      take(columns_most, i, columns[c][i] + column_multicasts[c][i]);
      take(messages_most, i, columns[c][i] / grid_->column_bytes_per_cycle());
    }
    most[i] = std::max({ports_most[i] / write_port_bytes_per_cycle, rows_most[i] / grid_->row_bytes_per_cycle(),
                        columns_most[i] / grid_->column_bytes_per_cycle()});
    most[i] += (crowding - 1) * messages_most[i];
  }
  // What is passed on goes when all of it has come.
  const double before = two_stages_ ? most[kToPassOn] : 0;
  return {std::max(most[kFirst], before + most[kFirstPassedOn]), std::max(most[kAll], before + most[kPassedOn])};
}

}  // namespace dojo::workload

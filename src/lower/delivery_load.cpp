// SPDX-License-Identifier: Apache-2.0
// What the operand traffic of a kernel loads: row links, column links, write ports.
#include <algorithm>
#include <array>

#include "lower/deliveries.h"

namespace dojo::workload {

double Deliveries::latency() const {
  const double stages = !any_ ? 0 : two_stages_ ? 1 : 0.5;
  return static_cast<double>(grid_->row_latency() + grid_->column_latency()) * stages;
}

namespace {

/// Selections of the traffic, whose loads are added up side by side. The last three matter where nodes pass things on.
enum Selection : std::uint32_t { kAll, kFirst, kBefore, kPassedOn, kFirstPassedOn, kSelections };
using Selected = std::array<double, kSelections>;

}  // namespace

Deliveries::Load Deliveries::load(double write_port_bytes_per_cycle, double crowding) const {
  const auto select = [](const Carried& c) {
    const double early = c[kEarly] + c[kEarlyPassedOn], late = c[kLate] + c[kLatePassedOn];
    return Selected{c[kToPassOn] + early + late, c[kToPassOn] + early, c[kToPassOn],
                    c[kEarlyPassedOn] + c[kLatePassedOn], c[kEarlyPassedOn]};
  };
  const auto select_all = [&](const std::vector<Carried>& lines) {
    std::vector<Selected> selected;
    selected.reserve(lines.size());
    for (const Carried& line : lines) selected.push_back(select(line));
    return selected;
  };
  const std::vector<Selected> row_multicasts = select_all(row_multicasts_);
  const std::vector<Selected> column_multicasts = select_all(column_multicasts_);
  Selected ports_most{}, rows_most{}, columns_most{}, most{}, messages_most{};
  const auto take = [](Selected& busiest, std::uint32_t i, double bytes) { busiest[i] = std::max(busiest[i], bytes); };
  for (const std::uint32_t n : grid_->all()) {
    const Selected &along_row = row_multicasts[grid_->row_of(n)],
                   &along_column = column_multicasts[grid_->column_of(n)];
    const Selected messages = select(arriving_[n]), own = select(own_[n]);
    for (std::uint32_t i = 0; i < kSelections; ++i) {
      take(ports_most, i, messages[i] - own[i] + along_row[i] + along_column[i]);
      take(messages_most, i, messages[i] / write_port_bytes_per_cycle);
    }
  }
  // Messages have their share of the links of a row and of a column.
  const auto take_lines = [&](const std::vector<Carried>& messages, const std::vector<Selected>& multicasts,
                              double links, double bytes_per_cycle, Selected& busiest) {
    for (std::size_t line = 0; line < messages.size(); ++line) {
      const Selected carried = select(messages[line]);
      for (std::uint32_t i = 0; i < kSelections; ++i) {
        take(busiest, i, carried[i] / links + multicasts[line][i]);
        take(messages_most, i, carried[i] / links / bytes_per_cycle);
      }
    }
  };
  take_lines(row_messages_, row_multicasts, grid_->columns(), grid_->row_bytes_per_cycle(), rows_most);
  take_lines(column_messages_, column_multicasts, grid_->rows(), grid_->column_bytes_per_cycle(), columns_most);
  for (std::uint32_t i = 0; i < kSelections; ++i) {
    most[i] = std::max({ports_most[i] / write_port_bytes_per_cycle, rows_most[i] / grid_->row_bytes_per_cycle(),
                        columns_most[i] / grid_->column_bytes_per_cycle()});
    most[i] += (crowding - 1) * messages_most[i];
  }
  // What is passed on goes when all of it has come.
  const double before = two_stages_ ? most[kBefore] : 0;
  return {std::max(most[kFirst], before + most[kFirstPassedOn]), std::max(most[kAll], before + most[kPassedOn])};
}

}  // namespace dojo::workload

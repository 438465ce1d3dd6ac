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

/// What the rows (columns) of a grid carry: the multicasts of the nodes on each of their dies, and unicasts.
class Lines {
 public:
  Lines(std::uint32_t lines, std::int32_t dies, double on_die, double over_edges)
      : dies_(static_cast<std::uint32_t>(dies)),
        on_die_(on_die),
        over_edges_(over_edges),
        sent_(std::size_t{lines} * dies_),
        all_(lines),
        unicasts_(lines) {}

  void multicast(std::uint32_t line, std::uint32_t die, double bytes, const Carried& shares) {
    add(sent_[std::size_t{line} * dies_ + die], bytes, shares);
    add(all_[line], bytes, shares);
  }
  void unicast(std::uint32_t line, double bytes, const Carried& shares) { add(unicasts_[line], bytes, shares); }
  [[nodiscard]] const Carried& multicasts(std::uint32_t line) const { return all_[line]; }

  /// Of the busiest line. All multicasts pass a link at an end of it; an edge carries those from its busier side.
  [[nodiscard]] double most_cycles(std::uint32_t selection) const {
    double most = 0;
    for (std::size_t line = 0; line < all_.size(); ++line) {
      const double all = all_[line][selection], unicasts = unicasts_[line][selection];
      double before = 0, over_edge = 0;
      for (std::uint32_t die = 0; die + 1 < dies_; ++die) {
        before += sent_[line * dies_ + die][selection];
        over_edge = std::max({over_edge, before, all - before});
      }
      const double edges = dies_ > 1 ? (over_edge + unicasts) / over_edges_ : 0;
      most = std::max({most, (all + unicasts) / on_die_, edges});
    }
    return most;
  }

 private:
  std::uint32_t dies_;
  double on_die_, over_edges_;
  std::vector<Carried> sent_;  ///< by line and die
  std::vector<Carried> all_, unicasts_;
};

}  // namespace

Deliveries::Load Deliveries::load(double write_port_bytes_per_cycle) const {
  // The gathers of two steps go side by side: the first step has its operands when both have.
  constexpr std::uint8_t kInFlight = 2;
  Lines rows(grid_->rows(), grid_->shape().die_columns, grid_->line_bytes_per_cycle(), grid_->row_bytes_per_cycle());
  Lines columns(grid_->columns(), grid_->shape().die_rows, grid_->line_bytes_per_cycle(),
                grid_->column_bytes_per_cycle());
  std::vector<Carried> ports(grid_->shape().node_count());  // by unicasts, less what the node itself multicasts
  for (const Sent& s : sent_) {
    const auto bytes = static_cast<double>(s.bytes);
    const double first = s.slot <= kInFlight ? 1 : 0, passed_on = s.stage == 2 ? 1 : 0;
    const Carried shares{1, first, s.slot == 0 ? 1.0 : 0.0, passed_on, first * passed_on};
    const std::uint32_t r = grid_->row_of(s.source);
    const std::uint32_t c = grid_->column_of(s.source);
    if (s.shape != Shape::kUnicast) {
      if (s.shape == Shape::kRow) {
        rows.multicast(r, grid_->die_column_of(s.source), bytes, shares);
      } else {
        columns.multicast(c, grid_->die_row_of(s.source), bytes, shares);
      }
      add(ports[s.source], -bytes, shares);
      continue;
    }
    const std::uint32_t d = s.destination;
    add(ports[d], bytes, shares);
    // Its share of the row's and the column's links.
    const double along = std::abs(static_cast<double>(grid_->column_of(d)) - c) / grid_->columns();
    const double down = std::abs(static_cast<double>(grid_->row_of(d)) - r) / grid_->rows();
    rows.unicast(r, bytes * along, shares);
    columns.unicast(grid_->column_of(d), bytes * down, shares);
  }
  Carried ports_most{}, most{};
  for (const std::uint32_t n : grid_->all()) {
    const Carried &along_row = rows.multicasts(grid_->row_of(n)),
                  &along_column = columns.multicasts(grid_->column_of(n));
    for (std::uint32_t i = 0; i < kSelections; ++i)
      ports_most[i] = std::max(ports_most[i], ports[n][i] + along_row[i] + along_column[i]);
  }
  for (std::uint32_t i = 0; i < kSelections; ++i)
    most[i] = std::max({ports_most[i] / write_port_bytes_per_cycle, rows.most_cycles(i), columns.most_cycles(i)});
  // What is passed on goes when all of it has come.
  const double before = two_stages_ ? most[kToPassOn] : 0;
  return {std::max(most[kFirst], before + most[kFirstPassedOn]), std::max(most[kAll], before + most[kPassedOn])};
}

}  // namespace dojo::workload

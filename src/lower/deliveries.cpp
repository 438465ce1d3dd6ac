// SPDX-License-Identifier: Apache-2.0
// Operand traffic of a kernel over the rows and columns of a slice.
#include "lower/deliveries.h"

#include <algorithm>
#include <cmath>

#include "dojo/base/error.h"
#include "dojo/workload/residency.h"

namespace dojo::workload {

namespace {

/// Equal pieces on evenly spaced nodes of a line, none smaller than kSmallestPieceBytes unless it is the only one.
void spread_over_line(const std::vector<std::uint32_t>& nodes, Bytes bytes, Holding& holding) {
  const auto count = static_cast<std::int64_t>(nodes.size());
  const std::int64_t holders = std::clamp<std::int64_t>(bytes / kSmallestPieceBytes, 1, count);
  for (std::int64_t i = 0; i < holders; ++i)
    holding[nodes[static_cast<std::size_t>((2 * i + 1) * count / (2 * holders))]] = piece_size(bytes, holders, i);
}

std::vector<std::uint32_t> row_nodes(const SliceGrid& grid, std::uint32_t row) {
  const auto first = grid.all().begin();
  return {first + grid.row_begin(row), first + grid.row_begin(row + 1)};
}

std::vector<std::uint32_t> column_nodes(const SliceGrid& grid, std::uint32_t column) {
  std::vector<std::uint32_t> nodes;
  for (std::uint32_t r = 0; r < grid.rows(); ++r)
    if (grid.at(r, column) != kNone) nodes.push_back(grid.at(r, column));
  return nodes;
}

}  // namespace

Holding spread_evenly(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.shape().node_count(), 0);
  for (std::uint32_t p = 0; p < grid.nodes(); ++p) holding[grid.node_at(p)] = piece_size(bytes, grid.nodes(), p);
  return holding;
}

Holding spread_resident(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.shape().node_count(), 0);
  const std::vector<std::uint32_t> nodes = residency(grid.shape(), bytes, grid.part());
  const auto count = static_cast<std::int64_t>(nodes.size());
  for (std::int64_t i = 0; i < count; ++i) holding[nodes[static_cast<std::size_t>(i)]] = piece_size(bytes, count, i);
  return holding;
}

Holding spread_over_rows(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.shape().node_count(), 0);
  const std::int64_t nodes = grid.nodes();
  for (std::uint32_t r = 0; r < grid.rows(); ++r) {
    if (grid.row_count(r) == 0) continue;
    const Bytes share = piece_begin(bytes, nodes, grid.row_begin(r + 1)) - piece_begin(bytes, nodes, grid.row_begin(r));
    spread_over_line(row_nodes(grid, r), share, holding);
  }
  return holding;
}

Holding spread_over_columns(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.shape().node_count(), 0);
  std::int64_t before = 0;
  for (std::uint32_t c = 0; c < grid.columns(); ++c) {
    const std::int64_t count = grid.column_count(c);
    if (count == 0) continue;
    const Bytes share = piece_begin(bytes, grid.nodes(), before + count) - piece_begin(bytes, grid.nodes(), before);
    spread_over_line(column_nodes(grid, c), share, holding);
    before += count;
  }
  return holding;
}

Deliveries::Deliveries(const SliceGrid& grid, std::uint32_t steps, Keep keep)
    : grid_(&grid),
      steps_(steps),
      keep_(keep),
      row_messages_(grid.rows()),
      column_messages_(grid.columns()),
      row_multicasts_(grid.rows()),
      column_multicasts_(grid.columns()),
      arriving_(grid.shape().node_count()),
      own_(grid.shape().node_count()) {}

Deliveries Deliveries::in_steps(std::uint32_t steps) const {
  Deliveries same = *this;
  same.steps_ = steps;
  return same;
}

Deliveries::When Deliveries::when_of(std::uint32_t slot, std::uint32_t stage) {
  // The gathers of two steps go side by side: the first step has its operands when both have.
  constexpr std::uint32_t kInFlight = 2;
  if (slot == 0) return kToPassOn;
  if (slot <= kInFlight) return stage == 2 ? kEarlyPassedOn : kEarly;
  return stage == 2 ? kLatePassedOn : kLate;
}

void Deliveries::send(std::uint32_t source, Shape shape, Bytes bytes, std::uint32_t slot, std::uint32_t stage,
                      std::uint32_t destination) {
  const std::uint32_t row = grid_->row_of(source), column = grid_->column_of(source);
  const bool nobody = (shape == Shape::kRow && grid_->row_count(row) < 2) ||
                      (shape == Shape::kColumn && grid_->column_count(column) < 2) ||
                      (shape == Shape::kUnicast && source == destination);
  if (bytes <= 0 || nobody) return;
  any_ = true;
  const When when = when_of(slot, stage);
  const auto carried = static_cast<double>(bytes);
  if (shape == Shape::kUnicast) {
    const std::uint32_t to_row = grid_->row_of(destination), to_column = grid_->column_of(destination);
    arriving_[destination][when] += carried;
    row_messages_[row][when] += carried * (to_column > column ? to_column - column : column - to_column);
    column_messages_[to_column][when] += carried * (to_row > row ? to_row - row : row - to_row);
  } else {
    (shape == Shape::kRow ? row_multicasts_[row] : column_multicasts_[column])[when] += carried;
    own_[source][when] += carried;
  }
  if (keep_ == Keep::kLoad) return;
  sent_.push_back(
      {source, destination, bytes, shape, static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(stage)});
}

void Deliveries::stream(std::uint32_t source, Shape shape, Bytes bytes, std::uint32_t stage, std::uint64_t index,
                        std::uint64_t count, bool streamed) {
  if (!streamed) return send(source, shape, bytes, 1, stage);
  const auto first = static_cast<std::uint32_t>(index * steps_ / count);
  const auto last = std::max(first + 1, static_cast<std::uint32_t>((index + 1) * steps_ / count));
  for (std::uint32_t step = first; step < last; ++step)
    send(source, shape, piece_size(bytes, last - first, step - first), 1 + step, stage);
}

Bytes Deliveries::along_line(const std::vector<std::uint32_t>& nodes, Shape shape, const Holding& holding,
                             bool streamed) {
  Bytes sum = 0;
  std::uint64_t index = 0;
  const auto holds = [&](std::uint32_t node) { return holding[node] > 0; };
  const auto holders = static_cast<std::uint64_t>(std::count_if(nodes.begin(), nodes.end(), holds));
  for (const std::uint32_t node : nodes) {
    if (!holds(node)) continue;
    sum += holding[node];
    stream(node, shape, holding[node], 1, index++, holders, streamed);
  }
  return sum;
}

Bytes Deliveries::along_rows(const Holding& holding, bool streamed) {
  Bytes most = 0;
  for (std::uint32_t r = 0; r < grid_->rows(); ++r)
    most = std::max(most, along_line(row_nodes(*grid_, r), Shape::kRow, holding, streamed));
  return most;
}

Bytes Deliveries::along_columns(const Holding& holding, bool streamed) {
  Bytes most = 0;
  for (std::uint32_t c = 0; c < grid_->columns(); ++c)
    most = std::max(most, along_line(column_nodes(*grid_, c), Shape::kColumn, holding, streamed));
  return most;
}

Bytes Deliveries::columns_then_rows(const Holding& holding, bool streamed, bool filtered) {
  const auto rows = static_cast<std::int64_t>(grid_->rows());
  std::vector<std::uint32_t> holder_columns;
  std::vector<Bytes> column_bytes(grid_->columns(), 0);
  for (const std::uint32_t node : grid_->all()) column_bytes[grid_->column_of(node)] += holding[node];
  for (std::uint32_t c = 0; c < grid_->columns(); ++c)
    if (column_bytes[c] > 0) holder_columns.push_back(c);
  Bytes most = 0;
  Bytes passed = 0;
  // Of what only passes by, a node keeps its part: two pieces in flight are all that lies in its SRAM.
  const Bytes window = 2 * *std::max_element(holding.begin(), holding.end());
  for (std::size_t i = 0; i < holder_columns.size(); ++i) {
    const std::uint32_t c = holder_columns[i];
    for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
      if (grid_->row_count(r) == 0) continue;
      const Bytes part = filtered ? piece_size(column_bytes[c], rows, r) : column_bytes[c];
      const std::uint32_t node = grid_->at(r, c);
      if (node != kNone) {
        send(node, Shape::kColumn, holding[node], 0, 1);
        stream(node, Shape::kRow, part, 2, i, holder_columns.size(), streamed);
        continue;
      }
      // The site has no node: its nearest neighbour in the row is sent the column's pieces and passes them on.
      const std::uint32_t proxy = grid_->nearest_in_row(r, c);
      for (std::uint32_t from = 0; from < grid_->rows(); ++from) {
        const std::uint32_t holder = grid_->at(from, c);
        if (holder != kNone && holding[holder] > 0) {
          const Bytes piece = filtered ? piece_size(holding[holder], rows, r) : holding[holder];
          send(holder, Shape::kUnicast, piece, 0, 1, proxy);
        }
      }
      stream(proxy, Shape::kRow, part, 2, i, holder_columns.size(), streamed);
    }
    const Bytes part = filtered ? ceil_div(column_bytes[c], rows) : column_bytes[c];
    most = std::max(most, filtered ? part + window : part);
    passed += part;
  }
  two_stages_ = true;
  return most + passed;
}

Bytes Deliveries::to_all(const Holding& holding, bool streamed) {
  if (grid_->rows() == 1) return along_rows(holding, streamed);
  if (grid_->columns() == 1) return along_columns(holding, streamed);
  return columns_then_rows(holding, streamed, false);
}

Bytes Deliveries::filtered_by_row(const Holding& holding, bool streamed) {
  if (grid_->rows() == 1) return along_rows(holding, streamed);
  if (grid_->columns() == 1) return along_columns(holding, streamed);
  return columns_then_rows(holding, streamed, true);
}

Bytes Deliveries::filtered_by_column(const Holding& holding, bool streamed) {
  if (grid_->columns() == 1) return along_columns(holding, streamed);
  if (grid_->rows() == 1) return along_rows(holding, streamed);
  const auto columns = static_cast<std::int64_t>(grid_->columns());
  Bytes most = 0;
  Bytes passed = 0;
  const Bytes window = 2 * *std::max_element(holding.begin(), holding.end());
  const auto row_sum = [&](std::uint32_t r) {
    Bytes sum = 0;
    for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) sum += holding[grid_->node_at(p)];
    return sum;
  };
  std::uint64_t holder_rows = 0, index = 0;
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) holder_rows += row_sum(r) > 0 ? 1 : 0;
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    const Bytes row_bytes = row_sum(r);
    if (row_bytes == 0) continue;
    for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
      const Bytes part = piece_size(row_bytes, columns, c);
      const std::uint32_t node = grid_->at(r, c);
      if (node != kNone) {
        send(node, Shape::kRow, holding[node], 0, 1);
        stream(node, Shape::kColumn, part, 2, index, holder_rows, streamed);
        continue;
      }
      const std::uint32_t proxy = grid_->nearest_in_column(r, c);
      if (proxy == kNone) continue;  // a column without nodes needs nothing
      for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) {
        const Bytes held = holding[grid_->node_at(p)];
        send(grid_->node_at(p), Shape::kUnicast, piece_size(held, columns, c), 0, 1, proxy);
      }
      stream(proxy, Shape::kColumn, part, 2, index, holder_rows, streamed);
    }
    ++index;
    most = std::max(most, ceil_div(row_bytes, columns) + window);
    passed += ceil_div(row_bytes, columns);
  }
  two_stages_ = true;
  return most + passed;
}

Bytes Deliveries::along_rows_before(const Holding& holding, std::uint32_t step) {
  std::vector<Bytes> of_row(grid_->rows(), 0);
  for (const std::uint32_t node : grid_->all()) {
    of_row[grid_->row_of(node)] += holding[node];
    send(node, Shape::kRow, holding[node], 1 + step, 1);
  }
  return *std::max_element(of_row.begin(), of_row.end());
}

void Deliveries::unicast(std::uint32_t source, std::uint32_t destination, Bytes bytes, std::uint32_t step) {
  send(source, Shape::kUnicast, bytes, 1 + step, 1, destination);
}

void Deliveries::unicast_to_pass_on(std::uint32_t source, std::uint32_t destination, Bytes bytes) {
  send(source, Shape::kUnicast, bytes, 0, 1, destination);
  two_stages_ = true;
}

/// Added up in one go: where each node of a row has a share of what each other one needs, messages are many.
Bytes Deliveries::unicasts_of_row(std::uint32_t row, std::uint32_t destination, Bytes bytes, std::uint32_t step,
                                  bool pass_on) {
  const std::int64_t count = grid_->row_count(row);
  if (bytes <= 0 || count == 0) return 0;
  if (distances_.empty()) measure_distances();
  const std::uint32_t to_row = grid_->row_of(destination), to_column = grid_->column_of(destination);
  const Bytes own = to_row == row ? piece_size(bytes, count, grid_->position(destination) - grid_->row_begin(row)) : 0;
  if (bytes == own) return 0;
  any_ = true;
  two_stages_ = two_stages_ || pass_on;
  const std::uint32_t slot = pass_on ? 0 : 1 + step, stage = 1;
  const When when = when_of(slot, stage);
  const double share = static_cast<double>(bytes) / static_cast<double>(count);
  arriving_[destination][when] += static_cast<double>(bytes - own);
  row_messages_[row][when] += std::round(share * distances_[row * grid_->columns() + to_column]);
  column_messages_[to_column][when] += static_cast<double>(bytes) * (to_row > row ? to_row - row : row - to_row);
  if (keep_ == Keep::kLoad) return bytes - own;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t source = grid_->node_at(grid_->row_begin(row) + static_cast<std::uint32_t>(i));
    const Bytes piece = piece_size(bytes, count, i);
    if (source != destination && piece > 0)
      sent_.push_back({source, destination, piece, Shape::kUnicast, static_cast<std::uint8_t>(slot), stage});
  }
  return bytes - own;
}

void Deliveries::measure_distances() {
  const std::uint32_t columns = grid_->columns();
  distances_.assign(std::size_t{grid_->rows()} * columns, 0);
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    std::uint32_t* const of_row = &distances_[std::size_t{r} * columns];
    for (std::uint32_t nodes = 0, c = 1; c < columns; ++c) {  // from the nodes to the west
      nodes += grid_->at(r, c - 1) != kNone ? 1 : 0;
      of_row[c] = of_row[c - 1] + nodes;
    }
    for (std::uint32_t nodes = 0, sum = 0, c = columns - 1; c-- > 0;) {
      nodes += grid_->at(r, c + 1) != kNone ? 1 : 0;
      sum += nodes;
      of_row[c] += sum;
    }
  }
}

void Deliveries::along_line_of(std::uint32_t node, bool row, bool passes_on, Bytes bytes, std::uint64_t index,
                               std::uint64_t count, bool streamed) {
  stream(node, row ? Shape::kRow : Shape::kColumn, bytes, passes_on ? 2 : 1, index, count, streamed);
  two_stages_ = two_stages_ || passes_on;
}

Bytes Deliveries::row_to_row(std::uint32_t from_row, std::uint32_t to_row, Bytes bytes) {
  const std::uint32_t count = grid_->row_count(to_row);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t destination = grid_->node_at(grid_->row_begin(to_row) + i);
    unicast(grid_->nearest_in_row(from_row, grid_->column_of(destination)), destination, piece_size(bytes, count, i));
  }
  return ceil_div<Bytes>(bytes, count);
}

Bytes Deliveries::band_halo(std::uint32_t from_row, std::uint32_t to_row, Bytes bytes, bool pass_on, bool streamed) {
  // Few senders with whole messages instead of all nodes of the row with crumbs.
  const auto senders = static_cast<std::uint32_t>(
      std::clamp<Bytes>(bytes / 2048, 1, std::min(grid_->row_count(from_row), grid_->row_count(to_row))));
  for (std::uint32_t i = 0; i < senders; ++i) {
    const std::uint32_t source = grid_->node_at(
        grid_->row_begin(from_row) + static_cast<std::uint32_t>(piece_begin(grid_->row_count(from_row), senders, i)));
    const std::uint32_t destination = grid_->nearest_in_row(to_row, grid_->column_of(source));
    const Bytes part = piece_size(bytes, senders, i);
    send(source, Shape::kUnicast, part, 0, 1, destination);
    if (pass_on) stream(destination, Shape::kRow, part, 2, i, senders, streamed);
  }
  two_stages_ = two_stages_ || pass_on;
  return bytes;
}

}  // namespace dojo::workload

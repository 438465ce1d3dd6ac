// SPDX-License-Identifier: Apache-2.0
// Operand traffic of a kernel over the rows and columns of a slice.
#include "workload/lower/deliveries.h"

#include <algorithm>
#include <array>

#include "dojo/base/error.h"
#include "dojo/workload/collectives.h"

namespace dojo::workload {

Holding spread_evenly(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.nodes());
  for (std::uint32_t p = 0; p < grid.nodes(); ++p) {
    holding[grid.node_at(p)] = piece_begin(bytes, grid.nodes(), p + 1) - piece_begin(bytes, grid.nodes(), p);
  }
  return holding;
}

Holding spread_resident(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.nodes(), 0);
  const std::vector<std::uint32_t> nodes = residency(grid.shape(), bytes);
  const auto count = static_cast<std::int64_t>(nodes.size());
  for (std::int64_t i = 0; i < count; ++i) {
    holding[nodes[static_cast<std::size_t>(i)]] = piece_begin(bytes, count, i + 1) - piece_begin(bytes, count, i);
  }
  return holding;
}

Deliveries::Deliveries(const SliceGrid& grid, std::uint32_t steps) : grid_(&grid), steps_(steps) {}

std::uint32_t Deliveries::slot(std::uint64_t index, std::uint64_t count, bool streamed) const {
  return streamed ? 1 + static_cast<std::uint32_t>(index * steps_ / count) : 1;
}

void Deliveries::send(std::uint32_t source, Transfer::Shape shape, Bytes bytes, std::uint32_t slot, std::uint32_t stage,
                      std::uint32_t destination) {
  const bool nobody = (shape == Transfer::Shape::kRow && grid_->row_count(grid_->row_of(source)) < 2) ||
                      (shape == Transfer::Shape::kColumn && grid_->column_count(grid_->column_of(source)) < 2) ||
                      (shape == Transfer::Shape::kUnicast && source == destination);
  if (bytes <= 0 || nobody) {
    return;
  }
  DOJO_CHECK(bytes <= 0xffffffffLL, "a transfer of {} bytes from one node", bytes);
  Transfer t;
  t.destination = destination;
  t.bytes = static_cast<std::uint32_t>(bytes);
  t.shape = shape;
  t.slot = static_cast<std::uint8_t>(slot);
  t.stage = static_cast<std::uint8_t>(stage);
  transfers_.push_back({source, t});
}

Bytes Deliveries::along_rows(const Holding& holding, bool streamed) {
  Bytes most = 0;
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    Bytes sum = 0;
    for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) {
      const std::uint32_t node = grid_->node_at(p);
      sum += holding[node];
      send(node, Transfer::Shape::kRow, holding[node], slot(p - grid_->row_begin(r), grid_->row_count(r), streamed), 1);
    }
    most = std::max(most, sum);
  }
  return most;
}

Bytes Deliveries::along_columns(const Holding& holding, bool streamed) {
  Bytes most = 0;
  for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
    Bytes sum = 0;
    std::uint32_t index = 0;
    for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
      const std::uint32_t node = grid_->at(r, c);
      if (node == kNone) {
        continue;
      }
      sum += holding[node];
      send(node, Transfer::Shape::kColumn, holding[node], slot(index++, grid_->column_count(c), streamed), 1);
    }
    most = std::max(most, sum);
  }
  return most;
}

Bytes Deliveries::columns_then_rows(const Holding& holding, bool streamed, bool filtered) {
  const auto rows = static_cast<std::int64_t>(grid_->rows());
  std::vector<std::uint32_t> holder_columns;
  std::vector<Bytes> column_bytes(grid_->columns(), 0);
  for (std::uint32_t node = 0; node < grid_->nodes(); ++node) {
    column_bytes[grid_->column_of(node)] += holding[node];
  }
  for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
    if (column_bytes[c] > 0) {
      holder_columns.push_back(c);
    }
  }
  Bytes most = 0;
  Bytes passed = 0;
  // Of what only passes by, a node keeps its part: two pieces in flight are all that lies in its SRAM.
  const Bytes window = 2 * *std::max_element(holding.begin(), holding.end());
  for (std::size_t i = 0; i < holder_columns.size(); ++i) {
    const std::uint32_t c = holder_columns[i];
    for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
      if (grid_->row_count(r) == 0) {
        continue;
      }
      const Bytes part = filtered ? piece_begin(column_bytes[c], rows, r + 1) - piece_begin(column_bytes[c], rows, r)
                                  : column_bytes[c];
      const std::uint32_t node = grid_->at(r, c);
      if (node != kNone) {
        send(node, Transfer::Shape::kColumn, holding[node], 0, 1);
        send(node, Transfer::Shape::kRow, part, slot(i, holder_columns.size(), streamed), 2);
        continue;
      }
      // The site has no node: its nearest neighbour in the row is sent the column's pieces and passes them on.
      const std::uint32_t proxy = grid_->nearest_in_row(r, c);
      for (std::uint32_t from = 0; from < grid_->rows(); ++from) {
        const std::uint32_t holder = grid_->at(from, c);
        if (holder != kNone && holding[holder] > 0) {
          const Bytes piece = filtered
                                  ? piece_begin(holding[holder], rows, r + 1) - piece_begin(holding[holder], rows, r)
                                  : holding[holder];
          send(holder, Transfer::Shape::kUnicast, piece, 0, 1, proxy);
        }
      }
      send(proxy, Transfer::Shape::kRow, part, slot(i, holder_columns.size(), streamed), 2);
    }
    const Bytes part = filtered ? ceil_div(column_bytes[c], rows) : column_bytes[c];
    most = std::max(most, filtered ? part + window : part);
    passed += part;
  }
  two_stages_ = true;
  return most + passed;
}

Bytes Deliveries::to_all(const Holding& holding, bool streamed) {
  if (grid_->rows() == 1) {
    return along_rows(holding, streamed);
  }
  if (grid_->columns() == 1) {
    return along_columns(holding, streamed);
  }
  return columns_then_rows(holding, streamed, false);
}

Bytes Deliveries::filtered_by_row(const Holding& holding, bool streamed) {
  if (grid_->rows() == 1) {
    return along_rows(holding, streamed);
  }
  if (grid_->columns() == 1) {
    return along_columns(holding, streamed);
  }
  return columns_then_rows(holding, streamed, true);
}

Bytes Deliveries::filtered_by_column(const Holding& holding, bool streamed) {
  if (grid_->columns() == 1) {
    return along_columns(holding, streamed);
  }
  if (grid_->rows() == 1) {
    return along_rows(holding, streamed);
  }
  const auto columns = static_cast<std::int64_t>(grid_->columns());
  Bytes most = 0;
  Bytes passed = 0;
  const Bytes window = 2 * *std::max_element(holding.begin(), holding.end());
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    Bytes row_bytes = 0;
    for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) {
      row_bytes += holding[grid_->node_at(p)];
    }
    if (row_bytes == 0) {
      continue;
    }
    for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
      const Bytes part = piece_begin(row_bytes, columns, c + 1) - piece_begin(row_bytes, columns, c);
      const std::uint32_t node = grid_->at(r, c);
      if (node != kNone) {
        send(node, Transfer::Shape::kRow, holding[node], 0, 1);
        send(node, Transfer::Shape::kColumn, part, slot(r, grid_->rows(), streamed), 2);
        continue;
      }
      const std::uint32_t proxy = grid_->nearest_in_column(r, c);
      if (proxy == kNone) {
        continue;  // a column without nodes needs nothing
      }
      for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) {
        const Bytes held = holding[grid_->node_at(p)];
        send(grid_->node_at(p), Transfer::Shape::kUnicast,
             piece_begin(held, columns, c + 1) - piece_begin(held, columns, c), 0, 1, proxy);
      }
      send(proxy, Transfer::Shape::kColumn, part, slot(r, grid_->rows(), streamed), 2);
    }
    most = std::max(most, ceil_div(row_bytes, columns) + window);
    passed += ceil_div(row_bytes, columns);
  }
  two_stages_ = true;
  return most + passed;
}

void Deliveries::unicast(std::uint32_t source, std::uint32_t destination, Bytes bytes) {
  send(source, Transfer::Shape::kUnicast, bytes, 1, 1, destination);
}

Bytes Deliveries::band_halo(std::uint32_t from_row, std::uint32_t to_row, Bytes bytes, bool pass_on) {
  // Few senders with whole messages instead of all nodes of the row with crumbs.
  const auto senders = static_cast<std::uint32_t>(
      std::clamp<Bytes>(bytes / 2048, 1, std::min(grid_->row_count(from_row), grid_->row_count(to_row))));
  for (std::uint32_t i = 0; i < senders; ++i) {
    const std::uint32_t source = grid_->node_at(
        grid_->row_begin(from_row) + static_cast<std::uint32_t>(piece_begin(grid_->row_count(from_row), senders, i)));
    const std::uint32_t destination = grid_->nearest_in_row(to_row, grid_->column_of(source));
    const Bytes part = piece_begin(bytes, senders, i + 1) - piece_begin(bytes, senders, i);
    send(source, Transfer::Shape::kUnicast, part, 0, 1, destination);
    if (pass_on) {
      send(destination, Transfer::Shape::kRow, part, 1, 2);
    }
  }
  two_stages_ = two_stages_ || pass_on;
  return bytes;
}

void Deliveries::finish(Kernel& kernel) const {
  if (transfers_.empty()) {
    return;
  }
  const std::uint32_t slots = steps_ + 1;
  std::vector<Sent> sorted = transfers_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Sent& a, const Sent& b) {
    // By the step that needs it first: a node sends in this order, and later steps wait until earlier ones are
    // computed.
    return std::array{a.source, static_cast<std::uint32_t>(a.transfer.slot),
                      static_cast<std::uint32_t>(a.transfer.stage)} <
           std::array{b.source, static_cast<std::uint32_t>(b.transfer.slot),
                      static_cast<std::uint32_t>(b.transfer.stage)};
  });
  kernel.transfer_begin.assign(grid_->nodes() + 1, 0);
  kernel.transfers.reserve(sorted.size());
  std::vector<std::uint32_t> in_row(static_cast<std::size_t>(grid_->rows()) * slots, 0);
  std::vector<std::uint32_t> in_column(static_cast<std::size_t>(grid_->columns()) * slots, 0);
  std::vector<std::int64_t> need(static_cast<std::size_t>(grid_->nodes()) * slots, 0);
  for (const Sent& s : sorted) {
    ++kernel.transfer_begin[s.source + 1];
    kernel.transfers.push_back(s.transfer);
    const std::uint32_t at = s.transfer.slot;
    if (s.transfer.shape == Transfer::Shape::kRow) {
      ++in_row[grid_->row_of(s.source) * slots + at];
      --need[s.source * slots + at];  // a multicast does not come back to its sender
    } else if (s.transfer.shape == Transfer::Shape::kColumn) {
      ++in_column[grid_->column_of(s.source) * slots + at];
      --need[s.source * slots + at];
    } else {
      ++need[s.transfer.destination * slots + at];
    }
  }
  for (std::uint32_t n = 0; n < grid_->nodes(); ++n) {
    kernel.transfer_begin[n + 1] += kernel.transfer_begin[n];
    for (std::uint32_t s = 0; s < slots; ++s) {
      need[n * slots + s] += in_row[grid_->row_of(n) * slots + s];
      need[n * slots + s] += in_column[grid_->column_of(n) * slots + s];
    }
  }
  kernel.need.reserve(need.size());
  for (const std::int64_t n : need) {
    DOJO_CHECK(n >= 0 && n <= 0xffff, "{} arrivals in a slot", n);
    kernel.need.push_back(static_cast<std::uint16_t>(n));
  }
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Operand traffic of a kernel over the rows and columns of a slice.
#include "lower/deliveries.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "dojo/base/error.h"
#include "dojo/workload/residency.h"

namespace dojo::workload {

Holding spread_evenly(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.nodes());
  for (std::uint32_t p = 0; p < grid.nodes(); ++p) holding[grid.node_at(p)] = piece_size(bytes, grid.nodes(), p);
  return holding;
}

Holding spread_resident(const SliceGrid& grid, Bytes bytes) {
  Holding holding(grid.nodes(), 0);
  const std::vector<std::uint32_t> nodes = residency(grid.shape(), bytes);
  const auto count = static_cast<std::int64_t>(nodes.size());
  for (std::int64_t i = 0; i < count; ++i) holding[nodes[static_cast<std::size_t>(i)]] = piece_size(bytes, count, i);
  return holding;
}

Deliveries::Deliveries(const SliceGrid& grid, std::uint32_t steps) : grid_(&grid), steps_(steps) {}

std::uint32_t Deliveries::slot(std::uint64_t index, std::uint64_t count, bool streamed) const {
  return streamed ? 1 + static_cast<std::uint32_t>(index * steps_ / count) : 1;
}

void Deliveries::send(std::uint32_t source, Shape shape, Bytes bytes, std::uint32_t slot, std::uint32_t stage,
                      std::uint32_t destination) {
  const bool nobody = (shape == Shape::kRow && grid_->row_count(grid_->row_of(source)) < 2) ||
                      (shape == Shape::kColumn && grid_->column_count(grid_->column_of(source)) < 2) ||
                      (shape == Shape::kUnicast && source == destination);
  if (bytes <= 0 || nobody) return;
  sent_.push_back(
      {source, destination, bytes, shape, static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(stage)});
}

Bytes Deliveries::along_rows(const Holding& holding, bool streamed) {
  Bytes most = 0;
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    Bytes sum = 0;
    for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) {
      const std::uint32_t node = grid_->node_at(p);
      sum += holding[node];
      send(node, Shape::kRow, holding[node], slot(p - grid_->row_begin(r), grid_->row_count(r), streamed), 1);
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
      if (node == kNone) continue;
      sum += holding[node];
      send(node, Shape::kColumn, holding[node], slot(index++, grid_->column_count(c), streamed), 1);
    }
    most = std::max(most, sum);
  }
  return most;
}

Bytes Deliveries::columns_then_rows(const Holding& holding, bool streamed, bool filtered) {
  const auto rows = static_cast<std::int64_t>(grid_->rows());
  std::vector<std::uint32_t> holder_columns;
  std::vector<Bytes> column_bytes(grid_->columns(), 0);
  for (std::uint32_t node = 0; node < grid_->nodes(); ++node) column_bytes[grid_->column_of(node)] += holding[node];
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
        send(node, Shape::kRow, part, slot(i, holder_columns.size(), streamed), 2);
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
      send(proxy, Shape::kRow, part, slot(i, holder_columns.size(), streamed), 2);
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
  for (std::uint32_t r = 0; r < grid_->rows(); ++r) {
    Bytes row_bytes = 0;
    for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p)
      row_bytes += holding[grid_->node_at(p)];
    if (row_bytes == 0) continue;
    for (std::uint32_t c = 0; c < grid_->columns(); ++c) {
      const Bytes part = piece_size(row_bytes, columns, c);
      const std::uint32_t node = grid_->at(r, c);
      if (node != kNone) {
        send(node, Shape::kRow, holding[node], 0, 1);
        send(node, Shape::kColumn, part, slot(r, grid_->rows(), streamed), 2);
        continue;
      }
      const std::uint32_t proxy = grid_->nearest_in_column(r, c);
      if (proxy == kNone) continue;  // a column without nodes needs nothing
      for (std::uint32_t p = grid_->row_begin(r); p < grid_->row_begin(r + 1); ++p) {
        const Bytes held = holding[grid_->node_at(p)];
        send(grid_->node_at(p), Shape::kUnicast, piece_size(held, columns, c), 0, 1, proxy);
      }
      send(proxy, Shape::kColumn, part, slot(r, grid_->rows(), streamed), 2);
    }
    most = std::max(most, ceil_div(row_bytes, columns) + window);
    passed += ceil_div(row_bytes, columns);
  }
  two_stages_ = true;
  return most + passed;
}

void Deliveries::unicast(std::uint32_t source, std::uint32_t destination, Bytes bytes) {
  send(source, Shape::kUnicast, bytes, 1, 1, destination);
}

Bytes Deliveries::band_halo(std::uint32_t from_row, std::uint32_t to_row, Bytes bytes, bool pass_on) {
  // Few senders with whole messages instead of all nodes of the row with crumbs.
  const auto senders = static_cast<std::uint32_t>(
      std::clamp<Bytes>(bytes / 2048, 1, std::min(grid_->row_count(from_row), grid_->row_count(to_row))));
  for (std::uint32_t i = 0; i < senders; ++i) {
    const std::uint32_t source = grid_->node_at(
        grid_->row_begin(from_row) + static_cast<std::uint32_t>(piece_begin(grid_->row_count(from_row), senders, i)));
    const std::uint32_t destination = grid_->nearest_in_row(to_row, grid_->column_of(source));
    const Bytes part = piece_size(bytes, senders, i);
    send(source, Shape::kUnicast, part, 0, 1, destination);
    if (pass_on) send(destination, Shape::kRow, part, 1, 2);
  }
  two_stages_ = two_stages_ || pass_on;
  return bytes;
}

void Deliveries::finish(Kernel& kernel) const {
  if (sent_.empty()) return;
  finish_gathers(kernel);
  finish_unicasts(kernel);
  count_arrivals(kernel);
}

/// What the nodes of a line send at one time becomes one gather.
void Deliveries::finish_gathers(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  std::vector<std::uint16_t> place_in_row(shape.node_count()), place_in_column(shape.node_count());
  for (const SliceShape::Line& line : shape.lines) {
    for (std::uint32_t i = line.nodes_begin; i < line.nodes_end; ++i) {
      (line.horizontal ? place_in_row : place_in_column)[shape.line_nodes[i]] =
          static_cast<std::uint16_t>(i - line.nodes_begin);
    }
  }
  struct Part {
    std::uint32_t line;
    std::uint8_t slot, stage;
    std::uint16_t holder;
    Bytes bytes;
    [[nodiscard]] std::array<std::uint32_t, 3> gather() const { return {line, slot, stage}; }
  };
  std::vector<Part> parts;
  for (const Sent& s : sent_) {
    const SliceShape::Node& node = shape.nodes[s.source];
    if (s.shape == Shape::kRow)
      parts.push_back({node.row_line, s.slot, s.stage, place_in_row[s.source], s.bytes});
    else if (s.shape == Shape::kColumn)
      parts.push_back({node.column_line, s.slot, s.stage, place_in_column[s.source], s.bytes});
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tuple(a.gather(), a.holder) < std::tuple(b.gather(), b.holder);
  });
  kernel.gather_begin.assign(shape.lines.size() + 1, 0);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const bool first = i == 0 || parts[i - 1].gather() != part.gather();
    if (first) {
      const auto begin = static_cast<std::uint32_t>(kernel.pieces.size());
      kernel.gathers.push_back({begin, begin, part.slot, part.stage});
      ++kernel.gather_begin[part.line + 1];
    }
    const bool same_piece = !first && parts[i - 1].holder == part.holder;
    const Bytes bytes = part.bytes + (same_piece ? kernel.pieces.back().bytes : 0);
    DOJO_CHECK(bytes <= 0x7fffffffLL, "a piece of {} bytes from one node", bytes);
    if (!same_piece) kernel.pieces.push_back({part.holder, 0});
    kernel.pieces.back().bytes = static_cast<std::uint32_t>(bytes);
    kernel.gathers.back().pieces_end = static_cast<std::uint32_t>(kernel.pieces.size());
  }
  std::partial_sum(kernel.gather_begin.begin(), kernel.gather_begin.end(), kernel.gather_begin.begin());
}

void Deliveries::finish_unicasts(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  for (const Sent& s : sent_) {
    if (s.shape != Shape::kUnicast) continue;
    DOJO_CHECK(s.stage == 1 && s.bytes <= 0xffffffffLL, "a message of {} bytes in stage {}", s.bytes, s.stage);
    kernel.unicasts.push_back({s.source, s.destination, static_cast<std::uint32_t>(s.bytes), s.slot});
  }
  std::stable_sort(kernel.unicasts.begin(), kernel.unicasts.end(), [&](const Unicast& a, const Unicast& b) {
    return std::tuple(shape.nodes[a.source].die, a.slot, a.source) <
           std::tuple(shape.nodes[b.source].die, b.slot, b.source);
  });
  kernel.unicast_begin.assign(shape.die_count() + 1, 0);
  for (const Unicast& u : kernel.unicasts) ++kernel.unicast_begin[shape.nodes[u.source].die + 1U];
  std::partial_sum(kernel.unicast_begin.begin(), kernel.unicast_begin.end(), kernel.unicast_begin.begin());
}

void Deliveries::count_arrivals(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  const std::uint32_t slots = steps_ + 1;
  const std::size_t rows = grid_->rows();
  std::vector<std::uint32_t> in_line((rows + grid_->columns()) * slots, 0);  // gathers, the node's own line included
  std::vector<std::int64_t> need(static_cast<std::size_t>(grid_->nodes()) * slots, 0);
  for (std::uint32_t l = 0; l < shape.lines.size(); ++l) {
    const SliceShape::Line& line = shape.lines[l];
    const SliceShape::Node& node = shape.nodes[shape.line_nodes[line.nodes_begin]];
    const std::size_t slice_line = line.horizontal ? node.row : rows + node.column;
    for (std::uint32_t g = kernel.gather_begin[l]; g < kernel.gather_begin[l + 1]; ++g) {
      const Gather& gather = kernel.gathers[g];
      ++in_line[slice_line * slots + gather.slot];
      if (gather.pieces_end - gather.pieces_begin == 1)  // what it sends alone does not come back
        --need[shape.line_nodes[line.nodes_begin + kernel.pieces[gather.pieces_begin].holder] * slots + gather.slot];
    }
  }
  for (const Unicast& u : kernel.unicasts) ++need[u.destination * slots + u.slot];
  for (std::uint32_t n = 0; n < grid_->nodes(); ++n)
    for (std::uint32_t s = 0; s < slots; ++s)
      need[n * slots + s] += in_line[grid_->row_of(n) * slots + s] + in_line[(rows + grid_->column_of(n)) * slots + s];
  kernel.need.reserve(need.size());
  for (const std::int64_t n : need) {
    DOJO_CHECK(n >= 0 && n <= 0xffff, "{} arrivals in a slot", n);
    kernel.need.push_back(static_cast<std::uint16_t>(n));
  }
}

}  // namespace dojo::workload

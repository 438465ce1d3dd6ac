// SPDX-License-Identifier: Apache-2.0
// What was sent becomes gathers, unicasts and arrival counts of a kernel.
#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "dojo/base/error.h"
#include "lower/deliveries.h"

namespace dojo::workload {

void Deliveries::finish(Kernel& kernel) const {
  DOJO_CHECK(keep_ == Keep::kAll, "a kernel of deliveries of which only loads were kept, {} steps", steps_);
  kernel.part = grid_->part();
  if (sent_.empty()) return;
  finish_gathers(kernel);
  finish_unicasts(kernel);
  count_arrivals(kernel);
}

/// What the nodes of a line send at one time becomes one gather.
void Deliveries::finish_gathers(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  std::vector<std::uint16_t> place_in_row(shape.node_count()), place_in_column(shape.node_count());
  for (const SliceShape::Line& whole : shape.lines) {
    const SliceShape::Line line = clipped(shape, whole, grid_->part());
    for (std::uint32_t i = line.nodes_begin; i < line.nodes_end; ++i) {
      (line.horizontal ? place_in_row : place_in_column)[shape.line_nodes[i]] =
          static_cast<std::uint16_t>(i - line.nodes_begin);
    }
  }
  struct Part {
    std::uint32_t line;
    std::uint8_t slot, stage;
    std::uint16_t place;
    Bytes bytes;
    [[nodiscard]] std::array<std::uint32_t, 3> gather() const { return {line, slot, stage}; }
  };
  std::vector<Part> parts;
  for (const Sent& s : sent_) {
    const SliceShape::Node& node = shape.nodes[s.source];
    if (s.shape == Shape::kRow) {
      parts.push_back({node.row_line, s.slot, s.stage, place_in_row[s.source], s.bytes});
    } else if (s.shape == Shape::kColumn) {
      parts.push_back({node.column_line, s.slot, s.stage, place_in_column[s.source], s.bytes});
    }
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tuple(a.gather(), a.place) < std::tuple(b.gather(), b.place);
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
    const bool same_piece = !first && parts[i - 1].place == part.place;
    const Bytes bytes = part.bytes + (same_piece ? kernel.pieces.back().bytes : 0);
    if (bytes > TooLarge::kMost) throw TooLarge{bytes};
    if (!same_piece) kernel.pieces.push_back({part.place, 0});
    kernel.pieces.back().bytes = static_cast<std::uint32_t>(bytes);
    kernel.gathers.back().pieces_end = static_cast<std::uint32_t>(kernel.pieces.size());
  }
  std::partial_sum(kernel.gather_begin.begin(), kernel.gather_begin.end(), kernel.gather_begin.begin());
}

namespace {

/// Of messages that leave in one cycle: who comes first. On each link of a row that is the node next to it.
std::pair<int, int> turn_on_row(const SliceShape& shape, const Unicast& message) {
  const int from = shape.nodes[message.source].column, to = shape.nodes[message.destination].column;
  if (from == to) return {0, 0};
  return to < from ? std::pair{1, from} : std::pair{2, -from};
}

}  // namespace

/// The fast network reserves links message by message, in this order. One that is reserved for later leaves a gap, and
/// a link knows its last gap alone, which matters where a message is shorter than its way: those go in the order in
/// which they come to the links of their rows. The messages of a node keep their order.
void Deliveries::order_short_unicasts(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  const auto die_columns = shape.columns / shape.die_columns;
  const double length = static_cast<double>(die_columns) * grid_->link_bytes_per_cycle();
  struct Turn {
    std::uint32_t nth;  ///< of its node's messages
    bool is_long;
    std::pair<int, int> on_row;
    Unicast message;
  };
  std::vector<std::uint32_t> sent(shape.node_count(), 0);
  std::vector<Turn> turns;
  for (const Unicast& u : kernel.unicasts) {
    const bool is_long = u.bytes > length;
    turns.push_back({sent[u.source]++, is_long, is_long ? std::pair{0, 0} : turn_on_row(shape, u), u});
  }
  const auto die = [&](const Turn& turn) { return shape.nodes[turn.message.source].die; };
  std::stable_sort(turns.begin(), turns.end(), [&](const Turn& a, const Turn& b) {
    return std::tuple(die(a), a.nth, a.is_long, a.on_row) < std::tuple(die(b), b.nth, b.is_long, b.on_row);
  });
  std::transform(turns.begin(), turns.end(), kernel.unicasts.begin(), [](const Turn& turn) { return turn.message; });
}

void Deliveries::finish_unicasts(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  for (const Sent& s : sent_) {
    if (s.shape != Shape::kUnicast) continue;
    DOJO_CHECK(s.stage == 1, "a message in stage {}", s.stage);
    if (s.bytes > TooLarge::kMost) throw TooLarge{s.bytes};
    kernel.unicasts.push_back({s.source, s.destination, static_cast<std::uint32_t>(s.bytes), s.slot});
  }
  std::stable_sort(kernel.unicasts.begin(), kernel.unicasts.end(), [&](const Unicast& a, const Unicast& b) {
    return std::tuple(shape.nodes[a.source].die, a.slot, a.source) <
           std::tuple(shape.nodes[b.source].die, b.slot, b.source);
  });
  order_short_unicasts(kernel);
  kernel.unicast_begin.assign(shape.die_count() + 1, 0);
  for (const Unicast& u : kernel.unicasts) ++kernel.unicast_begin[shape.nodes[u.source].die + 1U];
  std::partial_sum(kernel.unicast_begin.begin(), kernel.unicast_begin.end(), kernel.unicast_begin.begin());
}

void Deliveries::count_arrivals(Kernel& kernel) const {
  const SliceShape& shape = grid_->shape();
  const std::uint32_t slots = steps_ + 1;
  const std::size_t rows = grid_->rows();
  std::vector<std::uint32_t> in_line((rows + grid_->columns()) * slots, 0);  // gathers, the node's own line included
  std::vector<std::int64_t> need(static_cast<std::size_t>(shape.node_count()) * slots, 0);
  for (std::uint32_t l = 0; l < shape.lines.size(); ++l) {
    if (kernel.gather_begin[l] == kernel.gather_begin[l + 1]) continue;
    const SliceShape::Line line = clipped(shape, shape.lines[l], grid_->part());
    const std::uint32_t node = shape.line_nodes[line.nodes_begin];
    const std::size_t slice_line = line.horizontal ? grid_->row_of(node) : rows + grid_->column_of(node);
    for (std::uint32_t g = kernel.gather_begin[l]; g < kernel.gather_begin[l + 1]; ++g) {
      const Gather& gather = kernel.gathers[g];
      ++in_line[slice_line * slots + gather.slot];
      if (gather.pieces_end - gather.pieces_begin == 1)  // what it sends alone does not come back
        --need[shape.line_nodes[line.nodes_begin + kernel.pieces[gather.pieces_begin].holder] * slots + gather.slot];
    }
  }
  for (const Unicast& u : kernel.unicasts) ++need[u.destination * slots + u.slot];
  for (const std::uint32_t n : grid_->all()) {
    for (std::uint32_t s = 0; s < slots; ++s)
      need[n * slots + s] += in_line[grid_->row_of(n) * slots + s] + in_line[(rows + grid_->column_of(n)) * slots + s];
  }
  kernel.need.reserve(need.size());
  for (const std::int64_t n : need) {
    DOJO_CHECK(n >= 0 && n <= 0xffff, "{} arrivals in a slot", n);
    kernel.need.push_back(static_cast<std::uint16_t>(n));
  }
}

}  // namespace dojo::workload

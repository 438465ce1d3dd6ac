// SPDX-License-Identifier: Apache-2.0
// In-rank reductions as dataflow plans of which every position is a node.
#include "lower/reduction.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/topology/node_ports.h"
#include "dojo/workload/plan_builder.h"

namespace dojo::workload {
namespace {

constexpr std::size_t kMessagesPerNode = 3;  // about 1,000 for a die: more would cost host time, not accuracy

/// The way of a line's sums to its root, in the time that one message takes at a port. What an item waits for comes one
/// message after the other; when all have come it adds them, which takes as long again.
struct WayToRoot {
  double units = 0;       ///< from the farthest item until the root has the sum
  double adds = 0;        ///< on the way, each with a latency
  double last_units = 0;  ///< that the root's port takes for one chunk

  /// With `low` items on one side of the root and `high` on the other, as ReductionBuilder::attach() joins them.
  WayToRoot(std::int64_t low, std::int64_t high, std::int64_t arity) {
    const Side a = side(low, arity), b = side(high, arity);
    const Side &early = a.units < b.units ? a : b, &late = a.units < b.units ? b : a;
    const double messages = early.messages + late.messages;
    units = std::max(late.units + late.messages, early.units + messages) + messages;
    adds = std::max(a.adds, b.adds) + 1;
    last_units = messages;
  }

 private:
  struct Side {
    double units = 0, adds = 0;  ///< until its heads have their sums
    double messages = 0;         ///< from its heads to the root
  };
  static Side side(std::int64_t items, std::int64_t arity) {
    Side found;
    found.messages = static_cast<double>(std::min(arity, items));
    while (items > 0) {
      items = ceil_div(items, std::min(arity, items)) - 1;  // below the head of the largest piece
      if (items == 0) break;
      found.units += 2 * static_cast<double>(std::min(arity, items));
      ++found.adds;
    }
    return found;
  }
};

/// Of the links between the nodes with the sums and destinations beyond them.
double cycles_beyond(const ReductionSpec& spec, const SliceGrid& grid) {
  double right = 0, below = 0;  // destinations
  for (const std::uint32_t node : spec.destinations) {
    right += grid.shape().nodes[node].column >= grid.part().column_begin + grid.columns() ? 1 : 0;
    below += grid.shape().nodes[node].row >= grid.part().row_begin + grid.rows() ? 1 : 0;
  }
  const double piece = static_cast<double>(spec.result_bytes) / static_cast<double>(spec.destinations.size());
  return piece * std::max(right / grid.rows() / grid.row_bytes_per_cycle(),
                          below / grid.columns() / grid.column_bytes_per_cycle());
}

/// A position is a node that has an item, in the order of its first.
class ReductionBuilder {
 public:
  ReductionBuilder(const ReductionSpec& spec, const ReductionShape& shape, const SliceGrid& grid)
      : spec_(spec), shape_(shape), grid_(grid), position_(grid.shape().node_count(), kNone) {}

  InRankDataflow build() {
    std::vector<std::uint32_t> roots = spec_.along_rows ? reduce_rows() : local_items();
    if (spec_.along_columns) roots = reduce_columns(roots);
    deliver(roots);
    flow_.plan = builder_.build("in_rank", {0}, shape_.chunks);
    for (DataflowItem& item : flow_.plan.items) {
      item.bytes *= item.need - 1;  // what came first is not added to anything
      item.combine = item.bytes > 0;
    }
    return std::move(flow_);
  }

 private:
  /// `bytes`: added for each token but the first.
  std::uint32_t add(std::uint32_t node, bool start, Bytes bytes) {
    std::uint32_t& position = position_[node];
    if (position == kNone) {
      position = static_cast<std::uint32_t>(flow_.nodes.size());
      flow_.nodes.push_back(node);
    }
    node_of_.push_back(node);
    return builder_.item(position, {start, true, bytes});
  }
  void connect(std::uint32_t from, std::uint32_t to, Bytes bytes) {
    builder_.edge(from, to, node_of_[from] == node_of_[to] ? 0 : bytes);
  }

  /// items[begin, end) towards `parent`; `forward`: the item at `begin` is the nearest.
  void attach(const std::vector<std::uint32_t>& items, std::size_t begin, std::size_t end, bool forward,
              std::uint32_t parent, Bytes bytes) {
    const std::size_t count = end - begin;
    const std::size_t pieces = std::min<std::size_t>(shape_.arity, count);
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t from = begin + count * i / pieces;
      const std::size_t to = begin + count * (i + 1) / pieces;
      const std::size_t head = forward ? from : to - 1;
      connect(items[head], parent, bytes);
      attach(items, forward ? from + 1 : from, forward ? to : to - 1, forward, items[head], bytes);
    }
  }

  /// Reduces a line of items to the one at `root`; returns it.
  std::uint32_t reduce_line(const std::vector<std::uint32_t>& line, std::size_t root, Bytes bytes) {
    attach(line, 0, root, false, line[root], bytes);
    attach(line, root + 1, line.size(), true, line[root], bytes);
    return line[root];
  }

  static Bytes part_bytes(Bytes bytes, std::uint32_t parts, std::uint32_t i) { return piece_size(bytes, parts, i); }

  std::vector<std::uint32_t> local_items() {
    std::vector<std::uint32_t> items;
    for (std::uint32_t p = 0; p < grid_.nodes(); ++p)
      items.push_back(add(grid_.node_at(p), true, spec_.along_columns ? 0 : spec_.node_bytes));
    return items;
  }

  /// One item per row and part, row by row.
  std::vector<std::uint32_t> reduce_rows() {
    std::vector<std::uint32_t> roots;
    for (std::uint32_t r = 0; r < grid_.rows(); ++r) {
      if (grid_.row_count(r) == 0) continue;
      for (std::uint32_t g = 0; g < shape_.row_parts; ++g) {
        const Bytes bytes = part_bytes(spec_.node_bytes, shape_.row_parts, g);
        std::vector<std::uint32_t> line;
        for (std::uint32_t p = grid_.row_begin(r); p < grid_.row_begin(r + 1); ++p)
          line.push_back(add(grid_.node_at(p), true, bytes));
        // Roots stand in the middle of equal stretches of the row.
        roots.push_back(reduce_line(line, line.size() * (2 * g + 1) / (2 * shape_.row_parts), bytes));
      }
    }
    return roots;
  }

  /// By column and matrix: one item of each node that has sums of the matrix.
  std::vector<std::vector<std::uint32_t>> matrix_lines() const {
    std::vector<std::vector<std::uint32_t>> lines(static_cast<std::size_t>(grid_.columns() * spec_.matrices));
    for (std::uint32_t p = 0; p < grid_.nodes(); ++p) {  // local_items() are numbered by position
      const std::uint32_t node = grid_.node_at(p);
      const auto [first, last] = grid_.matrices_of(grid_.row_of(node), spec_.matrices);
      for (std::int64_t m = first; m < last; ++m)
        lines[static_cast<std::size_t>(grid_.column_of(node) * spec_.matrices + m)].push_back(p);
    }
    return lines;
  }

  /// From one item per row and part (or one per node) to the roots in each column.
  std::vector<std::uint32_t> reduce_columns(const std::vector<std::uint32_t>& sources) {
    std::vector<std::vector<std::uint32_t>> lines;
    if (spec_.matrices > 1) {
      lines = matrix_lines();
    } else if (spec_.along_rows) {
      lines.resize(shape_.row_parts);
      for (std::size_t i = 0; i < sources.size(); ++i) lines[i % shape_.row_parts].push_back(sources[i]);
    } else {
      lines.resize(grid_.columns());
      for (const std::uint32_t source : sources) lines[grid_.column_of(node_of_[source])].push_back(source);
    }
    std::vector<std::uint32_t> roots;
    for (std::uint32_t g = 0; g < lines.size(); ++g) {
      if (lines[g].empty()) continue;
      const Bytes line_bytes = spec_.along_rows ? part_bytes(spec_.node_bytes, shape_.row_parts, g) : spec_.node_bytes;
      for (std::uint32_t h = 0; h < shape_.column_parts; ++h) {
        const Bytes bytes = part_bytes(line_bytes, shape_.column_parts, h);
        std::vector<std::uint32_t> line;
        for (const std::uint32_t source : lines[g]) {
          const std::uint32_t item = add(node_of_[source], false, bytes);
          connect(source, item, 0);
          line.push_back(item);
        }
        roots.push_back(reduce_line(line, line.size() * (2 * h + 1) / (2 * shape_.column_parts), bytes));
      }
    }
    std::sort(roots.begin(), roots.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(grid_.position(node_of_[a]), a) < std::pair(grid_.position(node_of_[b]), b);
    });
    return roots;
  }

  /// Row by row, as the roots stand: pieces go to nodes near by.
  [[nodiscard]] std::vector<std::uint32_t> destinations() const {
    std::vector<std::uint32_t> nodes = spec_.destinations;
    const std::vector<SliceShape::Node>& at = grid_.shape().nodes;
    std::stable_sort(nodes.begin(), nodes.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(at[a].row, at[a].column) < std::pair(at[b].row, at[b].column);
    });
    return nodes;
  }

  void deliver(const std::vector<std::uint32_t>& roots) {
    const std::size_t d = spec_.destinations.size();
    const std::vector<std::uint32_t> to = destinations();
    const std::size_t u = roots.size();
    const std::size_t pieces = std::max(d, u);
    std::vector<std::uint32_t> last(d);
    for (std::size_t i = 0; i < d; ++i) last[i] = add(to[i], false, 0);
    for (std::size_t i = 0; i < pieces; ++i) {
      const auto count = static_cast<std::int64_t>(pieces);
      const auto at = static_cast<std::int64_t>(i);
      connect(roots[d >= u ? i * u / d : i], last[d >= u ? i : i * d / u], piece_size(spec_.result_bytes, count, at));
    }
  }

  const ReductionSpec& spec_;
  const ReductionShape& shape_;
  const SliceGrid& grid_;
  PlanBuilder builder_;
  std::vector<std::uint32_t> position_;  ///< by node; kNone: it has no item
  std::vector<std::uint32_t> node_of_;   ///< by item
  InRankDataflow flow_;
};

}  // namespace

bool operator<(const ReductionSpec& a, const ReductionSpec& b) {
  return std::tie(a.along_rows, a.along_columns, a.node_bytes, a.result_bytes, a.destinations, a.part, a.matrices) <
         std::tie(b.along_rows, b.along_columns, b.node_bytes, b.result_bytes, b.destinations, b.part, b.matrices);
}

ReductionShape choose_reduction(const ReductionSpec& spec, const SliceGrid& grid, const topology::NodeParams& node) {
  // What comes is written over a network port, and then added; the last move to the destinations adds nothing.
  const double move = std::min(grid.link_bytes_per_cycle(), static_cast<double>(node.port_bytes_per_cycle));
  const double port = std::min(move, topology::add_rate(node).bytes_per_cycle());
  constexpr double kPorts = 2;  // from the SRAM to the router and back
  const double latency = kPorts + static_cast<double>(node.vector_latency_cycles);
  // By arity and parts: to the first part's root, the farthest from an end.
  using Ways = std::vector<WayToRoot>;
  const auto ways_of = [](std::int64_t count) {
    Ways ways;
    for (std::int64_t arity = 1; arity <= 3; ++arity) {
      for (std::int64_t parts = 1; parts <= 8; ++parts) {
        const std::int64_t low = count / (2 * parts);
        ways.emplace_back(low, count - 1 - low, arity);
      }
    }
    return ways;
  };
  // The rows of a matrix.
  const std::int64_t rows = spec.matrices == 1 ? grid.rows() : 1 + grid.rows() / spec.matrices;
  const Ways row_ways = spec.along_rows ? ways_of(grid.columns()) : Ways{};
  const Ways column_ways = spec.along_columns ? ways_of(rows) : Ways{};
  // `sums`: in one line side by side, of `bytes` each.
  const auto line_cycles = [&](const Ways& ways, double sums, double bytes, const ReductionShape& s,
                               std::uint32_t parts) {
    const double unit = bytes / parts / s.chunks / port;
    const WayToRoot& way = ways[(s.arity - 1) * 8 + parts - 1];
    // While a node works for one part the others wait: each node sends and adds its sums once.
    const double others = 2 * bytes / port * (sums - 1.0 / parts);
    return way.units * unit + way.adds * latency + (s.chunks - 1) * way.last_units * unit + others;
  };
  const double destinations = static_cast<double>(spec.destinations.size());
  const double beyond = cycles_beyond(spec, grid);
  ReductionShape best;
  best.cycles = -1;
  for (const std::uint32_t arity : {1U, 2U, 3U}) {
    for (const std::uint32_t row_parts : {1U, 2U, 4U, 8U}) {
      for (const std::uint32_t column_parts : {1U, 2U, 4U, 8U}) {
        for (const std::uint32_t chunks : {1U, 2U, 4U}) {
          ReductionShape s{row_parts, column_parts, arity, chunks, 0};
          std::size_t messages = 0;
          Bytes line_bytes = spec.node_bytes;
          if ((!spec.along_rows && row_parts > 1) || (!spec.along_columns && column_parts > 1) ||
              row_parts > grid.columns() || column_parts > grid.rows() ||
              spec.node_bytes / row_parts / column_parts / chunks < 64) {
            if (row_parts * column_parts * chunks > 1) continue;
          }
          if (spec.along_rows) {
            s.cycles += line_cycles(row_ways, 1, static_cast<double>(line_bytes), s, row_parts);
            messages += static_cast<std::size_t>(grid.nodes()) * row_parts;
            line_bytes = ceil_div<Bytes>(line_bytes, row_parts);
          }
          if (spec.along_columns) {
            // The matrices of a row.
            const double sums =
                spec.matrices == 1 ? 1 : 1 + static_cast<double>(spec.matrices) / static_cast<double>(grid.rows());
            s.cycles += line_cycles(column_ways, sums, static_cast<double>(line_bytes), s, column_parts);
            messages +=
                static_cast<std::size_t>(column_parts) * (spec.along_rows ? grid.rows() * row_parts : grid.nodes());
          }
          messages *= chunks;
          // The roots, or where there are fewer of them the destinations, pass the result on.
          const double row_roots = spec.along_rows ? row_parts : grid.columns();
          const double column_roots =
              spec.along_columns ? column_parts * static_cast<double>(spec.matrices) : grid.rows();
          const double last = static_cast<double>(spec.result_bytes) / std::min(destinations, row_roots * column_roots);
          s.cycles +=
              static_cast<double>(grid.row_latency() + grid.column_latency()) + latency + std::max(beyond, last / move);
          const bool allowed = messages <= kMessagesPerNode * grid.nodes() || row_parts * column_parts * chunks == 1;
          if (allowed && (best.cycles < 0 || s.cycles < best.cycles)) best = s;
        }
      }
    }
  }
  return best;
}

InRankDataflow build_reduction(const ReductionSpec& spec, const ReductionShape& shape, const SliceGrid& grid) {
  DOJO_CHECK(!spec.destinations.empty(), "a reduction without destinations");
  return ReductionBuilder(spec, shape, grid).build();
}

}  // namespace dojo::workload

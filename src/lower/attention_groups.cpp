// SPDX-License-Identifier: Apache-2.0
// Attention by groups: the part is cut into rectangles of nodes, which share out the heads of all sequences (with the
// queries' heads that share keys). Each node of a rectangle has some tokens of the side that stays, and the whole
// rectangle needs the other side: by messages, or where it has whole columns or rows of the part along these.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "lower/attention_cut.h"

namespace dojo::workload {
namespace {

/// Stretch [begin, end) of rows, head by head, of one side of a unit: a head of keys with its queries' heads.
using Rows = Heads;

struct Group {
  std::uint32_t row_begin, row_end, column_begin, column_end;
  std::vector<std::uint32_t> nodes;
  std::int64_t first = 0, last = 0;  ///< its units
  [[nodiscard]] std::int64_t units() const { return last - first; }
};

class GroupCut : public AttentionCut {
 public:
  static constexpr std::int64_t kMostMessages = 64;  // of a node for a unit; more would cost host time

  GroupCut(const AttentionRequest& request, const PlanContext& context, bool queries_stay, AttentionGroups groups)
      : AttentionCut(request, context, queries_stay), down_(groups.down), across_(groups.across) {
    units_ = shape_.batch * shape_.key_heads();
    stays_heads_ = stays_.heads / shape_.key_heads(), moves_heads_ = moves_.heads / shape_.key_heads();
    stays_rows_ = stays_heads_ * stays_.tokens, moves_rows_ = moves_heads_ * moves_.tokens;
    group_of_.assign(grid_.shape().node_count(), 0), index_of_.assign(grid_.shape().node_count(), 0);
    const auto edge = [](std::uint32_t sites, std::uint32_t parts, std::uint32_t i) {
      return static_cast<std::uint32_t>(piece_begin(sites, parts, i));
    };
    for (std::uint32_t i = 0; i < down_; ++i) {
      for (std::uint32_t j = 0; j < across_; ++j) {
        Group group{edge(grid_.rows(), down_, i),
                    edge(grid_.rows(), down_, i + 1),
                    edge(grid_.columns(), across_, j),
                    edge(grid_.columns(), across_, j + 1),
                    {}};
        add_nodes(group);
        if (!group.nodes.empty()) groups_.push_back(std::move(group));
      }
    }
    const auto count = static_cast<std::int64_t>(groups_.size());
    for (std::int64_t g = 0; g < count; ++g) {
      groups_[static_cast<std::size_t>(g)].first = piece_begin(units_, count, g);
      groups_[static_cast<std::size_t>(g)].last = piece_begin(units_, count, g + 1);
    }
  }

  [[nodiscard]] bool sends_too_many() const {
    constexpr std::int64_t kMostUnits = 1 << 20;  // of all nodes
    const std::int64_t units = ceil_div(units_, static_cast<std::int64_t>(groups_.size()));
    if (units > kMostUnits / grid_.nodes()) return true;
    if (whole_columns() || whole_rows()) return false;
    std::size_t most = 0;
    for (const Group& group : groups_) most = std::max(most, group.nodes.size());
    return most > kMostMessages;
  }

  [[nodiscard]] std::string name() const override {
    return fmt::format("over {} x {} nodes, heads over {} x {} groups", ceil_div(grid_.rows(), down_),
                       ceil_div(grid_.columns(), across_), down_, across_);
  }

  void add_pieces(std::uint32_t node, std::uint32_t step, std::uint32_t steps,
                  std::vector<Piece>& pieces) const override {
    const Group& group = groups_[group_of_[node]];
    const std::int64_t blocks_of_unit = ceil_div(moves_rows_, block_columns_);
    const auto unit_at = [&](std::int64_t block) { return group.first + block / blocks_of_unit; };
    const std::int64_t all = group.units() * blocks_of_unit;
    const std::int64_t end = std::min(group.last, unit_at(piece_begin(all, steps, step + 1)) + 1);
    for (std::int64_t unit = unit_at(piece_begin(all, steps, step)); unit < end; ++unit) {
      const Rows mine = rows_of(group, unit, index_of_[node]);
      const Rows blocks = blocks_of(group, unit, step, steps);
      const std::int64_t met = met_before(blocks.end) - met_before(blocks.begin);
      if (mine.count() == 0 || met == 0) continue;
      const bool again = !pieces.empty() && pieces.back().rows == mine.count() && pieces.back().met_rows == met;
      if (again)
        ++pieces.back().count;
      else
        pieces.push_back({mine.count(), met, 1});
    }
  }

  [[nodiscard]] std::vector<std::uint32_t> busiest() const override {
    std::set<std::pair<std::size_t, std::int64_t>> known;
    std::vector<std::uint32_t> nodes;
    for (const Group& group : groups_)
      if (group.units() > 0 && known.emplace(group.nodes.size(), group.units()).second) {
        const std::int64_t blocks = ceil_div(stays_rows_, block_rows_),
                           all = static_cast<std::int64_t>(group.nodes.size());
        const std::int64_t more = blocks % all;
        if (group.units() > 1 && more > 0) {
          nodes.insert(nodes.end(), group.nodes.begin(), group.nodes.end());
          continue;
        }
        // One block more than others, one less, and the last block, which may not be whole.
        for (const std::int64_t i : std::set{std::int64_t{0}, more, std::min(all, blocks) - 1})
          nodes.push_back(group.nodes[static_cast<std::size_t>(i)]);
      }
    return nodes;
  }

  void for_rows(std::uint32_t node, const std::function<void(std::int64_t, std::int64_t)>& visit) const override {
    const Group& group = groups_[group_of_[node]];
    for (std::int64_t unit = group.first; unit < group.last; ++unit) {
      const Rows mine = rows_of(group, unit, index_of_[node]);
      if (mine.count() > 0) visit(unit * stays_rows_ + mine.begin, unit * stays_rows_ + mine.end);
    }
  }

  Bytes deliver_staying(Deliveries& deliveries) const override {
    if (stays_.place.layout == Layout::kOther) return collect(stays_, false, deliveries);
    if (is_free(stays_, context_)) return 0;
    Bytes most = 0;
    for_nodes([&](const Group& group, std::uint32_t node) {
      Bytes arrives = 0;
      for_units(group, node, [&](std::int64_t unit, Rows mine) {
        collect_unit(stays_, stays_heads_, unit, mine, node, {}, deliveries);
        arrives += mine.count() * stays_.head_bytes;
      });
      most = std::max(most, arrives);
    });
    return most;
  }

  void return_results(Deliveries& deliveries, Bytes head_bytes) const override {
    const Side bands{stays_.heads, stays_.tokens, head_bytes, {Layout::kBandChannels, context_.part}};
    for_nodes([&](const Group& group, std::uint32_t node) {
      for_units(group, node,
                [&](std::int64_t unit, Rows mine) { spread_unit(bands, stays_heads_, unit, mine, node, deliveries); });
    });
  }

  void return_sums(Deliveries& deliveries, Bytes head_bytes) const override {
    const Side bands{moves_.heads, moves_.tokens, head_bytes, {Layout::kBandChannels, context_.part}};
    for (const Group& group : groups_) {
      if (group.nodes.size() > 1) continue;
      for (std::int64_t unit = group.first; unit < group.last; ++unit)
        spread_unit(bands, moves_heads_, unit, {0, moves_rows_}, group.nodes[0], deliveries);
    }
  }

  [[nodiscard]] Sums sums(Bytes head_bytes) const override {
    Sums sums;
    sums.along_columns = down_ == 1 && grid_.rows() > 1;
    sums.along_rows = across_ == 1 && grid_.columns() > 1;
    const std::int64_t units = ceil_div(units_, static_cast<std::int64_t>(groups_.size()));
    sums.node_bytes = units * moves_rows_ * head_bytes;
    // Where they need not be added up, those of one head after the other.
    sums.kept_bytes = sums.along_columns || sums.along_rows ? sums.node_bytes : moves_rows_ * head_bytes;
    return sums;
  }

  [[nodiscard]] double senders() const override {
    return whole_columns() || whole_rows() ? 0 : sites_down() * sites_across() - 1;
  }
  [[nodiscard]] double other_lines() const override {
    if (down_ == 1 && across_ == 1) return 0;
    return whole_columns() ? sites_across() - 1 : whole_rows() ? sites_down() - 1 : 0;
  }

  void deliver_to_pass_on(Deliveries& deliveries) const override {
    if (!goes_along_lines()) return;
    for_passers([&](const Group& group, std::uint32_t node, std::int64_t unit, Rows share, std::uint64_t) {
      if (!is_there(group)) collect_moving(group, node, unit, share, {0, true}, deliveries);
    });
  }
  Bytes deliver_moving(Deliveries& deliveries, std::uint32_t steps) const override {
    if (moves_.place.layout == Layout::kOther) return AttentionCut::collect(moves_, steps > 1, deliveries);
    if (down_ == 1 && across_ == 1 && grid_.nodes() > 1) {
      const Bytes bytes = units_ * moves_rows_ * moves_.head_bytes;
      return deliveries.to_all(spread_evenly(grid_of(moves_), bytes), steps > 1);
    }
    return goes_along_lines() ? along_lines(steps > 1, deliveries) : by_messages(steps, deliveries);
  }

 private:
  [[nodiscard]] double sites_down() const { return grid_.rows() / static_cast<double>(down_); }
  [[nodiscard]] double sites_across() const { return grid_.columns() / static_cast<double>(across_); }
  [[nodiscard]] bool whole_columns() const { return down_ == 1 && grid_.rows() > 1; }
  [[nodiscard]] bool whole_rows() const { return across_ == 1 && grid_.columns() > 1; }

  /// In the order in which the lines of the part go along which the other side comes.
  void add_nodes(Group& group) {
    const auto add = [&](std::uint32_t r, std::uint32_t c) {
      const std::uint32_t node = grid_.at(r, c);
      if (node == kNone) return;
      group_of_[node] = static_cast<std::uint32_t>(groups_.size());
      index_of_[node] = static_cast<std::uint32_t>(group.nodes.size());
      group.nodes.push_back(node);
    };
    if (whole_rows() && !whole_columns()) {
      for (std::uint32_t c = group.column_begin; c < group.column_end; ++c)
        for (std::uint32_t r = group.row_begin; r < group.row_end; ++r) add(r, c);
    } else {
      for (std::uint32_t r = group.row_begin; r < group.row_end; ++r)
        for (std::uint32_t c = group.column_begin; c < group.column_end; ++c) add(r, c);
    }
  }

  template <class Visit>
  void for_nodes(Visit&& visit) const {
    for (const Group& group : groups_)
      for (const std::uint32_t node : group.nodes) visit(group, node);
  }
  template <class Visit>
  void for_units(const Group& group, std::uint32_t node, Visit&& visit) const {
    for (std::int64_t unit = group.first; unit < group.last; ++unit) {
      const Rows mine = rows_of(group, unit, index_of_[node]);
      if (mine.count() > 0) visit(unit, mine);
    }
  }

  /// Whole blocks of the matrix unit, dealt on from one unit to the next, so that all nodes have as many in the end.
  [[nodiscard]] Rows rows_of(const Group& group, std::int64_t unit, std::int64_t index) const {
    const std::int64_t blocks = ceil_div(stays_rows_, block_rows_);
    const auto nodes = static_cast<std::int64_t>(group.nodes.size());
    const std::int64_t each = blocks / nodes, more = blocks % nodes;
    const std::int64_t turn = (unit - group.first) % nodes * more % nodes;
    const std::int64_t i = (index - turn + nodes) % nodes;
    const auto before = [&](std::int64_t n) {
      return std::min(stays_rows_, (n * each + std::min(n, more)) * block_rows_);
    };
    return {before(i), before(i + 1)};
  }

  /// Of the moving side of a unit, in blocks, what a step brings: the steps cut those of all units of the group.
  [[nodiscard]] Rows blocks_of(const Group& group, std::int64_t unit, std::uint32_t step, std::uint32_t steps) const {
    const std::int64_t blocks = ceil_div(moves_rows_, block_columns_), before = (unit - group.first) * blocks;
    const auto edge = [&](std::uint32_t s) {
      return std::clamp<std::int64_t>(piece_begin(group.units() * blocks, steps, s) - before, 0, blocks);
    };
    return {edge(step), edge(step + 1)};
  }
  [[nodiscard]] std::int64_t met_before(std::int64_t block) const {
    const std::int64_t blocks = ceil_div(moves_rows_, block_columns_), met = ceil_div(met_rows_, block_columns_);
    return std::min(met_rows_, piece_begin(met, blocks, block) * block_columns_);
  }

  /// `visit(row, heads, bytes)` of where some rows of a unit lie on the grid; a unit has `heads` heads of the side.
  template <class Visit>
  void for_bands(const Side& side, std::int64_t heads, std::int64_t unit, Rows rows, Visit&& visit) const {
    if (rows.count() <= 0) return;
    const SliceGrid& grid = grid_of(side);
    const std::int64_t sequence = unit / shape_.key_heads(), head = unit % shape_.key_heads() * heads;
    const std::int64_t first = rows.begin / side.tokens, last = ceil_div(rows.end, side.tokens);
    // Tokens of one head, or of several heads all of them.
    const bool one = last - first == 1;
    const std::int64_t begin = sequence * side.tokens + (one ? rows.begin - first * side.tokens : 0);
    const std::int64_t end = one ? begin + rows.count() : begin + side.tokens;
    const std::int64_t all = shape_.batch * side.tokens, nodes = grid.nodes();
    const Bytes bytes = rows.count() * side.head_bytes;
    const auto [first_row, last_row] = rows_with(grid, begin, end, all);
    for (std::uint32_t row = first_row; row <= last_row; ++row) {
      const std::int64_t low = std::max(begin, piece_begin(all, nodes, grid.row_begin(row)));
      const std::int64_t high = std::min(end, piece_begin(all, nodes, grid.row_begin(row + 1)));
      if (low < high) visit(row, Heads{head + first, head + last}, ceil_div(bytes * (high - low), end - begin));
    }
  }
  /// They go to a node. Returns what comes from others.
  Bytes collect_unit(const Side& side, std::int64_t heads, std::int64_t unit, Rows rows, std::uint32_t node, Turn turn,
                     Deliveries& deliveries) const {
    Bytes arrives = 0;
    for_bands(side, heads, unit, rows, [&](std::uint32_t row, Heads of_row, Bytes bytes) {
      arrives += collect_row(grid_of(side), side, row, of_row, bytes, node, turn, deliveries);
    });
    return arrives;
  }
  /// They come from a node.
  void spread_unit(const Side& side, std::int64_t heads, std::int64_t unit, Rows rows, std::uint32_t node,
                   Deliveries& deliveries) const {
    for_bands(side, heads, unit, rows, [&](std::uint32_t row, Heads of_row, Bytes bytes) {
      for_holders(grid_of(side), side, row, of_row, bytes,
                  [&](std::uint32_t to, Bytes part) { deliveries.unicast(node, to, part); });
    });
  }

  /// The same of the moving side, from the next node onwards: not all ask the same one first. What lies as suits has
  /// equal shares on the nodes of the group.
  Bytes collect_moving(const Group& group, std::uint32_t node, std::int64_t unit, Rows rows, Turn turn,
                       Deliveries& deliveries) const {
    if (!is_free(moves_, context_)) return collect_unit(moves_, moves_heads_, unit, rows, node, turn, deliveries);
    if (rows.count() <= 0) return 0;
    const auto nodes = static_cast<std::int64_t>(group.nodes.size());
    const std::int64_t index = index_of_[node];
    const std::int64_t first = piece_begin(nodes, moves_rows_, rows.begin);
    const std::int64_t last = std::min(nodes, ceil_div(nodes * rows.end, moves_rows_));
    Bytes arrives = 0;
    const auto collect = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t holder = begin; holder < end; ++holder) {
        const std::int64_t low = std::max(rows.begin, piece_begin(moves_rows_, nodes, holder));
        const std::int64_t high = std::min(rows.end, piece_begin(moves_rows_, nodes, holder + 1));
        if (low >= high) continue;
        const std::uint32_t from = group.nodes[static_cast<std::size_t>(holder)];
        send(from, node, (high - low) * moves_.head_bytes, turn, deliveries);
        arrives += from == node ? 0 : (high - low) * moves_.head_bytes;
      }
    };
    collect(std::max(index, first), last);
    collect(first, std::min(index, last));
    return arrives;
  }

  Bytes by_messages(std::uint32_t steps, Deliveries& deliveries) const {
    Bytes most = 0;
    for_nodes([&](const Group& group, std::uint32_t node) {
      Bytes arrives = 0;
      for_units(group, node, [&](std::int64_t unit, Rows) {
        const std::int64_t units = group.units(), before = unit - group.first;
        const auto end = static_cast<std::uint32_t>(ceil_div((before + 1) * steps, units));
        for (auto step = static_cast<std::uint32_t>(before * steps / units); step < std::min(end + 1, steps); ++step) {
          const Rows blocks = blocks_of(group, unit, step, steps);
          const auto edge = [&](std::int64_t block) { return std::min(moves_rows_, block * block_columns_); };
          arrives +=
              collect_moving(group, node, unit, {edge(blocks.begin), edge(blocks.end)}, {step, false}, deliveries);
        }
      });
      most = std::max(most, arrives);
    });
    return most;
  }

  [[nodiscard]] bool goes_along_lines() const {
    const bool to_all = down_ == 1 && across_ == 1 && grid_.nodes() > 1;
    return moves_.place.layout != Layout::kOther && !to_all && (whole_columns() || whole_rows());
  }
  /// What lies as suits need not come to the only line of its group first.
  [[nodiscard]] bool is_there(const Group& group) const {
    const std::uint32_t lines =
        whole_columns() ? group.column_end - group.column_begin : group.row_end - group.row_begin;
    return lines == 1 && is_free(moves_, context_);
  }
  /// Each line of a group gets all of it: the nodes of a line get equal shares and send them along it.
  /// `visit(group, node, unit, share, index)`, the last among those of the line.
  template <class Visit>
  void for_passers(Visit&& visit) const {
    const bool rows = !whole_columns();
    const std::uint32_t sites = rows ? grid_.columns() : grid_.rows();
    for (const Group& group : groups_) {
      const std::uint32_t lines = rows ? group.row_end - group.row_begin : group.column_end - group.column_begin;
      for (std::uint32_t line = 0; line < lines; ++line) {
        for (std::int64_t unit = group.first; unit < group.last; ++unit) {
          for (std::uint32_t site = 0; site < sites; ++site) {
            const std::uint32_t r = rows ? group.row_begin + line : site, c = rows ? site : group.column_begin + line;
            const std::uint32_t node = grid_.at(r, c) != kNone ? grid_.at(r, c)
                                       : rows                  ? grid_.nearest_in_row(r, c)
                                                               : grid_.nearest_in_column(r, c);
            const Rows share{piece_begin(moves_rows_, sites, site), piece_begin(moves_rows_, sites, site + 1)};
            if (node == kNone || share.count() == 0) continue;
            visit(group, node, unit, share, static_cast<std::uint64_t>(unit - group.first) * sites + site);
          }
        }
      }
    }
  }
  Bytes along_lines(bool streamed, Deliveries& deliveries) const {
    const bool rows = !whole_columns();
    const std::uint64_t sites = rows ? grid_.columns() : grid_.rows();
    for_passers([&](const Group& group, std::uint32_t node, std::int64_t, Rows share, std::uint64_t index) {
      const std::uint64_t count = static_cast<std::uint64_t>(group.units()) * sites;
      deliveries.along_line_of(node, rows, !is_there(group), share.count() * moves_.head_bytes, index, count, streamed);
    });
    Bytes most = 0;
    for (const Group& group : groups_) most = std::max<Bytes>(most, group.units() * moves_rows_ * moves_.head_bytes);
    return most;
  }

  std::uint32_t down_, across_;
  std::int64_t units_ = 0;  ///< heads of keys, of all sequences
  std::int64_t stays_heads_ = 1, moves_heads_ = 1, stays_rows_ = 0, moves_rows_ = 0;  ///< of a unit
  std::vector<Group> groups_;
  std::vector<std::uint32_t> group_of_, index_of_;  ///< by node of the slice
};

}  // namespace

std::unique_ptr<AttentionCut> cut_by_groups(const AttentionRequest& request, const PlanContext& context,
                                            bool queries_stay, AttentionGroups groups) {
  auto cut = std::make_unique<GroupCut>(request, context, queries_stay, groups);
  return cut->sends_too_many() ? nullptr : std::move(cut);
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Collective "combs": trees along all rows and trees along all columns of a grid at once, which share its edges evenly.
//
// A tree of lines uses every edge of its direction and few others. Combs with their teeth along the rows, and others
// with their teeth along the columns, half of the bytes each, use all edges nearly alike. Edges between tiles are
// slower: there each tile has combs of its own, and two tiles are joined once, by each comb at another place.
#include <algorithm>
#include <utility>
#include <vector>

#include "collectives/tree_plan.h"

namespace dojo::workload::collectives {
namespace {

/// Combs of each kind. A spine is loaded by its own comb beside those of the other kind: by a tenth more than any other
/// edge of five.
constexpr std::uint32_t kMostOfKind = 5;
/// Larger groups have combs only by name: their plans have ten times the messages of a tree's.
constexpr std::size_t kMostByCost = 512;

struct Place {
  std::uint32_t row = 0, column = 0;
};
using Joint = std::pair<Place, Place>;

/// Of a grid: all rows (columns), and one column (row) that joins them.
std::vector<Joint> comb(Place size, bool along_rows, std::uint32_t spine) {
  std::vector<Joint> joints;
  for (std::uint32_t row = 0; row < size.row; ++row) {
    for (std::uint32_t column = 0; column < size.column; ++column) {
      const bool right = along_rows || row == spine, down = !along_rows || column == spine;
      if (right && column + 1 < size.column) joints.push_back({{row, column}, {row, column + 1}});
      if (down && row + 1 < size.row) joints.push_back({{row, column}, {row + 1, column}});
    }
  }
  return joints;
}

/// The index-th of `count` places in the middle of equal stretches.
std::uint32_t middle_of(std::uint32_t index, std::uint32_t count, std::uint32_t length) {
  return (2 * index + 1) * length / (2 * count);
}

/// What a block of members is: a tile where they are the dies of several whole tiles, else all of them.
Place block_of(const CollectiveRequest& request, const MemberGrid& grid, const topology::Topology& topology) {
  const Place all{grid.rows, grid.columns};
  const topology::Grid& dies = topology.params().tile.dies;
  const Place tile{static_cast<std::uint32_t>(dies.rows), static_cast<std::uint32_t>(dies.columns)};
  if (tile.row < 2 || tile.column < 2 || grid.rows % tile.row != 0 || grid.columns % tile.column != 0) return all;
  if (!are_equal_dies(request.members, topology)) return all;
  const Slice &first = *request.members[grid.member.front()], &last = *request.members[grid.member.back()];
  const auto die_of = [](std::int32_t site, std::int32_t sites) { return static_cast<std::uint32_t>(site / sites); };
  const Place low{die_of(first.first_site_row, topology.site_rows()),
                  die_of(first.first_site_column, topology.site_columns())};
  const Place high{die_of(last.first_site_row, topology.site_rows()),
                   die_of(last.first_site_column, topology.site_columns())};
  const bool dense = high.row - low.row + 1 == grid.rows && high.column - low.column + 1 == grid.columns;
  return dense && low.row % tile.row == 0 && low.column % tile.column == 0 ? tile : all;
}

/// A comb in each block, joined by a comb of blocks.
class Combs {
 public:
  Combs(const CollectiveRequest& request, const topology::Topology& topology)
      : request_(request), grid_(member_grid(request.members)), block_(block_of(request, grid_, topology)) {}

  [[nodiscard]] std::vector<SpanningTree> trees() const {
    const std::uint32_t kinds = std::min({block_.row, block_.column, kMostOfKind});
    std::vector<SpanningTree> trees;
    for (std::uint32_t i = 0; i < kinds; ++i)
      for (const bool along_rows : {true, false}) trees.push_back(tree(along_rows, i, kinds));
    return trees;
  }

 private:
  [[nodiscard]] std::uint32_t member(Place block, Place within) const {
    return grid_
        .member[(block.row * block_.row + within.row) * grid_.columns + block.column * block_.column + within.column];
  }

  [[nodiscard]] SpanningTree tree(bool along_rows, std::uint32_t index, std::uint32_t count) const {
    const Place blocks{grid_.rows / block_.row, grid_.columns / block_.column};
    // The row and the column of a block at which it is joined: one of them is its spine.
    const Place joint{middle_of(index, count, block_.row), middle_of(index, count, block_.column)};
    const Place of_blocks{middle_of(index, count, blocks.row), middle_of(index, count, blocks.column)};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    const std::vector<Joint> within = comb(block_, along_rows, along_rows ? joint.column : joint.row);
    for (std::uint32_t row = 0; row < blocks.row; ++row) {
      for (std::uint32_t column = 0; column < blocks.column; ++column)
        for (const auto& [a, b] : within) edges.emplace_back(member({row, column}, a), member({row, column}, b));
    }
    for (const auto& [a, b] : comb(blocks, along_rows, along_rows ? of_blocks.column : of_blocks.row)) {
      const bool right = a.row == b.row;
      const Place from = right ? Place{joint.row, block_.column - 1} : Place{block_.row - 1, joint.column};
      const Place to = right ? Place{joint.row, 0} : Place{0, joint.column};
      edges.emplace_back(member(a, from), member(b, to));
    }
    // Without a named root: where spines meet in the middle.
    const bool one = blocks.row * blocks.column == 1;
    const Place middle{along_rows && one ? block_.row / 2 : joint.row,
                       !along_rows && one ? block_.column / 2 : joint.column};
    const Place middle_block{along_rows ? blocks.row / 2 : of_blocks.row,
                             along_rows ? of_blocks.column : blocks.column / 2};
    const std::uint32_t root = has_root(request_) ? request_.root : member(middle_block, middle);
    return tree_of_edges(static_cast<std::uint32_t>(grid_.member.size()), root, edges);
  }

  const CollectiveRequest& request_;
  MemberGrid grid_;
  Place block_;
};

bool supports(const CollectiveRequest& request) {
  if (request.kind == OpKind::kBarrier || !tree_supports(request)) return false;
  if (request.members.size() == 1) return true;
  const MemberGrid grid = member_grid(request.members);
  return grid.full && grid.rows >= 2 && grid.columns >= 2;
}

bool by_cost(const CollectiveRequest& request, const topology::Topology& topology) {
  return request.members.size() <= kMostByCost && where_all_works(request, topology);
}

TreeLayout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  return tree_layout(request, Combs(request, topology).trees(), topology);
}

double model_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return 0;
  return layout(request, topology).choice.cycles / topology.params().clock_hz;
}

BuiltPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return {trivial_plan(Algorithm::kCombs, topology), {}};
  return tree_plan(Algorithm::kCombs, layout(request, topology), topology);
}

}  // namespace

CollectiveAlgorithm combs_algorithm() {
  return {Algorithm::kCombs, by_cost, supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives

// SPDX-License-Identifier: Apache-2.0
// The ranks that live on one die: what is fixed about them for the whole run.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/workload/program.h"
#include "machine/context.h"

namespace dojo::machine {

/// The nodes of one rank on one die.
struct RankDie {
  RankId rank = 0;
  std::uint32_t slice_die = 0;   ///< which die of the rank's slice this is
  std::uint32_t first_node = 0;  ///< of the slice's nodes; those of a die follow each other
  std::uint32_t node_count = 0;
  const workload::Slice* slice = nullptr;
  const ShapeInfo* shape = nullptr;
  const workload::Program* program = nullptr;
  const std::int32_t* node_of_site = nullptr;
  std::vector<bool> local_tasks;   ///< by task: it sends nothing off this die and waits for nothing from outside
  std::vector<bool> broken_lines;  ///< of the die: a router or link on the way is dead; empty: none

  [[nodiscard]] const workload::SliceShape::Line& line(std::uint32_t index) const {
    return slice->shape->lines[slice->shape->line_begin[slice_die] + index];
  }
  [[nodiscard]] std::uint32_t line_count() const {
    return slice->shape->line_begin[slice_die + 1] - slice->shape->line_begin[slice_die];
  }
  [[nodiscard]] bool is_broken(std::uint32_t line_index) const {
    return !broken_lines.empty() && broken_lines[line_index];
  }
  /// Index of a node of this die (0 .. node_count - 1) that lies at a site; -1: none of this rank's.
  [[nodiscard]] std::int32_t node_at(SiteIndex site) const { return node_of_site[site]; }
};

/// A router or link between the nodes of a slice's line does not work; all of the line when it spans several dies.
[[nodiscard]] bool is_broken_line(const workload::Slice& slice, std::uint32_t die, std::uint32_t line,
                                  const topology::Topology& topology);

/// The rows or columns of the machine from one end of a part's line to the other.
[[nodiscard]] fabric::Reach reach_of(const workload::Slice& slice, bool horizontal, const workload::SlicePart& part);

class Residents {
 public:
  static constexpr std::uint16_t kNobody = 0xffff;

  explicit Residents(std::size_t sites) : rank_die_of_site_(sites, kNobody) {}
  /// Returns the index by which the parts of the die know the rank.
  std::uint32_t add(const Context& context, RankId rank, std::uint32_t slice_die);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(rank_dies_.size()); }
  [[nodiscard]] const RankDie& operator[](std::uint32_t index) const { return rank_dies_[index]; }
  [[nodiscard]] const std::vector<RankDie>& all() const { return rank_dies_; }
  [[nodiscard]] std::uint16_t at_site(SiteIndex site) const { return rank_die_of_site_[site]; }
  /// Requires that the rank has nodes here.
  [[nodiscard]] std::uint32_t index_of(RankId rank) const;

 private:
  std::vector<RankDie> rank_dies_;
  std::vector<std::uint16_t> rank_die_of_site_;
};

}  // namespace dojo::machine

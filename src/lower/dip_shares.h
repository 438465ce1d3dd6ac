// SPDX-License-Identifier: Apache-2.0
// Which DIPs the samples, loads and stores of a die go to.
#pragma once
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

/// The dies of a row of dies that have work share the DIPs at its two ends: the western half has the west one, the
/// eastern half the east one, and a die in the middle takes turns. A DIP that lies farther than the other by more than
/// a tile is left to others. Columns likewise where only they have DIPs. Where an end is dead, each die has the nearest
/// DIP that works. Where a line has no DIP at an end, or rows and columns have some, each die has the nearest DIPs, in
/// equal parts.
class DipShares {
 public:
  /// All dies have work.
  explicit DipShares(const topology::Topology& topology);
  /// Those on which ranks lie.
  DipShares(const std::vector<Slice>& slices, const topology::Topology& topology);
  /// One, or several with equal parts; none on a machine without DIPs or of a die without work.
  [[nodiscard]] const std::vector<std::uint32_t>& of(DieId die) const { return dips_[die]; }
  /// So many dies' bytes go to the DIPs of this one, at the DIP that has most.
  [[nodiscard]] double dies_beside(DieId die) const;

 private:
  DipShares(const std::vector<bool>& has_work, const topology::Topology& topology);
  void share_line(bool row, std::int32_t line, const std::vector<bool>& has_work, const topology::Topology& topology);
  std::vector<std::vector<std::uint32_t>> dips_;  ///< by die
  std::vector<double> dies_;                      ///< by DIP
};

}  // namespace dojo::workload

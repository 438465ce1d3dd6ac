// SPDX-License-Identifier: Apache-2.0
#include "lower/dip_shares.h"

#include <algorithm>

namespace dojo::workload {
namespace {

std::vector<bool> dies_of(const std::vector<Slice>& slices, const topology::Topology& topology) {
  std::vector<bool> has_work(topology.die_count(), false);
  for (const Slice& slice : slices)
    for (const DieId die : slice.dies) has_work[die] = true;
  return has_work;
}

}  // namespace

DipShares::DipShares(const topology::Topology& topology)
    : DipShares(std::vector<bool>(topology.die_count(), true), topology) {}

DipShares::DipShares(const std::vector<Slice>& slices, const topology::Topology& topology)
    : DipShares(dies_of(slices, topology), topology) {}

DipShares::DipShares(const std::vector<bool>& has_work, const topology::Topology& topology)
    : dips_(topology.die_count()), dies_(topology.dip_count(), 0) {
  if (topology.dip_count() == 0) return;
  using topology::Direction;
  const auto has_dips = [&](Direction low, Direction high, std::int32_t lines) {
    for (std::int32_t line = 0; line < lines; ++line)
      if (topology.dip_of_line(low, line) != kNone || topology.dip_of_line(high, line) != kNone) return true;
    return false;
  };
  const bool rows = has_dips(Direction::kWest, Direction::kEast, topology.die_rows());
  const bool columns = has_dips(Direction::kNorth, Direction::kSouth, topology.die_columns());
  if (rows != columns) {
    const std::int32_t lines = rows ? topology.die_rows() : topology.die_columns();
    for (std::int32_t line = 0; line < lines; ++line) share_line(rows, line, has_work, topology);
  } else {
    for (DieId die = 0; die < topology.die_count(); ++die)
      if (has_work[die]) dips_[die] = topology.nearest_dips(die);
  }
  for (const std::vector<std::uint32_t>& dips : dips_)
    for (const std::uint32_t dip : dips) dies_[dip] += 1.0 / static_cast<double>(dips.size());
}

void DipShares::share_line(bool row, std::int32_t line, const std::vector<bool>& has_work,
                           const topology::Topology& topology) {
  using topology::Direction;
  const std::int32_t length = row ? topology.die_columns() : topology.die_rows();
  std::vector<DieId> dies;
  std::vector<std::int32_t> places;
  for (std::int32_t at = 0; at < length; ++at) {
    const DieId die = row ? topology.die_at(line, at) : topology.die_at(at, line);
    if (!has_work[die]) continue;
    dies.push_back(die);
    places.push_back(at);
  }
  const std::uint32_t low = topology.dip_of_line(row ? Direction::kWest : Direction::kNorth, line);
  const std::uint32_t high = topology.dip_of_line(row ? Direction::kEast : Direction::kSouth, line);
  const auto works = [&](std::uint32_t dip) { return dip != kNone && topology.dip_works(dip); };
  const bool both = works(low) && works(high);
  const topology::Grid& grid = topology.params().tile.dies;
  const auto tile = static_cast<std::int32_t>(row ? grid.columns : grid.rows);
  const std::size_t count = dies.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t to_low = places[i], to_high = length - 1 - to_low;
    std::vector<std::uint32_t>& dips = dips_[dies[i]];
    if (!both) {
      // A dead end is nobody's plan: one DIP takes it over. Lines without a DIP are shared by those beside them.
      const bool planned = (low == kNone || works(low)) && (high == kNone || works(high));
      dips = planned ? topology.nearest_dips(dies[i]) : std::vector<std::uint32_t>{topology.nearest_dip(dies[i])};
      continue;
    }
    if (2 * i < count && to_low <= to_high + tile) dips.push_back(low);
    if (2 * (i + 1) > count && to_high <= to_low + tile) dips.push_back(high);
    if (dips.empty()) dips = {to_low < to_high ? low : high};
  }
}

double DipShares::dies_beside(DieId die) const {
  double most = 0;
  for (const std::uint32_t dip : of(die)) most = std::max(most, dies_[dip]);
  return most;
}

}  // namespace dojo::workload

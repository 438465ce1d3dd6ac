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
  for (std::int32_t row = 0; row < topology.die_rows(); ++row) share_row(row, has_work, topology);
  for (const std::vector<std::uint32_t>& dips : dips_)
    for (const std::uint32_t dip : dips) dies_[dip] += 1.0 / static_cast<double>(dips.size());
}

void DipShares::share_row(std::int32_t row, const std::vector<bool>& has_work, const topology::Topology& topology) {
  std::vector<DieId> dies;
  for (std::int32_t column = 0; column < topology.die_columns(); ++column)
    if (const DieId die = topology.die_at(row, column); has_work[die]) dies.push_back(die);
  const auto west = static_cast<std::uint32_t>(2 * row), east = west + 1;
  const bool both = topology.dip_works(west) && topology.dip_works(east);
  const auto tile = static_cast<std::int32_t>(topology.params().tile.dies.columns);
  const std::size_t count = dies.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t to_west = topology.coordinates(dies[i]).column;
    const std::int32_t to_east = topology.die_columns() - 1 - to_west;
    std::vector<std::uint32_t>& dips = dips_[dies[i]];
    if (!both) {
      dips = {topology.nearest_dip(dies[i])};
      continue;
    }
    if (2 * i < count && to_west <= to_east + tile) dips.push_back(west);
    if (2 * (i + 1) > count && to_east <= to_west + tile) dips.push_back(east);
    if (dips.empty()) dips = {to_west < to_east ? west : east};
  }
}

double DipShares::dies_beside(DieId die) const {
  double most = 0;
  for (const std::uint32_t dip : of(die)) most = std::max(most, dies_[dip]);
  return most;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
#include "audit/small_machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace dojo::audit {
namespace {

struct Rectangle {
  std::int32_t row = 0, column = 0, rows = 1, columns = 1;
};

Rectangle around(const Subject& subject, const std::vector<RankId>& ranks) {
  std::int32_t top = 1 << 30, left = 1 << 30, bottom = 0, right = 0;
  for (const RankId rank : ranks) {
    for (const DieId die : subject.job.slices[rank].dies) {
      const topology::DieCoordinates at = subject.topology.coordinates(die);
      top = std::min(top, at.row);
      bottom = std::max(bottom, at.row);
      left = std::min(left, at.column);
      right = std::max(right, at.column);
    }
  }
  return {top, left, bottom - top + 1, right - left + 1};
}

/// Sites without a core, and slow cores, where they are.
void copy_sites(const topology::Topology& from, const Rectangle& area, topology::MachineParams& to) {
  if (from.site_maps().size() == 1 && to.defects.empty() && to.defects_random.empty() && to.slow_nodes.empty() &&
      to.die.site_map_seed == 0)
    return;
  to.defects.clear();
  to.defects_random.clear();
  to.slow_nodes.clear();
  to.die.site_map_seed = 0;
  to.die.disabled_sites.clear();
  const bool one_die = area.rows * area.columns == 1;
  const auto map = [&](std::int32_t row, std::int32_t column) -> const topology::Topology::SiteMap& {
    return from.site_map(from.die_at(area.row + row, area.column + column));
  };
  const auto each_die = [&](auto&& call) {
    for (std::int32_t row = 0; row < area.rows; ++row)
      for (std::int32_t column = 0; column < area.columns; ++column) call(row, column);
  };
  std::vector<std::uint8_t> nowhere(static_cast<std::size_t>(from.sites()), 1);
  each_die([&](std::int32_t row, std::int32_t column) {
    for (std::size_t site = 0; site < nowhere.size(); ++site)
      if (map(row, column).enabled[site] != 0) nowhere[site] = 0;
  });
  for (std::size_t site = 0; site < nowhere.size(); ++site)
    if (nowhere[site] != 0) to.die.disabled_sites.push_back(static_cast<std::int64_t>(site));
  to.die.enabled = from.sites() - static_cast<std::int64_t>(to.die.disabled_sites.size());
  each_die([&](std::int32_t row, std::int32_t column) {
    const topology::Topology::SiteMap& sites = map(row, column);
    const std::string die = one_die ? "die" : fmt::format("tile.die[{}]", row * area.columns + column);
    for (std::size_t site = 0; site < nowhere.size(); ++site) {
      const std::string path = fmt::format("{}.node[{}]", die, site);
      if (sites.enabled[site] == 0 && nowhere[site] == 0) to.defects.push_back({path, "core"});
      if (sites.enabled[site] != 0 && sites.core_speed[site] < 1.0f)
        to.slow_nodes.push_back({path, static_cast<double>(sites.core_speed[site])});
    }
  });
}

}  // namespace

SmallMachine small_machine(const Subject& subject, const std::vector<RankId>& ranks, bool wide) {
  const topology::Topology& whole = subject.topology;
  SmallMachine out;
  for (const RankId rank : ranks) out.slices.push_back(subject.job.slices[rank]);
  if (whole.tile_count() == 1 && (wide || whole.routes() != nullptr)) {
    // The caller's topology lives longer than any replay.
    out.topology = std::shared_ptr<const topology::Topology>(std::shared_ptr<void>(), &whole);
    return out;
  }
  const Rectangle area = around(subject, ranks);
  topology::MachineParams params = whole.params();
  params.level = area.rows * area.columns == 1 ? topology::Level::kDie : topology::Level::kTile;
  if (whole.params().level == topology::Level::kNode) params.level = topology::Level::kNode;
  params.tile.dies.rows = area.rows;
  params.tile.dies.columns = area.columns;
  params.dip.present = false;
  params.detailed.clear();
  copy_sites(whole, area, params);
  out.topology = std::make_shared<const topology::Topology>(std::move(params));
  for (workload::Slice& slice : out.slices) {
    for (DieId& die : slice.dies) {
      const topology::DieCoordinates at = whole.coordinates(die);
      die = static_cast<DieId>((at.row - area.row) * area.columns + at.column - area.column);
    }
    slice.first_site_row -= area.row * whole.site_rows();
    slice.first_site_column -= area.column * whole.site_columns();
  }
  return out;
}

}  // namespace dojo::audit

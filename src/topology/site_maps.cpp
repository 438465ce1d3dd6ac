// SPDX-License-Identifier: Apache-2.0
// The three ways to say which sites of a die are disabled.
#include "topology/site_maps.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "topology/split_mix.h"

namespace dojo::topology {

std::vector<std::int64_t> default_disabled_sites(const Grid& grid, std::int64_t count) {
  const std::int64_t sites = grid.rows * grid.columns;
  std::vector<bool> taken(static_cast<std::size_t>(sites), false);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    // Rows evenly from top to bottom; columns evenly too, every second one first, so that the sites do not line up.
    const std::int64_t evens = (count + 1) / 2;
    const std::int64_t j = i < evens ? 2 * i : 2 * (i - evens) + 1;
    const std::int64_t row = (2 * i + 1) * grid.rows / (2 * count);
    const std::int64_t column = (2 * j + 1) * grid.columns / (2 * count);
    std::int64_t site = row * grid.columns + column;
    while (taken[static_cast<std::size_t>(site)]) site = (site + 1) % sites;
    taken[static_cast<std::size_t>(site)] = true;
    chosen.push_back(site);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<std::int64_t> drawn_disabled_sites(const Grid& grid, std::int64_t count, std::uint64_t seed, DieId die) {
  SplitMix64 random(seed, die);
  std::vector<std::int64_t> sites(static_cast<std::size_t>(grid.rows * grid.columns));
  std::iota(sites.begin(), sites.end(), std::int64_t{0});
  for (std::int64_t i = 0; i < count; ++i) {  // the first steps of a Fisher-Yates shuffle
    const std::int64_t pick = i + random.below(static_cast<std::int64_t>(sites.size()) - i);
    std::swap(sites[static_cast<std::size_t>(i)], sites[static_cast<std::size_t>(pick)]);
  }
  sites.resize(static_cast<std::size_t>(count));
  std::sort(sites.begin(), sites.end());
  return sites;
}

std::vector<std::int64_t> disabled_sites_of(const DieParams& params, DieId die) {
  const std::int64_t count = params.grid.rows * params.grid.columns - params.enabled;
  if (params.site_map_seed != 0)
    return drawn_disabled_sites(params.grid, count, static_cast<std::uint64_t>(params.site_map_seed), die);
  if (params.disabled_sites.empty()) return default_disabled_sites(params.grid, count);
  std::vector<std::int64_t> sites = params.disabled_sites;
  std::sort(sites.begin(), sites.end());
  return sites;
}

}  // namespace dojo::topology

// SPDX-License-Identifier: Apache-2.0
#include "dojo/fabric/stripe_groups.h"

#include <algorithm>

namespace dojo::fabric {

StripeGroups::StripeGroups(std::int32_t rows, std::int32_t columns, const std::vector<std::uint8_t>& enabled, Grid grid)
    : rows_(rows), columns_(columns), grid_(grid) {
  groups_.push_back(make(enabled, {0, 0}, {columns, rows}));
  std::uint32_t before = 0;
  for (std::int32_t down = 0; down < grid.rows; ++down) {
    for (std::int32_t along = 0; along < grid.columns; ++along) {
      groups_.push_back(make(enabled, {columns * along / grid.columns, rows * down / grid.rows},
                             {columns * (along + 1) / grid.columns, rows * (down + 1) / grid.rows}));
      groups_.back().before = before;
      before += groups_.back().nodes();
    }
  }
}

bool StripeGroups::complete() const {
  return std::all_of(groups_.begin(), groups_.end(), [](const Group& group) { return group.nodes() > 0; });
}

StripeGroups::Group StripeGroups::make(const std::vector<std::uint8_t>& enabled, std::array<std::int32_t, 2> begin,
                                       std::array<std::int32_t, 2> end) const {
  Group group;
  group.begin = begin;
  group.end = end;
  group.on_lane[0].assign(static_cast<std::size_t>(rows_), 0);
  group.on_lane[1].assign(static_cast<std::size_t>(columns_), 0);
  for (std::int32_t row = begin[1]; row < end[1]; ++row) {
    for (std::int32_t column = begin[0]; column < end[0]; ++column) {
      const auto site = static_cast<SiteIndex>(row * columns_ + column);
      if (enabled[static_cast<std::size_t>(site)] == 0) continue;
      group.sites.push_back(site);
      ++group.on_lane[0][static_cast<std::size_t>(row)];
      ++group.on_lane[1][static_cast<std::size_t>(column)];
    }
  }
  for (const std::size_t along : {0u, 1u})
    group.fullest[along] = *std::max_element(group.on_lane[along].begin(), group.on_lane[along].end());
  return group;
}

Bytes StripeGroups::share_of(unsigned group, Bytes bytes) const {
  if (group == 0) return bytes;
  const Group& g = groups_[group];
  const auto upto = [&](std::uint32_t nodes) {
    return static_cast<Bytes>(static_cast<Int128>(bytes) * static_cast<Int128>(nodes) /
                              static_cast<Int128>(groups_[0].nodes()));
  };
  return std::max<Bytes>(1, upto(g.before + g.nodes()) - upto(g.before));
}

}  // namespace dojo::fabric

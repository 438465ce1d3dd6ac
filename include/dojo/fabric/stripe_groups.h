// SPDX-License-Identifier: Apache-2.0
// The groups of a die's nodes whose pieces of a striped message move together: a grid of rectangles.
#pragma once
#include <cstdint>

namespace dojo::fabric {

inline constexpr std::uint32_t kStripeGroupRows = 2, kStripeGroupColumns = 4;
inline constexpr std::uint32_t kStripeGroups = kStripeGroupRows * kStripeGroupColumns;

struct StripeGroup {
  std::int32_t row, row_end, column, column_end;  ///< of its sites on the die
  std::uint32_t grid_row, grid_column;
  [[nodiscard]] constexpr bool has(std::int32_t r, std::int32_t c) const {
    return r >= row && r < row_end && c >= column && c < column_end;
  }
};

/// The groups are numbered from 0, row by row.
[[nodiscard]] constexpr StripeGroup stripe_group(std::uint32_t group, std::int32_t rows, std::int32_t columns) {
  const std::uint32_t down = group / kStripeGroupColumns, along = group % kStripeGroupColumns;
  const auto share = [](std::int32_t of, std::uint32_t part, std::uint32_t parts) {
    return of * static_cast<std::int32_t>(part) / static_cast<std::int32_t>(parts);
  };
  return {share(rows, down, kStripeGroupRows),       share(rows, down + 1, kStripeGroupRows),
          share(columns, along, kStripeGroupColumns), share(columns, along + 1, kStripeGroupColumns),
          down,                                       along};
}

}  // namespace dojo::fabric

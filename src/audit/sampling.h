// SPDX-License-Identifier: Apache-2.0
// Which tasks are drawn, and what the drawn ones say of all. Nothing here knows what a task is.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/audit/audit.h"

namespace dojo::audit {

struct Drawn {
  std::size_t index = 0;  ///< into the weights
  double weight = 0;      ///< it stands for so much
};

/// `most` of the weights above 0 without replacement, each with a chance in proportion to it: those too large to be
/// missed stand for themselves, the others for equal shares of the rest, at equal steps from a drawn start. All of them
/// when there are no more. Ascending.
[[nodiscard]] std::vector<Drawn> draw_by_weight(const std::vector<Cycles>& weights, std::size_t most,
                                                std::uint64_t seed);

/// A few of the numbers below `count`. Ascending.
[[nodiscard]] std::vector<std::uint32_t> draw_some(std::uint32_t count, std::uint32_t most, std::uint64_t seed);

/// The samples stand for `covered` cycles of `total`; the others are taken to be right. `all`: how many there were to
/// draw from. Both times of each sample are above 0.
[[nodiscard]] Estimate estimate(const std::vector<Sample>& samples, double total, double covered, std::int64_t all);

}  // namespace dojo::audit

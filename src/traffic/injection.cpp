// SPDX-License-Identifier: Apache-2.0
// The distribution of gaps between packets as a table of 64-bit fractions.
#include "dojo/traffic/injection.h"

#include <algorithm>
#include <functional>

#include "dojo/base/error.h"

namespace dojo::traffic {
namespace {

constexpr Cycles kLongest = 1024;

/// kLongest powers of a fraction of 2^64, from the first on.
std::vector<std::uint64_t> powers(std::uint64_t fraction) {
  std::vector<std::uint64_t> all;
  all.reserve(kLongest);
  std::uint64_t power = fraction;
  for (Cycles k = 0; k < kLongest; ++k) {
    all.push_back(power);
    power = static_cast<std::uint64_t>(static_cast<UInt128>(power) * fraction >> 64);
  }
  return all;
}

/// The table falls: the first place whose value is not above u.
Cycles first_not_above(const std::vector<std::uint64_t>& table, std::uint64_t u) {
  const auto at = std::lower_bound(table.begin(), table.end(), u,
                                   [](std::uint64_t longer, std::uint64_t value) { return longer > value; });
  return at - table.begin();
}

}  // namespace

Gaps::Gaps(double probability) {
  DOJO_CHECK(probability > 0 && probability <= 1, "a packet is created in a cycle with probability {}", probability);
  constexpr double kOne = 18446744073709551616.0;  // 2^64
  const bool always = probability == 1;
  const std::uint64_t created = always ? 0 : static_cast<std::uint64_t>(probability * kOne);
  const std::uint64_t none = always ? 0 : ~created + 1;  // 1 - p
  longer_ = powers(none);
  blocks_ = powers(longer_.back());
}

Cycles Gaps::draw(Random& random) const {
  std::uint64_t u = random.next();
  if (longer_.back() <= u) return first_not_above(longer_, u) + 1;
  // No memory: first how many more blocks of kLongest cycles pass without a packet, then the cycle within the block.
  Cycles gap = kLongest;
  while (blocks_.back() > (u = random.next())) gap += kLongest * kLongest;
  gap += kLongest * first_not_above(blocks_, u);
  const std::uint64_t within = ~longer_.back() + 1;  // probability of a packet in a block
  u = longer_.back() + static_cast<std::uint64_t>(static_cast<UInt128>(random.next()) * within >> 64);
  return gap + first_not_above(longer_, u) + 1;
}

}  // namespace dojo::traffic

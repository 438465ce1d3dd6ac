// SPDX-License-Identifier: Apache-2.0
// The distribution of gaps between packets as a table of 64-bit fractions.
#include "dojo/traffic/injection.h"

#include <algorithm>
#include <functional>

#include "dojo/base/error.h"

namespace dojo::traffic {

Gaps::Gaps(double probability) {
  DOJO_CHECK(probability > 0 && probability <= 1, "a packet is created in a cycle with probability {}", probability);
  constexpr double kOne = 18446744073709551616.0;  // 2^64
  const bool always = probability == 1;
  const std::uint64_t created = always ? 0 : static_cast<std::uint64_t>(probability * kOne);
  const std::uint64_t none = always ? 0 : ~created + 1;  // 1 - p
  std::uint64_t longer = none;
  longer_.reserve(kLongest);
  for (std::size_t k = 0; k < kLongest; ++k) {
    longer_.push_back(longer);
    longer = static_cast<std::uint64_t>(static_cast<UInt128>(longer) * none >> 64);
  }
}

Cycles Gaps::draw(Random& random) const {
  Cycles gap = 0;
  for (;;) {
    const std::uint64_t u = random.next();
    if (longer_.back() > u) {  // no memory: the rest is drawn afresh
      gap += static_cast<Cycles>(kLongest);
      continue;
    }
    // The table falls: the gap is the first k whose "longer than k" is not above u.
    const auto at = std::lower_bound(longer_.begin(), longer_.end(), u,
                                     [](std::uint64_t longer, std::uint64_t value) { return longer > value; });
    return gap + (at - longer_.begin()) + 1;
  }
}

}  // namespace dojo::traffic

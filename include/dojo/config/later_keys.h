// SPDX-License-Identifier: Apache-2.0
// Keys of a machine's network that came after the first reports. Shipped machine files leave them to their defaults,
// and a digest names them only where they differ: other jobs keep theirs.
#pragma once
#include <algorithm>
#include <array>
#include <string_view>

namespace dojo::config {

inline constexpr std::array<std::string_view, 9> kLaterNocKeys{
    "issue_cycles", "credit_cycles", "shared_buffer_packets",  "shared_packets_per_vc", "switch_order",
    "lane_choice",  "memory_sites",  "memory_bytes_per_cycle", "memory_read_cycles"};

[[nodiscard]] inline bool is_later_noc_key(std::string_view key) {
  return std::find(kLaterNocKeys.begin(), kLaterNocKeys.end(), key) != kLaterNocKeys.end();
}

}  // namespace dojo::config

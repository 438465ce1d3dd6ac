// SPDX-License-Identifier: Apache-2.0
// What the host can still give: physical memory, limits of the process and of its control groups.
#pragma once
#include <cstdint>
#include <string>

#include "dojo/run/hooks.h"

namespace dojo::run {

struct HostMemory {
  std::uint64_t bytes = 0;  ///< the least of all limits
  std::string limit;        ///< which one it is, in words
};
[[nodiscard]] HostMemory available_host_memory();

[[nodiscard]] std::uint64_t resident_bytes();  ///< of this process now
/// In use now: what was given back and can be taken again does not count.
[[nodiscard]] std::uint64_t held_bytes();
[[nodiscard]] std::uint64_t peak_resident_bytes();  ///< of this process so far
[[nodiscard]] std::string in_gib(std::uint64_t bytes);

/// Throws Error(kHostMemory) with what is needed, what is there and what to do. `what` is "exapod (1062000 nodes)".
void require_host_memory(std::uint64_t needed, const std::string& what);

/// Threads that the host gives of the `asked` ones; warns when they are fewer.
[[nodiscard]] std::uint32_t given_threads(std::uint32_t asked, const Hooks& hooks);

}  // namespace dojo::run

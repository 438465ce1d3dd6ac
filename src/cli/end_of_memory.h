// SPDX-License-Identifier: Apache-2.0
// What is said when the host has no more memory, and the end of the program where that may not be thrown.
#pragma once

namespace dojo::cli {

inline constexpr const char* kNoMemory =
    "the host's memory is used up; give it more, or simulate a smaller machine (see: dojosim topo show)";

/// From now on a program that aborts after `new` has failed says so and ends with the exit code of that. Values of JSON
/// take memory when they are destroyed, and abort when there is none.
void end_well_without_memory();

}  // namespace dojo::cli

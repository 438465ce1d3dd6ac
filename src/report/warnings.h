// SPDX-License-Identifier: Apache-2.0
// What a reader of a report should look at first: operations far above their floors, and waiting for idle links.
#pragma once
#include "report/json.h"

namespace dojo::report {

// What is said (docs/report.md).
inline constexpr double kFarFromFloor = 3;        ///< times its floor
inline constexpr double kMatters = 0.01;          ///< share of the step that an operation takes
inline constexpr double kWaitingDominates = 0.5;  ///< share of exposed communication in the nodes' time
inline constexpr double kLinksIdle = 0.25;        ///< utilisation of the busiest link
inline constexpr std::size_t kMostWarnings = 5;   ///< about operations; how many more there are is said in a word

/// Sentences, the gravest first. `report`: all sections but this one.
[[nodiscard]] Json warnings(const Json& report);

}  // namespace dojo::report

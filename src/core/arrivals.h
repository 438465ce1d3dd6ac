// SPDX-License-Identifier: Apache-2.0
// What the network brings, held against a core.
#pragma once
#include <string>

#include "dojo/base/error.h"
#include "dojo/core/params.h"
#include "dojo/core/program.h"

namespace dojo::core {

/// `place` is where they are asked for.
void find_in_arrivals(const Arrivals& arrivals, const Hardware& hardware, const std::string& place, Findings& findings);

}  // namespace dojo::core

// SPDX-License-Identifier: Apache-2.0
// `--set PATH=VALUE`: one value put into the tree before it is read.
#pragma once
#include <string>
#include <vector>

#include "config/value.h"
#include "dojo/schema/declared.h"

namespace dojo::config {

/// Everything that a run config declares: "machine.die.enabled", "workload.steps", ...
[[nodiscard]] const std::vector<schema::Declared>& all_declarations();

/// `root` has the members machine, workload, run, router and net.
void apply_override(Value& root, const std::string& text, Complaints& complaints);

}  // namespace dojo::config

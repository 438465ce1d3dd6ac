// SPDX-License-Identifier: Apache-2.0
// The hardware of one core: a machine file's node, and overrides.
#pragma once
#include <string>
#include <vector>

#include "dojo/topology/machine_params.h"

namespace dojo::config {

/// `machine_file` "": the defaults. Overrides are "machine.node.load_ports=1", "machine.node.core.sram_banks=4".
/// Throws as load_machine() does, and Error(kUsage) for an override that is not of a node.
[[nodiscard]] topology::NodeParams load_hardware(const std::string& machine_file,
                                                 const std::vector<std::string>& overrides);

}  // namespace dojo::config

// SPDX-License-Identifier: Apache-2.0
// The hardware of a machine file with overrides: the whole machine, its picture, or the hardware of one core.
#pragma once
#include <string>
#include <vector>

#include "dojo/topology/machine_params.h"

namespace dojo::config {

/// `machine_file` "": the defaults. Overrides are "machine.node.load_ports=1", "machine.node.core.sram_banks=4".
/// Throws as load_machine() does, and Error(kUsage) for an override that is not of a node.
[[nodiscard]] topology::NodeParams load_hardware(const std::string& machine_file,
                                                 const std::vector<std::string>& overrides);

/// A machine file with overrides such as "machine.noc.hop_cycles=2"; checked as load_machine() does. Error(kUsage) for
/// an override of something else.
[[nodiscard]] topology::MachineParams load_machine(const std::string& file, const std::vector<std::string>& overrides);

/// `topo show --svg`: tiles with their dies and DIPs, and the sites of a die, as a picture of its own.
[[nodiscard]] std::string draw_machine_svg(const topology::MachineParams& machine);

/// Every value of a machine, defaults included, as a JSON object.
[[nodiscard]] std::string machine_json(const topology::MachineParams& machine);

/// `list params --json`: a list of {key, default, unit, range, source, sentence}.
[[nodiscard]] std::string parameters_json();

}  // namespace dojo::config

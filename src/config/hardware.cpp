// SPDX-License-Identifier: Apache-2.0
// The node of a machine file, or of the defaults.
#include "dojo/config/hardware.h"

#include <fmt/format.h>

#include "config/loader.h"
#include "dojo/base/error.h"

namespace dojo::config {

topology::NodeParams load_hardware(const std::string& machine_file, const std::vector<std::string>& overrides) {
  const std::string node = "machine.node.";
  for (const std::string& text : overrides) {
    if (text.compare(0, node.size(), node) != 0) {
      throw Error(ExitCode::kUsage, fmt::format("--set {}: expected a parameter of a node, as in {}load_ports=1 or "
                                                "{}core.sram_banks=4",
                                                text, node, node));
    }
  }
  Loader loader;
  if (machine_file.empty()) {
    loader.apply({"machine.level=node"});
  } else {
    loader.read_machine_file(machine_file);
  }
  loader.apply(overrides);
  return loader.finish().machine.node;
}

topology::MachineParams load_machine(const std::string& file, const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    if (text.rfind("machine.", 0) != 0) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--set {}: expected a key of a machine, as in machine.noc.hop_cycles=2", text));
    }
  }
  Loader loader;
  loader.read_machine_file(file);
  loader.apply(overrides);
  return loader.finish().machine;
}

}  // namespace dojo::config

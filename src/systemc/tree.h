// SPDX-License-Identifier: Apache-2.0
// Builds the module tree of a machine from the paths that Topology gives its parts.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dojo/systemc/modules.h"

namespace dojo::systemc {

/// One part above the nodes, before it is a module.
struct PartPlan {
  std::string name;  ///< "tile[5]"
  enum class Kind { kAssembly, kDie, kDip, kHost, kNode } kind = Kind::kAssembly;
  std::uint32_t index = 0;  ///< of the die or DIP over the whole machine; of the host within its parent
  std::vector<PartPlan> parts;
};

/// Names and nesting are exactly those of Topology::die_path() and dip_path().
[[nodiscard]] PartPlan plan_tree(const topology::Topology& topology);

/// `detailed`: as in Die; of a machine of one node, its only site.
[[nodiscard]] std::unique_ptr<sc_core::sc_module> build_tree(const PartPlan& plan, const machine::Machine& machine,
                                                             const Die::Detailed& detailed);

}  // namespace dojo::systemc

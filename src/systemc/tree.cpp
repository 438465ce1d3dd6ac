// SPDX-License-Identifier: Apache-2.0
// From paths to nested modules.
#include "systemc/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "dojo/base/error.h"

namespace dojo::systemc {
namespace {

using Kind = PartPlan::Kind;

/// The part of `path` below `root`, made when it is new.
PartPlan& at_path(PartPlan& root, std::string_view path) {
  PartPlan* part = &root;
  std::size_t dot = path.find('.');
  DOJO_CHECK(path.substr(0, dot) == root.name, "path {} does not begin with {}", path, root.name);
  while (dot != std::string_view::npos) {
    const std::size_t next = path.find('.', dot + 1);
    const std::string_view name = path.substr(dot + 1, next == std::string_view::npos ? next : next - dot - 1);
    std::vector<PartPlan>& parts = part->parts;
    auto found = std::find_if(parts.begin(), parts.end(), [&](const PartPlan& p) { return p.name == name; });
    if (found == parts.end()) found = parts.insert(parts.end(), PartPlan{std::string(name), Kind::kAssembly, 0, {}});
    part = &*found;
    dot = next;
  }
  return *part;
}

void add_hosts(PartPlan& part, std::uint32_t hosts) {
  for (std::uint32_t i = 0; i < hosts; ++i) part.parts.push_back({fmt::format("host[{}]", i), Kind::kHost, i, {}});
}

/// Hosts stand in each tray; in a machine smaller than a tray, at its root.
void plan_hosts(PartPlan& root, const topology::Topology& topology) {
  constexpr topology::Level kTray = topology::Level::kTray;
  const std::uint32_t trays = topology.tray_count();
  std::vector<bool> done(trays, false);
  for (DieId die = 0; die < topology.die_count(); ++die) {
    const std::uint32_t tray = topology.part_of(kTray, die);
    if (!done[tray]) add_hosts(at_path(root, topology.part_path(kTray, die)), topology.host_count() / trays);
    done[tray] = true;
  }
}

/// A machine of one node: the root is the node itself.
class WholeNode : public Node {
 public:
  WholeNode(sc_core::sc_module_name name, const machine::Machine& machine,
            const std::function<Assembly::Parts()>& build)
      : Node(name, machine, 0, 0), parts_(build()) {}

 private:
  Assembly::Parts parts_;
};

}  // namespace

PartPlan plan_tree(const topology::Topology& topology) {
  PartPlan root{topology.root_name(), Kind::kAssembly, 0, {}};
  for (DieId die = 0; die < topology.die_count(); ++die) {
    PartPlan& part = at_path(root, topology.die_path(die));
    part.kind = Kind::kDie;
    part.index = die;
  }
  if (topology.params().level == topology::Level::kNode && topology.node_path(0, 0) == root.name) {
    root.kind = Kind::kNode;
  }
  for (std::uint32_t dip = 0; dip < topology.dip_count(); ++dip) {
    PartPlan& part = at_path(root, topology.dip_path(dip));
    part.kind = Kind::kDip;
    part.index = dip;
  }
  plan_hosts(root, topology);
  return root;
}

std::unique_ptr<sc_core::sc_module> build_tree(const PartPlan& plan, const machine::Machine& machine,
                                               const Die::Detailed& detailed) {
  const char* name = plan.name.c_str();
  const auto parts = [&] {
    Assembly::Parts made;
    made.reserve(plan.parts.size());
    for (const PartPlan& part : plan.parts) made.push_back(build_tree(part, machine, detailed));
    return made;
  };
  switch (plan.kind) {
    case Kind::kDie:
      return std::make_unique<Die>(name, machine, plan.index, parts, detailed);
    case Kind::kDip:
      return std::make_unique<Dip>(name, machine, plan.index);
    case Kind::kHost:
      return std::make_unique<Host>(name, plan.index);
    case Kind::kNode:
      if (std::unique_ptr<Site> made = detailed(name, 0, 0, parts)) return made;
      return std::make_unique<WholeNode>(name, machine, parts);
    case Kind::kAssembly:
      break;
  }
  return std::make_unique<Assembly>(name, parts);
}

}  // namespace dojo::systemc

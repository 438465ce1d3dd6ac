// SPDX-License-Identifier: Apache-2.0
// Overrides below machine.node.core are read into the pipeline's parameters, all others into the machine.
#include "dojo/config/hardware.h"

#include <fmt/format.h>

#include "config/loader.h"
#include "dojo/base/error.h"

namespace dojo::config {
namespace {

constexpr const char* kNode = "machine.node.";
constexpr const char* kCore = "machine.node.core.";

bool begins_with(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

/// "machine.node.core.KEY=VALUE" as a member of the object that read_struct() reads.
std::pair<std::string, Value> member_of(const std::string& text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string key = text.substr(std::string(kCore).size(), equals - std::string(kCore).size());
  const std::string given = equals < text.size() ? text.substr(equals + 1) : "";
  const auto origin = std::make_shared<const Origin>(Origin{"--set " + text, "", false});
  const std::string path = "/machine/node/core/" + key;
  Value value;
  if (!try_parse_json(given, origin, path, value)) {
    value = Value{};
    value.kind = Value::Kind::kText;
    value.text = given;
  }
  value.origin = origin;
  value.path = path;
  return {key, value};
}

topology::CoreParams read_core(const std::vector<std::string>& overrides) {
  Complaints complaints;
  ReadLog log{complaints, {}};
  topology::CoreParams core;
  for (const std::string& text : overrides) {
    Value object;
    object.kind = Value::Kind::kObject;
    object.members.push_back(member_of(text));
    object.origin = object.members.front().second.origin;
    object.path = "/machine/node/core";
    read_struct(object, "", core, log);
  }
  complaints.throw_if_any();
  return core;
}

}  // namespace

core::Hardware load_hardware(const std::string& machine_file, const std::vector<std::string>& overrides) {
  std::vector<std::string> of_machine, of_core;
  for (const std::string& text : overrides) {
    if (!begins_with(text, kNode))
      throw Error(ExitCode::kUsage, fmt::format("--set {}: expected a parameter of a node, as in {}load_ports=1 or "
                                                "{}sram_banks=4",
                                                text, kNode, kCore));
    (begins_with(text, kCore) ? of_core : of_machine).push_back(text);
  }
  Loader loader;
  if (machine_file.empty()) {
    loader.apply({"machine.level=node"});
  } else {
    loader.read_machine_file(machine_file);
  }
  loader.apply(of_machine);
  return {loader.finish().machine.node, read_core(of_core)};
}

}  // namespace dojo::config

// SPDX-License-Identifier: Apache-2.0
// `dojosim topo check|show`: verify or draw a machine file.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/config/config.h"
#include "dojo/topology/topology.h"

namespace dojo::cli {
namespace {

int check(const Arguments& arguments) {
  Options options("topo check FILE", "Checks a machine file; every finding is one line on stderr, exit code 3.",
                  "dojosim topo check configs/machines/exapod.json");
  options.positional("file");
  if (!options.parse(arguments)) return 0;
  const std::string file = options.need("file", "the machine file");
  const topology::Topology machine(config::load_machine(file), file);
  fmt::print("{}: good: {} with {} nodes, {} dies, {} tiles, {} DIPs\n", file, machine.root_name(),
             machine.node_count(), machine.die_count(), machine.tile_count(), machine.dip_count());
  return 0;
}

int show(const Arguments& arguments) {
  Options options("topo show FILE", "Draws a machine in the terminal.", "dojosim topo show configs/machines/tile.json");
  options.positional("file");
  if (!options.parse(arguments)) return 0;
  const std::string file = options.need("file", "the machine file");
  fmt::print("{}", config::draw_machine(config::load_machine(file)));
  return 0;
}

}  // namespace

int topo_command(const Arguments& arguments) {
  static const std::vector<Command> table{{"check", "verify a machine file", check}, {"show", "draw a machine", show}};
  return dispatch("topo", table, arguments);
}

}  // namespace dojo::cli

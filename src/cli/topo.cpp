// SPDX-License-Identifier: Apache-2.0
// `dojosim topo check|show`: verify or draw a machine file.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/config/config.h"
#include "dojo/config/hardware.h"
#include "dojo/topology/routes.h"
#include "dojo/topology/topology.h"
#include "progress.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

/// Throws when packets of the loaded machine could wait for each other in a circle.
std::string deadlock_verdict(const topology::Topology& machine, const std::string& file) {
  const int legs = machine.routes() == nullptr ? 1 : topology::kRouteLegs;
  const std::vector<topology::Channel> cycle = topology::find_channel_cycle(machine, legs, topology::route_turn);
  if (!cycle.empty()) {
    std::string circle;
    for (const topology::Channel& channel : cycle) circle += channel_path(machine, channel) + " -> ";
    throw Error(ExitCode::kInvalidInput, fmt::format("{}: found channels that wait for each other, expected none: {}{}",
                                                     file, circle, channel_path(machine, cycle.front())));
  }
  const topology::DeadCounts& dead = machine.dead();
  if (machine.routes() == nullptr)
    return "dimension order, free of deadlock: the channel dependency graph has no cycle";
  return fmt::format(
      "{} dead dies, {} routers ({} of them cut off), {} links; routes of up to {} legs, free of deadlock: the channel "
      "dependency graph has no cycle",
      dead.dies, dead.routers, dead.cut_off, dead.links, legs);
}

void add_set(Options& options) {
  options.options()("set", po::value<std::vector<std::string>>()->composing(),
                    "PATH=VALUE, e.g. machine.noc.hop_cycles=2; may be repeated");
}

int check(const Arguments& arguments) {
  Options options("topo check FILE", "Checks a machine file; every finding is one line on stderr, exit code 3.",
                  "dojosim topo check configs/machines/exapod.json --set machine.exapod.tile_mesh.rows=20");
  add_set(options);
  options.options()("json", "print JSON instead of text");
  options.positional("file");
  if (!options.parse(arguments)) return 0;
  const std::string file = options.need("file", "the machine file");
  const StageLine stage(!options.quiet(), "checking the machine");
  const topology::Topology machine(config::load_machine(file, options.all("set")), file);
  const std::string routing = deadlock_verdict(machine, file);
  if (options.has("json")) {
    print(
        "{{\"file\": {}, \"good\": true, \"level\": {}, \"nodes\": {}, \"dies\": {}, \"tiles\": {}, \"dips\": {}, "
        "\"routing\": {}}}\n",
        json_text(file), json_text(machine.root_name()), machine.node_count(), machine.die_count(),
        machine.tile_count(), machine.dip_count(), json_text(routing));
    return 0;
  }
  print("{}: good: {} with {} nodes, {} dies, {} tiles, {} DIPs\n", file, machine.root_name(), machine.node_count(),
        machine.die_count(), machine.tile_count(), machine.dip_count());
  print("routing: {}\n", routing);
  return 0;
}

int show(const Arguments& arguments) {
  Options options("topo show FILE", "Draws a machine in the terminal, or as a picture.",
                  "dojosim topo show configs/machines/tile.json --svg tile.svg");
  add_set(options);
  options.options()("svg", po::value<std::string>(), "write a picture to this file instead; - prints it");
  options.positional("file");
  if (!options.parse(arguments)) return 0;
  const topology::MachineParams machine =
      config::load_machine(options.need("file", "the machine file"), options.all("set"));
  if (!options.has("svg")) {
    put(config::draw_machine(machine));
    return 0;
  }
  remove_leftovers_beside(options.text("svg"));
  write_file(options.text("svg"), config::draw_machine_svg(machine));
  if (options.text("svg") != "-") print("{}\n", options.text("svg"));
  return 0;
}

}  // namespace

int topo_command(const Arguments& arguments) {
  static const std::vector<Command> table{{"check", "verify a machine file", check}, {"show", "draw a machine", show}};
  return dispatch("topo", table, arguments);
}

}  // namespace dojo::cli

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
#include "json_answer.h"
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
    JsonAnswer("topo_check")
        .add("file", file)
        .add("good", true)
        .add("level", machine.root_name())
        .add("nodes", static_cast<std::uint64_t>(machine.node_count()))
        .add("dies", static_cast<std::uint64_t>(machine.die_count()))
        .add("tiles", static_cast<std::uint64_t>(machine.tile_count()))
        .add("dips", static_cast<std::uint64_t>(machine.dip_count()))
        .add("routing", routing)
        .print();
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
  options.options()("svg", po::value<std::string>(), "write a picture to this file instead; - prints it")(
      "json", "print JSON instead of text: every value of the machine, and the drawing or the picture's file");
  options.positional("file");
  if (!options.parse(arguments)) return 0;
  const topology::MachineParams machine =
      config::load_machine(options.need("file", "the machine file"), options.all("set"));
  const std::string picture = options.text("svg");
  const bool json = options.has("json");
  if (json && picture == "-") options.fail("found --json and --svg -, expected one of them on standard output");
  if (!picture.empty()) {
    remove_leftovers_beside(picture);
    write_file(picture, config::draw_machine_svg(machine));
  }
  if (json) {
    JsonAnswer answer("topo_show");
    answer.add("file", options.text("file")).add_json("machine", config::machine_json(machine));
    picture.empty() ? answer.add("drawing", config::draw_machine(machine)) : answer.add("svg", picture);
    answer.print();
  } else if (picture.empty()) {
    put(config::draw_machine(machine));
  } else if (picture != "-") {
    print("{}\n", picture);
  }
  return 0;
}

}  // namespace

int topo_command(const Arguments& arguments) {
  static const std::vector<Command> table{{"check", "verify a machine file", check}, {"show", "draw a machine", show}};
  return dispatch("topo", table, arguments);
}

}  // namespace dojo::cli

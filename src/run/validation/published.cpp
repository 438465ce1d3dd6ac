// SPDX-License-Identifier: Apache-2.0
// Published figures of parts: sizes from the defaults of a machine file, latencies and rates by small jobs, power of a
// full load.
#include <algorithm>
#include <string>

#include "dojo/energy/energy.h"
#include "dojo/lower/lower.h"
#include "dojo/machine/machine.h"
#include "dojo/topology/topology.h"
#include "run/validation/suites.h"

namespace dojo::run {
namespace {

using topology::Level;
using topology::MachineParams;
using workload::OpKind;

MachineParams machine_of(Level level) {
  MachineParams machine;
  machine.name = schema::enum_text(level);
  machine.level = level;
  return machine;
}

double number(std::int64_t value) {
  return static_cast<double>(value);
}

double peak_flops_per_s(const topology::Topology& t) {
  const topology::NodeParams& n = t.params().node;
  return number(t.node_count()) * 2 * number(n.matrix_rows * n.matrix_columns * n.matrix_depth) * t.params().clock_hz;
}

/// One graph for each rank, of operations that wait for nothing.
workload::Workload ranks_with(const std::vector<workload::Op>& ops) {
  workload::Workload made;
  made.group_classes = {{"all", {{"all", {}}}}};
  for (RankId rank = 0; rank < ops.size(); ++rank) {
    made.group_classes[0].groups[0].ranks.push_back(rank);
    made.graph_of_rank.push_back(rank);
    workload::Graph& graph = made.graphs.emplace_back();
    graph.file = graph.format = "dojosim validate";
    workload::Op op = ops[rank];
    op.name = graph.intern(workload::op_kind_name(op.kind));
    graph.ops.push_back(op);
  }
  return made;
}

struct Ran {
  machine::Results results;
  double seconds = 0;  ///< until the last operation ended
};

Ran run_job(const MachineParams& params, const std::vector<workload::Op>& ops, workload::PlacementUnit unit,
            const std::vector<std::string>& places, workload::SendRoute route = workload::SendRoute::kMesh) {
  const topology::Topology topology(params);
  const workload::Workload workload = ranks_with(ops);
  workload::LowerOptions options;
  options.placement.rank_unit = {unit, 1, 1};
  options.placement.ranks = workload.ranks();
  options.send_route = route;
  for (RankId rank = 0; rank < places.size(); ++rank) options.placement.by_name[rank] = places[rank];
  const workload::Job job = workload::lower(workload, options, topology);
  machine::Machine machine(topology, workload, job, {});
  while (machine.next_time() != kNever) machine.run_window();
  Ran ran;
  ran.results = machine.collect();
  Cycles end = 0;
  for (const machine::OpRecord& op : ran.results.ops) end = std::max(end, op.last_end);
  ran.seconds = topology.seconds(end);
  return ran;
}

std::vector<workload::Op> message(Bytes bytes) {
  workload::Op send, receive;
  send.kind = OpKind::kSend;
  receive.kind = OpKind::kRecv;
  send.bytes = receive.bytes = bytes;
  send.peer = 1;
  receive.peer = 0;
  return {send, receive};
}

/// Both go 19 columns far and one row down; the longer of them leaves the die by the 20th step and comes back by one.
double crossing_s() {
  const auto between = [](const char* from, const char* to) {
    return run_job(machine_of(Level::kTile), message(64), workload::PlacementUnit::kNode, {from, to}).seconds;
  };
  return between("tile.die[6].node[121]", "tile.die[7].node[120]") -
         between("tile.die[6].node[120]", "tile.die[6].node[139]");
}

double ttpoe_write_s() {
  const MachineParams tile = machine_of(Level::kTile);
  const Ran ran = run_job(tile, message(64), workload::PlacementUnit::kDie, {"tile.die[0]", "tile.die[4]"},
                          workload::SendRoute::kZplane);
  return static_cast<double>(ran.results.zplane.cycles_sum) / tile.clock_hz;
}

/// The five dies of each of a tile's edges in the west and the east load from their five DIPs at once: for one edge.
double five_dips_bytes_per_s() {
  MachineParams tile = machine_of(Level::kTile);
  tile.dip.hbm_efficiency = 1;
  constexpr Bytes kBytes = 64 << 20;
  workload::Op load;
  load.kind = OpKind::kMemLoad;
  load.bytes = kBytes;
  const Ran ran = run_job(tile, std::vector<workload::Op>(10, load), workload::PlacementUnit::kDie,
                          {"tile.die[0]", "tile.die[4]", "tile.die[5]", "tile.die[9]", "tile.die[10]", "tile.die[14]",
                           "tile.die[15]", "tile.die[19]", "tile.die[20]", "tile.die[24]"});
  return 5 * static_cast<double>(kBytes) / ran.seconds;
}

/// Every matrix unit issues in each cycle, with both blocks out of the SRAM; links rest.
energy::Joules full_load(const topology::Topology& t) {
  const topology::NodeParams& n = t.params().node;
  constexpr double kBf16 = 2;
  energy::Counts counts;
  counts.seconds = 1;
  counts.core_cycles = number(t.node_count()) * t.params().clock_hz;
  counts.matrix_flops = peak_flops_per_s(t);
  counts.sram_bytes = counts.core_cycles * number((n.matrix_rows + n.matrix_columns) * n.matrix_depth) * kBf16;
  energy::Machine machine{number(t.sites()), number(t.die_count()), 0, 0, 0, 0};
  if (t.params().level >= Level::kTile) machine.tiles = number(t.tile_count());
  return energy::joules(counts, machine, t.params(), {});
}

}  // namespace

std::vector<ValidationPoint> published_figures(const ValidationRequest&) {
  const topology::Topology die(machine_of(Level::kDie)), tile(machine_of(Level::kTile)),
      exapod(machine_of(Level::kExapod));
  const auto sram = [](const topology::Topology& t) { return number(t.node_count() * t.params().node.sram_bytes); };
  std::vector<ValidationPoint> points{
      {"peak of a die in bf16", "V02: 362 TFLOP/s", "FLOP/s", 362e12, peak_flops_per_s(die), 0.99, 1.01},
      {"peak of a tile", "9 PFLOP/s", "FLOP/s", 9e15, peak_flops_per_s(tile), 0.99, 1.01},
      {"peak of the ExaPod", "E01: 1.1 EFLOP/s", "FLOP/s", 1.1e18, peak_flops_per_s(exapod), 0.98, 1.02},
      {"SRAM of a die", "V02: 440 MB", "B", 440e6, sram(die), 0.99, 1.01},
      {"SRAM of the ExaPod", "1.3 TB", "B", 1.3e12, sram(exapod), 0.97, 1.03},
      {"HBM of the ExaPod", "13 TB", "B", 13e12, number(std::int64_t{exapod.dip_count()}) * 32e9, 0.98, 1.02},
      {"power of a die at full matrix load", "W01: 400 W", "W", 400, full_load(die).of_dies(), 0.95, 1.05},
      {"power of a tile at full matrix load, links at rest", "W02: 15 kW", "W", 15e3, full_load(tile).total(), 0.867,
       1.067}};
  points.push_back({"die to die, beyond the same way on a die", "D18: 100 ns", "s", 100e-9, crossing_s(), 0.99, 1.01});
  points.push_back({"one-way TTPoE write", "P17: 1.3 us", "s", 1.3e-6, ttpoe_write_s(), 0.98, 1.02});
  points.push_back({"five DIPs to one tile edge, HBM at its peak", "I03: 5 x 800 GB/s", "B/s", 4e12,
                    five_dips_bytes_per_s(), 0.95, 1});
  return points;
}

}  // namespace dojo::run

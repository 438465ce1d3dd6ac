// SPDX-License-Identifier: Apache-2.0
// What a run takes and what its machine costs: `energy` and `cost` of report.json. docs/energy.md, docs/cost.md.
#include "dojo/cost/cost.h"
#include "dojo/energy/energy.h"
#include "report/energy_counts.h"
#include "report/json_read.h"
#include "report/value.h"

namespace dojo::report {
namespace {

double number(std::int64_t value) {
  return static_cast<double>(value);
}

/// Bytes that cores read and write in their own SRAM: what the load and store floors of the operations say. Repeated
/// work reads as much a FLOP as the rest.
double core_sram_bytes(const RunContext& c, const Json& ops) {
  const topology::NodeParams& node = c.topology.params().node;
  const machine::Results& r = c.results;
  const double port = number(node.port_bytes_per_cycle) * c.topology.params().clock_hz;
  const double nodes = ratio(number(r.nodes_used), static_cast<double>(c.workload.ranks()));
  double load_s = 0, store_s = 0;
  for (const Json& row : ops) {
    load_s += real(row.at("count")) * real(row.at("floor_load_s"));
    store_s += real(row.at("count")) * real(row.at("floor_store_s"));
  }
  const double repeated = ratio(number(r.flops_recomputed), number(r.cores.matrix_flops));
  return (load_s * number(node.load_ports) + store_s * number(node.store_ports)) * port * nodes * (1 + repeated);
}

void add_cost(Figures& out, const cost::Cost& cost, double samples_per_s) {
  out.add("cost.total_dollars", cost.total_dollars, "$",
          "`machine_dollars` + `electricity_dollars`; prices are assumed ([cost.md](cost.md))");
  out.add("cost.machine_dollars", cost.machine_dollars, "$", "sum of `by_part`");
  out.add("cost.electricity_dollars", cost.electricity_dollars, "$",
          "`energy.watts_mean` x `facility_overhead` x `years` x `dollars_per_kwh`");
  out.add("cost.dollars_per_hour", cost.dollars_per_hour, "$/h", "`total_dollars` / hours of `years`");
  constexpr double kSecondsPerHour = 3600;
  out.add("cost.samples_per_dollar", ratio(samples_per_s * kSecondsPerHour, cost.dollars_per_hour), "samples/$",
          "`workload.samples_per_s` / `dollars_per_hour`, without failures");
  out.add("cost.die_mm2", cost.die_mm2, "mm2", "of all its sites and what stands around them (`machine.area`)");
  out.add("cost.dies_per_wafer", cost.dies_per_wafer, "dies", "whole ones, good or not");
  out.add("cost.die_yield", cost.die_yield, "share", "of dies with `die.enabled` good nodes and nothing else broken");
  out.add("cost.die_yield_bare", cost.die_yield_bare, "share", "of dies on which everything works");
  out.add("cost.die_dollars", cost.die_dollars, "$", "of a good die, tested");
  out.add("cost.tile_yield", cost.tile_yield, "share", "of tiles with at most `spare_dies` lost in assembly");
  for (const auto& part : cost::enum_entries(cost::Part{}))
    out.add(std::string("cost.by_part.") + part.text, cost.by_part[static_cast<std::size_t>(part.value)], "$",
            part.sentence);
}

}  // namespace

void add_energy_and_cost(Figures& out, const RunContext& c, const Json& report, double seconds) {
  const energy::Machine machine = energy_parts(c.topology);
  const energy::Counts counts = energy_counts(c.results, core_sram_bytes(c, report.at("latency").at("ops")), seconds);
  const topology::MachineParams& simulated = c.topology.params();
  const energy::Params& takes = c.config.machine.takes;
  const energy::Joules joules = energy::joules(counts, machine, simulated, takes);
  const energy::Bounds bounds = energy::bounds(counts, machine, simulated, takes);
  const double total = joules.total();
  const Json& workload = report.at("workload");
  const double samples = real(workload.at("samples_per_step")) * real(workload.at("steps_finished"));
  out.add("energy.joules", total, "J",
          "sum of `by_part`; the figures of the machine file are assumed ([energy.md](energy.md))");
  out.add("energy.joules_low", bounds.low, "J", "the same with each figure that has a span at its better end");
  out.add("energy.joules_high", bounds.high, "J", "the same with each figure that has a span at its worse end");
  out.add("energy.watts_mean", ratio(total, seconds), "W", "`joules` / `time.seconds`");
  out.add("energy.joules_per_sample", ratio(total, samples), "J", "`joules` / samples of the finished steps; 0: none");
  out.add("energy.samples_per_joule", ratio(samples, total), "samples/J", "the inverse");
  for (const auto& part : energy::enum_entries(energy::Part{}))
    out.add(std::string("energy.by_part.") + part.text, joules[part.value], "J", part.sentence);
  add_cost(out, cost::cost_of(simulated, takes.area, c.config.machine.cost, machine, ratio(total, seconds)),
           real(workload.at("samples_per_s")));
}

}  // namespace dojo::report

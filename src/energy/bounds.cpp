// SPDX-License-Identifier: Apache-2.0
// From the spans of single figures to that of the total. The total grows or falls with each figure alone, so its ends
// are where each figure is at one of its ends.
#include <string>

#include "dojo/energy/area.h"
#include "dojo/energy/energy.h"

namespace dojo::energy {
namespace {

/// Both structs that hold figures, and one of their members by its key.
struct Figures {
  topology::EnergyParams energy;
  PartParams parts;

  double* find(const std::string& key) {
    double* found = nullptr;
    const auto look_in = [&](const std::string& group, auto& params) {
      std::decay_t<decltype(params)>::fields(params, [&](const char* name, double& member, const auto&...) {
        if (key == group + name) found = &member;
      });
    };
    look_in("energy.", energy);
    look_in("energy_parts.", parts);
    return found;
  }
};

}  // namespace

const std::vector<Span>& spans() {
  static const std::vector<Span> table{
      {"energy.noc_pj_per_bit_hop", 0.024, 0.1},    {"energy.die_crossing_pj_per_bit", 0.5, 1.5},
      {"energy.tile_crossing_pj_per_bit", 4, 6},    {"energy_parts.vector_pj_per_flop", 0.8, 3},
      {"energy_parts.issue_pj_per_cycle", 15, 60},  {"energy_parts.pcie_pj_per_bit", 4, 8},
      {"energy_parts.ethernet_pj_per_bit", 10, 30}, {"energy_parts.io_die_idle_watts", 15, 50},
      {"energy_parts.dip_idle_watts", 50, 120},     {"energy_parts.host_watts", 600, 1500},
      {"energy_parts.vrm_efficiency", 0.75, 0.92}};
  return table;
}

Bounds bounds(const Counts& counts, const Machine& parts, const topology::MachineParams& machine,
              const Params& params) {
  const auto total = [&](const Figures& figures) {
    topology::MachineParams m = machine;
    m.energy = figures.energy;
    Params p = params;
    p.parts = figures.parts;
    return joules(counts, parts, m, p).total();
  };
  const Figures now{machine.energy, params.parts};
  Figures least = now, most = now, defaults;
  for (const Span& span : spans()) {
    Figures one = now, other = now;
    if (*one.find(span.key) != *defaults.find(span.key)) continue;
    *one.find(span.key) = span.low;
    *other.find(span.key) = span.high;
    const bool grows = total(one) <= total(other);
    *least.find(span.key) = grows ? span.low : span.high;
    *most.find(span.key) = grows ? span.high : span.low;
  }
  return {total(least), total(most)};
}

}  // namespace dojo::energy

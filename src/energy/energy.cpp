// SPDX-License-Identifier: Apache-2.0
// Energy of each part. Figures of the machine file hold for the published machine; Scaling moves them to another one.
#include "dojo/energy/energy.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "dojo/energy/area.h"

namespace dojo::energy {
namespace {

using topology::EnergyParams;
using topology::MachineParams;
using topology::NodeParams;

constexpr double kPicojoule = 1e-12, kBits = 8;

double number(std::int64_t value) {
  return static_cast<double>(value);
}

/// FLOP of one issue of the matrix unit, and the bytes of its two blocks in bf16.
double flops_per_issue(const NodeParams& n) {
  return 2 * number(n.matrix_rows) * number(n.matrix_columns) * number(n.matrix_depth);
}
double bytes_per_issue(const NodeParams& n) {
  constexpr double kBf16 = 2;
  return (number(n.matrix_rows) + number(n.matrix_columns)) * number(n.matrix_depth) * kBf16;
}

}  // namespace

double Joules::total() const {
  return std::accumulate(by_part.begin(), by_part.end(), 0.0);
}

double Joules::of_dies() const {
  double sum = 0;
  for (const Part part : {Part::kMatrix, Part::kVector, Part::kIssue, Part::kSram, Part::kNoc, Part::kDieCrossing,
                          Part::kTileCrossing, Part::kIdle})
    sum += (*this)[part];
  return sum;
}

Scaling scaling_of(const MachineParams& m, const Params& params, double sites) {
  const MachineParams& d1 = published();
  const ScalingParams& by = params.scaling;
  const double clock = m.clock_hz / d1.clock_hz;
  Scaling s;
  s.volts = by.core_volts / ScalingParams{}.core_volts * (1 + by.volts_per_clock * (clock - 1));
  s.switching = s.volts * s.volts;
  s.sram = s.switching * std::pow(number(m.node.sram_bytes) / number(d1.node.sram_bytes), by.sram_size_exponent) *
           std::pow(sram_ports(m.node) / sram_ports(d1.node), by.sram_port_exponent);
  const double published_node = node_mm2(d1, params.area), published_die = published_die_mm2(params.area);
  s.hop = published_node > 0 ? s.switching * std::sqrt(node_mm2(m, params.area) / published_node) : s.switching;
  const double area = published_die > 0 ? die_mm2(m, params.area, sites) / published_die : 1;
  s.idle = s.switching * area * (by.idle_leakage_share + (1 - by.idle_leakage_share) * clock);
  s.matrix_sum = number(d1.node.matrix_depth) / number(m.node.matrix_depth);
  return s;
}

double matrix_unit_pj_per_flop(const EnergyParams& energy) {
  const MachineParams& d1 = published();
  const double operands = bytes_per_issue(d1.node) * kBits * d1.energy.sram_pj_per_bit / flops_per_issue(d1.node);
  const double issue = PartParams{}.issue_pj_per_cycle / flops_per_issue(d1.node);
  return std::max(0.0, energy.matrix_pj_per_flop - operands - issue);
}

double io_dies_per_tile(const MachineParams& machine) {
  constexpr double kForEachEdge = 2;
  return kForEachEdge * 2 * (number(machine.tile.dies.rows) + number(machine.tile.dies.columns));
}

Joules joules(const Counts& c, const Machine& machine, const MachineParams& m, const Params& params) {
  const EnergyParams& e = m.energy;
  const PartParams& p = params.parts;
  const double sums = params.scaling.matrix_sum_share;
  const Scaling s = scaling_of(m, params, machine.sites);
  const auto bits = [](double bytes, double pj_per_bit) { return bytes * kBits * pj_per_bit * kPicojoule; };
  const double unit = matrix_unit_pj_per_flop(e) * (1 - sums + sums * s.matrix_sum);
  Joules j;
  j[Part::kMatrix] = c.matrix_flops * unit * s.switching * kPicojoule;
  j[Part::kVector] = c.vector_flops * p.vector_pj_per_flop * s.switching * kPicojoule;
  j[Part::kIssue] = c.core_cycles * p.issue_pj_per_cycle * s.switching * kPicojoule;
  j[Part::kSram] = bits(c.sram_bytes, e.sram_pj_per_bit) * s.sram;
  j[Part::kNoc] = bits(c.noc_bytes, e.noc_pj_per_bit_hop) * s.hop;
  j[Part::kDieCrossing] = bits(c.die_crossing_bytes, e.die_crossing_pj_per_bit);
  j[Part::kTileCrossing] = bits(c.tile_crossing_bytes, e.tile_crossing_pj_per_bit);
  j[Part::kHbm] = bits(c.hbm_bytes, e.hbm_pj_per_bit);
  j[Part::kPcie] = bits(c.pcie_bytes, p.pcie_pj_per_bit);
  j[Part::kEthernet] = bits(c.ethernet_bytes, p.ethernet_pj_per_bit);
  j[Part::kIdle] = machine.dies * e.die_idle_watts * s.idle * c.seconds;
  j[Part::kIoDies] = machine.tiles * io_dies_per_tile(m) * p.io_die_idle_watts * c.seconds;
  j[Part::kDips] = machine.dips * p.dip_idle_watts * c.seconds;
  j[Part::kHosts] = machine.hosts * p.host_watts * c.seconds;
  j[Part::kVrm] = (1 / p.vrm_efficiency - 1) * (j.of_dies() + j[Part::kIoDies]);
  return j;
}

}  // namespace dojo::energy

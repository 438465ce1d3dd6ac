// SPDX-License-Identifier: Apache-2.0
// What a machine file says of energy and silicon beyond topology::EnergyParams. docs/energy.md has the formulas,
// docs/hardware.md the reasons. Figures hold for the published machine: default sizes of a node, default clock.
#pragma once
#include "dojo/schema/fields.h"

namespace dojo::energy {

/// Figures of parts that topology::EnergyParams does not have.
struct PartParams {
  double vector_pj_per_flop = 1.5;
  double issue_pj_per_cycle = 30;
  double pcie_pj_per_bit = 6;
  double ethernet_pj_per_bit = 20;
  double io_die_idle_watts = 30;
  double dip_idle_watts = 80;
  double host_watts = 1000;
  double vrm_efficiency = 0.82;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Between;
    using schema::Source;
    field("vector_pj_per_flop", self.vector_pj_per_flop, "one FLOP of the vector unit, without SRAM", Between(0, 1e6),
          Source{"assumed"});
    field("issue_pj_per_cycle", self.issue_pj_per_cycle,
          "fetch, decode and schedulers in a cycle in which a core works", Between(0, 1e6), Source{"assumed"});
    field("pcie_pj_per_bit", self.pcie_pj_per_bit, "one bit between host and DIP over PCIe", Between(0, 1e6),
          Source{"assumed"});
    field("ethernet_pj_per_bit", self.ethernet_pj_per_bit, "one bit over Ethernet, optics and switch included",
          Between(0, 1e6), Source{"assumed"});
    field("io_die_idle_watts", self.io_die_idle_watts,
          "an I/O die at a tile's edge, of which there are two for each die edge there (T09)", Between(0, 1e6),
          Source{"assumed"});
    field("dip_idle_watts", self.dip_idle_watts, "a DIP that moves nothing", Between(0, 1e6), Source{"assumed"});
    field("host_watts", self.host_watts, "a host, whatever it does", Between(0, 1e6), Source{"assumed"});
    field("vrm_efficiency", self.vrm_efficiency, "share of a tile's supply that reaches its dies", Between(0.05, 1),
          Source{"assumed"});
  }
};

/// How figures follow sizes, clock and supply.
struct ScalingParams {
  double core_volts = 0.8;
  double volts_per_clock = 0.4;
  double idle_leakage_share = 0.6;
  double matrix_sum_share = 0.3;
  double sram_size_exponent = 0.5;
  double sram_port_exponent = 0.5;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Between;
    using schema::Source;
    field("core_volts", self.core_volts, "supply of the dies at the published clock", Between(0.1, 2),
          Source{"assumed"});
    field("volts_per_clock", self.volts_per_clock,
          "share by which that supply follows the clock: 0.4 = 40 % more for twice the clock", Between(0, 1),
          Source{"assumed"});
    field("idle_leakage_share", self.idle_leakage_share, "of die_idle_watts: leakage; the rest follows the clock",
          Between(0, 1), Source{"assumed"});
    field("matrix_sum_share", self.matrix_sum_share,
          "of the matrix unit's own energy: reading and writing sums, once an issue; deeper blocks need it less often",
          Between(0, 1), Source{"assumed"});
    field("sram_size_exponent", self.sram_size_exponent, "an access takes (size / published size) to this power",
          Between(0, 2), Source{"assumed"});
    field("sram_port_exponent", self.sram_port_exponent, "and (ports / published ports) to this power", Between(0, 2),
          Source{"assumed"});
  }
};

/// Silicon of a die at the published sizes; each follows what it belongs to (docs/energy.md).
struct AreaParams {
  double node_sram_mm2 = 0.56;
  double node_matrix_mm2 = 0.25;
  double node_vector_mm2 = 0.13;
  double node_router_mm2 = 0.1;
  double node_other_mm2 = 0.234;
  double die_edges_mm2 = 186.4;
  double sram_port_exponent = 0.5;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Between;
    using schema::Source;
    field("node_sram_mm2", self.node_sram_mm2, "SRAM of a node", Between(0, 1e6), Source{"assumed"});
    field("node_matrix_mm2", self.node_matrix_mm2, "matrix unit of a node", Between(0, 1e6), Source{"assumed"});
    field("node_vector_mm2", self.node_vector_mm2, "vector unit of a node", Between(0, 1e6), Source{"assumed"});
    field("node_router_mm2", self.node_router_mm2, "router of a node", Between(0, 1e6), Source{"assumed"});
    field("node_other_mm2", self.node_other_mm2, "the rest of a node, whatever its sizes", Between(0, 1e6),
          Source{"assumed"});
    field("die_edges_mm2", self.die_edges_mm2, "SerDes and all else of a die outside its nodes", Between(0, 1e6),
          Source{"D11"});
    field("sram_port_exponent", self.sram_port_exponent,
          "an SRAM's area follows (ports / published ports) to this power", Between(0, 2), Source{"assumed"});
  }
};

struct Params {
  PartParams parts;
  ScalingParams scaling;
  AreaParams area;
};

}  // namespace dojo::energy

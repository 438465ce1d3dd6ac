// SPDX-License-Identifier: Apache-2.0
// Each part of a node's area follows the size that it belongs to, in proportion; an SRAM grows with its ports too.
#include "dojo/energy/area.h"

#include <cmath>

namespace dojo::energy {
namespace {

using topology::MachineParams;
using topology::NodeParams;

double number(std::int64_t value) {
  return static_cast<double>(value);
}
double macs(const NodeParams& node) {
  return number(node.matrix_rows) * number(node.matrix_columns) * number(node.matrix_depth);
}

}  // namespace

const MachineParams& published() {
  static const MachineParams machine;
  return machine;
}

double sram_ports(const NodeParams& node) {
  return number(node.load_ports + node.store_ports + node.noc_read_ports + node.noc_write_ports);
}

double node_mm2(const MachineParams& m, const AreaParams& area) {
  const NodeParams& node = m.node;
  const NodeParams& d1 = published().node;
  const double ports = std::pow(sram_ports(node) / sram_ports(d1), area.sram_port_exponent);
  const double links = number(m.noc.link_bytes_per_cycle) / number(published().noc.link_bytes_per_cycle);
  return area.node_sram_mm2 * number(node.sram_bytes) / number(d1.sram_bytes) * ports +
         area.node_matrix_mm2 * macs(node) / macs(d1) +
         area.node_vector_mm2 * number(node.vector_bytes_per_cycle) / number(d1.vector_bytes_per_cycle) +
         area.node_router_mm2 * links + area.node_other_mm2;
}

double die_mm2(const MachineParams& m, const AreaParams& area, double sites) {
  const double edges = m.level == topology::Level::kNode
                           ? 0
                           : area.die_edges_mm2 * m.die.edge_bytes_per_s / published().die.edge_bytes_per_s;
  return sites * node_mm2(m, area) + edges;
}

double published_die_mm2(const AreaParams& area) {
  const MachineParams& d1 = published();
  return die_mm2(d1, area, number(d1.die.grid.rows) * number(d1.die.grid.columns));
}

}  // namespace dojo::energy

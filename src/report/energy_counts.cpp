// SPDX-License-Identifier: Apache-2.0
#include "report/energy_counts.h"

namespace dojo::report {
namespace {

using topology::LinkClass;

double number(std::uint64_t value) {
  return static_cast<double>(value);
}
double number(std::int64_t value) {
  return static_cast<double>(value);
}

}  // namespace

energy::Machine energy_parts(const topology::Topology& t) {
  const bool trays = t.params().level >= topology::Level::kTray;
  return {number(std::int64_t{t.sites()}),
          number(std::int64_t{t.die_count()}),
          t.params().level >= topology::Level::kTile ? number(std::int64_t{t.tile_count()}) : 0,
          trays ? number(std::int64_t{t.tray_count()}) : 0,
          number(std::int64_t{t.dip_count()}),
          trays ? number(std::int64_t{t.host_count()}) : 0};
}

energy::Counts energy_counts(const machine::Results& results, double core_sram_bytes, double seconds) {
  const machine::Results& r = results;
  const auto bytes = [&r](LinkClass k) { return number(r.classes[static_cast<std::size_t>(k)].counters.bytes); };
  energy::Counts n;
  n.seconds = seconds;
  // FP32 products are work of the vector units.
  const double products = number(r.cores.matrix_flops) + number(r.flops_recomputed);
  (r.format == workload::DType::kFp32 ? n.vector_flops : n.matrix_flops) += products;
  n.vector_flops += number(r.cores.vector_flops);
  n.core_cycles = number(r.cores.busy_cycles);
  n.sram_bytes = number(r.ports.bytes_injected) + number(r.ports.bytes_ejected) + core_sram_bytes;
  n.noc_bytes = bytes(LinkClass::kNoc);
  n.die_crossing_bytes = bytes(LinkClass::kDieToDie);
  n.tile_crossing_bytes = bytes(LinkClass::kTileToTile) + bytes(LinkClass::kDip);
  n.hbm_bytes = bytes(LinkClass::kHbm);
  n.pcie_bytes = bytes(LinkClass::kPcie);
  n.ethernet_bytes = bytes(LinkClass::kEthernet);
  return n;
}

}  // namespace dojo::report

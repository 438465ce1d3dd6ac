// SPDX-License-Identifier: Apache-2.0
#include "report/power_over_time.h"

#include "dojo/energy/energy.h"
#include "report/energy_counts.h"

namespace dojo::report {

using topology::LinkClass;

std::vector<double> power_over_time(const UseSource& source, const PassedWork& work, double even,
                                    std::size_t intervals) {
  const auto core = [&](CoreWork kind) -> const Passed& { return work.cores[static_cast<std::size_t>(kind)]; };
  const auto link = [&](LinkClass kind) -> const Passed& { return work.links[static_cast<std::size_t>(kind)]; };
  const double core_bytes = core(CoreWork::kSram).whole;
  const double seconds = source.topology.seconds(source.results.end_cycle);
  const energy::Counts job = energy_counts(source.results, core_bytes, seconds);
  const auto vector_alone = static_cast<double>(source.results.cores.vector_flops);  // without products in FP32
  const energy::Machine parts = energy_parts(source.topology);
  std::vector<double> watts;
  watts.reserve(intervals);
  for (std::size_t i = 0; i < intervals; ++i) {
    const auto of = [&](const Passed& passed) { return passed.share(i, even); };
    const double products = of(core(core(CoreWork::kMatrix).whole > 0 ? CoreWork::kMatrix : CoreWork::kVector));
    energy::Counts n;
    n.seconds = seconds * even;
    n.matrix_flops = job.matrix_flops * products;
    n.vector_flops = vector_alone * of(core(CoreWork::kVector)) + (job.vector_flops - vector_alone) * products;
    n.core_cycles = job.core_cycles * of(core(CoreWork::kBusy));
    n.noc_bytes = job.noc_bytes * of(link(LinkClass::kNoc));
    n.sram_bytes = core_bytes * of(core(CoreWork::kSram)) + (job.sram_bytes - core_bytes) * of(link(LinkClass::kNoc));
    n.die_crossing_bytes = job.die_crossing_bytes * of(link(LinkClass::kDieToDie));
    n.tile_crossing_bytes = job.tile_crossing_bytes *
                            of(link(link(LinkClass::kTileToTile).whole > 0 ? LinkClass::kTileToTile : LinkClass::kDip));
    n.hbm_bytes = job.hbm_bytes * of(link(LinkClass::kHbm));
    n.pcie_bytes = job.pcie_bytes * of(link(LinkClass::kPcie));
    n.ethernet_bytes = job.ethernet_bytes * of(link(LinkClass::kEthernet));
    watts.push_back(energy::joules(n, parts, source.topology.params(), source.takes).total() / n.seconds);
  }
  return watts;
}

}  // namespace dojo::report

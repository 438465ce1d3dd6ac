// SPDX-License-Identifier: Apache-2.0
// What a run takes: joules by part, from what the run has counted and what the machine file says. docs/energy.md.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/energy/params.h"
#include "dojo/schema/enum_text.h"
#include "dojo/topology/machine_params.h"

namespace dojo::energy {

enum class Part : std::uint8_t {
  kMatrix,
  kVector,
  kIssue,
  kSram,
  kNoc,
  kDieCrossing,
  kTileCrossing,
  kHbm,
  kPcie,
  kEthernet,
  kIdle,
  kIoDies,
  kDips,
  kHosts,
  kVrm
};
inline constexpr std::array<schema::EnumEntry<Part>, 15> kPartTexts{
    {{Part::kMatrix, "matrix", "matrix units alone: FLOP x what `matrix_pj_per_flop` leaves beside SRAM and issue"},
     {Part::kVector, "vector", "vector FLOP x `vector_pj_per_flop`"},
     {Part::kIssue, "issue", "cycles in which cores work x `issue_pj_per_cycle`"},
     {Part::kSram, "sram", "bytes of cores and network x 8 x `sram_pj_per_bit`"},
     {Part::kNoc, "noc", "bytes x on-die links crossed x 8 x `noc_pj_per_bit_hop`"},
     {Part::kDieCrossing, "die_crossing", "bytes from die to die x 8 x `die_crossing_pj_per_bit`"},
     {Part::kTileCrossing, "tile_crossing", "bytes over tile edges and DIP links x 8 x `tile_crossing_pj_per_bit`"},
     {Part::kHbm, "hbm", "bytes through HBM x 8 x `hbm_pj_per_bit`"},
     {Part::kPcie, "pcie", "bytes over PCIe x 8 x `pcie_pj_per_bit`"},
     {Part::kEthernet, "ethernet", "bytes over Ethernet x 8 x `ethernet_pj_per_bit`"},
     {Part::kIdle, "idle", "dies x `die_idle_watts` x time"},
     {Part::kIoDies, "io_dies", "I/O dies of the tiles x `io_die_idle_watts` x time"},
     {Part::kDips, "dips", "DIPs x `dip_idle_watts` x time"},
     {Part::kHosts, "hosts", "hosts x `host_watts` x time"},
     {Part::kVrm, "vrm", "lost on the way from the supply to dies and I/O dies: (1 / `vrm_efficiency` - 1) x theirs"}}};
constexpr const auto& enum_entries(Part) {
  return kPartTexts;
}
inline constexpr std::size_t kParts = kPartTexts.size();

/// How many of each part a machine has.
struct Machine {
  double sites = 1;  ///< of a die
  double dies = 1, tiles = 0, trays = 0, dips = 0, hosts = 0;
};

/// What a run has counted, over the whole machine.
struct Counts {
  double seconds = 0;
  double matrix_flops = 0, vector_flops = 0;
  double core_cycles = 0;  ///< in which a core works, summed over the cores
  double sram_bytes = 0;   ///< read and written, by cores and network
  double noc_bytes = 0;    ///< x links crossed
  double die_crossing_bytes = 0, tile_crossing_bytes = 0, hbm_bytes = 0, pcie_bytes = 0, ethernet_bytes = 0;
};

struct Joules {
  std::array<double, kParts> by_part{};
  double operator[](Part part) const { return by_part[static_cast<std::size_t>(part)]; }
  double& operator[](Part part) { return by_part[static_cast<std::size_t>(part)]; }
  [[nodiscard]] double total() const;
  [[nodiscard]] double of_dies() const;  ///< what a die's own supply gives: cores, SRAM, links, idle
};

/// How figures of the published machine change with the sizes, the clock and the supply of this one.
struct Scaling {
  double volts = 1;       ///< supply / published supply; what switches takes its square
  double switching = 1;   ///< that square
  double sram = 1;        ///< of an access, switching included
  double hop = 1;         ///< of a hop: the pitch of a node, switching included
  double idle = 1;        ///< of an idle die: area, leakage and clock
  double matrix_sum = 1;  ///< of the sums of an issue for each FLOP
};
[[nodiscard]] Scaling scaling_of(const topology::MachineParams& machine, const Params& params, double sites);
/// Of the matrix unit alone, for one FLOP on the published machine.
[[nodiscard]] double matrix_unit_pj_per_flop(const topology::EnergyParams& energy);
/// I/O dies of a tile: two for each die edge on its boundary (T09).
[[nodiscard]] double io_dies_per_tile(const topology::MachineParams& machine);

[[nodiscard]] Joules joules(const Counts& counts, const Machine& parts, const topology::MachineParams& machine,
                            const Params& params);

/// The least and the most, with each figure that has a span at its better and its worse end. Values that are not the
/// defaults have no span: somebody knew better.
struct Bounds {
  double low = 0, high = 0;
};
[[nodiscard]] Bounds bounds(const Counts& counts, const Machine& parts, const topology::MachineParams& machine,
                            const Params& params);

/// What is published or usual of a figure.
struct Span {
  const char* key;  ///< "energy.noc_pj_per_bit_hop", below "machine."
  double low, high;
};
[[nodiscard]] const std::vector<Span>& spans();

}  // namespace dojo::energy

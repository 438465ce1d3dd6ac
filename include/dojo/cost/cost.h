// SPDX-License-Identifier: Apache-2.0
// What a machine costs, bought and run: silicon by area and yield, packages, the rest by the piece, electricity.
// docs/cost.md.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/cost/params.h"
#include "dojo/energy/energy.h"

namespace dojo::cost {

enum class Part : std::uint8_t { kDies, kPackages, kPower, kDips, kHosts, kTrays, kSwitches };
inline constexpr std::array<schema::EnumEntry<Part>, 7> kPartTexts{
    {{Part::kDies, "dies", "good dies, those of lost tiles included"},
     {Part::kPackages, "packages", "I/O dies, packages and assembly of tiles, those of lost tiles included"},
     {Part::kPower, "power", "voltage regulators, cooling and mechanics of tiles"},
     {Part::kDips, "dips", "DIPs x `dip_dollars`"},
     {Part::kHosts, "hosts", "hosts x `host_dollars`"},
     {Part::kTrays, "trays", "trays x `tray_dollars`"},
     {Part::kSwitches, "switches", "DIPs x `switch_port_dollars`"}}};
constexpr const auto& enum_entries(Part) {
  return kPartTexts;
}
inline constexpr std::size_t kParts = kPartTexts.size();

struct Cost {
  double die_mm2 = 0, dies_per_wafer = 0;
  double die_yield = 0;       ///< enough nodes work, and all outside the nodes
  double die_yield_bare = 0;  ///< every site would have to work
  double tile_yield = 1;      ///< enough dies work after assembly; 1 where there is no tile
  double die_dollars = 0;     ///< of one good die
  std::array<double, kParts> by_part{};
  double machine_dollars = 0;
  double electricity_dollars = 0;  ///< over the years of service
  double total_dollars = 0, dollars_per_hour = 0;
};

/// `watts`: mean power of the machine at work.
[[nodiscard]] Cost cost_of(const topology::MachineParams& machine, const energy::AreaParams& area, const Params& prices,
                           const energy::Machine& parts, double watts);

/// Gross dies on a round wafer: pi d^2 / 4A - pi d / sqrt(2A).
[[nodiscard]] double gross_dies(double die_mm2, double wafer_mm);
/// At most `allowed` of `n` fail, each with this chance.
[[nodiscard]] double at_most(std::int64_t allowed, std::int64_t n, double chance);

}  // namespace dojo::cost

// SPDX-License-Identifier: Apache-2.0
// Which sites of a die have no core and no SRAM: the listed, the default and the drawn ones.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::topology {

/// `count` sites, spread so that no row and no column holds more than one where the grid allows it.
[[nodiscard]] std::vector<std::int64_t> default_disabled_sites(const Grid& grid, std::int64_t count);

/// `count` sites drawn for one die; depends on nothing but its arguments.
[[nodiscard]] std::vector<std::int64_t> drawn_disabled_sites(const Grid& grid, std::int64_t count, std::uint64_t seed,
                                                             DieId die);

/// Of one die, in ascending order.
[[nodiscard]] std::vector<std::int64_t> disabled_sites_of(const DieParams& params, DieId die);

}  // namespace dojo::topology

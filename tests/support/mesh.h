// SPDX-License-Identifier: Apache-2.0
// A plain mesh of nodes: one die, a node at each site, nothing around it.
#pragma once
#include <cstdint>

#include "dojo/topology/machine_params.h"

namespace dojo::test {

inline topology::MachineParams mesh(std::int64_t rows, std::int64_t columns) {
  topology::MachineParams machine;
  machine.level = topology::Level::kDie;
  machine.die.grid.rows = rows;
  machine.die.grid.columns = columns;
  machine.die.enabled = rows * columns;
  machine.dip.present = false;
  return machine;
}

}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
// The machine of the recordings of a Wormhole chip. Shared by `dojosim validate` and the tests.
#pragma once
#include "dojo/topology/machine_params.h"

namespace dojo::run {

/// configs/machines/wormhole_b0.json, for a program without its files.
[[nodiscard]] topology::MachineParams wormhole_b0();

}  // namespace dojo::run

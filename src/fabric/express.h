// SPDX-License-Identifier: Apache-2.0
// Packets that meet nobody: their whole way is idle, so that nothing needs to happen on it until they arrive.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/fabric/packet_mesh.h"

namespace dojo::fabric {

struct Express {};
struct ExpressWays {};

}  // namespace dojo::fabric

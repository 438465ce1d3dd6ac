// SPDX-License-Identifier: Apache-2.0
// The plug-in:
//
//   dojosim run --plugin two_way_ring.so --set workload.collective_algorithm=two_way_ring ...
#include "two_way_ring.h"

DOJO_PLUGIN(plugins) {
  plugins.add_collective(two_way_ring_collective());
}

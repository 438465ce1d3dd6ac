// SPDX-License-Identifier: Apache-2.0
// A user's program on the installed library: prints the number of nodes of a machine file.
#include <cstdio>

#include "dojo/config/config.h"
#include "dojo/topology/topology.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const dojo::topology::Topology topology(dojo::config::load_machine(argv[1]), argv[1]);
  std::printf("%lld nodes\n", static_cast<long long>(topology.node_count()));
  return topology.node_count() > 0 ? 0 : 1;
}

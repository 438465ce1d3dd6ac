// SPDX-License-Identifier: Apache-2.0
// What reading a path gives: the part, or which element of the path is wrong.
#pragma once
#include <string>
#include <vector>

#include "dojo/topology/topology.h"

namespace dojo::topology {

struct Topology::ParsedPath {
  PartPath path;
  std::string error;                    ///< "" = good
  std::vector<std::string> depends_on;  ///< places in the machine file that the error follows from
};

}  // namespace dojo::topology

// SPDX-License-Identifier: Apache-2.0
// Which parts of a machine file a machine of some level uses: the rest must not be written, nothing is silently
// ignored.
#pragma once
#include <string>
#include <vector>

#include "dojo/topology/topology.h"

namespace dojo::config {

struct UsedFrom {
  std::string path;  ///< below the machine: "/tray/tray_link_ns"
  topology::Level level;
};

/// A level's section is used from that level on, the links between its parts from the next larger one on.
[[nodiscard]] const std::vector<UsedFrom>& used_from();

/// Is `path` itself (not what is above it) in use?
[[nodiscard]] bool used_at(const std::string& path, topology::Level level);

}  // namespace dojo::config

// SPDX-License-Identifier: Apache-2.0
// Which parts of a machine file a machine of some level uses: the rest must not be written, nothing is silently
// ignored.
#pragma once
#include <string>

#include "dojo/topology/machine_params.h"

namespace dojo::config {

struct UsedFrom {
  const char* path;  ///< below the machine: "/tray/tray_link_ns"
  topology::Level level;
};

inline constexpr UsedFrom kUsedFrom[] = {
    {"/die", topology::Level::kDie},
    {"/die/crossing_ns", topology::Level::kTile},
    {"/tile", topology::Level::kTile},
    {"/tile/tile_link_ns", topology::Level::kTray},
    {"/tray", topology::Level::kTray},
    {"/tray/tray_link_ns", topology::Level::kCabinet},
    {"/tray/cabinet_link_ns", topology::Level::kExapod},
    {"/cabinet", topology::Level::kCabinet},
    {"/exapod", topology::Level::kExapod},
};

/// Is `path` itself (not what is above it) in use?
inline bool used_at(const std::string& path, topology::Level level) {
  for (const UsedFrom& entry : kUsedFrom)
    if (path == entry.path) return level >= entry.level;
  return true;
}

}  // namespace dojo::config

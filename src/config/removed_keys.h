// SPDX-License-Identifier: Apache-2.0
// Keys that earlier versions had, and what became of them.
#pragma once
#include <algorithm>
#include <string>

namespace dojo::config {

struct RemovedKey {
  const char* path;      ///< as --set names it
  const char* sentence;  ///< behind "which was removed:"
};
inline constexpr RemovedKey kRemovedKeys[] = {
    {"run.burst_bytes", "each kind of train has a limit of its own"},
};

/// "" for a key that never was. `path` is as --set names it, or as JSON paths are written.
inline std::string why_removed(std::string path) {
  if (!path.empty() && path.front() == '/') path.erase(0, 1);
  std::replace(path.begin(), path.end(), '/', '.');
  for (const RemovedKey& one : kRemovedKeys) {
    if (path == one.path) return one.sentence;
  }
  return {};
}

}  // namespace dojo::config

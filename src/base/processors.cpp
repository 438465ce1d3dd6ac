// SPDX-License-Identifier: Apache-2.0
// Reads the control-group files of Linux and the affinity of this process. A file that is not there is no limit.
#include "dojo/base/processors.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

namespace dojo {
namespace {

namespace fs = std::filesystem;

/// "200000 100000", or "max 100000", which is none; microseconds of processor time in a period.
double quota_of(const ControlGroup& group) {
  double quota = 0, period = 0;
  if (group.unified) {
    std::ifstream in(group.folder / "cpu.max");
    if (!(in >> quota >> period)) return 0;
  } else {
    std::ifstream most(group.folder / "cpu.cfs_quota_us"), each(group.folder / "cpu.cfs_period_us");
    if (!(most >> quota) || !(each >> period)) return 0;  // a quota of -1 is none
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

unsigned affinity() {
  constexpr int kMost = 1 << 16;  // the kernel refuses a set that is smaller than its own
  for (int count = CPU_SETSIZE; count <= kMost; count *= 2) {
    cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(count));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(count));
    const int found = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (found > 0) return static_cast<unsigned>(found);
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

std::vector<ControlGroup> control_groups(const std::string& controller, const std::string& list, const fs::path& root) {
  std::vector<ControlGroup> groups;
  std::ifstream in(list);
  for (std::string line; std::getline(in, line);) {  // "0::/user.slice/..." or "9:cpu,cpuacct:/docker/..."
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find("," + controller + ",") == std::string::npos) continue;
    const fs::path top = unified ? root : root / controller;
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      groups.push_back({top / group.relative_path(), unified});
      if (group == group.parent_path()) break;
    }
  }
  return groups;
}

unsigned processors_of(const std::vector<ControlGroup>& groups) {
  constexpr double kMost = 1e6;
  double least = 0;
  for (const ControlGroup& group : groups) {
    const double quota = quota_of(group);
    if (quota > 0 && (least == 0 || quota < least)) least = quota;
  }
  return static_cast<unsigned>(std::ceil(std::min(least, kMost)));
}

unsigned available_processors() {
  const unsigned quota = processors_of(control_groups("cpu"));
  return quota > 0 ? std::min(affinity(), quota) : affinity();
}

}  // namespace dojo

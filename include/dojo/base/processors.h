// SPDX-License-Identifier: Apache-2.0
// What the host gives to this process: its control groups, and how many processors it may use.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace dojo {

/// A folder of a control group. `unified`: of version 2, whose files have other names.
struct ControlGroup {
  std::filesystem::path folder;
  bool unified = true;
};
/// The groups of this process that may limit a resource ("memory", "cpu"), each with all above it; a limit of any of
/// them counts. Some of the folders may not be there: inside a container the named path may be missing, and the root is
/// ours. The files are given for tests.
[[nodiscard]] std::vector<ControlGroup> control_groups(const std::string& controller,
                                                       const std::string& list = "/proc/self/cgroup",
                                                       const std::filesystem::path& root = "/sys/fs/cgroup");

/// Processors that these groups allow, a started one counted whole; 0: they set no limit.
[[nodiscard]] unsigned processors_of(const std::vector<ControlGroup>& groups);

/// At least 1: those that affinity (taskset, a batch system) allows, and no more than the control groups' quota.
[[nodiscard]] unsigned available_processors();

}  // namespace dojo

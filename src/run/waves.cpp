// SPDX-License-Identifier: Apache-2.0
#include "dojo/run/waves.h"

#include <fmt/format.h>

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::run {
namespace {

/// `path` is the node `whole`, or a part that contains it. The machine's root may be left out.
bool contains(const std::string& path, const std::string& whole, const std::string& root) {
  const auto is_or_begins = [&whole](const std::string& part) {
    return whole.compare(0, part.size(), part) == 0 && (whole.size() == part.size() || whole[part.size()] == '.');
  };
  return is_or_begins(path) || is_or_begins(root + "." + path);
}

}  // namespace

std::vector<core::NodeWave> make_waves(const WaveRequest& request, const topology::Topology& topology) {
  if (topology.detailed().empty()) {
    throw Error(ExitCode::kInvalidInput,
                "--vcd: found no node whose core runs cycle by cycle, expected some; name them in machine.detailed, "
                "such as --set 'machine.detailed=[\"" +
                    topology.node_path(0, 0) + "\"]'");
  }
  if (request.begin < 0 || request.end <= request.begin) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("--vcd-cycles: found {} to {}, expected a first cycle and a later one that ends the "
                            "recording",
                            request.begin, request.end));
  }
  std::vector<core::NodeWave> waves;
  std::vector<bool> used(request.nodes.size(), false);
  std::size_t count = 0;
  const std::string root = topology.root_name();
  const auto chosen = [&](const std::string& node, const std::string& row) {
    if (request.nodes.empty()) return true;
    bool any = false;
    for (std::size_t i = 0; i < request.nodes.size(); ++i) {
      const std::string& path = request.nodes[i];
      if (!contains(path, node, root) && path != row && fmt::format("{}.{}", root, path) != row) continue;
      used[i] = any = true;
    }
    return any;
  };
  for (const auto& [die, sites] : topology.detailed()) {
    for (const SiteIndex site : sites) {
      std::string path = topology.node_path(die, site);
      if (!chosen(path, fmt::format("{}.row[{}]", topology.die_path(die), site / topology.site_columns()))) continue;
      if (++count <= kMostWaves) waves.push_back({die, site, std::move(path), core::Wave(0, 0, 0)});
    }
  }
  const auto unused = std::find(used.begin(), used.end(), false);
  if (unused != used.end()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("--vcd-nodes: found \"{}\", which holds no node whose core runs cycle by cycle, expected a "
                            "node, row, die or larger part of machine.detailed, such as \"{}\"",
                            request.nodes[static_cast<std::size_t>(unused - used.begin())],
                            topology.node_path(topology.detailed().begin()->first,
                                               topology.detailed().begin()->second.front())));
  }
  if (count > kMostWaves) {
    throw Error(ExitCode::kInvalidInput, fmt::format("--vcd: found {} nodes, expected at most {}; choose some with "
                                                     "--vcd-nodes",
                                                     count, kMostWaves));
  }
  for (core::NodeWave& node : waves)
    node.wave = core::Wave(request.begin, request.end, kMostWaveChanges / waves.size());
  return waves;
}

}  // namespace dojo::run

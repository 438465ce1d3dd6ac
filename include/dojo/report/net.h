// SPDX-License-Identifier: Apache-2.0
// The run folder of `dojosim net`: that of a run, and a section `net` with loads and latencies.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dojo/report/report.h"
#include "dojo/traffic/detours.h"
#include "dojo/traffic/measurement.h"

namespace dojo::report {

/// One load of a load-latency curve.
struct LoadPoint {
  double rate = 0;
  traffic::Outcome outcome;
};

struct NetRun {
  traffic::Outcome outcome;
  std::vector<traffic::LinkLoad> links;
  std::uint64_t packet_hops = 0, flit_hops = 0;
  double zero_load_cycles = 0;        ///< mean packet latency of an empty network, by formula
  std::optional<traffic::Ways> ways;  ///< of a machine with dead parts
  std::string model;                  ///< "reference", ...
  std::vector<std::string> approximations;
  std::vector<LoadPoint> curve;  ///< of a sweep, by rising load
  double knee = 0;               ///< of a sweep: largest load that did not saturate
  // Host side:
  double wall_s = 0, elaboration_s = 0, simulation_s = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint32_t threads = 1;
};

struct NetContext {
  const config::RunConfig& config;
  const topology::Topology& topology;
  const NetRun& run;
};

[[nodiscard]] std::string net_report_json(const NetContext& context);
[[nodiscard]] std::string net_report_text(const NetContext& context);
/// report.json, report.txt, report.html, config.resolved.json, links.csv, ops.csv, dies.csv, and curve.csv of a sweep.
void write_net_folder(const NetContext& context, const std::string& directory);

}  // namespace dojo::report

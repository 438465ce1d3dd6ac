// SPDX-License-Identifier: Apache-2.0
// Recorded network events of a Wormhole chip, sent over its machine: predicted against recorded spans. `wormhole` of
// the folder of data holds the recordings.
#include "run/validation/wormhole.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "dojo/base/error.h"
#include "dojo/replay/replay.h"
#include "run/validation/suites.h"

namespace dojo::run {

namespace fs = std::filesystem;

topology::MachineParams wormhole_b0() {
  topology::MachineParams machine;
  machine.name = "wormhole_b0";
  machine.level = topology::Level::kDie;
  machine.clock_hz = 1e9;
  topology::NocParams& noc = machine.noc;
  noc.link_bytes_per_cycle = 32;
  noc.hop_cycles = 9;
  noc.virtual_channels = 8;
  noc.buffer_packets_per_vc = 1;
  noc.wrap = topology::Wrap::kBoth;
  noc.one_way = true;
  noc.networks = 2;
  noc.packet_bytes = 8192;
  noc.header_flits = 1;
  noc.endpoint_bytes_per_cycle = 28.1;
  noc.endpoint_cycles = 5;
  noc.read_cycles = 50;
  noc.issue_cycles = 84;
  noc.credit_cycles = 8;
  noc.shared_buffer_packets = 48;
  noc.shared_packets_per_vc = 15;
  noc.switch_order = topology::SwitchOrder::kLinksFirst;
  noc.lane_choice = topology::LaneChoice::kKeep;
  noc.memory_sites = {0, 5, 10, 15, 25, 35, 45, 50, 55, 60, 65, 70, 75, 85, 95, 105, 110, 115};
  noc.memory_bytes_per_cycle = 22.3;
  noc.memory_read_cycles = 50;
  machine.die.grid.rows = 12;
  machine.die.grid.columns = 10;
  machine.die.enabled = 120;
  machine.dip.present = false;
  return machine;
}

std::vector<ValidationPoint> wormhole_recordings(const ValidationRequest& request) {
  constexpr double kSramTolerance = 0.1, kDramTolerance = 0.09;
  const std::string folder = request.data + "/wormhole";
  if (!fs::is_directory(folder))
    throw Error(ExitCode::kIo,
                fmt::format("{}: found no folder, expected one with recordings of network events", folder));
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  if (files.empty())
    throw Error(ExitCode::kIo, fmt::format("{}: found no .json file, expected recordings of network events", folder));
  std::sort(files.begin(), files.end());
  const topology::MachineParams machine = wormhole_b0();
  std::vector<ValidationPoint> points;
  for (const fs::path& file : files) {
    const replay::Replay times =
        replay::replay(replay::read_recording(file.string(), replay::bounds_of(machine)), machine);
    const double tolerance = file.filename().string().rfind("DRAM", 0) == 0 ? kDramTolerance : kSramTolerance;
    points.push_back({file.stem().string(), "recording, first issue to last barrier", "cycles",
                      static_cast<double>(times.recorded), static_cast<double>(times.predicted), 1 - tolerance,
                      1 + tolerance});
  }
  return points;
}

}  // namespace dojo::run

// SPDX-License-Identifier: Apache-2.0
// Recorded network events of a Wormhole chip: predicted against recorded spans. The recordings are not in the tree:
// they are looked for in ../silicon/wormhole beside the samples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/replay/replay.h"
#include "run/validation/wormhole.h"
#include "support/samples.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

namespace fs = std::filesystem;

topology::MachineParams wormhole() {
  config::LoadRequest request;
  request.purpose = config::Purpose::kNet;
  request.machine_file = DOJO_SOURCE_DIR "/configs/machines/wormhole_b0.json";
  return config::load(request).machine;
}

/// |error| in per cent of all recordings, those that read from DRAM or the others, by rising size.
std::vector<double> errors(const std::string& folder, bool dram) {
  const topology::MachineParams machine = wormhole();
  std::vector<double> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".json" || (name.rfind("DRAM", 0) == 0) != dram) continue;
    const replay::Recording recording = replay::read_recording(entry.path().string(), replay::bounds_of(machine));
    found.push_back(100 * std::abs(replay::replay(recording, machine).error()));
  }
  std::sort(found.begin(), found.end());
  return found;
}

double quantile(const std::vector<double>& rising, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(rising.size())));
  return rising.at(std::max<std::size_t>(rank, 1) - 1);
}

struct Bound {
  const char* id;
  const char* what;
  double share, percent;
  bool known_gap;
};

void judge_errors(const std::string& of, const std::string& words, const std::vector<double>& found,
                  const std::vector<Bound>& bounds) {
  for (const Bound& bound : bounds) {
    judge({"wormhole_" + of + "_" + bound.id, words + ", " + bound.what, "at most this", "%", 0, 1, bound.known_gap},
          bound.percent, quantile(found, bound.share));
  }
}

TEST(Wormhole, IsTheSameInTheProgramAsInItsFile) {
  config::RunConfig file, program;
  file.machine = wormhole();
  program.machine = run::wormhole_b0();
  EXPECT_EQ(config::resolved_json(file, config::Purpose::kNet), config::resolved_json(program, config::Purpose::kNet));
}

/// A packet of 8 KiB on one channel of each link: 30.0 B a cycle (tt-npe), as its places come back after 17 cycles.
TEST(Wormhole, APacketIsSentAtTheMeasuredRate) {
  topology::MachineParams machine = wormhole();
  machine.noc.endpoint_bytes_per_cycle = 0;
  const auto reads = [&](std::int64_t bytes) {
    const replay::Event read{replay::Event::Kind::kRead, true, 0, {6, 7}, bytes, 0};
    replay::Event wait{replay::Event::Kind::kBarrier, true, 0, {}, 0, 1}, end = wait;
    end.kind = replay::Event::Kind::kBarrierEnd;
    end.time = 2;
    const replay::Recording recording{"one read", {{{1, 7}, "BRISC", {read, wait, end}}}, 1, bytes};
    return static_cast<double>(replay::replay(recording, machine).barriers.at(0).predicted_end);
  };
  EXPECT_NEAR(8192 / (reads(8192) - reads(32)), 30.0, 0.3);
}

TEST(Wormhole, ReadsBetweenMemoriesTakeTheRecordedTime) {
  DOJO_NEEDS_SAMPLE(samples, "");
  const std::string folder = samples + "../silicon/wormhole";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs the recordings " << folder;
  judge_errors(
      "reshard", "reads from SRAM to SRAM of a Wormhole chip, 25 recordings: error of the span", errors(folder, false),
      {{"median", "median", 0.5, 2, true}, {"p90", "90th percentile", 0.9, 6, true}, {"worst", "worst", 1, 10, false}});
}

TEST(Wormhole, ReadsFromDramTakeTheRecordedTime) {
  DOJO_NEEDS_SAMPLE(samples, "");
  const std::string folder = samples + "../silicon/wormhole";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs the recordings " << folder;
  judge_errors(
      "dram", "reads from DRAM of a Wormhole chip, 12 recordings: error of the span", errors(folder, true),
      {{"median", "median", 0.5, 2, true}, {"p90", "90th percentile", 0.9, 6, false}, {"worst", "worst", 1, 9, false}});
}

}  // namespace
}  // namespace dojo::test

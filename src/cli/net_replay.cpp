// SPDX-License-Identifier: Apache-2.0
// `dojosim net --replay`: recorded events over a machine's networks.
#include "net_replay.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/report/replay.h"
#include "interrupt.h"
#include "output_folder.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

namespace fs = std::filesystem;

/// A folder stands for its .json files, in the order of their names.
std::vector<std::string> recordings(const Options& options) {
  std::vector<std::string> files;
  for (const std::string& name : options.all("replay")) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      files.push_back(name);
      continue;
    }
    const std::size_t before = files.size();
    for (const fs::directory_entry& entry : fs::directory_iterator(name, error)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path().string());
    }
    if (error) throw Error(ExitCode::kIo, fmt::format("{}: cannot be read: {}", name, error.message()));
    if (files.size() == before)
      throw Error(ExitCode::kInvalidInput, fmt::format("{}: found no .json file, expected recordings", name));
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

/// Options of patterns, which mean nothing here.
void refuse_patterns(const Options& options) {
  for (const char* name : {"mesh", "pattern", "rate", "packet-flits", "model", "scope", "hotspot", "mirror", "area",
                           "warmup-cycles", "measure-cycles", "sweep", "seed"}) {
    if (options.has(name))
      options.fail(
          fmt::format("found --{} beside --replay, expected one of them: events come from the recording", name));
  }
}

}  // namespace

int replay_recordings(const Options& options, const config::RunConfig& config) {
  refuse_patterns(options);
  const std::vector<std::string> wrong = replay::problems(config.machine);
  if (!wrong.empty()) throw Error(ExitCode::kInvalidInput, wrong);
  const std::string out = options.text("out");
  std::optional<OutputFolder> folder;
  if (!out.empty()) folder.emplace(out);
  const InterruptGuard interrupt;
  std::vector<report::ReplayedFile> files;
  std::vector<std::string> problems;
  for (const std::string& name : recordings(options)) {
    try {
      replay::Recording recording = replay::read_recording(name, replay::bounds_of(config.machine));
      replay::Replay times = replay::replay(recording, config.machine, [&] { return interrupt.interrupted(); });
      files.push_back({std::move(recording), std::move(times)});
    } catch (const Error& error) {
      if (error.code() != ExitCode::kInvalidInput) throw;
      problems.insert(problems.end(), error.lines().begin(), error.lines().end());
    }
  }
  if (!problems.empty()) throw Error(ExitCode::kInvalidInput, problems);
  const report::ReplayContext context{config, files};
  if (!out.empty()) report::write_replay_folder(context, out);
  put(report::replay_text(context));
  if (!out.empty()) print("report          {}\n", (fs::path(out) / "replay.json").string());
  return static_cast<int>(ExitCode::kGood);
}

}  // namespace dojo::cli

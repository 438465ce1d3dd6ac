// SPDX-License-Identifier: Apache-2.0
// What `dojosim net --replay` says: predicted against recorded times of each recording, and of each barrier.
#pragma once
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/replay/replay.h"

namespace dojo::report {

struct ReplayedFile {
  replay::Recording recording;
  replay::Replay replay;
};

struct ReplayContext {
  const config::RunConfig& config;
  const std::vector<ReplayedFile>& files;  ///< at least one
};

/// A table with one line for each recording, and the spread of the errors.
[[nodiscard]] std::string replay_text(const ReplayContext& context);
/// The same and each barrier; schema configs/schema/replay.schema.json.
[[nodiscard]] std::string replay_json(const ReplayContext& context);
/// replay.json, replay.txt, barriers.csv, config.resolved.json.
void write_replay_folder(const ReplayContext& context, const std::string& directory);

}  // namespace dojo::report

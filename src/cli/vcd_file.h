// SPDX-License-Identifier: Apache-2.0
// `dojosim run --vcd`: which cores are recorded, and the file.
#pragma once
#include <optional>
#include <string>

#include "dojo/base/files.h"
#include "dojo/run/run.h"
#include "dojo/run/waves.h"
#include "options.h"

namespace dojo::cli {

class VcdFile {
 public:
  static void describe(Options& options);
  /// Throws Error(kUsage) for options that mean nothing, Error(kIo) where no file can be written.
  explicit VcdFile(const Options& options);
  /// Empty: there is no --vcd.
  [[nodiscard]] const std::optional<run::WaveRequest>& request() const { return request_; }
  /// Adds the file to those of the run. Returns the line that says so, once they are in their places.
  [[nodiscard]] std::string write(const run::RunOutcome& outcome, OutputSet& files);

 private:
  std::string path_;
  std::optional<run::WaveRequest> request_;
  std::optional<OutputFile> tried_;
};

}  // namespace dojo::cli

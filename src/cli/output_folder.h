// SPDX-License-Identifier: Apache-2.0
// The folder of a run's results: found out before a long run whether it can be written, gone again if nothing was.
#pragma once
#include <filesystem>
#include <string>

namespace dojo::cli {

class OutputFolder {
 public:
  /// Makes the folder when it is not there. Throws Error(kIo) when nothing can be written into it.
  explicit OutputFolder(const std::string& directory);
  /// Takes away what it made and what stayed empty: a refused run leaves nothing behind.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  std::filesystem::path directory_;
  std::filesystem::path made_from_;  // the topmost folder that was not there before; empty: all were
};

}  // namespace dojo::cli

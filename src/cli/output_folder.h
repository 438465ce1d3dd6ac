// SPDX-License-Identifier: Apache-2.0
// The folder of a run's results: found out before a long run whether it can be written, gone again if nothing was.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

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
  std::vector<std::string> made_;  // folders that were not there before
};

}  // namespace dojo::cli

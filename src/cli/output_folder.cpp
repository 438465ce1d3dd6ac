// SPDX-License-Identifier: Apache-2.0
// Tries a small file in the folder: permissions alone do not tell of read-only file systems.
#include "output_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "dojo/base/error.h"

namespace dojo::cli {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const std::string& directory) : directory_((fs::path(directory) / "").parent_path()) {
  std::error_code failed;
  if (fs::exists(directory_, failed) && !fs::is_directory(directory_, failed)) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: is a file, expected a folder for the results; give another name to --out", directory));
  }
  for (fs::path each = directory_; !each.empty() && !fs::exists(each, failed); each = each.parent_path()) {
    made_from_ = each;
  }
  fs::create_directories(directory_, failed);
  if (failed) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: the folder for the results cannot be made: {}", directory, failed.message()));
  }
  std::string trial = (directory_ / ".dojosim-XXXXXX").string();
  const int file = mkstemp(trial.data());
  if (file < 0) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: nothing can be written into this folder: {}", directory, std::strerror(errno)));
  }
  close(file);
  unlink(trial.c_str());
}

OutputFolder::~OutputFolder() {
  std::error_code failed;
  if (made_from_.empty()) return;
  for (fs::path each = directory_; fs::remove(each, failed) && each != made_from_; each = each.parent_path()) {
  }
}

}  // namespace dojo::cli

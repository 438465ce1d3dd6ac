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

void require_writable_folder(const std::string& directory) {
  std::error_code failed;
  if (fs::exists(directory, failed) && !fs::is_directory(directory, failed)) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: is a file, expected a folder for the results; give another name to --out", directory));
  }
  fs::create_directories(directory, failed);
  if (failed) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: the folder for the results cannot be made: {}", directory, failed.message()));
  }
  std::string trial = (fs::path(directory) / ".dojosim-XXXXXX").string();
  const int file = mkstemp(trial.data());
  if (file < 0) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: nothing can be written into this folder: {}", directory, std::strerror(errno)));
  }
  close(file);
  unlink(trial.c_str());
}

}  // namespace dojo::cli

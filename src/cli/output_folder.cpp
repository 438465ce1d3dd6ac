// SPDX-License-Identifier: Apache-2.0
// Tries a small file in the folder: permissions alone do not tell of read-only file systems.
#include "output_folder.h"

#include <fmt/format.h>

#include "dojo/base/error.h"
#include "dojo/base/files.h"

namespace dojo::cli {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const std::string& directory) : directory_((fs::path(directory) / "").parent_path()) {
  std::error_code failed;
  if (fs::exists(directory_, failed) && !fs::is_directory(directory_, failed)) {
    throw Error(ExitCode::kIo,
                fmt::format("{}: is a file, expected a folder for the results; give another name to --out", directory));
  }
  made_ = make_folders(directory_.string());
  try {
    remove_leftovers(directory_.string());
    const OutputFile trial((directory_ / "trial").string());
  } catch (const Error& error) {
    remove_empty_folders(made_);
    throw Error(ExitCode::kIo,
                fmt::format("{}: nothing can be written into this folder ({})", directory, error.what()));
  }
}

OutputFolder::~OutputFolder() {
  remove_empty_folders(made_);
}

}  // namespace dojo::cli

// SPDX-License-Identifier: Apache-2.0
// The files of a folder, which are either all written or none.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/files.h"

namespace dojo::report {

/// A file beside a report. Error(kIo) with file and reason.
[[nodiscard]] std::string read_text(const std::string& file);

/// A set of files that appear in `directory` together: add() writes temporaries beside their places, commit() moves
/// them in the order in which they were added. Without commit() nothing is left, not even a folder that was made here.
class FileSet {
 public:
  explicit FileSet(std::string directory);
  ~FileSet();
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;
  void add(const std::string& name, const std::string& text);
  [[nodiscard]] OutputSet& set() { return *files_; }  ///< for files elsewhere that belong to these
  void commit();

 private:
  std::string directory_;
  std::vector<std::string> made_;  ///< folders that were not there before
  std::optional<OutputSet> files_ = OutputSet();
};

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// Files that are either written whole or not there: a temporary folder, every write checked, then renames.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace dojo::report {

/// Error(kIo) with file and reason.
[[nodiscard]] std::string read_text(const std::string& file);

/// Writes `text` to a temporary name beside `file`, then renames. Error(kIo) with file and reason; nothing is left
/// behind.
void write_text(const std::string& file, const std::string& text);

/// Makes a folder with its parents. Error(kIo) with the reason.
void make_folder(const std::string& directory);

/// A set of files that appear in `directory` together: add() writes into a temporary folder inside it, commit() renames
/// them in the order in which they were added. Without commit() nothing is left, not even a folder that was made here.
class FileSet {
 public:
  explicit FileSet(std::string directory);
  ~FileSet();
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;
  void add(const std::string& name, const std::string& text);
  void commit();
  [[nodiscard]] const std::string& temporary() const { return temporary_; }

 private:
  std::string directory_, temporary_;
  std::string made_;  ///< topmost folder that was made here, "" = none
  std::vector<std::string> names_;
};

}  // namespace dojo::report

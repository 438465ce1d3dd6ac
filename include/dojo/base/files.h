// SPDX-License-Identifier: Apache-2.0
// Every file that the program reads or writes goes through these functions: inputs are bounded, outputs appear whole or
// not at all and never replace what is no regular file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace dojo {

/// What inputs may ask of the host before they are refused with a sentence. Set once, from the options of the command,
/// before anything is read; a refusal depends on it, never a result.
struct InputLimits {
  std::uint64_t config_bytes = std::uint64_t{16} << 20;   ///< machine, run, sweep and rules files
  std::uint64_t report_bytes = std::uint64_t{256} << 20;  ///< report.json and the tables beside it
  std::uint64_t trace_bytes = std::uint64_t{1} << 30;     ///< of one trace file, unpacked
  /// A compressed file may grow to this many times its size, and to `free_bytes` in any case.
  std::uint64_t growth = 200, free_bytes = std::uint64_t{64} << 20;
  std::uint64_t output_files = 10000;  ///< that one command may write
  double bursts = 1e10;                ///< that a run may move: about three hours on one thread
};
[[nodiscard]] InputLimits& input_limits();

/// The option that raises the limits of inputs, as messages name it.
inline constexpr const char* kLimitOption = "--max-input-mib";

/// The whole file. A pipe or a device is read to its end, and no further than a file of `most_bytes`.
/// Error(kIo) with name and reason; Error(kInvalidInput) for a file that is too large; Stopped where a StopScope says
/// so.
[[nodiscard]] std::string read_file(const std::string& path, std::uint64_t most_bytes);

/// Throws the sentence of an input that is too large.
[[noreturn]] void refuse_size(const std::string& path, const std::string& found, std::uint64_t most_bytes);

/// A file under way: written beside its place, moved there by commit(). A link is followed to its target. "-" is
/// standard output. Error(kIo) for a place that is a device, a pipe or a folder, and for everything that fails.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();  ///< without commit() nothing is left
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(std::string_view bytes);
  void commit();

 private:
  friend class OutputSet;
  enum class Place { kBeside, kSwapped, kMoved };  ///< kSwapped: what was there before is beside now
  OutputFile(std::string path, const OutputFile& twin);
  void flush();
  void give_up_lock();
  void move();
  void swap();
  void take_back() noexcept;
  [[noreturn]] void fail(const char* action, int error) const;
  std::string path_, target_, temporary_;
  int descriptor_ = -1;
  Place place_ = Place::kBeside;
};

/// Files that appear together: commit() moves them to their places in the order in which they were added. When it
/// cannot, and without commit(), what was there before stays.
class OutputSet {
 public:
  OutputFile& add(const std::string& path);
  /// The bytes of `twin`, a file of this set that is written: a hard link, or a copy where the file system has none.
  void add_twin(const std::string& path, const OutputFile& twin);
  void commit();

 private:
  void limit_open_files();
  std::deque<OutputFile> files_;  // they stay where they are
};

/// All of `bytes` in one go.
void write_file(const std::string& path, std::string_view bytes);

/// Takes away what killed programs left unfinished in a folder; what a living one writes stays.
void remove_leftovers(const std::string& directory);
/// The same in the folder of a file that is to be written; "" and "-" name none.
void remove_leftovers_beside(const std::string& path);

/// Makes a folder with its parents and says which were not there before, topmost first. Error(kIo).
std::vector<std::string> make_folders(const std::string& directory);
/// Takes away those of `folders` that are empty, the last one first.
void remove_empty_folders(const std::vector<std::string>& folders);

}  // namespace dojo

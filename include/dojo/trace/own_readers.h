// SPDX-License-Identifier: Apache-2.0
// Readers of trace formats that are not the project's: those of plug-ins. They belong to the process, like the code
// behind them: what is read after they were added is offered to them first. Not to be added to while anything is read.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dojo::workload {

struct OwnReader {
  std::string name;      ///< of the format, for `dojosim list formats`: letters, digits, '_' and '-'
  std::string sentence;  ///< what it reads
  /// By the name of a file and its bytes, those of gzip and zstd unpacked.
  std::function<bool(const std::string& file, std::string_view bytes)> knows;
  /// The same job as text of dojo.trace/1 (docs/trace_format.md). An exception ends the reading with its words.
  std::function<std::string(const std::string& file, std::string_view bytes)> read;
  std::string origin;  ///< "--plugin FILE.so" or the like, for messages; set by what adds it
};

/// Throws Error(kInvalidInput) for a name that is taken or no name, and for one without a function.
void add_trace_reader(OwnReader reader);
/// In the order in which they were added.
[[nodiscard]] const std::vector<OwnReader>& own_readers();

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// JSON within limits, and the files of a run folder.
#include "report/files.h"

#include <algorithm>
#include <array>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "report/json.h"

namespace dojo::report {
namespace {

/// Lists and objects inside one another. Values are trees, and functions on trees call themselves: a deep one would
/// take the whole stack.
constexpr std::size_t kDeepest = 64;

constexpr std::size_t kMostKeys = 30'000;  ///< of one object; they are compared with one another

struct Excess {
  std::size_t at = 0;
  std::string what;  ///< "" = the text keeps to the limits
};

/// The first place at which a JSON text nests deeper or has more keys in an object than the reader can bear.
Excess find_excess(const std::string& text) {
  std::array<std::size_t, kDeepest + 1> keys{};
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return {i, fmt::format("{} levels of nesting", kDeepest)};
      keys[depth] = 0;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (c == ':' && ++keys[depth] > kMostKeys) {
      return {i, fmt::format("{} keys in one object", kMostKeys)};
    }
  }
  return {};
}

std::size_t line_of(const std::string& text, std::size_t at) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

}  // namespace

std::string read_text(const std::string& file) {
  return read_file(file, input_limits().report_bytes);
}

Json read_json(const std::string& file, std::uint64_t most_bytes) {
  const std::string text = read_file(file, most_bytes);
  if (const Excess excess = find_excess(text); !excess.what.empty()) {
    throw Error(ExitCode::kInvalidInput, fmt::format("{}:{}: /: found more than {}, expected fewer", file,
                                                     line_of(text, excess.at), excess.what));
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const bool cut = error.byte >= text.size();
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}:{}: /: found {}, expected one complete JSON value; {}", file, line_of(text, error.byte),
                            cut ? "the end of the file inside a value" : "text that is not JSON",
                            cut ? "the file was cut off: write it again" : "check the file at this line"));
  } catch (const Json::out_of_range& error) {  // "[json...] number overflow parsing '1e999'"
    const std::string words = error.what();
    const std::size_t begin = words.find('\'') + 1, length = words.rfind('\'') - begin;
    const std::string number = begin == 0 ? "a number" : words.substr(begin, length);
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}:{}: /: found {}, expected a number of at most 1.8e308; correct it", file,
                            line_of(text, text.find(number)), number));
  }
}

Json read_json(const std::string& file) {
  return read_json(file, input_limits().report_bytes);
}

FileSet::FileSet(std::string directory) : directory_(std::move(directory)), made_(make_folders(directory_)) {
  remove_leftovers(directory_);
}

FileSet::~FileSet() {
  files_.reset();  // temporaries, without which a folder made here is empty
  remove_empty_folders(made_);
}

void FileSet::add(const std::string& name, const std::string& text) {
  files_->add(directory_ + "/" + name).write(text);
}

void FileSet::commit() {
  files_->commit();
  made_.clear();
}

}  // namespace dojo::report

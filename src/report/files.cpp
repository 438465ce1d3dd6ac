// SPDX-License-Identifier: Apache-2.0
// Reads and writes whole files; every call is checked, closing included, because a full disk shows there.
#include "report/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dojo/base/error.h"
#include "report/json.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const std::string& file, const char* action, int error) {
  throw Error(ExitCode::kIo, fmt::format("{}: cannot {}: {}", file, action, std::strerror(error)));
}

void write_plain(const std::string& file, const std::string& text) {
  std::FILE* out = std::fopen(file.c_str(), "wb");
  if (out == nullptr) fail(file, "create the file", errno);
  int error = 0;
  if (!text.empty() && std::fwrite(text.data(), 1, text.size(), out) != text.size()) error = errno;
  if (error == 0 && std::fflush(out) != 0) error = errno;
  if (std::fclose(out) != 0 && error == 0) error = errno;
  if (error == 0) return;
  std::remove(file.c_str());
  fail(file, "write the file", error);
}

void rename_or_fail(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail(to, "move the finished file into place", errno);
}

/// The topmost folder of `directory` that does not exist yet, "" when all do.
std::string first_missing(const fs::path& directory) {
  fs::path missing;
  std::error_code ignored;
  for (fs::path p = fs::absolute(directory); !p.empty() && !fs::exists(p, ignored); p = p.parent_path()) {
    if (p.has_filename()) missing = p;
    if (p == p.root_path()) break;
  }
  return missing.string();
}

}  // namespace

std::string read_text(const std::string& file) {
  std::error_code error;
  if (fs::is_directory(file, error)) fail(file, "read the file", EISDIR);
  std::ifstream in(file, std::ios::binary);
  if (!in) fail(file, "open the file", errno);
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) fail(file, "read the file", errno);
  return text.str();
}

void make_folder(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error && !fs::is_directory(directory, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw Error(ExitCode::kIo, fmt::format("{}: cannot make the folder: {}", directory, error.message()));
}

void write_text(const std::string& file, const std::string& text) {
  const std::string temporary = fmt::format("{}.writing-{}", file, ::getpid());
  write_plain(temporary, text);
  try {
    rename_or_fail(temporary, file);
  } catch (...) {
    std::remove(temporary.c_str());
    throw;
  }
}

Json read_json(const std::string& file) {
  const std::string text = read_text(file);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const std::size_t end = std::min(error.byte, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    const bool cut = error.byte >= text.size();
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}:{}: /: found {}, expected one complete JSON value; {}", file, line,
                            cut ? "the end of the file inside a value" : "text that is not JSON",
                            cut ? "the file was cut off: write it again" : "check the file at this line"));
  }
}

FileSet::FileSet(std::string directory) : directory_(std::move(directory)), made_(first_missing(directory_)) {
  make_folder(directory_);
  temporary_ = fmt::format("{}/.writing-{}", directory_, ::getpid());
  std::error_code error;
  fs::create_directory(temporary_, error);
  if (error) {
    throw Error(ExitCode::kIo, fmt::format("{}: cannot write into the folder: {}", directory_, error.message()));
  }
}

FileSet::~FileSet() {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  if (!made_.empty()) fs::remove_all(made_, ignored);
}

void FileSet::add(const std::string& name, const std::string& text) {
  write_plain(temporary_ + "/" + name, text);
  names_.push_back(name);
}

void FileSet::commit() {
  for (const std::string& name : names_) rename_or_fail(temporary_ + "/" + name, directory_ + "/" + name);
  names_.clear();
  made_.clear();
}

}  // namespace dojo::report

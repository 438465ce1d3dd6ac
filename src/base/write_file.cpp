// SPDX-License-Identifier: Apache-2.0
// The one way in which files are written: a temporary beside the place, flushed to the disk, then moved. A lock on the
// temporary tells a living writer from a killed one.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/base/files.h"

namespace dojo {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMark = ".dojosim-";  // NAME.dojosim-PROCESS-NUMBER.tmp
constexpr const char* kEnd = ".tmp";

[[noreturn]] void fail_at(const std::string& path, const char* action, int error) {
  throw Error(ExitCode::kIo, fmt::format("{}: cannot {}: {}; check that the folder exists and has room", path, action,
                                         std::strerror(error)));
}

const char* kind_of(const struct stat& about) {
  if (S_ISDIR(about.st_mode)) return "a folder";
  if (S_ISFIFO(about.st_mode)) return "a pipe";
  if (S_ISSOCK(about.st_mode)) return "a socket";
  return "a device";
}

/// The file that `path` names, links followed to their end; it need not exist.
std::string followed(const std::string& path) {
  constexpr int kMostLinks = 40;  // as the kernel
  fs::path at(path);
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code error;
    const fs::path next = fs::read_symlink(at, error);
    if (error) return at.string();  // no link, or nothing there yet
    at = next.is_absolute() ? next : at.parent_path() / next;
  }
  fail_at(path, "follow the link", ELOOP);
}

/// The regular file that may be replaced, or a name that is free.
std::string replaceable(const std::string& path) {
  struct stat about {};
  // Asked before the links are read: those of /dev/stdout and /proc lead to what has no name.
  if (::stat(path.c_str(), &about) != 0 || S_ISREG(about.st_mode)) return followed(path);
  throw Error(ExitCode::kIo,
              fmt::format("{}: found {}, expected a regular file or a free name; give another name, or - for standard "
                          "output where the command can write there",
                          path, kind_of(about)));
}

std::string temporary_name(const std::string& target) {
  static std::atomic<unsigned> number{0};
  return fmt::format("{}{}{}-{}{}", target, kMark, ::getpid(), number.fetch_add(1), kEnd);
}

bool is_temporary(const std::string& name) {
  const std::string end = kEnd;
  return name.find(kMark) != std::string::npos && name.size() > end.size() &&
         name.compare(name.size() - end.size(), end.size(), end) == 0;
}

/// A new locked file; -1 with errno. A program that cleans up may take the file before the lock is on it: once more.
int open_locked(const std::string& name) {
  constexpr int kMostTries = 10;
  for (int i = 0; i < kMostTries; ++i) {
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0) return -1;
    struct stat about {};
    // Some file systems have no locks; then a cleaner gets none either and leaves the file alone.
    (void)::flock(file, LOCK_EX);
    const bool known = ::fstat(file, &about) == 0;
    if (known && about.st_nlink > 0) return file;
    const int error = errno;
    if (!known) ::unlink(name.c_str());
    ::close(file);
    errno = error;
    if (!known) return -1;
  }
  errno = EAGAIN;
  return -1;
}

void write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_at(path, "write the file", errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
  if (path == "-") {
    std::fflush(stdout);
    path_ = "standard output";
    descriptor_ = ::dup(STDOUT_FILENO);
    if (descriptor_ < 0) fail("write", errno);
    return;
  }
  target_ = replaceable(path);
  temporary_ = temporary_name(target_);
  descriptor_ = open_locked(temporary_);
  if (descriptor_ < 0) fail("create the file", errno);
  struct stat about {};
  // What was there before keeps its permissions.
  if (::stat(target_.c_str(), &about) == 0) (void)::fchmod(descriptor_, about.st_mode & 07777);
}

/// Under a second name.
OutputFile::OutputFile(std::string path, const OutputFile& twin) : path_(std::move(path)) {
  target_ = replaceable(path_);
  temporary_ = temporary_name(target_);
  std::error_code error;
  fs::create_hard_link(twin.temporary_, temporary_, error);
  if (error) fs::copy_file(twin.temporary_, temporary_, fs::copy_options::none, error);
  if (!error) return;
  (void)::unlink(temporary_.c_str());
  fail("write the file", error.value());
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      place_(other.place_) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty() && place_ != Place::kMoved) ::unlink(temporary_.c_str());
  give_up_lock();
}

void OutputFile::fail(const char* action, int error) const {
  fail_at(path_, action, error);
}

void OutputFile::write(std::string_view bytes) {
  write_all(descriptor_, bytes, path_);
}

/// A full disk may show only here.
void OutputFile::flush() {
  if (descriptor_ < 0) return;
  if (!temporary_.empty()) {
    if (::fsync(descriptor_) != 0 && errno != EINVAL) fail("write the file", errno);
  } else if (::close(std::exchange(descriptor_, -1)) != 0) {
    fail("write", errno);
  }
}

/// What was flushed is on the disk, whatever close() says.
void OutputFile::give_up_lock() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void OutputFile::move() {
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail("move the finished file into place", errno);
  place_ = Place::kMoved;
}

/// Moves in such a way that it can be taken back, where the file system can do that.
void OutputFile::swap() {
  if (temporary_.empty()) return;
  struct stat about {};
  if (::lstat(target_.c_str(), &about) == 0 && S_ISDIR(about.st_mode))  // it could be swapped too
    fail("move the finished file into place", EISDIR);
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
    place_ = Place::kSwapped;
  } else if (errno == ENOENT || errno == EINVAL || errno == ENOSYS) {  // nothing was there; no such call
    move();
  } else {
    fail("move the finished file into place", errno);
  }
}

void OutputFile::take_back() noexcept {
  if (place_ == Place::kSwapped)
    (void)::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE);
  if (place_ == Place::kMoved) (void)std::rename(target_.c_str(), temporary_.c_str());
  place_ = Place::kBeside;
}

void OutputFile::commit() {
  flush();
  move();
  give_up_lock();
}

void OutputSet::limit_open_files() {
  constexpr std::size_t kMostOpen = 256;  // of the 1,024 that a process has at least; further ones have no lock
  if (files_.size() <= kMostOpen) return;
  files_.back().flush();
  files_.back().give_up_lock();
}

OutputFile& OutputSet::add(const std::string& path) {
  limit_open_files();
  return files_.emplace_back(path);
}

void OutputSet::add_twin(const std::string& path, const OutputFile& twin) {
  limit_open_files();
  files_.push_back(OutputFile(path, twin));
}

void OutputSet::commit() {
  for (OutputFile& file : files_) file.flush();
  std::size_t moved = 0;
  try {
    for (; moved < files_.size(); ++moved) files_[moved].swap();
  } catch (...) {
    while (moved-- > 0) files_[moved].take_back();
    files_.clear();
    throw;
  }
  files_.clear();
}

void write_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.commit();
}

void remove_leftovers(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (!is_temporary(entry->path().filename().string())) continue;
    const int file = ::open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) continue;
    struct stat about {};
    const bool regular = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    if (regular && ::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlink(entry->path().c_str());
    ::close(file);
  }
}

void remove_leftovers_beside(const std::string& path) {
  if (path.empty() || path == "-") return;
  const fs::path folder = fs::path(path).parent_path();
  remove_leftovers(folder.empty() ? "." : folder.string());
}

std::vector<std::string> make_folders(const std::string& directory) {
  std::vector<std::string> made;
  std::error_code error;
  fs::path rest = (fs::path(directory) / "").parent_path();
  std::vector<std::string> missing;
  for (; !rest.empty() && !fs::exists(rest, error); rest = rest.parent_path()) missing.push_back(rest.string());
  for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
    if (fs::create_directory(*folder, error)) made.push_back(*folder);
    if (error) break;
  }
  if (!error && !fs::is_directory(directory, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (!error) return made;
  remove_empty_folders(made);
  throw Error(ExitCode::kIo, fmt::format("{}: cannot make the folder: {}", directory, error.message()));
}

void remove_empty_folders(const std::vector<std::string>& folders) {
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    if (::rmdir(folder->c_str()) != 0) return;
  }
}

}  // namespace dojo

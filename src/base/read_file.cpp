// SPDX-License-Identifier: Apache-2.0
// Reads whole files within a limit; a pipe that stays silent is given up.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/stop_point.h"
#include "dojo/base/text.h"

namespace dojo {
namespace {

constexpr int kSilenceMs = 30'000;  // a pipe without a writer would be waited for for ever
constexpr int kLookMs = 100;        // how often it is looked for a wish to stop meanwhile
constexpr std::size_t kPiece = std::size_t{1} << 20;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(const std::string& path, const char* action, int error) {
  throw Error(ExitCode::kIo, fmt::format("{}: cannot be {}: {}; check the name and its permissions", path, action,
                                         std::strerror(error)));
}

/// Waits until something can be read or the other end is closed.
void wait_for_bytes(int descriptor, const std::string& path) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(kSilenceMs);
  pollfd waiting{descriptor, POLLIN, 0};
  do {
    if (::poll(&waiting, 1, kLookMs) > 0) return;
    stop_point();
  } while (Clock::now() < end);
  throw Error(ExitCode::kIo,
              fmt::format("{}: found a pipe into which nothing was written for {} s, expected a file; write the file "
                          "first, or start the program that writes into the pipe",
                          path, kSilenceMs / 1000));
}

/// Bytes read, 0 at the end.
std::size_t read_piece(int descriptor, char* to, std::size_t room, const std::string& path) {
  for (;;) {
    const ssize_t got = ::read(descriptor, to, room);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      wait_for_bytes(descriptor, path);
    } else if (errno != EINTR) {
      fail(path, "read", errno);
    }
  }
}

}  // namespace

InputLimits& input_limits() {
  static InputLimits limits;
  return limits;
}

void refuse_size(const std::string& path, const std::string& found, std::uint64_t most_bytes) {
  throw Error(ExitCode::kInvalidInput,
              fmt::format("{}: found {}, expected at most {} bytes; give a smaller file, or raise the limit with {}",
                          path, found, most_bytes, kLimitOption));
}

std::string read_file(const std::string& path, std::uint64_t most_bytes) {
  if (path.find('\0') != std::string::npos) {  // the system would open the file whose name ends there
    throw Error(ExitCode::kIo,
                fmt::format("{}: found a file name with the character U+0000, expected one without; correct the name",
                            printable_line(path)));
  }
  // Without O_NONBLOCK the call itself would wait for the writer of a pipe.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat about {};
  if (file.number() < 0 || ::fstat(file.number(), &about) != 0) fail(path, "opened", errno);
  if (S_ISDIR(about.st_mode)) fail(path, "read", EISDIR);
  if (S_ISREG(about.st_mode) && static_cast<std::uint64_t>(about.st_size) > most_bytes)
    refuse_size(path, fmt::format("{} bytes", about.st_size), most_bytes);
  if (S_ISFIFO(about.st_mode)) wait_for_bytes(file.number(), path);
  std::string bytes;
  if (S_ISREG(about.st_mode)) bytes.reserve(static_cast<std::size_t>(about.st_size) + 1);
  for (;;) {
    stop_point();
    const std::size_t have = bytes.size();
    const std::size_t known = bytes.capacity() - have;
    bytes.resize(have + std::clamp<std::size_t>(known, 1 << 12, kPiece));
    const std::size_t got = read_piece(file.number(), bytes.data() + have, bytes.size() - have, path);
    bytes.resize(have + got);
    if (got == 0) return bytes;
    if (bytes.size() > most_bytes) refuse_size(path, fmt::format("more than {} bytes", most_bytes), most_bytes);
  }
}

}  // namespace dojo

// SPDX-License-Identifier: Apache-2.0
// zlib reads plain and gzip files alike; writing goes through a temporary name so that no reader sees half a file.
#include "workload/trace/file_bytes.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "dojo/base/error.h"

namespace dojo::workload {
namespace {

struct CloseGz {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<std::remove_pointer_t<gzFile>, CloseGz>;

constexpr std::size_t kPiece = 1 << 20;

}  // namespace

std::string read_file_bytes(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(
        ExitCode::kIo,
        fmt::format("{}: found a folder, expected a trace file or the prefix of one file per rank such as {}/name "
                    "for {}/name.0.et",
                    path, path, path));
  }
  errno = 0;
  GzFile file(gzopen(path.c_str(), "rb"));
  if (!file)
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be opened: {}; check the name and its permissions", path,
                                           std::strerror(errno)));
  gzbuffer(file.get(), 1 << 17);
  std::string bytes;
  while (true) {
    const std::size_t have = bytes.size();
    bytes.resize(have + kPiece);
    const int got = gzread(file.get(), bytes.data() + have, kPiece);
    bytes.resize(have + static_cast<std::size_t>(std::max(got, 0)));
    int code = Z_OK;
    const char* words = gzerror(file.get(), &code);
    if (code == Z_ERRNO) throw Error(ExitCode::kIo, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    if (got < 0 || code == Z_BUF_ERROR || code == Z_DATA_ERROR) {
      throw Error(
          ExitCode::kInvalidInput,
          fmt::format("{}: byte {}: the gzip stream is cut or damaged ({}), expected a whole file; copy the file again",
                      path, bytes.size(), words));
    }
    if (got == 0) return bytes;
  }
}

void write_file_bytes(const std::string& path, const std::string& bytes) {
  const std::string temporary = fmt::format("{}.tmp{}", path, ::getpid());
  const bool gzip = path.size() > 3 && path.compare(path.size() - 3, 3, ".gz") == 0;
  errno = 0;
  bool good = false;
  {
    // "T": zlib writes the bytes as they are.
    GzFile file(gzopen(temporary.c_str(), gzip ? "wb6" : "wbT"));
    good = file != nullptr;
    for (std::size_t at = 0; good && at < bytes.size(); at += kPiece) {
      const auto size = static_cast<unsigned>(std::min(kPiece, bytes.size() - at));
      good = gzwrite(file.get(), bytes.data() + at, size) == static_cast<int>(size);
    }
    if (file) good = gzclose(file.release()) == Z_OK && good;
  }
  if (good && std::rename(temporary.c_str(), path.c_str()) == 0) return;
  const std::string why = std::strerror(errno);
  std::remove(temporary.c_str());
  throw Error(ExitCode::kIo,
              fmt::format("{}: cannot be written: {}; check that the folder exists and has room", path, why));
}

}  // namespace dojo::workload

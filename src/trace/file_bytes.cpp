// SPDX-License-Identifier: Apache-2.0
// zlib reads plain and gzip files alike, libzstd the rest; writing goes through a temporary name so that no reader sees
// half a file.
#include "trace/file_bytes.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

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

constexpr std::size_t kFirstPiece = 1 << 14, kPiece = 1 << 20;
constexpr std::uintmax_t kMostReserved = std::uintmax_t{1} << 40;  // what a file system can say of a file that is none

struct FreeZstd {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

bool is_zstd(const std::string& bytes) {
  return bytes.size() >= 4 && bytes.compare(0, 4, "\x28\xb5\x2f\xfd") == 0;
}

std::string decompress_zstd(const std::string& path, const std::string& packed) {
  const std::unique_ptr<ZSTD_DStream, FreeZstd> stream(ZSTD_createDStream());
  DOJO_CHECK(stream != nullptr, "no memory for a zstd stream");
  std::string bytes;
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t left = 1;  // 0 once a frame has ended
  std::size_t room = 0;
  while (in.pos < in.size || (left != 0 && room == 0)) {
    const std::size_t have = bytes.size();
    bytes.resize(have + kPiece);
    ZSTD_outBuffer out{bytes.data() + have, kPiece, 0};
    left = ZSTD_decompressStream(stream.get(), &out, &in);
    bytes.resize(have + out.pos);
    room = kPiece - out.pos;
    if (ZSTD_isError(left) != 0) {
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("{}: byte {}: the zstd stream is damaged ({}), expected a whole file; copy the file "
                              "again",
                              path, in.pos, ZSTD_getErrorName(left)));
    }
  }
  if (left != 0) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}: byte {}: the zstd stream is cut, expected a whole file; copy the file again", path,
                            packed.size()));
  }
  return bytes;
}

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
  if (!file) {
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be opened: {}; check the name and its permissions", path,
                                           std::strerror(errno)));
  }
  gzbuffer(file.get(), 1 << 17);
  std::string bytes;
  // A plain file gets its room at once: growing would hold it twice.
  const std::uintmax_t size = gzdirect(file.get()) != 0 ? std::filesystem::file_size(path, ignored) : 0;
  if (!ignored && size < kMostReserved) bytes.reserve(static_cast<std::size_t>(size) + kPiece);
  for (std::size_t piece = kFirstPiece;; piece = std::min(2 * piece, kPiece)) {
    const std::size_t have = bytes.size();
    bytes.resize(have + piece);
    const int got = gzread(file.get(), bytes.data() + have, static_cast<unsigned>(piece));
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
    if (got == 0) return is_zstd(bytes) ? decompress_zstd(path, bytes) : bytes;
  }
}

void write_file_bytes(const std::string& path, const std::string& bytes) {
  // A pipe or a device is written as it is: the temporary file would take its place.
  std::error_code ignored;
  const bool direct = std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  const std::string temporary = direct ? path : fmt::format("{}.tmp{}", path, ::getpid());
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
  if (good && (direct || std::rename(temporary.c_str(), path.c_str()) == 0)) return;
  const std::string why = std::strerror(errno);
  if (!direct) std::remove(temporary.c_str());
  throw Error(ExitCode::kIo,
              fmt::format("{}: cannot be written: {}; check that the folder exists and has room", path, why));
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// gzip and zstd by zlib and libzstd. Unpacking stops at a limit: a few kilobytes can hold gigabytes.
#include "trace/file_bytes.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"

namespace dojo::workload {
namespace {

struct EndDeflate {
  void operator()(z_stream* stream) const { deflateEnd(stream); }
};
struct EndInflate {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};
struct FreeZstd {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr int kGzipOnly = 15 + 16;  // zlib: the largest window, with gzip's header
constexpr int kGzipLevel = 6;

bool starts_with(const std::string& bytes, const char* sign) {
  const std::size_t length = std::strlen(sign);
  return bytes.compare(0, length, sign) == 0;
}

/// Room for the next piece of what is unpacked, within what a file of that size may hold.
class Unpacked {
 public:
  Unpacked(const std::string& path, std::size_t packed_bytes) : path_(path), packed_bytes_(packed_bytes) {
    const InputLimits& limits = input_limits();
    most_ = std::min(limits.trace_bytes, std::max(limits.free_bytes, limits.growth * packed_bytes));
  }
  [[nodiscard]] char* room() {
    stop_point();
    have_ = bytes.size();
    bytes.resize(have_ + kPiece);
    return bytes.data() + have_;
  }
  void filled(std::size_t count) {
    bytes.resize(have_ + count);
    if (bytes.size() > most_)
      refuse_size(path_, fmt::format("{} packed bytes that unpack to more than {}", packed_bytes_, most_), most_);
  }
  std::string bytes;

 private:
  const std::string& path_;
  std::size_t packed_bytes_;
  std::uint64_t most_ = 0;
  std::size_t have_ = 0;
};

[[noreturn]] void fail_gzip(const std::string& path, std::size_t at, const char* words) {
  throw Error(
      ExitCode::kInvalidInput,
      fmt::format("{}: byte {}: the gzip stream is cut or damaged ({}), expected a whole file; copy the file again",
                  path, at, words));
}

std::string unpack_gzip(const std::string& path, const std::string& packed) {
  z_stream state{};
  if (inflateInit2(&state, kGzipOnly) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, EndInflate> stream(&state);
  Unpacked out(path, packed.size());
  std::size_t at = 0;
  bool ended = false;
  // Members may follow one another; what is no member behind the last one is padding, as for other programs.
  while (!ended || (at + 1 < packed.size() && packed[at] == '\x1f' && packed[at + 1] == '\x8b')) {
    if (ended) inflateReset(&state);
    const std::size_t piece = std::min(packed.size() - at, kPiece);
    state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + at));
    state.avail_in = static_cast<uInt>(piece);
    state.next_out = reinterpret_cast<Bytef*>(out.room());
    state.avail_out = static_cast<uInt>(kPiece);
    const int code = inflate(&state, Z_NO_FLUSH);
    at += piece - state.avail_in;
    const bool room_left = state.avail_out > 0;
    out.filled(kPiece - state.avail_out);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      fail_gzip(path, out.bytes.size(), state.msg == nullptr ? "unknown error" : state.msg);
    ended = code == Z_STREAM_END;
    if (!ended && at == packed.size() && room_left) fail_gzip(path, out.bytes.size(), "unexpected end of file");
  }
  return std::move(out.bytes);
}

std::string unpack_zstd(const std::string& path, const std::string& packed) {
  const std::unique_ptr<ZSTD_DStream, FreeZstd> stream(ZSTD_createDStream());
  if (stream == nullptr) throw std::bad_alloc();
  Unpacked unpacked(path, packed.size());
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t left = 1;  // 0 once a frame has ended
  bool full = false;
  while (in.pos < in.size || (left != 0 && full)) {
    ZSTD_outBuffer out{unpacked.room(), kPiece, 0};
    left = ZSTD_decompressStream(stream.get(), &out, &in);
    full = out.pos == kPiece;
    unpacked.filled(out.pos);
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
  return std::move(unpacked.bytes);
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
  std::string bytes = read_file(path, input_limits().trace_bytes);
  if (starts_with(bytes, "\x1f\x8b")) bytes = unpack_gzip(path, bytes);
  return starts_with(bytes, "\x28\xb5\x2f\xfd") ? unpack_zstd(path, bytes) : bytes;
}

void write_file_bytes(OutputFile& file, const std::string& path, const std::string& bytes) {
  const bool gzip = path.size() > 3 && path.compare(path.size() - 3, 3, ".gz") == 0;
  if (!gzip) return file.write(bytes);
  z_stream state{};
  constexpr int kMemoryLevel = 8;  // zlib's usual one
  if (deflateInit2(&state, kGzipLevel, Z_DEFLATED, kGzipOnly, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, EndDeflate> stream(&state);
  std::string packed(kPiece, '\0');
  std::size_t at = 0;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    const std::size_t piece = std::min(bytes.size() - at, kPiece);
    state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + at));
    state.avail_in = static_cast<uInt>(piece);
    state.next_out = reinterpret_cast<Bytef*>(packed.data());
    state.avail_out = static_cast<uInt>(packed.size());
    code = deflate(&state, at + piece == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    DOJO_CHECK(code == Z_OK || code == Z_STREAM_END, "zlib cannot go on");
    at += piece - state.avail_in;
    file.write(std::string_view(packed).substr(0, packed.size() - state.avail_out));
  }
}

}  // namespace dojo::workload

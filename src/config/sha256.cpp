// SPDX-License-Identifier: Apache-2.0
// SHA-256 of texts and files, by libcrypto.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <string_view>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"
#include "dojo/config/config.h"

namespace dojo::config {
namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::string_view bytes) { require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  [[nodiscard]] std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  /// Every libcrypto has SHA-256: it fails for want of memory only.
  static void require(bool good) {
    if (!good) throw std::bad_alloc();
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256_text(const std::string& text) {
  Sha256 hash;
  hash.add(text);
  return hash.hex();
}

std::string sha256_file(const std::string& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0)
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be read ({}); expected a file", file, std::strerror(errno)));
  if (!S_ISREG(about.st_mode)) {
    throw Error(ExitCode::kIo, fmt::format("{}: found a folder, a pipe or a device, expected a regular file, because a "
                                           "run notes the hash of its inputs; write it to a file first",
                                           file));
  }
  std::ifstream in(file, std::ios::binary);
  if (!in)
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be read ({}); expected a file", file, std::strerror(errno)));
  Sha256 hash;
  std::string buffer(std::size_t{1} << 16, '\0');
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    stop_point();
    hash.add(std::string_view(buffer).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  if (in.bad())
    throw Error(ExitCode::kIo, fmt::format("{}: reading stopped half-way ({})", file, std::strerror(errno)));
  return hash.hex();
}

}  // namespace dojo::config

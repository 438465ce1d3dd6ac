// SPDX-License-Identifier: Apache-2.0
// Places of a kernel's operands, and what kernels refuse.
#include "core/kernel_writer.h"

#include "dojo/base/error.h"
#include "dojo/base/types.h"

namespace dojo::core {
namespace {

/// All places start in the first bank of as many as the default has, plus their skew.
constexpr std::int64_t kBankBytes = 16 * kLineBytes;

}  // namespace

std::int64_t SramPlaces::take(std::int64_t bytes, std::int64_t skew) {
  const std::int64_t start = saturating_sum(saturating_product(ceil_div(next_, kBankBytes), kBankBytes), skew);
  next_ = saturating_sum(start, bytes);
  if (next_ > bytes_) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("the kernel {} needs at least {} bytes of SRAM; found {} (machine.node.sram_bytes), expected "
                    "a smaller piece",
                    kernel_, next_, bytes_));
  }
  return start;
}

void expect_between(const char* what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  throw Error(ExitCode::kInvalidInput, low == high
                                           ? fmt::format("{}: found {}, expected {}", what, value, low)
                                           : fmt::format("{}: found {}, expected {} to {}", what, value, low, high));
}

void expect_threads(int threads) {
  expect_between("compute threads", threads, 1, kThreads);
}

}  // namespace dojo::core

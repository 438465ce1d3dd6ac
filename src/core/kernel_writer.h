// SPDX-License-Identifier: Apache-2.0
// Writes the text of kernels: lines, loops, and places in the SRAM.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

#include "dojo/core/params.h"

namespace dojo::core {

class KernelWriter {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), text, std::forward<Args>(args)...);
    text_ += '\n';
  }
  /// `turns` of what `body` writes; nothing for 0, no loop for 1.
  template <class Body>
  void loop(std::int64_t turns, Body&& body) {
    if (turns < 1) return;
    if (turns > 1) line("loop {}", turns);
    body();
    if (turns > 1) line("end");
  }
  /// `count` items by `body(n)`, in turns of `step` and a rest.
  template <class Body>
  void over(std::int64_t count, std::int64_t step, Body&& body) {
    loop(count / step, [&] { body(step); });
    if (count % step != 0) body(count % step);
  }
  void add(const char* address, std::int64_t bytes) {
    if (bytes != 0) line("addi {} {}", address, bytes);
  }
  void thread(int number) { line(".thread {}", number); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// Places one after the other in the SRAM, each `skew` bytes further into the banks than the one before.
class SramPlaces {
 public:
  SramPlaces(const Hardware& hardware, const char* kernel) : bytes_(hardware.sram_bytes), kernel_(kernel) {}
  /// Throws Error(kInvalidInput) when the SRAM is too small.
  [[nodiscard]] std::int64_t take(std::int64_t bytes, std::int64_t skew = 0);

 private:
  std::int64_t bytes_, next_ = 0;
  const char* kernel_;
};

/// Throws Error(kInvalidInput) unless low <= value <= high.
void expect_between(const char* what, std::int64_t value, std::int64_t low, std::int64_t high);
/// The limits of every kernel.
void expect_threads(int threads);

}  // namespace dojo::core

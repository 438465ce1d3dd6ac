// SPDX-License-Identifier: Apache-2.0
// Errors with the exit code they end the program with. Only cli prints them; library code never exits.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace dojo {

enum class ExitCode : int {
  kGood = 0,
  kRegression = 1,
  kUsage = 2,
  kInvalidInput = 3,
  kCannotFinish = 4,
  kIo = 5,
  kHostMemory = 6,
  kInternal = 70,
  kInterrupted = 130
};

/// Carries one or more finished lines for stderr and the exit code.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::vector<std::string> lines)
      : std::runtime_error(lines.empty() ? "error" : lines.front()), code_(code), lines_(std::move(lines)) {}
  Error(ExitCode code, std::string line) : Error(code, std::vector<std::string>{std::move(line)}) {}
  [[nodiscard]] ExitCode code() const { return code_; }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  ExitCode code_;
  std::vector<std::string> lines_;
};

/// Findings of a reader or a check: collect them all, then throw once.
class Findings {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> text, Args&&... args) {
    lines_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  void add_line(std::string line) { lines_.push_back(std::move(line)); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  /// Throws Error(kInvalidInput) with every line when there is any.
  void throw_if_any() const {
    if (!lines_.empty()) throw Error(ExitCode::kInvalidInput, lines_);
  }

 private:
  std::vector<std::string> lines_;
};

[[noreturn]] inline void fail_invariant(const char* file, int line, const std::string& words) {
  throw Error(ExitCode::kInternal, fmt::format("{}:{}: broken invariant: {}", file, line, words));
}

}  // namespace dojo

/// Stays on in release: a broken invariant of the simulator itself (exit code 70).
#define DOJO_CHECK(condition, ...)                                          \
  do {                                                                      \
    if (!(condition)) [[unlikely]]                                          \
      ::dojo::fail_invariant(__FILE__, __LINE__, fmt::format(__VA_ARGS__)); \
  } while (false)

// SPDX-License-Identifier: Apache-2.0
// What the fuzzers beyond the readers share: a folder for each input, and limits that keep an input short.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "support/temporary_folder.h"

namespace dojo::fuzz {

inline void set_limits() {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  InputLimits& limits = input_limits();
  limits.config_bytes = limits.report_bytes = kMiB;
  limits.trace_bytes = limits.free_bytes = 4 * kMiB;
  limits.output_files = 8;
  limits.bursts = 2e4;
}

/// A finding: libFuzzer keeps the input of a program that aborts.
[[noreturn]] inline void found(const std::string& words) {
  std::fprintf(stderr, "FOUND: %s\n", words.c_str());
  std::abort();
}

/// Errors of type Error are answers, but not those of a broken invariant, and none is without words.
template <class Step>
bool answered(Step&& step) {
  try {
    step();
    return true;
  } catch (const Error& error) {
    if (error.code() == ExitCode::kInternal) found(error.what());
    if (error.lines().empty() || error.lines().front().empty()) found("an error without words");
    return false;
  }
}

}  // namespace dojo::fuzz

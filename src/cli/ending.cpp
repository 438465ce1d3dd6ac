// SPDX-License-Identifier: Apache-2.0
// Prints errors, and turns them into exit codes.
#include "ending.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <system_error>

#include "dojo/base/error.h"
#include "end_of_memory.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

/// A damaged input can have a finding on each of its million lines; nobody reads more than this.
constexpr std::size_t kMostLines = 1000;

/// What was promised on stdout must be there: a full disk behind a pipe is an I/O error.
int flushed(int code) {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) return code;
  throw Error(ExitCode::kIo, "standard output cannot be written; is the disk full?");
}

int report_error(const Error& error) {
  std::fflush(stdout);  // a summary that was printed stands before the reason
  // Findings in input files begin with the file's name, so that editors can jump there.
  const bool findings = error.code() == ExitCode::kInvalidInput;
  const std::size_t shown = std::min(error.lines().size(), kMostLines);
  for (std::size_t i = 0; i < shown; ++i) {
    put_error((findings ? "" : "dojosim: error: ") + error.lines()[i]);
  }
  if (shown < error.lines().size()) {
    put_error(fmt::format("dojosim: error: and {} more findings of this kind; mend these first",
                          error.lines().size() - shown));
  }
  return static_cast<int>(error.code());
}

}  // namespace

void set_up_log() {
  const auto colour = std::getenv("NO_COLOR") != nullptr ? spdlog::color_mode::never : spdlog::color_mode::automatic;
  spdlog::drop("dojosim");  // of the process that forked this one
  auto log = spdlog::stderr_color_mt("dojosim", colour);
  log->set_pattern("dojosim: %^%l%$: %v");
  spdlog::set_default_logger(std::move(log));
  spdlog::set_level(spdlog::level::warn);
}

int ended(const std::function<int()>& command) {
  try {
    return flushed(command());
  } catch (const Error& error) {
    return report_error(error);
  } catch (const std::bad_alloc&) {
    return report_error({ExitCode::kHostMemory, kNoMemory});
  } catch (const std::system_error& e) {
    return report_error({ExitCode::kIo, fmt::format("the operating system refused: {}; is the disk full?", e.what())});
  } catch (const std::exception& e) {
    return report_error({ExitCode::kInternal, fmt::format("unexpected: {}; this is a mistake in dojosim", e.what())});
  } catch (...) {
    return report_error({ExitCode::kInternal,
                         "unexpected: an exception of no kind that is known; this is a mistake in "
                         "dojosim or in a plug-in"});
  }
}

}  // namespace dojo::cli

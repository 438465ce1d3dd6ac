// SPDX-License-Identifier: Apache-2.0
// The dojosim program: picks the command, prints errors, returns the exit code.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <optional>
#include <system_error>

#include "commands.h"
#include "dojo/base/error.h"
#include "end_of_memory.h"
#include "interrupt.h"
#include "terminal.h"

namespace {

using dojo::Error;
using dojo::ExitCode;

/// A damaged input can have a finding on each of its million lines; nobody reads more than this.
constexpr std::size_t kMostLines = 1000;

void set_up_log() {
  const auto colour = std::getenv("NO_COLOR") != nullptr ? spdlog::color_mode::never : spdlog::color_mode::automatic;
  auto log = spdlog::stderr_color_mt("dojosim", colour);
  log->set_pattern("dojosim: %^%l%$: %v");
  spdlog::set_default_logger(std::move(log));
  spdlog::set_level(spdlog::level::warn);
}

/// These write a report of what there is when they are interrupted, however early.
bool stops_in_good_order(const dojo::cli::Arguments& arguments) {
  const std::string& command = arguments.empty() ? std::string() : arguments.front();
  return command == "run" || command == "net" || command == "sweep";
}

int run(const dojo::cli::Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "--version") {
    dojo::cli::print_version();
    return 0;
  }
  return dojo::cli::dispatch("", dojo::cli::commands(), arguments);
}

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
    dojo::cli::put_error((findings ? "" : "dojosim: error: ") + error.lines()[i]);
  }
  if (shown < error.lines().size()) {
    dojo::cli::put_error(fmt::format("dojosim: error: and {} more findings of this kind; mend these first",
                                     error.lines().size() - shown));
  }
  return static_cast<int>(error.code());
}

/// Runs the command and says how it ended; throws only when there is no memory for that.
int run_and_report(int count, char** words) {
  try {
    const dojo::cli::Arguments arguments(words + 1, words + count);
    std::optional<dojo::cli::InterruptGuard> guard;
    if (stops_in_good_order(arguments)) guard.emplace();
    dojo::cli::end_with_sweep();
    set_up_log();
    return flushed(run(arguments));
  } catch (const Error& error) {
    return report_error(error);
  } catch (const std::bad_alloc&) {
    return report_error({ExitCode::kHostMemory, dojo::cli::kNoMemory});
  } catch (const std::system_error& e) {
    return report_error({ExitCode::kIo, fmt::format("the operating system refused: {}; is the disk full?", e.what())});
  } catch (const std::exception& e) {
    return report_error({ExitCode::kInternal, fmt::format("unexpected: {}; this is a mistake in dojosim", e.what())});
  }
}

}  // namespace

int main(int count, char** words) {
  dojo::cli::end_well_without_memory();
  dojo::cli::open_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond the limit of the shell is an error of its write
  try {
    return run_and_report(count, words);
  } catch (...) {
    dojo::cli::put_last_words("dojosim: error: ", dojo::cli::kNoMemory);
    return static_cast<int>(ExitCode::kHostMemory);
  }
}

// SPDX-License-Identifier: Apache-2.0
// The dojosim program: picks the command, returns the exit code.
#include <csignal>
#include <optional>

#include "commands.h"
#include "dojo/base/error.h"
#include "end_of_memory.h"
#include "ending.h"
#include "interrupt.h"
#include "terminal.h"

namespace {

/// These write a report of what there is when they are interrupted, however early.
bool stops_in_good_order(const dojo::cli::Arguments& arguments) {
  const std::string& command = arguments.empty() ? std::string() : arguments.front();
  return command == "run" || command == "net" || command == "sweep";
}

int run(const dojo::cli::Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "--version") {
    dojo::cli::print_version({arguments.begin() + 1, arguments.end()});
    return 0;
  }
  return dojo::cli::dispatch("", dojo::cli::commands(), arguments);
}

}  // namespace

int main(int count, char** words) {
  dojo::cli::end_well_without_memory();
  dojo::cli::open_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond the limit of the shell is an error of its write
  try {
    return dojo::cli::ended([&] {
      const dojo::cli::Arguments arguments(words + 1, words + count);
      std::optional<dojo::cli::InterruptGuard> guard;
      if (stops_in_good_order(arguments)) guard.emplace();
      dojo::cli::set_up_log();
      return run(arguments);
    });
  } catch (...) {
    dojo::cli::put_last_words("dojosim: error: ", dojo::cli::kNoMemory);
    return static_cast<int>(dojo::ExitCode::kHostMemory);
  }
}

// SPDX-License-Identifier: Apache-2.0
// `dojosim --version`: what this program was built from.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "dojo/systemc/simulation.h"
#include "json_answer.h"
#include "terminal.h"

namespace dojo::cli {

void print_version(const Arguments& arguments) {
  const report::BuildInfo& info = report::build_info();
  const std::string git = info.git.empty() ? "unknown" : info.git;
  if (arguments == Arguments{"--json"}) {
    JsonAnswer("version")
        .add("version", info.version)
        .add("git", git)
        .add("compiler", info.compiler)
        .add("systemc", systemc::kernel_version())
        .add("libraries", info.libraries)
        .print();
    return;
  }
  if (!arguments.empty())
    throw Error(ExitCode::kUsage,
                fmt::format("--version: found '{}', expected nothing more than --json", arguments.front()));
  print("dojosim {}\ngit {}\ncompiler {}\nsystemc {}\nlibraries {}\n", info.version, git, info.compiler,
        systemc::kernel_version(), info.libraries);
}

}  // namespace dojo::cli

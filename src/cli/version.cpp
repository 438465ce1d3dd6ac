// SPDX-License-Identifier: Apache-2.0
// `dojosim --version`: what this program was built from.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/report/report.h"
#include "dojo/systemc/simulation.h"

namespace dojo::cli {

void print_version() {
  const report::BuildInfo& info = report::build_info();
  fmt::print("dojosim {}\ngit {}\ncompiler {}\nsystemc {}\nlibraries {}\n", info.version,
             info.git.empty() ? "unknown" : info.git, info.compiler, systemc::kernel_version(), info.libraries);
}

}  // namespace dojo::cli

// SPDX-License-Identifier: Apache-2.0
// `dojosim --version`: what this program was built from.
#include <fmt/format.h>
#include <spdlog/version.h>
#include <boost/version.hpp>

#include "commands.h"
#include "dojo/report/report.h"
#include "dojo/systemc/simulation.h"

namespace dojo::cli {

void print_version() {
  const report::BuildInfo& info = report::build_info();
  fmt::print("dojosim {}\ngit {}\ncompiler {}\nsystemc {}\nlibraries {}, spdlog {}.{}.{}, boost {}.{}.{}\n",
             info.version, info.git.empty() ? "unknown" : info.git, info.compiler, systemc::kernel_version(),
             info.libraries, SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH, BOOST_VERSION / 100000,
             BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
}

}  // namespace dojo::cli

// SPDX-License-Identifier: Apache-2.0
// A user's program on the installed library: runs a configuration and prints how long the job takes.
#include <cstdio>

#include "dojo/base/error.h"
#include "dojo/run/run.h"

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  dojo::config::LoadRequest request;
  request.config_file = argv[1];
  const dojo::run::RunOutcome outcome = dojo::run::run(dojo::config::load(request));
  const double seconds = outcome.prepared.topology->seconds(outcome.results.end_cycle);
  std::printf("%.3f us on %lld nodes\n", 1e6 * seconds,
              static_cast<long long>(outcome.prepared.topology->node_count()));
  return outcome.ending == dojo::systemc::Ending::kFinished && seconds > 0 ? 0 : 1;
} catch (const dojo::Error& error) {
  for (const std::string& line : error.lines()) std::fprintf(stderr, "%s\n", line.c_str());
  return static_cast<int>(error.code());
}

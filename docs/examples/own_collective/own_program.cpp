// SPDX-License-Identifier: Apache-2.0
// The same collective in a program of one's own, without a plug-in: own_program MACHINE.json BYTES
#include <cstdio>
#include <string>

#include "dojo/base/error.h"
#include "dojo/run/run.h"
#include "two_way_ring.h"

int main(int count, char** words) {
  if (count != 3) return 2;
  try {
    dojo::run::Plugins plugins;
    plugins.add_collective(two_way_ring_collective());  // before a config that names it is read
    for (const std::string algorithm : {"ring", "two_way_ring"}) {
      dojo::config::RunConfig config =
          dojo::config::load({"",
                              words[1],
                              "",
                              {"workload.generate.model=all_reduce", std::string("workload.generate.bytes=") + words[2],
                               "workload.collective_algorithm=" + algorithm}});
      dojo::run::Hooks hooks;
      hooks.plugins = &plugins;
      const dojo::run::RunOutcome outcome = dojo::run::run(dojo::run::prepare(std::move(config), hooks), hooks);
      std::printf("%-12s %10lld cycles\n", algorithm.c_str(), static_cast<long long>(outcome.results.end_cycle));
    }
    return 0;
  } catch (const dojo::Error& error) {
    for (const std::string& line : error.lines()) std::fprintf(stderr, "%s\n", line.c_str());
    return static_cast<int>(error.code());
  }
}

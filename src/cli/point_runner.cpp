// SPDX-License-Identifier: Apache-2.0
// What a sweep does with its points, by the same code as `dojosim run`.
#include "point_runner.h"

#include <new>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/run/run.h"
#include "ending.h"
#include "interrupt.h"

namespace dojo::cli {

report::PointRunner::Origin RunPoints::origin(const config::RunConfig& config) {
  return {run::workload_origin(config), run::job_origin(config)};
}

void RunPoints::share(const config::RunConfig& config, bool lower, const std::function<bool()>& stop) {
  run::Hooks hooks;
  hooks.plugins = &plugins_;
  hooks.should_stop = stop;
  try {
    shared_.keep(config, lower, hooks);
  } catch (const Error&) {  // each of the points says what is wrong
  } catch (const std::bad_alloc&) {
  }
}

int RunPoints::check(const config::RunConfig& config) {
  return ended([&] {
    run::Hooks hooks;
    hooks.plugins = &plugins_;
    hooks.shared = &shared_;
    run::check(config, hooks);
    return static_cast<int>(ExitCode::kGood);
  });
}

int RunPoints::run(const std::vector<std::string>& words) {
  return ended([&] {
    const InterruptGuard guard;  // as main() has one
    set_up_log();
    return run_with(words, &shared_);
  });
}

}  // namespace dojo::cli

// SPDX-License-Identifier: Apache-2.0
#include "run/sensitivity.h"

#include <fmt/format.h>

#include "dojo/base/error.h"
#include "dojo/config/evidence.h"

namespace dojo::run {
namespace {

constexpr std::uint32_t kMostDies = 25;  ///< a tile: two runs for each of some forty numbers

/// 0: such a machine is refused, the job does not finish on it, or somebody asked to stop.
Cycles cycles_with(const config::RunConfig& config, config::Machine machine, const Hooks& hooks) {
  config::RunConfig turned = config;
  turned.machine = std::move(machine);
  turned.run = {};
  turned.run.threads = config.run.threads;
  turned.run.seed = config.run.seed;
  turned.run.network_model = config.run.network_model;
  turned.run.node_model = config.run.node_model;
  try {
    const Prepared prepared = prepare(std::move(turned), hooks);
    if (prepared.stopped) return 0;
    machine::MachineSettings settings = machine_settings(prepared.config->run);
    settings.detailed = false;
    machine::Machine run(*prepared.topology, *prepared.workload, *prepared.job, settings);
    while (run.next_time() != kNever && !(hooks.should_stop && hooks.should_stop())) run.run_window();
    return run.done() ? run.end_cycle() : 0;
  } catch (const Error& error) {
    if (error.code() != ExitCode::kInvalidInput) throw;
    return 0;
  }
}

}  // namespace

void refuse_sensitivity(const config::RunConfig& config, const topology::Topology& topology) {
  if (!config.run.sensitivity) return;
  if (topology.die_count() > kMostDies) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("run.sensitivity: found true on a machine of {} dies, expected at most {}: the job runs twice "
                    "for each of {} assumed numbers; on a larger machine turn those that matter on a tile, by a "
                    "sweep of mode one_at_a_time as in configs/sweeps/resnet50_assumptions.json",
                    topology.die_count(), kMostDies, config::assumed_numbers(config.machine).size()));
  }
}

std::vector<report::TurnedNumber> turn_assumed(const Prepared& prepared, const Hooks& hooks) {
  std::vector<report::TurnedNumber> all;
  const config::RunConfig& config = *prepared.config;
  for (const config::AssumedNumber& number : config::assumed_numbers(config.machine)) {
    if (hooks.should_stop && hooks.should_stop()) break;
    if (hooks.note) hooks.note(fmt::format("running the job again with another {}", number.key));
    const auto cycles = [&](double value) {
      return value == number.value ? Cycles{0}
                                   : cycles_with(config, config::with_number(config.machine, number.key, value), hooks);
    };
    all.push_back({number.key, number.value, number.low, number.high, cycles(number.low), cycles(number.high)});
  }
  return all;
}

}  // namespace dojo::run

// SPDX-License-Identifier: Apache-2.0
// What a caller may do while a run goes on.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dojo/machine/machine.h"
#include "dojo/run/waves.h"

namespace dojo::run {

class Plugins;
class Shared;

/// Each may be left empty.
struct Hooks {
  /// Parts that the caller adds to this project's.
  const Plugins* plugins = nullptr;
  /// Workloads and jobs that are made already; those that fit are taken.
  const Shared* shared = nullptr;
  /// Cores whose signals are recorded (RunOutcome::waves); none: of no core.
  std::optional<WaveRequest> waves;
  /// A run ends early when this says true. Asked about every 50 ms of host time, while a workload is read and lowered
  /// too, and between measurements of a network.
  std::function<bool()> should_stop;
  /// Called as often, while a machine simulates; `host_s`: seconds since it began to.
  std::function<void(const machine::Machine& machine, double host_s)> tick;
  /// Called when the machine is built and the simulation begins.
  std::function<void()> started;
  /// How far the work before that is: "operations", 12, 50. Called often.
  std::function<void(std::string_view what, std::size_t done, std::size_t all)> progress;
  /// A sentence that the user should read.
  std::function<void(const std::string& sentence)> warn;
  /// One sentence about what is being done.
  std::function<void(const std::string& sentence)> note;
};

}  // namespace dojo::run

// SPDX-License-Identifier: Apache-2.0
// `dojosim net`: loads the configuration, measures, reports.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/report/net.h"
#include "dojo/run/net.h"
#include "interrupt.h"
#include "net_options.h"
#include "net_replay.h"
#include "output_folder.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

using Clock = std::chrono::steady_clock;

run::NetOutcome measure(const Options& options, config::RunConfig config, std::vector<double> loads) {
  const InterruptGuard interrupt;
  run::Hooks hooks;
  hooks.should_stop = [&] { return interrupt.interrupted(); };
  hooks.warn = [](const std::string& sentence) { spdlog::warn(sentence); };
  hooks.note = [](const std::string& sentence) { spdlog::info(sentence); };
  return options.has("sweep") ? run::net_sweep(std::move(config), std::move(loads), hooks)
                              : run::net(std::move(config), hooks);
}

}  // namespace

int net_command(const Arguments& arguments) {
  const Clock::time_point start = Clock::now();
  Options options = net_options();
  if (!options.parse(arguments)) return 0;
  config::RunConfig config = load_net_config(options);
  config.command = command_line("net", arguments);
  if (options.has("replay")) return replay_recordings(options, config);
  std::vector<double> loads = options.has("sweep") ? sweep_loads(options) : std::vector<double>{};
  const std::string out = options.text("out");
  std::optional<OutputFolder> folder;
  if (!out.empty()) folder.emplace(out);
  run::NetOutcome outcome = measure(options, std::move(config), std::move(loads));
  outcome.run.wall_s = std::chrono::duration<double>(Clock::now() - start).count();
  if (!out.empty()) report::write_net_folder(outcome.context(), out);
  const bool json = options.has("json");
  put(json ? report::net_report_json(outcome.context()) : report::net_report_text(outcome.context()));
  if (!json && !out.empty()) print("report          {}\n", (std::filesystem::path(out) / "report.html").string());
  if (!outcome.run.outcome.interrupted) return static_cast<int>(ExitCode::kGood);
  spdlog::warn("interrupted; the report is marked partial");
  return static_cast<int>(ExitCode::kInterrupted);
}

}  // namespace dojo::cli

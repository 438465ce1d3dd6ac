// SPDX-License-Identifier: Apache-2.0
// The whole way of a job: the first line is a run config, the rest its trace. Read, check, lower, run, write a run
// folder, compare it with itself, make its page again, convert the trace. A job that ran has to end well all the way.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/report/report.h"
#include "dojo/run/run.h"
#include "dojo/trace/trace.h"
#include "fuzz/fuzz_folder.h"

namespace {

using namespace dojo;

constexpr std::int64_t kMostNodes = 1500;
constexpr int kMostAsked = 40;  // about two seconds

std::int64_t nodes(const topology::MachineParams& machine) {
  std::int64_t count = 1;
  const auto times = [&](const topology::Grid& grid) {
    count = std::min<std::int64_t>(count, std::int64_t{1} << 30) * grid.rows * grid.columns;
  };
  using topology::Level;
  if (machine.level != Level::kNode) times(machine.die.grid);
  if (machine.level != Level::kNode && machine.level != Level::kDie) times(machine.tile.dies);
  const bool small = machine.level == Level::kNode || machine.level == Level::kDie || machine.level == Level::kTile;
  return small ? count : kMostNodes + 1;
}

/// Converted, a trace is read again.
void convert(const workload::Workload& workload, const std::string& to) {
  if (!fuzz::answered([&] { workload::write_trace(workload, to); })) return;
  std::vector<std::string> read;
  try {
    (void)workload::read_trace(to, workload::TraceOptions{}, &read);
  } catch (const Error& error) {
    fuzz::found(std::string("the converted trace is not read: ") + error.what());
  }
}

void compare(const std::string& report) {
  std::string table;
  if (!report::compare({report, report, "", report + ".xml", report + ".md"}, table))
    fuzz::found("a report differs from itself: " + table);
}

void run_job(const test::TemporaryFolder& folder, const std::string& config_file) {
  config::RunConfig config = config::load({config_file, "", "", {"workload.trace=" + folder / "trace"}});
  if (nodes(config.machine) > kMostNodes || config.workload.ranks > kMostNodes) return;
  config.run.threads = 1;
  int asked = 0;
  run::Hooks hooks;
  hooks.should_stop = [&] { return ++asked > kMostAsked; };
  run::Prepared prepared = run::prepare(std::move(config), hooks);
  if (prepared.workload->ranks() == 0) return;  // stopped while it was read
  convert(*prepared.workload, folder / "again.json");
  run::RunOutcome outcome;
  if (!fuzz::answered([&] { outcome = run::run(std::move(prepared), hooks); })) return;  // a limit of time
  const std::string out = folder / "out";
  const bool good = fuzz::answered([&] {
    report::write_run_folder(outcome.context(), out);
    (void)report::report_text(outcome.context());
    compare(out + "/report.json");
    (void)report::write_html(out);
  });
  if (!good) fuzz::found("a job that ran has no good results");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::set_limits();
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(bytes.find('\n'), size);
  const test::TemporaryFolder folder;
  const std::string config = folder.write("config.json", bytes.substr(0, line));
  folder.write("trace", bytes.substr(std::min(line + 1, size)));
  (void)fuzz::answered([&] { run_job(folder, config); });
  return 0;
}

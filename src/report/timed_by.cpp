// SPDX-License-Identifier: Apache-2.0
// How much of a run was timed by what: the kernel model, the roofline, or durations that another machine recorded.
#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <utility>

#include "report/units.h"
#include "report/value.h"

namespace dojo::report {
namespace {

using workload::Kernel;

/// Of each operation of each graph that is no communication of this machine.
std::map<std::pair<std::uint32_t, std::uint32_t>, Kernel::TimedBy> sources(const workload::Job& job) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Kernel::TimedBy> by_op;
  for (const workload::Program& program : job.programs) {
    for (const workload::Task& task : program.tasks) {
      if (task.op == kNone) continue;
      if (task.kind == workload::Task::Kind::kDelay)
        by_op.emplace(std::pair{program.graph, task.op}, Kernel::TimedBy::kRecorded);
      if (task.kind == workload::Task::Kind::kKernel)
        by_op.emplace(std::pair{program.graph, task.op}, program.kernels[task.kernel].timed_by);
    }
  }
  return by_op;
}

}  // namespace

void add_timed_by(Figures& out, const RunContext& c) {
  const auto by_op = sources(c.job);
  std::array<double, 3> seconds{};
  for (const machine::OpRecord& record : c.results.ops) {
    const auto found = by_op.find({record.graph, record.op});
    if (found != by_op.end()) {
      seconds[static_cast<std::size_t>(found->second)] +=
          static_cast<double>(record.cycles_sum) / c.topology.params().clock_hz;
    }
  }
  out.add("fidelity.timed_by_seconds.shapes", seconds[0], "s",
          "of operations over all ranks and steps, without communication; timed by the kernel model from their shapes");
  out.add("fidelity.timed_by_seconds.roofline", seconds[1], "s", "the same, timed by FLOP and bytes");
  out.add("fidelity.timed_by_seconds.recorded", seconds[2], "s", "the same, timed by the duration in the trace");
  std::uint64_t operations = 0;
  for (const auto& entry : by_op) operations += entry.second == Kernel::TimedBy::kRecorded ? 1 : 0;
  const double scale = c.config.workload.duration_scale, all = seconds[0] + seconds[1] + seconds[2];
  const double share = all > 0 ? seconds[2] / all : 0;
  std::string sentence;
  if (operations > 0) {
    sentence = fmt::format(
        "The times of {} operations ({} of the operations' time) are another machine's: they were recorded there and "
        "{}. They say nothing about this machine's cores.",
        grouped(static_cast<long long>(operations)), percent(share),
        scale == 1 ? "are taken as they are (workload.duration_scale is 1)"
                   : fmt::format("are multiplied by {} (workload.duration_scale)", scale));
  }
  out.add("fidelity.recorded.operations", operations, "operations", "timed by what another machine recorded");
  out.add("fidelity.recorded.share_of_time", share, "share", "of them in the operations' time");
  out.add("fidelity.recorded.duration_scale", scale, "", "`workload.duration_scale`");
  out.add("fidelity.recorded.sentence", sentence, "", "the same in words; empty when there are none");
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
#include "audit/exposure.h"

#include <algorithm>

namespace dojo::audit {
namespace {

using machine::TaskTime;
using workload::Task;

struct Span {
  Cycles begin, end;
  std::uint32_t task;
};

/// Tasks beside the cores that ended, in the order of their ends, and tasks on them in the order of their starts.
struct Spans {
  std::vector<Span> on_cores, beside;
  Spans(const workload::Program& program, const std::vector<TaskTime>& times) {
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      const Task& what = program.tasks[task];
      if (what.kind == Task::Kind::kNone || times[task].end == kNever || times[task].start >= times[task].end) continue;
      (what.unit == Task::Unit::kCore ? on_cores : beside).push_back({times[task].start, times[task].end, task});
    }
    const auto by_start = [](const Span& a, const Span& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.task < b.task;
    };
    const auto by_end = [](const Span& a, const Span& b) { return a.end != b.end ? a.end < b.end : a.task < b.task; };
    std::sort(on_cores.begin(), on_cores.end(), by_start);
    std::sort(beside.begin(), beside.end(), by_end);
  }
};

/// The cores wait from `begin` to `end`: for the task that ended last there, before its start for the one that ended
/// last before that, and so on.
void share_gap(const std::vector<Span>& beside, Cycles begin, Cycles end, std::vector<Cycles>& exposed) {
  auto after = std::upper_bound(beside.begin(), beside.end(), end,
                                [](Cycles time, const Span& span) { return time < span.end; });
  while (after != beside.begin() && end > begin) {
    const Span& span = *--after;
    if (span.end <= begin) return;
    const Cycles until = std::min(end, span.end), from = std::max(begin, span.begin);
    if (from >= until) continue;
    exposed[span.task] += until - from;
    end = from;
  }
}

}  // namespace

std::vector<Cycles> exposed_cycles(const workload::Program& program, const std::vector<TaskTime>& times, Cycles end) {
  std::vector<Cycles> exposed(times.size(), 0);
  const Spans spans(program, times);
  Cycles now = 0;
  for (const Span& span : spans.on_cores) {
    if (span.begin > now) share_gap(spans.beside, now, span.begin, exposed);
    if (span.end <= now) continue;
    exposed[span.task] += span.end - std::max(now, span.begin);
    now = span.end;
  }
  if (end > now) share_gap(spans.beside, now, end, exposed);
  return exposed;
}

}  // namespace dojo::audit

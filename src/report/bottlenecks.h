// SPDX-License-Identifier: Apache-2.0
// What bounds a run: the ranks' time shared out over the parts of the machine and over operations, and the critical
// path, as the report shows them.
#pragma once
#include "report/value.h"

namespace dojo::report {

/// The parts that can bound a run: a word for reports, a name for people, and what it says.
struct Cause {
  const char* word;
  const char* name;
  const char* sentence;
};
[[nodiscard]] const std::vector<Cause>& causes();
/// The name of the cause for people; the word itself where it is none.
[[nodiscard]] std::string cause_name(const std::string& word);

/// Columns `exposed_s`, `core_s`, `wait_s`, `move_s` of an operation: means over `count` executions.
void add_exposed(Figures& out, const Exposed& exposed, std::uint64_t count, double clock_hz);

/// `bottlenecks`: rows of causes, the longest first. Empty without a trail.
[[nodiscard]] Json bottleneck_rows(const Figures& figures, const RunContext& context);
/// `critical_path`.
void add_critical_path(Figures& out, const RunContext& context);
/// critical_path.csv: every stretch.
[[nodiscard]] std::string critical_path_csv(const RunContext& context);
/// `if_free`: what the job would take if a part of the machine took no time: simulated where run.if_free asked for it,
/// else estimated from `bottlenecks`.
[[nodiscard]] Json if_free_rows(const Figures& figures, const RunContext& context, const Json& bottlenecks);

}  // namespace dojo::report

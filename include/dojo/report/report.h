// SPDX-License-Identifier: Apache-2.0
// Derives ratios from Results and writes a run folder; compares reports.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "dojo/audit/audit.h"
#include "dojo/config/config.h"
#include "dojo/failures/failures.h"
#include "dojo/machine/results.h"
#include "dojo/report/trail.h"
#include "dojo/report/use_over_time.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::report {

/// The job again with a part of the machine ideal (run.if_free).
struct FreePart {
  std::string part;   ///< a word of free_parts()
  Cycles cycles = 0;  ///< simulated time with it; 0: it did not finish
};
/// Parts that can be ideal: word and sentence.
struct FreePartName {
  const char* word;
  const char* sentence;
};
[[nodiscard]] const std::vector<FreePartName>& free_parts();

/// The job again with an assumed number of the machine at another value (run.sensitivity).
struct TurnedNumber {
  std::string key;
  double value = 0, low = 0, high = 0;
  Cycles low_cycles = 0, high_cycles = 0;  ///< simulated time with it; 0: such a machine was refused, or did not finish
};

struct RunContext {
  const config::RunConfig& config;
  const topology::Topology& topology;
  const workload::Workload& workload;
  const workload::Job& job;
  const machine::Results& results;
  Cycles ideal_cycles = 0;               ///< of the same job over the ideal network; 0: not known
  const audit::Result* audit = nullptr;  ///< of a run of the fast network
  const Trail* trail = nullptr;          ///< null: nobody recorded when tasks ran
  const std::vector<FreePart>* if_free = nullptr;
  const std::string* timeline = nullptr;            ///< bytes of timeline.pftrace.gz; null or "": none is written
  config::Purpose purpose = config::Purpose::kRun;  ///< whose keys the configuration has
  const failures::Result* failures = nullptr;       ///< of `run.failures`; null: none were asked for
  const std::vector<TurnedNumber>* sensitivity = nullptr;  ///< null or empty: not asked for
  const UseOverTime* use = nullptr;                        ///< null: nobody recorded when tasks ran
};

/// report.json as text (schema dojosim.report/1).
[[nodiscard]] std::string report_json(const RunContext& context);
/// report.txt: the summary that is also printed; about 40 lines.
[[nodiscard]] std::string report_text(const RunContext& context);
/// Writes report.json, report.txt, report.html, config.resolved.json and the tables (docs/report.md) into `directory`:
/// first into a temporary folder inside it, then renamed file by file, report.json last. Error(kIo) names the file and
/// the reason.
void write_run_folder(const RunContext& context, const std::string& directory);

/// Rebuilds report.html of a run or sweep folder from its JSON and CSV files. Returns the path.
std::string write_html(const std::string& directory);

/// `base` and `fresh`: reports, run folders, or folders of such. The other names may be empty; `junit` and `markdown`
/// may be "-", which is standard output.
struct CompareRequest {
  std::string base, fresh, rules, junit, markdown;
  std::string fail_on = "any";  ///< or "worse": what a rule, or the usual direction, calls worse, and what is missing
  std::string format = "text";  ///< of what is printed: text, json, github (workflow commands), gitlab (Code Quality)
  bool update = false;          ///< `base` is written again from `fresh`, without what is not compared
  std::string html = {};        ///< page of the comparison
  std::vector<std::string> more = {};  ///< other runs that are compared with `base`, as `fresh` is
};
/// Prints the comparison to `out`; returns true when nothing failed.
bool compare(const CompareRequest& request, std::string& out);

/// docs/counters.md: every key of report.json and every counter of a module, with unit and meaning.
[[nodiscard]] std::string counters_markdown();
/// The same as a list of {key, unit, sentence}.
[[nodiscard]] std::string counters_json();
/// JSON Schema (draft 7) of files that this module reads or writes. kind: "sweep", "rules", "report".
[[nodiscard]] std::string json_schema(const std::string& kind);

struct BuildInfo {
  std::string version, git, compiler, libraries;
};
[[nodiscard]] const BuildInfo& build_info();

}  // namespace dojo::report

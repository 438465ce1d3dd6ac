// SPDX-License-Identifier: Apache-2.0
// What holds for the audit of any run: bad numbers are refused, results stay as they are, the draw follows from the
// seed alone, and a replay does in the fast network what the job did.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dojo/audit/audit.h"
#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "support/program.h"
#include "support/run.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Overrides = std::vector<std::string>;

const char* const kTwoDies = "tests/golden/resnet50_small_tile/config.json";  // ResNet-50, a rank on each of two dies

config::RunConfig two_dies(const Overrides& set) {
  return load({kTwoDies, "", "", set, {}});
}

json report_of(const run::RunOutcome& outcome) {
  return json::parse(report::report_json(outcome.context()));
}
json audited(const Overrides& set) {
  return report_of(run::run(two_dies(set))).at("fidelity").at("audit");
}

void expect_refused(const Overrides& set, ExitCode code, const std::string& words) {
  try {
    (void)run::run(two_dies(set));
    ADD_FAILURE() << "not refused: " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

TEST(AuditRefuses, NumbersThatAreNone) {
  expect_refused({"run.audit_tasks=-2"}, ExitCode::kInvalidInput, "run.audit_tasks");
  expect_refused({"run.audit_tasks=1e9"}, ExitCode::kInvalidInput, "run.audit_tasks");
  expect_refused({"run.audit_tasks=2.5"}, ExitCode::kInvalidInput, "run.audit_tasks");
  const std::vector<std::pair<const char*, const char*>> bad{
      {"-1", "--audit is -1; expected a number of operations"}, {"many", "audit"}, {"", "audit"}};
  for (const auto& [number, words] : bad) {
    const ProgramResult result = run_program({"run", kTwoDies, "--audit", number});
    EXPECT_EQ(result.exit_code, 2) << number;
    EXPECT_THAT(result.err, HasSubstr(words));
  }
}

TEST(AuditRefuses, RunsOfAnotherNetwork) {
  for (const char* model : {"reference", "ideal"}) {
    const std::string set = std::string("run.network_model=") + model;
    expect_refused({set, "run.audit_tasks=2"}, ExitCode::kInvalidInput, "expected fast");
  }
  expect_refused({"machine.noc.virtual_channels=9", "run.audit_tasks=2"}, ExitCode::kInvalidInput,
                 "expected at most 8 with run.network_model=reference");
}

TEST(AuditSays, WhyThereIsNone) {
  EXPECT_EQ(audited({"run.audit_tasks=0"}).at("why_not"), "turned off");
  EXPECT_THAT(audited({"machine.noc.virtual_channels=9"}).at("why_not").get<std::string>(), HasSubstr("at most 8"));
  const json small =
      report_of(run::run(load({"configs/runs/matmul_die.json", "", "", {}, {}}))).at("fidelity").at("audit");
  EXPECT_THAT(small.at("why_not").get<std::string>(), HasSubstr("--audit N")) << "a default audit of a small job";
  EXPECT_TRUE(small.at("step_error").is_null());
  const run::RunOutcome ideal = run::run(two_dies({"run.network_model=ideal"}));
  EXPECT_FALSE(report_of(ideal).at("fidelity").contains("audit"));
}

TEST(AuditSays, ThatTheReferenceKnowsNoDeadParts) {
  const std::string router = R"(machine.defects=[{"kind":"router","path":"tile.die[0].node[90].router"}])";
  const json none = audited({router, "run.audit_tasks=2"});
  EXPECT_THAT(none.at("why_not").get<std::string>(), HasSubstr("dead"));
  EXPECT_TRUE(none.at("samples").empty());
}

TEST(AuditIsStopped, AndTheReportIsThatOfTheJob) {
  const run::RunOutcome whole = run::run(two_dies({"run.audit_tasks=0"}));
  const audit::Subject subject{*whole.prepared.topology, *whole.prepared.workload, *whole.prepared.job};
  const audit::Draw drawn = audit::draw(subject, {3, 1});
  JobRun again = prepare(RunRequest{kTwoDies, "", "", {}, {}});
  machine::MachineSettings settings;
  settings.record_tasks = true;
  machine::Machine machine(*again.topology, *again.workload, *again.job, settings);
  while (machine.next_time() != kNever) machine.run_window();
  audit::Times times;
  times.end = machine.end_cycle();
  for (const RankId rank : drawn.record) times.of_rank.emplace(rank, machine.task_times(rank));
  const audit::Result stopped = audit::replay(subject, drawn, times, settings, [] { return true; });
  EXPECT_TRUE(stopped.partial);
  EXPECT_EQ(stopped.unfinished, 3);
  EXPECT_TRUE(stopped.samples.empty());
  EXPECT_THAT(stopped.why_not, HasSubstr("interrupted"));
  int asked = 0;
  const audit::Result some = audit::replay(subject, drawn, times, settings, [&] { return ++asked > 4; });
  EXPECT_TRUE(some.partial);
  EXPECT_LT(some.samples.size(), 3u);
}

TEST(Audit, ChangesNoResultAndFollowsFromTheSeedAlone) {
  run::RunOutcome plain = run::run(two_dies({"run.audit_tasks=0"}));
  run::RunOutcome audited_run = run::run(two_dies({"run.audit_tasks=5"}));
  json before = report_of(plain), after = report_of(audited_run);
  EXPECT_EQ(before.at("digest"), after.at("digest"));
  const json first = after.at("fidelity").at("audit");
  for (json* report : {&before, &after}) {
    report->erase("host");
    report->at("fidelity").erase("audit");
  }
  EXPECT_EQ(before, after);
  EXPECT_EQ(first, audited({"run.audit_tasks=5", "run.threads=3"}));
  EXPECT_EQ(first, audited({"run.audit_tasks=5", "run.copy_tasks=false"}));
  EXPECT_NE(first.at("samples"), audited({"run.audit_tasks=5", "run.seed=2"}).at("samples"));
  EXPECT_EQ(first.at("windows").get<int>() + first.at("collectives").get<int>(), 5);
  EXPECT_THAT(report::report_text(audited_run.context()), HasSubstr("replayed in the reference network: median"));
}

/// What was cut out takes as long as it did in the job, so nothing that matters was left behind.
TEST(Audit, AReplayDoesWhatTheJobDid) {
  const json audit = audited({"run.audit_tasks=30"});
  std::vector<double> off;
  for (const json& sample : audit.at("samples")) {
    off.push_back(std::fabs(std::log(sample.at("fast_cycles").get<double>() / sample.at("job_cycles").get<double>())));
  }
  ASSERT_EQ(off.size(), 30u);
  EXPECT_EQ(audit.at("unfinished"), 0);
  std::sort(off.begin(), off.end());
  EXPECT_LT(off[15], 0.002) << "median";
  EXPECT_LT(off[26], 0.05) << "nine in ten";
}

}  // namespace
}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
// A configuration runs in one call, and its outcome is what a report is made from.
#include "dojo/run/run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/config/evidence.h"
#include "dojo/run/net.h"
#include "support/perfetto.h"
#include "support/temporary_folder.h"

namespace dojo::run {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Two small dies, so that every step takes milliseconds.
config::RunConfig small_config() {
  config::RunConfig config;
  config.machine.level = topology::Level::kTile;
  config.machine.tile.dies = {1, 2};
  config.machine.die.grid = {4, 4};
  config.machine.die.enabled = 16;
  config.workload.generate.model = "all_reduce";
  config.workload.generate.bytes = 4096;
  config.run.threads = 1;
  return config;
}

TEST(Run, OneCallFinishesTheJob) {
  const RunOutcome outcome = run(small_config());
  EXPECT_EQ(outcome.ending, systemc::Ending::kFinished);
  EXPECT_GT(outcome.results.end_cycle, 200);  // at least one crossing between the dies, 100 ns at 2 GHz
  EXPECT_EQ(outcome.prepared.workload->ranks(), 2u);
  EXPECT_EQ(outcome.results.threads, 1u);
  EXPECT_EQ(&outcome.context().topology, outcome.prepared.topology.get());
}

TEST(Run, HooksAreToldAndCanStop) {
  std::vector<std::string> sentences;
  Hooks hooks;
  hooks.note = [&](const std::string& sentence) { sentences.push_back(sentence); };
  (void)run(small_config(), hooks);
  EXPECT_THAT(sentences, Contains("placing and lowering 2 ranks"));
  EXPECT_THAT(sentences, Contains(HasSubstr("building the machine: 32 nodes, 2 dies")));
}

/// Also where no timeline is asked for: a mistake would wait for the run that asks for one.
TEST(Run, RanksOfATimelineAreCheckedInEveryRun) {
  for (const bool timeline : {true, false}) {
    config::RunConfig config = small_config();
    config.run.timeline = timeline;
    config.run.timeline_ranks = "0-1";
    EXPECT_EQ(run(config).ending, systemc::Ending::kFinished);
    config.run.timeline_ranks = "0-2";
    try {
      (void)run(config);
      ADD_FAILURE() << timeline;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("run.timeline_ranks: found '0-2', expected \"all\", or ranks from 0 to 1"));
    }
  }
}

/// Without DIPs what would go through them is free, and the report says so.
TEST(Run, WhatAMissingDipWouldMoveIsSaid) {
  const test::TemporaryFolder folder;
  for (const char* kind : {"mem_load", "mem_store", "ingest", "all_reduce"}) {
    config::RunConfig config = small_config();
    config.workload.trace = folder.write(
        "trace", fmt::format(R"({{"format":"dojo.trace/1","ranks":[{{"graph":0,"ranks":2}}],"graphs":[{{"ops":[)"
                             R"({{"id":0,"kind":"{}","bytes":4096}}]}}]}})",
                             kind));
    for (const bool present : {true, false}) {
      config.machine.dip.present = present;
      const RunOutcome outcome = run(config);
      const bool free = !present && std::string(kind) != "all_reduce";
      EXPECT_EQ(outcome.results.end_cycle > 0, !free) << kind;
      const auto said = HasSubstr("take no time: the machine has no DIPs");
      const std::vector<std::string>& all = outcome.prepared.job->approximations;
      EXPECT_EQ(testing::Value(all, Contains(said)), free) << kind;
    }
  }
}

/// A trace that is read, and a workload that is made: without ranks, the report is written all the same.
TEST(Run, AReadingThatIsStoppedIsAPartialReportOfNothing) {
  const test::TemporaryFolder folder;
  std::string operations;
  for (int i = 0; i < 3000; ++i)
    operations += fmt::format("{}{{\"id\":{},\"kind\":\"all_reduce\",\"bytes\":64}}", i > 0 ? "," : "", i);
  const std::string trace = folder.write(
      "trace", R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":2}],"graphs":[{"ops":[)" + operations + "]}]}");
  for (const bool read : {true, false}) {
    config::RunConfig config = small_config();
    if (read) config.workload.trace = trace;
    for (int stop_at = 1; stop_at <= (read ? 10 : 1); ++stop_at) {
      int asked = 0;
      Hooks hooks;
      hooks.should_stop = [&] { return ++asked >= stop_at; };
      const RunOutcome outcome = run(config, hooks);
      EXPECT_EQ(outcome.ending, systemc::Ending::kInterrupted) << stop_at;
      EXPECT_EQ(outcome.prepared.workload->ranks(), 0u);
      EXPECT_EQ(outcome.results.end_cycle, 0);
      EXPECT_THAT(outcome.prepared.job->approximations,
                  ElementsAre(HasSubstr("interrupted before its workload was read")));
      report::write_run_folder(outcome.context(), folder / "out");
      EXPECT_THAT(test::read_file(folder / "out/report.json"), HasSubstr("\"partial\": true"));
      EXPECT_THAT(report::report_text(outcome.context()), HasSubstr("interrupted before its workload was read"));
    }
  }
}

TEST(Run, ALoweringThatIsStoppedIsAPartialReportOfNothing) {
  // Every time at which it is asked is tried: before the first operation, among them, before the machine is built.
  int asked = 0;
  Hooks hooks;
  hooks.should_stop = [&] { return ++asked < 0; };
  config::RunConfig config = small_config();
  config.workload.generate.model = "matmul";
  config.workload.generate.m = config.workload.generate.n = config.workload.generate.k = 256;
  std::string progress;
  hooks.progress = [&](std::string_view what, std::size_t now, std::size_t all) {
    progress = fmt::format("{} of {} {}", now, all, what);
  };
  (void)prepare(config, hooks);
  const int all = asked;
  EXPECT_GT(all, 20) << "it is asked in the work on each operation too";
  EXPECT_EQ(progress, "0 of 1 operations");
  for (int stop_at = 1; stop_at <= all + 1; stop_at += all / 4) {
    asked = 0;
    hooks.should_stop = [&] { return ++asked >= stop_at; };
    const RunOutcome outcome = run(config, hooks);
    EXPECT_EQ(outcome.ending, systemc::Ending::kInterrupted) << stop_at;
    EXPECT_EQ(outcome.results.end_cycle, 0);
    EXPECT_TRUE(outcome.prepared.stopped);
    EXPECT_THAT(report::report_json(outcome.context()), HasSubstr("\"partial\": true"));
    EXPECT_THAT(outcome.prepared.job->approximations, Contains(HasSubstr("interrupted before its workload was ")));
  }
}

TEST(Run, PreparedTwiceIsTheSameResult) {
  EXPECT_EQ(run(prepare(small_config())).results.digest, run(small_config()).results.digest);
}

TEST(Run, WithoutAWorkloadItIsRefused) {
  config::RunConfig config = small_config();
  config.workload.generate.model.clear();
  try {
    (void)prepare(config);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
  }
}

TEST(Run, MachineSettingsAreThoseOfTheConfiguration) {
  config::RunParams params;
  params.threads = 3;
  params.seed = 7;
  params.all_links = true;
  params.copy_tasks = params.rows_in_step = false;
  params.network_model = fabric::NetworkModel::kReference;
  const machine::MachineSettings settings = machine_settings(params);
  EXPECT_EQ(settings.threads, 3u);
  EXPECT_EQ(settings.seed, 7u);
  EXPECT_TRUE(settings.all_links);
  EXPECT_FALSE(settings.copy_tasks);
  EXPECT_FALSE(settings.rows_in_step);
  EXPECT_EQ(settings.network_model, fabric::NetworkModel::kReference);
}

/// The second run is that of the ideal model, and only adds to the report.
TEST(Run, SaysWhatContentionCosts) {
  config::RunConfig config = small_config();
  config.workload.generate.bytes = 1 << 20;
  const RunOutcome plain = run(config);
  EXPECT_EQ(plain.ideal_cycles, 0);
  EXPECT_THAT(report::report_json(plain.context()), Not(HasSubstr("contention")));
  config.run.contention = true;
  const RunOutcome both = run(config);
  EXPECT_EQ(both.results.digest, plain.results.digest);
  config.run.network_model = fabric::NetworkModel::kIdeal;
  EXPECT_THROW((void)run(config), Error);
  config.run.contention = false;
  EXPECT_EQ(both.ideal_cycles, run(config).results.end_cycle);
  EXPECT_LT(both.ideal_cycles, both.results.end_cycle);
  EXPECT_THAT(report::report_json(both.context()), HasSubstr("ideal_cycles"));
  EXPECT_THAT(report::report_text(both.context()), HasSubstr("over the ideal network"));
}

/// Each part's run only adds to the report, and a job of one all-reduce is bound by the edge between its dies.
TEST(Run, SaysWhatIdealPartsWouldGain) {
  config::RunConfig config = small_config();
  config.workload.generate.bytes = 1 << 20;
  config.machine.die.edge_bytes_per_s = 1e11;
  const RunOutcome plain = run(config);
  EXPECT_TRUE(plain.if_free.empty());
  config.run.if_free = true;
  const RunOutcome parts = run(config);
  EXPECT_EQ(parts.results.digest, plain.results.digest);
  ASSERT_EQ(parts.if_free.size(), report::free_parts().size()) << "two dies with DIPs have every part";
  Cycles edges = 0;
  for (const report::FreePart& part : parts.if_free) {
    EXPECT_GT(part.cycles, 0) << part.part;
    EXPECT_LE(part.cycles, plain.results.end_cycle) << part.part;
    if (part.part == "edges") edges = part.cycles;
  }
  EXPECT_LT(edges, plain.results.end_cycle * 9 / 10);
}

/// A job of one message of an all-reduce leans on what its way takes.
TEST(Run, SaysOnWhichAssumedNumbersItLeans) {
  config::RunConfig config = small_config();
  const RunOutcome plain = run(config);
  EXPECT_TRUE(plain.sensitivity.empty());
  config.run.sensitivity = true;
  const RunOutcome turned = run(config);
  EXPECT_EQ(turned.results.digest, plain.results.digest);
  ASSERT_EQ(turned.sensitivity.size(), config::assumed_numbers(config.machine).size());
  bool moved = false;
  for (const report::TurnedNumber& one : turned.sensitivity) {
    config::RunConfig by_hand = config;
    by_hand.run.sensitivity = false;
    by_hand.machine = config::with_number(config.machine, one.key, one.high);
    if (one.key == "machine.node.sram_latency_cycles" || one.key == "machine.node.vector_latency_cycles") {
      EXPECT_EQ(one.high_cycles, run(by_hand).results.end_cycle) << one.key;
    }
    moved = moved || one.high_cycles != plain.results.end_cycle;
  }
  EXPECT_TRUE(moved);
  EXPECT_THAT(report::report_json(turned.context()), HasSubstr("machine.node.vector_latency_cycles"));
  EXPECT_THAT(report::report_text(turned.context()), HasSubstr("leans on"));
}

TEST(Run, SensitivityOfALargeMachineIsRefused) {
  config::RunConfig config = small_config();
  config.machine.level = topology::Level::kTile;
  config.machine.tile.dies.rows = 1;
  config.machine.tile.dies.columns = 26;
  config.run.sensitivity = true;
  try {
    (void)run(config);
    FAIL() << "26 dies were not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("expected at most 25"));
    EXPECT_THAT(error.what(), HasSubstr("one_at_a_time"));
  }
}

TEST(Run, FailuresOverDaysOnlyAddToTheReport) {
  config::RunConfig config = small_config();
  const RunOutcome plain = run(config);
  EXPECT_FALSE(plain.failures.has_value());
  config.run.failures.days = 30;
  config.run.failures.checkpoint_bytes = 1e12;
  const RunOutcome days = run(config);
  EXPECT_EQ(days.results.digest, plain.results.digest);
  ASSERT_TRUE(days.failures.has_value());
  // Over PCIe and Ethernet of the DIPs: 82 GB/s each.
  const double rate = 82e9 * static_cast<double>(days.prepared.topology->dip_count());
  EXPECT_NEAR(static_cast<double>(days.failures->job.write_ms) * 1e-3, 1e12 / rate, 1e-3);
  EXPECT_GT(days.failures->shares.useful, 0.5);
  EXPECT_LT(days.failures->shares.useful, 1);
  EXPECT_THAT(report::report_text(days.context()), HasSubstr("goodput"));
  const auto digest = [](const RunOutcome& outcome) {
    const std::string text = report::report_json(outcome.context());
    return text.substr(text.find("\"digest\""), 90);
  };
  EXPECT_NE(digest(days), digest(plain)) << "the report's digest knows of the days";
}

TEST(Run, ImpossibleFailureStudiesAreRefused) {
  config::RunConfig config = small_config();
  config.machine.dip.present = false;
  config.run.failures.days = 30;
  EXPECT_THROW((void)run(config), Error) << "nothing says over what a checkpoint goes";
  config.run.failures.checkpoint_write_s = 1;
  EXPECT_NO_THROW((void)run(config));
  config.run.failures.checkpoint_interval_s = 1e-3;
  EXPECT_THROW((void)run(config), Error) << "too many checkpoints";
}

TEST(Run, AccountsForAllTimeOfAllRanks) {
  const RunOutcome outcome = run(small_config());
  const report::Trail& trail = outcome.trail;
  Cycles sum = trail.idle + trail.after_end;
  for (const auto& graph : trail.operations) {
    for (const report::Exposed& op : graph) sum += op.sum();
  }
  EXPECT_EQ(sum, 2 * outcome.results.end_cycle);
  ASSERT_FALSE(trail.path.empty());
  EXPECT_EQ(trail.path.front().begin, 0);
  EXPECT_EQ(trail.path.back().end, outcome.results.end_cycle);
}

/// Over the whole job, the counters of the timeline are what the report says of each class of links and of the SRAM.
TEST(Timeline, HasTheUseOfLinksAndSram) {
  config::RunConfig config = small_config();
  config.workload.generate.bytes = 1 << 18;
  config.run.timeline = true;
  const RunOutcome outcome = run(config);
  const test::PerfettoRead read(outcome.timeline);
  const double ns_per_cycle = 1e9 / config.machine.clock_hz,
               end = ns_per_cycle * static_cast<double>(outcome.results.end_cycle);
  const auto mean = [&](const std::vector<test::PerfettoRead::Value>& values) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double until = i + 1 < values.size() ? static_cast<double>(values[i + 1].time) : end;
      sum += values[i].value * (until - static_cast<double>(values[i].time));
    }
    return sum / end;
  };
  std::size_t classes = 0;
  for (int c = 0; c < topology::kLinkClasses; ++c) {
    const machine::LinkClassTotals& total = outcome.results.classes[static_cast<std::size_t>(c)];
    const std::string name =
        std::string("use of links: ") + topology::link_class_name(static_cast<topology::LinkClass>(c));
    const auto track = read.counters.find(name);
    ASSERT_EQ(track != read.counters.end(), total.counters.bytes > 0) << name;
    if (track == read.counters.end()) continue;
    ++classes;
    EXPECT_GT(track->second.size(), 500u);
    const double all = total.capacity_bytes_per_s * outcome.prepared.topology->seconds(outcome.results.end_cycle);
    const double expected = 100 * static_cast<double>(total.counters.bytes) / all;
    EXPECT_NEAR(mean(track->second), expected, 0.02 * expected) << name;
  }
  EXPECT_EQ(classes, 2u) << "links on the dies, and the edge between them";
  double most = 0;
  for (const auto& value : read.counters.at("SRAM of the fullest node, most")) most = std::max(most, value.value);
  EXPECT_LE(most, static_cast<double>(outcome.results.sram_peak_bytes_max));
  EXPECT_GT(most, 0);
  // A part of the time has the counters of that part.
  config.run.timeline_begin_ns = 100;
  config.run.timeline_end_ns = 200;
  const test::PerfettoRead part(run(config).timeline);
  for (const auto& value : part.counters.at("use of links: noc")) {
    EXPECT_GE(value.time, 100u);
    EXPECT_LT(value.time, 200u);
  }
}

TEST(Approximations, NameWhatTheTraceLeftOpenOnce) {
  RunOutcome outcome;
  outcome.prepared = prepare(small_config());
  EXPECT_THAT(outcome.prepared.job->approximations, Contains(HasSubstr("Memory is planned in the order of issue")));
}

/// A mesh of 4 x 4 nodes.
config::RunConfig small_net(double rate) {
  config::LoadRequest request;
  request.purpose = config::Purpose::kNet;
  request.overrides = {"net.mesh.rows=4",       "net.mesh.columns=4",     "net.packet_flits=1",
                       "net.warmup_cycles=200", "net.measure_cycles=400", fmt::format("net.rate={}", rate)};
  return config::load(request);
}

TEST(Net, OneCallMeasuresOneLoad) {
  const NetOutcome outcome = net(small_net(0.05));
  EXPECT_FALSE(outcome.run.outcome.saturated);
  EXPECT_GT(outcome.run.outcome.mean_cycles, 0);
  EXPECT_TRUE(outcome.run.curve.empty());
  EXPECT_THAT(outcome.run.approximations, Contains(HasSubstr("Fast model")));
}

TEST(Net, ASweepHasAPointForEachLoad) {
  const NetOutcome outcome = net_sweep(small_net(0.5), {0.01, 0.02});
  ASSERT_EQ(outcome.run.curve.size(), 2u);
  EXPECT_EQ(outcome.run.curve[0].rate, 0.01);
  EXPECT_EQ(outcome.config->net.rate, 0.02) << "the figures are those of the largest load that did not saturate";
  EXPECT_EQ(outcome.run.knee, 0.02);
}

TEST(Net, HotspotsNeedTheirPattern) {
  config::RunConfig config = small_net(0.05);
  config.net.hotspots = {1};
  EXPECT_THROW((void)net(config), Error);
}

TEST(Net, EveryModelRunsAndSaysWhatItSimplifies) {
  for (const auto& entry : enum_entries(fabric::NetworkModel{})) {
    config::RunConfig config = small_net(0.05);
    config.run.network_model = entry.value;
    const NetOutcome outcome = net(config);
    EXPECT_GT(outcome.run.outcome.mean_cycles, 0) << entry.text;
    EXPECT_EQ(outcome.run.model, entry.text);
    EXPECT_THAT(outcome.run.approximations, Contains(HasSubstr(" model: "))) << entry.text;
  }
}

}  // namespace
}  // namespace dojo::run

// SPDX-License-Identifier: Apache-2.0
// report.json, the summary and the run folder of a run whose figures can be worked out by hand.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "dojo/base/error.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(RunFolder, ThatCannotBeMadeIsAnIoErrorWithTheReason) {
  const Folder folder;
  folder.write("file", "in the way");
  const SyntheticRun run;
  try {
    write_run_folder(run.context(), folder / "file/out");
    FAIL() << "a folder below a file was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("file/out"));
    EXPECT_THAT(error.what(), HasSubstr("Not a directory"));
  }
}

TEST(RunFolder, LeavesNothingHalfWrittenBehind) {
  const Folder folder;
  std::filesystem::create_directories(folder / "out/links.csv/occupied");  // the rename onto it must fail
  const SyntheticRun run;
  EXPECT_THROW(write_run_folder(run.context(), folder / "out"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "out/report.json")) << "report.json is the sign of a complete folder";
  for (const auto& entry : std::filesystem::directory_iterator(folder / "out")) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr(".writing"))) << "temporary folder was left";
  }
}

TEST(RunFolder, HoldsEveryFile) {
  const Folder folder;
  const SyntheticRun run;
  write_run_folder(run.context(), folder / "a/b");
  for (const char* name : {"report.json", "report.txt", "report.html", "config.resolved.json", "links.csv", "ops.csv",
                           "tasks.csv", "use_over_time.csv"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / ("a/b/" + std::string(name)))) << name;
  }
  EXPECT_THAT(folder.read("a/b/links.csv"),
              HasSubstr("tile.die[0].edge.east,die_to_die,1,2016000000000,1512000,0.375,0.375,8,50\n"));
  EXPECT_THAT(folder.read("a/b/ops.csv"), HasSubstr("\"conv \"\"1\"\", <first>\",conv,"));
}

TEST(RunFolder, SaysWhenLinksWereInUse) {
  const Folder folder;
  const SyntheticRun run;
  RunContext context = run.context();
  write_run_folder(context, folder / "none");
  EXPECT_EQ(folder.read("none/use_over_time.csv"), "begin_s,end_s,sram_bytes_mean,sram_bytes_max,watts\n");
  UseOverTime use;
  use.intervals.resize(2);
  use.intervals[0] = {0, 1000, {}, 1200.4, 1250, 512.25};
  use.intervals[1] = {1000, 2000, {}, 800, 900, 300};
  const auto hbm = static_cast<std::size_t>(topology::LinkClass::kHbm);
  use.scale[hbm] = 1.01;
  use.intervals[0].links[hbm] = 0.25;
  use.intervals[1].links[hbm] = 1.0 / 3;
  use.intervals[1].links[0] = 0.5;  // of a class that no plan names
  context.use = &use;
  write_run_folder(context, folder / "some");
  EXPECT_EQ(folder.read("some/use_over_time.csv"),
            "begin_s,end_s,hbm,sram_bytes_mean,sram_bytes_max,watts\n"
            "0,5e-07,0.25,1200,1250,512.25\n"
            "5e-07,1e-06,0.333333,800,900,300\n");
  EXPECT_THAT(folder.read("some/report.html"), HasSubstr("\"hbm\":[0.25,0.333333]"));
}

TEST(ReportJson, HasEveryKeyOfTheContract) {
  const json r = json::parse(report_json(SyntheticRun().context()));
  for (const char* path : {"/schema",
                           "/program/name",
                           "/program/version",
                           "/program/git",
                           "/digest",
                           "/seed",
                           "/partial",
                           "/inputs",
                           "/machine/nodes",
                           "/machine/dies",
                           "/machine/tiles",
                           "/machine/dips",
                           "/machine/sram_bytes",
                           "/machine/hbm_bytes",
                           "/machine/peak_flops_per_s/bf16",
                           "/machine/peak_flops_per_s/fp32",
                           "/time/cycles",
                           "/time/seconds",
                           "/workload/ranks",
                           "/workload/batch_per_rank",
                           "/workload/samples_per_s",
                           "/fidelity/network_model",
                           "/fidelity/timed_by/shapes",
                           "/fidelity/timed_by/roofline",
                           "/fidelity/timed_by/recorded",
                           "/fidelity/approximations",
                           "/flops/executed",
                           "/flops/vector",
                           "/flops/recomputed",
                           "/flops/achieved_per_s",
                           "/flops/peak_per_s",
                           "/flops/peak_machine_per_s",
                           "/flops/utilisation",
                           "/flops/format",
                           "/breakdown/compute_s",
                           "/breakdown/communication_s",
                           "/breakdown/overlapped_s",
                           "/breakdown/memory_s",
                           "/breakdown/idle_s",
                           "/latency/step_s",
                           "/latency/packets/count",
                           "/latency/packets/mean_cycles",
                           "/latency/packets/p50_cycles",
                           "/latency/packets/p95_cycles",
                           "/latency/packets/p99_cycles",
                           "/latency/packets/max_cycles",
                           "/latency/collectives/0/bus_bytes_per_s",
                           "/latency/ops/0/flops",
                           "/links/hottest/0/path",
                           "/memory/sram_peak_bytes_max",
                           "/memory/sram_capacity_bytes",
                           "/memory/hbm_peak_bytes_max",
                           "/memory/spilled_bytes",
                           "/memory/recomputed_bytes",
                           "/energy/joules",
                           "/energy/watts_mean",
                           "/energy/by_part",
                           "/host/wall_s",
                           "/host/elaboration_s",
                           "/host/simulation_s",
                           "/host/peak_rss_bytes",
                           "/host/events",
                           "/host/events_per_s",
                           "/host/threads",
                           "/host/dies_simulated",
                           "/host/dies_copied"}) {
    EXPECT_TRUE(r.contains(json::json_pointer(path))) << path;
  }
  for (const char* name : {"noc", "die_to_die", "tile_to_tile", "dip", "hbm", "pcie", "ethernet"}) {
    for (const char* key :
         {"count", "bytes", "capacity_bytes_per_s", "utilisation_mean", "utilisation_max", "queue_cycles_mean"}) {
      EXPECT_TRUE(r["links"]["classes"][name].contains(key)) << name << " " << key;
    }
  }
}

TEST(ReportJson, DerivesTheFiguresWorkedOutByHand) {
  const json r = json::parse(report_json(SyntheticRun().context()));
  EXPECT_EQ(r["time"]["seconds"], 2e-3);                // 4,000,000 cycles at 2 GHz
  EXPECT_EQ(r["latency"]["step_s"], 5e-4);              // mean of the steps after the first: 1,000,000 cycles
  EXPECT_EQ(r["workload"]["samples_per_s"], 16000.0);   // 2 ranks x 4 samples / 0.5 ms
  EXPECT_EQ(r["flops"]["achieved_per_s"], 5e14);        // 1e12 / 2 ms
  EXPECT_EQ(r["flops"]["peak_per_s"], 708 * 1.024e12);  // 256 MAC x 2 x 2 GHz a node
  EXPECT_DOUBLE_EQ(r["flops"]["utilisation"].get<double>(), 5e14 / (708 * 1.024e12));
  EXPECT_EQ(r["breakdown"]["compute_s"], 1e-3);
  EXPECT_EQ(r["breakdown"]["communication_s"], 5e-4);
  EXPECT_EQ(r["breakdown"]["fractions"]["overlapped"], 0.125);
  const json& c = r["links"]["classes"]["die_to_die"];
  EXPECT_EQ(c["utilisation_mean"], 0.25);  // 2,000,000 busy cycles / (2 links x 4,000,000)
  EXPECT_EQ(c["utilisation_max"], 0.375);
  EXPECT_EQ(c["queue_cycles_mean"], 5.0);
  EXPECT_EQ(r["latency"]["packets"]["p95_cycles"], 95.0);
  EXPECT_EQ(r["latency"]["packets"]["mean_cycles"], 50.5);
}

TEST(ReportJson, GivesBusBandwidthAsNcclTestsDo) {
  const json r = json::parse(report_json(SyntheticRun().context()));
  const json& c = r["latency"]["collectives"][0];
  EXPECT_EQ(c["seconds"], 1e-4);                               // 1,200,000 cycles / 6 executions
  EXPECT_DOUBLE_EQ(c["bus_bytes_per_s"].get<double>(), 1e10);  // 1 MB x 2 x (2 - 1) / 2 / 100 us
}

TEST(ReportJson, KeepsIntegersBeyondTheReachOfDoubles) {
  SyntheticRun run;
  run.results.cores.matrix_flops = 9007199254740993;  // 2^53 + 1
  EXPECT_THAT(report_json(run.context()), HasSubstr("\"executed\": 9007199254740993,"));
}

TEST(ReportJson, DigestFollowsContentsAndNotNamesOrThreads) {
  SyntheticRun run;
  const auto digest = [&run] { return json::parse(report_json(run.context()))["digest"].get<std::string>(); };
  const std::string before = digest();
  run.config.input_sha256 = {{"z.json", std::string(64, 'a')}, {"a.json", std::string(64, 'b')}};
  run.results.threads = 7;
  run.results.wall_s = 99;
  run.config.run.threads = 7;
  EXPECT_EQ(digest(), before) << "file names and the host are no part of it";
  run.config.input_sha256["a.json"][5] = '0';
  EXPECT_NE(digest(), before) << "an input's contents are";
  run.config.input_sha256["a.json"][5] = 'b';
  EXPECT_EQ(digest(), before);
  run.results.breakdown.idle += 1;
  EXPECT_NE(digest(), before) << "every counter is";
}

TEST(ReportJson, HoldsNoNanWhenNothingHappened) {
  SyntheticRun run;
  run.results = {};
  run.results.interrupted = true;
  const json r = json::parse(report_json(run.context()));
  EXPECT_EQ(r["partial"], true);
  EXPECT_EQ(r["flops"]["utilisation"], 0.0);
  EXPECT_TRUE(r["latency"]["step_s"].is_null()) << "no step was finished";
  EXPECT_THAT(report_text(run.context()), HasSubstr("PARTIAL"));
}

TEST(ReportJson, MergesTheSameOperationOfRanksWithAGraphEach) {
  SyntheticRun run;
  run.workload.graphs.push_back(run.workload.graphs[0]);
  run.workload.graph_of_rank = {0, 1};
  run.results.ops.push_back({{{2, 4000000, 2000000, 2000000}, 10, 3000000, 5}, 1, 0});
  const json r = json::parse(report_json(run.context()));
  ASSERT_EQ(r["latency"]["ops"].size(), 1u);
  EXPECT_EQ(r["latency"]["ops"][0]["count"], 8);
  EXPECT_EQ(r["latency"]["ops"][0]["seconds"], 10000000.0 / 8 / 2e9);
  EXPECT_EQ(r["latency"]["ops"][0]["seconds_max"], 1e-3);
  EXPECT_EQ(r["latency"]["ops"][0]["flops"], 1000000000005);
}

TEST(ReportJson, SurvivesNamesThatAreNotUtf8) {
  SyntheticRun run;
  run.workload.graphs[0].strings[1] = "bad \xff name";
  EXPECT_TRUE(json::accept(report_json(run.context())));
}

TEST(ReportText, SaysTheFiguresAUserAsksFor) {
  const std::string text = report_text(SyntheticRun().context());
  for (const char* words : {"0.500000 ms", "4,000,000 cycles at 2.00 GHz", "16000.0 samples/s", "exposed communication",
                            "25.0 %", "1,000,000 of 1,250,000 bytes", "die_to_die", "tile.die[0].edge.east",
                            "grad & sum", "p99 99", "samples arrive one by one", "wall 1.50 s"}) {
    EXPECT_THAT(text, HasSubstr(words));
  }
}

TEST(ReportText, ListsTheRanksThatWait) {
  SyntheticRun run;
  run.results.finished = false;
  run.results.waiting = {{1, {"recv 'x' (id 7) from rank 0 tag 3: no message came"}}};
  const std::string text = report_text(run.context());
  EXPECT_THAT(text, HasSubstr("rank 1: recv 'x' (id 7) from rank 0 tag 3"));
  EXPECT_THAT(text, HasSubstr("PARTIAL"));
}

}  // namespace
}  // namespace dojo::report

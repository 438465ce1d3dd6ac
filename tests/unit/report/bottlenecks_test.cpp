// SPDX-License-Identifier: Apache-2.0
// What bounds a run: causes with their shares, the critical path, ideal parts, groups of operations.
#include "report/bottlenecks.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "report/groups.h"
#include "report/text.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

using ::testing::HasSubstr;

/// Of 2 ranks x 4,000,000 cycles: a convolution and an all-reduce account for all but a quarter.
struct BoundRun : SyntheticRun {
  Trail trail;
  std::vector<FreePart> free;

  BoundRun() {
    trail.ranks = 2;
    trail.end = 4000000;
    Exposed conv, sum;
    conv.core = 3000000;
    conv.operands = 1000000;
    sum.late = 1500000;
    sum.move = 500000;
    trail.operations = {{conv, sum}};
    trail.idle = 1500000;
    trail.after_end = 500000;
    trail.path = {{1, 0, 0, PathStep::Part::kCore, 0, 3000000},
                  {0, 0, 1, PathStep::Part::kMove, 3000000, 3900000},
                  {0, 0, kNone, PathStep::Part::kNone, 3900000, 4000000}};
    free = {{"noc", 3600000}, {"edges", 0}};
  }
  [[nodiscard]] Json report() const {
    RunContext context = SyntheticRun::context();
    context.trail = &trail;
    context.if_free = &free;
    return report_value(context);
  }
};

const Json* row_of(const Json& rows, const char* key, const std::string& word) {
  for (const Json& row : rows) {
    if (row.at(key) == word) return &row;
  }
  return nullptr;
}

TEST(Bottlenecks, AddUpToTheTimeAndNameTheirOperations) {
  const Json r = BoundRun().report();
  double seconds = 0, share = 0;
  for (const Json& row : r["bottlenecks"]) {
    seconds += row["seconds"].get<double>();
    share += row["share"].get<double>();
  }
  EXPECT_DOUBLE_EQ(seconds, 2e-3);
  EXPECT_DOUBLE_EQ(share, 1);
  EXPECT_EQ(r["bottlenecks"][0]["cause"], "matrix") << "the longest first";
  EXPECT_DOUBLE_EQ(r["bottlenecks"][0]["share"].get<double>(), 0.375);  // 3,000,000 of 8,000,000
  const Json* late = row_of(r["bottlenecks"], "cause", "late_ranks");
  ASSERT_NE(late, nullptr);
  EXPECT_DOUBLE_EQ((*late)["seconds"].get<double>(), 3.75e-4);  // 1,500,000 cycles / 2 ranks
  EXPECT_EQ((*late)["operations"][0]["name"], "grad & sum");
}

TEST(Bottlenecks, OperationsHaveTheirMeanOfAnExecution) {
  const Json r = BoundRun().report();
  const Json& op = r["latency"]["ops"][0];  // 6 executions
  EXPECT_DOUBLE_EQ(op["exposed_s"].get<double>(), 4000000 / 6.0 / 2e9);
  EXPECT_DOUBLE_EQ(op["wait_s"].get<double>(), 1000000 / 6.0 / 2e9);
  const Json& sum = r["latency"]["collectives"][0];
  EXPECT_DOUBLE_EQ(sum["wait_s"].get<double>(), 1500000 / 6.0 / 2e9);
  EXPECT_DOUBLE_EQ(sum["move_s"].get<double>(), 500000 / 6.0 / 2e9);
}

TEST(Bottlenecks, TheCriticalPathSaysWhatEachStretchWaitedFor) {
  const Json path = BoundRun().report()["critical_path"];
  EXPECT_DOUBLE_EQ(path["seconds"].get<double>(), 1.95e-3) << "nothing ran in the last 50 us";
  ASSERT_EQ(path["operations"].size(), 3u);
  EXPECT_EQ(path["operations"][1]["waited_for"], "conv \"1\", <first> on rank 1");
  EXPECT_EQ(path["operations"][2]["waited_for"], "grad & sum");
  EXPECT_EQ(path["left_out"], 0);
}

TEST(Bottlenecks, OfALongPathTheShortStretchesAreLeftOut) {
  BoundRun run;
  run.trail.path.clear();
  for (std::uint32_t i = 0; i < 1200; ++i)
    run.trail.path.push_back({i % 2, 0, 0, PathStep::Part::kCore, i * 100, i * 100 + (i < 300 ? 50 : 100)});
  const Json path = run.report()["critical_path"];
  EXPECT_EQ(path["stretches"], 1200);
  EXPECT_EQ(path["operations"].size(), 1000u);
  EXPECT_EQ(path["left_out"], 200);
}

TEST(IfFree, SaysWhatWasSimulatedAndWhatIsEstimated) {
  const Json rows = BoundRun().report()["if_free"];
  const Json* noc = row_of(rows, "part", "noc");
  ASSERT_NE(noc, nullptr);
  EXPECT_EQ((*noc)["method"], "simulated");
  EXPECT_DOUBLE_EQ((*noc)["gain"].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ((*noc)["estimated_gain_s"].get<double>(), 2.5e-4);  // operands: 1,000,000 cycles / 2 ranks
  EXPECT_EQ((*row_of(rows, "part", "core"))["method"], "estimated");
  EXPECT_EQ(row_of(rows, "part", "edges"), nullptr) << "its run did not finish, and nothing waits for edges";
}

TEST(Answer, IsTheBeginningOfTheSummary) {
  BoundRun run;
  run.config.changed = {{"machine.noc.hop_cycles", "1", "2"}};
  const std::string text = text_of(run.report());
  std::size_t end = 0;
  for (int line = 0; line < 10; ++line) end = text.find('\n', end) + 1;
  const std::string first = text.substr(0, end);
  for (const char* words :
       {"0.500000 ms, 16000.0 samples/s", "utilisation", "matrix units 37.5 %", "exposed communication 25.0 %",
        "late ranks 18.8 %", "noc -10.0 % (simulated)", "machine.noc.hop_cycles 1 -> 2"})
    EXPECT_THAT(first, HasSubstr(words));
}

TEST(Configuration, HoldsEveryKeyAndWhatTheFilesDoNotSay) {
  BoundRun run;
  run.config.command = "dojosim run x.json";
  run.config.changed = {{"machine.noc.hop_cycles", "1", "2"}, {"workload.batch", "", "\"a\""}};
  const Json c = run.report()["configuration"];
  EXPECT_EQ(c["command"], "dojosim run x.json");
  EXPECT_EQ(c["values"]["machine"]["noc"]["hop_cycles"], 1);
  EXPECT_FALSE(c["values"]["run"].contains("threads")) << "no result depends on it";
  EXPECT_EQ(c["changed"][0]["file"], 1);
  EXPECT_EQ(c["changed"][0]["value"], 2);
  EXPECT_TRUE(c["changed"][1]["file"].is_null());
}

TEST(Groups, ALayerIsTheShortestBeginningThatIsAnOperation) {
  const std::set<std::string> names{"conv1", "layer1.0.conv1", "conv1.bn"};
  EXPECT_EQ(layer_of("conv1.bn.stats.all_reduce", names), "conv1");
  EXPECT_EQ(layer_of("layer1.0.conv1.weight_grad", names), "layer1.0.conv1");
  EXPECT_EQ(layer_of("bucket5.all_reduce", names), "bucket5.all_reduce");
  EXPECT_EQ(layer_of("conv10", names), "conv10");
}

TEST(Groups, AreSumsOverTheRanks) {
  const Json r = BoundRun().report();
  const std::string table = grouped_csv("kind", r["latency"]["ops"], 2, 2e-3);
  // 6,000,000 cycles in 6 executions, 4,000,000 of them exposed, over 2 ranks at 2 GHz.
  EXPECT_THAT(table, HasSubstr("conv,1,6,0.0015,0.001,0.5,0.00075,0.00025,0,0,1000000000000\n"));
  EXPECT_THAT(collectives_csv(r["latency"]["collectives"]), HasSubstr("grad & sum,all_reduce,ring,2,1000000,"));
}

}  // namespace
}  // namespace dojo::report

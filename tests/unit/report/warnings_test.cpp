// SPDX-License-Identifier: Apache-2.0
// What the report says first: operations above their floors, plans that move too much, waiting while links idle.
#include "report/warnings.h"

#include <gmock/gmock.h>

#include "report/explain.h"
#include "report/tables.h"
#include "report/text.h"
#include "report/value.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using workload::Bound;

/// The synthetic run with a plan for its convolution, each of whose executions takes 500 us.
struct PlannedRun : SyntheticRun {
  PlannedRun() {
    results.ops[0].cycles_min = results.ops[0].cycles_max = 1'000'000;
    workload::Program& program = job.programs[0];
    workload::OpPlan plan;
    plan.partition = "M over all nodes";
    plan.nodes = 354;
    plan.cycles = 600'000;
    plan.floors[Bound::kMatrix] = 250'000;
    plan.floors[Bound::kPort] = 100'000;
    program.kernel_plans.push_back(plan);
    program.kernels.resize(1);
    workload::Task task;
    task.kind = workload::Task::Kind::kKernel;
    task.op = 0;
    program.tasks.push_back(task);
    task.recompute = true;  // of another operation's account
    program.tasks.push_back(task);
  }
  workload::Floors& floors() { return job.programs[0].kernel_plans[0].floors; }
  [[nodiscard]] Json report() const { return report_value(context()); }
  [[nodiscard]] std::vector<std::string> warnings() const { return report().at("warnings"); }
};

TEST(Explain, RowsHaveThePlanOfTheirTasks) {
  const Json row = PlannedRun().report()["latency"]["ops"][0];
  EXPECT_EQ(row["partition"], "M over all nodes");
  EXPECT_EQ(row["nodes"], 354);
  EXPECT_DOUBLE_EQ(row["predicted_s"], 300e-6);
  EXPECT_DOUBLE_EQ(row["floor_s"], 125e-6);
  EXPECT_EQ(row["bound_by"], "matrix");
  EXPECT_DOUBLE_EQ(row["floor_port_s"], 50e-6);
  EXPECT_EQ(row["floor_edge_s"], 0);
  EXPECT_EQ(report_value(SyntheticRun().context())["latency"]["ops"][0]["bound_by"], "none");
}

TEST(Explain, TheTableOfOperationsHasTheSame) {
  const CsvTable table = parse_csv(ops_csv(PlannedRun().report()["latency"]["ops"]), "ops.csv");
  ASSERT_GE(table.column("bound_by"), 0);
  EXPECT_EQ(table.rows[0][static_cast<std::size_t>(table.column("bound_by"))], "matrix");
  EXPECT_EQ(table.rows[0][static_cast<std::size_t>(table.column("floor_matrix_s"))], "0.000125");
  EXPECT_EQ(table.header[9], "last_end_s") << "columns that were there keep their places";
}

TEST(Explain, OfTheSlicesThatRunAGraphTheLowestFloorCounts) {
  PlannedRun run;
  run.job.programs.push_back(run.job.programs[0]);
  run.job.programs[1].kernel_plans[0].floors[Bound::kMatrix] = 200'000;
  run.job.program_of_rank = {0, 1};
  EXPECT_DOUBLE_EQ(run.report()["latency"]["ops"][0]["floor_s"], 100e-6);
}

TEST(Warnings, SayWhatTakesLongerThanThreeTimesItsFloor) {
  EXPECT_THAT(PlannedRun().warnings(),
              ElementsAre(testing::AllOf(HasSubstr("conv \"1\", <first> (conv) takes 500 us, 4.0 times its floor of "
                                                   "125 us (matrix). Partition: M over all nodes."),
                                         HasSubstr("The plan expects 300 us."))));
  PlannedRun held_up;
  held_up.job.programs[0].kernel_plans[0].cycles = 400'000;
  EXPECT_THAT(held_up.warnings(), ElementsAre(HasSubstr("messages wait for one another. Look at run.contention")));
  PlannedRun near;
  near.floors()[Bound::kMatrix] = 333'334;  // a third
  EXPECT_THAT(near.warnings(), IsEmpty());
  EXPECT_THAT(report_value(SyntheticRun().context())["warnings"], IsEmpty()) << "without floors";
}

/// Wherever something is said to take so many times its floor, it is the longest execution.
TEST(Warnings, FloorsAndPredictionsAreOfTheLongestExecution) {
  PlannedRun run;
  run.floors()[Bound::kMatrix] = 400'000;
  EXPECT_THAT(run.warnings(), IsEmpty()) << "2.5 times";
  run.results.ops[0].cycles_max = 1'300'000;
  EXPECT_THAT(run.warnings(), ElementsAre(testing::AllOf(HasSubstr("takes 650 us, 3.2 times its floor of 200 us"),
                                                         HasSubstr("The plan was made for 300 us"))));
  EXPECT_THAT(text_of(run.report()), HasSubstr("3.2 x matrix"));
  EXPECT_DOUBLE_EQ(run.report()["latency"]["ops"][0]["seconds"], 500e-6);
}

/// Plans are of cores at full speed: what slow nodes or another core explain is not put down to messages.
TEST(Warnings, SayWhatSlowNodesAndOtherCoresExplain) {
  PlannedRun run;
  run.job.programs[0].kernel_plans[0].cycles = 400'000;  // 200 us, of 500
  Json report = run.report();
  Json& values = report["configuration"]["values"];
  const auto said = [&] { return warnings(report)[0].get<std::string>(); };
  EXPECT_THAT(said(), HasSubstr("messages wait for one another. Look at run.contention, links.csv and run.network_m"));
  values["run"]["network_model"] = "reference";
  EXPECT_THAT(said(), HasSubstr("messages wait for one another. Look at run.contention and links.csv."));
  values["machine"]["slow_nodes"] = {{{"path", "tile.die[0].node[3]"}, {"core_speed", 0.5}}};
  EXPECT_THAT(said(), testing::AllOf(HasSubstr("The plan expects 200 us of cores at full speed. machine.slow_nodes "
                                               "names 1 node, the slowest with a core_speed of 0.5: "),
                                     Not(HasSubstr("messages wait"))));
  values["machine"]["slow_nodes"][0]["core_speed"] = 0.9;
  EXPECT_THAT(said(), HasSubstr("messages wait for one another")) << "a tenth slower explains no factor of 2.5";
  values["machine"]["slow_nodes"] = Json::array();
  values["machine"]["detailed"] = {"tile.die[0]"};
  values["run"]["detailed_core"] = "pipeline";
  EXPECT_THAT(said(), HasSubstr("messages wait for one another"));
  values["run"]["detailed_core"] = "mine";
  EXPECT_THAT(said(), testing::AllOf(HasSubstr("The plan expects 200 us of the project's own cores"),
                                     HasSubstr("have the core 'mine' instead"), Not(HasSubstr("messages wait"))));
}

TEST(Warnings, TellACollectiveFromItsRanks) {
  PlannedRun run;
  run.workload.graphs[0].ops[0].kind = workload::OpKind::kAllReduce;
  EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr("Its algorithm expects 300 us. Look at workload.collective_alg")));
  run.job.programs[0].kernel_plans[0].cycles = 400'000;
  EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr("Its model expects 200 us: other traffic")));
  run.results.ops[0].cycles_min = 700'000;
  EXPECT_THAT(run.warnings(), ElementsAre(HasSubstr("Its ranks come at different times: the last to come needs 350")));
}

TEST(Warnings, LeaveOutWhatIsOfNoAccount) {
  PlannedRun run;
  run.results.ops[0].cycles_sum = run.results.ops[0].count * 9'000;  // 0.9 % of a step of 0.5 ms
  run.floors()[Bound::kMatrix] = 100;
  run.floors()[Bound::kPort] = 0;
  EXPECT_THAT(run.warnings(), IsEmpty());
  run.results.ops[0].cycles_sum = run.results.ops[0].count * 11'000;
  EXPECT_EQ(run.warnings().size(), 1u);
}

TEST(Warnings, SayWhichPlansMoveTooMuch) {
  PlannedRun run;
  run.floors()[Bound::kPort] = 800'000;
  EXPECT_THAT(run.warnings(), ElementsAre(testing::AllOf(
                                  HasSubstr("its messages alone need 400 us (port), 3.2 times the 125 us of its cores"),
                                  HasSubstr("workload.rank_unit"))));
}

TEST(Warnings, SayWhenNodesWaitWhileLinksAreIdle) {
  PlannedRun run;
  std::swap(run.results.breakdown.compute, run.results.breakdown.communication);
  run.results.breakdown.communication += run.results.breakdown.compute / 2;
  run.results.breakdown.compute /= 2;
  EXPECT_THAT(run.warnings(), Not(testing::Contains(HasSubstr("Nodes wait")))) << "an edge is busy for 38 %";
  for (machine::LinkClassTotals& links : run.results.classes) links.max_busy_units /= 4;
  EXPECT_THAT(run.warnings()[0], HasSubstr("Nodes wait for the network 62.5 % of the time, but no link is busier than "
                                           "9.4 %"));
  EXPECT_THAT(run.warnings()[0], HasSubstr("Most is lost in conv \"1\", <first> (conv): 500 us, its floor is 125 us"));
}

TEST(Warnings, NameFiveAndCountTheRest) {
  Json report = PlannedRun().report();
  Json& ops = report["latency"]["ops"];
  const Json one = ops[0];
  for (int i = 0; i < 6; ++i) ops.push_back(one);
  const Json said = warnings(report);
  ASSERT_EQ(said.size(), 6u);
  EXPECT_THAT(said[5].get<std::string>(), HasSubstr("And 2 more operations of at least 1.0 % of the step"));
}

TEST(Summary, HasTheWarningsAndBothSteps) {
  const std::string text = text_of(PlannedRun().report());
  EXPECT_THAT(text, HasSubstr("WARNINGS        - conv"));
  EXPECT_THAT(text, HasSubstr("step            0.500000 ms, 16000.0 samples/s (steady: mean of steps 2 to 3)\n"
                              "cold step       1.000000 ms, 8000.0 samples/s (the first)\n"));
  PlannedRun one;
  one.results.step_end = {2'000'000};
  EXPECT_THAT(text_of(one.report()), HasSubstr("step            1.000000 ms, 8000.0 samples/s (cold: "));
}

}  // namespace
}  // namespace dojo::report

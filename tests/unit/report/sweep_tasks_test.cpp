// SPDX-License-Identifier: Apache-2.0
// sweep: parts of it that others run: shards, tasks, scripts of Slurm.
#include "sweep_fixture.h"

namespace dojo::report {
namespace {

TEST_F(Sweep, RefusesABackendThatIsNone) {
  request_.backend = "pbs";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kUsage), Contains(HasSubstr("expected local, slurm or command")));
  request_.backend = "local";
  request_.shard = "3/2";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kUsage), Contains(HasSubstr("--shard: found '3/2'")));
}

TEST_F(Sweep, AShardThatCountsFromZeroIsRefused) {
  for (const char* shard : {"0/2", "3/2", "1/0", "/2", "1", "1/2x", "-1/2"}) {
    request_.shard = shard;
    EXPECT_THAT(error_lines(batches("[1, 2]"), ExitCode::kUsage), Contains(HasSubstr("with i from 1 to n"))) << shard;
  }
}

TEST_F(Sweep, ShardsTogetherRunEveryPointOnce) {
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    request_.shard = shard;
    request_.resume = true;
    EXPECT_EQ(run(batches("[1, 2, 3, 4, 5]")), 0u);
  }
  EXPECT_EQ(runs(), 5u);
  for (const std::string& line : lines("out/results.csv")) EXPECT_EQ(line.find("pending"), std::string::npos) << line;
}

TEST_F(Sweep, PointsAndResultsCanBeMadeApart) {
  request_.only = "points";
  request_.shard = "1/2";
  EXPECT_EQ(run(batches("[1, 2, 13, 4]")), 0u);
  EXPECT_FALSE(fs::exists(folder_ / "out/results.csv"));
  request_.only = "results";
  request_.shard.clear();
  EXPECT_EQ(run(batches("[1, 2, 13, 4]")), 2u) << "two points are pending";
  EXPECT_EQ(runs(), 2u);
  request_.only = "points";
  request_.resume = true;
  EXPECT_EQ(run(batches("[1, 2, 13, 4]")), 1u) << "one of this task's points failed";
  EXPECT_EQ(runs(), 4u);
}

TEST_F(Sweep, TasksAreThoseWithPointsThatAreDue) {
  const auto sweep = read_sweep(folder_.write("sweep.json", batches("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")));
  Plan plan = make_plan(sweep);
  EXPECT_EQ(plan_tasks(request_, plan, {0, 1, 9}).count, 2u) << "eight points each";
  request_.tasks = 4;
  const Tasks tasks = plan_tasks(request_, plan, {0, 4, 6});
  EXPECT_EQ(tasks.numbers, (std::vector<std::size_t>{2, 4})) << "point 0 is that of the last shard";
  EXPECT_EQ(tasks.processors, 1);
  plan.threads = 4;
  EXPECT_EQ(plan_tasks(request_, plan, {0}).processors, 4);
  request_.processors = 8;
  EXPECT_EQ(plan_tasks(request_, plan, {0}).mebibytes, 2 * (512 + 354 / 170)) << "two points at a time";
  request_.tasks = 99;
  EXPECT_EQ(plan_tasks(request_, plan, {0}).count, 10u);
}

TEST_F(Sweep, ScriptsOfSlurmNameFilesAsTheyWereGiven) {
  request_.backend = "slurm";
  request_.script = true;
  request_.directory = folder_ / "it's 100%";
  EXPECT_EQ(run(batches("[1, 2]")), 0u);
  const std::string script = folder_.read("it's 100%/slurm/points.sh");
  EXPECT_THAT(script, HasSubstr("/it's 100%%/slurm/task-%a.log\"\n"));
  EXPECT_THAT(script, HasSubstr("/it'\\''s 100%' --only points --resume --shard \"$SLURM_ARRAY_TASK_ID/1\""));
  EXPECT_EQ(runs(), 0u);
  request_.directory = folder_ / "a\"b";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kUsage), Contains(HasSubstr("without quotes")));
}

}  // namespace
}  // namespace dojo::report

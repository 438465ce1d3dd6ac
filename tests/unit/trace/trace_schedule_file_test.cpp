// SPDX-License-Identifier: Apache-2.0
// Files of schedules that a trace names: read, checked, and written back.
#include "dojo/workload/own_algorithms.h"

#include "unit/trace/trace_support.h"

namespace dojo::workload {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string trace_of(const std::string& algorithm) {
  return R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 2}], "graphs": [{"ops": [)"
         R"({"id": 1, "kind": "all_reduce", "bytes": 4096, "algorithm": ")" +
         algorithm + R"("}]}]})";
}

std::string file_of_schedules(const std::string& steps) {
  return R"({"format": "dojo.schedule/1", "schedules": [{"kind": "all_reduce", "ranks": 2, "parts": 2, "steps": )" +
         steps + "}]}";
}

/// Each adds one half and sends the sum of it.
constexpr const char* kSteps =
    R"([[{"send": 1, "slot": 1}, {"reduce": 1, "slot": 0}, {"send": 1, "slot": 0}, {"receive": 1, "slot": 1}],
        [{"send": 0, "slot": 0}, {"reduce": 0, "slot": 1}, {"send": 0, "slot": 1}, {"receive": 0, "slot": 0}]])";

class ScheduleFiles : public TraceFiles {
 protected:
  std::vector<std::string> errors_in(const std::string& schedules) {
    const std::string name = "s" + std::to_string(++count_) + ".json";
    file(name, schedules);
    return errors(trace_of(name));
  }

 private:
  int count_ = 0;
};

TEST_F(ScheduleFiles, WhatIsWrongInThemIsToldWithLineAndPlace) {
  EXPECT_THAT(errors_in("[]"), ElementsAre(HasSubstr("found a list of 0, expected an object")));
  EXPECT_THAT(errors_in(R"({"format": "dojo.trace/1"})"), ElementsAre(HasSubstr("expected 'dojo.schedule/1'")));
  EXPECT_THAT(errors_in(R"({"format": "dojo.schedule/1", "schedules": [], "more": 1})"),
              ElementsAre(HasSubstr("/schedules: found no schedule"), HasSubstr("/more: unknown key")));
  EXPECT_THAT(errors_in(R"({"format": "dojo.schedule/1", "schedules": [{"kind": "all_reuce", "ranks": 0}]})"),
              ElementsAre(HasSubstr("found 'all_reuce', expected 'all_reduce'"), HasSubstr("/schedules/0/ranks"),
                          HasSubstr("/schedules/0/steps")));
  EXPECT_THAT(
      errors_in(file_of_schedules("[[],\n[{\"send\": 0, \"copy\": 1, \"slot\": 0}, {\"slot\": 0}, 7]]")),
      ElementsAre(AllOf(HasSubstr(".json:2: /schedules/0/steps/1/0: found 2 of send, receive, reduce and copy")),
                  HasSubstr("/schedules/0/steps/1/1: found 0 of send"),
                  HasSubstr("/schedules/0/steps/1/2: found 7, expected an object")));
  EXPECT_THAT(errors_in(file_of_schedules("[7, []]")),
              ElementsAre(HasSubstr("/schedules/0/steps/0: found 7, expected the list of a member's steps")));
}

TEST_F(ScheduleFiles, WhatIsNoCollectiveIsTold) {
  EXPECT_THAT(errors_in(file_of_schedules("[[], []]")),
              Contains(AllOf(HasSubstr(".json:1: /schedules/0: it is not complete"), HasSubstr("without member 1"))));
  EXPECT_THAT(errors_in(file_of_schedules(R"([[{"receive": 1, "slot": 0}, {"send": 1, "slot": 0}],
                                               [{"receive": 0, "slot": 0}, {"send": 0, "slot": 0}]])")),
              ElementsAre(HasSubstr("/schedules/0: found a deadlock")));
}

TEST_F(ScheduleFiles, AMissingFileIsToldByName) {
  file("t", trace_of("absent.json"));
  try {
    (void)read("t");
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("absent.json"));
  }
}

TEST_F(ScheduleFiles, WordsThatAreNoAlgorithmAreTold) {
  EXPECT_THAT(errors(trace_of("rin")), ElementsAre(HasSubstr("found 'rin', expected 'ring'; correct it, or give the "
                                                             "plug-in that has it")));
}

TEST_F(ScheduleFiles, LieBesideTheTraceThatNamesThem) {
  file("good.json", file_of_schedules(kSteps));
  file("t.trace", trace_of("good.json"));
  std::vector<std::string> files;
  const Workload workload = read_trace(path("t.trace"), {}, &files);
  const std::optional<Algorithm> algorithm = workload.graphs[0].ops[0].algorithm;
  ASSERT_TRUE(algorithm);
  EXPECT_EQ(std::filesystem::absolute(file_of(*algorithm)).lexically_normal(), path("good.json"));
  EXPECT_THAT(files, Contains(file_of(*algorithm)));
  const CollectiveSchedule* schedule = schedule_for(*algorithm, {OpKind::kAllReduce, 2, 0});
  ASSERT_NE(schedule, nullptr);
  EXPECT_EQ(schedule->parts, 2U);
  ASSERT_EQ(schedule->steps[1].size(), 4U);
  EXPECT_EQ(schedule->steps[1][3].kind, CollectiveStep::Kind::kReceive);
  // Wherever the trace is written, the file is found.
  std::filesystem::create_directories(path("elsewhere"));
  write_trace(workload, path("elsewhere/copy.json"));
  EXPECT_EQ(read_trace(path("elsewhere/copy.json"), {}, nullptr).graphs[0].ops[0].algorithm, algorithm);
}

}  // namespace
}  // namespace dojo::workload

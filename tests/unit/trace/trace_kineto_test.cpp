// SPDX-License-Identifier: Apache-2.0
// Kineto traces: damage, streams and their waits, NCCL kernels as collectives.
#include "trace_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Kineto : public TraceFiles {
 protected:
  static std::string kernel(const std::string& name, double ts, double dur, int stream, const std::string& args = "") {
    return "{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"" + name + "\",\"pid\":0,\"tid\":" + std::to_string(stream) +
           ",\"ts\":" + std::to_string(ts) + ",\"dur\":" + std::to_string(dur) +
           ",\"args\":{\"stream\":" + std::to_string(stream) + ",\"device\":0" + args + "}}";
  }
  static std::string trace(const std::vector<std::string>& events, const std::string& rest = "") {
    std::string text = "{\"schemaVersion\":1," + rest + "\"traceEvents\":[\n";
    for (std::size_t i = 0; i < events.size(); ++i) text += (i == 0 ? "" : ",\n") + events[i];
    return text + "\n]}\n";
  }
  const std::string nccl_ =
      ",\"Collective name\":\"allreduce\",\"In msg nelems\":500,\"Out msg nelems\":500,\"Group "
      "size\":2,\"dtype\":\"Float\","
      "\"Process Group Name\":\"0\",\"Process Group Ranks\":\"[0, 1]\"";
};

TEST_F(Kineto, FaultsAreNamed) {
  EXPECT_THAT(errors(trace({})), Contains(HasSubstr("found 0 events and no work of a device among them")));
  EXPECT_THAT(errors("{\"traceEvents\":[{\"ph\":\"X\",]}"), Contains(HasSubstr("t:1: not valid JSON")));
  EXPECT_THAT(errors(trace({kernel("ncclAllReduce", 1, 2, 7, nccl_)})),
              Contains(AllOf(HasSubstr("one rank of a job of 2"), HasSubstr("workload.ranks=2"))));
  const Graph graph =
      read_text(trace({kernel("a", 1, 2, 7), "{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"b\",\"ts\":\"x\",\"dur\":1}",
                       kernel("c", 5, -2, 7)}))
          .graphs[0];
  EXPECT_EQ(graph.ops.size(), 1u);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("2 events without a sane time were skipped")));
}

TEST_F(Kineto, CutsAndDamage) {
  const std::string text = trace({kernel("a", 1, 2, 7), kernel("b", 4, 2, 7)});
  expect_cuts_are_told(text, {}, text.size() - 1);
  expect_damage_is_survived(text, {});
}

TEST_F(Kineto, StreamsRunInARowAndOverlapAsRecorded) {
  // b runs beside a; c on the first stream began when b had ended, so that it waits for both.
  const Graph graph =
      read_text(trace({kernel("c", 20, 5, 7), kernel("a", 1, 10, 7), kernel("b", 2, 16, 9), kernel("d", 26, 1, 9)}))
          .graphs[0];
  EXPECT_EQ(find(graph, "a")->duration_ns, 10000);
  EXPECT_THAT(deps_of(graph, "b"), IsEmpty());
  EXPECT_THAT(deps_of(graph, "c"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(deps_of(graph, "d"), UnorderedElementsAre("b", "c"));
  EXPECT_EQ(find(graph, "c")->place, 2u);
}

TEST_F(Kineto, RecordedWaitsAreUsedInstead) {
  const std::string wait =
      "{\"ph\":\"X\",\"cat\":\"cuda_sync\",\"name\":\"Stream Wait Event\",\"ts\":19,\"dur\":0,\"args\":{\"stream\":7,"
      "\"wait_on_stream\":9,\"device\":0}}";
  const Graph graph = read_text(trace({kernel("a", 1, 10, 7), kernel("b", 2, 3, 9), kernel("c", 12, 5, 7), wait,
                                       kernel("d", 20, 1, 7)}))
                          .graphs[0];
  EXPECT_THAT(deps_of(graph, "c"), ElementsAre("a")) << "it began after b had ended, but did not wait for it";
  EXPECT_THAT(deps_of(graph, "d"), UnorderedElementsAre("b", "c"));
}

TEST_F(Kineto, NcclKernelsAreRealCollectives) {
  TraceOptions options;
  options.ranks = 4;
  options.replicate = true;
  const Workload workload =
      read_text(trace({kernel("ncclKernel_AllReduce", 1, 2, 7, nccl_), kernel("ncclOld", 4, 3, 7)}), options);
  const Graph& graph = workload.graphs[0];
  EXPECT_EQ(graph.ops[0].kind, OpKind::kAllReduce);
  EXPECT_EQ(graph.ops[0].bytes, 2000);
  EXPECT_EQ(graph.ops[0].group, 0u) << "the whole job of then is the whole job of now";
  EXPECT_EQ(graph.ops[0].duration_ns, 0);
  EXPECT_EQ(graph.ops[1].kind, OpKind::kCompute);
  EXPECT_EQ(graph.ops[1].duration_ns, 3000);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 NCCL kernels say nothing about their collective")));
}

TEST_F(Kineto, GroupsOfADistributedRun) {
  const std::string info =
      "\"distributedInfo\":{\"rank\":0,\"world_size\":4,\"pg_config\":[{\"pg_name\":\"0\",\"ranks\":[0,1]},{\"pg_"
      "name\":\"1\","
      "\"ranks\":[2,3]}]},";
  const auto file_of = [&](const char* group) {
    std::string args = nccl_;
    args.replace(args.find("Name\":\"0\"") + 7, 1, group);
    args.replace(args.find("[0, 1]"), 6, "[0, ..., 3]");  // shortened lists are not believed
    return trace({kernel("nccl", 1, 2, 7, args)}, info);
  };
  for (const int rank : {0, 1}) file("k." + std::to_string(rank) + ".json", file_of("0"));
  for (const int rank : {2, 3}) file("k." + std::to_string(rank) + ".json", file_of("1"));
  const Workload workload = read("k");
  EXPECT_EQ(workload.ranks(), 4u);
  EXPECT_EQ(workload.graphs.size(), 2u);
  EXPECT_THAT(workload.group_classes.at(1).groups[0].ranks, ElementsAre(0u, 1u));
  EXPECT_THAT(workload.group_classes.at(2).groups[0].ranks, ElementsAre(2u, 3u));
}

TEST_F(Kineto, OtherStreamsCopiesAndCommunicationPassBesideTheCores) {
  const std::string copy =
      "{\"ph\":\"X\",\"cat\":\"gpu_memcpy\",\"name\":\"Memcpy HtoD\",\"pid\":0,\"tid\":21,\"ts\":1,\"dur\":10,"
      "\"args\":{\"stream\":21,\"device\":0}}";
  const Graph graph =
      read_text(trace({kernel("gemm", 1, 10, 7), kernel("small", 1, 9, 8), kernel("ncclDevKernel_AllReduce", 1, 10, 20),
                       kernel("rcclGenericKernel", 1, 10, 22), copy}))
          .graphs[0];
  EXPECT_EQ(find(graph, "gemm")->recorded_on, RecordedOn::kCores) << "the busiest stream has the cores";
  EXPECT_EQ(find(graph, "small")->recorded_on, RecordedOn::kStream);
  EXPECT_EQ(find(graph, "ncclDevKernel_AllReduce")->recorded_on, RecordedOn::kNetwork);
  EXPECT_EQ(find(graph, "rcclGenericKernel")->recorded_on, RecordedOn::kNetwork);
  EXPECT_EQ(find(graph, "Memcpy HtoD")->recorded_on, RecordedOn::kMemory);
  EXPECT_TRUE(graph.deps.empty());
}

TEST_F(Kineto, OverlapOnOneStreamIsCountedAndSaid) {
  const Graph graph =
      read_text(trace({kernel("long", 1000, 1600000, 7), kernel("a", 1100, 50, 7), kernel("b", 1200, 50, 7)}))
          .graphs[0];
  EXPECT_THAT(graph.warnings, Contains(AllOf(HasSubstr("2 operations begin while the one before on their stream still "
                                                       "runs, 0.100 ms in all"))));
  EXPECT_THAT(read_text(trace({kernel("a", 1000, 50, 7), kernel("b", 1050, 50, 7)})).graphs[0].warnings,
              testing::Not(Contains(HasSubstr("operations begin while"))));
}

TEST_F(Kineto, TimesAsTextAndPairsOfBeginAndEnd) {
  const Graph text = read_text(trace({"{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"a\",\"ts\":\"1000.5\",\"dur\":"
                                      "\"5.0\",\"args\":{\"stream\":7}}"}))
                         .graphs[0];
  EXPECT_EQ(text.ops[0].duration_ns, 5000);
  const auto half = [](const char* phase, double ts, const char* rest) {
    return std::string("{\"ph\":\"") + phase + "\",\"pid\":0,\"tid\":7,\"ts\":" + std::to_string(ts) + rest + "}";
  };
  const char* const named = ",\"cat\":\"kernel\",\"name\":\"k\",\"args\":{\"stream\":7}";
  const Graph pairs = read_text(trace({half("B", 1000, named), half("E", 1100, ""), half("B", 1200, named)})).graphs[0];
  ASSERT_EQ(pairs.ops.size(), 1u);
  EXPECT_EQ(pairs.ops[0].duration_ns, 100000);
  EXPECT_THAT(pairs.warnings, Contains(HasSubstr("1 events begin and do not end")));
}

TEST_F(Kineto, OtherAcceleratorsAreReadByStream) {
  const auto event = [](const char* category, const char* name, const char* stream, double ts) {
    return std::string("{\"ph\":\"X\",\"cat\":\"") + category + "\",\"name\":\"" + name +
           "\",\"pid\":0,\"tid\":1,\"ts\":" + std::to_string(ts) + ",\"dur\":10,\"args\":{\"stream\":" + stream + "}}";
  };
  const Graph graph =
      read_text(
          trace({event("mtia_ccp_events", "pe_exe", "112", 1), event("xpu_runtime", "launch", "1", 1),
                 event("mtia_ccp_events", "dma_request", "102", 1), event("gpu_user_annotation", "step", "112", 1)}))
          .graphs[0];
  ASSERT_EQ(graph.ops.size(), 2u);
  EXPECT_EQ(find(graph, "dma_request")->recorded_on, RecordedOn::kMemory);
  EXPECT_THAT(graph.warnings,
              Contains(HasSubstr("2 events of category 'mtia_ccp_events' are taken for work of a device")));
  // Streams that are no numbers are different streams all the same.
  const Graph words =
      read_text(trace({event("kernel", "a", "\"0x1234\"", 1), event("kernel", "b", "\"0x5678\"", 1)})).graphs[0];
  EXPECT_TRUE(words.deps.empty());
  EXPECT_THAT(errors(trace({event("cpu_op", "aten::mm", "7", 1)})),
              Contains(AllOf(HasSubstr("1 of 'cpu_op'"), testing::Not(HasSubstr("CUDA")))));
}

TEST_F(Kineto, AWaitIsForWhatWasLaunchedBeforeItsEvent) {
  const auto launched = [&](const char* name, double ts, int stream, int correlation) {
    return kernel(name, ts, 2, stream, ",\"correlation\":" + std::to_string(correlation));
  };
  const std::string wait =
      "{\"ph\":\"X\",\"cat\":\"cuda_sync\",\"name\":\"Stream Wait Event\",\"ts\":19,\"dur\":0,\"args\":{\"stream\":7,"
      "\"wait_on_stream\":9,\"device\":0,\"wait_on_cuda_event_record_corr_id\":15}}";
  const Graph graph =
      read_text(trace({launched("before", 1, 9, 10), launched("after", 5, 9, 20), launched("waits", 20, 7, 30), wait}))
          .graphs[0];
  EXPECT_THAT(deps_of(graph, "waits"), ElementsAre("before"));
}

TEST_F(Kineto, AbsurdSizesOfCollectivesAreErrors) {
  std::string args = nccl_;
  args.replace(args.find("500"), 3, "4611686018427387904");
  TraceOptions options;
  options.ranks = 2;
  options.replicate = true;
  EXPECT_THAT(errors(trace({kernel("nccl", 1, 2, 7, args)}), options),
              Contains(HasSubstr("found 4611686018427387904 elements")));
}

TEST_F(Kineto, TheArrayFormAndScaledDurations) {
  TraceOptions options;
  options.duration_scale = 0.5;
  const Graph graph = read_text("[" + kernel("a", 1, 10, 7) + "]", options).graphs[0];
  EXPECT_EQ(graph.ops[0].duration_ns, 5000);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("multiplied by 0.5")));
}

/// Two steps of the host; the device runs behind it. `b` is launched in the first step and runs in the second.
class KinetoSteps : public Kineto {
 protected:
  static std::string host(const std::string& category, const std::string& name, double ts, double dur,
                          const std::string& args = "") {
    return "{\"ph\":\"X\",\"cat\":\"" + category + "\",\"name\":\"" + name +
           "\",\"pid\":1,\"tid\":1,\"ts\":" + std::to_string(ts) + ",\"dur\":" + std::to_string(dur) + ",\"args\":{" +
           args + "}}";
  }
  static std::string launch(double ts, int correlation) {
    return host("cuda_runtime", "cudaLaunchKernel", ts, 1, "\"correlation\":" + std::to_string(correlation));
  }
  static std::string by(int correlation) { return ",\"correlation\":" + std::to_string(correlation); }
  static std::vector<std::string> events() {
    return {host("user_annotation", "ProfilerStep#7", 100, 100),
            host("user_annotation", "ProfilerStep#8", 200, 100),
            host("gpu_user_annotation", "ProfilerStep#9", 150, 100),
            launch(110, 1),
            launch(190, 2),
            launch(210, 3),
            kernel("a", 120, 40, 7, by(1)),
            kernel("b", 205, 40, 7, by(2)),
            kernel("c", 250, 100, 7, by(3)),
            kernel("unlaunched", 290, 5, 9),
            kernel("before", 50, 5, 9)};
  }
  static TraceOptions step(std::int64_t number) {
    TraceOptions options;
    options.profiler_step = number;
    return options;
  }
  static std::vector<std::string> names(const Graph& graph) {
    std::vector<std::string> all;
    for (const Op& op : graph.ops) all.push_back(graph.op_name(op));
    return all;
  }
};

TEST_F(KinetoSteps, OneThatIsNotThereIsTold) {
  EXPECT_THAT(errors(trace(events()), step(9)),
              ElementsAre(HasSubstr("found the profiler's steps 7, 8, expected 9 among them")));
  EXPECT_THAT(errors(trace({kernel("a", 1, 2, 7)}), step(0)),
              ElementsAre(AllOf(HasSubstr("found no ProfilerStep#N, expected ProfilerStep#0"), HasSubstr("--step"))));
  EXPECT_THAT(errors(trace({host("user_annotation", "ProfilerStep#7", 100, 100), kernel("late", 300, 5, 9)}), step(7)),
              ElementsAre(HasSubstr("no work of a device")));
  EXPECT_THAT(errors(R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 1}],
                         "graphs": [{"ops": [{"id": 1, "kind": "barrier"}]}]})",
                     step(7)),
              ElementsAre(HasSubstr("found a profiler's step (--step) for a trace of format dojo-json")));
}

TEST_F(KinetoSteps, WorkBelongsToTheStepThatLaunchedIt) {
  const Graph first = read_text(trace(events()), step(7)).graphs[0];
  EXPECT_THAT(names(first), ElementsAre("a", "b"));
  EXPECT_THAT(first.warnings,
              Contains(HasSubstr("of 2 profiler steps only ProfilerStep#7 is read: what was launched in "
                                 "it; 3 kernels and copies are left out")));
  const Graph second = read_text(trace(events()), step(8)).graphs[0];
  EXPECT_THAT(names(second), ElementsAre("c", "unlaunched"));
  EXPECT_EQ(find(second, "c")->duration_ns, 100000);
  const Graph all = read_text(trace(events())).graphs[0];
  EXPECT_EQ(all.ops.size(), 5U);
  EXPECT_THAT(all.warnings, Contains(HasSubstr("the trace holds 2 profiler steps; together they are one step here")));
}

TEST_F(KinetoSteps, PairsOfBeginAndEndAreStepsToo) {
  const std::string where = "\"pid\":1,\"tid\":1,\"ts\":";
  const Graph graph =
      read_text(trace({"{\"ph\":\"B\",\"cat\":\"cpu_op\",\"name\":\"ProfilerStep#3\"," + where + "100}",
                       kernel("inside", 150, 5, 9), "{\"ph\":\"E\"," + where + "200}", kernel("after", 250, 5, 9)}),
                step(3))
          .graphs[0];
  EXPECT_THAT(names(graph), ElementsAre("inside"));
}

}  // namespace
}  // namespace dojo::workload

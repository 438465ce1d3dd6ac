// SPDX-License-Identifier: Apache-2.0
// Who asks a reader to stop is heeded while the file is read, whatever its format.
#include <fmt/format.h>

#include <functional>

#include "dojo/base/stop_point.h"
#include "trace/file_bytes.h"
#include "trace_support.h"

namespace dojo::workload {
namespace {

constexpr int kRecords = 6000;

struct LongTrace {
  const char* format;
  const char* head;
  std::function<std::string(int)> record;
  const char* separator;
  const char* tail;
};

std::vector<LongTrace> long_traces() {
  return {{"dojo_json", R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":2}],"graphs":[{"ops":[)",
           [](int i) { return fmt::format(R"({{"id":{},"kind":"all_reduce","bytes":8}})", i); }, ",", "]}]}"},
          {"chakra_json", R"({"workload_graph":[)",
           [](int i) { return fmt::format(R"({{"Id":{},"NodeType":4,"runtime":5}})", i + 1); }, ",", "]}"},
          {"kineto", R"({"traceEvents":[)",
           [](int i) {
             return fmt::format(R"({{"ph":"X","cat":"kernel","name":"k","ts":{},"dur":1,"args":{{"stream":7}}}})",
                                2 * i);
           },
           ",", "]}"},
          {"aicb_csv", "comm_type,comm_group,comm_group_size,msg_size,stage,_elapsed_time\n",
           [](int) { return std::string("CommType.all_reduce,CommGroup.dp_group,2,1024,forward,"); }, "\n", "\n"},
          {"scalesim_csv", "Layer,M,N,K,\n", [](int i) { return fmt::format("fc{},16,32,64,", i); }, "\n", "\n"}};
}

std::string text_of(const LongTrace& trace) {
  std::string text = trace.head;
  for (int i = 0; i < kRecords; ++i) text += (i > 0 ? trace.separator : "") + trace.record(i);
  return text + trace.tail;
}

class StoppedReading : public TraceFiles, public testing::WithParamInterface<LongTrace> {};

/// 6,000 records are asked about at least once in 1,024: five times while they are read, more while they are checked.
TEST_P(StoppedReading, EndsAtEachPlaceAtWhichItIsAsked) {
  const std::string text = text_of(GetParam());
  int asked = 0, stop_at = 0;
  const StopScope scope([&] { return ++asked == stop_at; });
  const std::size_t operations = read_text(text).graphs[0].ops.size();
  EXPECT_GE(operations, std::size_t{kRecords});
  const int all = asked;
  EXPECT_GE(all, 10);
  for (stop_at = 1; stop_at <= all; ++stop_at) {
    asked = 0;
    EXPECT_THROW((void)read("t"), Stopped) << stop_at << " of " << all;
    EXPECT_EQ(asked, stop_at) << "nobody is asked again";
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, StoppedReading, testing::ValuesIn(long_traces()),
                         [](const auto& test) { return std::string(test.param.format); });

TEST_F(TraceFiles, ReadingOfABinaryTraceIsStopped) {
  write_chakra_trace(read_text(text_of(long_traces()[0])), path("c"), false);
  int asked = 0;
  const StopScope scope([&] { return ++asked == 8; });
  EXPECT_THROW((void)read("c"), Stopped);
}

/// 12 MiB of zeros are twelve pieces and more; packed they are one.
TEST_F(TraceFiles, UnpackingIsStopped) {
  {
    OutputFile packed(path("zeros.gz"));
    write_file_bytes(packed, path("zeros.gz"), std::string(std::size_t{12} << 20, '\0'));
    packed.commit();
  }
  int asked = 0, stop_at = 0;
  const StopScope scope([&] { return ++asked == stop_at; });
  EXPECT_EQ(read_file_bytes(path("zeros.gz")).size(), std::size_t{12} << 20);
  EXPECT_GE(asked, 12);
  stop_at = 10;
  asked = 0;
  EXPECT_THROW((void)read_file_bytes(path("zeros.gz")), Stopped);
}

}  // namespace
}  // namespace dojo::workload

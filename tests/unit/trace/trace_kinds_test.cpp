// SPDX-License-Identifier: Apache-2.0
// Keys of the kinds of training networks: every mistake is named, defaults are left out, a batch changes what follows
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>

#include "dojo/base/error.h"
#include "dojo/trace/trace.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

using testing::Contains;
using testing::HasSubstr;

class TraceKinds : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("dojo_trace_kinds_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string with_op(const std::string& op) {
    return "{\"format\":\"dojo.trace/1\",\n \"ranks\":[\n  {\"graph\":0,\"ranks\":1}],\n \"graphs\":[\n  {\"batch\":4,"
           "\"ops\":[\n    " +
           op + "]}]}\n";
  }
  Workload read(const std::string& op) {
    const std::string path = (folder_ / "t.json").string();
    std::ofstream(path, std::ios::binary) << with_op(op);
    return read_trace(path, {}, nullptr);
  }
  std::vector<std::string> errors(const std::string& op) {
    try {
      (void)read(op);
    } catch (const Error& error) {
      return error.lines();
    }
    return {};
  }
  std::filesystem::path folder_;
};

TEST_F(TraceKinds, NameWhatIsWrong) {
  const auto wrong = [&](const std::string& op, const std::string& words) {
    EXPECT_THAT(errors(op), Contains(HasSubstr(words))) << op;
  };
  wrong(R"({"id":0,"kind":"attention"})", "/attention: found nothing, expected this key");
  wrong(
      R"({"id":0,"kind":"attention","attention":{"batch":1,"heads":4,"kv_heads":3,"queries":8,"keys":8,"head_size":8}})",
      "t.json:6: /graphs/0/ops/0/attention: found 4 heads and 3 kv_heads");
  wrong(
      R"({"id":0,"kind":"attention","attention":{"batch":1,"heads":4,"queries":9,"keys":8,"head_size":8,"causal":1}})",
      "found a mask with 9 queries and 8 keys");
  wrong(
      R"({"id":0,"kind":"attention","attention":{"batch":1,"heads":4,"queries":8,"keys":8,"head_size":8,"causal":2}})",
      "expected an integer from 0 to 1");
  wrong(R"({"id":0,"kind":"attention","attention":{"batch":0,"heads":0,"queries":8,"keys":8,"head_size":8}})",
        "expected an integer from 1");
  wrong(
      R"({"id":0,"kind":"attention","elements":5,"attention":{"batch":1,"heads":4,"queries":8,"keys":8,"head_size":8}})",
      "unknown key");
  wrong(R"({"id":0,"kind":"conv","conv":{"n":1,"c":6,"h":8,"w":8,"k":8,"r":3,"s":3,"groups":4}})",
        "found 4 groups of 6");
  wrong(R"({"id":0,"kind":"conv","conv":{"n":1,"c":6,"h":8,"w":8,"k":8,"r":3,"s":3,"dilation":0}})",
        "expected an integer from 1");
  wrong(R"({"id":0,"kind":"conv","conv":{"n":1,"c":6,"h":8,"w":8,"k":8,"r":3,"s":3,"pad_w":-1}})",
        "expected an integer from 0");
  wrong(R"({"id":0,"kind":"layer_norm","elements":100})", "/channels: found nothing");
  wrong(R"({"id":0,"kind":"softmax","elements":100,"channels":7})", "found 100 elements in rows of 7");
  wrong(R"({"id":0,"kind":"embedding","lookup":{"lookups":10,"width":4,"pooled":3}})",
        "found 10 lookups with 3 pooled");
  wrong(R"({"id":0,"kind":"embedding","elements":40,"lookup":{"lookups":10,"width":4}})", "unknown key");
  wrong(R"({"id":0,"kind":"embedding","lookup":{"lookups":10,"width":4,"distinct_percent":0}})", "from 1 to 100");
  wrong(R"({"id":0,"kind":"optimizer","elements":4,"rule":"adm"})", "found 'adm', expected 'adam'");
  wrong(R"({"id":0,"kind":"elementwise","elements":4,"rule":"adam"})", "unknown key");
}

/// Sizes that no machine holds are refused before anything is added up.
TEST_F(TraceKinds, SizesHaveLimits) {
  EXPECT_THAT(
      errors(
          R"({"id":0,"kind":"attention","attention":{"batch":16777216,"heads":1,"queries":16777216,"keys":16777216,"head_size":1}})"),
      Contains(HasSubstr("FLOP")));
  EXPECT_THAT(errors(R"({"id":0,"kind":"gather","lookup":{"lookups":2147483648,"width":16777216}})"),
              Contains(HasSubstr("elements")));
}

TEST_F(TraceKinds, LeaveOutDefaults) {
  for (
      const std::string op : {
          R"({"id":0,"kind":"attention","attention":{"batch":1,"heads":4,"queries":8,"keys":8,"head_size":8}})",
          R"({"id":0,"kind":"attention_grad","attention":{"batch":1,"heads":4,"kv_heads":2,"queries":8,"keys":8,"head_size":8,"causal":1,"window":3,"scores":1}})",
          R"({"id":0,"kind":"layer_norm","elements":100,"channels":10})",
          R"({"id":0,"kind":"layer_norm","elements":100,"channels":10,"vector_flops_per_element":0})",
          R"({"id":0,"kind":"combine","lookup":{"lookups":8,"width":4,"pooled":2}})",
          R"({"id":0,"kind":"optimizer","elements":4,"rule":"lars"})",
          R"({"id":0,"kind":"conv","conv":{"n":1,"c":6,"h":8,"w":8,"k":8,"r":3,"s":3,"stride_w":2,"pad":1,"groups":2}})",
      }) {
    EXPECT_EQ(format_json_trace(read(op)), with_op(op));
  }
}

TEST_F(TraceKinds, HaveTheFlopOfTheirTable) {
  EXPECT_EQ(
      read(R"({"id":0,"kind":"layer_norm","elements":100,"channels":10})").graphs[0].ops[0].vector_flops_per_element,
      7);
  EXPECT_EQ(read(R"({"id":0,"kind":"optimizer","elements":4,"rule":"adam"})").graphs[0].ops[0].vector_flops_per_element,
            21);
  EXPECT_EQ(read(R"({"id":0,"kind":"optimizer","elements":4})").graphs[0].ops[0].vector_flops_per_element, 0);
}

TEST_F(TraceKinds, FollowTheBatch) {
  RescaleOptions twice;
  twice.batch = 8;
  const auto scaled = [&](const std::string& op) { return rescale_workload(read(op), twice).graphs[0].ops[0]; };
  const Op attention =
      scaled(R"({"id":0,"kind":"attention","attention":{"batch":4,"heads":4,"queries":8,"keys":8,"head_size":8}})");
  EXPECT_EQ(attention.attention.batch, 8);
  EXPECT_EQ(attention.flops, 4 * 8 * 4 * 8 * 8 * 8);
  const Op lookup = scaled(R"({"id":0,"kind":"embedding","lookup":{"lookups":12,"width":4}})");
  EXPECT_EQ(lookup.lookup.lookups, 24);
  EXPECT_EQ(lookup.elements, 96);
  EXPECT_EQ(scaled(R"({"id":0,"kind":"group_norm_stats","elements":128,"channels":8})").channels, 16);
  EXPECT_EQ(scaled(R"({"id":0,"kind":"layer_norm","elements":128,"channels":8})").channels, 8);
  EXPECT_EQ(scaled(R"({"id":0,"kind":"optimizer","elements":128,"rule":"adam"})").elements, 128);
}

}  // namespace
}  // namespace dojo::workload

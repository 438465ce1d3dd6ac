// SPDX-License-Identifier: Apache-2.0
// Kinds of operations of plug-ins in a trace: what they become, and what is told of wrong ones.
#include "dojo/workload/own_operations.h"

#include "unit/trace/trace_support.h"

namespace dojo::workload {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

OwnOperation operation(const std::string& name, const OwnCost& cost, std::vector<std::string> keys = {}) {
  return {name, "for a test", std::move(keys), [cost](const std::map<std::string, std::int64_t>&) { return cost; },
          "this test"};
}

std::string refusal(OwnOperation own) {
  try {
    add_operation(std::move(own));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    return error.what();
  }
  return "accepted";
}

std::string trace_of(const std::string& op) {
  return R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"ops": [{"id": 1, )" + op +
         "}]}]}";
}

class OwnOperations : public TraceFiles {};

TEST_F(OwnOperations, WhatCannotBeAddedIsTold) {
  EXPECT_THAT(refusal(operation("a b", {})), HasSubstr("expected up to 64 letters"));
  EXPECT_THAT(refusal(operation("matmul", {})), HasSubstr("found a built-in kind"));
  EXPECT_THAT(refusal(operation("keyed", {}, {"id"})), HasSubstr("the key 'id', which all operations have"));
  EXPECT_THAT(refusal(operation("keyed", {}, {"n", "n"})), HasSubstr("the key 'n' twice"));
  EXPECT_THAT(refusal(operation("keyed", {}, {""})), HasSubstr("found the key ''"));
  OwnOperation own = operation("costless", {});
  own.cost = nullptr;
  EXPECT_THAT(refusal(own), HasSubstr("no function of its cost"));
  EXPECT_EQ(refusal(operation("once", {8, 8, 0, 0})), "accepted");
  EXPECT_THAT(refusal(operation("once", {8, 8, 0, 0})), HasSubstr("a name that this test has"));
}

TEST_F(OwnOperations, WrongCostsAreTold) {
  add_operation(operation("nothing", {}));
  EXPECT_THAT(errors(trace_of(R"("kind": "nothing")")),
              ElementsAre(AllOf(HasSubstr("t:1: /graphs/0/ops/0: this test: operation \"nothing\": found a cost of "
                                          "nothing"))));
  add_operation(operation("both", {8, 0, 8, 1}));
  EXPECT_THAT(errors(trace_of(R"("kind": "both")")), ElementsAre(HasSubstr("a cost of elements beside FLOP")));
  add_operation(operation("negative", {-1, 8, 0, 0}));
  EXPECT_THAT(errors(trace_of(R"("kind": "negative")")), ElementsAre(HasSubstr("negative or too large")));
  add_operation(operation("huge", {0, std::int64_t{1} << 51, 0, 0}));
  EXPECT_THAT(errors(trace_of(R"("kind": "huge")")), ElementsAre(HasSubstr("negative or too large")));
  OwnOperation own = operation("thrower", {});
  own.cost = [](const auto&) -> OwnCost { throw std::runtime_error("points are no power of two"); };
  add_operation(own);
  EXPECT_THAT(errors(trace_of(R"("kind": "thrower")")),
              ElementsAre(HasSubstr("found an exception (points are no power of two), expected a cost")));
  own = operation("thrower_of_numbers", {});
  own.cost = [](const auto&) -> OwnCost { throw 7; };
  add_operation(own);
  EXPECT_THAT(errors(trace_of(R"("kind": "thrower_of_numbers")")), ElementsAre(HasSubstr("of no known kind")));
}

TEST_F(OwnOperations, KeysAreTheKindsOwn) {
  OwnOperation own = operation("fft", {}, {"points", "batch"});
  own.cost = [](const std::map<std::string, std::int64_t>& values) {
    OwnCost cost;
    cost.matrix_flops = 10 * values.at("points") * values.at("batch");
    cost.bytes = 16 * values.at("points") * values.at("batch");
    return cost;
  };
  add_operation(own);
  EXPECT_THAT(errors(trace_of(R"("kind": "fft", "points": 64, "width": 2)")),
              ElementsAre(HasSubstr("/graphs/0/ops/0/batch"), HasSubstr("/graphs/0/ops/0/width: unknown key")));
  const Graph graph = read_text(trace_of(R"("kind": "fft", "points": 64, "batch": 3, "phase": "forward")")).graphs[0];
  EXPECT_EQ(graph.ops[0].kind, OpKind::kCompute);
  EXPECT_EQ(graph.ops[0].flops, 10 * 64 * 3);
  EXPECT_EQ(graph.ops[0].bytes, 16 * 64 * 3);
  EXPECT_EQ(graph.ops[0].phase, Phase::kForward);
  EXPECT_EQ(graph.op_name(graph.ops[0]), "fft");
}

TEST_F(OwnOperations, WorkOnElementsIsForTheVectorUnit) {
  add_operation(operation("gelu", {0, 0, 4096, 12}));
  const Graph graph = read_text(trace_of(R"("kind": "gelu", "name": "act")")).graphs[0];
  EXPECT_EQ(graph.ops[0].kind, OpKind::kElementwise);
  EXPECT_EQ(graph.ops[0].elements, 4096);
  EXPECT_EQ(graph.ops[0].vector_flops_per_element, 12);
  EXPECT_EQ(graph.op_name(graph.ops[0]), "act");
}

}  // namespace
}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// SCALE-Sim layer lists: damage, quirks of real files, and the training step that is added.
#include <algorithm>

#include "trace_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const std::string kConvHeader =
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n";

class ScaleSim : public TraceFiles {
 protected:
  static TraceOptions ranks(RankId count) {
    TraceOptions options;
    options.ranks = count;
    return options;
  }
};

TEST_F(ScaleSim, EveryFaultIsNamedWithItsRow) {
  EXPECT_THAT(errors(kConvHeader + "a,8,8,3,3,4,5\nb,8,x,3,3,4,5,1,\nc,2,2,3,3,4,5,1\nd,8,8,3,3,0,5,1\n"),
              AllOf(SizeIs(4), Contains(HasSubstr("t:2: found 7 columns, expected 8")),
                    Contains(HasSubstr("t:3: 'b': column 3: found 'x'")),
                    Contains(HasSubstr("t:4: 'c': found a filter of 3 x 3 on a map of 2 x 2")),
                    Contains(HasSubstr("t:5: 'd': column 6: found '0'"))));
  EXPECT_THAT(errors(kConvHeader), Contains(HasSubstr("found no layer behind the header")));
  EXPECT_THAT(errors("Layer,M,N,K,\na,1,2\n"), Contains(HasSubstr("found 3 columns, expected 4 (name, M, N, K)")));
}

TEST_F(ScaleSim, CutsAndDamage) {
  const std::string text = "Layer,M,N,K,\nfc1,16,32,64,\nfc2,16,8,32,\n";
  expect_cuts_are_told(text, ranks(2), text.find("64"));
  expect_damage_is_survived(text, ranks(2));
}

TEST_F(ScaleSim, QuirksOfRealFilesAreTaken) {
  // Byte order mark, CRLF, no trailing comma, blank rows, no last line end, a ninth column.
  const Graph bom =
      read_text("\xef\xbb\xbf" + kConvHeader + "c1, 8, 8, 3, 3, 4, 5, 1\r\n\r\n  \r\nc2,6,6,3,3,5,7,1,2:4,", ranks(1))
          .graphs[0];
  EXPECT_EQ(find(bom, "c1")->place, 2u);
  EXPECT_EQ(find(bom, "c2")->place, 5u);
  EXPECT_THAT(bom.warnings, Contains(HasSubstr("1 rows have further columns")));
  EXPECT_THAT(bom.warnings, Contains(HasSubstr("last line has no end")));
  const Graph tabs = read_text("Layer\tM\tN\tK\nfc\t16\t32\t64\n", ranks(1)).graphs[0];
  EXPECT_EQ(find(tabs, "fc")->flops, 2 * 16 * 32 * 64);
}

TEST_F(ScaleSim, ATrainingStepOfTwoProducts) {
  const Graph graph = read_text("Layer,M,N,K,\nfc1,16,32,64,\nfc2,16,8,32,\n", ranks(2)).graphs[0];
  const Op* first = find(graph, "fc1");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->kind, OpKind::kMatMul);
  EXPECT_EQ(first->mat.m, 16);
  EXPECT_EQ(first->mat.n, 32) << "N stands before K in the file";
  EXPECT_EQ(first->mat.k, 64);
  EXPECT_EQ(first->flops, 2 * 16 * 32 * 64);
  EXPECT_EQ(first->place, 2u);
  std::int64_t flops = 0;
  for (const Op& op : graph.ops) flops += op.flops;
  // Three products for the second layer, two for the first: nobody wants the gradient of the samples.
  EXPECT_EQ(flops, 2 * (2 * 16 * 32 * 64) + 3 * (2 * 16 * 8 * 32));
  EXPECT_EQ(find(graph, "fc1.input_grad"), nullptr);
  EXPECT_THAT(deps_of(graph, "fc2.input_grad"), ElementsAre("fc2.loss"));
  EXPECT_THAT(deps_of(graph, "fc1.weight_grad"), ElementsAre("fc2.input_grad"));
  const Op* reduce = find(graph, "bucket0.all_reduce");
  ASSERT_NE(reduce, nullptr);
  EXPECT_EQ(reduce->bytes, 2 * (32 * 64 + 8 * 32));
  EXPECT_EQ(find(graph, "bucket0.optimizer")->elements, 32 * 64 + 8 * 32);
  EXPECT_EQ(count(read_text("Layer,M,N,K,\nfc1,16,32,64,\n", ranks(1)).graphs[0], OpKind::kAllReduce), 0u);
}

TEST_F(ScaleSim, ForwardOnlyOnRequestAndForListsOfGradients) {
  TraceOptions options = ranks(1);
  options.forward_only = true;
  const std::string text = "Layer,M,N,K,\nfc1,16,32,64,\nfc2,16,8,32,\n";
  EXPECT_EQ(read_text(text, options).graphs[0].ops.size(), 3u);  // samples and two products
  file("net_weight_grad.csv", text);
  EXPECT_EQ(read("net_weight_grad.csv").graphs[0].ops.size(), 3u);
}

TEST_F(ScaleSim, BatchAndWidthOfElements) {
  TraceOptions options = ranks(2);
  options.batch = 4;
  options.bytes_per_element = 4;
  const Workload workload = read_text(kConvHeader + "c1,8,8,3,3,4,5,1,\n", options);
  const Op* conv = find(workload.graphs[0], "c1");
  EXPECT_EQ(conv->conv.n, 4);
  EXPECT_EQ(conv->conv.p, 6) << "(8 - 3 + 1) / 1: the map is taken as padded";
  EXPECT_EQ(conv->flops, 2 * 4 * 5 * 6 * 6 * 4 * 3 * 3);
  EXPECT_EQ(conv->dtype, DType::kFp32);
  EXPECT_EQ(find(workload.graphs[0], "bucket0.all_reduce")->bytes, 4 * 3 * 3 * 4 * 5);
  EXPECT_EQ(workload.graphs[0].batch, 4);
}

TEST_F(ScaleSim, DepthWiseLayersHaveAFilterForEachChannel) {
  const Graph graph = read_text(kConvHeader + "conv2_DP,8,8,3,3,16,1,1,\n", ranks(1)).graphs[0];
  EXPECT_EQ(find(graph, "conv2_DP")->flops, 2 * 16 * 6 * 6 * 3 * 3);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 layers with DP in their name are depth-wise")));
}

TEST_F(ScaleSim, ALayerLargerThanAnyTraceIsRefused) {
  EXPECT_THROW(read_text(kConvHeader + "c,16000000,16000000,3,3,16000000,16000000,1,\n", ranks(1)), Error);
}

TEST_F(ScaleSim, RowsWithoutNumbersAreSkippedAndCounted) {
  const std::string header =
      "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n";
  const Graph graph =
      read_text("My network,,,,\n" + header + "ResNet,,,,,,,,\nConv1, 56, 56, 3, 3, 64, 64, 1,\n,,,,,,,,\n" + header +
                "Conv2, 54, 54, 1, 1, 64, 64, 1,\n,,,,\n")
          .graphs[0];
  EXPECT_EQ(count(graph, OpKind::kConv), 2u);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("5 rows hold no numbers")));
}

TEST_F(ScaleSim, ColumnsAreFoundByTheirNames) {
  for (const char* text :
       {"Layer,M,K,N,\nfc,128,256,512,\n", "Layer;M;N;K\nfc;128;512;256\n", "M,N,K\n128,512,256\n",
        "K\tlayer name\tm\tn\n256\tfc\t128\t512\n", "\"Layer\",\"M\",\"N\",\"K\"\n\"fc, 1\",128,512,256\n"}) {
    const Graph graph = read_text(text).graphs[0];
    const auto product =
        std::find_if(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return op.kind == OpKind::kMatMul; });
    ASSERT_NE(product, graph.ops.end()) << text;
    EXPECT_EQ(product->mat.m, 128) << text;
    EXPECT_EQ(product->mat.n, 512) << text;
    EXPECT_EQ(product->mat.k, 256) << text;
  }
  const Graph conv =
      read_text(
          "Layer name,Channels,IFMAP_H,IFMAP_W,Filter_H,Filter_W,Num_Filter,Stride Height,Stride Width,\n"
          "c,3,11,15,3,5,8,2,1,\n")
          .graphs[0];
  EXPECT_EQ(find(conv, "c")->flops, 2 * 5 * 11 * 8 * 3 * 3 * 5) << "two strides: 5 x 11 pixels";
}

TEST_F(ScaleSim, ARowWithoutItsNameGetsANumber) {
  const Graph graph = read_text("M,N,K,Layer,\n128,512,256,fc\n128,512,256\n").graphs[0];
  EXPECT_NE(find(graph, "fc"), nullptr);
  EXPECT_NE(find(graph, "layer2"), nullptr);
}

TEST_F(ScaleSim, WhatAHeaderLacksIsNamed) {
  EXPECT_THAT(errors("Layer,M,K,\nfc,128,256,\n"), Contains(HasSubstr("t:1: header: found no column for the N")));
  EXPECT_THAT(errors("Conv1, 56, 56, 3, 3, 64, 64, 1,\nConv2, 54, 54, 1, 1, 64, 64, 1,\n"),
              Contains(HasSubstr("t:1: found a row of numbers and no header")));
  EXPECT_THAT(errors("fc,128,256,512,\n"), Contains(HasSubstr("no header")));
}

}  // namespace
}  // namespace dojo::workload

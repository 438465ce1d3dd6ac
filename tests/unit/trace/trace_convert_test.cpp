// SPDX-License-Identifier: Apache-2.0
// Own format -> Chakra -> own format is the identity; rescaled jobs; random graphs.
#include <random>

#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class TraceConvert : public TraceFiles {
 protected:
  [[nodiscard]] std::string through_chakra(const Workload& workload, bool gzip = true) const {
    write_chakra_trace(workload, path("c"), gzip);
    return format_json_trace(read("c"));
  }
  static ResNet50Options resnet(std::int64_t ranks, std::int64_t group) {
    ResNet50Options options;
    options.batch = 2;
    options.ranks = ranks;
    options.batch_norm_group = group;
    return options;
  }
};

/// Every kind with what it needs, random tensors and dependencies, several graphs.
class RandomWorkload {
 public:
  explicit RandomWorkload(unsigned seed) : random_(seed) {}
  Workload make() {
    Workload workload;
    const RankId ranks = 2 * static_cast<RankId>(up_to(3) + 1);
    const std::size_t graphs = up_to(1) + 1;
    workload.steps = static_cast<std::int64_t>(up_to(3)) + 1;
    workload.group_classes = {all_ranks_class(ranks), {"pairs", {}}};
    for (RankId r = 0; r < ranks; r += 2)
      workload.group_classes[1].groups.push_back({"p" + std::to_string(r), {r + 1, r}});
    const auto collectives = static_cast<unsigned>(random_());
    for (std::size_t g = 0; g < graphs; ++g) workload.graphs.push_back(graph(collectives));
    for (RankId r = 0; r < ranks; ++r) workload.graph_of_rank.push_back(r * static_cast<RankId>(graphs) / ranks);
    return workload;
  }

 private:
  std::size_t up_to(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }

  Graph graph(unsigned collectives) {
    GraphBuilder builder("random", "generated");
    builder.graph().batch = static_cast<std::int64_t>(up_to(4));
    if (up_to(1) == 0) builder.graph().warnings = {"a note with \"quotes\" and \xc3\xa9"};
    std::vector<std::uint32_t> tensors;
    for (std::size_t i = 0, count = up_to(6); i < count; ++i)
      tensors.push_back(
          builder.tensor("t" + std::to_string(i), static_cast<Bytes>(up_to(9999)), static_cast<TensorRole>(up_to(5))));
    for (std::size_t i = 0, count = 1 + up_to(30); i < count; ++i) builder.add(op(i, tensors, builder));
    std::mt19937 same(collectives);  // every rank enters the same collectives
    for (int i = 0; i < 4; ++i) {
      OpDraft draft;
      draft.op.id = 1000 + static_cast<std::uint64_t>(i);
      draft.op.kind = kinds_of(OpFamily::kCollective).at(same() % 7);
      draft.op.bytes = traits(draft.op.kind).has(OpTraits::kNeedsBytes) ? 1 + static_cast<Bytes>(same() % 4096) : 0;
      draft.op.group = static_cast<std::uint32_t>(same() % 2);
      if (draft.op.kind == OpKind::kReduce || draft.op.kind == OpKind::kBroadcast)
        draft.op.root = static_cast<std::int32_t>(same() % 2);
      if (same() % 2 == 0) draft.op.algorithm = Algorithm::kRing;
      builder.add(std::move(draft));
    }
    return builder.take();
  }

  OpDraft op(std::size_t i, const std::vector<std::uint32_t>& tensors, const GraphBuilder& builder) {
    OpDraft draft;
    Op& made = draft.op;
    made.id = 2 * i + up_to(1);
    do {
      made.kind = op_kinds().at(up_to(op_kinds().size() - 1)).kind;
    } while (is_communication(made.kind));
    made.phase = static_cast<Phase>(up_to(3));
    made.dtype = static_cast<DType>(up_to(4));
    made.duration_ns = static_cast<std::int64_t>(up_to(1) * up_to(99999));
    draft.name = up_to(3) == 0 ? "" : "op \\ " + std::to_string(i);
    const OpTraits& kind = traits(made.kind);
    if (kind.shape == OpShape::kConv) {
      made.conv = {1 + static_cast<std::int64_t>(up_to(3)), 2, 9, 8, 3, 3, 1, 1 + static_cast<std::int64_t>(up_to(1)),
                   static_cast<std::int64_t>(up_to(1)),     0, 0};
      (void)set_output_size(made.conv);
    }
    if (kind.shape == OpShape::kMatMul)
      made.mat = {4, 5, 1 + static_cast<std::int64_t>(up_to(9)), 1 + static_cast<std::int64_t>(up_to(1))};
    if (kind.shape == OpShape::kAttention)
      made.attention = {1 + static_cast<std::int64_t>(up_to(3)),
                        4,
                        5,
                        5 + static_cast<std::int64_t>(up_to(3)),
                        8,
                        2 * static_cast<std::int64_t>(up_to(2)),
                        static_cast<std::int64_t>(up_to(1)),
                        static_cast<std::int64_t>(up_to(4)),
                        static_cast<std::int64_t>(up_to(1))};
    if (kind.shape == OpShape::kLookup)
      made.lookup = {6, 1 + static_cast<std::int64_t>(up_to(9)), 1 + static_cast<std::int64_t>(up_to(2)), 50};
    made.flops = shape_flops(made);
    if (kind.has(OpTraits::kUpdatesParameters) && up_to(1) == 0) made.rule = static_cast<OptimizerRule>(up_to(3));
    if (kind.shape == OpShape::kLookup) {
      made.elements = shape_elements(made);
      made.vector_flops_per_element = static_cast<std::int64_t>(up_to(5));
    } else if (kind.family == OpFamily::kVector) {
      made.elements = 1 + static_cast<std::int64_t>(up_to(500));
      made.channels = 1 + static_cast<std::int64_t>(up_to(7));
      if (kind.has(OpTraits::kRowsAreChannels)) made.elements *= made.channels;
      made.vector_flops_per_element = static_cast<std::int64_t>(up_to(5));
    }
    if (made.kind == OpKind::kCompute) made.flops = 1 + static_cast<std::int64_t>(up_to(1 << 20));
    if (kind.family == OpFamily::kShapeless || kind.family == OpFamily::kMemory)
      made.bytes = 1 + static_cast<Bytes>(up_to(1 << 20));
    if (builder.op_count() > 0 && up_to(2) > 0)
      draft.deps = {static_cast<std::uint32_t>(up_to(builder.op_count() - 1))};
    for (auto* list : {&draft.inputs, &draft.outputs}) {
      if (!tensors.empty() && up_to(1) == 0) list->push_back(tensors[up_to(tensors.size() - 1)]);
    }
    return draft;
  }

  std::mt19937 random_;
};

TEST_F(TraceConvert, RandomWorkloadsAreTheSameAfterwards) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Workload workload = RandomWorkload(seed).make();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    // The own format first: what it keeps is what must survive.
    file("own.json", format_json_trace(workload));
    const Workload own = read("own.json");
    EXPECT_EQ(through_chakra(own, seed % 2 == 0), format_json_trace(own)) << seed;
  }
}

/// Sizes that depend on others.
template <class Shape>
void fit(Shape&) {}
void fit(ConvShape& s) {
  s.c = s.k = 2 * s.groups;
  s.h = s.w = 400;               // room for the dilated filter
  s.transposed = s.pad_out = 0;  // TransposedConvolutionsComeBack
}
void fit(AttentionShape& s) {
  s.heads = 2 * s.kv_heads;
  s.keys = s.queries + 2;
  s.causal = s.scores = 1;
}
void fit(LookupShape& s) {
  s.lookups = 3 * s.pooled;
}

/// A size for every key that the kind has; keys that it has not stay as they are.
Op op_with_all_keys(OpKind kind) {
  const OpTraits& row = traits(kind);
  Op op;
  op.id = 7;
  op.kind = kind;
  std::int64_t next = 3;
  visit_shape(op, [&](auto& shape) {
    shape.fields(shape, [&](const char*, std::int64_t& value, const schema::Range&, Given given) {
      if (given != Given::kNever) value = next++;
    });
    fit(shape);
    EXPECT_EQ(complete(shape), "");
  });
  op.flops = row.family == OpFamily::kShapeless ? 12 : shape_flops(op);
  if (row.family == OpFamily::kVector) op.elements = 30, op.channels = 6, op.vector_flops_per_element = 11;
  if (row.shape == OpShape::kLookup) op.elements = shape_elements(op), op.channels = 0;
  if (row.has(OpTraits::kUpdatesParameters)) op.rule = OptimizerRule::kLars;
  if (row.has(OpTraits::kNeedsBytes) || row.family == OpFamily::kShapeless) op.bytes = 64;
  if (row.has(OpTraits::kHasRoot)) op.root = 1;
  if (is_collective(kind)) op.algorithm = Algorithm::kTree;
  return op;
}

TEST_F(TraceConvert, EveryKindOfTheTableComesBack) {
  for (const OpTraits& row : op_kinds()) {
    if (is_message(row.kind)) continue;  // MessagesKeepTagsAndRoutes
    SCOPED_TRACE(row.text);
    Workload workload;
    workload.group_classes = {all_ranks_class(2)};
    workload.graph_of_rank = {0, 0};
    GraphBuilder builder("one", "generated");
    builder.add({op_with_all_keys(row.kind), row.text, {}, {}, {}, {}});
    workload.graphs.push_back(builder.take());
    const std::string text = format_json_trace(workload);
    file("own.json", text);
    const Workload own = read("own.json");
    const Op &made = workload.graphs[0].ops[0], &found = own.graphs[0].ops.at(0);
    EXPECT_EQ(format_json_trace(own), text);
    EXPECT_EQ(through_chakra(own, false), text);
    EXPECT_EQ(found.kind, made.kind);
    EXPECT_EQ(found.flops, made.flops);
    EXPECT_EQ(found.bytes, made.bytes);
    EXPECT_EQ(found.elements, made.elements);
    EXPECT_EQ(found.root, made.root);
    EXPECT_EQ(found.algorithm, made.algorithm);
    EXPECT_EQ(found.conv.pad, made.conv.pad);
    EXPECT_EQ(found.conv.q, made.conv.q);
    EXPECT_EQ(found.mat.batch, made.mat.batch);
    EXPECT_EQ(found.conv.key(), made.conv.key());
    EXPECT_EQ(found.attention.key(), made.attention.key());
    EXPECT_EQ(found.lookup.pooled, made.lookup.pooled);
    EXPECT_EQ(found.lookup.distinct_percent, made.lookup.distinct_percent);
    EXPECT_EQ(found.rule, made.rule);
    EXPECT_EQ(found.vector_flops_per_element, made.vector_flops_per_element);
  }
}

TEST_F(TraceConvert, TransposedConvolutionsComeBack) {
  Op op = op_with_all_keys(OpKind::kConv);
  op.conv.transposed = op.conv.pad_out = 1;
  op.conv.p = op.conv.q = 0;
  ASSERT_EQ(complete(op.conv), "");
  op.flops = shape_flops(op);
  Workload workload;
  workload.group_classes = {all_ranks_class(1)};
  workload.graph_of_rank = {0};
  GraphBuilder builder("one", "generated");
  builder.add({op, "up", {}, {}, {}, {}});
  workload.graphs.push_back(builder.take());
  file("own.json", format_json_trace(workload));
  EXPECT_EQ(read("own.json").graphs[0].ops.at(0).conv.key(), op.conv.key());
}

TEST_F(TraceConvert, MessagesKeepTagsAndRoutes) {
  std::mt19937 random(5);
  Workload workload;
  workload.group_classes = {all_ranks_class(2)};
  workload.graph_of_rank = {0, 1};
  GraphBuilder sides[2] = {{"random", "generated"}, {"random", "generated"}};
  const std::optional<SendRoute> routes[] = {std::nullopt, SendRoute::kMesh, SendRoute::kZplane, SendRoute::kFastest};
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto sender = static_cast<std::int32_t>(random() % 2), tag = static_cast<std::int32_t>(random() % 3) - 1;
    const auto bytes = static_cast<Bytes>(1 + random() % 9999);
    const std::optional<SendRoute> route = routes[random() % 4];
    for (const std::int32_t rank : {sender, 1 - sender}) {
      OpDraft draft;
      draft.op.id = i;
      draft.op.kind = rank == sender ? OpKind::kSend : OpKind::kRecv;
      draft.op.bytes = bytes;
      draft.op.peer = 1 - rank;
      draft.op.tag = tag;
      if (rank == sender) draft.op.route = route;
      sides[rank].add(std::move(draft));
    }
  }
  for (GraphBuilder& side : sides) workload.graphs.push_back(side.take());
  file("own.json", format_json_trace(workload));
  const Workload own = read("own.json");
  const std::string text = format_json_trace(own);
  for (const char* const route : {"mesh", "zplane", "fastest"})
    EXPECT_NE(text.find(std::string("\"route\":\"") + route), std::string::npos) << route;
  EXPECT_EQ(through_chakra(own, false), text);
}

TEST_F(TraceConvert, ResNetWithItsGroups) {
  const Workload workload = generate_resnet50(resnet(4, 2));
  EXPECT_EQ(through_chakra(workload), format_json_trace(workload));
  EXPECT_TRUE(std::filesystem::exists(path("c.json"))) << "groups for other tools";
}

TEST_F(TraceConvert, EqualRanksAreOneFile) {
  write_chakra_trace(generate_collective(OpKind::kAllReduce, 64, 50), path("c"), false);
  EXPECT_EQ(std::filesystem::hard_link_count(path("c.49.et")), 50u);
  EXPECT_EQ(read("c").graphs.size(), 1u);
}

TEST_F(TraceConvert, OtherReadersFindTheChakraFields) {
  write_chakra_trace(generate_collective(OpKind::kAllGather, 4096, 2), path("c"), false);
  std::ifstream in(path("c.1.et"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  // Without the marks of the conversion the file is read as any Chakra file.
  for (std::size_t at = bytes.find("dojo_"); at != std::string::npos; at = bytes.find("dojo_", at))
    bytes.replace(at, 5, "mojo_");
  file("plain.0.et", bytes);
  file("plain.1.et", bytes);
  const Workload workload = read("plain");
  EXPECT_EQ(workload.graphs[0].ops[0].kind, OpKind::kAllGather);
  EXPECT_EQ(workload.graphs[0].ops[0].bytes, 4096);
}

TEST_F(TraceConvert, CutFilesAreErrors) {
  write_chakra_trace(generate_resnet50(resnet(1, 1)), path("c"), false);
  std::ifstream in(path("c.0.et"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  for (std::size_t size = 1; size < bytes.size(); size += 997) {
    file("c.0.et", bytes.substr(0, size));
    EXPECT_THROW((void)read("c"), Error) << size;
  }
}

TEST_F(TraceConvert, RescaledResNetEqualsTheGeneratedOne) {
  RescaleOptions change;
  change.ranks = 3000;
  change.group_ranks["bn"] = 25;
  const Workload rescaled = rescale_workload(generate_resnet50(resnet(8, 8)), change);
  const Workload generated = generate_resnet50(resnet(3000, 25));
  ASSERT_EQ(rescaled.ranks(), 3000u);
  ASSERT_EQ(rescaled.group_classes.size(), generated.group_classes.size());
  for (std::size_t c = 0; c < generated.group_classes.size(); ++c) {
    ASSERT_EQ(rescaled.group_classes[c].groups.size(), generated.group_classes[c].groups.size());
    for (std::size_t g = 0; g < generated.group_classes[c].groups.size(); ++g)
      EXPECT_EQ(rescaled.group_classes[c].groups[g].ranks, generated.group_classes[c].groups[g].ranks);
  }
  const Graph &a = rescaled.graphs[0], &b = generated.graphs[0];
  ASSERT_EQ(a.ops.size(), b.ops.size());
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    EXPECT_EQ(a.ops[i].kind, b.ops[i].kind);
    EXPECT_EQ(a.ops[i].flops, b.ops[i].flops);
    EXPECT_EQ(a.ops[i].bytes, b.ops[i].bytes);
    EXPECT_EQ(a.ops[i].group, b.ops[i].group);
  }
}

TEST_F(TraceConvert, AnotherBatchIsTheGeneratedOneOfThatBatch) {
  Workload small = generate_resnet50(resnet(4, 2));
  small.graphs[0].batch = 2;
  RescaleOptions change;
  change.batch = 6;
  const Workload rescaled = rescale_workload(small, change);
  ResNet50Options options = resnet(4, 2);
  options.batch = 6;
  const Workload generated = generate_resnet50(options);
  for (std::size_t i = 0; i < generated.graphs[0].ops.size(); ++i) {
    const Op &a = rescaled.graphs[0].ops[i], &b = generated.graphs[0].ops[i];
    EXPECT_EQ(a.flops, b.flops) << rescaled.graphs[0].op_name(a);
    EXPECT_EQ(a.bytes, b.bytes) << rescaled.graphs[0].op_name(a);
    EXPECT_EQ(a.elements, b.elements) << rescaled.graphs[0].op_name(a);
  }
  for (std::size_t t = 0; t < generated.graphs[0].tensors.size(); ++t)
    EXPECT_EQ(rescaled.graphs[0].tensors[t].bytes, generated.graphs[0].tensors[t].bytes);
}

TEST_F(TraceConvert, BlocksOfDifferentRanksAreCopied) {
  // Two pipeline ranks that talk to each other, and their all-reduce over data parallel copies.
  file("p.json", R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":1},{"graph":1,"ranks":1}],
"group_classes":[{"name":"dp0","groups":[{"name":"a","ranks":[0]}]},{"name":"mp","groups":[{"name":"b","ranks":[0,1]}]}],
"graphs":[{"ops":[{"id":0,"kind":"send","bytes":8,"peer":1},{"id":1,"kind":"all_reduce","bytes":8,"group":"dp0"},{"id":2,"kind":"barrier","group":"mp"}]},
{"ops":[{"id":0,"kind":"recv","bytes":8,"peer":0},{"id":2,"kind":"barrier","group":"mp"}]}]})");
  RescaleOptions change;
  change.ranks = 6;
  change.data_parallel = {"dp0"};
  const Workload made = rescale_workload(read("p.json"), change);
  EXPECT_EQ(made.ranks(), 6u);
  EXPECT_THAT(made.group_classes[1].groups[0].ranks, ElementsAre(0u, 2u, 4u));
  EXPECT_EQ(made.group_classes[2].groups.size(), 3u);
  EXPECT_EQ(made.graphs[made.graph_of_rank[4]].ops[0].peer, 5);
  change.ranks = 5;
  EXPECT_THROW((void)rescale_workload(read("p.json"), change), Error);
  change.ranks = 6;
  change.data_parallel = {"dq"};
  try {
    (void)rescale_workload(read("p.json"), change);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.lines(), Contains(AllOf(HasSubstr("found the group class 'dq'"), HasSubstr("all, dp0, mp"))));
  }
}

/// Copies that nothing joins are many jobs, not one larger one: who wants that says so.
TEST_F(TraceConvert, SeparateCopiesAreAskedFor) {
  file("s.json", R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":1},{"graph":1,"ranks":1}],
"group_classes":[{"name":"mp","groups":[{"name":"b","ranks":[0,1]}]}],
"graphs":[{"ops":[{"id":0,"kind":"barrier","group":"mp"}]},{"ops":[{"id":0,"kind":"barrier","group":"mp"}]}]})");
  RescaleOptions change;
  change.ranks = 6;
  try {
    (void)rescale_workload(read("s.json"), change);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.lines(),
                Contains(AllOf(HasSubstr("found 3 copies of a job of 2 ranks and nothing that joins them"),
                               HasSubstr("(mp: 1 group of 2 ranks)"), HasSubstr("--data-parallel none"))));
  }
  change.data_parallel = {"none"};
  const Workload made = rescale_workload(read("s.json"), change);
  EXPECT_EQ(made.ranks(), 6u);
  EXPECT_THAT(made.graphs[0].warnings,
              Contains(HasSubstr("3 separate jobs of 2 ranks, which never talk to each other")));
}

}  // namespace
}  // namespace dojo::workload

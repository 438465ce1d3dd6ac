// SPDX-License-Identifier: Apache-2.0
// One rank's training step as every reader produces it: operations with explicit units, dependencies, tensors and
// provenance. Nothing here knows the machine.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::workload {

enum class OpKind : std::uint8_t {
  kNone,  ///< zero time (metadata, unknown types): passes dependencies on
  kConv,
  kConvInputGrad,
  kConvWeightGrad,
  kMatMul,
  kMatMulInputGrad,
  kMatMulWeightGrad,
  kElementwise,     ///< `elements` x `vector_flops_per_element`, reads and writes its tensors
  kBatchNormStats,  ///< per-channel sums over the rank; result: 2 x channels FP32 (an all_reduce over ranks follows)
  kBatchNormApply,  ///< normalise with given statistics (and fused activation)
  kBatchNormGradStats,
  kBatchNormGradApply,
  kPool,
  kPoolGrad,
  kSoftmaxLoss,
  kReduction,
  kOptimizer,
  kCompute,  ///< no shapes: `flops` and `bytes` (roofline) or only `duration_ns` (recorded)
  kMemLoad,
  kMemStore,  ///< `bytes` from / to DIP HBM
  kIngest,    ///< `bytes` of samples from the hosts
  kAllReduce,
  kReduce,
  kReduceScatter,
  kAllGather,
  kBroadcast,
  kAllToAll,
  kBarrier,
  kSend,
  kRecv
};
enum class Phase : std::uint8_t { kForward, kBackward, kUpdate, kOther };
enum class DType : std::uint8_t { kBf16, kCfp8, kFp16, kFp32, kInt8 };
constexpr Bytes dtype_bytes(DType t) {
  return t == DType::kFp32 ? 4 : (t == DType::kCfp8 || t == DType::kInt8) ? 1 : 2;
}
const char* op_kind_name(OpKind k);  ///< the text used in JSON, CSV and reports, e.g. "conv_input_grad"
const char* dtype_name(DType t);
const char* phase_name(Phase p);
constexpr bool is_collective(OpKind k) {
  return k >= OpKind::kAllReduce && k <= OpKind::kBarrier;
}
constexpr bool is_communication(OpKind k) {
  return k >= OpKind::kAllReduce;
}

struct ConvShape {  ///< n images of c x h x w, k filters of c x r x s, output p x q
  std::int64_t n = 0, c = 0, h = 0, w = 0, k = 0, r = 0, s = 0, stride = 1, pad = 0, p = 0, q = 0;
};
struct MatShape {  ///< batch x (m x k) * (k x n)
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
};

enum class TensorRole : std::uint8_t { kActivation, kWeight, kGradient, kOptimizerState, kInput, kStatistics };
const char* tensor_role_name(TensorRole r);

struct Tensor {
  std::uint32_t name = 0;  ///< into Graph::strings
  Bytes bytes = 0;         ///< of the whole rank
  TensorRole role = TensorRole::kActivation;
};

struct Op {
  std::uint64_t id = 0;    ///< as in the file
  std::uint32_t name = 0;  ///< into Graph::strings
  OpKind kind = OpKind::kNone;
  Phase phase = Phase::kOther;
  DType dtype = DType::kBf16;
  ConvShape conv;
  MatShape mat;
  std::int64_t elements = 0, channels = 0;
  std::int64_t vector_flops_per_element = 0;
  std::int64_t flops = 0;  ///< matrix FLOP of the op, 2 per MAC; set for conv/matmul kinds too (readers compute it)
  Bytes bytes = 0;         ///< memory traffic of shapeless ops; size of loads and stores; message size of communication
  std::int64_t duration_ns = 0;     ///< recorded, 0 = none
  std::uint32_t group = 0;          ///< communication: index into Workload::groups; 0 is always "all ranks"
  std::int32_t peer = -1, tag = 0;  ///< send / recv
  std::int32_t root = 0;            ///< reduce, broadcast: position in the group
  std::uint32_t algorithm = 0;      ///< into Graph::strings, "" = choose by cost; of a send its route, "" = the job's
  std::uint32_t inputs_begin = 0, inputs_end = 0, outputs_begin = 0, outputs_end = 0;  ///< into Graph::tensor_refs
  std::uint32_t deps_begin = 0, deps_end = 0;  ///< into Graph::deps (op indices)
  std::uint64_t place = 0;                     ///< byte offset (binary) or line (text) in the file
};

struct Graph {
  std::string file;    ///< provenance; "generated:resnet50" for the generator
  std::string format;  ///< "dojo-json", "chakra-et"
  std::vector<std::string> strings{""};
  std::vector<Op> ops;              ///< in file order; a valid issue order is not required
  std::vector<std::uint32_t> deps;  ///< CSR by Op::deps_begin
  std::vector<Tensor> tensors;
  std::vector<std::uint32_t> tensor_refs;
  std::int64_t batch = 0;             ///< samples per rank and step; 0 = unknown
  std::vector<std::string> warnings;  ///< what the reader dropped or assumed, counted

  std::uint32_t intern(const std::string& s);  ///< linear only for the last few; readers keep their own map when large
  [[nodiscard]] const std::string& str(std::uint32_t i) const { return strings[i]; }
  [[nodiscard]] const std::string& op_name(const Op& op) const { return strings[op.name]; }
};

struct Group {
  std::string name;           ///< "all", a process-group name, "bn[17]"
  std::vector<RankId> ranks;  ///< in communicator order
};

/// A whole job: distinct graphs and which rank runs which.
///
/// Group references in a graph shared by many ranks: `Op::group` indexes `group_classes`; class 0 is all ranks, and a
/// class holds disjoint groups (e.g. the batch-norm groups); a rank belongs to at most one group of a class.
struct Workload {
  struct GroupClass {
    std::string name;
    std::vector<Group> groups;
  };
  std::vector<Graph> graphs;
  std::vector<std::uint32_t> graph_of_rank;  ///< size = ranks
  std::vector<GroupClass> group_classes;     ///< [0] = {"all", {all ranks}}
  std::int64_t steps = 1;
  [[nodiscard]] RankId ranks() const { return static_cast<RankId>(graph_of_rank.size()); }
};

}  // namespace dojo::workload

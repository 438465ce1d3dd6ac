// SPDX-License-Identifier: Apache-2.0
// One rank's training step as every reader produces it: operations with explicit units, dependencies, tensors and
// provenance. Nothing here knows the machine.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/choices.h"
#include "dojo/workload/op_kind.h"
#include "dojo/workload/op_shape.h"

namespace dojo::workload {

enum class Phase : std::uint8_t { kForward, kBackward, kUpdate, kOther };
constexpr std::array<schema::EnumEntry<Phase>, 4> enum_entries(Phase) {
  return {{{Phase::kForward, "forward", "forward pass"},
           {Phase::kBackward, "backward", "backward pass"},
           {Phase::kUpdate, "update", "optimizer"},
           {Phase::kOther, "other", "not said"}}};
}
/// Where the recorded time of an operation passes: on the cores, one operation after another, or beside them as another
/// stream of the recorded device, as its communication or as its copies.
enum class RecordedOn : std::uint8_t { kCores, kStream, kNetwork, kMemory };
constexpr std::array<schema::EnumEntry<RecordedOn>, 4> enum_entries(RecordedOn) {
  return {{{RecordedOn::kCores, "cores", "one operation after another"},
           {RecordedOn::kStream, "stream", "another stream of the recorded device"},
           {RecordedOn::kNetwork, "network", "its communication"},
           {RecordedOn::kMemory, "memory", "its copies"}}};
}
enum class DType : std::uint8_t { kBf16, kCfp8, kFp16, kFp32, kInt8 };
constexpr std::array<schema::EnumEntry<DType>, 5> enum_entries(DType) {
  return {{{DType::kBf16, "bf16", "2 bytes"},
           {DType::kCfp8, "cfp8", "1 byte"},
           {DType::kFp16, "fp16", "2 bytes"},
           {DType::kFp32, "fp32", "4 bytes"},
           {DType::kInt8, "int8", "1 byte"}}};
}
constexpr Bytes dtype_bytes(DType t) {
  return t == DType::kFp32 ? 4 : (t == DType::kCfp8 || t == DType::kInt8) ? 1 : 2;
}
enum class TensorRole : std::uint8_t {
  kActivation,
  kWeight,
  kGradient,
  kOptimizerState,
  kInput,
  kStatistics,
  kGathered
};
constexpr std::array<schema::EnumEntry<TensorRole>, 7> enum_entries(TensorRole) {
  return {
      {{TensorRole::kActivation, "activation", "follows the batch; gradients of activations too"},
       {TensorRole::kWeight, "weight", "stays in SRAM"},
       {TensorRole::kGradient, "gradient", "of a weight"},
       {TensorRole::kOptimizerState, "optimizer_state", "stays in SRAM; ranks may share it out"},
       {TensorRole::kInput, "input", "samples"},
       {TensorRole::kStatistics, "statistics", "sums of batch norm"},
       {TensorRole::kGathered, "gathered", "a weight that ranks bring together from their shards while it is used"}}};
}
constexpr const char* phase_name(Phase phase) {
  return schema::enum_text(phase);
}
constexpr const char* dtype_name(DType type) {
  return schema::enum_text(type);
}
constexpr const char* tensor_role_name(TensorRole role) {
  return schema::enum_text(role);
}

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
  AttentionShape attention;
  LookupShape lookup;
  std::int64_t elements = 0, channels = 0;
  std::int64_t vector_flops_per_element = 0;
  std::int64_t flops = 0;  ///< matrix FLOP of the op, 2 per MAC; set for conv/matmul kinds too (readers compute it)
  Bytes bytes = 0;         ///< memory traffic of shapeless ops; size of loads and stores; message size of communication
  std::int64_t duration_ns = 0;                 ///< recorded, 0 = none
  RecordedOn recorded_on = RecordedOn::kCores;  ///< used only when `duration_ns` times the operation
  std::uint32_t group = 0;                      ///< communication: index into Workload::groups; 0 is always "all ranks"
  std::int32_t peer = -1, tag = 0;              ///< send / recv
  std::int32_t root = 0;                        ///< reduce, broadcast: position in the group
  std::optional<Algorithm> algorithm;           ///< of a collective; none = choose by cost
  std::optional<SendRoute> route;               ///< of a send; none = the job's
  std::optional<OptimizerRule> rule;            ///< of an optimizer; none = what its tensors and FLOP say
  bool recompute = false;                       ///< repeats work that was done before: not counted in flops.executed
  std::uint32_t pairs_begin = 0, pairs_end = 0;  ///< all_to_all: bytes to each member, into Graph::pair_bytes; none =
                                                 ///< equal parts
  std::uint32_t inputs_begin = 0, inputs_end = 0, outputs_begin = 0, outputs_end = 0;  ///< into Graph::tensor_refs
  std::uint32_t deps_begin = 0, deps_end = 0;  ///< into Graph::deps (op indices)
  std::uint64_t place = 0;                     ///< byte offset (binary) or line (text) in the file
};

/// Of a product by its shape, 2 per multiply-accumulate; 0 for other kinds.
[[nodiscard]] std::int64_t shape_flops(const Op& op);
/// Elements of an operation by its shape: what a pool writes, what look-ups move; 0 for other kinds.
[[nodiscard]] std::int64_t shape_elements(const Op& op);
/// `vector_flops_per_element` where a trace does not say it.
[[nodiscard]] std::int64_t default_vector_flops(const Op& op);

struct Graph {
  std::string file;    ///< provenance; "generated:resnet50" for the generator
  std::string format;  ///< "dojo-json", "chakra-et"
  std::vector<std::string> strings{""};
  std::vector<Op> ops;              ///< in file order; a valid issue order is not required
  std::vector<std::uint32_t> deps;  ///< CSR by Op::deps_begin
  std::vector<Tensor> tensors;
  std::vector<std::uint32_t> tensor_refs;
  std::vector<Bytes> pair_bytes;      ///< CSR by Op::pairs_begin
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

// SPDX-License-Identifier: Apache-2.0
// Every kind of operation: one enumerator and one row of the table below. Readers, writers, planners and reports ask
// the table; what computes a kind stands in one function of src/lower/op_kernels.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/schema/enum_text.h"

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
  kRecv,
  kAttention,  ///< softmax(Q K^T) V in one pass: scores stay on the node that makes them
  kAttentionGrad,
  kLayerNorm,  ///< rows of `channels` elements, each with sums of its own
  kLayerNormGrad,
  kRmsNorm,
  kRmsNormGrad,
  kSoftmax,
  kSoftmaxGrad,
  kGroupNormStats,  ///< `channels` groups of the rank, each with sums of its own
  kGroupNormApply,
  kGroupNormGradStats,
  kGroupNormGradApply,
  kEmbedding,  ///< rows of a table, which lie anywhere
  kEmbeddingGrad,
  kGather,
  kScatter,
  kDispatch,  ///< tokens to the experts that they chose
  kCombine,   ///< the experts' results back, weighted and added up
  kTranspose,
  kConvert
};

/// What a kind is to the simulator: which keys it has in a trace, and what it becomes in a program.
enum class OpFamily : std::uint8_t {
  kNothing,     ///< takes no time
  kProduct,     ///< matrix unit: FLOP follow from the shape
  kVector,      ///< vector unit: `elements`, `channels`, `vector_flops_per_element`
  kShapeless,   ///< FLOP, bytes or a recorded duration
  kMemory,      ///< between the slice and its DIPs
  kCollective,  ///< of a group of ranks
  kMessage      ///< between two ranks
};

/// Which member of Op describes the sizes (op_shape.h).
enum class OpShape : std::uint8_t { kNone, kConv, kMatMul, kAttention, kLookup };

struct OpTraits {
  enum Flag : unsigned {
    kNeedsElements = 1,
    kNeedsChannels = 2,
    kNeedsBytes = 4,
    kHasRoot = 8,             ///< a position in the group
    kCheapToRepeat = 16,      ///< its result may be dropped and computed again
    kUpdatesParameters = 32,  ///< elements are parameters: they do not follow the batch, and ranks may share them out
    kRowsAreChannels = 64,    ///< `channels` are one row's elements, and all elements are whole rows
    kGroupsOfSamples = 128,   ///< `channels` count groups of every sample: they follow the batch
  };
  OpKind kind = OpKind::kNone;
  const char* text = "";  ///< in JSON, CSV and reports
  OpFamily family = OpFamily::kNothing;
  OpShape shape = OpShape::kNone;
  unsigned flags = 0;
  OpKind input_grad = OpKind::kNone, weight_grad = OpKind::kNone;  ///< of a product in the backward pass
  /// Bytes that a link of each rank carries at least, by the definitions of nccl-tests (docs/report.md).
  double (*link_bytes)(double bytes, double ranks) = nullptr;
  std::int64_t shape_flops = 1;   ///< of a product: so many times what its shape counts
  std::int64_t vector_flops = 0;  ///< `vector_flops_per_element` where a trace does not say it

  [[nodiscard]] constexpr bool has(Flag flag) const { return (flags & flag) != 0; }
};

namespace op_table {

constexpr OpTraits product(OpKind kind, const char* text, OpShape shape, OpKind input_grad = OpKind::kNone,
                           OpKind weight_grad = OpKind::kNone) {
  return {kind, text, OpFamily::kProduct, shape, 0, input_grad, weight_grad};
}
constexpr OpTraits vector(OpKind kind, const char* text, unsigned flags, OpShape shape = OpShape::kNone) {
  return {kind, text, OpFamily::kVector, shape, flags};
}
/// With a default for the vector FLOP of an element; kernels.md says what they count.
constexpr OpTraits counted(OpKind kind, const char* text, unsigned flags, std::int64_t vector_flops,
                           OpShape shape = OpShape::kNone) {
  OpTraits row = vector(kind, text, flags, shape);
  row.vector_flops = vector_flops;
  return row;
}
constexpr OpTraits attention(OpKind kind, const char* text, std::int64_t shape_flops) {
  OpTraits row = product(kind, text, OpShape::kAttention);
  row.shape_flops = shape_flops;
  return row;
}
constexpr OpTraits plain(OpKind kind, const char* text, OpFamily family, unsigned flags = 0) {
  return {kind, text, family, OpShape::kNone, flags};
}
constexpr OpTraits collective(OpKind kind, const char* text, unsigned flags, double (*link_bytes)(double, double)) {
  return {kind, text, OpFamily::kCollective, OpShape::kNone, flags, OpKind::kNone, OpKind::kNone, link_bytes};
}

constexpr double no_bytes(double, double) {
  return 0;
}
constexpr double own_bytes(double bytes, double) {
  return bytes;
}
constexpr double all_but_own_part(double bytes, double ranks) {
  return bytes * (ranks - 1) / ranks;
}
constexpr double twice_all_but_own_part(double bytes, double ranks) {
  return bytes * 2 * (ranks - 1) / ranks;
}
/// `bytes` are each rank's input; nccl-tests counts the gathered whole.
constexpr double of_all_others(double bytes, double ranks) {
  return bytes * (ranks - 1);
}

using K = OpKind;
using T = OpTraits;
inline constexpr unsigned kOfRows = T::kNeedsElements | T::kNeedsChannels | T::kRowsAreChannels;
inline constexpr unsigned kOfGroups = T::kNeedsElements | T::kNeedsChannels | T::kGroupsOfSamples;
inline constexpr std::array kRows{
    plain(K::kNone, "none", OpFamily::kNothing),
    product(K::kConv, "conv", OpShape::kConv, K::kConvInputGrad, K::kConvWeightGrad),
    product(K::kConvInputGrad, "conv_input_grad", OpShape::kConv),
    product(K::kConvWeightGrad, "conv_weight_grad", OpShape::kConv),
    product(K::kMatMul, "matmul", OpShape::kMatMul, K::kMatMulInputGrad, K::kMatMulWeightGrad),
    product(K::kMatMulInputGrad, "matmul_input_grad", OpShape::kMatMul),
    product(K::kMatMulWeightGrad, "matmul_weight_grad", OpShape::kMatMul),
    vector(K::kElementwise, "elementwise", T::kNeedsElements | T::kCheapToRepeat),
    vector(K::kBatchNormStats, "batchnorm_stats", T::kNeedsElements | T::kNeedsChannels),
    vector(K::kBatchNormApply, "batchnorm_apply", T::kNeedsElements | T::kNeedsChannels | T::kCheapToRepeat),
    vector(K::kBatchNormGradStats, "batchnorm_grad_stats", T::kNeedsElements | T::kNeedsChannels),
    vector(K::kBatchNormGradApply, "batchnorm_grad_apply", T::kNeedsElements | T::kNeedsChannels),
    vector(K::kPool, "pool", 0, OpShape::kConv),
    vector(K::kPoolGrad, "pool_grad", 0, OpShape::kConv),
    vector(K::kSoftmaxLoss, "softmax_loss", T::kNeedsElements),
    vector(K::kReduction, "reduction", T::kNeedsElements),
    vector(K::kOptimizer, "optimizer", T::kNeedsElements | T::kUpdatesParameters),
    plain(K::kCompute, "compute", OpFamily::kShapeless),
    plain(K::kMemLoad, "mem_load", OpFamily::kMemory, T::kNeedsBytes),
    plain(K::kMemStore, "mem_store", OpFamily::kMemory, T::kNeedsBytes),
    plain(K::kIngest, "ingest", OpFamily::kMemory, T::kNeedsBytes),
    collective(K::kAllReduce, "all_reduce", T::kNeedsBytes, twice_all_but_own_part),
    collective(K::kReduce, "reduce", T::kNeedsBytes | T::kHasRoot, own_bytes),
    collective(K::kReduceScatter, "reduce_scatter", T::kNeedsBytes, all_but_own_part),
    collective(K::kAllGather, "all_gather", T::kNeedsBytes, of_all_others),
    collective(K::kBroadcast, "broadcast", T::kNeedsBytes | T::kHasRoot, own_bytes),
    collective(K::kAllToAll, "all_to_all", T::kNeedsBytes, all_but_own_part),
    collective(K::kBarrier, "barrier", 0, no_bytes),
    plain(K::kSend, "send", OpFamily::kMessage, T::kNeedsBytes),
    plain(K::kRecv, "recv", OpFamily::kMessage, T::kNeedsBytes),
    attention(K::kAttention, "attention", 1),
    attention(K::kAttentionGrad, "attention_grad", 2),
    counted(K::kLayerNorm, "layer_norm", kOfRows | T::kCheapToRepeat, 7),
    counted(K::kLayerNormGrad, "layer_norm_grad", kOfRows, 13),
    counted(K::kRmsNorm, "rms_norm", kOfRows | T::kCheapToRepeat, 4),
    counted(K::kRmsNormGrad, "rms_norm_grad", kOfRows, 9),
    counted(K::kSoftmax, "softmax", kOfRows | T::kCheapToRepeat, 8),
    counted(K::kSoftmaxGrad, "softmax_grad", kOfRows, 4),
    counted(K::kGroupNormStats, "group_norm_stats", kOfGroups, 3),
    counted(K::kGroupNormApply, "group_norm_apply", kOfGroups | T::kCheapToRepeat, 2),
    counted(K::kGroupNormGradStats, "group_norm_grad_stats", kOfGroups, 5),
    counted(K::kGroupNormGradApply, "group_norm_grad_apply", kOfGroups, 6),
    counted(K::kEmbedding, "embedding", 0, 1, OpShape::kLookup),
    counted(K::kEmbeddingGrad, "embedding_grad", 0, 1, OpShape::kLookup),
    counted(K::kGather, "gather", 0, 0, OpShape::kLookup),
    counted(K::kScatter, "scatter", 0, 0, OpShape::kLookup),
    counted(K::kDispatch, "dispatch", 0, 0, OpShape::kLookup),
    counted(K::kCombine, "combine", 0, 2, OpShape::kLookup),
    counted(K::kTranspose, "transpose", T::kNeedsElements, 0),
    counted(K::kConvert, "convert", T::kNeedsElements | T::kCheapToRepeat, 1),
};

constexpr bool rows_stand_at_their_numbers() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(rows_stand_at_their_numbers(), "rows and enumerators in the same order, for the look-up by number");

}  // namespace op_table

/// One row a kind.
[[nodiscard]] constexpr const auto& op_kinds() {
  return op_table::kRows;
}
[[nodiscard]] constexpr const OpTraits& traits(OpKind kind) {
  const auto row = static_cast<std::size_t>(kind);
  return op_table::kRows[row < op_table::kRows.size() ? row : 0];
}
[[nodiscard]] constexpr OpFamily family(OpKind kind) {
  return traits(kind).family;
}
[[nodiscard]] constexpr bool is_collective(OpKind kind) {
  return family(kind) == OpFamily::kCollective;
}
[[nodiscard]] constexpr bool is_message(OpKind kind) {
  return family(kind) == OpFamily::kMessage;
}
[[nodiscard]] constexpr bool is_communication(OpKind kind) {
  return is_collective(kind) || is_message(kind);
}
/// Done by the cores of the rank: it has a kernel.
[[nodiscard]] constexpr bool is_compute(OpKind kind) {
  const OpFamily f = family(kind);
  return f == OpFamily::kProduct || f == OpFamily::kVector || f == OpFamily::kShapeless;
}

[[nodiscard]] constexpr const char* op_kind_name(OpKind kind) {
  return traits(kind).text;
}
constexpr auto enum_entries(OpKind) {
  std::array<schema::EnumEntry<OpKind>, op_table::kRows.size()> entries{};
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = {op_table::kRows[i].kind, op_table::kRows[i].text, ""};
  return entries;
}
/// In the order of the table.
[[nodiscard]] std::vector<OpKind> kinds_of(OpFamily family);

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// The one table of words for each enumeration of a trace, and the string table of a graph.
#include "dojo/workload/graph.h"

#include <algorithm>
#include <array>

#include "workload/names.h"

namespace dojo::workload {
namespace {

template <class Enum>
struct Word {
  Enum value;
  const char* text;
};

// Ordered as the enumerators, so that a value is its own index.
constexpr std::array<Word<OpKind>, 30> kOpKinds{{{OpKind::kNone, "none"},
                                                 {OpKind::kConv, "conv"},
                                                 {OpKind::kConvInputGrad, "conv_input_grad"},
                                                 {OpKind::kConvWeightGrad, "conv_weight_grad"},
                                                 {OpKind::kMatMul, "matmul"},
                                                 {OpKind::kMatMulInputGrad, "matmul_input_grad"},
                                                 {OpKind::kMatMulWeightGrad, "matmul_weight_grad"},
                                                 {OpKind::kElementwise, "elementwise"},
                                                 {OpKind::kBatchNormStats, "batchnorm_stats"},
                                                 {OpKind::kBatchNormApply, "batchnorm_apply"},
                                                 {OpKind::kBatchNormGradStats, "batchnorm_grad_stats"},
                                                 {OpKind::kBatchNormGradApply, "batchnorm_grad_apply"},
                                                 {OpKind::kPool, "pool"},
                                                 {OpKind::kPoolGrad, "pool_grad"},
                                                 {OpKind::kSoftmaxLoss, "softmax_loss"},
                                                 {OpKind::kReduction, "reduction"},
                                                 {OpKind::kOptimizer, "optimizer"},
                                                 {OpKind::kCompute, "compute"},
                                                 {OpKind::kMemLoad, "mem_load"},
                                                 {OpKind::kMemStore, "mem_store"},
                                                 {OpKind::kIngest, "ingest"},
                                                 {OpKind::kAllReduce, "all_reduce"},
                                                 {OpKind::kReduce, "reduce"},
                                                 {OpKind::kReduceScatter, "reduce_scatter"},
                                                 {OpKind::kAllGather, "all_gather"},
                                                 {OpKind::kBroadcast, "broadcast"},
                                                 {OpKind::kAllToAll, "all_to_all"},
                                                 {OpKind::kBarrier, "barrier"},
                                                 {OpKind::kSend, "send"},
                                                 {OpKind::kRecv, "recv"}}};
constexpr std::array<Word<Phase>, 4> kPhases{{{Phase::kForward, "forward"},
                                              {Phase::kBackward, "backward"},
                                              {Phase::kUpdate, "update"},
                                              {Phase::kOther, "other"}}};
constexpr std::array<Word<DType>, 5> kDTypes{{{DType::kBf16, "bf16"},
                                              {DType::kCfp8, "cfp8"},
                                              {DType::kFp16, "fp16"},
                                              {DType::kFp32, "fp32"},
                                              {DType::kInt8, "int8"}}};
constexpr std::array<Word<TensorRole>, 6> kRoles{{{TensorRole::kActivation, "activation"},
                                                  {TensorRole::kWeight, "weight"},
                                                  {TensorRole::kGradient, "gradient"},
                                                  {TensorRole::kOptimizerState, "optimizer_state"},
                                                  {TensorRole::kInput, "input"},
                                                  {TensorRole::kStatistics, "statistics"}}};

template <class Table>
constexpr bool ordered(const Table& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].value) != i) return false;
  }
  return true;
}
static_assert(ordered(kOpKinds) && ordered(kPhases) && ordered(kDTypes) && ordered(kRoles));
static_assert(kOpKinds.size() == static_cast<std::size_t>(OpKind::kRecv) + 1);

template <class Table, class Enum>
const char* text_of(const Table& table, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < table.size() ? table[index].text : "unknown";
}

template <class Enum, class Table>
std::optional<Enum> value_of(const Table& table, std::string_view word) {
  for (const auto& entry : table) {
    if (word == entry.text) return entry.value;
  }
  return std::nullopt;
}

template <class Table>
std::vector<std::string> words_of(const Table& table) {
  std::vector<std::string> words;
  for (const auto& entry : table) words.emplace_back(entry.text);
  return words;
}

}  // namespace

const char* op_kind_name(OpKind k) {
  return text_of(kOpKinds, k);
}
const char* dtype_name(DType t) {
  return text_of(kDTypes, t);
}
const char* phase_name(Phase p) {
  return text_of(kPhases, p);
}
const char* tensor_role_name(TensorRole r) {
  return text_of(kRoles, r);
}

std::optional<OpKind> op_kind_from(std::string_view word) {
  return value_of<OpKind>(kOpKinds, word);
}
std::optional<DType> dtype_from(std::string_view word) {
  return value_of<DType>(kDTypes, word);
}
std::optional<Phase> phase_from(std::string_view word) {
  return value_of<Phase>(kPhases, word);
}
std::optional<TensorRole> tensor_role_from(std::string_view word) {
  return value_of<TensorRole>(kRoles, word);
}

std::vector<std::string> op_kind_words() {
  return words_of(kOpKinds);
}
std::vector<std::string> dtype_words() {
  return words_of(kDTypes);
}
std::vector<std::string> phase_words() {
  return words_of(kPhases);
}
std::vector<std::string> tensor_role_words() {
  return words_of(kRoles);
}

std::uint32_t Graph::intern(const std::string& s) {
  // Only the last few are searched: repeats come close together, and a full search would be quadratic.
  constexpr std::size_t kWindow = 16;
  if (s.empty()) return 0;
  const std::size_t first = strings.size() > kWindow ? strings.size() - kWindow : 0;
  for (std::size_t i = strings.size(); i > first; --i) {
    if (strings[i - 1] == s) return static_cast<std::uint32_t>(i - 1);
  }
  strings.push_back(s);
  return static_cast<std::uint32_t>(strings.size() - 1);
}

}  // namespace dojo::workload

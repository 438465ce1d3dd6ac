// SPDX-License-Identifier: Apache-2.0
// Operations on rows that have sums of their own: layer and RMS norm, softmax, and their gradients.
//
// A core goes over its rows in passes. Each pass loads them once:
//
//   kind             passes over its inputs                            sums of a row
//   layer_norm       sum and sum of squares; normalise                 2
//   rms_norm         sum of squares; normalise                         1
//   softmax          maximum; exponentials and their sum; divide       2   (the exponentials are stored and loaded
//   again) layer_norm_grad  sums of dy g and dy g x^; dx                      2 rms_norm_grad    sum of dy g x^; dx 1
//   softmax_grad     sum of p dp; dx                                   1
//
// Gradients of a norm's scale and shift are sums over all rows of the rank. Where a row is cut over the nodes of a
// slice row, the nodes send each other their partial sums before the last pass.
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {
namespace {

struct Passes {
  OpKind kind;
  std::int64_t loads, stores;  ///< of each input, of the result
  std::int64_t row_sums;
  std::int64_t channel_sums;  ///< of a gradient: scale and shift
  /// Sums one after another, each behind a pass; operations of a row behind them: mean, variance and reciprocal root 6
  /// (RMS 5), two halves of each sum and a reciprocal 6, mean 2 (assumed).
  std::int64_t chains, operations;
};
constexpr Passes kPasses[] = {
    {OpKind::kLayerNorm, 2, 1, 2, 0, 1, 6}, {OpKind::kLayerNormGrad, 2, 1, 2, 2, 1, 2},
    {OpKind::kRmsNorm, 2, 1, 1, 0, 1, 5},   {OpKind::kRmsNormGrad, 2, 1, 1, 1, 1, 2},
    {OpKind::kSoftmax, 3, 2, 2, 0, 2, 6},   {OpKind::kSoftmaxGrad, 2, 1, 1, 0, 1, 0},
};

bool makes_gradients(const OpView& view) {
  bool made = false;
  view.for_each_output([&](std::uint32_t, const Tensor& tensor) { made |= tensor.role == TensorRole::kGradient; });
  return made;
}

}  // namespace

KernelRequest row_operation(const OpView& view) {
  const Passes& passes = *std::find_if(std::begin(kPasses), std::end(kPasses),
                                       [&](const Passes& row) { return row.kind == view.op.kind; });
  VectorRequest r = tensors_request(view);
  r.load_bytes *= passes.loads;
  r.store_bytes *= passes.stores;
  constexpr Bytes kFp32 = 4;
  r.rows = view.op.elements / std::max<std::int64_t>(1, view.op.channels);
  r.row_sums_bytes = passes.row_sums * kFp32;
  r.row_work = {r.rows, passes.chains, passes.row_sums, passes.operations, std::max<std::int64_t>(1, view.op.channels)};
  if (makes_gradients(view)) r.sums_bytes = passes.channel_sums * view.op.channels * kFp32;
  return r;
}

}  // namespace dojo::workload

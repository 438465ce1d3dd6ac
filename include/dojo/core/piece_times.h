// SPDX-License-Identifier: Apache-2.0
// Times of pieces of operations from the cycle-level pipeline: each shape is run once. The SRAM of the model is as
// large as a piece needs. Of long pieces two shorter ones are run, and their time grows on as it did between them.
#pragma once
#include <array>
#include <cstdint>
#include <map>

#include "dojo/core/params.h"
#include "dojo/node/attention_cost.h"
#include "dojo/node/kernel_cost.h"

namespace dojo::core {

class PieceTimes {
 public:
  /// Throws Error(kInvalidInput) with a line for each parameter that the pipeline cannot model. `formulas`: those of
  /// the same hardware.
  explicit PieceTimes(const node::NodeCost& formulas);

  /// 0 for an empty piece. Launch is not included.
  [[nodiscard]] Cycles product(const node::ProductWork& piece);
  [[nodiscard]] Cycles vector(const node::VectorPiece& piece);
  /// By the formula where there is no program: in FP32.
  [[nodiscard]] Cycles attention(const node::AttentionPart& part);
  [[nodiscard]] const node::PieceTally& tally() const { return tally_; }

 private:
  using Key = std::array<std::int64_t, 12>;
  template <class Run>
  Cycles known(const Key& key, Cycles formula, Run&& run);
  [[nodiscard]] Cycles product_of(const node::ProductWork& piece);
  [[nodiscard]] Cycles attention_of(const node::AttentionPart& part);
  [[nodiscard]] Cycles stream_of(const node::StreamWork& work);
  [[nodiscard]] Cycles run_product(const node::ProductWork& piece);
  [[nodiscard]] Cycles run_text(const std::string& text);

  Hardware hardware_;
  node::NodeCost formulas_;
  std::map<Key, Cycles> times_;
  node::PieceTally tally_;
};

}  // namespace dojo::core

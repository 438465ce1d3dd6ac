// SPDX-License-Identifier: Apache-2.0
// One pass of attention over the nodes: what each of them computes, and in what time.
#pragma once
#include <map>
#include <utility>

#include "dojo/node/attention_cost.h"
#include "lower/attention_cut.h"

namespace dojo::workload {

class AttentionPass {
 public:
  AttentionPass(const AttentionRequest& request, const PlanContext& context, bool queries_stay,
                node::AttentionWork work);

  [[nodiscard]] const AttentionCut& cut() const { return cut_; }
  /// Of the index-th node of a row in one of so many steps.
  [[nodiscard]] Cycles cycles(std::uint32_t row, std::int64_t index, std::uint32_t step, std::uint32_t steps);
  /// The node's share of all FLOP of the operation.
  [[nodiscard]] std::int64_t share_of(std::int64_t flops, std::uint32_t row, std::int64_t index) const;
  [[nodiscard]] std::int64_t vector_flops(std::uint32_t row, std::int64_t index) const;

 private:
  [[nodiscard]] node::AttentionPiece piece_of(std::int64_t rows, std::int64_t met_rows) const;

  const AttentionRequest& request_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  bool queries_stay_;
  node::AttentionWork work_;
  AttentionCut cut_;
  std::int64_t met_rows_ = 0;  ///< rows of the moving side that one row of the staying side meets
  std::map<std::pair<std::int64_t, std::int64_t>, Cycles> times_;
};

}  // namespace dojo::workload

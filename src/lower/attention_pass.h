// SPDX-License-Identifier: Apache-2.0
// One pass of attention over the nodes: what each of them computes, and in what time.
#pragma once
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "dojo/node/attention_cost.h"
#include "lower/attention_cut.h"

namespace dojo::workload {

class AttentionPass {
 public:
  AttentionPass(const AttentionRequest& request, const PlanContext& context, std::unique_ptr<AttentionCut> cut,
                node::AttentionWork work);

  [[nodiscard]] const AttentionCut& cut() const { return *cut_; }
  /// Of a node in one of so many steps.
  [[nodiscard]] Cycles cycles(std::uint32_t node, std::uint32_t step, std::uint32_t steps);
  /// The node's share of all FLOP of the operation.
  [[nodiscard]] std::int64_t share_of(std::int64_t flops, std::uint32_t node) const;
  [[nodiscard]] std::int64_t vector_flops(std::uint32_t node) const;

 private:
  [[nodiscard]] node::AttentionPiece piece_of(std::int64_t rows, std::int64_t met_rows) const;

  const AttentionRequest& request_;
  const PlanContext& context_;
  node::AttentionWork work_;
  std::unique_ptr<AttentionCut> cut_;
  std::map<std::pair<std::int64_t, std::int64_t>, Cycles> times_;  ///< by rows and those that they meet
  std::vector<AttentionCut::Piece> pieces_;                        ///< of one node and step
};

}  // namespace dojo::workload

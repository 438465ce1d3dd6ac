// SPDX-License-Identifier: Apache-2.0
// One pass of attention over the nodes: what each of them computes, and in what time.
#pragma once
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "dojo/node/attention_cost.h"
#include "lower/attention_cut.h"

namespace dojo::workload {

class AttentionPass {
 public:
  AttentionPass(const AttentionRequest& request, const PlanContext& context, std::unique_ptr<AttentionCut> cut,
                node::AttentionWork work);

  [[nodiscard]] const AttentionCut& cut() const { return *cut_; }
  /// Of a node in one of so many steps: by the formulas, or as the run takes them.
  [[nodiscard]] Cycles cycles(std::uint32_t node, std::uint32_t step, std::uint32_t steps);
  [[nodiscard]] Cycles run_cycles(std::uint32_t node, std::uint32_t step, std::uint32_t steps);
  /// The same as pieces, which are added to `parts`.
  void add_parts(std::uint32_t node, std::uint32_t step, std::uint32_t steps, std::vector<node::AttentionPart>& parts);
  /// The node's share of all FLOP of the operation.
  [[nodiscard]] std::int64_t share_of(std::int64_t flops, std::uint32_t node) const;
  [[nodiscard]] std::int64_t vector_flops(std::uint32_t node) const;

 private:
  template <class Visit>
  void for_parts(std::uint32_t node, std::uint32_t step, std::uint32_t steps, Visit&& visit);
  [[nodiscard]] node::AttentionPiece piece_of(std::int64_t rows, std::int64_t met_rows) const;

  const AttentionRequest& request_;
  const PlanContext& context_;
  node::AttentionWork work_;
  std::unique_ptr<AttentionCut> cut_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, Cycles> times_;  ///< queries, keys, pieces
  std::vector<AttentionCut::Piece> pieces_;                                       ///< of one node and step
};

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Work of the nodes in one pass of attention.
#include "lower/attention_pass.h"

#include <algorithm>
#include <tuple>

namespace dojo::workload {

AttentionPass::AttentionPass(const AttentionRequest& request, const PlanContext& context,
                             std::unique_ptr<AttentionCut> cut, node::AttentionWork work)
    : request_(request), context_(context), work_(work), cut_(std::move(cut)) {}

node::AttentionPiece AttentionPass::piece_of(std::int64_t rows, std::int64_t met_rows) const {
  node::AttentionPiece piece{
      rows, met_rows, request_.shape.head_size, request_.element_bytes, work_, request_.shape.scores != 0};
  if (!cut_->queries_stay()) std::swap(piece.queries, piece.keys);
  return piece;
}

template <class Visit>
void AttentionPass::for_parts(std::uint32_t node, std::uint32_t step, std::uint32_t steps, Visit&& visit) {
  pieces_.clear();
  cut_->add_pieces(node, step, steps, pieces_);
  for (const AttentionCut::Piece& piece : pieces_)
    visit(node::AttentionPart{piece_of(piece.rows, piece.met_rows), piece.count});
}

Cycles AttentionPass::cycles(std::uint32_t node, std::uint32_t step, std::uint32_t steps) {
  Cycles sum = 0;
  for_parts(node, step, steps, [&](const node::AttentionPart& part) {
    const std::tuple sizes{part.piece.queries, part.piece.keys, part.times};
    auto known = times_.find(sizes);
    if (known == times_.end()) known = times_.emplace(sizes, node::attention_part_cycles(context_.cost, part)).first;
    sum = saturating_sum(sum, known->second);
  });
  return sum;
}

Cycles AttentionPass::run_cycles(std::uint32_t node, std::uint32_t step, std::uint32_t steps) {
  if (context_.pieces == nullptr) return cycles(node, step, steps);
  Cycles sum = 0;
  for_parts(node, step, steps,
            [&](const node::AttentionPart& part) { sum = saturating_sum(sum, context_.time(part)); });
  return sum;
}

void AttentionPass::add_parts(std::uint32_t node, std::uint32_t step, std::uint32_t steps,
                              std::vector<node::AttentionPart>& parts) {
  for_parts(node, step, steps, [&](const node::AttentionPart& part) {
    if (part.piece.queries > 0 && part.piece.keys > 0 && part.times > 0) parts.push_back(part);
  });
}

std::int64_t AttentionPass::share_of(std::int64_t flops, std::uint32_t node) const {
  const Side& side = cut_->stays();
  const std::int64_t rows = side.heads * request_.shape.batch * side.tokens;
  std::int64_t share = 0;
  cut_->for_rows(node, [&](std::int64_t first, std::int64_t last) {
    share += piece_begin(flops, rows, last) - piece_begin(flops, rows, first);
  });
  return share;
}

std::int64_t AttentionPass::vector_flops(std::uint32_t node) const {
  std::int64_t rows = 0;
  cut_->for_rows(node, [&](std::int64_t first, std::int64_t last) { rows += last - first; });
  return node::attention_vector_flops(piece_of(rows, cut_->met_rows()));
}

}  // namespace dojo::workload

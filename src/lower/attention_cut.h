// SPDX-License-Identifier: Apache-2.0
// How attention is cut over the nodes of a slice, and what then has to come to them.
#pragma once
#include <vector>

#include "lower/attention.h"
#include "lower/deliveries.h"

namespace dojo::workload {

/// Queries, or keys and values.
struct Side {
  std::int64_t heads = 0, tokens = 0;  ///< of a sequence
  Bytes head_bytes = 0;                ///< of one token and head, all tensors that are needed
  TensorPlace place;
};

/// Part of the heads, in head tokens or as a share.
struct Heads {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t count() const { return end - begin; }
};

/// Rows of the grid cut the tokens of the side that stays; the nodes of a row share out its (head, token) pairs.
class AttentionCut {
 public:
  AttentionCut(const AttentionRequest& request, const PlanContext& context, bool queries_stay);

  [[nodiscard]] const Side& stays() const { return stays_; }
  [[nodiscard]] const Side& moves() const { return moves_; }
  /// Tokens of a side in the band of a row, of all sequences.
  [[nodiscard]] std::int64_t band(const Side& side, std::uint32_t row) const;
  /// That the band of a row has tokens of.
  [[nodiscard]] std::int64_t sequences(std::uint32_t row) const;
  /// (head, token) pairs that the index-th node of a row works on, in whole blocks of the matrix unit.
  [[nodiscard]] Heads share(std::uint32_t row, std::int64_t index) const;
  /// By column: heads of the moving side that its nodes work with.
  [[nodiscard]] const std::vector<Heads>& columns() const { return columns_; }

  // Each returns the most bytes that arrive at any node.
  Bytes deliver_staying(Deliveries& deliveries) const;
  /// In so many steps.
  Bytes deliver_moving(Deliveries& deliveries, std::uint32_t steps) const;

 private:
  [[nodiscard]] Heads heads_of(const Side& side, std::uint32_t row, std::int64_t index) const;
  void find_heads_of_columns();
  [[nodiscard]] bool lies_elsewhere(const Side& side) const;
  Bytes collect(const Side& side, bool streamed, Deliveries& deliveries) const;
  Bytes along_columns(bool streamed, Deliveries& deliveries) const;
  Bytes from_row_to_row(std::uint32_t steps, Deliveries& deliveries) const;
  template <class Visit>
  void for_holders(const Side& side, std::uint32_t row, Heads heads, Bytes bytes, Visit&& visit) const;

  const AttentionShape& shape_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  std::int64_t block_rows_;  ///< of the matrix unit
  Side stays_, moves_;
  std::vector<Heads> columns_;
};

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Partial sums of a rank added up over its nodes: rows first, then columns, then to the nodes where the result lies.
#pragma once
#include <vector>

#include "dojo/topology/machine_params.h"
#include "lower/slices.h"

namespace dojo::workload {

struct ReductionSpec {
  bool along_rows = false;                  ///< the nodes of a row hold partial sums of the same elements
  bool along_columns = false;               ///< so do the nodes of a column; neither: the result is only moved
  Bytes node_bytes = 0;                     ///< partial sums (FP32) of one node
  Bytes result_bytes = 0;                   ///< of the whole rank
  std::vector<std::uint32_t> destinations;  ///< where the result lies, in equal pieces; never empty
  std::uint8_t part = 0;                    ///< of the slice: whose nodes hold the sums
  /// Sums of so many matrices, one after the other over the rows: a column adds each up over the rows that share it.
  /// `node_bytes` are those of one.
  std::int64_t matrices = 1;
  friend bool operator<(const ReductionSpec& a, const ReductionSpec& b);
};

/// How a reduction is cut; chosen by cost.
struct ReductionShape {
  std::uint32_t row_parts = 1;     ///< parts of a node's sums, each with its own root column
  std::uint32_t column_parts = 1;  ///< parts of such a part, each with its own root row
  std::uint32_t arity = 1;         ///< 1: chains towards the root; 2, 3: trees
  std::uint32_t chunks = 1;
  double cycles = 0;  ///< by the latency-bandwidth model
};

[[nodiscard]] ReductionShape choose_reduction(const ReductionSpec& spec, const SliceGrid& grid,
                                              const topology::NodeParams& node);

struct InRankDataflow {
  DataflowPlan plan;
  std::vector<std::uint32_t> nodes;  ///< slice node of each position
};
[[nodiscard]] InRankDataflow build_reduction(const ReductionSpec& spec, const ReductionShape& shape,
                                             const SliceGrid& grid);

}  // namespace dojo::workload

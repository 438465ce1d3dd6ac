// SPDX-License-Identifier: Apache-2.0
// Where the times of a core's work come from (run.node_model).
#pragma once
#include <array>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/schema/enum_text.h"

namespace dojo::node {

enum class NodeModel : std::uint8_t { kBounds, kTable, kPipeline };
constexpr std::array<schema::EnumEntry<NodeModel>, 3> enum_entries(NodeModel) {
  return {{{NodeModel::kBounds, "bounds", "formulas: the busiest of issue, load and store port, and a fill"},
           {NodeModel::kTable, "table", "formulas that follow the pipeline of the core: register blocking, addresses"},
           {NodeModel::kPipeline, "pipeline",
            "plans are chosen by the formulas of table; the chosen pieces run on the pipeline, cycle by cycle"}}};
}

/// How the formulas do on the pieces that the pipeline has run, each once.
struct PieceTally {
  std::uint64_t pieces = 0;
  Cycles simulated_cycles = 0;  ///< of the pipeline
  double error_sum = 0;         ///< of |formula / pipeline - 1|
  std::uint64_t beyond_10_percent = 0;
};

}  // namespace dojo::node

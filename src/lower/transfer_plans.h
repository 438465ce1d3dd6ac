// SPDX-License-Identifier: Apache-2.0
// Small dataflow plans: a message between two ranks, traffic between a rank and a DIP.
#pragma once
#include "lower/program_builder.h"

namespace dojo::workload {

/// A rank alone: done when it starts.
[[nodiscard]] DataflowPlan nothing_plan();
/// Position 0 sends, position 1 receives.
[[nodiscard]] DataflowPlan point_to_point_plan(Bytes bytes, const SliceShape& shape, bool striped);
/// Every position sends so many bytes to every other one: [from][to].
[[nodiscard]] DataflowPlan pairs_to_plan(const std::vector<std::vector<Bytes>>& bytes, const SliceShape& shape);
/// Position 0 sends, position 1 receives; 2 and 3 are the DIPs next to them, with the Z-plane in between.
[[nodiscard]] DataflowPlan zplane_plan(Bytes bytes, const SliceShape& shape);
/// The first positions are the DIPs, which take equal parts of each piece; the `steps` others are the rank's tasks of
/// each step (ingest) or its one task.
[[nodiscard]] DataflowPlan dip_plan(EntryUse::Memory kind, Bytes bytes, std::uint32_t die, const SliceShape& shape,
                                    std::uint32_t steps, std::uint32_t dips);

}  // namespace dojo::workload

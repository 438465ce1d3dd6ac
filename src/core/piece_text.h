// SPDX-License-Identifier: Apache-2.0
// The kernel of a piece as a run writes it: two compute threads, the blocking that the formulas choose.
#pragma once
#include <string>
#include <vector>

#include "dojo/core/params.h"
#include "dojo/node/attention_cost.h"
#include "dojo/node/kernel_cost.h"

namespace dojo::core {

inline constexpr int kComputeThreads = 2;

struct PieceText {
  std::string text;
  Cycles more = 0;  ///< that the kernel leaves out, by the formulas
};
[[nodiscard]] PieceText piece_text(const node::ProductWork& piece, const node::NodeCost& formulas,
                                   const Hardware& hardware);
[[nodiscard]] PieceText piece_text(const node::StreamWork& work, const Hardware& hardware);
/// Requires attention_has_program().
[[nodiscard]] PieceText piece_text(const std::vector<node::AttentionPart>& parts, const Hardware& hardware);

}  // namespace dojo::core

// SPDX-License-Identifier: Apache-2.0
// Programs of the steps of kernels: what a piece's kernel is, behind a wait for its operands. Each is written once.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "dojo/core/node_model.h"

namespace dojo::core {

class StepPrograms {
 public:
  /// Throws Error(kInvalidInput) with a line for each parameter that the pipeline, or the kernels, cannot model.
  explicit StepPrograms(const node::NodeCost& formulas);

  struct Entry {
    std::array<Program, kThreads> programs;
    Work work;
    Cycles more = 0;  ///< before the step, by the formulas: what its kernel leaves out
  };
  /// The entry stays where it is. Requires a piece of known shape.
  [[nodiscard]] const Entry& of(const node::CorePiece& piece, const std::array<Wait, kStepWaits>& waits);

 private:
  using Key = std::vector<std::int64_t>;
  using Kernel = std::pair<std::array<Program, kThreads>, Cycles>;
  [[nodiscard]] static Key key_of(const node::CorePiece& piece);
  [[nodiscard]] const Kernel& kernel_of(const node::CorePiece& piece, const Key& key);

  Hardware hardware_;
  node::NodeCost formulas_;
  std::map<Key, Kernel> kernels_;
  std::map<std::pair<Key, std::array<std::int64_t, 2 * kStepWaits>>, Entry> entries_;
};

}  // namespace dojo::core

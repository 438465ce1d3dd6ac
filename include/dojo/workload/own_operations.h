// SPDX-License-Identifier: Apache-2.0
// Kinds of operations that are not the project's: those of plug-ins. A trace in the own format has operations of them,
// with keys of their own, and reading makes each an operation that the planner knows. Names belong to the process, as
// those of collectives do (own_algorithms.h).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::workload {

/// What an operation costs: either work of the matrix unit and memory, cut evenly over the nodes of a rank and timed by
/// whichever takes longer (as kind `compute`), or work on elements in the vector unit (as kind `elementwise`).
struct OwnCost {
  std::int64_t matrix_flops = 0;  ///< 2 per multiply-accumulate
  Bytes bytes = 0;                ///< read and written in SRAM
  std::int64_t elements = 0;
  std::int64_t vector_flops_per_element = 0;
};

struct OwnOperation {
  std::string name;               ///< letters, digits, '_' and '-'; no kind that there is
  std::string sentence;           ///< for `dojosim list plugins`
  std::vector<std::string> keys;  ///< integers that an operation of the kind has, beside those of all kinds
  /// By the values of the keys. An exception is a finding with its words.
  std::function<OwnCost(const std::map<std::string, std::int64_t>& values)> cost;
  std::string origin;  ///< "--plugin FILE.so" or the like, for messages; set by what adds it
};

/// Throws Error(kInvalidInput) for a name that is taken or no name, a key that all kinds have, and no function.
void add_operation(OwnOperation operation);
/// nullptr: there is none.
[[nodiscard]] const OwnOperation* own_operation(const std::string& name);
[[nodiscard]] std::vector<const OwnOperation*> own_operations();

}  // namespace dojo::workload

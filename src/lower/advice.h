// SPDX-License-Identifier: Apache-2.0
// What would fit where a rank's memory does not: other policies and larger slices are tried.
#pragma once
#include <string>

#include "lower/program_builder.h"

namespace dojo::workload {

class Advice {
 public:
  /// `request` gave `draft`, in which something is missing.
  Advice(const ProgramRequest& request, const ProgramDraft& draft) : request_(request), draft_(draft) {}
  /// "workload.capacity_policy=stream would fit; ..."
  [[nodiscard]] std::string words() const;

 private:
  [[nodiscard]] bool fits(const Slice& slice, CapacityPolicy policy) const;
  [[nodiscard]] std::string larger_slice() const;
  [[nodiscard]] std::string strategy() const;

  const ProgramRequest& request_;
  const ProgramDraft& draft_;
};

}  // namespace dojo::workload

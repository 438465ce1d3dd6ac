// SPDX-License-Identifier: Apache-2.0
// The dies of a few ranks as a machine of their own.
#pragma once
#include <memory>
#include <vector>

#include "dojo/audit/audit.h"

namespace dojo::audit {

struct SmallMachine {
  std::shared_ptr<const topology::Topology> topology;
  std::vector<workload::Slice> slices;  ///< of the ranks, in the order of `ranks`
};

/// The rectangle of dies on which the ranks lie, without DIPs. Of a machine of at most one tile the whole, when it has
/// dead routers, links or dies, or when `wide`: other ranks or DIPs are in it.
[[nodiscard]] SmallMachine small_machine(const Subject& subject, const std::vector<RankId>& ranks, bool wide);

}  // namespace dojo::audit

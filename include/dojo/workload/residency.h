// SPDX-License-Identifier: Apache-2.0
// Where a tensor lies in a slice. Kernels, collectives, DIP traffic and the memory plan ask this, so that a tensor lies
// where all of them expect it.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

/// A tensor is not cut into smaller pieces than this: fewer nodes hold it instead.
inline constexpr Bytes kSmallestPieceBytes = 512;

/// Slice nodes that hold a tensor of `bytes`: all of them, or fewer so that none has less than kSmallestPieceBytes.
/// Ascending.
/// The same in a part of the slice.
[[nodiscard]] std::vector<std::uint32_t> residency(const SliceShape& shape, Bytes bytes, const SlicePart& part = {});

}  // namespace dojo::workload

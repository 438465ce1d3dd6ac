// SPDX-License-Identifier: Apache-2.0
// The time of vector work as the core's kernel of streams does it (core/kernels_stream.cpp): turns of up to four units
// on each of two threads, and between passes over rows the chains across the lanes of a register.
#pragma once
#include "dojo/base/types.h"
#include "dojo/node/kernel_cost.h"

namespace dojo::node {

/// 0 for an empty piece.
[[nodiscard]] Cycles stream_cycles(const StreamWork& work, const NodeCost& cost);

}  // namespace dojo::node

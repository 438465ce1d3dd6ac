// SPDX-License-Identifier: Apache-2.0
// A convolution in the simulator's shape, or as the product that does the same work. Private to the readers.
#pragma once
#include <vector>

#include "dojo/workload/graph.h"

namespace dojo::workload::layers {

/// Extents as frameworks order them: images n, c, h, w; filters k, c / groups, r, s. One to three spatial dimensions.
struct ConvolutionExtents {
  const std::vector<std::int64_t>&x, &w, &y;
  std::vector<std::int64_t> stride, pad, dilation;  ///< per spatial dimension or one for all; pads of both sides or one
};

/// Sets `op.conv` when there are two spatial dimensions, one stride, one pad, no groups and no dilation, else `op.mat`.
/// False when the extents do not belong together.
bool shape_convolution(const ConvolutionExtents& extents, Op& op);

}  // namespace dojo::workload::layers

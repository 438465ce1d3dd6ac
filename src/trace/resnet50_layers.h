// SPDX-License-Identifier: Apache-2.0
// The layer tables of ResNet-50 and ResNet-101 v1.5 (stride in the 3 x 3), as data.
#pragma once
#include <array>
#include <cstdint>

namespace dojo::workload::resnet50 {

/// A stage of bottleneck blocks: 1x1 to `width`, 3x3 of `width`, 1x1 to `width` x 4. The first block has the stride.
struct Stage {
  const char* name;
  std::int64_t width, stride;
};
inline constexpr std::array<Stage, 4> kStages{
    {{"layer1", 64, 1}, {"layer2", 128, 2}, {"layer3", 256, 2}, {"layer4", 512, 2}}};
/// What tells the networks apart: blocks of each stage.
struct Depth {
  const char* name;
  std::array<std::size_t, 4> blocks;
};
inline constexpr Depth kResNet50{"resnet50", {3, 4, 6, 3}}, kResNet101{"resnet101", {3, 4, 23, 3}};
inline constexpr std::int64_t kImageSize = 224, kImageChannels = 3, kExpansion = 4;
inline constexpr std::int64_t kStemChannels = 64, kStemFilter = 7, kStemStride = 2, kStemPad = 3;
inline constexpr std::int64_t kPoolFilter = 3, kPoolStride = 2, kPoolPad = 1;
inline constexpr std::int64_t kFeatures = 2048, kFeatureSize = 7, kClasses = 1000;

// Vector work per element, counted from the formulas beside each name.
inline constexpr std::int64_t kNormalizeFlops = 2;  // (x - mean) / deviation
inline constexpr std::int64_t kStatsFlops = 3;      // sum, sum of squares
inline constexpr std::int64_t kApplyFlops = 2;      // x * scale + shift; +1 for ReLU, +1 for a residual
inline constexpr std::int64_t kGradStatsFlops =
    5;  // x_hat: 2; sum of dy: 1; sum of dy * x_hat: 2; +1 for the ReLU mask
inline constexpr std::int64_t kGradApplyFlops = 6;  // x_hat: 2; scale * (dy - a - x_hat * b): 4; +1 for the ReLU mask
inline constexpr std::int64_t kSoftmaxFlops = 10;   // max, subtract, exponential (about 4), sum, divide, loss, gradient
inline constexpr std::int64_t kOptimizerFlops = 6;  // weight decay: 2; momentum: 2; update: 2
inline constexpr Bytes kOptimizerStateBytes = 8;    // FP32 master weight and momentum of a parameter

}  // namespace dojo::workload::resnet50

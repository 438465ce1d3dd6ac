// SPDX-License-Identifier: Apache-2.0
// The kernel functions of all kinds, by the file that has them. The table is in op_kernels.cpp.
#pragma once
#include "lower/op_kernels.h"

namespace dojo::workload {

// convolution.cpp
[[nodiscard]] KernelRequest conv(const OpView& view);
[[nodiscard]] KernelRequest conv_input_grad(const OpView& view);
[[nodiscard]] KernelRequest conv_weight_grad(const OpView& view);
// matmul.cpp
[[nodiscard]] KernelRequest matmul(const OpView& view);
[[nodiscard]] KernelRequest matmul_input_grad(const OpView& view);
[[nodiscard]] KernelRequest matmul_weight_grad(const OpView& view);
// attention.cpp
[[nodiscard]] KernelRequest attention(const OpView& view);
// vector.cpp
[[nodiscard]] KernelRequest elementwise(const OpView& view);
[[nodiscard]] KernelRequest channel_sums(const OpView& view);
[[nodiscard]] KernelRequest reduction(const OpView& view);
[[nodiscard]] KernelRequest softmax_loss(const OpView& view);
// pool.cpp
[[nodiscard]] KernelRequest pool(const OpView& view);
[[nodiscard]] KernelRequest pool_grad(const OpView& view);
// optimizer.cpp
[[nodiscard]] KernelRequest optimizer(const OpView& view);
// rows.cpp
[[nodiscard]] KernelRequest row_operation(const OpView& view);
// lookups.cpp
[[nodiscard]] KernelRequest lookups(const OpView& view);
[[nodiscard]] KernelRequest lookups_added(const OpView& view);
[[nodiscard]] KernelRequest transpose(const OpView& view);

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// What a piece of an operation costs on one core: matrix unit, vector unit, load and store ports, pipeline fill,
// launch. The time is that of the busiest resource plus fill and drain (docs/kernels.md).
#pragma once
#include <algorithm>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::node {

/// (m x k) * (k x n) on one core; `element_bytes` of the operands, 4 = FP32 on the vector unit.
struct ProductWork {
  std::int64_t m = 0, n = 0, k = 0;
  Bytes element_bytes = 2;
  Bytes result_bytes = 2;   ///< of one element of the result (4 for partial sums)
  bool accumulate = false;  ///< adds to partial sums that lie in the SRAM (FP32)
};

/// Streams operands through the vector unit.
struct VectorPiece {
  Bytes load_bytes = 0, store_bytes = 0;
  std::int64_t flops = 0;
  Bytes element_bytes = 2;
};

/// An operation without shapes.
struct RooflinePiece {
  std::int64_t flops = 0;
  Bytes bytes = 0;
};

class NodeCost {
 public:
  explicit NodeCost(const topology::NodeParams& params) : params_(params) {}

  /// 0 for an empty piece. Launch is not included.
  [[nodiscard]] Cycles product(const ProductWork& piece) const;
  [[nodiscard]] Cycles vector(const VectorPiece& piece) const;
  [[nodiscard]] Cycles roofline(const RooflinePiece& piece) const;
  [[nodiscard]] Cycles launch() const { return params_.kernel_launch_cycles; }
  /// Between the steps of a kernel: the loop waits for the semaphore of the operands.
  [[nodiscard]] Cycles step_start() const { return params_.semaphore_cycles; }
  [[nodiscard]] Bytes load_bytes_per_cycle() const { return params_.load_ports * params_.port_bytes_per_cycle; }
  [[nodiscard]] Bytes store_bytes_per_cycle() const { return params_.store_ports * params_.port_bytes_per_cycle; }
  /// An A block (rows x depth) and a B block (depth x columns): what an issue of the matrix unit takes from the SRAM.
  [[nodiscard]] Bytes issue_bytes(Bytes element_bytes) const {
    return (params_.matrix_rows + params_.matrix_columns) * params_.matrix_depth * element_bytes;
  }
  [[nodiscard]] std::int64_t vector_elements_per_cycle(Bytes element_bytes) const {
    return std::max<std::int64_t>(1, params_.vector_bytes_per_cycle / element_bytes);
  }
  [[nodiscard]] const topology::NodeParams& params() const { return params_; }

  /// Time on a core that runs at `core_speed` of the nominal rate, rounded up.
  [[nodiscard]] static Cycles scaled(Cycles cycles, float core_speed);

 private:
  topology::NodeParams params_;
};

}  // namespace dojo::node

// SPDX-License-Identifier: Apache-2.0
// What a piece of an operation costs on one core, by formulas (docs/kernels.md).
#pragma once
#include <algorithm>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/node/node_model.h"
#include "dojo/node/pipeline_cost.h"
#include "dojo/topology/machine_params.h"

namespace dojo::node {

/// Streams operands through the vector unit.
struct VectorPiece {
  Bytes load_bytes = 0, store_bytes = 0;
  std::int64_t flops = 0;  ///< a multiply-add is two
  Bytes element_bytes = 2;
  std::int64_t operations = 0;  ///< of single elements: a multiply-add is one
  RowWork rows = {};
  std::int64_t shuffles = 0;                            ///< of single elements, beside changes of format
  Bytes narrow_load_bytes = 0, narrow_store_bytes = 0;  ///< of half the width of `element_bytes`: they are converted
};

/// A vector piece as a kernel works on it: in units of a few lines, which loads and stores are shared out over.
struct StreamWork {
  std::int64_t units = 0;
  std::int64_t loads = 0, stores = 0;   ///< lines of a port's width
  std::int64_t fma = 0;                 ///< issues
  std::int64_t unpacks = 0, packs = 0;  ///< issues of the shuffle unit, before and behind the FMAs
  RowWork rows = {};
  friend bool operator==(const StreamWork& a, const StreamWork& b) {
    return a.units == b.units && a.loads == b.loads && a.stores == b.stores && a.fma == b.fma &&
           a.unpacks == b.unpacks && a.packs == b.packs && a.rows == b.rows;
  }
};

/// An operation without shapes.
struct RooflinePiece {
  std::int64_t flops = 0;
  Bytes bytes = 0;
};

class NodeCost {
 public:
  NodeCost(const topology::NodeParams& params, NodeModel model) : params_(params), pipeline_(params), model_(model) {}

  /// 0 for an empty piece. Launch is not included.
  [[nodiscard]] Cycles product(const ProductWork& piece) const;
  [[nodiscard]] Cycles vector(const VectorPiece& piece) const;
  [[nodiscard]] Cycles roofline(const RooflinePiece& piece) const;
  [[nodiscard]] StreamWork stream(const VectorPiece& piece) const;
  [[nodiscard]] Cycles launch() const { return params_.kernel_launch_cycles; }
  /// Between the steps of a kernel: the loop waits for the semaphore of the operands.
  [[nodiscard]] Cycles step_start() const { return params_.semaphore_cycles; }
  [[nodiscard]] Bytes load_bytes_per_cycle() const { return params_.load_ports * params_.port_bytes_per_cycle; }
  [[nodiscard]] Bytes store_bytes_per_cycle() const { return params_.store_ports * params_.port_bytes_per_cycle; }
  /// What an issue of the matrix unit takes from the SRAM at least: an A block (rows x depth) and a B block (depth x
  /// columns), each for two issues where blocks are worked on 2 x 2.
  [[nodiscard]] Bytes issue_bytes(Bytes element_bytes) const {
    const Bytes both = (params_.matrix_rows + params_.matrix_columns) * params_.matrix_depth * element_bytes;
    return model_ == NodeModel::kBounds ? both : both / 2;
  }
  /// Of the FMA unit: operations, or FLOP where model() is bounds.
  [[nodiscard]] std::int64_t vector_elements_per_cycle(Bytes element_bytes) const {
    return std::max<std::int64_t>(1, params_.vector_bytes_per_cycle / lane_bytes(element_bytes));
  }
  [[nodiscard]] NodeModel model() const { return model_; }
  [[nodiscard]] const topology::NodeParams& params() const { return params_; }
  [[nodiscard]] const PipelineCost& pipeline() const { return pipeline_; }

  /// Time on a core that runs at `core_speed` of the nominal rate, rounded up.
  [[nodiscard]] static Cycles scaled(Cycles cycles, float core_speed);

 private:
  [[nodiscard]] Bytes lane_bytes(Bytes element_bytes) const {
    const bool wide = model_ != NodeModel::kBounds && !params_.vector_formats_native;
    return wide ? std::max<Bytes>(4, element_bytes) : element_bytes;
  }
  [[nodiscard]] Cycles bound_of_product(const ProductWork& piece) const;
  [[nodiscard]] Cycles bound_of_vector(const VectorPiece& piece) const;

  topology::NodeParams params_;
  PipelineCost pipeline_;
  NodeModel model_;
};

}  // namespace dojo::node

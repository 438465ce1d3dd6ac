// SPDX-License-Identifier: Apache-2.0
// Nodes of an ONNX graph with known shapes to forward layers. Private to the module.
#pragma once
#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "trace/layers/training_step.h"

namespace dojo::workload::onnx_reader {

struct Value {
  std::vector<std::int64_t> shape;
  bool known = false;      ///< every extent is a positive number
  std::int64_t count = 0;  ///< elements where the extents are not known; 0 = not known either
  bool failed = false;     ///< the result of a node that was refused
  bool floating = true;
  bool constant = false;                        ///< an initializer, or made from such only
  std::uint32_t number = kNone;                 ///< as TrainingStep counts values; kNone for constants
  [[nodiscard]] std::int64_t elements() const;  ///< 0 = not known
};

/// Adds the shapes of all values to the model, as far as they can be known; `said` is what the library found wrong.
/// False when that cannot be done, then `why` says so.
bool infer_shapes(onnx::ModelProto& model, std::string& said, std::string& why);

class LayerMaker {
 public:
  explicit LayerMaker(std::unordered_map<std::string, Value>& values) : values_(values) {}
  /// The layer of a node that is not constant; false when a shape is missing or makes no sense, then `why` says which,
  /// or nothing when that follows from an earlier node.
  bool make(const onnx::NodeProto& node, layers::ForwardLayer& layer, std::string& why);
  /// The library describes the operator.
  [[nodiscard]] static bool is_known(const onnx::NodeProto& node);
  /// Sentences behind a count.
  [[nodiscard]] const std::map<std::string, std::size_t>& counted() const { return counted_; }

 private:
  bool convolution(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool matmul(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool einsum(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool attention(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool unknown_product(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  void look_into_bodies(const onnx::NodeProto& node);
  /// Elements of a result whose extents are not known.
  [[nodiscard]] std::int64_t count_of(const onnx::NodeProto& node) const;
  [[nodiscard]] std::string why_unknown(const onnx::NodeProto& node) const;
  bool recurrent(const onnx::NodeProto& node, layers::ForwardLayer& layer, std::int64_t gates);
  void pool(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  void batch_norm(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  void vector_work(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  [[nodiscard]] const Value& input(const onnx::NodeProto& node, int index) const;
  [[nodiscard]] const Value& output(const onnx::NodeProto& node) const;

  std::unordered_map<std::string, Value>& values_;
  std::map<std::string, std::size_t> counted_;
};

}  // namespace dojo::workload::onnx_reader

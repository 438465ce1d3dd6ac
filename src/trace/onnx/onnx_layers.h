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
  bool known = false;  ///< every extent is a positive number
  bool floating = true;
  bool constant = false;         ///< an initializer, or made from such only
  std::uint32_t number = kNone;  ///< as TrainingStep counts values; kNone for constants
  [[nodiscard]] std::int64_t elements() const;
};

/// Adds the shapes of all values to the model; false when that cannot be done, then `why` says so.
bool infer_shapes(onnx::ModelProto& model, std::string& why);

class LayerMaker {
 public:
  explicit LayerMaker(std::unordered_map<std::string, Value>& values) : values_(values) {}
  /// The layer of a node that is not constant; false when a shape is missing or makes no sense, then `why` says which.
  bool make(const onnx::NodeProto& node, layers::ForwardLayer& layer, std::string& why);
  [[nodiscard]] const std::map<std::string, std::size_t>& unknown() const { return unknown_; }

 private:
  bool convolution(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool gemm(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool matmul(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  bool recurrent(const onnx::NodeProto& node, layers::ForwardLayer& layer, std::int64_t gates);
  void pool(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  void batch_norm(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  void vector_work(const onnx::NodeProto& node, layers::ForwardLayer& layer);
  [[nodiscard]] const Value& input(const onnx::NodeProto& node, int index) const;
  [[nodiscard]] const Value& output(const onnx::NodeProto& node) const;

  std::unordered_map<std::string, Value>& values_;
  std::map<std::string, std::size_t> unknown_;  ///< type -> how many, timed by their elements
};

}  // namespace dojo::workload::onnx_reader

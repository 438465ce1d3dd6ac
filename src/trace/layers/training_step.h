// SPDX-License-Identifier: Apache-2.0
// From a list of forward layers to a training step: backward pass, gradient all-reduces in buckets, update. For formats
// that describe inference only.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "trace/graph_builder.h"

namespace dojo::workload::layers {

/// A value is an input of the model (0 ...) or, behind those, what a layer makes.
struct ForwardLayer {
  std::string name;
  /// Kind with its shape, `elements` of the output, `channels`, `vector_flops_per_element`, place. kNone: the output is
  /// the first input under another shape. kBatchNormApply: statistics of the rank are made too when training.
  Op op;
  std::vector<std::uint32_t> inputs;  ///< values
  std::int64_t output_elements = 0;
  std::int64_t parameters = 0;      ///< elements of its weights
  std::int64_t backward_flops = 0;  ///< of a kCompute layer that is made of products: of all its gradients together
  bool passes_gradient = false;     ///< an addition: the gradient of each input is that of the output
};

struct ModelInput {
  std::string name;
  std::int64_t elements = 0;
};

struct StepOptions {
  DType dtype = DType::kBf16;
  bool forward_only = false;
  bool reduce_gradients = true;  ///< more than one rank
  std::int64_t bucket_bytes = 8 << 20;
  std::int64_t first_id = 0;
};

/// Adds the step to `graph`; layers stand in an order in which they can run.
class TrainingStep {
 public:
  TrainingStep(GraphBuilder& graph, const std::vector<ModelInput>& inputs, const std::vector<ForwardLayer>& layers,
               const StepOptions& options);
  void build();

 private:
  struct Made {  ///< a tensor and the operation that makes it
    std::uint32_t tensor = kNone, op = kNone;
  };
  void forward(std::size_t layer);
  void batch_norm_forward(std::size_t layer);
  void loss();
  void backward(std::size_t layer);
  void product_grads(std::size_t layer, Made dy);
  void batch_norm_grads(std::size_t layer, Made dy);
  void vector_grads(std::size_t layer, Made dy);
  void shapeless_grads(std::size_t layer, Made dy);
  std::uint32_t weight_gradient(std::size_t layer, OpDraft draft);  ///< the operation that makes it
  void close_bucket();
  void update();
  Made gradient_of(std::uint32_t value);
  void contribute(std::uint32_t value, Made gradient);
  [[nodiscard]] bool wanted(std::uint32_t value) const;
  [[nodiscard]] OpDraft draft(const std::string& name, OpKind kind, Phase phase, std::uint64_t place) const;
  std::uint32_t add(OpDraft draft, const std::vector<Made>& after);
  Made emit(OpDraft draft, const std::vector<Made>& after, const std::string& output, std::int64_t elements);
  [[nodiscard]] std::uint32_t value_of(std::size_t layer) const {
    return static_cast<std::uint32_t>(inputs_.size() + layer);
  }
  [[nodiscard]] Bytes width() const { return dtype_bytes(options_.dtype); }

  struct Bucket {
    std::vector<std::uint32_t> gradients, weights, makers;
    std::int64_t parameters = 0;
    std::uint32_t ready = kNone;  ///< the all-reduce
  };

  GraphBuilder& graph_;
  const std::vector<ModelInput>& inputs_;
  const std::vector<ForwardLayer>& layers_;
  StepOptions options_;
  std::vector<Made> values_, statistics_;
  std::vector<std::int64_t> elements_;                            ///< of each value
  std::vector<std::uint32_t> weights_;                            ///< of each layer, kNone
  std::vector<std::vector<Made>> gradients_;                      ///< contributions to each value's gradient
  std::vector<bool> wanted_;                                      ///< does a parameter lie before this value?
  std::unordered_map<std::uint32_t, std::uint32_t> last_reader_;  ///< weight -> its reader in the backward pass
  Bucket open_;
  std::vector<Bucket> buckets_;
};

}  // namespace dojo::workload::layers

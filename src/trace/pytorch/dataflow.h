// SPDX-License-Identifier: Apache-2.0
// Dependencies from who writes and who reads which part of which storage, in the order of the trace. Private.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "trace/graph_builder.h"
#include "trace/pytorch/et_node.h"

namespace dojo::workload::pytorch {

class Dataflow {
 public:
  explicit Dataflow(GraphBuilder& graph) : graph_(graph) {}
  /// What lay in these storages before is gone.
  void allocate(const EtTensor& tensor);
  /// Adds dependencies and tensors of an operation that will be the next one of the graph. `override_width`: bytes of
  /// an element of floating tensors, 0 = as in the trace.
  void connect(const std::vector<const EtTensor*>& reads, const std::vector<const EtTensor*>& writes, OpDraft& draft);
  void set_width(std::int64_t width) { width_ = width; }
  [[nodiscard]] Bytes bytes_of(const EtTensor& tensor) const {
    return width_ > 0 && tensor.floating ? tensor.elements * width_ : tensor.bytes();
  }

 private:
  struct Access {
    std::int64_t begin = 0, end = 0;  ///< elements of the storage
    std::uint32_t op = kNone;         ///< kNone: was there when the trace began
    std::uint32_t tensor = kNone;
  };
  struct Storage {
    std::vector<Access> writers, readers;
    std::uint32_t versions = 0;
  };
  void read(const EtTensor& tensor, OpDraft& draft);
  void write(const EtTensor& tensor, std::uint32_t op, OpDraft& draft);

  GraphBuilder& graph_;
  std::unordered_map<std::int64_t, Storage> storages_;
  std::int64_t width_ = 0;
};

}  // namespace dojo::workload::pytorch

// SPDX-License-Identifier: Apache-2.0
// A node of a PyTorch execution trace as every schema from 1.0.1 to 1.1.1 gives it. Private to the module.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/workload/graph.h"
#include "trace/located_json.h"

namespace dojo::workload::pytorch {

struct EtTensor {
  std::int64_t id = 0, storage = 0, offset = 0, elements = 0, width = 0;
  bool host = false;     ///< in the memory of the host CPU
  bool floating = true;  ///< of a floating-point type
  std::vector<std::int64_t> shape;
  [[nodiscard]] Bytes bytes() const { return elements * width; }
};

/// One argument: its tensors (one, or those of a list), its numbers, its text.
struct EtArgument {
  std::vector<EtTensor> tensors;
  std::vector<std::int64_t> numbers;
  std::string text;
};

struct EtNode {
  std::uint64_t id = 0, parent = 0, rf_id = 0;
  std::string name, schema;  ///< op_schema
  std::vector<EtArgument> inputs, outputs;
  std::uint32_t line = 0;
  bool triton = false;
  std::string absurd;  ///< what is said of a tensor that no memory could hold, "" = there is none
  // record_param_comms, schema 1.1.0 on; older ones hold it in their inputs
  std::string collective, dtype, group;
  std::int64_t in_elements = -1, out_elements = -1, group_size = 0;

  [[nodiscard]] bool has_tensors() const;
  [[nodiscard]] bool has_results() const;  ///< tensors among its outputs
  /// The argument that op_schema calls `name`, nullptr when there is none.
  [[nodiscard]] const EtArgument* argument(const char* name) const;
  /// Its first tensor, nullptr when there is none.
  [[nodiscard]] const EtTensor* tensor(std::size_t input) const;
};

/// False when `json` is no node; then `why` says what was found. Lists that hold no tensor are kept as numbers only.
bool parse_et_node(const LocatedJson& json, EtNode& node, std::string& why);

}  // namespace dojo::workload::pytorch

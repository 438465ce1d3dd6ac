// SPDX-License-Identifier: Apache-2.0
// Chakra files that `trace convert` wrote: their dojo_* attributes hold the own format's text. Private to the module.
#pragma once
#include <map>
#include <string>

#include "trace/json_trace.h"
#include "trace/rank_trace.h"

namespace dojo::workload {

/// Attributes of the metadata: text up to the graphs; of this rank's graph: index, text up to its operations, how many.
inline constexpr const char* kDojoTrace = "dojo_trace";
inline constexpr const char* kDojoGraph = "dojo_graph";
inline constexpr const char* kDojoGraphHead = "dojo_graph_head";
inline constexpr const char* kDojoOps = "dojo_ops";
/// Attribute of a node: the operation as the own format writes it.
inline constexpr const char* kDojoOp = "dojo_op";

class ChakraParts {
 public:
  /// False when the file was not written by `trace convert`.
  bool add(const std::string& bytes, const std::string& file, Findings& findings);
  [[nodiscard]] bool empty() const { return graphs_.empty(); }
  Workload join(const std::string& path, const TraceOptions& options, Findings& findings) const;

 private:
  std::string head_;
  std::map<std::int64_t, GraphText> graphs_;
};

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// The own trace format, docs/trace_format.md. Private to the module.
#pragma once
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

inline constexpr const char* kTraceFormat = "dojo.trace/1";
/// No size, FLOP count or duration may be larger; sums of thousands still fit in 64 bits.
inline constexpr std::int64_t kLargestAmount = std::int64_t{1} << 50;

/// Fills what it can and reports the rest.
Workload parse_json_trace(const std::string& text, const std::string& file, Findings& findings);
std::string format_json_trace(const Workload& workload);

/// The text of a trace in the parts that other containers carry.
struct GraphText {
  std::string head;              ///< up to the list of operations
  std::vector<std::string> ops;  ///< one JSON object each
};
struct TraceText {
  std::string head;  ///< up to the list of graphs
  std::vector<GraphText> graphs;
};
TraceText json_trace_text(const Workload& workload);
std::string join_json_trace(const TraceText& text);

}  // namespace dojo::workload

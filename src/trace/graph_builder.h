// SPDX-License-Identifier: Apache-2.0
// Fills a Graph operation by operation: keeps the CSR arrays and the string table in order for generators and readers.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "dojo/base/stop_point.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

/// One operation before its lists are packed into the graph's arrays.
struct OpDraft {
  Op op;
  std::string name;
  std::vector<std::uint32_t> deps;             ///< op indices
  std::vector<std::uint32_t> inputs, outputs;  ///< tensor indices
  std::vector<Bytes> pairs;                    ///< Graph::pair_bytes
};

class GraphBuilder {
 public:
  GraphBuilder(std::string file, std::string format);
  std::uint32_t add(OpDraft draft);  ///< index of the operation
  std::uint32_t tensor(const std::string& name, Bytes bytes, TensorRole role);
  std::uint32_t string(const std::string& s);
  [[nodiscard]] std::uint32_t op_count() const { return static_cast<std::uint32_t>(graph_.ops.size()); }
  Graph& graph() { return graph_; }
  [[nodiscard]] const Graph& graph() const { return graph_; }
  Graph take() { return std::move(graph_); }

 private:
  StopPoints stops_;
  Graph graph_;
  std::unordered_map<std::string, std::uint32_t> known_{{"", 0}};
};

/// Makes the class 0 of every workload: {"all", {all ranks}}.
Workload::GroupClass all_ranks_class(RankId ranks);
/// Mixes the arrays of the operations' lists into place for `ops` in the new order; `order[i]` is the old index.
void reorder(Graph& graph, const std::vector<std::uint32_t>& order);

/// Recorded operations of other streams than the busiest pass beside the cores. `stream` of each operation, -1 = none.
void run_streams_beside(Graph& graph, const std::vector<std::int64_t>& stream);

/// `FILE: operation 'name' (id 7, byte 1234)` for messages; a line for text formats.
std::string describe_place(const Graph& graph, const Op& op);

}  // namespace dojo::workload

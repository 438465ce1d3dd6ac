// SPDX-License-Identifier: Apache-2.0
// Chakra nodes of one rank, from whichever encoding, to a Graph: dependencies, issue order, warnings.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "chakra_trace.pb.h"
#include "trace/chakra_node.h"
#include "trace/graph_builder.h"

namespace dojo::workload {

class ChakraAssembler {
 public:
  /// `unit` is what places are counted in: "byte" or "line".
  ChakraAssembler(const RankRequest& request, const char* unit, const char* format, Findings& findings);
  void metadata(const chakra::Metadata& metadata);
  void node(const chakra::Node& node, std::uint64_t place);
  [[nodiscard]] bool empty() const { return dependencies_.empty(); }
  RankTrace finish();
  /// A finding at `place`; says which node was the last that could be read.
  void fail(std::uint64_t place, const std::string& words);
  void warn(const std::string& words);
  /// For records in a row: nothing in the format says how many there are.
  void warn_of_open_end();
  /// Ranks of the whole job by the file's own words.
  void set_world(std::int64_t ranks);

 private:
  void link();
  void issue_order(Graph& graph);

  const RankRequest& request_;
  const char* unit_;
  Findings& findings_;
  RankTrace result_;
  ChakraNodes nodes_;
  GraphBuilder builder_;
  std::vector<OpDraft> drafts_;
  std::vector<std::vector<std::uint64_t>> dependencies_;
  std::vector<std::int64_t> streams_;  ///< by node; -1 = it does not say
  std::unordered_map<std::uint64_t, std::uint32_t> index_of_id_;
  std::size_t control_dependencies_ = 0;
  std::uint64_t last_id_ = 0;
  std::string last_name_;
};

}  // namespace dojo::workload

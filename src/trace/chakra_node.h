// SPDX-License-Identifier: Apache-2.0
// What one Chakra node means: kind, amounts, peer and communicator.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "chakra_trace.pb.h"
#include "trace/graph_builder.h"
#include "trace/rank_trace.h"

namespace dojo::workload {

/// Values of Node.type.
enum ChakraNodeType : int {
  kInvalidNode,
  kMetadataNode,
  kMemLoadNode,
  kMemStoreNode,
  kCompNode,
  kCommSendNode,
  kCommRecvNode,
  kCommCollNode
};
/// comm_type of a collective.
[[nodiscard]] std::int64_t chakra_comm_type(OpKind kind);

class ChakraNodes {
 public:
  ChakraNodes(const RankRequest& request, const char* unit, Findings& findings, RankGroups& embedded);
  /// Before the first node: some generators count elements instead of bytes.
  void set_schema(const std::string& schema);
  /// Fills kind and amounts of `draft`; returns the communicator's name, "" = all ranks.
  std::string fill(const chakra::Node& node, OpDraft& draft);
  /// One sentence for everything that was assumed or dropped, with its count.
  void add_warnings(std::vector<std::string>& warnings) const;
  [[nodiscard]] RankId world() const { return world_; }  ///< of the job, by the process groups; 0 = not said

 private:
  void compute(const chakra::Node& node, OpDraft& draft);
  void memory(const chakra::Node& node, OpDraft& draft);
  std::string collective(const chakra::Node& node, OpDraft& draft);
  void message(const chakra::Node& node, OpDraft& draft);
  void process_groups(const chakra::Node& node);
  /// `value` keeps what it has when the attribute is absent; a wrong one is reported.
  bool integer(const chakra::Node& node, const OpDraft& draft, const char* name, std::int64_t low, std::int64_t high,
               std::int64_t& value);
  Bytes size(const chakra::Node& node, const OpDraft& draft, const char* name);
  void pass_through(OpDraft& draft, const std::string& why);
  /// True when the node says what it costs only by its recorded duration; then it is replayed by that.
  bool replay(const chakra::Node& node, OpDraft& draft);
  void report(const OpDraft& draft, const std::string& words);

  const RankRequest& request_;
  const char* unit_;  ///< of places: "byte", "line"
  Findings& findings_;
  RankGroups& embedded_;
  std::int64_t bytes_per_element_;
  std::string schema_;
  RankId world_ = 0;
  std::map<std::string, std::size_t> counted_;  ///< sentence -> how often
};

}  // namespace dojo::workload

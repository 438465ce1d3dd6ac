// SPDX-License-Identifier: Apache-2.0
// Ids become indices, forward references included; what a node becomes stands in chakra_node.cpp.
#include "trace/chakra_assembler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "trace/chakra_attributes.h"
#include "trace/check_ranks.h"

namespace dojo::workload {

ChakraAssembler::ChakraAssembler(const RankRequest& request, const char* unit, const char* format, Findings& findings)
    : request_(request),
      unit_(unit),
      findings_(findings),
      nodes_(request, unit, findings, result_.embedded),
      builder_(request.file, format) {}

void ChakraAssembler::fail(std::uint64_t place, const std::string& words) {
  const std::string last = dependencies_.empty()
                               ? "no node was whole"
                               : fmt::format("the last whole node is id {} '{}'", last_id_, last_name_);
  findings_.add("{}: {} {}: rank {}: {}; {}", request_.file, unit_, place, request_.rank, words, last);
}

void ChakraAssembler::warn(const std::string& words) {
  builder_.graph().warnings.push_back(fmt::format("{}: {}", request_.file, words));
}

void ChakraAssembler::warn_of_open_end() {
  warn(fmt::format("{} nodes; the format has no end mark, so that a file cut between two nodes reads as a shorter one",
                   dependencies_.size()));
}

void ChakraAssembler::set_world(std::int64_t ranks) {
  if (ranks > 0 && ranks < kMostRanks) result_.least_world = std::max(result_.least_world, static_cast<RankId>(ranks));
}

void ChakraAssembler::metadata(const chakra::Metadata& metadata) {
  const chakra::Attribute* schema = find_attribute(metadata, "schema");
  nodes_.set_schema(schema != nullptr ? text_of(*schema).value_or("") : "");
}

void ChakraAssembler::node(const chakra::Node& node, std::uint64_t place) {
  const auto index = static_cast<std::uint32_t>(dependencies_.size());
  if (!index_of_id_.emplace(node.id(), index).second) {
    findings_.add(
        "{}: {} {}: rank {}: node id {} '{}': found this id a second time, expected each once; correct the trace",
        request_.file, unit_, place, request_.rank, node.id(), printable(node.name()));
  }
  OpDraft draft;
  draft.name = printable(node.name());
  draft.op.id = node.id();
  draft.op.place = place;
  result_.group_names.push_back(nodes_.fill(node, draft));
  dependencies_.emplace_back(node.data_dependencies().begin(), node.data_dependencies().end());
  if (request_.options.control_dependencies) {
    dependencies_.back().insert(dependencies_.back().end(), node.control_dependencies().begin(),
                                node.control_dependencies().end());
  }
  control_dependencies_ += static_cast<std::size_t>(node.control_dependencies_size());
  const chakra::Attribute* stream = find_attribute(node, "stream");
  streams_.push_back(stream == nullptr ? -1 : integer_of(*stream).value_or(-1));
  last_id_ = node.id();
  last_name_ = draft.name;
  drafts_.push_back(std::move(draft));
}

RankTrace ChakraAssembler::finish() {
  link();
  set_world(nodes_.world());
  return std::move(result_);
}

/// Ids become indices only now: real files refer forward.
void ChakraAssembler::link() {
  std::size_t absent = 0, own = 0;
  for (std::size_t i = 0; i < drafts_.size(); ++i) {
    for (const std::uint64_t id : dependencies_[i]) {
      const auto found = index_of_id_.find(id);
      if (found == index_of_id_.end()) {
        ++absent;
      } else if (found->second == i) {
        ++own;
      } else {
        drafts_[i].deps.push_back(found->second);
      }
    }
    // A repeated edge would say nothing new.
    std::sort(drafts_[i].deps.begin(), drafts_[i].deps.end());
    drafts_[i].deps.erase(std::unique(drafts_[i].deps.begin(), drafts_[i].deps.end()), drafts_[i].deps.end());
    builder_.add(std::move(drafts_[i]));
  }
  const auto counted = [&](std::size_t count, const char* words) {
    if (count > 0) warn(fmt::format("{} {}", count, words));
  };
  const bool both = request_.options.control_dependencies;
  counted(absent, both ? "dependencies on ids that are not in the file were dropped"
                       : "data dependencies on ids that are not in the file were dropped");
  counted(own, both ? "dependencies of a node on itself were dropped"
                    : "data dependencies of a node on itself were dropped");
  counted(both ? 0 : control_dependencies_,
          "control dependencies were ignored: they are the call stack, not an order (workload.deps=data+ctrl uses "
          "them)");
  Graph& graph = builder_.graph();
  nodes_.add_warnings(graph.warnings);
  run_streams_beside(graph, streams_);
  issue_order(graph);
  result_.graph = builder_.take();
}

/// Collectives are matched by order, and the file's order need not be one: dependencies first, ties as in the file.
void ChakraAssembler::issue_order(Graph& graph) {
  const std::vector<std::uint32_t> order = topological_order(graph);
  if (order.size() != graph.ops.size() || std::is_sorted(order.begin(), order.end())) return;
  reorder(graph, order);
  std::vector<std::string> names(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) names[i] = std::move(result_.group_names[order[i]]);
  result_.group_names = std::move(names);
}

}  // namespace dojo::workload

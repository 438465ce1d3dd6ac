// SPDX-License-Identifier: Apache-2.0
// One rank's Chakra file to a Graph: framing, records, dependencies. What a node becomes stands in chakra_node.cpp.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "chakra_trace.pb.h"
#include "workload/trace/chakra.h"
#include "workload/trace/chakra_attributes.h"
#include "workload/trace/chakra_node.h"
#include "workload/trace/check_ranks.h"
#include "workload/trace/graph_builder.h"

namespace dojo::workload {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr std::size_t kLongestRecord = std::size_t{1} << 30;

/// Reads the length at `at` and moves behind it; false when the bytes end first or are no length.
bool read_length(const std::string& bytes, std::size_t& at, std::uint64_t& length) {
  const std::size_t left = std::min<std::size_t>(bytes.size() - at, 10);
  CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()) + at, static_cast<int>(left));
  if (!stream.ReadVarint64(&length)) return false;
  at += static_cast<std::size_t>(stream.CurrentPosition());
  return true;
}

template <class Message>
bool parse(Message& message, const std::string& bytes, std::size_t at, std::uint64_t length) {
  return message.ParseFromArray(bytes.data() + at, static_cast<int>(length));
}

bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
    if (size == 0 || size > text.size() - i) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += size;
  }
  return true;
}

/// Names reach CSV and JSON files: one line of valid UTF-8.
std::string printable(std::string name) {
  const bool whole = is_utf8(name);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (!whole && byte >= 0x80)) c = '?';
  }
  return name;
}

class Decoder {
 public:
  Decoder(const ChakraRankRequest& request, Findings& findings)
      : request_(request),
        findings_(findings),
        nodes_(request, findings, result_.embedded),
        builder_(request.file, "chakra-et") {}

  ChakraRank run() {
    if (read_records()) link();
    return std::move(result_);
  }

 private:
  void fail(std::size_t at, const std::string& words) {
    const std::string last = dependencies_.empty()
                                 ? "no node was whole"
                                 : fmt::format("the last whole node is id {} '{}'", last_id_, last_name_);
    findings_.add("{}: byte {}: rank {}: {}; {}", request_.file, at, request_.rank, words, last);
  }

  bool read_records() {
    const std::string& bytes = request_.bytes;
    if (bytes.empty()) {
      fail(0, "found an empty file, expected a Chakra trace; write the trace again");
      return false;
    }
    bool first = true;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t record = at;
      std::uint64_t length = 0;
      if (!read_length(bytes, at, length)) {
        fail(record,
             "found no whole record length, expected a varint: the file is cut or damaged; write the trace again");
        return false;
      }
      if (length > bytes.size() - at || length > kLongestRecord) {
        fail(record, fmt::format("found {} bytes of a record of {}, expected all of them: the file is cut inside this "
                                 "record, or damaged; write the trace again",
                                 bytes.size() - at, length));
        return false;
      }
      if (!(first ? read_metadata(at, length) : read_node(record, at, length))) return false;
      first = false;
      at += static_cast<std::size_t>(length);
    }
    if (!dependencies_.empty()) return true;
    fail(bytes.size(), "found no node after the metadata, expected at least one; write the trace again");
    return false;
  }

  bool read_metadata(std::size_t at, std::uint64_t length) {
    chakra::Metadata metadata;  // may be empty: an all-default record has length 0
    if (!parse(metadata, request_.bytes, at, length)) {
      fail(at,
           "found a first record that is no Chakra metadata, expected version and attributes; give a Chakra .et file");
      return false;
    }
    const chakra::Attribute* schema = find_attribute(metadata, "schema");
    nodes_.set_schema(schema != nullptr ? text_of(*schema).value_or("") : "");
    return true;
  }

  bool read_node(std::size_t record, std::size_t at, std::uint64_t length) {
    chakra::Node node;
    if (length == 0 || !parse(node, request_.bytes, at, length)) {
      fail(record, fmt::format("found a record of {} bytes that is no Chakra node, expected one: the file is damaged; "
                               "write the trace again",
                               length));
      return false;
    }
    const auto index = static_cast<std::uint32_t>(dependencies_.size());
    const auto [entry, added] = index_of_id_.emplace(node.id(), index);
    if (!added) {
      findings_.add(
          "{}: byte {}: rank {}: node id {} '{}': found this id a second time, expected each once; correct the trace",
          request_.file, record, request_.rank, node.id(), printable(node.name()));
    }
    OpDraft draft;
    draft.name = printable(node.name());
    draft.op.id = node.id();
    draft.op.place = record;
    result_.group_names.push_back(nodes_.fill(node, draft));
    dependencies_.emplace_back(node.data_dependencies().begin(), node.data_dependencies().end());
    control_dependencies_ += static_cast<std::size_t>(node.control_dependencies_size());
    last_id_ = node.id();
    last_name_ = draft.name;
    drafts_.push_back(std::move(draft));
    return true;
  }

  /// Ids become indices only now: real files refer forward.
  void link() {
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
    Graph& graph = builder_.graph();
    const auto warn = [&](std::size_t count, const char* words) {
      if (count > 0) graph.warnings.push_back(fmt::format("{}: {} {}", request_.file, count, words));
    };
    warn(absent, "data dependencies on ids that are not in the file were dropped");
    warn(own, "data dependencies of a node on itself were dropped");
    warn(control_dependencies_, "control dependencies were ignored: they are the call stack, not an order");
    nodes_.add_warnings(graph.warnings);
    issue_order(graph);
    result_.graph = builder_.take();
  }

  /// Collectives are matched by order, and the file's order need not be one: dependencies first, ties as in the file.
  void issue_order(Graph& graph) {
    const std::vector<std::uint32_t> order = topological_order(graph);
    if (order.size() != graph.ops.size() || std::is_sorted(order.begin(), order.end())) return;
    reorder(graph, order);
    std::vector<std::string> names(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) names[i] = std::move(result_.group_names[order[i]]);
    result_.group_names = std::move(names);
  }

  const ChakraRankRequest& request_;
  Findings& findings_;
  ChakraRank result_;
  ChakraNodes nodes_;
  GraphBuilder builder_;
  std::vector<OpDraft> drafts_;
  std::vector<std::vector<std::uint64_t>> dependencies_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_of_id_;
  std::size_t control_dependencies_ = 0;
  std::uint64_t last_id_ = 0;
  std::string last_name_;
};

}  // namespace

ChakraRank decode_chakra_rank(const ChakraRankRequest& request, Findings& findings) {
  return Decoder(request, findings).run();
}

bool looks_like_chakra(const std::string& bytes) {
  if (bytes.empty()) return true;  // the decoder says what is wrong
  std::size_t at = 0;
  std::uint64_t length = 0;
  if (!read_length(bytes, at, length)) return bytes.size() < 10;
  if (length > bytes.size() - at) {
    // Cut inside the metadata: its first field is a version or an attribute.
    return at == bytes.size() || bytes[at] == '\x0a' || bytes[at] == '\x12';
  }
  chakra::Metadata metadata;
  return parse(metadata, bytes, at, length);
}

}  // namespace dojo::workload

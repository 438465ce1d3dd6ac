// SPDX-License-Identifier: Apache-2.0
// Takes the own format's text out of Chakra files and reads that.
#include "trace/chakra_parts.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <utility>

#include "chakra_trace.pb.h"
#include "trace/chakra_attributes.h"
#include "trace/file_formats.h"

namespace dojo::workload {
namespace {

using google::protobuf::io::CodedInputStream;

/// The next record of `stream` into `message`; false at the end and for what is no whole record.
template <class Message>
bool next(CodedInputStream& stream, Message& message) {
  std::uint32_t length = 0;
  if (!stream.ReadVarint32(&length)) return false;
  const CodedInputStream::Limit limit = stream.PushLimit(static_cast<int>(length));
  const bool good = message.ParseFromCodedStream(&stream) && stream.BytesUntilLimit() == 0;
  stream.PopLimit(limit);
  return good;
}

}  // namespace

bool ChakraParts::add(const std::string& bytes, const std::string& file, Findings& findings) {
  if (bytes.empty() || bytes.size() > (std::size_t{1} << 31) - 1) return false;
  CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(static_cast<int>(bytes.size()));
  chakra::Metadata metadata;
  if (bytes[0] == '\0' || !next(stream, metadata)) return false;
  const chakra::Attribute* trace = find_attribute(metadata, kDojoTrace);
  const chakra::Attribute *graph = find_attribute(metadata, kDojoGraph),
                          *head = find_attribute(metadata, kDojoGraphHead), *ops = find_attribute(metadata, kDojoOps);
  if (trace == nullptr || graph == nullptr || head == nullptr || ops == nullptr) return false;
  GraphText text;
  text.head = text_of(*head).value_or("");
  const std::int64_t expected = integer_of(*ops).value_or(-1);
  for (chakra::Node node; next(stream, node); node.Clear()) {
    const chakra::Attribute* op = find_attribute(node, kDojoOp);
    if (op == nullptr) break;
    text.ops.push_back(text_of(*op).value_or(""));
  }
  if (static_cast<std::int64_t>(text.ops.size()) != expected) {
    findings.add(
        "{}: byte {}: found {} whole operations, expected {} by its metadata: the file is cut or damaged; "
        "convert the trace again",
        file, stream.CurrentPosition(), text.ops.size(), expected);
  }
  const std::string shared = text_of(*trace).value_or("");
  if (!head_.empty() && head_ != shared) {
    findings.add(
        "{}: found a file of another conversion than the ranks before it, expected files of one job; convert "
        "the trace again",
        file);
  }
  head_ = shared;
  graphs_.insert_or_assign(integer_of(*graph).value_or(0), std::move(text));
  return true;
}

Workload ChakraParts::join(const std::string& path, const TraceOptions& options, Findings& findings) const {
  TraceText text{head_, {}};
  for (const auto& [index, graph] : graphs_) {
    if (index != static_cast<std::int64_t>(text.graphs.size())) {
      findings.add("{}: found no file of a rank that runs graph {}, expected one for each; convert the trace again",
                   path, text.graphs.size());
      return {};
    }
    text.graphs.push_back(graph);
  }
  Workload workload = parse_json_trace(join_json_trace(text), path, findings);
  if (findings.empty()) apply_ranks(workload, options, path, findings);
  return workload;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Writes Chakra files: what other tools read, and beside it the whole operation in the own format's text.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <map>

#include "chakra_trace.pb.h"
#include "dojo/base/files.h"
#include "trace/chakra_node.h"
#include "trace/chakra_parts.h"
#include "trace/file_bytes.h"
#include "trace/graph_builder.h"

namespace dojo::workload {
namespace {

template <class Message>
void append(std::string& out, const Message& message) {
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteVarint64(message.ByteSizeLong());
  message.SerializeToCodedStream(&coded);
}

template <class Message>
chakra::Attribute& attribute(Message& message, const char* name) {
  chakra::Attribute& made = *message.add_attributes();
  made.set_name(name);
  return made;
}

/// What other tools take the kind for; work of every kind that is not in these families is COMP.
ChakraNodeType node_type(OpKind kind) {
  switch (family(kind)) {
    case OpFamily::kMemory:
      return kind == OpKind::kMemStore ? kMemStoreNode : kMemLoadNode;
    case OpFamily::kMessage:
      return kind == OpKind::kSend ? kCommSendNode : kCommRecvNode;
    case OpFamily::kCollective:
      return kCommCollNode;
    default:
      return kCompNode;
  }
}

Bytes bytes_of(const Graph& graph, const Op& op) {
  if (op.bytes > 0) return op.bytes;
  Bytes bytes = 0;
  for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) bytes += graph.tensors[graph.tensor_refs[i]].bytes;
  for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) bytes += graph.tensors[graph.tensor_refs[i]].bytes;
  return bytes;
}

class Writer {
 public:
  Writer(const Workload& workload, std::string prefix, bool gzip)
      : workload_(workload),
        prefix_(std::move(prefix)),
        extension_(gzip ? ".et.gz" : ".et"),
        text_(json_trace_text(workload)),
        group_of_(workload.group_classes.size(), std::vector<std::uint32_t>(workload.ranks(), 0)) {}

  void run() {
    number_groups();
    std::map<std::vector<std::uint32_t>, const OutputFile*> written;  // graph and groups of a rank -> its file
    for (RankId rank = 0; rank < workload_.ranks(); ++rank) {
      std::vector<std::uint32_t> key{workload_.graph_of_rank[rank]};
      for (const std::vector<std::uint32_t>& groups : group_of_) key.push_back(groups[rank]);
      const std::string name = fmt::format("{}.{}{}", prefix_, rank, extension_);
      const OutputFile*& twin = written[std::move(key)];
      if (twin == nullptr) {
        twin = &write(name, rank_bytes(rank));
      } else {
        files_.add_twin(name, *twin);  // the same bytes under another name
      }
    }
    files_.commit();
  }

 private:
  /// Groups get numbers as other tools want them; class 0, all ranks, has none.
  void number_groups() {
    std::string text;
    std::uint32_t number = 0;
    for (std::size_t c = 1; c < workload_.group_classes.size(); ++c) {
      for (const Group& group : workload_.group_classes[c].groups) {
        ++number;
        text += fmt::format("{}\"{}\": [{}]", text.empty() ? "" : ",\n ", number, fmt::join(group.ranks, ", "));
        for (const RankId rank : group.ranks) group_of_[c][rank] = number;
      }
    }
    if (number > 0) (void)write(prefix_ + ".json", fmt::format("{{{}}}\n", text));
  }

  const OutputFile& write(const std::string& name, const std::string& bytes) {
    OutputFile& file = files_.add(name);
    write_file_bytes(file, name, bytes);
    return file;
  }

  std::string rank_bytes(RankId rank) {
    const std::uint32_t index = workload_.graph_of_rank[rank];
    const Graph& graph = workload_.graphs[index];
    std::string out;
    chakra::Metadata metadata;
    metadata.set_version("0.0.4");
    attribute(metadata, kDojoTrace).set_string_value(text_.head);
    attribute(metadata, kDojoGraph).set_int64_value(index);
    attribute(metadata, kDojoGraphHead).set_string_value(text_.graphs[index].head);
    attribute(metadata, kDojoOps).set_int64_value(static_cast<std::int64_t>(graph.ops.size()));
    append(out, metadata);
    for (std::size_t i = 0; i < graph.ops.size(); ++i) append(out, node_of(graph, index, i, rank));
    return out;
  }

  chakra::Node node_of(const Graph& graph, std::uint32_t index, std::size_t i, RankId rank) const {
    const Op& op = graph.ops[i];
    chakra::Node node;
    node.set_id(op.id);
    node.set_name(graph.op_name(op));
    node.set_type(node_type(op.kind));
    for (std::uint32_t d = op.deps_begin; d < op.deps_end; ++d) node.add_data_dependencies(graph.ops[graph.deps[d]].id);
    node.set_duration_us(static_cast<std::uint64_t>((op.duration_ns + 999) / 1000));
    attribute(node, "is_cpu_op").set_bool_value(false);
    if (is_communication(op.kind)) {
      communication(op, rank, node);
    } else {
      const std::int64_t vector = op.elements * op.vector_flops_per_element;
      if (node.type() == kCompNode) attribute(node, "num_ops").set_int64_value(op.flops > 0 ? op.flops : vector);
      attribute(node, "tensor_size").set_uint64_value(static_cast<std::uint64_t>(bytes_of(graph, op)));
    }
    attribute(node, kDojoOp).set_string_value(text_.graphs[index].ops[i]);
    return node;
  }

  void communication(const Op& op, RankId rank, chakra::Node& node) const {
    if (traits(op.kind).has(OpTraits::kNeedsBytes)) attribute(node, "comm_size").set_int64_value(op.bytes);
    if (is_message(op.kind)) {
      attribute(node, op.kind == OpKind::kSend ? "comm_dst" : "comm_src").set_int32_value(op.peer);
      attribute(node, "comm_tag").set_int32_value(op.tag);
      return;
    }
    attribute(node, "comm_type").set_int64_value(chakra_comm_type(op.kind));
    if (op.group > 0) attribute(node, "pg_name").set_string_value(std::to_string(group_of_[op.group][rank]));
    if (op.root > 0) attribute(node, "comm_root").set_int64_value(op.root);
  }

  const Workload& workload_;
  std::string prefix_, extension_;
  TraceText text_;
  std::vector<std::vector<std::uint32_t>> group_of_;  ///< [class][rank]
  OutputSet files_;
};

}  // namespace

void write_chakra_trace(const Workload& workload, const std::string& prefix, bool gzip) {
  if (workload.ranks() > input_limits().output_files) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("{}: found {} ranks, which are as many files, expected at most {}; write the own format, or "
                    "raise the limit with --max-output-files",
                    prefix, workload.ranks(), input_limits().output_files));
  }
  std::vector<bool> used(workload.graphs.size(), false);
  for (const std::uint32_t graph : workload.graph_of_rank) used[graph] = true;
  for (std::size_t g = 0; g < used.size(); ++g) {
    if (!used[g]) {
      throw Error(
          ExitCode::kInvalidInput,
          fmt::format("{}: found graph {} that no rank runs, expected a file for each graph; remove it", prefix, g));
    }
  }
  Writer(workload, prefix, gzip).run();
}

}  // namespace dojo::workload

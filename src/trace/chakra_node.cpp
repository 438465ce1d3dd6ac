// SPDX-License-Identifier: Apache-2.0
// Kinds and attributes of Chakra nodes, with every quirk of real files in one place (docs/trace_format.md lists them).
#include "trace/chakra_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "trace/chakra_attributes.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

constexpr const char* kElementSchema = "symbolic_tensor_network";
constexpr std::int64_t kAssumedElementBytes = 2;

struct CollectiveType {
  const char* name;
  std::optional<OpKind> kind;
};
/// By the value of comm_type; of several of one kind the first is written. Gather and scatter have no counterpart that
/// moves the same bytes.
const std::array<CollectiveType, 10> kCollectives{{{"ALL_REDUCE", OpKind::kAllReduce},
                                                   {"REDUCE", OpKind::kReduce},
                                                   {"ALL_GATHER", OpKind::kAllGather},
                                                   {"GATHER", std::nullopt},
                                                   {"SCATTER", std::nullopt},
                                                   {"BROADCAST", OpKind::kBroadcast},
                                                   {"ALL_TO_ALL", OpKind::kAllToAll},
                                                   {"REDUCE_SCATTER", OpKind::kReduceScatter},
                                                   {"REDUCE_SCATTER_BLOCK", OpKind::kReduceScatter},
                                                   {"BARRIER", OpKind::kBarrier}}};

DType dtype_of_width(std::int64_t width) {
  return width >= 4 ? DType::kFp32 : width == 1 ? DType::kCfp8 : DType::kBf16;
}

}  // namespace

std::int64_t chakra_comm_type(OpKind kind) {
  const auto entry =
      std::find_if(kCollectives.begin(), kCollectives.end(), [&](const auto& e) { return e.kind == kind; });
  DOJO_CHECK(entry != kCollectives.end(), "no comm_type of Chakra for {}", op_kind_name(kind));
  return entry - kCollectives.begin();
}

ChakraNodes::ChakraNodes(const RankRequest& request, const char* unit, Findings& findings, RankGroups& embedded)
    : request_(request),
      unit_(unit),
      findings_(findings),
      embedded_(embedded),
      bytes_per_element_(std::max<std::int64_t>(request.options.bytes_per_element, 1)) {}

void ChakraNodes::set_schema(const std::string& schema) {
  schema_ = schema;
  if (schema == kElementSchema && request_.options.bytes_per_element == 0) bytes_per_element_ = kAssumedElementBytes;
}

void ChakraNodes::report(const OpDraft& draft, const std::string& words) {
  findings_.add("{}: {} {}: rank {}: node id {} '{}': {}", request_.file, unit_, draft.op.place, request_.rank,
                draft.op.id, draft.name, words);
}

void ChakraNodes::pass_through(OpDraft& draft, const std::string& why) {
  draft.op.kind = OpKind::kNone;
  draft.op.bytes = draft.op.flops = draft.op.duration_ns = 0;
  ++counted_[why];
}

bool ChakraNodes::integer(const chakra::Node& node, const OpDraft& draft, const char* name, std::int64_t low,
                          std::int64_t high, std::int64_t& value) {
  const chakra::Attribute* attribute = find_attribute(node, name);
  if (attribute == nullptr || attribute->value_case() == chakra::Attribute::VALUE_NOT_SET) return false;
  const std::optional<std::int64_t> found = integer_of(*attribute);
  if (!found || *found < low || *found > high) {
    report(draft, fmt::format("found {} = {}, expected an integer from {} to {}; correct the trace", name,
                              text_of(*attribute).value_or("no integer"), low, high));
    return false;
  }
  value = *found;
  return true;
}

Bytes ChakraNodes::size(const chakra::Node& node, const OpDraft& draft, const char* name) {
  std::int64_t value = 0;
  integer(node, draft, name, 0, kLargestAmount / bytes_per_element_, value);
  return value * bytes_per_element_;
}

std::string ChakraNodes::fill(const chakra::Node& node, OpDraft& draft) {
  std::int64_t cpu = 0;  // absent means false: a default of true would skip all communication of many files
  integer(node, draft, "is_cpu_op", 0, 1, cpu);
  draft.op.dtype = dtype_of_width(bytes_per_element_ == 1 ? kAssumedElementBytes : bytes_per_element_);
  if (request_.options.bytes_per_element == 1) draft.op.dtype = DType::kCfp8;
  constexpr std::uint64_t kMostMicroseconds = static_cast<std::uint64_t>(kLargestAmount) / 1000;
  if (node.duration_us() > kMostMicroseconds) {
    report(draft, fmt::format("found a duration of {} us, expected at most {}; correct the trace", node.duration_us(),
                              kMostMicroseconds));
  } else {
    draft.op.duration_ns = static_cast<std::int64_t>(node.duration_us()) * 1000;
  }
  const int type = node.type();
  if (type == kMetadataNode) {
    process_groups(node);
    draft.op.duration_ns = 0;
    return "";
  }
  if (type < kMemLoadNode || type > kCommCollNode) {
    pass_through(draft, fmt::format("nodes of the unknown type {} take no time", type));
    return "";
  }
  if (cpu != 0) {
    pass_through(draft, type >= kCommSendNode
                            ? "communication nodes are launches on the host CPU (is_cpu_op) and take no time"
                            : "nodes ran on the host CPU (is_cpu_op) and take no time");
    return "";
  }
  if (type == kCompNode) compute(node, draft);
  if (type == kMemLoadNode || type == kMemStoreNode) memory(node, draft);
  if (type == kCommSendNode || type == kCommRecvNode) message(node, draft);
  return type == kCommCollNode ? collective(node, draft) : "";
}

void ChakraNodes::compute(const chakra::Node& node, OpDraft& draft) {
  draft.op.kind = OpKind::kCompute;
  integer(node, draft, "num_ops", 0, kLargestAmount * 1024, draft.op.flops);
  draft.op.bytes = size(node, draft, "tensor_size");
  if (draft.op.flops == 0 && draft.op.bytes == 0 && draft.op.duration_ns == 0) {
    pass_through(draft, "compute nodes have neither num_ops, tensor_size nor a duration and take no time");
  }
}

void ChakraNodes::memory(const chakra::Node& node, OpDraft& draft) {
  draft.op.kind = node.type() == kMemLoadNode ? OpKind::kMemLoad : OpKind::kMemStore;
  draft.op.bytes = size(node, draft, "tensor_size");
  if (draft.op.bytes == 0 && draft.op.duration_ns > 0) {
    draft.op.kind = OpKind::kCompute;
    draft.op.recorded_on = RecordedOn::kMemory;
    ++counted_["memory nodes have no tensor_size and are replayed by their recorded duration"];
  } else if (draft.op.bytes == 0) {
    pass_through(draft, "memory nodes have no tensor_size and take no time");
  }
}

std::string ChakraNodes::collective(const chakra::Node& node, OpDraft& draft) {
  std::int64_t type = -1;
  const bool typed = integer(node, draft, "comm_type", 0, static_cast<std::int64_t>(kCollectives.size()) - 1, type);
  if (!typed) {
    const chakra::Attribute* attribute = find_attribute(node, "comm_type");
    if (attribute != nullptr && attribute->value_case() != chakra::Attribute::VALUE_NOT_SET) return "";
    if (!replay(node, draft))
      report(draft, "found a collective without comm_type, expected 0 (ALL_REDUCE) to 9 (BARRIER); correct the trace");
    return "";
  }
  const CollectiveType& entry = kCollectives[static_cast<std::size_t>(type)];
  if (!entry.kind) {
    report(draft,
           fmt::format("found comm_type {} ({}), expected a collective that the simulator has: ALL_REDUCE, REDUCE, "
                       "ALL_GATHER, BROADCAST, ALL_TO_ALL, REDUCE_SCATTER, BARRIER; replace it by sends and receives",
                       type, entry.name));
    return "";
  }
  draft.op.kind = *entry.kind;
  draft.op.bytes = size(node, draft, "comm_size");
  const OpTraits& kind = traits(draft.op.kind);
  if (!kind.has(OpTraits::kNeedsBytes)) draft.op.bytes = 0;
  std::int64_t root = 0;
  integer(node, draft, "comm_root", 0, std::numeric_limits<std::int32_t>::max(), root);
  if (kind.has(OpTraits::kHasRoot)) draft.op.root = static_cast<std::int32_t>(root);
  if (draft.op.bytes == 0 && kind.has(OpTraits::kNeedsBytes)) {
    pass_through(draft, "collectives of 0 bytes take no time");
    return "";
  }
  const chakra::Attribute* group = find_attribute(node, "pg_name");
  if (group == nullptr) group = find_attribute(node, "comm_group");  // its older name
  return group != nullptr ? text_of(*group).value_or("") : "";
}

bool ChakraNodes::replay(const chakra::Node& node, OpDraft& draft) {
  if (draft.op.duration_ns == 0 || find_attribute(node, "comm_size") != nullptr) return false;
  draft.op.kind = OpKind::kCompute;
  draft.op.recorded_on = RecordedOn::kNetwork;
  ++counted_["collectives say neither comm_type nor comm_size and are replayed by their recorded duration"];
  return true;
}

void ChakraNodes::message(const chakra::Node& node, OpDraft& draft) {
  const bool sends = node.type() == kCommSendNode;  // comm_type holds garbage here in some files: never read
  draft.op.kind = sends ? OpKind::kSend : OpKind::kRecv;
  draft.op.bytes = size(node, draft, "comm_size");
  const char* key = sends ? "comm_dst" : "comm_src";
  if (find_attribute(node, key) == nullptr && draft.op.duration_ns > 0) {
    draft.op.kind = OpKind::kCompute;
    draft.op.bytes = 0;
    draft.op.recorded_on = RecordedOn::kNetwork;
    ++counted_["sends and receives do not name their peer and are replayed by their recorded duration"];
    return;
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  std::int64_t peer = -1, tag = 0;
  if (!integer(node, draft, key, 0, kMost, peer) && find_attribute(node, key) == nullptr) {
    report(draft, fmt::format("found a {} without {}, expected the other rank: this trace's messages cannot be "
                              "matched; add the attribute",
                              sends ? "send" : "receive", key));
  }
  integer(node, draft, "comm_tag", std::numeric_limits<std::int32_t>::min(), kMost, tag);
  draft.op.peer = static_cast<std::int32_t>(peer);
  draft.op.tag = static_cast<std::int32_t>(tag);
  if (draft.op.bytes == 0) {
    draft.op.bytes = 1;
    ++counted_["messages of 0 bytes are sent as 1 byte, so that they still order their ranks"];
  }
}

void ChakraNodes::process_groups(const chakra::Node& node) {
  if (node.name().find("process_group:init") == std::string::npos) return;
  world_ = std::max(world_, world_of_groups(node.inputs().values()));
  if (!parse_process_groups(node.inputs().values(), embedded_))
    ++counted_["process-group records could not be understood and were skipped"];
}

void ChakraNodes::add_warnings(std::vector<std::string>& warnings) const {
  if (bytes_per_element_ != 1 || schema_ == kElementSchema) {
    warnings.push_back(request_.options.bytes_per_element != 0
                           ? fmt::format("{}: sizes are counted in elements of {} bytes (workload.bytes_per_element)",
                                         request_.file, bytes_per_element_)
                           : fmt::format("{}: schema {} counts elements, not bytes: {} bytes per element (bf16) "
                                         "assumed; set workload.bytes_per_element",
                                         request_.file, schema_, bytes_per_element_));
  }
  for (const auto& [words, count] : counted_) warnings.push_back(fmt::format("{}: {} {}", request_.file, count, words));
}

}  // namespace dojo::workload

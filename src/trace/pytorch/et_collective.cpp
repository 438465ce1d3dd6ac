// SPDX-License-Identifier: Apache-2.0
// Names, sizes and peers of recorded collectives, by attribute where there is one and by position where not.
#include "trace/pytorch/et_collective.h"

#include <algorithm>
#include <limits>

#include "trace/rank_trace.h"

namespace dojo::workload::pytorch {
namespace {

std::string plain(std::string word) {
  std::string kept;
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z') kept += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) kept += c;
  }
  return kept;
}

Bytes bytes_in(const std::vector<EtArgument>& list) {
  Bytes bytes = 0;
  for (const EtArgument& argument : list) {
    for (const EtTensor& tensor : argument.tensors) bytes += tensor.bytes();
  }
  return bytes;
}

/// The text among the inputs that names a collective, and where it stands.
bool find_word(const EtNode& node, std::string& word, std::size_t& at) {
  for (at = 0; at < node.inputs.size(); ++at) {
    OpKind ignored = OpKind::kNone;
    const std::string& text = node.inputs[at].text;
    if (text.empty() || node.inputs[at].tensors.size() > 0) continue;
    if (collective_kind(text, ignored) || plain(text) == "wait" || plain(text).find("coalesc") != std::string::npos) {
      word = text;
      return true;
    }
  }
  return false;
}

/// By attribute, or behind the name: sizes of pieces (two lists), first rank, stride, size of the group.
RankId group_size(const EtNode& node, bool placed, std::size_t at) {
  std::int64_t size = node.group_size;
  if (size <= 0 && placed && at + 5 < node.inputs.size() && node.inputs[at + 5].numbers.size() == 1)
    size = node.inputs[at + 5].numbers[0];
  return size > 0 && size < kMostRanks ? static_cast<RankId>(size) : 0;
}

}  // namespace

bool collective_kind(const std::string& word, OpKind& kind) {
  const std::string name = plain(word);
  const auto begins = [&](const char* text) { return name.rfind(text, 0) == 0; };
  if (begins("allreduce")) {
    kind = OpKind::kAllReduce;
  } else if (begins("allgather")) {
    kind = OpKind::kAllGather;
  } else if (begins("reducescatter")) {
    kind = OpKind::kReduceScatter;
  } else if (begins("alltoall")) {
    kind = OpKind::kAllToAll;
  } else if (begins("broadcast")) {
    kind = OpKind::kBroadcast;
  } else if (begins("reduce")) {
    kind = OpKind::kReduce;
  } else if (begins("barrier")) {
    kind = OpKind::kBarrier;
  } else if (begins("send")) {
    kind = OpKind::kSend;
  } else if (begins("recv")) {
    kind = OpKind::kRecv;
  } else {
    return false;
  }
  return true;
}

std::int64_t dtype_width(const std::string& word) {
  const std::string name = plain(word);
  if (name == "float" || name == "int" || name == "float32" || name == "int32") return 4;
  if (name == "double" || name == "long" || name == "float64" || name == "int64") return 8;
  if (name == "half" || name == "bfloat16" || name == "short" || name == "float16") return 2;
  if (name == "byte" || name == "char" || name == "bool" || name.rfind("float8", 0) == 0 || name == "unsignedchar" ||
      name == "int8" || name == "uint8")
    return 1;
  return 0;
}

bool is_collective_record(const EtNode& node) {
  return node.name == "record_param_comms" || node.name.rfind("nccl:", 0) == 0;
}

EtCollective collective_of(const EtNode& node) {
  EtCollective made;
  std::string word = node.collective;
  std::size_t at = 0;
  std::string positional;
  const bool placed = find_word(node, positional, at);
  if (word.empty()) word = node.name.rfind("nccl:", 0) == 0 ? node.name.substr(5) : positional;
  made.known = collective_kind(word, made.kind);
  if (!made.known) {
    const std::string name = plain(word);
    made.known = name == "wait" || name == "init" || name.find("coalesc") != std::string::npos;
    return made;
  }
  made.group = node.group;
  if (placed && at > 0 && !node.inputs[at - 1].numbers.empty()) {
    const std::int64_t position = node.inputs[at - 1].numbers[0];
    made.position = static_cast<std::int32_t>(std::clamp<std::int64_t>(position, -1, 1 << 30));
  }
  made.group_size = group_size(node, placed, at);
  if (made.kind == OpKind::kBarrier) return made;
  const std::int64_t width = dtype_width(node.dtype);
  const bool receives = made.kind == OpKind::kRecv;
  const std::int64_t counted = receives ? node.out_elements : node.in_elements;
  if (counted > 0 && width > 0) {
    if (__builtin_mul_overflow(counted, width, &made.bytes)) made.bytes = std::numeric_limits<Bytes>::max();
  } else {
    made.bytes = bytes_in(node.inputs);
    if (made.bytes == 0 || receives) made.bytes = std::max(made.bytes, bytes_in(node.outputs));
  }
  return made;
}

}  // namespace dojo::workload::pytorch

// SPDX-License-Identifier: Apache-2.0
// The JSON forms of a Chakra trace: {"workload_graph": [...]} as the C++ feeder reads it, and one message after another
// as protobuf writes them (ids as texts, enumerations as words). Both become nodes of the binary form.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "chakra_trace.pb.h"
#include "trace/chakra.h"
#include "trace/chakra_assembler.h"
#include "trace/located_json.h"

namespace dojo::workload {
namespace {

using Type = LocatedJson::Type;

/// Either spelling of a key: protobuf writes camelCase unless told to keep the names.
const LocatedJson* find(const LocatedJson& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const LocatedJson* found = object.find(key)) return found;
  }
  return nullptr;
}

bool as_unsigned(const LocatedJson& value, std::uint64_t& out) {
  if (value.type == Type::kInteger && value.integer >= 0) {
    out = static_cast<std::uint64_t>(value.integer);
    return true;
  }
  if (value.type == Type::kReal && value.real >= 0 && value.real < 1.8e19 && std::floor(value.real) == value.real) {
    out = static_cast<std::uint64_t>(value.real);
    return true;
  }
  if (value.type != Type::kString) return false;
  const char* end = value.text.data() + value.text.size();
  const auto [after, error] = std::from_chars(value.text.data(), end, out);
  return error == std::errc() && after == end;
}

int node_type(const LocatedJson& value) {
  static constexpr const char* kWords[] = {"INVALID_NODE", "METADATA_NODE",  "MEM_LOAD_NODE",  "MEM_STORE_NODE",
                                           "COMP_NODE",    "COMM_SEND_NODE", "COMM_RECV_NODE", "COMM_COLL_NODE"};
  for (int i = 0; i < 8; ++i) {
    if (value.type == Type::kString && value.text == kWords[i]) return i;
  }
  std::uint64_t number = 0;
  return as_unsigned(value, number) && number <= 1000 ? static_cast<int>(number) : 0;
}

class JsonDecoder {
 public:
  JsonDecoder(const RankRequest& request, Findings& findings)
      : request_(request), findings_(findings), assembler_(request, "line", "chakra-json", findings) {}

  RankTrace workload_graph() {
    const std::size_t before = findings_.lines().size();
    LocatedJson rest;
    stream_json_list(
        request_.bytes, request_.file, "workload_graph", [&](const LocatedJson& item) { feeder_node(item); }, rest,
        findings_);
    const LocatedJson* ranks = rest.find("ngpus");
    if (ranks != nullptr && ranks->type == Type::kInteger) assembler_.set_world(ranks->integer);
    return finish(before);
  }

  RankTrace sequence() {
    const std::size_t before = findings_.lines().size();
    bool first = true;
    stream_json_values(
        request_.bytes, request_.file,
        [&](const LocatedJson& value) {
          const bool is_metadata = first && find(value, {"id", "name", "type"}) == nullptr;
          first = false;
          if (is_metadata) {
            chakra::Metadata metadata;
            attributes(value, metadata);
            assembler_.metadata(metadata);
          } else {
            proto_node(value);
          }
        },
        findings_);
    assembler_.warn_of_open_end();
    return finish(before);
  }

 private:
  RankTrace finish(std::size_t before) {
    if (findings_.lines().size() != before) return {};
    if (assembler_.empty()) {
      assembler_.fail(1, "found no node, expected at least one; write the trace again");
      return {};
    }
    return assembler_.finish();
  }

  void number(const LocatedJson& object, std::initializer_list<const char*> keys, std::uint64_t& out) {
    const LocatedJson* found = find(object, keys);
    if (found == nullptr || as_unsigned(*found, out)) return;
    assembler_.fail(found->line, fmt::format("{}: found {}, expected an integer from 0; correct the trace",
                                             *keys.begin(), describe_value(*found)));
  }

  template <class Add>
  void ids(const LocatedJson& object, std::initializer_list<const char*> keys, Add&& add) {
    const LocatedJson* found = find(object, keys);
    if (found == nullptr) return;
    for (const LocatedJson& item : found->items) {
      std::uint64_t id = 0;
      if (as_unsigned(item, id)) {
        add(id);
      } else {
        assembler_.fail(item.line, fmt::format("{}: found {}, expected the id of a node; correct the trace",
                                               *keys.begin(), describe_value(item)));
      }
    }
  }

  void common(const LocatedJson& item, chakra::Node& node) {
    std::uint64_t id = 0;
    number(item, {"id", "Id"}, id);
    node.set_id(id);
    if (const LocatedJson* name = find(item, {"name", "Name"})) node.set_name(name->text);
    if (const LocatedJson* type = find(item, {"type", "NodeType"})) node.set_type(node_type(*type));
    ids(item, {"data_deps", "dataDeps"}, [&](std::uint64_t dep) { node.add_data_dependencies(dep); });
    ids(item, {"ctrl_deps", "ctrlDeps"}, [&](std::uint64_t dep) { node.add_control_dependencies(dep); });
    std::uint64_t us = 0;
    number(item, {"runtime", "duration_micros", "durationMicros"}, us);
    node.set_duration_us(us);
  }

  static void value(const LocatedJson& json, chakra::Attribute& attribute) {
    if (json.type == Type::kBool) attribute.set_bool_value(json.integer != 0);
    if (json.type == Type::kInteger) attribute.set_int64_value(json.integer);
    if (json.type == Type::kReal) attribute.set_double_value(json.real);
    if (json.type == Type::kString) attribute.set_string_value(json.text);
  }

  void feeder_node(const LocatedJson& item) {
    if (item.type != Type::kObject) {
      assembler_.fail(item.line, fmt::format("found {}, expected a node; correct the trace", describe_value(item)));
      return;
    }
    chakra::Node node;
    common(item, node);
    for (const char* key : {"is_cpu_op", "num_ops", "tensor_size", "comm_type", "comm_priority", "comm_size",
                            "comm_src", "comm_dst", "comm_tag", "pg_name", "comm_group", "stream"}) {
      const LocatedJson* found = item.find(key);
      if (found == nullptr) continue;
      chakra::Attribute& attribute = *node.add_attributes();
      attribute.set_name(key);
      value(*found, attribute);
    }
    assembler_.node(node, item.line);
  }

  /// {"name": "comm_type", "int64Val": "0"}: whatever member is not the name or the comment is the value.
  template <class Message>
  void attributes(const LocatedJson& item, Message& message) {
    const LocatedJson* list = find(item, {"attr", "attribute"});
    if (list == nullptr) return;
    for (const LocatedJson& entry : list->items) {
      chakra::Attribute& attribute = *message.add_attributes();
      for (std::size_t i = 0; i < entry.keys.size() && i < entry.items.size(); ++i) {
        if (entry.keys[i] == "name") {
          attribute.set_name(entry.items[i].text);
        } else if (entry.keys[i] != "docString" && entry.keys[i] != "doc_string") {
          value(entry.items[i], attribute);
        }
      }
    }
  }

  void proto_node(const LocatedJson& item) {
    if (item.type != Type::kObject) {
      assembler_.fail(item.line, fmt::format("found {}, expected a node; correct the trace", describe_value(item)));
      return;
    }
    chakra::Node node;
    common(item, node);
    if (const LocatedJson* inputs = item.find("inputs")) {
      if (const LocatedJson* values = inputs->find("values")) node.mutable_inputs()->set_values(values->text);
    }
    attributes(item, node);
    assembler_.node(node, item.line);
  }

  const RankRequest& request_;
  Findings& findings_;
  ChakraAssembler assembler_;
};

}  // namespace

bool looks_like_chakra_json(const std::string& bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos || bytes[first] != '{') return false;
  static const std::vector<std::string> keys{"workload_graph", "version",     "type",   "format",
                                             "nodes",          "traceEvents", "graphs", "schema"};
  const std::string key = first_top_key(bytes, keys);
  if (key == "workload_graph" || key == "version" || key == "type") return true;
  // All-default metadata is written as {}.
  const std::size_t next = bytes.find_first_not_of(" \t\r\n", first + 1);
  if (next == std::string::npos || bytes[next] != '}') return false;
  const std::size_t second = bytes.find('{', next);
  return second != std::string::npos && first_top_key(bytes.substr(second, 1 << 16), {"type", "id"}) != "";
}

RankTrace decode_chakra_json_rank(const RankRequest& request, Findings& findings) {
  JsonDecoder decoder(request, findings);
  const bool graph = first_top_key(request.bytes, {"workload_graph"}) != "";
  return graph ? decoder.workload_graph() : decoder.sequence();
}

}  // namespace dojo::workload

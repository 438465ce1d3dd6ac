// SPDX-License-Identifier: Apache-2.0
// Reads one entry of "graphs" of the own trace format.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "trace/graph_builder.h"
#include "trace/json_object.h"

namespace dojo::workload {

struct OwnOperation;

class JsonGraphReader {
 public:
  /// `classes` maps the names of group classes to their indices.
  JsonGraphReader(std::string file, const std::unordered_map<std::string, std::uint32_t>& classes, Findings& findings);
  Graph read(const LocatedJson& value, const std::string& path);

 private:
  void read_tensors(JsonObject& graph);
  void read_ops(JsonObject& graph);
  void read_algorithm(JsonObject& object, Op& op);
  void read_own(JsonObject& object, const LocatedJson& value, const OwnOperation& own, OpDraft& draft);
  void read_op(const LocatedJson& value, const std::string& path);
  void read_kind(JsonObject& object, const LocatedJson& value, OpDraft& draft);
  void read_amounts(JsonObject& object, const LocatedJson& value, OpDraft& draft);
  template <class Shape>
  void read_shape(JsonObject& object, Shape& shape);
  void read_communication(JsonObject& object, OpDraft& draft);
  void read_pairs(JsonObject& object, OpDraft& draft);
  void read_lists(JsonObject& object, OpDraft& draft);
  void read_tensor_names(JsonObject& object, const char* key, std::vector<std::uint32_t>& out);
  void check_shapeless(JsonObject& object, const LocatedJson& value, Op& op);
  /// Nothing was found in the operation so far: a check of several keys makes no sense when one of them was refused.
  [[nodiscard]] bool sound() const { return findings_.lines().size() == findings_before_op_; }
  void check_flops(JsonObject& object, const LocatedJson& value, Op& op);
  /// `value` is an enum or an optional one.
  template <class Member>
  void word(JsonObject& object, const char* key, Member& value, bool required);

  std::string file_;
  const std::unordered_map<std::string, std::uint32_t>& classes_;
  Findings& findings_;
  std::size_t findings_before_op_ = 0;
  GraphBuilder builder_;
  std::unordered_map<std::string, std::uint32_t> tensors_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_of_id_;
};

}  // namespace dojo::workload

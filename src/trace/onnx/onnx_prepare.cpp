// SPDX-License-Identifier: Apache-2.0
// What is done to a model before its shapes are inferred: functions become nodes, nodes get an order, constants in
// files beside the model are read.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <queue>
#include <unordered_map>
#include <utility>

#include "trace/onnx/onnx_nodes.h"
#include "trace/rank_trace.h"

namespace dojo::workload::onnx_reader {
namespace {

constexpr int kDeepest = 32;                      ///< calls of functions within functions
constexpr std::size_t kMostNodes = 1000000;       ///< that functions may become
constexpr std::uintmax_t kLargestConstant = 512;  ///< bytes: shapes, axes, sizes

class Inliner {
 public:
  explicit Inliner(onnx::ModelProto& model) {
    for (const onnx::FunctionProto& function : model.functions())
      functions_.emplace(std::pair{function.domain(), function.name()}, &function);
  }

  bool run(onnx::GraphProto& graph, std::string& why) {
    google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
    for (const onnx::NodeProto& node : graph.node()) {
      if (!add(node, 0, nodes, why)) return false;
    }
    graph.mutable_node()->Swap(&nodes);
    return true;
  }

 private:
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  bool add(const onnx::NodeProto& node, int depth, Nodes& to, std::string& why) {
    const auto found = functions_.find({node.domain(), node.op_type()});
    if (found == functions_.end()) {
      *to.Add() = node;
      return true;
    }
    if (depth >= kDeepest || static_cast<std::size_t>(to.size()) > kMostNodes) {
      why = fmt::format("function '{}': found calls more than {} deep, or more than {} nodes in all, expected less",
                        printable(node.op_type()), kDeepest, kMostNodes);
      return false;
    }
    return call(node, *found->second, depth, to, why);
  }

  /// Names of the function's own values get a number behind, so that two calls do not meet.
  bool call(const onnx::NodeProto& node, const onnx::FunctionProto& function, int depth, Nodes& to, std::string& why) {
    const std::string suffix = "@" + std::to_string(++calls_);
    std::unordered_map<std::string, std::string> names;
    for (int i = 0; i < function.input_size(); ++i)
      names[function.input(i)] = i < node.input_size() ? node.input(i) : "";
    for (int i = 0; i < function.output_size() && i < node.output_size(); ++i) {
      if (!node.output(i).empty()) names[function.output(i)] = node.output(i);
    }
    const auto renamed = [&](const std::string& name) {
      return name.empty() ? name : names.emplace(name, name + suffix).first->second;
    };
    for (const onnx::NodeProto& inner : function.node()) {
      onnx::NodeProto copy = inner;
      for (std::string& name : *copy.mutable_input()) name = renamed(name);
      for (std::string& name : *copy.mutable_output()) name = renamed(name);
      copy.set_name((node.name().empty() ? node.op_type() : node.name()) + "/" +
                    (inner.name().empty() ? inner.op_type() : inner.name()));
      copy.clear_attribute();
      for (const onnx::AttributeProto& one : inner.attribute()) {
        if (one.ref_attr_name().empty()) {
          *copy.add_attribute() = one;
        } else if (const onnx::AttributeProto* given = attribute(node, one.ref_attr_name().c_str())) {
          onnx::AttributeProto& made = *copy.add_attribute();
          made = *given;
          made.set_name(one.name());
        }
      }
      if (!add(copy, depth + 1, to, why)) return false;
    }
    return true;
  }

  std::map<std::pair<std::string, std::string>, const onnx::FunctionProto*> functions_;
  std::size_t calls_ = 0;
};

}  // namespace

bool inline_functions(onnx::ModelProto& model, std::string& why) {
  return model.functions_size() == 0 || Inliner(model).run(*model.mutable_graph(), why);
}

bool sort_nodes(onnx::GraphProto& graph, std::string& why) {
  const auto count = static_cast<std::size_t>(graph.node_size());
  std::unordered_map<std::string, std::size_t> maker;
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::string& name : graph.node(static_cast<int>(i)).output()) {
      if (!name.empty()) maker.emplace(name, i);
    }
  }
  std::vector<std::vector<std::size_t>> readers(count);
  std::vector<std::size_t> open(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::string& name : graph.node(static_cast<int>(i)).input()) {
      const auto found = maker.find(name);
      if (found == maker.end()) continue;
      readers[found->second].push_back(i);
      ++open[i];
    }
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (open[i] == 0) ready.push(i);
  }
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  while (!ready.empty()) {
    const std::size_t at = ready.top();
    ready.pop();
    *nodes.Add() = graph.node(static_cast<int>(at));
    for (const std::size_t reader : readers[at]) {
      if (--open[reader] == 0) ready.push(reader);
    }
  }
  if (static_cast<std::size_t>(nodes.size()) == count) {
    graph.mutable_node()->Swap(&nodes);
    return true;
  }
  std::size_t shown = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (open[i] == 0 || ++shown > 8) continue;
    const onnx::NodeProto& node = graph.node(static_cast<int>(i));
    why += fmt::format("{}'{}' ({})", shown == 1 ? "" : ", ", printable(node.name()), node.op_type());
  }
  why = fmt::format(
      "found nodes that wait for each other in a cycle, or behind one: {}{}, expected an order in which "
      "they can run; correct the model",
      why, shown > 8 ? fmt::format(" and {} more", shown - 8) : "");
  return false;
}

void load_external_constants(onnx::GraphProto& graph, const std::string& model_path, std::size_t& missing) {
  namespace fs = std::filesystem;
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    using T = onnx::TensorProto;
    const bool whole = tensor.data_type() == T::INT64 || tensor.data_type() == T::INT32;
    if (tensor.data_location() != T::EXTERNAL || !whole) continue;
    std::uintmax_t bytes = tensor.data_type() == T::INT64 ? 8 : 4;
    for (const std::int64_t extent : tensor.dims())
      bytes = extent < 0 || extent > 64 ? kLargestConstant + 1 : bytes * static_cast<std::uintmax_t>(extent);
    if (bytes > kLargestConstant || tensor.dims_size() > 1) continue;
    std::string location;
    std::uintmax_t offset = 0;
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset")
        std::from_chars(entry.value().data(), entry.value().data() + entry.value().size(), offset);
    }
    const fs::path name = fs::path(location).lexically_normal();
    const bool beside = !name.empty() && name.is_relative() && *name.begin() != "..";
    const fs::path place = fs::path(model_path).parent_path() / name;
    std::error_code absent;
    std::ifstream file;
    // A few bytes out of what may be gigabytes of weights; opening a pipe would wait for its writer.
    if (beside && fs::is_regular_file(place, absent)) file.open(place, std::ios::binary);
    std::string data(bytes, '\0');
    if (!file.is_open() || !file.seekg(static_cast<std::streamoff>(offset)) ||
        !file.read(data.data(), static_cast<std::streamsize>(bytes))) {
      ++missing;
      continue;
    }
    tensor.set_raw_data(data);
    tensor.clear_external_data();
    tensor.set_data_location(T::DEFAULT);
  }
}

}  // namespace dojo::workload::onnx_reader

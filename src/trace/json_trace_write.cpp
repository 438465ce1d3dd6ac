// SPDX-License-Identifier: Apache-2.0
// Writes the own trace format: one operation, tensor or group a line, defaults left out, so that a reader's result is
// written back byte for byte.
#include <fmt/format.h>

#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "dojo/trace/trace.h"
#include "dojo/workload/own_algorithms.h"
#include "trace/file_bytes.h"
#include "trace/graph_builder.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// `items` one a line inside brackets.
std::string list_of(const std::vector<std::string>& items, const std::string& indent) {
  if (items.empty()) return "[]";
  std::string text = "[";
  for (std::size_t i = 0; i < items.size(); ++i) text += fmt::format("{}\n{} {}", i == 0 ? "" : ",", indent, items[i]);
  return text + "]";
}

/// Names by which the file refers to tensors; the format wants them different.
std::vector<std::string> tensor_names(const Graph& graph) {
  std::vector<std::string> names;
  std::set<std::string> used;
  for (const Tensor& tensor : graph.tensors) {
    std::string name = graph.str(tensor.name);
    for (int copy = 2; !used.insert(name).second; ++copy) name = fmt::format("{}#{}", graph.str(tensor.name), copy);
    names.push_back(std::move(name));
  }
  return names;
}

template <class Shape>
Json shape_json(const Shape& shape) {
  const Shape fresh{};
  std::vector<std::int64_t> defaults;
  Shape::fields(fresh,
                [&](const char*, std::int64_t value, const schema::Range&, Given) { defaults.push_back(value); });
  Json json;
  auto default_value = defaults.begin();
  Shape::fields(shape, [&](const char* key, std::int64_t value, const schema::Range&, Given given) {
    const bool is_default = value == *default_value++;
    if (given == Given::kAlways || (given == Given::kUnlessDefault && !is_default)) json[key] = value;
  });
  return json;
}

void add_communication(Json& json, const Op& op, const Workload& workload) {
  if (is_message(op.kind)) {
    json["peer"] = op.peer;
    if (op.tag != 0) json["tag"] = op.tag;
    if (op.route) json["route"] = schema::enum_text(*op.route);
    return;
  }
  if (op.root != 0) json["root"] = op.root;
  if (op.algorithm) {
    const std::string file = file_of(*op.algorithm);  // the trace may be put into any folder
    json["algorithm"] =
        file.empty() ? algorithm_name(*op.algorithm) : std::filesystem::absolute(file).lexically_normal().string();
  }
  if (op.group != 0) json["group"] = workload.group_classes.at(op.group).name;
}

std::string op_line(const Op& op, const Graph& graph, const Workload& workload, const std::vector<std::string>& names) {
  Json json{{"id", op.id}};
  if (op.name != 0) json["name"] = graph.op_name(op);
  json["kind"] = op_kind_name(op.kind);
  if (op.phase != Phase::kOther) json["phase"] = phase_name(op.phase);
  if (op.dtype != DType::kBf16) json["dtype"] = dtype_name(op.dtype);
  if (op.recompute) json["recompute"] = 1;
  visit_shape(op, [&](const auto& shape) { json[shape.kKey] = shape_json(shape); });
  if (op.elements != 0 && traits(op.kind).shape != OpShape::kLookup) json["elements"] = op.elements;
  if (op.channels != 0) json["channels"] = op.channels;
  if (op.rule) json["rule"] = schema::enum_text(*op.rule);
  if (op.vector_flops_per_element != default_vector_flops(op))
    json["vector_flops_per_element"] = op.vector_flops_per_element;
  if (family(op.kind) == OpFamily::kShapeless && op.flops != 0) json["flops"] = op.flops;
  if (op.bytes != 0) json["bytes"] = op.bytes;
  if (op.duration_ns != 0) json["duration_ns"] = op.duration_ns;
  if (op.recorded_on != RecordedOn::kCores) json["recorded_on"] = schema::enum_text(op.recorded_on);
  if (is_communication(op.kind)) add_communication(json, op, workload);
  const auto add_list = [&](const char* key, std::uint32_t begin, std::uint32_t end, auto&& value) {
    Json list = Json::array();
    for (std::uint32_t i = begin; i < end; ++i) list.push_back(value(i));
    if (!list.empty()) json[key] = std::move(list);
  };
  add_list("pair_bytes", op.pairs_begin, op.pairs_end, [&](std::uint32_t i) { return graph.pair_bytes[i]; });
  add_list("deps", op.deps_begin, op.deps_end, [&](std::uint32_t i) { return graph.ops[graph.deps[i]].id; });
  add_list("inputs", op.inputs_begin, op.inputs_end, [&](std::uint32_t i) { return names[graph.tensor_refs[i]]; });
  add_list("outputs", op.outputs_begin, op.outputs_end, [&](std::uint32_t i) { return names[graph.tensor_refs[i]]; });
  return dump(json);
}

GraphText graph_text(const Graph& graph, const Workload& workload) {
  const std::vector<std::string> names = tensor_names(graph);
  std::vector<std::string> tensors, notes;
  GraphText made;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    tensors.push_back(dump(
        {{"name", names[i]}, {"bytes", graph.tensors[i].bytes}, {"role", tensor_role_name(graph.tensors[i].role)}}));
  }
  for (const Op& op : graph.ops) made.ops.push_back(op_line(op, graph, workload, names));
  for (const std::string& note : graph.warnings) notes.push_back(dump(note));
  std::string& text = made.head;
  text = "{";
  if (graph.batch != 0) text += fmt::format("\"batch\":{},", graph.batch);
  if (!notes.empty()) text += fmt::format("\"notes\":{},\n   ", list_of(notes, "   "));
  if (!tensors.empty()) text += fmt::format("\"tensors\":{},\n   ", list_of(tensors, "   "));
  return made;
}

std::vector<std::string> rank_runs(const Workload& workload) {
  std::vector<std::string> runs;
  for (std::size_t first = 0; first < workload.graph_of_rank.size();) {
    std::size_t end = first;
    while (end < workload.graph_of_rank.size() && workload.graph_of_rank[end] == workload.graph_of_rank[first]) ++end;
    runs.push_back(dump({{"graph", workload.graph_of_rank[first]}, {"ranks", end - first}}));
    first = end;
  }
  return runs;
}

std::string class_text(const Workload::GroupClass& group_class) {
  std::vector<std::string> groups;
  for (const Group& group : group_class.groups) groups.push_back(dump({{"name", group.name}, {"ranks", group.ranks}}));
  return fmt::format("{{\"name\":{},\"groups\":{}}}", dump(group_class.name), list_of(groups, "   "));
}

}  // namespace

TraceText json_trace_text(const Workload& workload) {
  TraceText made;
  std::string& text = made.head;
  text = fmt::format("{{\"format\":\"{}\",\n", kTraceFormat);
  if (workload.steps != 1) text += fmt::format(" \"steps\":{},\n", workload.steps);
  text += fmt::format(" \"ranks\":{},\n", list_of(rank_runs(workload), " "));
  std::vector<std::string> classes;
  for (std::size_t i = 1; i < workload.group_classes.size(); ++i)
    classes.push_back(class_text(workload.group_classes[i]));
  if (!classes.empty()) text += fmt::format(" \"group_classes\":{},\n", list_of(classes, " "));
  for (const Graph& graph : workload.graphs) made.graphs.push_back(graph_text(graph, workload));
  return made;
}

std::string join_json_trace(const TraceText& text) {
  std::vector<std::string> graphs;
  for (const GraphText& graph : text.graphs)
    graphs.push_back(graph.head + fmt::format("\"ops\":{}}}", list_of(graph.ops, "   ")));
  return text.head + fmt::format(" \"graphs\":{}}}\n", list_of(graphs, " "));
}

std::string format_json_trace(const Workload& workload) {
  return join_json_trace(json_trace_text(workload));
}

void write_trace(const Workload& workload, const std::string& path) {
  OutputFile file(path);
  write_file_bytes(file, path, format_json_trace(workload));
  file.commit();
}

}  // namespace dojo::workload

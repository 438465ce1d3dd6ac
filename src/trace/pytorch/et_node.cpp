// SPDX-License-Identifier: Apache-2.0
// Nodes of PyTorch execution traces: flat keys (1.0.1), or inputs, outputs and attributes in objects (1.0.2 on).
#include "trace/pytorch/et_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "trace/rank_trace.h"

namespace dojo::workload::pytorch {
namespace {

using Type = LocatedJson::Type;

constexpr std::int64_t kMostElements = std::int64_t{1} << 44;
constexpr std::int64_t kMostWidth = 64;

/// [tensor id, storage id, offset, elements, bytes of an element, device, ...]
bool is_tensor(const LocatedJson& value) {
  if (value.type != Type::kArray || value.items.size() < 6 || value.items[5].type != Type::kString) return false;
  return std::all_of(value.items.begin(), value.items.begin() + 5, [](const LocatedJson& item) {
    return (item.type == Type::kInteger && item.integer >= 0) || item.type == Type::kReal;
  });
}

bool is_floating(const std::string& type) {
  const std::size_t from = type.find("Tensor(");
  const std::string word = from == std::string::npos ? "" : type.substr(from + 7, type.find(')', from) - from - 7);
  for (const char* integer : {"long", "int", "short", "char", "bool", "unsigned"}) {
    if (word.find(integer) != std::string::npos) return false;
  }
  return true;
}

/// Absurd sizes would only overflow later. Numbers that need more than 64 bits come as reals.
std::string absurd_words(const LocatedJson& value, const EtTensor& tensor) {
  const bool whole = value.items[3].type == Type::kInteger && value.items[4].type == Type::kInteger;
  if (whole && tensor.elements <= kMostElements && tensor.width <= kMostWidth) return "";
  return fmt::format("found a tensor of {} elements of {} bytes, expected at most {} of {}",
                     describe_value(value.items[3]), describe_value(value.items[4]), kMostElements, kMostWidth);
}

void collect(const LocatedJson& value, const LocatedJson* shape, const std::string& type, EtArgument& out,
             std::string& absurd) {
  if (is_tensor(value)) {
    EtTensor tensor;
    tensor.id = value.items[0].integer;
    tensor.storage = value.items[1].integer;
    tensor.offset = value.items[2].integer;
    tensor.elements = value.items[3].integer;
    tensor.width = value.items[4].integer;
    tensor.host = value.items[5].text.compare(0, 3, "cpu") == 0;
    tensor.floating = is_floating(type);
    if (shape != nullptr && shape->type == Type::kArray) {
      for (const LocatedJson& extent : shape->items) tensor.shape.push_back(extent.integer);
    }
    if (absurd.empty()) absurd = absurd_words(value, tensor);
    // Tensors of some back ends name no storage: then each is its own. An uninitialised one has neither.
    if (tensor.storage == 0 && tensor.elements > 0) tensor.storage = -1 - tensor.id;
    if (tensor.storage != 0) out.tensors.push_back(std::move(tensor));
    return;
  }
  switch (value.type) {
    case Type::kArray:
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        const bool parallel = shape != nullptr && shape->type == Type::kArray && i < shape->items.size();
        collect(value.items[i], parallel ? &shape->items[i] : nullptr, type, out, absurd);
      }
      return;
    case Type::kInteger:
    case Type::kBool:
      out.numbers.push_back(value.integer);
      return;
    case Type::kString:
      out.text = value.text;
      return;
    default:
      return;
  }
}

void collect_all(const LocatedJson* values, const LocatedJson* shapes, const LocatedJson* types,
                 std::vector<EtArgument>& out, std::string& absurd) {
  if (values == nullptr || values->type != Type::kArray) return;
  for (std::size_t i = 0; i < values->items.size(); ++i) {
    const auto beside = [i](const LocatedJson* list) {
      return list != nullptr && list->type == Type::kArray && i < list->items.size() ? &list->items[i] : nullptr;
    };
    const LocatedJson* type = beside(types);
    EtArgument& argument = out.emplace_back();
    collect(values->items[i], beside(shapes), type != nullptr ? type->text : "", argument, absurd);
  }
}

void take_attribute(const std::string& name, const LocatedJson& value, EtNode& node) {
  const auto whole = [&]() { return static_cast<std::uint64_t>(std::max<std::int64_t>(value.integer, 0)); };
  if (name == "rf_id") node.rf_id = whole();
  if (name == "op_schema") node.schema = value.text;
  if (name == "kernel_backend") node.triton = value.text == "triton";
  if (name == "collective_name") node.collective = value.text;
  if (name == "dtype") node.dtype = value.text;
  if (name == "pg_name") node.group = value.type == Type::kInteger ? std::to_string(value.integer) : value.text;
  if (name == "pg_size") node.group_size = value.integer;
  if (name == "in_msg_nelems") node.in_elements = value.integer;
  if (name == "out_msg_nelems") node.out_elements = value.integer;
}

bool any_tensor(const std::vector<EtArgument>& list) {
  return std::any_of(list.begin(), list.end(), [](const EtArgument& a) { return !a.tensors.empty(); });
}

}  // namespace

bool EtNode::has_tensors() const {
  return any_tensor(inputs) || any_tensor(outputs);
}

bool EtNode::has_results() const {
  return any_tensor(outputs);
}

const EtTensor* EtNode::tensor(std::size_t input) const {
  return input < inputs.size() && !inputs[input].tensors.empty() ? inputs[input].tensors.data() : nullptr;
}

namespace {

struct KnownArguments {
  const char* op;
  std::vector<const char*> names;
};
/// For traces whose op_schema says nothing: which argument stands where.
const std::vector<KnownArguments>& known_arguments() {
  static const std::vector<KnownArguments> table{
      {"convolution",
       {"input", "weight", "bias", "stride", "padding", "dilation", "transposed", "output_padding", "groups"}},
      {"convolution_backward",
       {"grad_output", "input", "weight", "bias_sizes", "stride", "padding", "dilation", "transposed", "output_padding",
        "groups", "output_mask"}},
      {"convolution_backward_overrideable",
       {"grad_output", "input", "weight", "stride", "padding", "dilation", "transposed", "output_padding", "groups",
        "output_mask"}},
      {"conv1d", {"input", "weight", "bias", "stride", "padding", "dilation", "groups"}},
      {"conv2d", {"input", "weight", "bias", "stride", "padding", "dilation", "groups"}},
      {"conv3d", {"input", "weight", "bias", "stride", "padding", "dilation", "groups"}},
      {"cudnn_convolution", {"self", "weight", "padding", "stride", "dilation", "groups"}},
      {"cudnn_convolution_transpose", {"self", "weight", "padding", "output_padding", "stride", "dilation", "groups"}},
      {"miopen_convolution", {"self", "weight", "bias", "padding", "stride", "dilation", "groups"}},
      {"miopen_convolution_transpose",
       {"self", "weight", "bias", "padding", "output_padding", "stride", "dilation", "groups"}},
      {"mkldnn_convolution", {"self", "weight", "bias", "padding", "stride", "dilation", "groups"}},
      {"_conv_depthwise2d", {"self", "weight", "kernel_size", "bias", "stride", "padding", "dilation"}}};
  return table;
}

std::size_t known_place(const std::string& node_name, const std::string& wanted) {
  std::string name = node_name.substr(node_name.rfind(':') == std::string::npos ? 0 : node_name.rfind(':') + 1);
  if (name == "_convolution" || name == "convolution_overrideable") name = "convolution";
  for (const KnownArguments& known : known_arguments()) {
    if (name != known.op) continue;
    const auto at = std::find(known.names.begin(), known.names.end(), wanted);
    if (at != known.names.end()) return static_cast<std::size_t>(at - known.names.begin());
  }
  return static_cast<std::size_t>(-1);
}

/// "aten::mm(Tensor self, Tensor mat2) -> Tensor": the last word of a parameter, before a default, is its name.
std::vector<std::string> parameters_of(const std::string& schema) {
  std::vector<std::string> names;
  const std::size_t open = schema.find('(');
  int depth = 0;
  for (std::size_t i = open, start = open + 1; open != std::string::npos && i < schema.size(); ++i) {
    const char c = schema[i];
    depth += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
    if ((c != ',' || depth != 1) && depth > 0) continue;
    std::string parameter = schema.substr(start, i - start);
    parameter.resize(std::min(parameter.find('='), parameter.size()));
    const std::size_t space = parameter.rfind(' ');
    if (space == 0 || space == std::string::npos || space + 1 < parameter.size())
      names.push_back(space == std::string::npos ? parameter : parameter.substr(space + 1));
    start = i + 1;
    if (depth == 0) break;
  }
  names.erase(std::remove(names.begin(), names.end(), "*"), names.end());
  return names;
}

}  // namespace

const EtArgument* EtNode::argument(const char* wanted) const {
  const std::vector<std::string> names = parameters_of(schema);
  const auto found = std::find(names.begin(), names.end(), wanted);
  std::size_t index = static_cast<std::size_t>(found - names.begin());
  if (names.empty() || (names.size() == 1 && (names[0].empty() || names[0] == "...")))
    index = known_place(name, wanted);
  else if (found == names.end())
    return nullptr;
  return index < inputs.size() ? &inputs[index] : nullptr;
}

bool parse_et_node(const LocatedJson& json, EtNode& node, std::string& why) {
  if (json.type != Type::kObject) {
    why = fmt::format("found {}, expected a node", describe_value(json));
    return false;
  }
  const LocatedJson* id = json.find("id");
  if (id == nullptr || id->type != Type::kInteger || id->integer < 0) {
    why = fmt::format("found {} as id of a node, expected an integer from 0",
                      id == nullptr ? "nothing" : describe_value(*id));
    return false;
  }
  node.id = static_cast<std::uint64_t>(id->integer);
  node.line = json.line;
  if (const LocatedJson* name = json.find("name")) node.name = printable(name->text);
  const LocatedJson* parent = json.find("ctrl_deps");
  if (parent == nullptr) parent = json.find("parent");
  if (parent != nullptr && parent->integer >= 0) node.parent = static_cast<std::uint64_t>(parent->integer);
  const LocatedJson* inputs = json.find("inputs");
  const LocatedJson* outputs = json.find("outputs");
  const auto part = [](const LocatedJson* list, const char* key) {
    return list == nullptr ? nullptr : list->find(key);
  };
  if (inputs != nullptr && inputs->type == Type::kObject) {
    collect_all(part(inputs, "values"), part(inputs, "shapes"), part(inputs, "types"), node.inputs, node.absurd);
    collect_all(part(outputs, "values"), part(outputs, "shapes"), part(outputs, "types"), node.outputs, node.absurd);
  } else {
    collect_all(inputs, json.find("input_shapes"), json.find("input_types"), node.inputs, node.absurd);
    collect_all(outputs, json.find("output_shapes"), json.find("output_types"), node.outputs, node.absurd);
  }
  for (std::size_t i = 0; i < json.keys.size() && i < json.items.size(); ++i)
    take_attribute(json.keys[i], json.items[i], node);
  if (const LocatedJson* attributes = json.find("attrs")) {
    for (const LocatedJson& attribute : attributes->items) {
      const LocatedJson *name = attribute.find("name"), *value = attribute.find("value");
      if (name != nullptr && value != nullptr) take_attribute(name->text, *value, node);
    }
  }
  return true;
}

}  // namespace dojo::workload::pytorch

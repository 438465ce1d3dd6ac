// SPDX-License-Identifier: Apache-2.0
// ONNX models: shapes by libonnx's inference, a training step by ours.
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>

#include "trace/file_formats.h"
#include "trace/json_trace.h"
#include "trace/onnx/onnx_layers.h"
#include "trace/onnx/onnx_nodes.h"
#include "trace/rank_trace.h"

namespace dojo::workload {
namespace onnx_reader {
namespace {

bool is_floating(int type) {
  using T = onnx::TensorProto;
  constexpr int kFirstFloat8 = 17, kLastFloat8 = 20, kFloat4 = 23;  // younger than the library's description
  return type == T::FLOAT || type == T::FLOAT16 || type == T::DOUBLE || type == T::BFLOAT16 ||
         (type >= kFirstFloat8 && type <= kLastFloat8) || type == kFloat4;
}

class Reader {
 public:
  Reader(const FileRequest& request, Findings& findings) : request_(request), findings_(findings), maker_(values_) {}

  Workload run() {
    if (!parse() || !prepare() || !set_inputs() || !infer()) return {};
    take_shapes();
    make_layers();
    if (!findings_.empty()) return {};
    if (layers_.empty()) {
      fail("", "found no node that does work, expected at least one; export the model again");
      return {};
    }
    return build();
  }

 private:
  void fail(const std::string& node, const std::string& words) {
    findings_.add("{}: {}{}", request_.path, node.empty() ? "" : fmt::format("node '{}': ", node), words);
  }

  bool parse() {
    const google::protobuf::LogSilencer silent;  // what is wrong is said below, with the file's name
    if (!model_.ParseFromArray(request_.bytes.data(), static_cast<int>(request_.bytes.size())) || !model_.has_graph()) {
      fail("", fmt::format("found {} bytes that are no whole ONNX model, expected one: the file is cut or damaged; "
                           "export the model again",
                           request_.bytes.size()));
      return false;
    }
    if (model_.opset_import_size() > 0) return true;
    fail("",
         "found no operator set, expected its version: the file is cut, or was not written by an exporter; export "
         "the model again");
    return false;
  }

  bool prepare() {
    std::string why;
    if (!inline_functions(model_, why) || !sort_nodes(*model_.mutable_graph(), why)) {
      fail("", why);
      return false;
    }
    load_external_constants(*model_.mutable_graph(), request_.path, missing_constants_);
    return true;
  }

  /// Sizes that the model leaves open: the first one of an input is the batch, and so is each that has its name.
  bool set_inputs() {
    onnx::GraphProto& graph = *model_.mutable_graph();
    std::unordered_map<std::string, bool> weights;
    for (const onnx::TensorProto& tensor : graph.initializer()) weights.emplace(tensor.name(), true);
    std::unordered_map<std::string, std::int64_t> symbols;
    bool changed = false;
    for (onnx::ValueInfoProto& value : *graph.mutable_input()) {
      if (weights.count(value.name()) > 0) continue;
      if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) {
        fail("", fmt::format("input '{}': found no shape, expected one; give it in the model", value.name()));
        continue;
      }
      auto& dims = *value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim();
      if (dims.empty()) continue;
      onnx::TensorShapeProto::Dimension& first = dims[0];
      const bool open = !first.has_dim_value() || first.dim_value() < 1;
      if (!open && request_.options.batch == 0) {
        batch_ = std::max(batch_, first.dim_value());
        continue;
      }
      batch_ = std::max<std::int64_t>(request_.options.batch, 1);
      changed = changed || (!open && first.dim_value() != batch_);
      if (open && !first.dim_param().empty()) symbols.emplace(first.dim_param(), batch_);
      first.set_dim_value(batch_);
    }
    for (onnx::ValueInfoProto& value : *graph.mutable_input()) {
      if (weights.count(value.name()) == 0 && value.type().has_tensor_type()) check_sizes(value, symbols);
    }
    if (changed) graph.clear_value_info();  // of another batch
    for (onnx::ValueInfoProto& value : *graph.mutable_value_info()) set_symbols(value, symbols);
    for (onnx::ValueInfoProto& value : *graph.mutable_output()) {
      // An open extent says nothing that is not found anyway, and some exporters write too many of them.
      if (changed || !set_symbols(value, symbols)) value.mutable_type()->Clear();
    }
    return findings_.empty();
  }

  void check_sizes(onnx::ValueInfoProto& value, const std::unordered_map<std::string, std::int64_t>& symbols) {
    set_symbols(value, symbols);
    const onnx::TensorShapeProto& shape = value.type().tensor_type().shape();
    for (int d = 0; d < shape.dim_size(); ++d) {
      const onnx::TensorShapeProto::Dimension& dim = shape.dim(d);
      if (!dim.has_dim_value() || dim.dim_value() < 1) {
        fail("", fmt::format("input '{}': found the size '{}' in dimension {}, expected a number; give it in the model",
                             value.name(), dim.dim_param(), d));
      } else if (dim.dim_value() > (std::int64_t{1} << 31)) {
        fail("", fmt::format("input '{}': found {} in dimension {}, expected less; correct the model", value.name(),
                             dim.dim_value(), d));
      }
    }
  }

  /// True when all extents are numbers then.
  static bool set_symbols(onnx::ValueInfoProto& value, const std::unordered_map<std::string, std::int64_t>& symbols) {
    if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return false;
    bool whole = true;
    for (auto& dim : *value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim()) {
      const auto known = dim.has_dim_param() ? symbols.find(dim.dim_param()) : symbols.end();
      if (known != symbols.end()) dim.set_dim_value(known->second);
      whole = whole && dim.has_dim_value() && dim.dim_value() > 0;
    }
    return whole;
  }

  bool infer() {
    std::string why;
    if (infer_shapes(model_, said_, why)) return true;
    fail("", fmt::format("shapes cannot be inferred: {}; correct the model", shortened(why)));
    return false;
  }

  static std::string shortened(const std::string& words) {
    std::string text = printable(words);
    if (text.size() > 300) text.resize(300);
    return text;
  }

  void take_shape(const onnx::ValueInfoProto& info) {
    if (!info.type().has_tensor_type()) return;
    Value& value = values_[info.name()];
    value.floating = is_floating(info.type().tensor_type().elem_type());
    if (!info.type().tensor_type().has_shape()) return;
    value.shape.clear();
    value.known = true;
    for (const auto& dim : info.type().tensor_type().shape().dim()) {
      value.known = value.known && dim.has_dim_value() && dim.dim_value() > 0;
      value.shape.push_back(dim.dim_value());
    }
    value.known = value.known && value.elements() < kLargestAmount / 64;
  }

  void take_shapes() {
    const onnx::GraphProto& graph = model_.graph();
    for (const auto* list : {&graph.input(), &graph.value_info(), &graph.output()}) {
      for (const onnx::ValueInfoProto& info : *list) take_shape(info);
    }
    for (const onnx::TensorProto& tensor : graph.initializer()) {
      Value& value = values_[tensor.name()];
      value.shape.assign(tensor.dims().begin(), tensor.dims().end());
      value.known = std::all_of(value.shape.begin(), value.shape.end(), [](std::int64_t d) { return d > 0; });
      value.known = value.known && value.elements() < kLargestAmount / 64;
      value.floating = is_floating(tensor.data_type());
      value.constant = true;
    }
    for (const onnx::ValueInfoProto& info : graph.input()) {
      Value& value = values_[info.name()];
      if (value.constant) continue;
      value.number = static_cast<std::uint32_t>(inputs_.size());
      inputs_.push_back({printable(info.name()), value.elements()});
    }
  }

  void make_layers() {
    std::uint64_t index = 0;
    bool explain = false;  // what the library said is of use where it knows the operator
    for (const onnx::NodeProto& node : model_.graph().node()) {
      ++index;
      // What is made of constants only is a constant: weights of some exporters stand behind ConstantOfShape.
      const bool constant = std::all_of(node.input().begin(), node.input().end(), [&](const std::string& name) {
        const auto found = values_.find(name);
        return name.empty() || (found != values_.end() && found->second.constant);
      });
      if (constant) {
        for (const std::string& name : node.output()) values_[name].constant = true;
        continue;
      }
      layers::ForwardLayer layer;
      std::string why;
      if (node.output_size() == 0) why = "found no output, expected one; export the model again";
      if (!why.empty() || !maker_.make(node, layer, why)) {
        for (const std::string& name : node.output()) values_[name].failed = true;
        if (why.empty() && !findings_.empty()) continue;  // it follows from a node before
        explain = explain || LayerMaker::is_known(node);
        fail(fmt::format("{}' ({}, number {}) '", printable(node.name()), node.op_type(), index), why);
        continue;
      }
      layer.name = printable(layer.name);
      // The first result carries the data; masks and indices beside it are not followed.
      for (const std::string& name : node.output())
        values_[name].number = static_cast<std::uint32_t>(inputs_.size() + layers_.size());
      if (layer.inputs.empty()) continue;
      layers_.push_back(std::move(layer));
    }
    if (explain && !said_.empty()) fail("", fmt::format("shape inference said: {}", shortened(said_)));
  }

  Workload build() {
    std::vector<std::string> notes;
    const RankId ranks = choose_ranks(request_, 0, notes);
    const auto note = [&](const std::string& words) { notes.push_back(fmt::format("{}: {}", request_.path, words)); };
    const std::int64_t width = request_.options.bytes_per_element;
    layers::StepOptions options;
    options.dtype = width >= 4 ? DType::kFp32 : width == 1 ? DType::kCfp8 : DType::kBf16;
    options.forward_only = request_.options.forward_only;
    options.reduce_gradients = ranks > 1;
    GraphBuilder builder(request_.path, "onnx");
    layers::TrainingStep(builder, inputs_, layers_, options).build();
    note(fmt::format("weights and activations are {}, {} sample{} a rank (workload.bytes_per_element, workload.batch)",
                     dtype_name(options.dtype), batch_, batch_ == 1 ? "" : "s"));
    note(options.forward_only ? "the model is taken as it is: no backward pass was added"
                              : "gradients, their all-reduce in buckets of 8 MiB and the update were added");
    for (const auto& [words, count] : maker_.counted()) note(fmt::format("{} {}", count, words));
    if (missing_constants_ > 0) {
      note(
          fmt::format("{} small constants lie in files that are not beside the model; what depends on them is taken by "
                      "its number of elements",
                      missing_constants_));
    }
    builder.graph().batch = batch_;
    builder.graph().warnings = std::move(notes);
    return shared_graph(builder.take(), ranks);
  }

  const FileRequest& request_;
  Findings& findings_;
  onnx::ModelProto model_;
  std::unordered_map<std::string, Value> values_;
  LayerMaker maker_;
  std::vector<layers::ModelInput> inputs_;
  std::vector<layers::ForwardLayer> layers_;
  std::int64_t batch_ = 1;
  std::string said_;  ///< by the library, about nodes whose shapes it could not infer
  std::size_t missing_constants_ = 0;
};

}  // namespace
}  // namespace onnx_reader

bool looks_like_onnx(const std::string& bytes) {
  // Field 1, the version of the format, then a producer, a domain, a text, the graph or the operator sets.
  if (bytes.size() < 3 || bytes[0] != '\x08' || bytes[1] < 1 || bytes[1] > 31) return false;
  constexpr std::string_view kNext = "\x12\x1a\x22\x28\x32\x3a\x42\x72";
  // A Chakra file may begin so too: eight bytes of metadata, a text of at most six.
  const bool chakra = bytes.size() > 9 && bytes[1] == '\x0a' && static_cast<unsigned char>(bytes[2]) <= 6;
  return !chakra && kNext.find(bytes[2]) != std::string_view::npos;
}

Workload read_onnx(const FileRequest& request, Findings& findings) {
  return onnx_reader::Reader(request, findings).run();
}

}  // namespace dojo::workload

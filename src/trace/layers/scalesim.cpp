// SPDX-License-Identifier: Apache-2.0
// SCALE-Sim's layer lists: convolutions or matrix products, one a row, told apart by the header. A chain of layers;
// the lists are inference, so that the training step is added unless asked otherwise.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "trace/file_formats.h"
#include "trace/json_trace.h"
#include "trace/layers/training_step.h"
#include "trace/text_lines.h"

namespace dojo::workload {
namespace layers {
namespace {

constexpr std::int64_t kLargestExtent = 1 << 24;
enum class Rows : std::uint8_t { kConvolutions, kProducts };

/// By the header's words; neither for another file.
std::optional<Rows> rows_of(std::string_view header) {
  const std::vector<std::string> cells = cells_of(header);
  if (cells.size() < 4 || lower_case(cells[0]).find("layer") == std::string::npos) return std::nullopt;
  if (lower_case(cells[1]) == "m" && lower_case(cells[2]) == "n" && lower_case(cells[3]) == "k") return Rows::kProducts;
  const bool map = lower_case(cells[1]).find("ifmap") != std::string::npos;
  return map && cells.size() >= 8 ? std::optional(Rows::kConvolutions) : std::nullopt;
}

class Reader {
 public:
  Reader(const FileRequest& request, Findings& findings)
      : request_(request), findings_(findings), batch_(std::max<std::int64_t>(request.options.batch, 1)) {}

  Workload run() {
    bool whole = true;
    const std::vector<TextLine> lines = text_lines(request_.bytes, &whole);
    rows_ = *rows_of(lines[0].text);
    for (std::size_t i = 1; i < lines.size(); ++i) row(lines[i]);
    if (lines.size() == 1) {
      findings_.add("{}:{}: found no layer behind the header, expected at least one; write the file again",
                    request_.path, lines[0].number);
    }
    if (!findings_.empty()) return {};
    if (!whole) note("the last line has no end; if the file was cut there, its last number is too small");
    RankId ranks = 1;
    ranks = choose_ranks(request_, 0, notes_);
    GraphBuilder builder(request_.path, "scalesim-csv");
    std::vector<ModelInput> inputs{{"samples", input_elements_}};
    StepOptions options;
    options.dtype = dtype();
    options.forward_only = request_.options.forward_only || is_gradient_list();
    options.reduce_gradients = ranks > 1;
    TrainingStep(builder, inputs, layers_, options).build();
    add_notes(options.forward_only);
    builder.graph().batch = batch_;
    builder.graph().warnings = std::move(notes_);
    return shared_graph(builder.take(), ranks);
  }

 private:
  void note(const std::string& words) { notes_.push_back(fmt::format("{}: {}", request_.path, words)); }

  [[nodiscard]] DType dtype() const {
    const std::int64_t width = request_.options.bytes_per_element;
    return width >= 4 ? DType::kFp32 : width == 1 ? DType::kCfp8 : DType::kBf16;
  }

  /// Sets of lists hold the products of the backward pass in files of their own.
  [[nodiscard]] bool is_gradient_list() const {
    const std::size_t slash = request_.path.rfind('/');
    const std::string name = lower_case(request_.path.substr(slash == std::string::npos ? 0 : slash + 1));
    return name.find("_grad") != std::string::npos;
  }

  void row(const TextLine& line) {
    std::vector<std::string> cells = cells_of(line.text);
    while (!cells.empty() && cells.back().empty()) cells.pop_back();  // the trailing comma, there or not
    const std::size_t numbers = rows_ == Rows::kProducts ? 3 : 7;
    if (cells.size() < numbers + 1) {
      findings_.add("{}:{}: found {} columns, expected {}; correct the row", request_.path, line.number, cells.size(),
                    rows_ == Rows::kProducts ? "4 (name, M, N, K)"
                                             : "8 (name, map height and width, filter height and width, channels, "
                                               "filters, stride)");
      return;
    }
    std::vector<std::int64_t> values;
    for (std::size_t i = 1; i <= numbers; ++i) {
      const auto value = whole_number(cells[i]);
      if (!value || *value < 1 || *value > kLargestExtent) {
        findings_.add("{}:{}: '{}': column {}: found '{}', expected an integer from 1 to {}; correct the row",
                      request_.path, line.number, cells[0], i + 1, cells[i], kLargestExtent);
        return;
      }
      values.push_back(*value);
    }
    if (cells.size() > numbers + 1) ++further_columns_;
    ForwardLayer layer;
    layer.name = cells[0];
    layer.op.place = line.number;
    layer.inputs = {static_cast<std::uint32_t>(layers_.size())};  // value 0 is the samples
    const bool good = rows_ == Rows::kProducts ? product(line, values, layer) : convolution(line, values, layer);
    if (good) layers_.push_back(std::move(layer));
  }

  /// Extents of a row may each be sane and their product beyond everything that a trace may hold.
  bool fits(const TextLine& line, const ForwardLayer& layer, std::initializer_list<std::int64_t> extents) {
    std::int64_t count = 1;
    for (const std::int64_t extent : extents) {
      if (!__builtin_mul_overflow(count, extent, &count) && count <= kLargestAmount) continue;
      findings_.add("{}:{}: '{}': found more than {} elements, expected at most that; correct the row", request_.path,
                    line.number, layer.name, kLargestAmount);
      return false;
    }
    return true;
  }

  bool product(const TextLine& line, const std::vector<std::int64_t>& v, ForwardLayer& layer) {
    if (!fits(line, layer, {v[0], batch_, v[1]}) || !fits(line, layer, {v[0], batch_, v[2]}) ||
        !fits(line, layer, {v[1], v[2]}))
      return false;
    layer.op.kind = OpKind::kMatMul;
    layer.op.mat = {v[0] * batch_, v[1], v[2], 1};
    layer.parameters = v[1] * v[2];
    layer.output_elements = layer.op.mat.m * v[1];
    if (layers_.empty()) input_elements_ = layer.op.mat.m * v[2];
    return true;
  }

  bool convolution(const TextLine& line, const std::vector<std::int64_t>& v, ForwardLayer& layer) {
    // A name with DP is a depth-wise layer: each channel has its own filter.
    const bool depthwise = layer.name.find("DP") != std::string::npos;
    layer.op.kind = OpKind::kConv;
    layer.op.conv = {
        depthwise ? batch_ * v[4] : batch_, depthwise ? 1 : v[4], v[0], v[1], v[5], v[2], v[3], v[6], 0, 0, 0};
    ConvShape& shape = layer.op.conv;
    if (!set_output_size(shape)) {
      findings_.add(
          "{}:{}: '{}': found a filter of {} x {} on a map of {} x {}, expected one that fits; correct the row",
          request_.path, line.number, layer.name, v[2], v[3], v[0], v[1]);
      return false;
    }
    if (!fits(line, layer, {v[2], v[3], v[4], v[5]}) || !fits(line, layer, {shape.n, shape.k, shape.p, shape.q}) ||
        !fits(line, layer, {shape.n, shape.c, shape.h, shape.w}))
      return false;
    layer.parameters = v[2] * v[3] * v[4] * v[5];
    layer.output_elements = shape.n * shape.k * shape.p * shape.q;
    if (layers_.empty()) input_elements_ = shape.n * shape.c * shape.h * shape.w;
    depthwise_ += depthwise ? 1 : 0;
    return true;
  }

  void add_notes(bool forward_only) {
    note(
        fmt::format("layers form a chain, weights and activations are {}, {} sample{} a rank (workload.batch, "
                    "workload.bytes_per_element)",
                    dtype_name(dtype()), batch_, batch_ == 1 ? "" : "s"));
    note(forward_only
             ? "the list is taken as it is: no backward pass was added"
             : "gradients, their all-reduce in buckets of 8 MiB and the update were added to the forward list");
    if (further_columns_ > 0)
      note(fmt::format("{} rows have further columns (sparsity or batch), which were not used", further_columns_));
    if (depthwise_ > 0) note(fmt::format("{} layers with DP in their name are depth-wise", depthwise_));
  }

  const FileRequest& request_;
  Findings& findings_;
  std::int64_t batch_;
  Rows rows_ = Rows::kConvolutions;
  std::vector<ForwardLayer> layers_;
  std::vector<std::string> notes_;
  std::int64_t input_elements_ = 0;
  std::size_t further_columns_ = 0, depthwise_ = 0;
};

}  // namespace
}  // namespace layers

bool looks_like_scalesim(const std::string& bytes) {
  const std::string head = bytes.substr(0, 4096);
  const std::vector<TextLine> lines = text_lines(head);
  return !lines.empty() && layers::rows_of(lines[0].text).has_value();
}

Workload read_scalesim(const FileRequest& request, Findings& findings) {
  return layers::Reader(request, findings).run();
}

}  // namespace dojo::workload

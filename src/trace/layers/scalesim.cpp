// SPDX-License-Identifier: Apache-2.0
// SCALE-Sim's layer lists: convolutions or matrix products, one a row, told apart by the header. A chain of layers;
// the lists are inference, so that the training step is added unless asked otherwise.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "trace/file_formats.h"
#include "trace/json_trace.h"
#include "trace/layers/training_step.h"
#include "trace/text_lines.h"

namespace dojo::workload {
namespace layers {
namespace {

constexpr std::int64_t kLargestExtent = 1 << 24;
constexpr std::size_t kAbsent = ~std::size_t{0};

/// The numbers of a row, in the order in which the reader takes them.
enum ProductColumn : std::size_t { kM, kN, kK, kProductColumns };
enum MapColumn : std::size_t {
  kMapHeight,
  kMapWidth,
  kFilterHeight,
  kFilterWidth,
  kChannels,
  kFilters,
  kStride,
  kMapColumns
};
constexpr const char* kProductWords[] = {"M", "N", "K"};
constexpr const char* kMapWords[] = {
    "map height (IFMAP Height)", "map width (IFMAP Width)", "filter height", "filter width", "channels",
    "filters (Num Filter)",      "stride (Strides)"};

/// Which column holds what, by the words of the header; a column that no word names is kAbsent.
struct Header {
  bool products = false;
  std::size_t name = 0;
  std::vector<std::size_t> columns;
  std::size_t stride_width = kAbsent;  ///< where strides are given for both directions
  std::size_t cells = 0;
  [[nodiscard]] std::size_t named() const {
    return columns.size() - static_cast<std::size_t>(std::count(columns.begin(), columns.end(), kAbsent));
  }
};

/// Letters and digits only, in small: "Num_Filter" and "num filter" are one word.
std::string plain(std::string_view cell) {
  std::string word;
  for (const char c : lower_case(cell)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) word += c;
  }
  return word;
}

std::size_t map_column(const std::string& word) {
  const auto has = [&](const char* part) { return word.find(part) != std::string::npos; };
  const char last = word.empty() ? ' ' : word.back();
  const bool width = has("width") || has("col") || (last == 'w' && !has("row"));
  const bool height = !width && (has("height") || has("row") || last == 'h');
  if (has("stride")) return kStride;
  if (has("ofmap") || has("output"))
    return word == "outputchannels" || word == "outputchannel" ? kFilters : kMapColumns;
  if (has("num") && has("filter")) return kFilters;
  if (has("filter") || has("kernel")) {
    if (height || width) return height ? kFilterHeight : kFilterWidth;
    return word == "filters" || word == "kernels" ? kFilters : kMapColumns;
  }
  if (has("channel")) return kChannels;
  if (has("ifmap") || has("input")) return height ? kMapHeight : width ? kMapWidth : kMapColumns;
  return kMapColumns;
}

Header header_of(const std::vector<std::string>& cells) {
  Header products, maps;
  products.products = true;
  products.columns.assign(kProductColumns, kAbsent);
  maps.columns.assign(kMapColumns, kAbsent);
  products.cells = maps.cells = cells.size();
  products.name = maps.name = kAbsent;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string word = plain(cells[i]);
    if (products.name == kAbsent && (word.find("layer") != std::string::npos || word.find("name") != std::string::npos))
      products.name = maps.name = i;
    const std::size_t product = word == "m" ? kM : word == "n" ? kN : word == "k" ? kK : kProductColumns;
    if (product < kProductColumns && products.columns[product] == kAbsent) products.columns[product] = i;
    const std::size_t map = map_column(word);
    if (map == kStride && (word.back() == 'w' || word.find("width") != std::string::npos)) {
      maps.stride_width = i;
    } else if (map < kMapColumns && maps.columns[map] == kAbsent) {
      maps.columns[map] = i;
    }
  }
  if (maps.columns[kStride] == kAbsent) std::swap(maps.columns[kStride], maps.stride_width);
  return products.named() >= 2 && products.named() >= maps.named() ? products : maps;
}

/// The header of such a list names a layer and at least two of its numbers, or all of a product's.
bool is_header(const Header& header) {
  return header.products ? header.name != kAbsent || header.named() == kProductColumns
                         : header.name != kAbsent && header.named() >= 2;
}

/// A row of a list that has lost its header: a name and whole numbers.
bool is_row(const std::vector<std::string>& cells) {
  std::size_t numbers = 0;
  for (std::size_t i = 1; i < cells.size(); ++i) {
    if (!cells[i].empty() && !whole_number(cells[i])) return false;
    numbers += cells[i].empty() ? 0 : 1;
  }
  return !cells[0].empty() && !whole_number(cells[0]) && (numbers == 3 || numbers == 4 || numbers == 7 || numbers == 8);
}

/// At most so many lines stand above the header: a title, the name of a network.
std::size_t header_line(const std::vector<TextLine>& lines) {
  constexpr std::size_t kMostLines = 5;
  for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) {
    if (is_header(header_of(cells_of(lines[i].text)))) return i;
  }
  return lines.size();
}

class Reader {
 public:
  Reader(const FileRequest& request, Findings& findings)
      : request_(request), findings_(findings), batch_(std::max<std::int64_t>(request.options.batch, 1)) {}

  Workload run() {
    bool whole = true;
    const std::vector<TextLine> lines = text_lines(request_.bytes, &whole);
    const std::size_t first = header_line(lines);
    if (first == lines.size()) {
      findings_.add(
          "{}:{}: found a row of numbers and no header, which says what they are; expected a first line 'Layer, M, N, "
          "K' or 'Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides'; "
          "add it",
          request_.path, lines[0].number);
      return {};
    }
    header_ = header_of(cells_of(lines[first].text));
    skipped_ = first;
    if (!check_header(lines[first])) return {};
    for (std::size_t i = first + 1; i < lines.size(); ++i) row(lines[i]);
    if (layers_.empty() && findings_.empty()) {
      findings_.add("{}:{}: found no layer behind the header, expected at least one; write the file again",
                    request_.path, lines[first].number);
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

  bool check_header(const TextLine& line) {
    for (std::size_t i = 0; i < header_.columns.size(); ++i) {
      if (header_.columns[i] != kAbsent) continue;
      findings_.add("{}:{}: header: found no column for the {}, expected one; add it, or name it so", request_.path,
                    line.number, header_.products ? kProductWords[i] : kMapWords[i]);
    }
    return findings_.empty();
  }

  /// Rows of commas, and titles of parts of a network: a name with nothing behind it.
  static bool is_title(const std::vector<std::string>& cells) {
    return std::count_if(cells.begin(), cells.end(), [](const std::string& c) { return !c.empty(); }) <= 1;
  }

  /// The row's cell as a number; 0 and a finding when it is none.
  std::int64_t number(const TextLine& line, const std::vector<std::string>& cells, const std::string& name,
                      std::size_t column) {
    const auto value = whole_number(cells[column]);
    if (value && *value >= 1 && *value <= kLargestExtent) return *value;
    findings_.add("{}:{}: '{}': column {}: found '{}', expected an integer from 1 to {}; correct the row",
                  request_.path, line.number, name, column + 1, cells[column], kLargestExtent);
    return 0;
  }

  void row(const TextLine& line) {
    std::vector<std::string> cells = cells_of(line.text);
    while (!cells.empty() && cells.back().empty()) cells.pop_back();  // the trailing comma, there or not
    if (is_title(cells) || is_header(header_of(cells))) {
      ++skipped_;
      return;
    }
    const std::size_t last = *std::max_element(header_.columns.begin(), header_.columns.end());
    if (cells.size() <= last) {
      findings_.add(
          "{}:{}: found {} columns, expected {}{}; correct the row", request_.path, line.number, cells.size(), last + 1,
          header_.products ? " (name, M, N, K)"
                           : " (name, map height and width, filter height and width, channels, filters, stride)");
      return;
    }
    ForwardLayer layer;
    const bool named = header_.name < cells.size() && !cells[header_.name].empty();  // it may stand behind the numbers
    layer.name = named ? cells[header_.name] : fmt::format("layer{}", layers_.size() + 1);
    const std::size_t before = findings_.lines().size();
    std::vector<std::int64_t> values;
    for (const std::size_t column : header_.columns) {
      values.push_back(number(line, cells, layer.name, column));
      if (findings_.lines().size() != before) return;
    }
    const bool both = header_.stride_width != kAbsent && header_.stride_width < cells.size();
    if (!header_.products)
      values.push_back(both ? number(line, cells, layer.name, header_.stride_width) : values[kStride]);
    if (findings_.lines().size() != before) return;
    if (cells.size() > std::max(last, both ? header_.stride_width : 0) + 1) ++further_columns_;
    layer.op.place = line.number;
    layer.inputs = {static_cast<std::uint32_t>(layers_.size())};  // value 0 is the samples
    const bool good = header_.products ? product(line, values, layer) : convolution(line, values, layer);
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
    const bool fitting = set_output_size(shape);
    if (fitting && v[7] != v[6]) shape.q = (v[1] - v[3]) / v[7] + 1;
    if (!fitting) {
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
    if (v[7] != v[6]) {  // two strides: the product that does the same work
      layer.op.kind = OpKind::kMatMul;
      layer.op.mat = {shape.n * shape.p * shape.q, shape.k, shape.c * shape.r * shape.s, 1};
      shape = ConvShape{};
    }
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
    if (skipped_ > 0)
      note(fmt::format("{} rows hold no numbers (commas only, a title or a header) and were skipped", skipped_));
    if (further_columns_ > 0)
      note(fmt::format("{} rows have further columns (sparsity or batch), which were not used", further_columns_));
    if (depthwise_ > 0) note(fmt::format("{} layers with DP in their name are depth-wise", depthwise_));
  }

  const FileRequest& request_;
  Findings& findings_;
  std::int64_t batch_;
  Header header_;
  std::vector<ForwardLayer> layers_;
  std::vector<std::string> notes_;
  std::int64_t input_elements_ = 0;
  std::size_t further_columns_ = 0, depthwise_ = 0, skipped_ = 0;
};

}  // namespace
}  // namespace layers

bool looks_like_scalesim(const std::string& bytes) {
  const std::string head = bytes.substr(0, 4096);
  const std::vector<TextLine> lines = text_lines(head);
  if (lines.empty()) return false;
  return layers::header_line(lines) < lines.size() || layers::is_row(cells_of(lines[0].text));
}

Workload read_scalesim(const FileRequest& request, Findings& findings) {
  return layers::Reader(request, findings).run();
}

}  // namespace dojo::workload

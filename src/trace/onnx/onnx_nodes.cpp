// SPDX-License-Identifier: Apache-2.0
// Which ONNX operators are products, and the rules of numpy for their extents.
#include "trace/onnx/onnx_nodes.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace dojo::workload::onnx_reader {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view type, const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), type) != words.end();
}

/// Saturates far above every sane size.
std::int64_t times(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::int64_t{1} << 60;
  std::int64_t result = 0;
  return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &result) || result > kMost ? kMost : result;
}

}  // namespace

const onnx::AttributeProto* attribute(const onnx::NodeProto& node, const char* name) {
  for (const onnx::AttributeProto& one : node.attribute()) {
    if (one.name() == name) return &one;
  }
  return nullptr;
}

std::vector<std::int64_t> integers(const onnx::NodeProto& node, const char* name, std::vector<std::int64_t> otherwise) {
  const onnx::AttributeProto* found = attribute(node, name);
  if (found == nullptr) return otherwise;
  return {found->ints().begin(), found->ints().end()};
}

std::int64_t integer(const onnx::NodeProto& node, const char* name, std::int64_t otherwise) {
  const onnx::AttributeProto* found = attribute(node, name);
  return found == nullptr ? otherwise : found->i();
}

bool matmul_form(const onnx::NodeProto& node, MatMulForm& form) {
  struct Entry {
    const char* type;
    int b;
    bool gemm, packed;
  };
  static constexpr std::array kTypes{Entry{"MatMul", 1, false, false},
                                     Entry{"MatMulInteger", 1, false, false},
                                     Entry{"MatMulInteger16", 1, false, false},
                                     Entry{"MatMulIntegerToFloat", 1, false, false},
                                     Entry{"DynamicQuantizeMatMul", 1, false, false},
                                     Entry{"QLinearMatMul", 3, false, false},
                                     Entry{"FusedMatMul", 1, true, false},
                                     Entry{"FusedMatMulActivation", 1, true, false},
                                     Entry{"TransposeMatMul", 1, true, false},
                                     Entry{"Gemm", 1, true, false},
                                     Entry{"FusedGemm", 1, true, false},
                                     Entry{"GemmFastGelu", 1, false, false},
                                     Entry{"GemmFloat8", 1, true, false},
                                     Entry{"QGemm", 3, true, false},
                                     Entry{"MatMulNBits", 1, false, true},
                                     Entry{"MatMulBnb4", 1, false, true},
                                     Entry{"MatMulFpQ4", 1, false, true}};
  const auto entry =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const Entry& e) { return node.op_type() == e.type; });
  if (entry == kTypes.end()) return false;
  form = {0, entry->b, entry->gemm && integer(node, "transA", 0) != 0, entry->gemm && integer(node, "transB", 0) != 0,
          entry->packed};
  return true;
}

bool convolution_form(const onnx::NodeProto& node, ConvolutionForm& form) {
  static constexpr std::array kPlain{"Conv", "ConvTranspose", "FusedConv", "NhwcFusedConv"};
  if (is_one_of(node.op_type(), kPlain)) {
    form = {0, 1, 2};
  } else if (node.op_type() == "ConvInteger" || node.op_type() == "ConvTransposeInteger") {
    form = {0, 1, -1};
  } else if (node.op_type() == "QLinearConv" || node.op_type() == "QLinearConvTranspose") {
    form = {0, 3, 8};
  } else {
    return false;
  }
  return true;
}

bool is_attention(const onnx::NodeProto& node) {
  static constexpr std::array kTypes{"Attention",
                                     "MultiHeadAttention",
                                     "GroupQueryAttention",
                                     "DecoderMaskedMultiHeadAttention",
                                     "DecoderMaskedSelfAttention",
                                     "SparseAttention",
                                     "PagedAttention",
                                     "PackedMultiHeadAttention",
                                     "QAttention"};
  return is_one_of(node.op_type(), kTypes);
}

bool keeps_shape(const onnx::NodeProto& node) {
  static constexpr std::array kTypes{"RMSNormalization",
                                     "GroupNormalization",
                                     "GroupNorm",
                                     "SkipGroupNorm",
                                     "LayerNormalization",
                                     "InstanceNormalization",
                                     "LpNormalization",
                                     "SimplifiedLayerNormalization",
                                     "SkipLayerNormalization",
                                     "SkipSimplifiedLayerNormalization",
                                     "RotaryEmbedding",
                                     "Gelu",
                                     "FastGelu",
                                     "QuickGelu",
                                     "BiasGelu",
                                     "Mish",
                                     "Swish",
                                     "Silu",
                                     "HardSwish",
                                     "BiasDropout",
                                     "BiasSoftmax",
                                     "QuantizeLinear",
                                     "DequantizeLinear",
                                     "FusedElementwise",
                                     "TensorScatter",
                                     "BitCast"};
  return is_one_of(node.op_type(), kTypes);
}

bool broadcast(const Shape& a, const Shape& b, Shape& out) {
  out.assign(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return false;
    out[out.size() - 1 - i] = std::max(x, y);
  }
  return true;
}

bool numpy_product(const Shape& a, const Shape& b, const MatMulForm& form, Product& product) {
  if (a.empty() || b.empty()) return false;
  const std::size_t da = a.size(), db = b.size();
  const bool row = da == 1, column = db == 1;
  const bool ta = form.transposed_a && !row, tb = form.transposed_b && !column;
  const std::int64_t m = row ? 1 : a[da - (ta ? 1 : 2)], k = a[ta ? da - 2 : da - 1];
  const std::int64_t of_b = column ? b[0] : b[tb ? db - 1 : db - 2], n = column ? 1 : b[tb ? db - 2 : db - 1];
  if (k != of_b) return false;
  const Shape lead_a(a.begin(), a.end() - (row ? 1 : 2)), lead_b(b.begin(), b.end() - (column ? 1 : 2));
  Shape lead;
  if (!broadcast(lead_a, lead_b, lead)) return false;
  std::int64_t batch = 1;
  for (const std::int64_t extent : lead) batch = times(batch, extent);
  product.n = n;
  product.k = k;
  const bool one_b = std::all_of(lead_b.begin(), lead_b.end(), [](std::int64_t extent) { return extent == 1; });
  product.m = one_b ? times(batch, m) : m;  // one b for all: the rows follow each other
  product.batch = one_b ? 1 : batch;
  product.result = lead;
  if (!row) product.result.push_back(m);
  if (!column) product.result.push_back(n);
  return true;
}

namespace {

struct Equation {
  std::string a, b, out;
};

/// An ellipsis stands for the extents that the letters leave, counted from the last one, so that two operands fill up.
bool expand(std::string& term, std::size_t rank) {
  const std::size_t dots = term.find("...");
  if (dots == std::string::npos) return term.size() == rank;
  if (term.size() - 3 > rank) return false;
  std::string more;
  for (std::size_t i = rank - (term.size() - 3); i > 0; --i) more += static_cast<char>(128 + i);
  term.replace(dots, 3, more);
  return true;
}

bool parse_equation(std::string text, std::size_t rank_a, std::size_t rank_b, Equation& e) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const std::size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || text.find(',', comma + 1) != std::string::npos) return false;
  e.a = text.substr(0, comma);
  e.b = text.substr(comma + 1, arrow == std::string::npos ? arrow : arrow - comma - 1);
  if (!expand(e.a, rank_a) || !expand(e.b, rank_b)) return false;
  if (arrow != std::string::npos) {
    e.out = text.substr(arrow + 2);
    const std::size_t at = e.out.find("...");
    if (at == std::string::npos) return true;
    std::string lead;
    for (const std::string* term : {&e.a, &e.b}) {
      std::string own;
      for (const char c : *term) own += static_cast<unsigned char>(c) >= 128 ? std::string(1, c) : "";
      if (own.size() > lead.size()) lead = own;
    }
    e.out.replace(at, 3, lead);
    return true;
  }
  std::map<char, int> seen;  // without an arrow: what occurs once, in the order of the alphabet
  for (const char c : e.a + e.b) ++seen[c];
  for (const auto& [letter, count] : seen) e.out += count == 1 ? std::string(1, letter) : "";
  return true;
}

}  // namespace

bool einsum_product(const std::string& equation, const Shape& a, const Shape& b, Product& product) {
  Equation e;
  if (!parse_equation(equation, a.size(), b.size(), e)) return false;
  std::map<char, std::int64_t> extent;
  const auto note = [&](const std::string& term, const Shape& shape) {
    for (std::size_t i = 0; i < term.size(); ++i) {
      std::int64_t& known = extent.emplace(term[i], shape[i]).first->second;
      if (known != shape[i] && known != 1 && shape[i] != 1) return false;
      known = std::max(known, shape[i]);
    }
    return true;
  };
  if (!note(e.a, a) || !note(e.b, b)) return false;
  product = {1, 1, 1, 1, {}};
  for (const auto& [letter, size] : extent) {
    const bool in_a = e.a.find(letter) != std::string::npos, in_b = e.b.find(letter) != std::string::npos;
    const bool kept = e.out.find(letter) != std::string::npos;
    std::int64_t& to = in_a && in_b ? (kept ? product.batch : product.k) : in_a ? product.m : product.n;
    to = times(to, size);
  }
  for (const char letter : e.out) product.result.push_back(extent.count(letter) > 0 ? extent[letter] : 1);
  return true;
}

}  // namespace dojo::workload::onnx_reader

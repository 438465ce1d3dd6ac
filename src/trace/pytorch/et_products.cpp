// SPDX-License-Identifier: Apache-2.0
// Products of matrices by the shapes of their operands: plain, added, sparse, quantised, grouped; attention; recurrent
// networks. An operator that nobody has described is one too when its shapes say so, and that is said.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

#include "trace/pytorch/et_cost.h"
#include "trace/pytorch/et_words.h"

namespace dojo::workload::pytorch {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 62;

std::int64_t product(std::initializer_list<std::int64_t> factors) {
  std::int64_t result = 1;
  for (const std::int64_t factor : factors) {
    if (factor < 0 || __builtin_mul_overflow(result, factor, &result)) return kMost;
  }
  return std::min(result, kMost);
}

std::int64_t sum(std::int64_t a, std::int64_t b) {
  return a > kMost - b ? kMost : a + b;
}

/// Without the underscore that says "in place": addmm_ is addmm.
std::string_view stem(const std::string& name) {
  std::string_view word = bare(name);
  while (!word.empty() && word.back() == '_') word.remove_suffix(1);
  return word;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_attention(std::string_view name) {
  return contains(name, "scaled_dot_product") || contains(name, "flash_attention") || contains(name, "flash_attn") ||
         contains(name, "efficient_attention") || contains(name, "cudnn_attention") ||
         contains(name, "memory_efficient_attention");
}

/// Layers that hold their weights: each weight matrix meets each token once.
bool is_whole_layer(std::string_view name) {
  static constexpr std::array kWords{"_native_multi_head_attention",
                                     "_transformer_encoder_layer_fwd",
                                     "_cudnn_rnn",
                                     "_cudnn_rnn_backward",
                                     "miopen_rnn",
                                     "mkldnn_rnn_layer",
                                     "lstm",
                                     "gru",
                                     "rnn_tanh",
                                     "rnn_relu",
                                     "lstm_cell",
                                     "gru_cell",
                                     "rnn_tanh_cell",
                                     "rnn_relu_cell"};
  return is_one_of(name, kWords);
}

bool is_linear(std::string_view name) {
  if (contains(name, "bilinear") || contains(name, "trilinear") || contains(name, "upsample") ||
      contains(name, "backward"))
    return false;
  return ends_with(name, "linear") || contains(name, "linear_pointwise") || contains(name, "linear_relu") ||
         contains(name, "linear_dynamic");
}

/// mm, bmm, addmm, _scaled_mm, _weight_int8pack_mm, _cslt_sparse_mm, fp8_gemm ...; not "comm".
bool is_matrix_product(std::string_view name) {
  static constexpr std::array kWords{"mv", "addmv", "dot", "vdot", "inner", "_mkl_linear", "addr"};
  if (is_one_of(name, kWords) || contains(name, "addmm") || contains(name, "gemm") || contains(name, "matmul"))
    return !contains(name, "backward");
  return name == "mm" || ends_with(name, "_mm") || ends_with(name, "bmm") || contains(name, "pack_mm");
}

/// The sum's other operand comes first.
bool is_added(std::string_view name) {
  return name.rfind("add", 0) == 0 || name.rfind("badd", 0) == 0 || name.rfind("_addmm", 0) == 0 ||
         ends_with(name, "_addmm");
}

/// Of the leading dimensions of both, one filling up the other.
std::int64_t batch_of(const EtTensor& a, const EtTensor& b) {
  const std::size_t da = a.shape.size() > 2 ? a.shape.size() - 2 : 0, db = b.shape.size() > 2 ? b.shape.size() - 2 : 0;
  std::int64_t batch = 1;
  for (std::size_t i = 0; i < std::max(da, db); ++i) {
    const std::int64_t of_a = i < da ? a.shape[da - 1 - i] : 1, of_b = i < db ? b.shape[db - 1 - i] : 1;
    batch = product({batch, std::max(of_a, of_b)});
  }
  return batch;
}

/// (... x m x k) * (... x k x n), where one-dimensional operands are a row and a column; or by a transposed b when only
/// that fits.
bool fit(const EtTensor& a, const EtTensor& b, bool transposed, MatShape& mat) {
  if (a.shape.empty() || b.shape.empty()) return false;
  const std::size_t da = a.shape.size(), db = b.shape.size();
  const std::int64_t k = a.shape[da - 1];
  const std::int64_t of_b = db == 1 ? b.shape[0] : b.shape[transposed ? db - 1 : db - 2];
  if (k < 1 || of_b != k || (transposed && db == 1)) return false;
  const std::int64_t n = db == 1 ? 1 : b.shape[transposed ? db - 2 : db - 1];
  if (db <= 2) {
    mat = {a.elements / k, n, k, 1};
  } else {
    mat = {da == 1 ? 1 : a.shape[da - 2], n, k, batch_of(a, b)};
  }
  return mat.m > 0 && mat.n > 0;
}

bool makes(const MatShape& mat, const EtTensor* y) {
  return y == nullptr || product({mat.batch, mat.m, mat.n}) == y->elements;
}

/// A sparse or packed operand has another size than the matrix that it stands for; the result and the other one tell.
bool fit_packed(const EtTensor& a, const EtTensor& b, const EtTensor& y, MatShape& mat) {
  if (y.shape.size() < 2) return false;
  const std::int64_t n = y.shape.back(), rows = y.elements / std::max<std::int64_t>(n, 1);
  if (b.shape.size() == 2 && b.shape[1] == n && (a.shape.empty() || a.shape.back() != b.shape[0])) {
    mat = {rows, n, b.shape[0], 1};
  } else if (a.shape.size() >= 2 && a.elements / std::max<std::int64_t>(a.shape.back(), 1) == rows) {
    mat = {rows, n, a.shape.back(), 1};
  } else {
    return false;
  }
  return mat.m > 0 && mat.n > 0 && mat.k > 0;
}

bool matrix_product(const EtNode& node, EtWork& work) {
  const std::string_view name = stem(node.name);
  const std::size_t first = is_added(name) ? 1 : 0;
  const EtTensor *a = node.tensor(first), *b = node.tensor(first + 1);
  const EtTensor* y = work.writes.empty() ? nullptr : work.writes[0];
  if (a == nullptr || b == nullptr) return false;
  MatShape& mat = work.op.mat;
  bool good = false;
  if (contains(name, "grouped") && b->shape.size() == 3 && a->shape.size() == 2) {
    mat = {a->shape[0], b->shape[2], a->shape[1], 1};  // each row meets the matrix of its group
    good = true;
  } else if (name == "addr") {
    mat = {a->elements, b->elements, 1, 1};
    good = true;
  } else {
    const bool transposed = is_linear(name);
    const bool reduces = contains(name, "addbmm") && !contains(name, "baddbmm");  // the batch is added up
    const EtTensor* made = reduces || contains(name, "grouped") ? nullptr : y;
    good = (fit(*a, *b, transposed, mat) && makes(mat, made)) || (fit(*a, *b, !transposed, mat) && makes(mat, made)) ||
           (y != nullptr && fit_packed(*a, *b, *y, mat));
  }
  if (!good) return false;
  work.op.kind = OpKind::kMatMul;
  work.op.dtype = dtype_of(*a);
  work.reads = {a, b};
  return true;
}

/// Any leading dimensions times a transposed weight, which may be packed into something that is no tensor.
bool linear(const EtNode& node, EtWork& work) {
  if (matrix_product(node, work)) return true;
  const EtTensor* x = node.tensor(0);
  const EtTensor* y = work.writes.empty() ? nullptr : work.writes[0];
  if (x == nullptr || y == nullptr || x->shape.empty() || y->shape.empty() || x->shape.back() < 1) return false;
  if (x->elements / x->shape.back() != y->elements / std::max<std::int64_t>(y->shape.back(), 1)) return false;
  work.op.kind = OpKind::kMatMul;
  work.op.dtype = dtype_of(*x);
  work.op.mat = {x->elements / x->shape.back(), y->shape.back(), x->shape.back(), 1};
  return work.op.mat.m > 0 && work.op.mat.n > 0;
}

/// x1 (m x i), x2 (m x j), weight (n x i x j): each pair of entries of a row meets n weights.
bool bilinear(const EtNode& node, EtWork& work) {
  const EtTensor *x1 = node.tensor(0), *x2 = node.tensor(1), *w = node.tensor(2);
  if (x1 == nullptr || x2 == nullptr || w == nullptr || w->shape.size() != 3 || w->shape[1] < 1) return false;
  work.op.kind = OpKind::kMatMul;
  work.op.dtype = dtype_of(*x1);
  work.op.mat = {x1->elements / w->shape[1], w->shape[0], product({w->shape[1], w->shape[2]}), 1};
  work.reads = {x1, x2, w};
  return work.op.mat.m > 0 && work.op.mat.n > 0;
}

/// Two products forward; backward repeats the first and makes four gradients.
bool attention(const EtNode& node, EtWork& work) {
  const std::string_view name = bare(node.name);
  const bool backward = contains(name, "backward");
  const auto named = [&](const char* word, std::size_t otherwise) {
    const EtArgument* argument = node.argument(word);
    if (argument != nullptr && !argument->tensors.empty())
      return static_cast<const EtTensor*>(argument->tensors.data());
    return node.tensor(otherwise + (backward ? 1 : 0));
  };
  const EtTensor *q = named("query", 0), *k = named("key", 1);
  if (q == nullptr || k == nullptr || q->shape.size() != k->shape.size()) return false;
  const std::size_t dims = q->shape.size();
  if (dims != 3 && dims != 4) return false;
  const bool heads_second = contains(name, "scaled_dot_product");  // [b, h, s, d], else [b, s, h, d]
  const bool packed = dims == 3 && !heads_second;                  // [tokens of all sequences, h, d]
  const std::int64_t keys = packed ? k->shape[0] : k->shape[heads_second ? dims - 2 : 1];
  if (packed) work.note = "attentions over packed sequences are taken as one sequence: their FLOP are an upper bound";
  work.op.kind = OpKind::kCompute;
  work.op.dtype = dtype_of(*q);
  work.op.flops = product({backward ? 10 : 4, q->elements, keys});
  return true;
}

/// All weight matrices times all tokens, and the attention between the tokens of a sequence. Backward is twice that.
bool whole_layer(const EtNode& node, EtWork& work) {
  const std::string_view name = stem(node.name);
  const bool backward = contains(name, "backward"), attends = contains(name, "attention") || contains(name, "encoder");
  const EtTensor* x = node.tensor(0);
  if (x == nullptr || x->shape.empty() || x->shape.back() < 1 || x->shape.size() > 3) return false;
  const std::int64_t tokens = x->elements / x->shape.back();
  std::int64_t flops = 0;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const std::vector<EtTensor>& tensors = node.inputs[i].tensors;
    const bool weights = contains(name, "cell") ? i > 1 : true;  // a cell's second argument is its state
    for (const EtTensor& tensor : tensors) {
      const bool state = tensors.size() <= 2 && tensor.shape == x->shape;
      if (weights && !state && tensor.floating && tensor.shape.size() == 2)
        flops = sum(flops, product({2, tokens, tensor.elements}));
    }
  }
  if (flops == 0) return false;
  if (attends && x->shape.size() == 3) flops = sum(flops, product({4, x->elements, x->shape[1]}));
  work.op.kind = OpKind::kCompute;
  work.op.dtype = dtype_of(*x);
  work.op.flops = backward ? sum(flops, flops) : flops;
  return true;
}

}  // namespace

bool is_product(const std::string& name) {
  const std::string_view word = stem(name);
  return is_matrix_product(word) || is_linear(word) || word == "bilinear" || is_attention(word) || is_whole_layer(word);
}

bool product_work(const EtNode& node, EtWork& work) {
  const std::string_view word = stem(node.name);
  if (is_whole_layer(word)) return whole_layer(node, work);
  if (is_attention(word)) return attention(node, work);
  if (word == "bilinear") return bilinear(node, work);
  return is_linear(word) ? linear(node, work) : matrix_product(node, work);
}

bool unnamed_product(const EtNode& node, EtWork& work) {
  if (node.triton || work.reads.size() < 2 || work.writes.empty() || is_product(node.name)) return false;
  if (node.name.rfind("aten::_foreach", 0) == 0 || contains(node.name, "_fused_")) return false;
  const EtTensor *a = work.reads[0], *b = work.reads[1], *y = work.writes[0];
  const auto matrix = [](const EtTensor& t) { return t.floating && t.shape.size() >= 2; };
  if (!matrix(*a) || !matrix(*b) || !matrix(*y) || (a->shape == y->shape && b->shape == y->shape)) return false;
  MatShape mat;
  const bool good = (fit(*a, *b, false, mat) && makes(mat, y)) || (fit(*a, *b, true, mat) && makes(mat, y));
  if (!good || mat.k < 2 || y->shape.back() != mat.n) return false;
  work.op.kind = OpKind::kMatMul;
  work.op.dtype = dtype_of(*a);
  work.op.mat = mat;
  work.note = "operators '" + std::string(bare(node.name)) +
              "' are not known; their operands have the shapes of a matrix product, and they are timed as one";
  return true;
}

}  // namespace dojo::workload::pytorch

// SPDX-License-Identifier: Apache-2.0
// Kernels as micro-programs: how a programmer would write the operations of a neural network for one core. Each
// function gives the text of one program for each compute thread; assembler.h makes programs of it.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/core/params.h"
#include "dojo/node/attention_cost.h"
#include "dojo/node/kernel_cost.h"
#include "dojo/schema/enum_text.h"

namespace dojo::core {

/// A stretch of the inner dimension with the same loads: all of it, or a tap of a convolution's window.
struct InnerStretch {
  std::int64_t steps = 0;      ///< registers of an operand; 4 elements of bf16 each
  int row_lines = 1;           ///< SRAM lines that the load of a row's register touches
  std::int64_t row_bytes = 0;  ///< from one step of the rows' operand to the next; 0: side by side
  std::int64_t start_bytes = 0;
};

/// (m x k) * (k x n) in blocks of 8 x 8 on the matrix unit.
struct ProductKernel {
  std::int64_t m = 64, n = 64, k = 64;
  std::int64_t element_bytes = 2;         ///< 2 bf16, 1 CFP8
  std::int64_t result_bytes = 2;          ///< 4: FP32
  bool accumulate = false;                ///< starts from partial sums in the SRAM (FP32)
  int block_rows = 2, block_columns = 2;  ///< of blocks of 8 x 8 whose sums are held in registers at once
  int threads = 2;
  bool columns_from_memory = false;     ///< load and execute instead of registers for the columns' operand
  std::vector<InnerStretch> stretches;  ///< empty: a plain product
};
/// Throws Error(kInvalidInput) when it needs more SRAM or registers than there are.
[[nodiscard]] std::string product_text(const ProductKernel& kernel, const Hardware& hardware);

/// Results of a convolution as an implicit product: `m` pixels of `width` a row, `n` output channels.
struct ConvolutionKernel {
  std::int64_t m = 56, width = 14, n = 64, channels = 64;
  int window = 3, stride = 1;
  int block_rows = 2, block_columns = 2, threads = 2;
};
[[nodiscard]] ProductKernel product_of(const ConvolutionKernel& kernel);

/// (m x k) * (k x n) in FP32 on the FMA unit: 16 columns a register.
struct Fp32ProductKernel {
  std::int64_t m = 16, n = 16, k = 16;
  int rows = 8;  ///< sums held in registers at once
  int threads = 2;
};
[[nodiscard]] std::string fp32_product_text(const Fp32ProductKernel& kernel, const Hardware& hardware);

/// `lines` of each input go through `operations` that depend on each other, into each output. 0: a copy.
struct ElementwiseKernel {
  std::int64_t lines = 64;
  int inputs = 1, outputs = 1, operations = 1;
  bool in_fp32 = false;  ///< bf16 is unpacked, computed in FP32 and packed
  int threads = 2;
};
[[nodiscard]] std::string elementwise_text(const ElementwiseKernel& kernel, const Hardware& hardware);

/// The sum of `lines`, then across `lanes` of the register.
struct ReductionKernel {
  std::int64_t lines = 64;
  int lanes = 16;
  int threads = 2;
};
[[nodiscard]] std::string reduction_text(const ReductionKernel& kernel, const Hardware& hardware);

/// Rows that are normalised one by one; some are worked on together, so that their chains across lanes overlap.
struct RowsKernel {
  enum class Kind { kSoftmax, kLayerNorm };
  Kind kind = Kind::kSoftmax;
  std::int64_t rows = 16, lines = 8;  ///< of 64 B a row
  int lanes = 16, together = 4;
  int threads = 2;
};
[[nodiscard]] std::string rows_text(const RowsKernel& kernel, const Hardware& hardware);

/// Update of `groups` of 32 weights. SGD: FP32 weights and momentum, bf16 gradient and copy. Adam: bf16 weights, FP32
/// moments.
struct OptimizerKernel {
  enum class Kind { kSgd, kAdam };
  Kind kind = Kind::kSgd;
  std::int64_t groups = 64;
  int threads = 2;
};
[[nodiscard]] std::string optimizer_text(const OptimizerKernel& kernel, const Hardware& hardware);

/// Squares of 8 lines are transposed by some shuffles a line.
struct TranspositionKernel {
  std::int64_t lines = 64;
  int shuffles = 3;  ///< of each line: log2 of the lines of a square
  int threads = 2;
};
[[nodiscard]] std::string transposition_text(const TranspositionKernel& kernel, const Hardware& hardware);

/// A vector piece of any operation, in its units.
struct StreamKernel {
  node::StreamWork work;
  int threads = 2;
};
[[nodiscard]] std::string stream_text(const StreamKernel& kernel, const Hardware& hardware);

/// Pieces of attention, one after another. Of two threads one makes the scores of the next tile, and sums of the one
/// before, by products; the other works on scores in between.
struct AttentionKernel {
  std::vector<node::AttentionPart> parts;
  int threads = 2;
};
[[nodiscard]] std::string attention_text(const AttentionKernel& kernel, const Hardware& hardware);

/// What the last hardware thread does beside the compute threads of a kernel, without end.
enum class Communication { kNone, kMoves, kPackets, kReceive, kAdd };
inline constexpr std::array<schema::EnumEntry<Communication>, 5> kCommunicationTexts{
    {{Communication::kNone, "none", "there is no communication thread"},
     {Communication::kMoves, "moves", "sends block moves of 16 packets"},
     {Communication::kPackets, "packets", "sends packet by packet"},
     {Communication::kReceive, "receive", "packets arrive; no instruction sees them"},
     {Communication::kAdd, "add", "adds packets that arrive to sums"}}};
constexpr const auto& enum_entries(Communication) {
  return kCommunicationTexts;
}
/// To be put behind the text of a kernel of at most three threads. A packet arrives every `every` cycles.
[[nodiscard]] std::string communication_text(Communication kind, std::int64_t every, const Hardware& hardware);

}  // namespace dojo::core

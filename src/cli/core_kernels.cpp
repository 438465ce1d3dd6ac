// SPDX-License-Identifier: Apache-2.0
// From options to the text of a kernel.
#include "core_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dojo/core/kernels.h"
#include "dojo/node/pipeline_cost.h"

namespace dojo::cli {
namespace {

using core::Hardware;

constexpr std::int64_t kMost = std::int64_t{1} << 30;
constexpr const char* kOfTwoThreads = "two threads";

/// A number's limits are those of every kernel that has it; a kernel may have narrower ones.
struct KernelOption {
  const char* name;
  const char* sentence;
  std::int64_t low = 0, high = 0;  ///< 0 and 0: it is no number
};
constexpr KernelOption kOptions[] = {
    {"m", "rows of the result; of a convolution, pixels; default: 64", 1, kMost},
    {"n", "columns of the result; of a convolution, output channels; default: 64", 1, kMost},
    {"k", "inner dimension; default: 64", 1, kMost},
    {"element-bytes", "2 (bf16, default) or 1 (CFP8)", 1, 2},
    {"result-bytes", "2 (bf16, default), 1 (CFP8) or 4 (FP32)", 1, 4},
    {"blocks", "ROWSxCOLUMNS of blocks of 8 x 8 whose sums are held at once; default: 2x2"},
    {"compute-threads", "1 to 4 hardware threads that share the work; default: 2", 1, core::kThreads},
    {"every", "cycles from packet to packet that arrives; default: 1", 1, kMost},
    {"communication", "none (default), moves, packets, receive or add: what the last hardware thread does meanwhile"},
    {"lines", "lines of 64 B of each operand, or of a row; default: 64", 1, kMost},
    {"inputs", "operands of an elementwise kernel; default: 1", 1, 3},
    {"outputs", "results of an elementwise kernel; default: 1", 1, 4},
    {"operations", "dependent operations on each line; default: 1", 0, 64},
    {"rows", "rows of softmax and layer norm; default: 16", 1, kMost},
    {"together", "rows that are worked on together; default: 4", 1, 4},
    {"lanes", "lanes of a register; default: 16", 1, 64},
    {"groups", "groups of 32 weights; default: 64", 1, kMost},
    {"shuffles", "of each line; default: 3", 1, 16},
    {"width", "pixels of a row of the convolution's result; default: 14", 1, 1 << 20},
    {"channels", "input channels; default: 64", 1, 1 << 20},
    {"window", "rows and columns of the convolution's window; default: 3", 1, 15},
    {"stride", "1 or 2; default: 1", 1, 2},
    {"queries", "of one head; default: 64", 1, 1 << 24},
    {"keys", "of one head; default: 256", 1, 1 << 24},
    {"head-size", "elements of a head; default: 64", 1, 1 << 16},
    {"work", "forward (default), gradients, query-gradient or key-gradients"}};
constexpr KernelOption kFlags[] = {{"accumulate", "start from partial sums in the SRAM"},
                                   {"columns-from-memory", "load and execute instead of registers for one operand"},
                                   {"in-fp32", "unpack bf16, compute in FP32, pack"},
                                   {"keep-scores", "the softmax is stored for the gradient, which loads it"}};

void expect_within(const Options& options, const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  options.fail(low == high ? fmt::format("--{} is {}; expected {}", name, value, low)
                           : fmt::format("--{} is {}; expected a whole number from {} to {}", name, value, low, high));
}
std::int64_t number(const Options& options, const char* name, std::int64_t otherwise) {
  const std::int64_t value = options.value<std::int64_t>(name, otherwise);
  for (const KernelOption& option : kOptions)
    if (std::string_view(option.name) == name) expect_within(options, name, value, option.low, option.high);
  return value;
}
int small(const Options& options, const char* name, int otherwise) {
  return static_cast<int>(number(options, name, otherwise));
}
int threads_of(const Options& options) {
  return small(options, "compute-threads", 2);
}

/// "2x2"
void read_blocks(const Options& options, const Hardware& hardware, int& rows, int& columns) {
  constexpr int kMostOfSide = 4, kMostInRegisters = 6;
  const std::string text = options.text("blocks");
  if (text.empty()) return;
  const std::size_t x = std::min(text.find('x'), text.size());
  const char *begin = text.data(), *end = begin + text.size();
  const auto first = std::from_chars(begin, begin + x, rows);
  const auto second = std::from_chars(std::min(begin + x + 1, end), end, columns);
  if (first.ec != std::errc{} || first.ptr != begin + x || second.ec != std::errc{} || second.ptr != end)
    options.fail(fmt::format("--blocks is '{}'; expected ROWSxCOLUMNS, as in 2x2", text));
  if (rows < 1 || columns < 1 || rows > kMostOfSide || columns > kMostOfSide)
    options.fail(fmt::format("--blocks is '{}'; expected 1 to {} rows and columns", text, kMostOfSide));
  if (hardware.core.sums == topology::SumPlace::kRegisters && rows * columns > kMostInRegisters) {
    options.fail(fmt::format("--blocks is '{}', {} blocks; expected at most {}, whose sums fit the vector registers",
                             text, rows * columns, kMostInRegisters));
  }
}

const char* format_of(std::int64_t element_bytes) {
  return element_bytes == 1 ? "CFP8" : "bf16";
}

CoreKernelRun matmul(const Options& options, const Hardware& hardware) {
  core::ProductKernel kernel;
  kernel.m = number(options, "m", 64);
  kernel.n = number(options, "n", 64);
  kernel.k = number(options, "k", 64);
  kernel.element_bytes = number(options, "element-bytes", 2);
  kernel.accumulate = options.has("accumulate");
  kernel.result_bytes = number(options, "result-bytes", kernel.accumulate ? 4 : 2);
  if (kernel.result_bytes == 3) options.fail("--result-bytes is 3; expected 1, 2 or 4");
  kernel.columns_from_memory = options.has("columns-from-memory");
  kernel.threads = threads_of(options);
  read_blocks(options, hardware, kernel.block_rows, kernel.block_columns);
  return {
      fmt::format("matmul {} x {} x {} {}, results of {} bytes{}, blocks {} x {}, {} threads", kernel.m, kernel.n,
                  kernel.k, format_of(kernel.element_bytes), kernel.result_bytes,
                  kernel.accumulate ? ", partial sums" : "", kernel.block_rows, kernel.block_columns, kernel.threads),
      product_text(kernel, hardware),
      node::PipelineCost(hardware)
          .product({kernel.m, kernel.n, kernel.k, kernel.element_bytes, kernel.result_bytes, kernel.accumulate})
          .cycles};
}

CoreKernelRun convolution(const Options& options, const Hardware& hardware) {
  core::ConvolutionKernel kernel;
  kernel.m = number(options, "m", 64);
  kernel.n = number(options, "n", 64);
  kernel.width = number(options, "width", 14);
  kernel.channels = number(options, "channels", 64);
  kernel.window = small(options, "window", 3);
  kernel.stride = small(options, "stride", 1);
  kernel.threads = threads_of(options);
  read_blocks(options, hardware, kernel.block_rows, kernel.block_columns);
  const core::ProductKernel product = product_of(kernel);
  node::LoadLines lines{0, 0};
  for (const core::InnerStretch& stretch : product.stretches) lines.lines += stretch.row_lines, ++lines.loads;
  return {
      fmt::format("conv {0} x {0}, stride {1}, {2} pixels in rows of {3}, {4} to {5} channels, blocks {6} x {7}, {8} "
                  "threads",
                  kernel.window, kernel.stride, kernel.m, kernel.width, kernel.channels, kernel.n, kernel.block_rows,
                  kernel.block_columns, kernel.threads),
      product_text(product, hardware),
      node::PipelineCost(hardware).product({product.m, product.n, product.k, 2, 2, false}, lines).cycles};
}

node::AttentionWork work_of(const Options& options) {
  using Work = node::AttentionWork;
  constexpr std::pair<const char*, Work> kWords[] = {{"", Work::kForward},
                                                     {"forward", Work::kForward},
                                                     {"gradients", Work::kGradients},
                                                     {"query-gradient", Work::kQueryGradient},
                                                     {"key-gradients", Work::kKeyGradients}};
  const std::string word = options.text("work");
  for (const auto& [text, work] : kWords)
    if (word == text) return work;
  options.fail(fmt::format("--work is '{}'; expected one of forward, gradients, query-gradient, key-gradients", word));
}

CoreKernelRun attention(const Options& options, const Hardware& hardware) {
  node::AttentionPiece piece;
  piece.queries = number(options, "queries", 64);
  piece.keys = number(options, "keys", 256);
  piece.head_size = number(options, "head-size", 64);
  piece.element_bytes = number(options, "element-bytes", 2);
  piece.work = work_of(options);
  piece.keeps_scores = options.has("keep-scores");
  const int threads = threads_of(options);
  expect_within(options, "compute-threads", threads, 2, 2);
  const std::string text =
      core::attention_text({{{piece, 1}}, threads}, hardware);  // refuses what would overflow below
  return {fmt::format("attention of {} queries and {} keys of {} elements {}, {} threads", piece.queries, piece.keys,
                      piece.head_size, format_of(piece.element_bytes), threads),
          text, node::attention_cycles(node::NodeCost(hardware, node::NodeModel::kTable), piece), kOfTwoThreads};
}

CoreKernelRun fp32_matmul(const Options& options, const Hardware& hardware) {
  core::Fp32ProductKernel kernel;
  kernel.m = number(options, "m", 64);
  kernel.n = number(options, "n", 64);
  kernel.k = number(options, "k", 64);
  kernel.threads = threads_of(options);
  return {fmt::format("fp32_matmul {} x {} x {}, {} threads", kernel.m, kernel.n, kernel.k, kernel.threads),
          fp32_product_text(kernel, hardware),
          node::PipelineCost(hardware).fp32_product({kernel.m, kernel.n, kernel.k, 4, 4, false}), kOfTwoThreads};
}

CoreKernelRun elementwise_run(const core::ElementwiseKernel& kernel, const Hardware& hardware,
                              const std::string& title) {
  const std::string text = elementwise_text(kernel, hardware);  // refuses what would overflow below
  const std::int64_t halves = kernel.in_fp32 ? 2 : 1, lines = kernel.lines;
  const Cycles shuffle = kernel.in_fp32 ? hardware.core.shuffle_latency_cycles : 0;
  return {fmt::format("{} of {} lines, {} threads", title, kernel.lines, kernel.threads), text,
          node::PipelineCost(hardware).vector({halves * kernel.operations * lines,
                                               kernel.in_fp32 ? (2 * kernel.inputs + 1) * lines : 0,
                                               kernel.inputs * lines, kernel.outputs * lines, shuffle * kernel.inputs,
                                               hardware.vector_latency_cycles * kernel.operations, shuffle}),
          kOfTwoThreads};
}

CoreKernelRun elementwise(const Options& options, const Hardware& hardware) {
  core::ElementwiseKernel kernel;
  kernel.lines = number(options, "lines", 64);
  kernel.inputs = small(options, "inputs", 1);
  kernel.outputs = small(options, "outputs", 1);
  kernel.operations = small(options, "operations", 1);
  kernel.in_fp32 = options.has("in-fp32");
  kernel.threads = threads_of(options);
  return elementwise_run(kernel, hardware,
                         fmt::format("elementwise {} in, {} out, {} operations{}", kernel.inputs, kernel.outputs,
                                     kernel.operations, kernel.in_fp32 ? " in FP32" : ""));
}

CoreKernelRun copy(const Options& options, const Hardware& hardware) {
  core::ElementwiseKernel kernel;
  kernel.lines = number(options, "lines", 64);
  kernel.operations = 0;
  kernel.threads = threads_of(options);
  return elementwise_run(kernel, hardware, "copy");
}

CoreKernelRun reduction(const Options& options, const Hardware& hardware) {
  core::ReductionKernel kernel;
  kernel.lines = number(options, "lines", 64);
  kernel.lanes = small(options, "lanes", 16);
  kernel.threads = threads_of(options);
  const std::string text = reduction_text(kernel, hardware);
  return {fmt::format("reduction of {} lines of {} lanes, {} threads", kernel.lines, kernel.lanes, kernel.threads),
          text, node::PipelineCost(hardware).reduction(kernel.lines, kernel.lanes), kOfTwoThreads};
}

CoreKernelRun rows_run(core::RowsKernel::Kind kind, const Options& options, const Hardware& hardware) {
  core::RowsKernel kernel;
  kernel.kind = kind;
  kernel.rows = number(options, "rows", 16);
  kernel.lines = number(options, "lines", 8);
  kernel.lanes = small(options, "lanes", 16);
  kernel.together = small(options, "together", 4);
  kernel.threads = threads_of(options);
  const bool softmax = kind == core::RowsKernel::Kind::kSoftmax;
  const std::string text = rows_text(kernel, hardware);
  const std::int64_t lines = kernel.rows * kernel.lines, chains = softmax ? 2 : 1;
  const node::VectorIssues issues{lines * (softmax ? 8 : 4), 0, lines * (softmax ? 3 : 2), lines * chains};
  return {fmt::format("{} of {} rows of {} lines, {} threads", softmax ? "softmax" : "layer_norm", kernel.rows,
                      kernel.lines, kernel.threads),
          text, node::PipelineCost(hardware).rows(issues, {kernel.rows, chains, 2, 6, kernel.lanes}),
          "two threads and four rows together"};
}
CoreKernelRun softmax(const Options& options, const Hardware& hardware) {
  return rows_run(core::RowsKernel::Kind::kSoftmax, options, hardware);
}
CoreKernelRun layer_norm(const Options& options, const Hardware& hardware) {
  return rows_run(core::RowsKernel::Kind::kLayerNorm, options, hardware);
}

CoreKernelRun optimizer_run(core::OptimizerKernel::Kind kind, const Options& options, const Hardware& hardware) {
  core::OptimizerKernel kernel;
  kernel.kind = kind;
  kernel.groups = number(options, "groups", 64);
  kernel.threads = threads_of(options);
  const bool adam = kind == core::OptimizerKernel::Kind::kAdam;
  const std::string text = optimizer_text(kernel, hardware);
  const std::int64_t weights = kernel.groups * 32;
  return {fmt::format("{} of {} weights, {} threads", adam ? "adam" : "sgd", weights, kernel.threads), text,
          node::PipelineCost(hardware).vector(
              {kernel.groups * (adam ? 26 : 6), kernel.groups * (adam ? 5 : 3), kernel.groups * (adam ? 6 : 5),
               kernel.groups * 5, hardware.core.shuffle_latency_cycles,
               hardware.vector_latency_cycles * (adam ? 13 : 3), hardware.core.shuffle_latency_cycles}),
          kOfTwoThreads};
}
CoreKernelRun sgd(const Options& options, const Hardware& hardware) {
  return optimizer_run(core::OptimizerKernel::Kind::kSgd, options, hardware);
}
CoreKernelRun adam(const Options& options, const Hardware& hardware) {
  return optimizer_run(core::OptimizerKernel::Kind::kAdam, options, hardware);
}

CoreKernelRun transposition(const Options& options, const Hardware& hardware) {
  core::TranspositionKernel kernel;
  kernel.lines = number(options, "lines", 64);
  if (kernel.lines % 8 != 0) {
    options.fail(
        fmt::format("--lines is {}; expected a multiple of 8, as squares of a transposition are", kernel.lines));
  }
  kernel.shuffles = small(options, "shuffles", 3);
  kernel.threads = threads_of(options);
  const std::string text = transposition_text(kernel, hardware);
  return {fmt::format("transposition of {} lines, {} shuffles each, {} threads", kernel.lines, kernel.shuffles,
                      kernel.threads),
          text, node::PipelineCost(hardware).vector({0, kernel.lines * kernel.shuffles, kernel.lines, kernel.lines}),
          kOfTwoThreads};
}

}  // namespace

const std::vector<CoreKernel>& core_kernels() {
  static const std::vector<CoreKernel> all{
      {"adam", "Adam's update of bf16 weights with FP32 moments", {"groups"}, adam},
      {"attention",
       "scores that never leave the core, forward or gradient",
       {"queries", "keys", "head-size", "element-bytes", "work", "keep-scores"},
       attention},
      {"conv",
       "convolution as an implicit product",
       {"m", "n", "width", "channels", "window", "stride", "blocks"},
       convolution},
      {"copy", "SRAM to SRAM", {"lines"}, copy},
      {"elementwise",
       "operations on each element",
       {"lines", "inputs", "outputs", "operations", "in-fp32"},
       elementwise},
      {"fp32_matmul", "product on the FMA unit", {"m", "n", "k"}, fp32_matmul},
      {"layer_norm", "layer norm of rows", {"rows", "lines", "lanes", "together"}, layer_norm},
      {"matmul",
       "product on the matrix unit",
       {"m", "n", "k", "element-bytes", "result-bytes", "accumulate", "blocks", "columns-from-memory"},
       matmul},
      {"reduction", "sum of lines, then across lanes", {"lines", "lanes"}, reduction},
      {"sgd", "update with momentum, FP32 weights", {"groups"}, sgd},
      {"softmax", "softmax of rows", {"rows", "lines", "lanes", "together"}, softmax},
      {"transposition", "squares of eight lines", {"lines", "shuffles"}, transposition}};
  return all;
}

void add_kernel_options(Options& options) {
  for (const KernelOption& option : kOptions) {
    const std::string_view name = option.name;
    if (name == "blocks" || name == "communication" || name == "work") {
      options.options()(option.name, po::value<std::string>(), option.sentence);
    } else {
      options.options()(option.name, po::value<std::int64_t>(), option.sentence);
    }
  }
  for (const KernelOption& flag : kFlags) options.options()(flag.name, flag.sentence);
}

void add_communication(const Options& options, const core::Hardware& hardware, CoreKernelRun& run) {
  const std::string word = options.text("communication");
  if (word.empty()) {
    if (options.has("every")) options.fail("--every is for --communication receive or add; expected one of them");
    return;
  }
  const auto kind = schema::enum_value<core::Communication>(word);
  if (!kind) {
    options.fail(fmt::format("--communication is '{}'; expected one of {}", word,
                             fmt::join(schema::enum_words<core::Communication>(), ", ")));
  }
  if (*kind != core::Communication::kNone && threads_of(options) == core::kThreads)
    options.fail("--compute-threads is 4; expected at most 3 beside a communication thread");
  run.text += communication_text(*kind, number(options, "every", 1), hardware);
  if (*kind != core::Communication::kNone) run.title += ", beside it: " + word;
}

void check_kernel_options(const Options& options, const std::string& name, const std::vector<std::string>& known) {
  const auto check = [&](const KernelOption& option) {
    if (!options.has(option.name) || std::find(known.begin(), known.end(), option.name) != known.end()) return;
    for (const char* of_all : {"compute-threads", "communication", "every"})
      if (!known.empty() && std::string(option.name) == of_all) return;
    options.fail(fmt::format("--{} is no option of {}", option.name, name));
  };
  for (const KernelOption& option : kOptions) check(option);
  for (const KernelOption& flag : kFlags) check(flag);
}

}  // namespace dojo::cli

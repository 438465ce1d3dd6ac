// SPDX-License-Identifier: Apache-2.0
// Points at which formulas are held against the core's pipeline. None of them was used to choose the formulas'
// constants.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "dojo/core/kernels.h"
#include "dojo/core/step_programs.h"
#include "dojo/node/grouped_cost.h"
#include "dojo/node/pipeline_cost.h"
#include "support/core_programs.h"

namespace dojo::test {

/// A kernel: cycles of the pipeline, by what a run with `table` knows of the operation, by the formula of that kernel.
struct CorePoint {
  std::string kind, what;
  double pipeline = 0, table = 0, formula = 0;
};

struct FormulaErrors {
  double mean_percent = 0, worst_percent = 0;  ///< of absolute relative errors
  double beyond_10_percent = 0;                ///< share of points, in percent
};
template <class Value>
FormulaErrors errors_of(const std::vector<CorePoint>& points, Value&& value) {
  FormulaErrors errors;
  for (const CorePoint& point : points) {
    const double error = 100 * std::abs(value(point) / point.pipeline - 1);
    errors.mean_percent += error / static_cast<double>(points.size());
    errors.worst_percent = std::max(errors.worst_percent, error);
    errors.beyond_10_percent += (error > 10 ? 100.0 : 0.0) / static_cast<double>(points.size());
  }
  return errors;
}

inline double pipeline_cycles(const std::string& text) {
  return static_cast<double>(run_text(text).cycles);
}

/// Shapes of pieces: 260 of them, drawn from a fixed seed, each once, of 32 to 40,000 issues.
inline std::vector<node::ProductWork> product_shapes() {
  constexpr std::int64_t kRows[] = {8, 14, 24, 49, 56, 64, 100, 128, 196}, kColumns[] = {8, 16, 32, 64, 128, 256},
                         kInner[] = {8, 16, 32, 64, 144, 256, 576, 1024};
  constexpr std::size_t kPoints = 260;
  std::mt19937 draw(20261129);
  const auto one_of = [&draw](const auto& values) { return values[draw() % std::size(values)]; };
  std::vector<node::ProductWork> shapes;
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, Bytes, Bytes, bool>> seen;
  while (shapes.size() < kPoints) {
    node::ProductWork shape{one_of(kRows),           one_of(kColumns),        one_of(kInner),
                            draw() % 4 == 0 ? 1 : 2, draw() % 3 == 0 ? 4 : 2, false};
    shape.accumulate = shape.result_bytes == 4 && draw() % 2 == 0;
    const std::int64_t issues =
        ceil_div<std::int64_t>(shape.m, 8) * ceil_div<std::int64_t>(shape.n, 8) * ceil_div<std::int64_t>(shape.k, 4);
    if (issues < 32 || issues > 40'000) continue;
    if (!seen.emplace(shape.m, shape.n, shape.k, shape.element_bytes, shape.result_bytes, shape.accumulate).second)
      continue;
    shapes.push_back(shape);
  }
  return shapes;
}

inline core::ProductKernel kernel_of(const node::ProductWork& shape, int block_rows, int block_columns) {
  core::ProductKernel kernel;
  kernel.m = shape.m, kernel.n = shape.n, kernel.k = shape.k;
  kernel.element_bytes = shape.element_bytes, kernel.result_bytes = shape.result_bytes;
  kernel.accumulate = shape.accumulate;
  kernel.block_rows = block_rows, kernel.block_columns = block_columns;
  return kernel;
}

/// With the blocking that the formula chooses.
inline std::vector<CorePoint> product_points() {
  const node::NodeCost table{topology::NodeParams{}, node::NodeModel::kTable};
  const node::PipelineCost formula{topology::NodeParams{}};
  std::vector<CorePoint> points;
  for (const node::ProductWork& shape : product_shapes()) {
    const node::BlockedProduct chosen = formula.product(shape);
    points.push_back({"product", fmt::format("{} x {} x {}", shape.m, shape.n, shape.k),
                      pipeline_cycles(product_text(kernel_of(shape, chosen.block_rows, chosen.block_columns), {})),
                      static_cast<double>(table.product(shape)), static_cast<double>(chosen.cycles)});
  }
  return points;
}

/// Products of the groups of a convolution, on the unit that the formulas choose: depthwise, and of a few channels.
inline std::vector<CorePoint> group_points() {
  const node::NodeCost table{topology::NodeParams{}, node::NodeModel::kTable};
  core::Hardware hardware;
  hardware.sram_bytes = std::int64_t{1} << 30;
  core::StepPrograms programs(table);
  std::vector<CorePoint> points;
  for (const std::int64_t pixels : {8, 49, 196})
    for (const std::int64_t channels : {1, 4, 16})
      for (const std::int64_t groups : {4, 32}) {
        const node::ProductWork one{pixels, channels, 9 * channels, 2, 2, false};
        node::CorePiece piece;
        if (node::groups_take_vector_unit(table, one, groups)) {
          piece.kind = node::CorePiece::Kind::kStream;
          piece.stream = table.stream(node::grouped_vector_piece(one, groups));
        } else {
          piece.kind = node::CorePiece::Kind::kProduct;
          piece.product = one;
          piece.times = groups;
        }
        const double cycles = static_cast<double>(core::run(programs.of(piece, {}).work, hardware).cycles);
        const auto formula = static_cast<double>(node::grouped_product_cycles(table, one, groups));
        points.push_back({"groups", fmt::format("{} pixels, {} groups of {} channels", pixels, groups, channels),
                          cycles, formula, formula});
      }
  return points;
}

/// Kernels of the vector units and convolutions.
class OtherPoints {
 public:
  std::vector<CorePoint> take() {
    for (const std::int64_t lines : {4, 16, 64, 256, 1024}) {
      for (const int inputs : {1, 2, 3})
        for (const int operations : {1, 2, 4})
          for (const bool fp32 : {false, true}) elementwise(lines, inputs, operations, fp32);
      elementwise(lines, 1, 0, false);
      for (const int lanes : {16, 32}) reduction(lines, lanes);
    }
    for (const std::int64_t lines : {2, 4, 8, 32, 63})
      for (const std::int64_t rows : {1, 4, 16, 64})
        for (const auto kind : {core::RowsKernel::Kind::kSoftmax, core::RowsKernel::Kind::kLayerNorm})
          if (lines * rows <= 4096) normalise(kind, rows, lines);
    for (const std::int64_t groups : {4, 16, 64, 256, 1024})
      for (const auto kind : {core::OptimizerKernel::Kind::kSgd, core::OptimizerKernel::Kind::kAdam})
        optimize(kind, groups);
    for (const std::int64_t lines : {64, 256, 1024})
      for (const int shuffles : {1, 3, 5}) transpose(lines, shuffles);
    for (const std::int64_t m : {16, 64})
      for (const std::int64_t n : {16, 64, 128})
        for (const std::int64_t k : {16, 64, 256}) fp32_product(m, n, k);
    convolutions();
    return std::move(points_);
  }

 private:
  static constexpr std::int64_t kLine = core::kLineBytes;
  static constexpr Cycles kFma = 4, kShuffle = 4;  ///< latencies of the defaults
  void add(const char* kind, std::string what, const std::string& text, Cycles table, Cycles formula) {
    points_.push_back(
        {kind, std::move(what), pipeline_cycles(text), static_cast<double>(table), static_cast<double>(formula)});
  }

  void elementwise(std::int64_t lines, int inputs, int operations, bool fp32) {
    core::ElementwiseKernel kernel;
    kernel.lines = lines, kernel.inputs = inputs, kernel.operations = operations, kernel.in_fp32 = fp32;
    const char* kind = operations == 0 ? "copy" : fp32 ? "elementwise in FP32" : "elementwise";
    const std::int64_t halves = fp32 ? 2 : 1;
    add(kind, fmt::format("{} lines, {} in, {} operations", lines, inputs, operations), elementwise_text(kernel, {}),
        (fp32 ? wide_ : table_).vector({inputs * lines * kLine, lines * kLine, 0, 2, lines * 32 * operations}),
        formula_.vector({halves * operations * lines, fp32 ? (2 * inputs + 1) * lines : 0, inputs * lines, lines,
                         fp32 ? kShuffle * inputs : 0, kFma * operations, fp32 ? kShuffle : 0}));
  }
  void reduction(std::int64_t lines, int lanes) {
    core::ReductionKernel kernel;
    kernel.lines = lines, kernel.lanes = lanes;
    add("reduction", fmt::format("{} lines, {} lanes", lines, lanes), reduction_text(kernel, {}),
        table_.vector({lines * kLine, 0, 0, kLine / lanes, lines * lanes, {2, 1, 1, 3, lanes}}),
        formula_.reduction(lines, lanes));
  }
  void normalise(core::RowsKernel::Kind kind, std::int64_t rows, std::int64_t lines) {
    core::RowsKernel kernel;
    kernel.kind = kind, kernel.rows = rows, kernel.lines = lines;
    const bool softmax = kind == core::RowsKernel::Kind::kSoftmax;
    // As workload::row_operation() and operations_of_element() have it.
    const std::int64_t bytes = rows * lines * kLine, all = rows * lines, chains = softmax ? 2 : 1;
    const node::RowWork work{rows, chains, 2, 6, 16 * lines};
    node::RowWork across = work;
    across.lanes = 16;
    const node::VectorIssues passes{all * (softmax ? 8 : 4), 0, all * (chains + 1), all * chains};
    add(softmax ? "softmax" : "layer norm", fmt::format("{} rows of {} lines", rows, lines), rows_text(kernel, {}),
        table_.vector({(chains + 1) * bytes, chains * bytes, 0, 4, all * 16 * (softmax ? 8 : 4), work}),
        formula_.rows(passes, across));
  }
  void optimize(core::OptimizerKernel::Kind kind, std::int64_t groups) {
    core::OptimizerKernel kernel;
    kernel.kind = kind, kernel.groups = groups;
    const bool adam = kind == core::OptimizerKernel::Kind::kAdam;
    const std::int64_t weights = 32 * groups;
    add(adam ? "Adam" : "SGD", fmt::format("{} groups", groups), optimizer_text(kernel, {}),
        table_.vector({weights * (adam ? 12 : 10),
                       weights * 10,
                       0,
                       4,
                       weights * (adam ? 13 : 3),
                       {},
                       0,
                       weights * (adam ? 4 : 2),
                       weights * 2}),
        formula_.vector({groups * (adam ? 26 : 6), groups * (adam ? 5 : 3), groups * (adam ? 6 : 5), groups * 5,
                         kShuffle, kFma * (adam ? 13 : 3), kShuffle}));
  }
  void transpose(std::int64_t lines, int shuffles) {
    core::TranspositionKernel kernel;
    kernel.lines = lines, kernel.shuffles = shuffles;
    add("transposition", fmt::format("{} lines, {} shuffles", lines, shuffles), transposition_text(kernel, {}),
        table_.vector({lines * kLine, lines * kLine, 0, 2, 0, {}, shuffles * lines * 32}),
        formula_.vector({0, lines * shuffles, lines, lines}));
  }
  void fp32_product(std::int64_t m, std::int64_t n, std::int64_t k) {
    core::Fp32ProductKernel kernel;
    kernel.m = m, kernel.n = n, kernel.k = k;
    const Cycles table = table_.product({m, n, k, 4, 4, false});
    add("FP32 product", fmt::format("{} x {} x {}", m, n, k), fp32_product_text(kernel, {}), table, table);
  }
  void convolutions() {
    for (const std::int64_t width : {7, 14, 28, 56})
      for (const std::int64_t channels : {16, 64, 128})
        for (const std::int64_t n : {16, 64})
          for (const auto& [window, stride] : {std::pair{3, 1}, {3, 2}, {1, 2}}) {
            core::ConvolutionKernel kernel;
            kernel.m = width == 7 ? 49 : width == 14 ? 28 : 56;
            kernel.width = width, kernel.channels = channels, kernel.n = n;
            kernel.window = window, kernel.stride = stride;
            convolution(kernel);
          }
  }
  void convolution(core::ConvolutionKernel kernel) {
    const core::ProductKernel shape = product_of(kernel);
    node::LoadLines lines{0, 0};
    for (const core::InnerStretch& stretch : shape.stretches) lines.lines += stretch.row_lines, ++lines.loads;
    const node::ProductWork work{shape.m, shape.n, shape.k, 2, 2, false};
    const node::BlockedProduct chosen = formula_.product(work, lines);
    kernel.block_rows = chosen.block_rows, kernel.block_columns = chosen.block_columns;
    add("convolution",
        fmt::format("{0} x {0}, stride {1}, rows of {2}, {3} to {4} channels", kernel.window, kernel.stride,
                    kernel.width, kernel.channels, kernel.n),
        product_text(product_of(kernel), {}), table_.product(work), chosen.cycles);
  }

  node::NodeCost table_{topology::NodeParams{}, node::NodeModel::kTable};
  node::PipelineCost formula_{topology::NodeParams{}};
  static topology::NodeParams unpacking() {
    topology::NodeParams node;
    node.vector_formats_native = false;
    return node;
  }
  node::NodeCost wide_{unpacking(), node::NodeModel::kTable};
  std::vector<CorePoint> points_;
};

}  // namespace dojo::test

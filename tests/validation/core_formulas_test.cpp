// SPDX-License-Identifier: Apache-2.0
// Formulas of kernels against the cycle-level pipeline of the core: 260 products, 254 other kernels. Rows say the mean
// error in percent against a limit; the tables by kind are printed for docs/core.md.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "support/core_points.h"
#include "support/run_pieces.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

double table_of(const CorePoint& point) {
  return point.table;
}
double formula_of(const CorePoint& point) {
  return point.formula;
}

void print_row(const std::string& kind, const std::vector<CorePoint>& points) {
  const FormulaErrors now = errors_of(points, table_of), next = errors_of(points, formula_of);
  fmt::print("| {} | {} | {:.1f} % | {:.0f} % | {:.1f} % | {:.0f} % |\n", kind, points.size(), now.mean_percent,
             now.worst_percent, next.mean_percent, next.worst_percent);
}

TEST(CoreFormulas, OfProducts) {
  const std::vector<CorePoint> points = product_points();
  ASSERT_EQ(points.size(), 260u);
  print_row("product", points);
  const FormulaErrors now = errors_of(points, table_of);
  judge({"core_products", "mean error of run.node_model=table over 260 products on one core", "at most 4 %", "%", 0, 1},
        4, now.mean_percent);
  judge({"core_products_beyond", "share of these products where it is off by more than 10 %", "at most 8 %", "%", 0, 1},
        8, now.beyond_10_percent);
}

TEST(CoreFormulas, OfProductsOfNetworks) {
  const std::vector<CorePoint> points = network_product_points();
  ASSERT_GE(points.size(), 400u);
  print_row("products of networks", points);
  const FormulaErrors errors = errors_of(points, table_of);
  judge({"core_network_products",
         "mean error of run.node_model=table over all products of a step of ResNet-50 and of a layer of GPT on a die",
         "at most 4 %", "%", 0, 1},
        4, errors.mean_percent);
  judge({"core_network_products_beyond", "share of these products where it is off by more than 10 %", "at most 8 %",
         "%", 0, 1},
        8, errors.beyond_10_percent);
}

TEST(CoreFormulas, OfAttention) {
  const std::vector<CorePoint> points = attention_points();
  ASSERT_GE(points.size(), 20u);
  std::map<std::string, std::vector<CorePoint>> kinds;
  for (const CorePoint& point : points) kinds[point.kind].push_back(point);
  for (const auto& [kind, of_kind] : kinds) print_row(kind, of_kind);
  const FormulaErrors errors = errors_of(points, table_of);
  judge({"core_attention", "mean error of run.node_model=table over the pieces of attention of five networks on a die",
         "at most 5 %", "%", 0, 1},
        5, errors.mean_percent);
  judge({"core_attention_beyond", "share of these pieces where it is off by more than 10 %", "at most 8 %", "%", 0, 1},
        8, errors.beyond_10_percent);
}

/// A matrix unit twice as deep, a slower SRAM: the product thread waits for its registers.
TEST(CoreFormulas, OfAttentionOnOtherCores) {
  const auto mean_error = [](const core::Hardware& hardware) {
    using Work = node::AttentionWork;
    std::vector<CorePoint> points;
    for (const Work work : {Work::kForward, Work::kGradients, Work::kQueryGradient, Work::kKeyGradients})
      for (const bool keeps : {false, true})
        for (const auto& [queries, keys, head] :
             {std::array<std::int64_t, 3>{16, 256, 64}, {64, 128, 128}, {32, 64, 32}}) {
          node::AttentionPiece piece;
          piece.queries = queries, piece.keys = keys, piece.head_size = head;
          piece.element_bytes = 2, piece.work = work, piece.keeps_scores = keeps;
          const std::string text = core::attention_text({{{piece, 1}}, 2}, hardware);
          const auto formula =
              static_cast<double>(node::attention_cycles(node::NodeCost(hardware, node::NodeModel::kTable), piece));
          points.push_back({"attention", fmt::format("{} x {} x {}", queries, keys, head),
                            static_cast<double>(run_text(text, hardware).cycles), formula, formula});
        }
    return errors_of(points, formula_of).mean_percent;
  };
  core::Hardware deep, slow;
  deep.matrix_depth = 8;
  slow.sram_latency_cycles = 12;
  judge({"core_attention_depth_8", "mean error of run.node_model=table over 24 pieces of attention, matrix_depth 8",
         "at most 6 %", "%", 0, 1},
        6, mean_error(deep));
  judge({"core_attention_sram_12", "mean error of run.node_model=table over the same pieces, sram_latency_cycles 12",
         "at most 6 %", "%", 0, 1},
        6, mean_error(slow));
}

TEST(CoreFormulas, OfVectorPiecesOfNetworks) {
  const std::vector<CorePoint> points = vector_points();
  ASSERT_GE(points.size(), 50u);
  std::map<std::string, std::vector<CorePoint>> kinds;
  for (const CorePoint& point : points) kinds[point.kind].push_back(point);
  for (const auto& [kind, of_kind] : kinds) print_row(kind, of_kind);
  judge({"core_vector_pieces",
         "mean error of run.node_model=table over the vector pieces of the same five networks on a die", "at most 5 %",
         "%", 0, 1},
        5, errors_of(points, table_of).mean_percent);
}

TEST(CoreFormulas, OfGroups) {
  const std::vector<CorePoint> points = group_points();
  print_row("groups of a convolution", points);
  judge({"core_groups", "mean error of the formula over 18 convolutions of groups on one core", "at most 10 %", "%", 0,
         1},
        10, errors_of(points, table_of).mean_percent);
}

TEST(CoreFormulas, OfOtherKernels) {
  const std::vector<CorePoint> points = OtherPoints().take();
  ASSERT_GE(points.size(), 250u);
  std::map<std::string, std::vector<CorePoint>> kinds;
  for (const CorePoint& point : points) kinds[point.kind].push_back(point);
  double worst = 0, worst_of_table = 0;
  for (const auto& [kind, of_kind] : kinds) {
    print_row(kind, of_kind);
    worst = std::max(worst, errors_of(of_kind, formula_of).mean_percent);
    worst_of_table = std::max(worst_of_table, errors_of(of_kind, table_of).mean_percent);
  }
  judge({"core_kernels_table", "mean error of run.node_model=table over 254 other kernels, by what a run knows of them",
         "at most 5 %", "%", 0, 1},
        5, errors_of(points, table_of).mean_percent);
  judge({"core_kernels_table_worst", "mean error of the worst kind of these, by what a run knows", "at most 7 %", "%",
         0, 1},
        7, worst_of_table);
  judge({"core_kernels", "mean error of the formulas of each kernel, the same kernels", "at most 5 %", "%", 0, 1}, 5,
        errors_of(points, formula_of).mean_percent);
  judge({"core_kernels_worst", "mean error of the worst kind of these kernels", "at most 7 %", "%", 0, 1}, 7, worst);
}

}  // namespace
}  // namespace dojo::test

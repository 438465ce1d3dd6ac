// SPDX-License-Identifier: Apache-2.0
// Gathers by rows and columns of a die of 20 x 20 nodes, in the fast and in the reference model: until the last piece
// has arrived. What the fast model does not have is a known gap with its size.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "machine/die/die_shard.h"
#include "support/validation.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

constexpr std::int32_t kSide = 20;

/// In every row the nodes [0, senders) send `row_flits` each; in the columns [first_column, kSide) all nodes send
/// `column_flits` each.
struct Gathers {
  const char* id;
  const char* what;
  std::uint16_t senders;
  std::uint32_t row_flits, column_flits;
  std::int32_t first_column;
  bool known_gap;
};

double last_arrival(fabric::NetworkModel model, const Gathers& of) {
  Bench bench(tile_params(1, 1, kSide, kSide));
  bench.settings.network_model = model;
  bench.settings.copy_tasks = false;
  bench.add_rank(make_slice(bench.topology, 0, 0, kSide, kSide), 0);
  const SliceShape& shape = bench.shape(0);
  KernelMaker maker(shape, {1});
  for (std::uint32_t index = 0; index < shape.lines.size(); ++index) {
    const SliceShape::Line& line = shape.lines[index];
    const std::uint32_t flits = line.horizontal ? of.row_flits : line.lane >= of.first_column ? of.column_flits : 0;
    if (flits == 0) continue;
    std::vector<workload::Piece> pieces;
    for (std::uint16_t node = 0; node < (line.horizontal ? of.senders : kSide); ++node)
      pieces.push_back({node, flits * 64});
    maker.gather(index, 1, pieces);
  }
  Program& program = bench.job.programs[0];
  program.kernels = {maker.kernel()};
  program.kernels[0].matrix_flops.assign(shape.node_count(), 0);
  program.tasks = {kernel_task(0, 1)};
  DieShard die(bench.context(), 0);
  die.add_rank(0, 0, true);
  ThreadSums sums;
  sums.ops.emplace_back(4);
  sums.step_end.assign(1, 0);
  die.moment().sums = &sums;
  die.start(0);
  die.run(kNever, sums);
  const KernelRun& run = die.kernels().run(0);
  Cycles last = 0;
  for (std::uint32_t node = 0; node < run.node_count; ++node) last = std::max(last, run.slot(node, 1).ready);
  return static_cast<double>(last);
}

class GatherSamples : public testing::TestWithParam<Gathers> {};

TEST_P(GatherSamples, EndWithTheReference) {
  const Gathers& of = GetParam();
  dojo::test::judge({std::string("gather_") + of.id, std::string("gathers of a kernel, ") + of.what + ": fast model",
                     "the same in the reference model", "cycles", 0.93, 1.07, of.known_gap},
                    last_arrival(fabric::NetworkModel::kReference, of), last_arrival(fabric::NetworkModel::kFast, of));
}

INSTANTIATE_TEST_SUITE_P(
    OnADie, GatherSamples,
    testing::Values(Gathers{"rows", "all nodes send 50 packets along their rows", 20, 50, 0, 0, false},
                    Gathers{"part_of_rows", "half of the nodes send 50 packets along their rows", 10, 50, 0, 0, false},
                    Gathers{"senders_apart",
                            "half of the nodes send 50 packets along their rows, the others 5 along their columns", 10,
                            50, 5, 10, false},
                    Gathers{"rows_and_columns",
                            "half of the nodes send 50 packets along their rows, all nodes 5 along their columns", 10,
                            50, 5, 0, true},
                    Gathers{"all_send_both", "all nodes send 50 packets along their rows and 50 along their columns",
                            20, 50, 50, 0, true}),
    [](const auto& test) { return std::string(test.param.id); });

}  // namespace
}  // namespace dojo::machine::test

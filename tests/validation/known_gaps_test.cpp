// SPDX-License-Identifier: Apache-2.0
// What the planner and the fast model are known to do wrong, each with its size.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "dojo/core/piece_times.h"
#include "support/run.h"
#include "support/temporary_folder.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

double attention_grad_cycles(int batch) {
  const TemporaryFolder folder;
  const int own = batch * 12 * 256 * 64 * 2;
  const std::string trace = folder.write(
      "op.json",
      fmt::format(R"({{"format": "dojo.trace/1", "ranks": [{{"graph": 0, "ranks": 1}}], "graphs": [{{"tensors": [)"
                  R"({{"name": "x", "role": "activation", "bytes": {}}}, {{"name": "y", "role": "activation", )"
                  R"("bytes": {}}}], "ops": [{{"id": 0, "inputs": ["x"], "outputs": ["y"], "kind": "attention_grad", )"
                  R"("attention": {{"batch": {}, "heads": 12, "queries": 256, "keys": 256, "head_size": 64, )"
                  R"("causal": 1}}}}]}}]}})",
                  5 * own, 3 * own, batch));
  return static_cast<double>(
      run({"", "configs/machines/die.json", trace, {"workload.rank_unit=die"}, {}}).results.end_cycle);
}

/// Five sequences are cut over the nodes of a die in another way than six, and the cost model takes that for cheaper.
TEST(KnownGaps, FiveSequencesOfAttentionsGradient) {
  judge({"gap_attention_grad_5_of_6", "gradient of causal attention, 12 heads, 256 tokens, on a die: 5 sequences",
         "at most the time of 6", "cycles", 0, 1, true},
        attention_grad_cycles(6), attention_grad_cycles(5));
}

/// A square die whose DIPs lie on one side, all nodes loading.
double load_cycles(bool vertical, machine::NetworkModel model) {
  topology::MachineParams machine;
  machine.level = topology::Level::kDie;
  machine.die.grid = {6, 6};
  machine.die.enabled = 36;
  for (topology::DipEdge* edge : {&machine.dip.west, &machine.dip.east, &machine.dip.north, &machine.dip.south})
    edge->number = 0;
  (vertical ? machine.dip.north : machine.dip.west).number = 1;
  machine::MachineSettings settings;
  settings.network_model = model;
  JobText job(1);
  job.add(0, op_of(workload::OpKind::kMemLoad, 200'000));
  return static_cast<double>(run(machine, job.take(), placed("die", 1), settings).results.end_cycle);
}

/// The same die turned by 90 degrees: the reference model takes the same time.
TEST(KnownGaps, LoadsThroughAWesternDip) {
  for (const auto model : {machine::NetworkModel::kReference, machine::NetworkModel::kFast}) {
    const bool fast = model == machine::NetworkModel::kFast;
    judge({fast ? "gap_dip_side_fast" : "dip_side_reference",
           fmt::format("load of 200 KB by a die of 6 x 6 through a western DIP, {} model", schema::enum_text(model)),
           "the same through a northern one", "cycles", 0.99, 1.01, fast},
          load_cycles(true, model), load_cycles(false, model));
  }
}

/// Threads whose groups of rows differ drift apart, and one computes while the other waits for its chains. The formula
/// lets both wait at the same time.
TEST(KnownGaps, UnevenGroupsOfShortRows) {
  constexpr std::int64_t kRows = 33, kElements = 16 * kRows, kBytes = 2 * kElements;
  const node::VectorPiece piece{4 * kBytes, kBytes, 0, 2, 13 * kElements, {kRows, 1, 2, 2, 768}};
  const node::NodeCost table{topology::NodeParams{}, node::NodeModel::kTable};
  judge({"gap_uneven_groups_of_rows",
         "gradient of a layer norm on a core, 33 rows of which it has 16 elements each: run.node_model=table",
         "the pipeline", "cycles", 0.9, 1.1, true},
        static_cast<double>(core::PieceTimes(table).vector(piece)), static_cast<double>(table.vector(piece)));
}

}  // namespace
}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
// Tries what an error about memory advises.
#include "lower/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "dojo/base/error.h"

namespace dojo::workload {

/// The SRAM of its nodes and the HBM of its DIPs, which ranks on all dies of a DIP share.
bool Advice::fits(const Slice& slice, CapacityPolicy policy) const {
  LowerOptions options = request_.options;
  options.capacity_policy = policy;
  const topology::Topology& topology = request_.topology;
  const JobFacts job{request_.job.group_sizes, DipShares(topology)};
  SharedChoices choices;  // shapes of tried slices have numbers of their own
  const ProgramRequest tried{request_.graph,
                             request_.graph_index,
                             slice,
                             topology,
                             options,
                             request_.cost,
                             request_.pieces,
                             1,
                             request_.optimizer_shards,
                             request_.optimizer_class,
                             job,
                             choices};
  const ProgramDraft draft = build_program(tried);
  if (draft.missing_per_node > 0) return false;
  std::vector<Bytes> of_die(slice.dies.size(), 0);
  for (const EntryUse& use : draft.entries) {
    if (use.kind == EntryUse::Kind::kMemory && use.home.value_or(use.memory != EntryUse::Memory::kLoad))
      of_die[use.die] += use.bytes;
  }
  if (topology.dip_count() == 0) return true;
  for (std::size_t die = 0; die < of_die.size(); ++die) {
    const double bytes = static_cast<double>(of_die[die]) * job.dips.dies_beside(slice.dies[die]);
    if (bytes > static_cast<double>(topology.params().dip.hbm_bytes)) return false;
  }
  return true;
}

std::string Advice::words() const {
  std::vector<std::string> words;
  const CapacityPolicy policy = request_.options.capacity_policy;
  if (policy != CapacityPolicy::kFail && request_.topology.dip_count() == 0)
    words.emplace_back("this machine has no DIPs, and no tensor can leave the SRAM (machine.dip.present)");
  const std::size_t said = words.size();
  if (policy != CapacityPolicy::kStream && request_.topology.dip_count() > 0 &&
      fits(request_.slice, CapacityPolicy::kStream))
    words.emplace_back("workload.capacity_policy=stream would fit (tried)");
  const std::string slice = larger_slice();
  if (!slice.empty()) words.push_back(slice);
  if (words.size() == said) words.emplace_back("no larger slice of this machine was found to fit");
  words.push_back(strategy());
  return fmt::format("{}", fmt::join(words, "; "));
}

std::string Advice::larger_slice() const {
  constexpr int kMostTried = 4;
  const CapacityPolicy policy = request_.options.capacity_policy;
  const MemoryPlan& memory = draft_.program.memory;
  // As much as is missing here, spread over more nodes.
  const double needed = static_cast<double>(request_.slice.shape->node_count()) *
                        static_cast<double>(memory.node_peak) / static_cast<double>(memory.node_capacity);
  RankUnit unit = request_.options.placement.rank_unit;
  for (int tried = 0; tried < kMostTried;) {
    (unit.rows < unit.columns ? unit.rows : unit.columns) *= 2;
    PlacementRequest place;
    place.rank_unit = unit;
    RankId places = 0;
    std::vector<Slice> slices;
    try {
      places = place_count(unit, request_.topology);
      slices = place_ranks(place, request_.topology);
    } catch (const Error&) {
      return "";  // the machine has no such slice
    }
    const bool streams = policy == CapacityPolicy::kStream;
    if (!streams && static_cast<double>(slices.front().shape->node_count()) < 0.8 * needed) continue;
    ++tried;
    if (fits(slices.front(), policy)) {
      return fmt::format("workload.rank_unit of {} x {} {}s would fit (tried; at most {} ranks)", unit.rows,
                         unit.columns, schema::enum_text(unit.unit), places);
    }
  }
  return "";
}

/// By what takes most of the memory.
std::string Advice::strategy() const {
  const MemoryPlan& m = draft_.program.memory;
  const Bytes most = std::max({m.weights, m.gradients, m.optimizer, m.activations_peak});
  if (most == m.optimizer) return "most is state of the optimizer: share it out (workload.generate.zero, more ranks)";
  if (most == m.weights || most == m.gradients) {
    return "most are weights and their gradients: share them out (workload.generate.tensor, pipeline or zero=3)";
  }
  return "most are activations: use a smaller batch, more workload.generate.microbatches or checkpoint=blocks";
}

}  // namespace dojo::workload

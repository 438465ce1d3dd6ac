// SPDX-License-Identifier: Apache-2.0
// One graph on one shape of slice as a program: kernels, in-rank reductions, and entries for what is shared with
// others.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dojo/lower/lower.h"
#include "lower/dip_shares.h"
#include "lower/ledger.h"
#include "lower/op_planner.h"

namespace dojo::workload {

/// What stands behind an entry of a rank's instance table.
struct EntryUse {
  enum class Kind : std::uint8_t { kInRank, kCollective, kSend, kRecv, kMemory } kind = Kind::kInRank;
  enum class Memory : std::uint8_t { kIngest, kLoad, kStore } memory = Memory::kLoad;
  OpKind collective = OpKind::kNone;
  std::uint32_t op = kNone;
  std::uint32_t step = 0;
  std::uint32_t flow = kNone;  ///< kInRank: index into ProgramDraft::flows
  std::uint32_t group_class = 0;
  std::uint32_t die = 0;  ///< kMemory: of the slice
  Bytes bytes = 0;
  std::optional<bool> home;  ///< kMemory: its bytes have a place of their own in the HBM; none = all but loads have
};

struct ProgramDraft {
  Program program;
  std::vector<EntryUse> entries;
  std::vector<InRankDataflow> flows;
  Bytes missing_per_node = 0;
  std::string fullest;          ///< what needs it: an operation, and the largest tensors that are there then
  double predicted_cycles = 0;  ///< of its kernels, one after another, by the cost model
};

/// What a program needs to know of the job's other ranks.
struct JobFacts {
  std::vector<std::size_t> group_sizes;  ///< by group class: ranks of its largest group
  DipShares dips;
};

struct ProgramRequest {
  const Graph& graph;
  std::uint32_t graph_index = 0;
  const Slice& slice;  ///< of any rank that will run it
  const topology::Topology& topology;
  const LowerOptions& options;
  const node::NodeCost& cost;
  core::PieceTimes* pieces = nullptr;  ///< PlanContext::pieces
  std::int64_t steps = 1;
  std::int64_t optimizer_shards = 1;
  std::uint32_t optimizer_class = 0;  ///< group class of the ranks that share out the optimizer's state
  const JobFacts& job;
  SharedChoices& choices;
};

/// Issue order: dependencies first, then the order of the file. Empty when the graph has a cycle.
[[nodiscard]] std::vector<std::uint32_t> issue_order(const Graph& graph);
[[nodiscard]] ProgramDraft build_program(const ProgramRequest& request);

}  // namespace dojo::workload

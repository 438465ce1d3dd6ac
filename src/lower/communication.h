// SPDX-License-Identifier: Apache-2.0
// Fills the ranks' instance tables: collectives, send and recv, DIP traffic. Plans are shared wherever they are equal.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "dojo/base/error.h"
#include "lower/program_builder.h"

namespace dojo::workload {

/// Ranks of each group of each class, after batch-norm groups were laid on compact rectangles.
using GroupRanks = std::vector<std::vector<std::vector<RankId>>>;
/// Groups of the class "bn" that are as large as a tile, in a job of one rank a die, become the tiles' ranks:
/// consecutive ranks of the boustrophedon would be strips across tiles. Then `by_tile` is set.
[[nodiscard]] GroupRanks compact_groups(const Workload& workload, const std::vector<Slice>& slices,
                                        const topology::Topology& topology, bool& by_tile);

class Communication {
 public:
  Communication(const Workload& workload, const LowerOptions& options, const topology::Topology& topology,
                const GroupRanks& groups, const std::vector<ProgramDraft>& drafts, Job& job, Findings& findings);
  void fill();

 private:
  void fill_in_rank();
  void fill_collectives();
  void fill_group(std::uint32_t group_class, std::uint32_t group);
  void fill_messages();
  void fill_memory();
  [[nodiscard]] std::vector<std::uint32_t> collective_entries(std::uint32_t program, std::uint32_t group_class) const;
  [[nodiscard]] std::vector<const Slice*> slices_of(const std::vector<RankId>& ranks) const;
  std::uint32_t collective_plan(const EntryUse& use, const Op& op, std::optional<Algorithm> algorithm,
                                const std::vector<RankId>& ranks);
  /// An all_to_all with a size for each pair of ranks, by rank its bytes to each of them.
  std::uint32_t pairs_plan(const std::vector<std::vector<Bytes>>& bytes, const std::vector<RankId>& ranks);
  [[nodiscard]] std::vector<Bytes> pairs_of(RankId rank, std::uint32_t entry, std::size_t ranks) const;
  enum class Way : std::uint8_t { kPlain, kStriped, kZplane };
  [[nodiscard]] SendRoute route_of(RankId rank, const EntryUse& use) const;
  [[nodiscard]] bool faster_over_zplane(const Slice& from, const Slice& to, Bytes bytes) const;
  std::uint32_t message_plan(Bytes bytes, const Slice& smaller, Way way);
  std::uint32_t memory_plan(const EntryUse& use, const Slice& slice, std::uint32_t steps, std::uint32_t dips);
  std::uint32_t add_plan(DataflowPlan plan);
  std::uint32_t add_instance(std::uint32_t plan, std::vector<DataflowInstance::Participant> participants,
                             std::uint32_t group);
  [[nodiscard]] std::string where(RankId rank, const EntryUse& use) const;

  const Workload& workload_;
  const LowerOptions& options_;
  const topology::Topology& topology_;
  const GroupRanks& groups_;
  const std::vector<ProgramDraft>& drafts_;
  Job& job_;
  Findings& findings_;
  std::map<std::vector<std::int64_t>, std::uint32_t> layouts_;  ///< relative places of a group's members
  std::map<std::vector<std::int64_t>, std::uint32_t> collective_plans_, message_plans_, memory_plans_;
};

}  // namespace dojo::workload

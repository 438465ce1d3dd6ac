// SPDX-License-Identifier: Apache-2.0
// Rows of tiles in step. In data-parallel training many rows of tiles run the same program on the same parts, and
// nothing passes from row to row before the first gradients are added up. Until then one row of each kind is run; when
// a task is about to start that concerns several rows, the others take its state and all go on by themselves. Arrivals,
// state and program are equal until then, so results are the same bit by bit.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"
#include "machine/shortcuts/row_names.h"

namespace dojo::machine {

class TileRows {
 public:
  TileRows(const topology::Topology& topology, const workload::Job& job);
  /// Some rows do the same, until a task starts for which starts_apart() holds.
  [[nodiscard]] bool alike() const { return !kinds_.empty(); }
  struct Kind {
    std::uint32_t row;                  ///< that is run
    std::vector<std::uint32_t> others;  ///< that do the same
    std::vector<ShardId> shards;        ///< dies, then DIPs, of the row that is run
  };
  [[nodiscard]] const std::vector<Kind>& kinds() const { return kinds_; }
  /// The task concerns several rows of tiles.
  [[nodiscard]] bool starts_apart(RankId rank, const workload::Task& task) const;
  [[nodiscard]] RowNames names(const Kind& kind, std::uint32_t row) const;

 private:
  static constexpr std::uint32_t kShared = kNone, kSeveral = kNone - 1;  ///< in row_of_instance_
  struct RankOfDie {
    RankId rank;
    std::uint32_t slice_die;
  };
  bool find_rows();
  bool find_ranks();
  bool find_instances();
  void find_kinds();
  [[nodiscard]] std::vector<ShardId> shards_of(std::uint32_t row) const;
  [[nodiscard]] std::optional<RowNames> match(const Kind& kind, std::uint32_t row) const;
  bool match_parts(const Kind& kind, std::uint32_t row, RowNames& names) const;
  bool match_ranks(const Kind& kind, RowNames& names) const;
  bool match_instances(const Kind& kind, std::uint32_t row, RowNames& names) const;

  const topology::Topology& topology_;
  const workload::Job& job_;
  std::uint32_t rows_ = 0, dies_ = 0;  ///< rows of tiles; dies of one
  std::vector<std::vector<RankOfDie>> ranks_of_die_;
  std::vector<std::uint32_t> row_of_instance_;
  std::vector<Kind> kinds_;
};

}  // namespace dojo::machine

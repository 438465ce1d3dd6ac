// SPDX-License-Identifier: Apache-2.0
// What the ranks, dataflows and parts of a row of tiles that is run are called in another row (shortcuts/tile_rows.h).
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"

namespace dojo::machine {

struct RowNames {
  std::int32_t site_rows = 0;           ///< further south
  std::vector<RankId> rank;             ///< by rank of the row that is run
  std::vector<std::uint32_t> instance;  ///< by its dataflow instance; those that all ranks share keep their number
  std::vector<ShardId> shard;           ///< by its shard

  void rename(fabric::Burst& burst) const;
  [[nodiscard]] static std::uint32_t of(const std::vector<std::uint32_t>& names, std::uint32_t number) {
    return number < names.size() ? names[number] : number;
  }
};

}  // namespace dojo::machine

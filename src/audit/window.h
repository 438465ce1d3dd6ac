// SPDX-License-Identifier: Apache-2.0
// What is replayed of a job: one task, and all that ran on the same dies while it did.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "audit/flit_hops.h"
#include "dojo/audit/audit.h"

namespace dojo::audit {

/// How far a task reaches.
enum class Reach : std::uint8_t {
  kRank,    ///< the nodes of its rank
  kTile,    ///< ranks, and DIPs, that a replay has all of
  kBeyond,  ///< a collective over more ranks than a replay has: only their part of it
  kLost     ///< cannot be replayed: DIPs or partners that a replay does not have
};

struct Window {
  struct Taken {
    std::uint32_t task = 0;
    Reach reach = Reach::kRank;
    bool runs = true;  ///< false: only its time passes
    Cycles wait = 0;   ///< of one that does not run: so long
    double left = 1;   ///< share of its traffic that the window has: it had begun before
  };
  RankId rank = 0;
  std::uint32_t task = 0;
  Cycles begin = 0, end = 0;
  bool wide = false;                           ///< it has all ranks of its tile
  std::map<RankId, std::vector<Taken>> ranks;  ///< tasks in ascending order
  double flit_hops = 0;                        ///< that its tasks send in it, by plan
};

/// Cuts windows out of a run. A machine of at most one tile is replayed with everything that is on it; of a larger one,
/// what lies within the tile.
class Windows {
 public:
  Windows(const Subject& subject, const Times& times, FlitHops& hops);
  [[nodiscard]] Reach reach(RankId rank, std::uint32_t task) const;
  [[nodiscard]] Window of(RankId rank, std::uint32_t task) const;
  /// The ranks that a replay of this one's windows may have; empty: it does not lie on one tile.
  [[nodiscard]] static std::vector<RankId> neighbours(const Subject& subject, RankId rank);

 private:
  /// Who takes part in an instance.
  struct Members {
    bool dips = false;
    std::size_t here = 0;  ///< ranks on one tile
  };
  [[nodiscard]] Members members_on(std::uint32_t instance, std::uint32_t tile) const;
  [[nodiscard]] std::vector<RankId> on_same_dies(RankId rank) const;
  [[nodiscard]] bool meets_others(const std::vector<RankId>& ranks, Cycles begin, Cycles end) const;
  [[nodiscard]] Cycles start_of_older(const std::vector<RankId>& ranks, Cycles at) const;
  [[nodiscard]] Cycles first_start(const std::vector<RankId>& ranks, Cycles at) const;
  void take(RankId rank, Window& window) const;
  void take_partners(const std::vector<RankId>& ranks, Window& window) const;

  const Subject& subject_;
  const Times& times_;
  FlitHops& hops_;
  mutable std::map<std::pair<std::uint32_t, std::uint32_t>, Members> members_;  ///< by instance and tile
};

}  // namespace dojo::audit

// SPDX-License-Identifier: Apache-2.0
// Which rows of tiles do the same: their parts, their ranks and their dataflows are compared one by one.
#include "machine/shortcuts/tile_rows.h"

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::machine {

using topology::Direction;
using workload::DataflowInstance;
using Participant = workload::DataflowInstance::Participant;

void RowNames::rename(fabric::Burst& burst) const {
  using fabric::Purpose;
  using fabric::Shape;
  std::uint32_t& subject = burst.payload.words[0];  // an instance, an entry or a rank (die/messages.h)
  if (burst.purpose == Purpose::kToken) {
    subject = of(instance, subject);
  } else if (burst.purpose != Purpose::kNodeToken) {
    subject = of(rank, subject);
  }
  burst.row += site_rows;
  if (burst.shape == Shape::kColumn || burst.shape == Shape::kColumnNorth || burst.shape == Shape::kColumnSouth) {
    burst.reach.low += site_rows;
    burst.reach.high += site_rows;
  }
}

TileRows::TileRows(const topology::Topology& topology, const workload::Job& job) : topology_(topology), job_(job) {
  if (find_rows() && find_ranks() && find_instances()) find_kinds();
}

bool TileRows::find_rows() {
  if (topology_.routes() != nullptr) return false;  // detours may lead through another row
  std::int32_t die_rows = 0;
  while (die_rows < topology_.die_rows() && topology_.tile_of(topology_.die_at(die_rows, 0)) == 0) ++die_rows;
  dies_ = static_cast<std::uint32_t>(die_rows * topology_.die_columns());
  rows_ = topology_.die_count() / dies_;
  return rows_ > 1;
}

std::vector<ShardId> TileRows::shards_of(std::uint32_t row) const {
  std::vector<ShardId> shards;
  for (DieId die = row * dies_; die < (row + 1) * dies_; ++die) shards.push_back(die);
  for (std::uint32_t dip = 0; dip < topology_.dip_count(); ++dip) {
    if (topology_.dip_die(dip) / dies_ == row) shards.push_back(topology_.die_count() + dip);
  }
  return shards;
}

/// Each row is compared with the rows that are run so far. Where fewer than half need not be run, it is not worth it.
void TileRows::find_kinds() {
  for (std::uint32_t row = 0; row < rows_; ++row) {
    const auto same =
        std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& kind) { return match(kind, row).has_value(); });
    if (same != kinds_.end()) {
      same->others.push_back(row);
      continue;
    }
    if (2 * (kinds_.size() + 1) > rows_) return kinds_.clear();
    kinds_.push_back({row, {}, shards_of(row)});
  }
}

/// No rank lies in several rows.
bool TileRows::find_ranks() {
  ranks_of_die_.resize(topology_.die_count());
  for (RankId rank = 0; rank < job_.slices.size(); ++rank) {
    const workload::Slice& slice = job_.slices[rank];
    for (std::uint32_t i = 0; i < slice.dies.size(); ++i) {
      if (slice.dies[i] / dies_ != slice.dies.front() / dies_) return false;
      ranks_of_die_[slice.dies[i]].push_back({rank, i});
    }
  }
  return true;
}

/// A DIP starts dataflows by itself, so none of its own may concern several rows.
bool TileRows::find_instances() {
  row_of_instance_.reserve(job_.instances.size());
  for (const DataflowInstance& instance : job_.instances) {
    std::uint32_t row = kShared;
    bool at_dip = false;
    for (const Participant& place : instance.participants) {
      if (place.kind == Participant::Kind::kNode) continue;
      const bool dip = place.kind == Participant::Kind::kDip;
      const DieId die = dip ? topology_.dip_die(place.index) : job_.slices[place.index].dies.front();
      at_dip = at_dip || dip;
      row = row == kShared || row == die / dies_ ? die / dies_ : kSeveral;
      if (row == kSeveral) break;
    }
    if (row == kSeveral &&
        (at_dip || std::any_of(instance.participants.begin(), instance.participants.end(),
                               [](const Participant& p) { return p.kind == Participant::Kind::kDip; }))) {
      return false;
    }
    row_of_instance_.push_back(row);
  }
  return true;
}

bool TileRows::starts_apart(RankId rank, const workload::Task& task) const {
  if (task.kind != workload::Task::Kind::kDataflow) return false;
  const std::uint32_t instance = job_.instance_of[rank][task.entry].instance;
  return instance != kNone && row_of_instance_[instance] == kSeveral;
}

RowNames TileRows::names(const Kind& kind, std::uint32_t row) const {
  std::optional<RowNames> names = match(kind, row);
  DOJO_CHECK(names.has_value(), "row {} of tiles is not like row {}", row, kind.row);
  return std::move(*names);
}

std::optional<RowNames> TileRows::match(const Kind& kind, std::uint32_t row) const {
  RowNames names;
  names.site_rows =
      static_cast<std::int32_t>((row - kind.row) * dies_) / topology_.die_columns() * topology_.site_rows();
  if (!match_parts(kind, row, names) || !match_ranks(kind, names) || !match_instances(kind, row, names))
    return std::nullopt;
  return names;
}

bool TileRows::match_parts(const Kind& kind, std::uint32_t row, RowNames& names) const {
  const ShardId first_dip = topology_.die_count();
  const DieId further = (row - kind.row) * dies_;
  names.shard.assign(topology_.shard_count(), kNone);
  for (DieId die = kind.row * dies_; die < (kind.row + 1) * dies_; ++die) names.shard[die] = die + further;
  for (DieId die = kind.row * dies_; die < (kind.row + 1) * dies_; ++die) {
    if (topology_.site_map_index(die) != topology_.site_map_index(die + further)) return false;
    for (int i = 0; i < topology::kDirections; ++i) {
      const topology::Edge x = topology_.edge(die, static_cast<Direction>(i));
      const topology::Edge y = topology_.edge(die + further, static_cast<Direction>(i));
      const bool vertical =
          static_cast<Direction>(i) == Direction::kNorth || static_cast<Direction>(i) == Direction::kSouth;
      const auto is_dip = [&](ShardId shard) { return shard != kNone && shard >= first_dip; };
      if (vertical && !is_dip(x.neighbour) && !is_dip(y.neighbour) &&
          (x.neighbour == kNone || x.neighbour / dies_ != kind.row))
        continue;  // to another row
      if (x.neighbour == kNone || y.neighbour == kNone) {
        if (x.neighbour != y.neighbour) return false;
        continue;
      }
      if (x.neighbour >= first_dip && y.neighbour >= first_dip) names.shard[x.neighbour] = y.neighbour;
      if (names.shard[x.neighbour] != y.neighbour || x.link_class != y.link_class || x.bytes_per_s < y.bytes_per_s ||
          x.bytes_per_s > y.bytes_per_s || x.latency_cycles != y.latency_cycles || x.buffer_bytes != y.buffer_bytes)
        return false;
    }
  }
  return std::all_of(kind.shards.begin(), kind.shards.end(), [&](ShardId s) { return names.shard[s] != kNone; });
}

bool TileRows::match_ranks(const Kind& kind, RowNames& names) const {
  names.rank.assign(job_.slices.size(), kNone);
  for (DieId die = kind.row * dies_; die < (kind.row + 1) * dies_; ++die) {
    const std::vector<RankOfDie>& here = ranks_of_die_[die];
    const std::vector<RankOfDie>& there = ranks_of_die_[names.shard[die]];
    if (here.size() != there.size()) return false;
    for (std::size_t i = 0; i < here.size(); ++i) {
      const workload::Slice& x = job_.slices[here[i].rank];
      const workload::Slice& y = job_.slices[there[i].rank];
      RankId& name = names.rank[here[i].rank];
      if (here[i].slice_die != there[i].slice_die || (name != kNone && name != there[i].rank)) return false;
      name = there[i].rank;
      if (x.shape_index != y.shape_index || x.dies.size() != y.dies.size() ||
          x.first_site_row + names.site_rows != y.first_site_row || x.first_site_column != y.first_site_column ||
          job_.program_of_rank[here[i].rank] != job_.program_of_rank[there[i].rank])
        return false;
    }
  }
  return true;
}

bool TileRows::match_instances(const Kind& kind, std::uint32_t row, RowNames& names) const {
  names.instance.assign(job_.instances.size(), kNone);
  const auto same_participant = [&](const Participant& a, const Participant& b) {
    if (a.kind != b.kind) return false;
    if (a.kind != Participant::Kind::kDip) return names.rank[a.index] == b.index;
    return names.shard[topology_.die_count() + a.index] == topology_.die_count() + b.index;
  };
  const auto match_places = [&](const DataflowInstance& x, const DataflowInstance& y) {
    return x.plan == y.plan && std::equal(x.participants.begin(), x.participants.end(), y.participants.begin(),
                                          y.participants.end(), same_participant);
  };
  for (RankId rank = 0; rank < names.rank.size(); ++rank) {
    if (names.rank[rank] == kNone) continue;
    const auto& here = job_.instance_of[rank];
    const auto& there = job_.instance_of[names.rank[rank]];
    if (here.size() != there.size()) return false;
    for (std::size_t entry = 0; entry < here.size(); ++entry) {
      const std::uint32_t x = here[entry].instance;
      const std::uint32_t y = there[entry].instance;
      if ((x == kNone) != (y == kNone)) return false;
      if (x == kNone) continue;
      const bool apart = row_of_instance_[x] == kSeveral;
      if (apart != (row_of_instance_[y] == kSeveral)) return false;
      if (apart) continue;
      if (here[entry].position != there[entry].position) return false;
      std::uint32_t& name = names.instance[x];
      if (name != kNone                    ? name != y
          : row_of_instance_[x] == kShared ? x != y
                                           : !match_places(job_.instances[x], job_.instances[y]))
        return false;
      name = y;
    }
  }
  // Of all that begin in one cycle, the one with the lower number comes first: the order must be the same in all rows.
  std::uint32_t last = 0;
  std::int64_t missing = 0;
  for (std::uint32_t i = 0; i < row_of_instance_.size(); ++i) {
    if (row_of_instance_[i] == row) ++missing;
    if (row_of_instance_[i] != kind.row) continue;
    --missing;
    if (names.instance[i] == kNone || names.instance[i] < last) return false;
    last = names.instance[i];
  }
  return missing == 0;
}

}  // namespace dojo::machine

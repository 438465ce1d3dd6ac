// SPDX-License-Identifier: Apache-2.0
// Placement of ranks on rectangles of the machine, in boustrophedon order over the best slice (docs/kernels.md).
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>

#include "dojo/base/error.h"
#include "dojo/lower/lower.h"
#include "lower/slices.h"

namespace dojo::workload {
namespace {

struct UnitSize {  // in sites
  std::int64_t rows = 0, columns = 0;
};

topology::Level level_of(PlacementUnit unit) {
  switch (unit) {
    case PlacementUnit::kNode:
      return topology::Level::kNode;
    case PlacementUnit::kDie:
      return topology::Level::kDie;
    case PlacementUnit::kTile:
      return topology::Level::kTile;
    case PlacementUnit::kTray:
      break;
  }
  return topology::Level::kTray;
}

UnitSize unit_size(const RankUnit& unit, const topology::Topology& topology, Findings& findings) {
  const topology::MachineParams& p = topology.params();
  const topology::Level level = level_of(unit.unit);
  UnitSize size{1, 1};
  if (level != topology::Level::kNode) {
    const topology::Grid& dies = topology.level(level).dies;
    size = {topology.site_rows() * dies.rows, topology.site_columns() * dies.columns};
  }
  if (p.level < level) {
    findings.add("workload.rank_unit: found unit \"{}\", expected a part of machine \"{}\", whose root is a {}",
                 schema::enum_text(unit.unit), p.name, topology.root_name());
  }
  if (unit.rows < 1 || unit.columns < 1)
    findings.add("workload.rank_unit: found {} x {} units, expected at least 1 x 1", unit.rows, unit.columns);
  return {size.rows * std::max<std::int64_t>(1, unit.rows), size.columns * std::max<std::int64_t>(1, unit.columns)};
}

/// Which places (in rank units) of the machine can hold a rank: at least one enabled node, not taken by name.
class PlaceGrid {
 public:
  PlaceGrid(std::int64_t rows, std::int64_t columns)
      : rows_(rows), columns_(columns), free_(static_cast<std::size_t>(rows * columns), 1) {}
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }
  [[nodiscard]] bool free(std::int64_t r, std::int64_t c) const {
    return free_[static_cast<std::size_t>(r * columns_ + c)] != 0;
  }
  [[nodiscard]] std::int64_t free_count() const { return std::count(free_.begin(), free_.end(), 1); }
  void take(std::int64_t r, std::int64_t c) { free_[static_cast<std::size_t>(r * columns_ + c)] = 0; }
  /// Free places of the r x c rectangle at the origin, for all (r, c).
  [[nodiscard]] std::vector<std::int64_t> counts() const {
    std::vector<std::int64_t> sum(static_cast<std::size_t>((rows_ + 1) * (columns_ + 1)), 0);
    const auto at = [&](std::int64_t r, std::int64_t c) { return static_cast<std::size_t>(r * (columns_ + 1) + c); };
    for (std::int64_t r = 1; r <= rows_; ++r)
      for (std::int64_t c = 1; c <= columns_; ++c)
        sum[at(r, c)] = sum[at(r - 1, c)] + sum[at(r, c - 1)] - sum[at(r - 1, c - 1)] + (free(r - 1, c - 1) ? 1 : 0);
    return sum;
  }

 private:
  std::int64_t rows_, columns_;
  std::vector<std::uint8_t> free_;
};

struct Rectangle {
  std::int64_t rows = 0, columns = 0;
};

bool is_better(const Rectangle& a, const Rectangle& b) {
  const auto compact = [](const Rectangle& x) {
    return std::max(x.rows, x.columns) <= 2 * std::min(x.rows, x.columns);
  };
  if (compact(a) != compact(b)) return compact(a);
  if (a.rows * a.columns != b.rows * b.columns) return a.rows * a.columns < b.rows * b.columns;
  const std::int64_t skew_a = std::abs(a.rows - a.columns);
  const std::int64_t skew_b = std::abs(b.rows - b.columns);
  return skew_a != skew_b ? skew_a < skew_b : a.columns > b.columns;
}

/// Of the rectangles that hold all ranks: those with an aspect of at most 2 if there are any, then the smallest, then
/// the squarest, then the one with more columns.
std::optional<Rectangle> best_rectangle(const PlaceGrid& grid, std::int64_t ranks) {
  const std::vector<std::int64_t> counts = grid.counts();
  std::optional<Rectangle> best;
  for (std::int64_t r = 1; r <= grid.rows(); ++r) {
    for (std::int64_t c = 1; c <= grid.columns(); ++c) {
      if (counts[static_cast<std::size_t>(r * (grid.columns() + 1) + c)] < ranks) continue;
      if (!best || is_better({r, c}, *best)) best = Rectangle{r, c};
    }
  }
  return best;
}

struct Origin {  // of a rank's slice, in sites
  std::int64_t row = 0, column = 0;
};

/// Has a slice at `o` what a rank needs? It has a controller and work on each of its dies, so none of them may be dead
/// or without a core; a part of a die needs one enabled node.
bool can_hold_rank(const topology::Topology& topology, const UnitSize& size, const Origin& o) {
  const std::int64_t die_rows = topology.site_rows(), die_columns = topology.site_columns();
  const auto map_of = [&](std::int64_t row, std::int64_t column) -> const topology::Topology::SiteMap& {
    return topology.site_map(topology.die_at(static_cast<std::int32_t>(row), static_cast<std::int32_t>(column)));
  };
  if (size.rows >= die_rows && size.columns >= die_columns) {
    if (topology.routes() == nullptr) {
      return true;
    }
    for (std::int64_t r = o.row / die_rows; r * die_rows < o.row + size.rows; ++r) {
      for (std::int64_t c = o.column / die_columns; c * die_columns < o.column + size.columns; ++c) {
        if (map_of(r, c).enabled_count == 0) {
          return false;
        }
      }
    }
    return true;
  }
  for (std::int64_t r = o.row; r < o.row + size.rows; ++r) {
    for (std::int64_t c = o.column; c < o.column + size.columns; ++c) {
      const std::int64_t site = (r % die_rows) * die_columns + c % die_columns;
      if (map_of(r / die_rows, c / die_columns).enabled[static_cast<std::size_t>(site)] != 0) {
        return true;
      }
    }
  }
  return false;
}

/// The places of all ranks, without those that can hold none.
PlaceGrid free_places(const topology::Topology& topology, const UnitSize& size) {
  PlaceGrid grid(std::int64_t{topology.die_rows()} * topology.site_rows() / size.rows,
                 std::int64_t{topology.die_columns()} * topology.site_columns() / size.columns);
  for (std::int64_t r = 0; r < grid.rows(); ++r) {
    for (std::int64_t c = 0; c < grid.columns(); ++c) {
      if (!can_hold_rank(topology, size, {r * size.rows, c * size.columns})) {
        grid.take(r, c);
      }
    }
  }
  return grid;
}

class Placer {
 public:
  Placer(const PlacementRequest& request, const topology::Topology& topology)
      : request_(request),
        topology_(topology),
        machine_rows_(static_cast<std::int64_t>(topology.die_rows()) * topology.site_rows()),
        machine_columns_(static_cast<std::int64_t>(topology.die_columns()) * topology.site_columns()),
        size_(unit_size(request.rank_unit, topology, findings_)) {
    findings_.throw_if_any();
    origins_.resize(request.ranks);
  }

  std::vector<Slice> place() {
    PlaceGrid grid = free_places(topology_, size_);
    place_named(grid);
    place_others(grid);
    findings_.throw_if_any();
    SliceMaker maker(topology_);
    std::vector<Slice> slices;
    slices.reserve(origins_.size());
    for (const auto& origin : origins_)
      slices.push_back(maker.make(origin->row, origin->column, size_.rows, size_.columns));
    return slices;
  }

 private:
  [[nodiscard]] bool overlaps(const Origin& a, const Origin& b) const {
    return std::abs(a.row - b.row) < size_.rows && std::abs(a.column - b.column) < size_.columns;
  }

  void place_named(PlaceGrid& grid) {
    std::map<RankId, Origin> named;
    for (const auto& [rank, path] : request_.by_name) {
      const auto part = topology_.parse_path(path);
      if (rank >= request_.ranks) {
        findings_.add("workload.placement: found rank {}, expected a rank below {}", rank, request_.ranks);
        continue;
      }
      if (!part) {
        findings_.add("workload.placement: rank {}: found \"{}\", expected the path of a part such as \"{}\"", rank,
                      path, topology_.die_path(0));
        continue;
      }
      const topology::DieCoordinates place = topology_.coordinates(part->die);
      const std::int64_t site = part->site.value_or(0);
      const Origin o{
          static_cast<std::int64_t>(place.row) * topology_.site_rows() + site / topology_.site_columns(),
          static_cast<std::int64_t>(place.column) * topology_.site_columns() + site % topology_.site_columns()};
      if (o.row + size_.rows > machine_rows_ || o.column + size_.columns > machine_columns_) {
        findings_.add(
            "workload.placement: rank {}: a slice of {} x {} sites from \"{}\" reaches over the machine's edge", rank,
            size_.rows, size_.columns, path);
        continue;
      }
      if (!can_hold_rank(topology_, size_, o)) {
        findings_.add("workload.placement: rank {}: the slice at \"{}\" has a dead die or no enabled node", rank, path);
        continue;
      }
      for (const auto& [other, at] : named)
        if (overlaps(o, at))
          findings_.add("workload.placement: rank {}: the slice at \"{}\" overlaps that of rank {}", rank, path, other);
      named[rank] = o;
      origins_[rank] = o;
    }
    for (const auto& [rank, o] : named) {
      for (std::int64_t r = o.row / size_.rows; r <= (o.row + size_.rows - 1) / size_.rows && r < grid.rows(); ++r)
        for (std::int64_t c = o.column / size_.columns;
             c <= (o.column + size_.columns - 1) / size_.columns && c < grid.columns(); ++c)
          grid.take(r, c);
    }
  }

  void place_others(const PlaceGrid& grid) {
    const auto others = static_cast<std::int64_t>(
        std::count_if(origins_.begin(), origins_.end(), [](const auto& o) { return !o.has_value(); }));
    if (others == 0 || !findings_.empty()) return;
    const auto best = best_rectangle(grid, others);
    if (!best) {
      findings_.add(
          "workload.ranks: found {} ranks on units of {} x {} {}(s), expected at most {}: machine \"{}\" has no more "
          "places (units with a dead die are none); use fewer ranks, a smaller workload.rank_unit or a larger machine",
          others, request_.rank_unit.rows, request_.rank_unit.columns, schema::enum_text(request_.rank_unit.unit),
          grid.free_count(), topology_.params().name);
      return;
    }
    std::size_t rank = 0;
    for (std::int64_t r = 0; r < best->rows; ++r) {
      for (std::int64_t i = 0; i < best->columns; ++i) {
        const std::int64_t c = r % 2 == 0 ? i : best->columns - 1 - i;
        while (rank < origins_.size() && origins_[rank]) ++rank;
        if (rank == origins_.size()) return;
        if (grid.free(r, c)) origins_[rank] = Origin{r * size_.rows, c * size_.columns};
      }
    }
  }

  const PlacementRequest& request_;
  const topology::Topology& topology_;
  std::int64_t machine_rows_, machine_columns_;
  Findings findings_;
  UnitSize size_;
  std::vector<std::optional<Origin>> origins_;
};

}  // namespace

RankId place_count(const RankUnit& unit, const topology::Topology& topology) {
  Findings findings;
  const UnitSize size = unit_size(unit, topology, findings);
  findings.throw_if_any();
  const PlaceGrid grid = free_places(topology, size);
  if (grid.rows() * grid.columns() == 0) {
    const UnitSize one = unit_size({unit.unit, 1, 1}, topology, findings);
    findings.add("workload.rank_unit: found {} x {} {}, expected a rectangle that fits the machine ({} x {} of them)",
                 unit.rows, unit.columns, schema::enum_text(unit.unit),
                 std::int64_t{topology.die_rows()} * topology.site_rows() / one.rows,
                 std::int64_t{topology.die_columns()} * topology.site_columns() / one.columns);
  } else if (grid.free_count() == 0) {
    findings.add(
        "workload.rank_unit: found a dead die or no enabled node in each {} x {} {}, expected a place for a rank; use "
        "a smaller unit",
        unit.rows, unit.columns, schema::enum_text(unit.unit));
  }
  findings.throw_if_any();
  return static_cast<RankId>(grid.free_count());
}

std::vector<Slice> place_ranks(const PlacementRequest& request, const topology::Topology& topology) {
  return Placer(request, topology).place();
}

}  // namespace dojo::workload

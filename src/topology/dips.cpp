// SPDX-License-Identifier: Apache-2.0
// DIPs at the edges of the machine: where they are, and which is near.
#include "topology/dips.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "dojo/topology/routes.h"
#include "topology/levels.h"

namespace dojo::topology {
namespace {

struct Side {
  Direction direction;
  DipEdge DipParams::*edge;
  const char* path;
  const char* adjective;
};
constexpr Side kSides[] = {{Direction::kWest, &DipParams::west, "/dip/west", "western"},
                           {Direction::kEast, &DipParams::east, "/dip/east", "eastern"},
                           {Direction::kNorth, &DipParams::north, "/dip/north", "northern"},
                           {Direction::kSouth, &DipParams::south, "/dip/south", "southern"}};

bool is_along_rows(Direction side) {
  return side == Direction::kWest || side == Direction::kEast;
}

/// In dies.
Grid block_of(const MachineParams& params) {
  Grid dies = params.tile.dies;
  if (params.dip.block == DipBlock::kMachine) return times(params.exapod.tile_mesh, dies);
  if (params.dip.block >= DipBlock::kTray) dies = times(params.tray.tiles, dies);
  if (params.dip.block >= DipBlock::kCabinet) dies = times(params.cabinet.trays, dies);
  return dies;
}

std::int64_t length_of(const Grid& grid, Direction side) {
  return is_along_rows(side) ? grid.rows : grid.columns;
}

/// On an edge of `length` dies, ascending.
std::vector<std::int64_t> places_in_block(const DipEdge& edge, std::int64_t length) {
  std::vector<std::int64_t> places = edge.places;
  if (places.empty()) {
    const std::int64_t number = edge.number < 0 ? length : edge.number;
    for (std::int64_t i = 0; i < number; ++i) places.push_back((2 * i + 1) * length / (2 * number));
  }
  std::sort(places.begin(), places.end());
  return places;
}

class EdgeCheck {
 public:
  EdgeCheck(const MachineParams& params, const Side& side, std::vector<Problem>& problems)
      : edge_(params.dip.*side.edge),
        side_(side),
        length_(length_of(block_of(params), side.direction)),
        block_(params.dip.block),
        problems_(problems) {}

  void number() {
    const auto listed = static_cast<std::int64_t>(edge_.places.size());
    if (edge_.number > length_) {
      const char* const larger =
          block_ == DipBlock::kMachine ? "lower it" : "lower it, or let dip.block speak of a larger part";
      return add("/number",
                 fmt::format("found {} DIPs on {}, expected at most {}: each die of an edge has one link to a DIP; {}",
                             edge_.number, where(), length_, larger));
    }
    if (listed == 0 || edge_.number < 0 || edge_.number == listed) return;
    add("/number", fmt::format("found {} beside {} places, expected as many of both; say {}, or leave places empty",
                               edge_.number, listed, listed));
  }

  void places() {
    std::vector<std::int64_t> seen;
    for (std::size_t i = 0; i < edge_.places.size(); ++i) {
      const std::int64_t place = edge_.places[i];
      const std::string path = fmt::format("/places/{}", i);
      const char* const line = is_along_rows(side_.direction) ? "row" : "column";
      if (place < 0 || place >= length_) {
        add(path, fmt::format("found {}, expected a {} of dies from 0 to {}, the length of {}; take it out, or let "
                              "dip.block speak of a larger part",
                              place, line, length_ - 1, where()));
      } else if (std::find(seen.begin(), seen.end(), place) != seen.end()) {
        add(path, fmt::format("found {} a second time, expected each {} of dies once: it has one link to a DIP at this "
                              "edge; take it out",
                              place, line));
      }
      seen.push_back(place);
    }
  }

 private:
  [[nodiscard]] std::string where() const {
    return fmt::format("the {} edge of {} ({} {})", side_.adjective, schema::enum_sentence(block_), length_,
                       length_ == 1 ? "die" : "dies");
  }
  void add(const std::string& path, std::string text) {
    problems_.push_back({side_.path + path,
                         std::move(text),
                         {"/dip/block", "/tile/dies", "/tray/tiles", "/cabinet", "/exapod", "/level",
                          std::string(side_.path) + "/number", std::string(side_.path) + "/places"}});
  }

  const DipEdge& edge_;
  const Side& side_;
  const std::int64_t length_;
  const DipBlock block_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::vector<std::int32_t> dip_places(const MachineParams& params, Direction side) {
  std::vector<std::int32_t> all;
  if (!params.dip.present) return all;
  const auto of =
      std::find_if(std::begin(kSides), std::end(kSides), [&](const Side& s) { return s.direction == side; });
  const std::int64_t length = length_of(block_of(params), side);
  const std::vector<std::int64_t> places = places_in_block(params.dip.*of->edge, length);
  const std::int64_t end = length_of(times(params.exapod.tile_mesh, params.tile.dies), side);
  for (std::int64_t first = 0; first < end; first += length)
    for (const std::int64_t place : places) all.push_back(static_cast<std::int32_t>(first + place));
  return all;
}

void find_dip_problems(MachineParams& params, std::vector<Problem>& problems) {
  if (!params.dip.present) return;
  const std::size_t before = problems.size();
  bool any = false;
  for (const Side& side : kSides) {
    EdgeCheck check(params, side, problems);
    check.number();
    check.places();
    any = any || (params.dip.*side.edge).number != 0;
  }
  if (!any) {
    problems.push_back({"/dip/present",
                        "found true and no DIP on any edge, expected at least one; give dip.west, east, north or south "
                        "a number, or say false for a machine without DIPs",
                        {"/dip/west", "/dip/east", "/dip/north", "/dip/south"}});
  }
  if (problems.size() > before) place_dips_by_default(params.dip);
}

void place_dips_by_default(DipParams& dip) {
  const DipParams usual;
  dip.block = usual.block;
  for (const Side& side : kSides) dip.*side.edge = usual.*side.edge;
}

void Topology::place_dips() {
  for (const auto& [low, high] :
       {std::pair{Direction::kWest, Direction::kEast}, std::pair{Direction::kNorth, Direction::kSouth}}) {
    const bool rows = is_along_rows(low);
    const std::int32_t lines = rows ? die_rows_ : die_columns_, last = (rows ? die_columns_ : die_rows_) - 1;
    for (const Direction side : {low, high}) {
      const std::vector<std::int32_t> places = dip_places(params_, side);
      if (places.empty()) continue;
      std::vector<std::uint32_t>& dips = dip_of_line_[static_cast<std::size_t>(side)];
      dips.assign(static_cast<std::size_t>(lines), kNone);
      for (const std::int32_t place : places) dips[static_cast<std::size_t>(place)] = 0;
    }
    for (std::int32_t line = 0; line < lines; ++line) {
      for (const Direction side : {low, high}) {
        if (dip_of_line(side, line) == kNone) continue;
        dip_of_line_[static_cast<std::size_t>(side)][static_cast<std::size_t>(line)] = dip_count();
        const std::int32_t across = side == low ? 0 : last;
        dips_.push_back({rows ? die_at(line, across) : die_at(across, line), side, 0});
      }
    }
  }
  std::vector<std::uint32_t> in_tray(tray_count(), 0);
  for (DipPlace& dip : dips_) dip.in_parent = in_tray[part_of(Level::kTray, dip.die)]++;
}

bool Topology::dip_works(std::uint32_t dip) const {
  return !routes_ || routes_->dip_lane(dip_die(dip), dip_side(dip), 0) >= 0;
}

std::int32_t Topology::dies_between(DieId die, std::uint32_t dip) const {
  const DieCoordinates at = coordinates(die), end = coordinates(dip_die(dip));
  return std::abs(end.row - at.row) + std::abs(end.column - at.column);
}

bool Topology::is_between_dips(DieId die) const {
  if (!dip_of_line_[static_cast<std::size_t>(Direction::kNorth)].empty() ||
      !dip_of_line_[static_cast<std::size_t>(Direction::kSouth)].empty())
    return false;
  const std::int32_t row = coordinates(die).row;
  const std::uint32_t west = dip_of_line(Direction::kWest, row), east = dip_of_line(Direction::kEast, row);
  return west != kNone && east != kNone && dip_works(west) && dip_works(east);
}

std::uint32_t Topology::nearest_dip(DieId die) const {
  if (is_between_dips(die)) {  // no other can be as near
    const DieCoordinates at = coordinates(die);
    return dip_of_line(at.column <= die_columns_ - 1 - at.column ? Direction::kWest : Direction::kEast, at.row);
  }
  const std::vector<std::uint32_t> all = nearest_dips(die);
  return all.empty() ? kNone : all.front();
}

std::vector<std::uint32_t> Topology::nearest_dips(DieId die) const {
  std::vector<std::uint32_t> nearest;
  for (std::uint32_t dip = 0; dip < dip_count(); ++dip) {
    const std::int32_t best = nearest.empty() ? 0 : dies_between(die, nearest.front());
    const std::int32_t distance = dies_between(die, dip);
    if ((!nearest.empty() && distance > best) || !dip_works(dip)) continue;
    if (!nearest.empty() && distance < best) nearest.clear();
    nearest.push_back(dip);
  }
  return nearest;
}

}  // namespace dojo::topology

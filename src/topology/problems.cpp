// SPDX-License-Identifier: Apache-2.0
// Checks of a machine's counts and grids: what cannot be, and what would fit instead.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "dojo/base/types.h"
#include "topology/levels.h"

namespace dojo::topology {
namespace {

constexpr std::int64_t kMaxDies = std::int64_t{1} << 24;  // four edges of each still have 32-bit numbers
constexpr std::int64_t kMaxSites = std::numeric_limits<SiteIndex>::max();
constexpr std::int64_t kPacketBytes = 64;
constexpr std::int64_t kLargestPart = 64;  // tiles of a tray in a row or column, that are proposed

std::string text(const Grid& grid) {
  return fmt::format("{} x {}", grid.rows, grid.columns);
}

void check_positive(Grid& grid, const std::string& path, std::vector<Problem>& problems) {
  if (grid.rows >= 1 && grid.columns >= 1) return;
  problems.push_back({path, fmt::format("found {}, expected at least 1 x 1", text(grid)), {}});
  grid = {std::max<std::int64_t>(grid.rows, 1), std::max<std::int64_t>(grid.columns, 1)};
}

/// Tiles of a tray and trays of a cabinet of which the mesh is made, as many of them as now where that can be.
std::pair<Grid, Grid> parts_of(const Grid& mesh, const Grid& tray, const Grid& cabinet) {
  std::pair<Grid, Grid> best{{1, 1}, {1, 1}};
  std::tuple<std::int64_t, std::int64_t, std::int64_t> least{std::numeric_limits<std::int64_t>::max(), 0, 0};
  const auto divisors = [](std::int64_t all) {
    std::vector<std::int64_t> found;
    for (std::int64_t i = 1; i <= std::min(all, kLargestPart); ++i)
      if (all % i == 0) found.push_back(i);
    return found;
  };
  for (const std::int64_t rows : divisors(mesh.rows)) {
    for (const std::int64_t columns : divisors(mesh.columns)) {
      for (const std::int64_t down : divisors(mesh.rows / rows)) {
        for (const std::int64_t across : divisors(mesh.columns / columns)) {
          const std::tuple off{std::abs(rows * columns - area(tray)), std::abs(down * across - area(cabinet)),
                               std::abs(rows - tray.rows) + std::abs(down - cabinet.rows)};
          if (off >= least) continue;
          least = off;
          best = {{rows, columns}, {down, across}};
        }
      }
    }
  }
  return best;
}

void check_mesh(MachineParams& params, std::vector<Problem>& problems) {
  const Grid cabinet = times(params.cabinet.trays, params.tray.tiles);
  Grid& mesh = params.exapod.tile_mesh;
  if (mesh.rows % cabinet.rows == 0 && mesh.columns % cabinet.columns == 0) return;
  const Grid below{mesh.rows / cabinet.rows * cabinet.rows, mesh.columns / cabinet.columns * cabinet.columns};
  const Grid above{ceil_div(mesh.rows, cabinet.rows) * cabinet.rows,
                   ceil_div(mesh.columns, cabinet.columns) * cabinet.columns};
  const std::pair<Grid, Grid> parts = parts_of(mesh, params.tray.tiles, params.cabinet.trays);
  std::string fits = text(above);
  if (area(below) > 0) fits = text(below) + " or " + fits;
  problems.push_back({"/exapod/tile_mesh",
                      fmt::format("found {} tiles (rows x columns), expected a multiple of a cabinet's {} tiles "
                                  "(cabinet.trays {} times tray.tiles {}); {} would fit, and so would {} with "
                                  "tray.tiles {} and cabinet.trays {}",
                                  text(mesh), text(cabinet), text(params.cabinet.trays), text(params.tray.tiles), fits,
                                  text(mesh), text(parts.first), text(parts.second)),
                      {"/cabinet", "/tray/tiles", "/level"}});
  mesh = area(below) > 0 ? below : above;
}

void check_size(MachineParams& params, std::vector<Problem>& problems) {
  const Grid dies = times(params.exapod.tile_mesh, params.tile.dies);
  const double count = static_cast<double>(dies.rows) * static_cast<double>(dies.columns);
  if (count <= static_cast<double>(kMaxDies)) return;
  problems.push_back({"/exapod/tile_mesh",
                      fmt::format("found {} dies, expected at most {}; take a smaller mesh", text(dies), kMaxDies),
                      {"/tile/dies", "/level", "/cabinet", "/tray/tiles"}});
  params.exapod.tile_mesh = params.tile.dies = params.tray.tiles = params.cabinet.trays = Grid{1, 1};
}

void check_listed_sites(const DieParams& die, std::vector<Problem>& problems) {
  const std::int64_t sites = area(die.grid);
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < die.disabled_sites.size(); ++i) {
    const std::int64_t site = die.disabled_sites[i];
    const std::string place = fmt::format("/die/disabled_sites/{}", i);
    if (site < 0 || site >= sites) {
      problems.push_back(
          {place,
           fmt::format("found {}, expected a site of the {} grid: 0 to {}", site, text(die.grid), sites - 1),
           {"/die/grid"}});
    } else if (!seen.insert(site).second) {
      problems.push_back({place, fmt::format("found {} a second time, expected each site once", site), {}});
    }
  }
  const auto listed = static_cast<std::int64_t>(die.disabled_sites.size());
  if (die.enabled <= sites && sites - listed != die.enabled) {
    problems.push_back(
        {"/die/disabled_sites",
         fmt::format("found {} sites, expected {}: {} sites of the {} grid less {} enabled; leave one of "
                     "enabled and disabled_sites out, and it follows from the other and the grid",
                     listed, sites - die.enabled, sites, text(die.grid), die.enabled),
         {"/die/enabled", "/die/grid"}});
  }
}

void check_sites(DieParams& die, std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  const std::int64_t sites = area(die.grid);
  if (sites > kMaxSites) {
    problems.push_back({"/die/grid",
                        fmt::format("found {} = {} sites, expected at most {} a die", text(die.grid), sites, kMaxSites),
                        {}});
    die.grid = {1, 1};
    die.enabled = 1;
  } else if (die.enabled < 1 || die.enabled > sites) {
    problems.push_back(
        {"/die/enabled",
         fmt::format("found {}, expected 1 to {}, the sites of die.grid {}; left out, it follows from the grid",
                     die.enabled, sites, text(die.grid)),
         {"/die/grid"}});
    die.enabled = std::clamp<std::int64_t>(die.enabled, 1, sites);
  }
  if (!die.disabled_sites.empty()) {
    if (die.site_map_seed != 0) {
      problems.push_back({"/die/site_map_seed",
                          fmt::format("found {} beside disabled_sites, expected only one of the two: a drawn map or a "
                                      "listed one ([] is none)",
                                      die.site_map_seed),
                          {"/die/disabled_sites"}});
    } else if (sites <= kMaxSites) {
      check_listed_sites(die, problems);
    }
  }
  if (problems.size() > before) die.disabled_sites.clear();
}

void check_rings(const MachineParams& params, std::vector<Problem>& problems) {
  const NocParams& noc = params.noc;
  if (noc.one_way && noc.wrap != Wrap::kBoth) {
    problems.push_back({"/noc/one_way",
                        fmt::format("found true with wrap \"{}\", expected wrap \"both\": a router in the last column "
                                    "has no other way to the first",
                                    schema::enum_text(noc.wrap)),
                        {"/noc/wrap"}});
  }
  if (noc.wrap == Wrap::kNone) return;
  if (params.level != Level::kDie) {
    problems.push_back({"/noc/wrap",
                        fmt::format("found \"{}\" in a machine of level \"{}\", expected level \"die\": only the lines "
                                    "of one die close to rings",
                                    schema::enum_text(noc.wrap), schema::enum_text(params.level)),
                        {"/level"}});
  }
  if (!params.defects.empty() || !params.defects_random.empty()) {
    problems.push_back({"/noc/wrap",
                        fmt::format("found \"{}\" beside defects, expected one of the two: detours know open meshes "
                                    "only",
                                    schema::enum_text(noc.wrap)),
                        {"/defects", "/defects_random"}});
  }
}

}  // namespace

MachineParams levelled(MachineParams params) {
  const Level level = params.level;
  if (level == Level::kNode) {
    params.die.grid = {1, 1};
    params.die.enabled = 1;
    params.die.disabled_sites.clear();
    params.die.site_map_seed = 0;
  }
  if (level <= Level::kDie) params.tile.dies = {1, 1};
  if (level <= Level::kTile) params.tray.tiles = {1, 1};
  if (level <= Level::kTray) params.cabinet.trays = {1, 1};
  if (level <= Level::kCabinet) params.exapod.tile_mesh = times(params.cabinet.trays, params.tray.tiles);
  return params;
}

void find_grid_problems(MachineParams& repaired, std::vector<Problem>& problems) {
  check_positive(repaired.die.grid, "/die/grid", problems);
  check_positive(repaired.tile.dies, "/tile/dies", problems);
  check_positive(repaired.tray.tiles, "/tray/tiles", problems);
  check_positive(repaired.cabinet.trays, "/cabinet/trays", problems);
  check_positive(repaired.exapod.tile_mesh, "/exapod/tile_mesh", problems);
  check_mesh(repaired, problems);
  check_size(repaired, problems);
  check_rings(repaired, problems);
  check_sites(repaired.die, problems);
  if (repaired.die.crossing_buffer_bytes != 0 && repaired.die.crossing_buffer_bytes < kPacketBytes) {
    problems.push_back({"/die/crossing_buffer_bytes",
                        fmt::format("found {}, expected at least {} (one packet), or 0 for 2 x latency x rate",
                                    repaired.die.crossing_buffer_bytes, kPacketBytes),
                        {}});
  }
}

}  // namespace dojo::topology

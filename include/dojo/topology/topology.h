// SPDX-License-Identifier: Apache-2.0
// Where every part of the machine is: ids, coordinates, neighbours, edges between shards, paths. Pure arithmetic.
//
// Shards: dies 0 .. die_count-1 (row-major over the whole die grid), then DIPs (for each row of dies the western one,
// then the eastern one; then for each column the northern one, then the southern one). East is +column, south is +row;
// row 0 is the top.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/schema/enum_text.h"
#include "dojo/topology/machine_params.h"

namespace dojo::topology {

enum class Direction : std::uint8_t { kEast = 0, kWest = 1, kNorth = 2, kSouth = 3 };
inline constexpr int kDirections = 4;
constexpr Direction opposite(Direction d) {
  return static_cast<Direction>(static_cast<int>(d) ^ 1);
}
const char* direction_name(Direction d);  ///< "east", ...

enum class LinkClass : std::uint8_t { kNoc, kDieToDie, kTileToTile, kDip, kHbm, kPcie, kEthernet };
constexpr std::array<schema::EnumEntry<LinkClass>, 7> enum_entries(LinkClass) {
  return {{{LinkClass::kNoc, "noc", "between routers of a die"},
           {LinkClass::kDieToDie, "die_to_die", "between dies of a tile"},
           {LinkClass::kTileToTile, "tile_to_tile", "between dies of two tiles"},
           {LinkClass::kDip, "dip", "between a DIP and its die"},
           {LinkClass::kHbm, "hbm", "of a DIP"},
           {LinkClass::kPcie, "pcie", "of a DIP"},
           {LinkClass::kEthernet, "ethernet", "of a DIP"}}};
}
inline constexpr int kLinkClasses = static_cast<int>(enum_entries(LinkClass{}).size());
constexpr const char* link_class_name(LinkClass c) {
  return schema::enum_text(c);
}

/// The parts of one level, how they stand in a part of the next larger level, and the links between neighbours there.
struct LevelInfo {
  Level level = Level::kNode;  ///< of the parts
  Grid grid;                   ///< of the parts in a part of the next level
  Grid dies;                   ///< of one part; of a node: 1 x 1
  LinkClass link_class = LinkClass::kNoc;
  double link_ns = 0;                   ///< from a part to its neighbour
  double link_bytes_per_s = 0;          ///< of one node's or die's edge, each way
  std::vector<std::string> grid_paths;  ///< places in the machine file that say the grid
  std::string link_path;                ///< place that says link_ns; "" for nodes
};
inline constexpr std::size_t kLevelsBelowRoot = 5;
/// From nodes to cabinets. Everything that differs by level follows from this table. Grids of levels that the machine
/// does not have are 1 x 1 in Topology::levels().
using Levels = std::array<LevelInfo, kLevelsBelowRoot>;
[[nodiscard]] Levels levels_of(const MachineParams& params);

/// What lies beyond one edge of a die. `neighbour == kNone`: the machine ends here.
struct Edge {
  ShardId neighbour = kNone;
  LinkClass link_class = LinkClass::kDieToDie;
  double bytes_per_s = 0;     ///< pooled over the edge's rows or columns, each way
  Cycles latency_cycles = 0;  ///< ns rounded up to whole cycles, at least 1
  Bytes buffer_bytes = 0;     ///< receive buffer at the far side
};

struct DieCoordinates {  ///< row and column in the whole die grid
  std::int32_t row = 0, column = 0;
};

/// Decoded path of a part ("exapod.cabinet[1].tray[0].tile[5].die[3].node[201].router").
struct PartPath {
  DieId die = kNone;
  std::optional<SiteIndex> site;  ///< absent: the die itself
  std::string rest;  ///< "", "core", "sram", "router"; of a larger part ("tile", ...) `die` is the first die
};

/// A setting that no machine can have: its place in the machine file and what is wrong with it.
struct Problem {
  std::string json_path;                ///< "/exapod/tile_mesh"
  std::string text;                     ///< "found ..., expected ...; cure"
  std::vector<std::string> depends_on;  ///< other places it follows from; a reader drops it where those are unreadable
};
/// Every impossible setting of a machine file. Empty: Topology can be built.
[[nodiscard]] std::vector<Problem> find_problems(const MachineParams& params);

class Routes;
struct DeadParts;

/// Parts that do not work, each counted once, under the largest dead part that it belongs to.
struct DeadCounts {
  std::int64_t cores = 0, routers = 0, links = 0, dies = 0;  ///< links: both directions are one
  std::int64_t cut_off = 0;  ///< of `routers`: they work, but nothing on their die leads to the rest of it
};

class Topology {
 public:
  /// Throws Error(kInvalidInput) with every impossible setting (counts that do not divide, bad defect paths, ...).
  /// `file` names the machine file in messages.
  explicit Topology(MachineParams params, const std::string& file = "machine");

  /// As in the file, but grids of levels above the machine's own are 1 x 1 (or as large as the machine).
  [[nodiscard]] const MachineParams& params() const { return params_; }
  [[nodiscard]] std::int32_t site_rows() const { return site_rows_; }        ///< of one die
  [[nodiscard]] std::int32_t site_columns() const { return site_columns_; }  ///< of one die
  [[nodiscard]] std::int32_t sites() const { return site_rows_ * site_columns_; }
  [[nodiscard]] std::int32_t die_rows() const { return die_rows_; }        ///< of the whole machine
  [[nodiscard]] std::int32_t die_columns() const { return die_columns_; }  ///< of the whole machine
  [[nodiscard]] std::uint32_t die_count() const { return static_cast<std::uint32_t>(die_rows_ * die_columns_); }
  [[nodiscard]] std::uint32_t dip_count() const { return static_cast<std::uint32_t>(dips_.size()); }
  [[nodiscard]] std::uint32_t shard_count() const { return die_count() + dip_count(); }
  [[nodiscard]] const Levels& levels() const { return levels_; }
  [[nodiscard]] const LevelInfo& level(Level level) const { return levels_[static_cast<std::size_t>(level)]; }
  /// Parts of a level in the whole machine, from dies on.
  [[nodiscard]] std::uint32_t part_count(Level level) const;
  [[nodiscard]] std::uint32_t tile_count() const { return part_count(Level::kTile); }
  [[nodiscard]] std::uint32_t tray_count() const { return part_count(Level::kTray); }
  [[nodiscard]] std::uint32_t cabinet_count() const { return part_count(Level::kCabinet); }
  [[nodiscard]] std::uint32_t host_count() const;
  [[nodiscard]] std::int64_t node_count() const { return node_count_; }  ///< enabled nodes

  /// Dies with the same map and the same core speeds share one variant (nearly always there is one).
  struct SiteMap {
    std::vector<std::uint8_t> enabled;  ///< by site, 1 = core and SRAM work
    std::vector<float> core_speed;      ///< by site, share of the nominal rate
    /// By site: bit d = the link in direction d to a site of the same die is dead, kDeadRouter. Empty: all work.
    std::vector<std::uint8_t> dead;
    std::int32_t enabled_count = 0;
  };
  [[nodiscard]] std::uint32_t site_map_index(DieId die) const {
    return site_map_of_die_.empty() ? 0 : site_map_of_die_[die];
  }
  [[nodiscard]] const SiteMap& site_map(DieId die) const { return site_maps_[site_map_index(die)]; }
  [[nodiscard]] const std::vector<SiteMap>& site_maps() const { return site_maps_; }
  static constexpr std::uint8_t kDeadRouter = 1u << kDirections;

  /// Ways around dead routers, links, edges and dies. Null: there are none, and dimension order reaches everything.
  [[nodiscard]] const Routes* routes() const { return routes_.get(); }
  [[nodiscard]] bool is_dead(DieId die) const { return !dead_dies_.empty() && dead_dies_[die] != 0; }
  [[nodiscard]] const DeadCounts& dead() const { return dead_counts_; }

  [[nodiscard]] DieCoordinates coordinates(DieId die) const {
    return {static_cast<std::int32_t>(die) / die_columns_, static_cast<std::int32_t>(die) % die_columns_};
  }
  [[nodiscard]] DieId die_at(std::int32_t row, std::int32_t column) const {
    return static_cast<DieId>(row * die_columns_ + column);
  }
  [[nodiscard]] Edge edge(DieId die, Direction d) const;
  /// Smallest latency of any edge between shards: the lookahead of the engine. kNever for a single shard.
  [[nodiscard]] Cycles lookahead_cycles() const;

  /// Nodes whose cores run cycle by cycle, ascending, of the dies that have some.
  [[nodiscard]] const std::map<DieId, std::vector<SiteIndex>>& detailed() const { return detailed_; }

  // DIPs: dip = 0 .. dip_count-1, shard id = die_count() + dip.
  [[nodiscard]] DieId dip_die(std::uint32_t dip) const { return dips_[dip].die; }        ///< to whose edge it is bound
  [[nodiscard]] Direction dip_side(std::uint32_t dip) const { return dips_[dip].side; }  ///< the side of that die
  /// The DIP at an end of a line of dies: west or east of a row, north or south of a column. kNone: there is none.
  [[nodiscard]] std::uint32_t dip_of_line(Direction side, std::int32_t line) const {
    const std::vector<std::uint32_t>& dips = dip_of_line_[static_cast<std::size_t>(side)];
    return dips.empty() ? kNone : dips[static_cast<std::size_t>(line)];
  }
  /// A lane leads to it.
  [[nodiscard]] bool dip_works(std::uint32_t dip) const;
  /// The DIP with the fewest dies between it and a die that works (ties: the lower number). kNone when the machine has
  /// none.
  [[nodiscard]] std::uint32_t nearest_dip(DieId die) const;
  /// All that are as near, ascending.
  [[nodiscard]] std::vector<std::uint32_t> nearest_dips(DieId die) const;

  // Hierarchy indices (0-based), and paths. Levels from dies on.
  /// The part that a die lies in: row-major over the whole machine.
  [[nodiscard]] std::uint32_t part_of(Level level, DieId die) const;
  /// The same part: row-major within its parent, as in paths.
  [[nodiscard]] std::uint32_t index_in_parent(Level level, DieId die) const;
  [[nodiscard]] std::uint32_t tile_of(DieId die) const { return part_of(Level::kTile, die); }
  [[nodiscard]] const char* root_name() const;  ///< "exapod", "tile", ...
  /// Of the part of `level` that a die lies in, "exapod.cabinet[0].tray[1]"; the root's where that level is not below
  /// it.
  [[nodiscard]] std::string part_path(Level level, DieId die) const;
  [[nodiscard]] std::string die_path(DieId die) const;  ///< "exapod.cabinet[0].tray[1].tile[2].die[3]"
  [[nodiscard]] std::string node_path(DieId die, SiteIndex site) const;
  [[nodiscard]] std::string dip_path(
      std::uint32_t dip) const;  ///< "….tray[0].dip[7]", numbered within the parent: the tray or the root
  [[nodiscard]] std::string edge_path(DieId die, Direction d) const;  ///< die path + ".edge.east"
  /// Also accepts larger parts ("exapod.tray..."): their first die. Absent: no such part (DIPs and edges included).
  [[nodiscard]] std::optional<PartPath> parse_path(const std::string& path) const;

  /// Exact: ceil(ns * clock), at least `at_least`.
  [[nodiscard]] Cycles cycles_from_ns(double ns, Cycles at_least = 0) const;
  [[nodiscard]] double seconds(Cycles cycles) const { return static_cast<double>(cycles) / params_.clock_hz; }

 private:
  friend std::vector<Problem> find_problems(const MachineParams& params);
  Topology() = default;
  void build(MachineParams params, std::vector<Problem>& problems);
  void place_dips();
  [[nodiscard]] std::int32_t dies_between(DieId die, std::uint32_t dip) const;
  /// Both ends of its row of dies have a DIP that works, and no column has one.
  [[nodiscard]] bool is_between_dips(DieId die) const;
  /// The maps of dies that defects or slow nodes make different from the others.
  [[nodiscard]] std::map<DieId, SiteMap> changed_maps(const DeadParts& parts, std::vector<Problem>& problems) const;
  void share_site_maps(std::map<DieId, SiteMap> changed);
  [[nodiscard]] DeadParts find_dead_parts(std::vector<Problem>& problems) const;
  void find_routes(DeadParts parts, std::vector<Problem>& problems);
  void find_detailed(std::vector<Problem>& problems);
  /// Returns what is wrong with the path; "": nothing.
  std::string add_detailed(std::string path, std::vector<std::string>& depends_on);
  struct ParsedPath;
  class DefectReader;
  [[nodiscard]] ParsedPath read_path(const std::string& path) const;
  /// The largest level at which neighbours lie in different parts: its links join them.
  [[nodiscard]] const LevelInfo& level_between(DieId a, DieId b) const;

  MachineParams params_;
  Levels levels_;
  std::int32_t site_rows_ = 1, site_columns_ = 1, die_rows_ = 1, die_columns_ = 1;
  struct DipPlace {
    DieId die;
    Direction side;
    std::uint32_t in_parent;  ///< number in the tray or the root
  };
  std::vector<DipPlace> dips_;
  std::array<std::vector<std::uint32_t>, kDirections> dip_of_line_;  ///< by row or column of dies; empty: none
  std::int64_t node_count_ = 0;
  std::vector<SiteMap> site_maps_;
  std::vector<std::uint32_t> site_map_of_die_;  ///< empty: all dies have map 0
  std::vector<std::uint8_t> dead_dies_;         ///< empty: none
  std::vector<std::uint8_t> dead_edges_;        ///< by die, bit per direction; empty: none
  DeadCounts dead_counts_;
  std::shared_ptr<const Routes> routes_;
  std::map<DieId, std::vector<SiteIndex>> detailed_;
};

}  // namespace dojo::topology

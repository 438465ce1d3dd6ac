// SPDX-License-Identifier: Apache-2.0
// What a machine file may say. Keys carry their unit; the initialisers are the only defaults; sources are rows of
// docs/hardware.md or "assumed".
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/schema/enum_text.h"
#include "dojo/schema/fields.h"
#include "dojo/topology/core_params.h"

namespace dojo::topology {

using schema::Anything;
using schema::AtLeast;
using schema::Between;
using schema::Source;

/// The machine's top level; the root of every path.
enum class Level { kNode, kDie, kTile, kTray, kCabinet, kExapod };
inline constexpr std::array<schema::EnumEntry<Level>, 6> kLevelTexts{{{Level::kNode, "node", "one D1 node"},
                                                                      {Level::kDie, "die", "one D1 die"},
                                                                      {Level::kTile, "tile", "one training tile"},
                                                                      {Level::kTray, "tray", "one system tray"},
                                                                      {Level::kCabinet, "cabinet", "one cabinet"},
                                                                      {Level::kExapod, "exapod", "the whole machine"}}};
constexpr const auto& enum_entries(Level) {
  return kLevelTexts;
}

/// Which of the packets that want a link goes first.
enum class Arbitration { kRoundRobin, kAge };
inline constexpr std::array<schema::EnumEntry<Arbitration>, 2> kArbitrationTexts{
    {{Arbitration::kRoundRobin, "round_robin", "inputs of a router take turns"},
     {Arbitration::kAge, "age", "the packet that was read from its memory first"}}};
constexpr const auto& enum_entries(Arbitration) {
  return kArbitrationTexts;
}

/// Which lines of a die's routers close to rings.
enum class Wrap { kNone, kRows, kColumns, kBoth };
inline constexpr std::array<schema::EnumEntry<Wrap>, 4> kWrapTexts{
    {{Wrap::kNone, "none", "an open mesh"},
     {Wrap::kRows, "rows", "a link joins the last router of each row with its first"},
     {Wrap::kColumns, "columns", "a link joins the last router of each column with its first"},
     {Wrap::kBoth, "both", "a torus"}}};
constexpr const auto& enum_entries(Wrap) {
  return kWrapTexts;
}

/// Who chooses first in a router: what wants to leave, or what can be left by.
enum class SwitchOrder { kInputsFirst, kLinksFirst };
inline constexpr std::array<schema::EnumEntry<SwitchOrder>, 2> kSwitchOrderTexts{
    {{SwitchOrder::kInputsFirst, "inputs_first", "an input port sends one flit a cycle, and chooses which"},
     {SwitchOrder::kLinksFirst, "links_first",
      "each link takes turns over its virtual channels; an input port may feed several links in a cycle"}}};
constexpr const auto& enum_entries(SwitchOrder) {
  return kSwitchOrderTexts;
}

/// Which of the free virtual channels of its class a packet takes on its next link.
enum class LaneChoice { kInTurn, kKeep };
inline constexpr std::array<schema::EnumEntry<LaneChoice>, 2> kLaneChoiceTexts{
    {{LaneChoice::kInTurn, "in_turn", "the one after that which the packet before it took"},
     {LaneChoice::kKeep, "keep", "the one it has, another one only where that is taken or full"}}};
constexpr const auto& enum_entries(LaneChoice) {
  return kLaneChoiceTexts;
}

struct Grid {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  const char* source = "chosen";  ///< of the default values; not a field
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("rows", self.rows, "rows of the grid", Between(1, 4096), Source{self.source});
    field("columns", self.columns, "columns of the grid", Between(1, 4096), Source{self.source});
  }
};

/// A node's threads.
inline constexpr std::int64_t kMostSendQueues = 4;

struct NodeParams {
  std::int64_t matrix_rows = 8, matrix_columns = 8, matrix_depth = 4;  // MACs a cycle = product
  std::int64_t fp32_flop_per_cycle = 32;
  std::int64_t sram_bytes = 1250000;
  std::int64_t sram_latency_cycles = 5;
  std::int64_t load_ports = 2, store_ports = 1, port_bytes_per_cycle = 64;
  std::int64_t noc_read_ports = 1, noc_write_ports = 1;
  std::int64_t communication_threads = 2;
  std::int64_t vector_bytes_per_cycle = 64;
  bool vector_formats_native = true;
  std::int64_t vector_latency_cycles = 4, matrix_latency_cycles = 8, scalar_latency_cycles = 1;
  std::int64_t kernel_launch_cycles = 40;
  std::int64_t semaphore_cycles = 1;
  std::int64_t collective_semaphore_cycles = 0;
  CoreParams core;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("matrix_rows", self.matrix_rows, "rows of the matrix unit's output block", Between(1, 1024), Source{"C21"});
    field("matrix_columns", self.matrix_columns, "columns of the matrix unit's output block", Between(1, 1024),
          Source{"C21"});
    field("matrix_depth", self.matrix_depth, "inner products a cycle of the matrix unit", Between(1, 1024),
          Source{"C21"});
    field("fp32_flop_per_cycle", self.fp32_flop_per_cycle, "FP32 FLOP a cycle on the vector unit (2 per FMA)",
          Between(1, 1 << 20), Source{"C26"});
    field("sram_bytes", self.sram_bytes, "local SRAM", Between(1024, 1e12), Source{"C40"});
    field("sram_latency_cycles", self.sram_latency_cycles, "SRAM access", Between(0, 10000), Source{"C46"});
    field("load_ports", self.load_ports, "vector load ports", Between(1, 64), Source{"C43"});
    field("store_ports", self.store_ports, "vector store ports", Between(1, 64), Source{"C43"});
    field("port_bytes_per_cycle", self.port_bytes_per_cycle,
          "width of each load and store port of the core; a NoC port passes a flit a cycle", Between(1, 65536),
          Source{"C43"});
    field("noc_read_ports", self.noc_read_ports, "SRAM to network ports (injection)", Between(1, 16), Source{"N06"});
    field("noc_write_ports", self.noc_write_ports, "network to SRAM ports (ejection)", Between(1, 16), Source{"N06"});
    field("communication_threads", self.communication_threads,
          "threads that send; each has a queue of messages, and the queues take turns", Between(1, kMostSendQueues),
          Source{"C05"});
    field("vector_bytes_per_cycle", self.vector_bytes_per_cycle, "SIMD width", Between(1, 65536), Source{"C20"});
    field("vector_formats_native", self.vector_formats_native,
          "formats below 32 bits are computed as they are; else they are unpacked to FP32 and packed again", Anything(),
          Source{"assumed"});
    field("vector_latency_cycles", self.vector_latency_cycles, "vector FP pipeline", Between(0, 10000),
          Source{"assumed"});
    field("matrix_latency_cycles", self.matrix_latency_cycles, "matrix pipeline fill and drain", Between(0, 10000),
          Source{"assumed"});
    field("scalar_latency_cycles", self.scalar_latency_cycles, "scalar ALU", Between(0, 10000), Source{"assumed"});
    field("kernel_launch_cycles", self.kernel_launch_cycles,
          "loop set-up and branch cost of starting a kernel on a node", Between(0, 1000000), Source{"assumed"});
    field("semaphore_cycles", self.semaphore_cycles, "local semaphore operation", Between(0, 10000), Source{"assumed"});
    field("collective_semaphore_cycles", self.collective_semaphore_cycles,
          "at each step of a collective, message or DIP transfer: a node that has what it waits for until it goes on",
          Between(0, 10000), Source{"assumed"});
    field.group("core", self.core, "pipeline of the core");
  }
};

struct NocParams {
  std::int64_t link_bytes_per_cycle = 64;
  std::int64_t hop_cycles = 1;
  std::int64_t virtual_channels = 3;
  std::int64_t buffer_packets_per_vc = 4;
  Arbitration arbitration = Arbitration::kRoundRobin;
  Wrap wrap = Wrap::kNone;
  bool one_way = false;
  std::int64_t networks = 1;
  std::int64_t packet_bytes = 0, header_flits = 0;
  double endpoint_bytes_per_cycle = 0;
  std::int64_t endpoint_cycles = 1, read_cycles = 0;
  std::int64_t issue_cycles = 0, credit_cycles = 0;
  std::int64_t shared_buffer_packets = 0, shared_packets_per_vc = 0;
  SwitchOrder switch_order = SwitchOrder::kInputsFirst;
  LaneChoice lane_choice = LaneChoice::kInTurn;
  /// Nodes, row by row, that are memory behind the die.
  std::vector<std::int64_t> memory_sites;
  double memory_bytes_per_cycle = 0;
  std::int64_t memory_read_cycles = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("link_bytes_per_cycle", self.link_bytes_per_cycle, "width of every on-die link and direction",
          Between(1, 65536), Source{"N03"});
    field("hop_cycles", self.hop_cycles, "router to next router", Between(1, 10000), Source{"N05"});
    field("virtual_channels", self.virtual_channels, "traffic classes with buffers of their own", Between(2, 16),
          Source{"assumed"});
    field("buffer_packets_per_vc", self.buffer_packets_per_vc, "depth of each input buffer", Between(1, 65536),
          Source{"assumed"});
    field("arbitration", self.arbitration, "which of the packets that want a link goes first (dojosim run)", Anything(),
          Source{"assumed"});
    field("wrap", self.wrap, "which lines of a die's routers close to rings (dojosim net)", Anything(),
          Source{"chosen"});
    field("one_way", self.one_way, "links lead east and south only; needs wrap both", Anything(), Source{"chosen"});
    field("networks", self.networks,
          "2: a second network beside the first takes columns first, and where links lead one way, the other way",
          Between(1, 2), Source{"chosen"});
    field("packet_bytes", self.packet_bytes,
          "data of a packet at most, in a replay of network events; 0 = link_bytes_per_cycle", Between(0, 1 << 20),
          Source{"N03"});
    field("header_flits", self.header_flits, "flits of a packet before its data, in a replay", Between(0, 64),
          Source{"N03"});
    field("endpoint_bytes_per_cycle", self.endpoint_bytes_per_cycle,
          "what a node sends, and takes, on a network at most, in a replay; 0 = link_bytes_per_cycle",
          Between(0, 65536), Source{"N06"});
    field("endpoint_cycles", self.endpoint_cycles, "node to its router and back, each, in a replay", Between(1, 64),
          Source{"assumed"});
    field("read_cycles", self.read_cycles, "a request is at a node until its answer starts, in a replay",
          Between(0, 10000), Source{"assumed"});
    field("issue_cycles", self.issue_cycles,
          "recorded time of an event until it takes effect, in a replay: the recorder writes it down first",
          Between(0, 10000), Source{"chosen"});
    field("credit_cycles", self.credit_cycles,
          "a packet leaves a buffer until the sender may use its place, in a replay; 0 = hop_cycles", Between(0, 64),
          Source{"assumed"});
    field("shared_buffer_packets", self.shared_buffer_packets,
          "of an input port, beyond buffer_packets_per_vc, for whichever channel needs them, in a replay",
          Between(0, 65536), Source{"assumed"});
    field("shared_packets_per_vc", self.shared_packets_per_vc, "of those, for one channel at most", Between(0, 65536),
          Source{"assumed"});
    field("switch_order", self.switch_order, "who chooses first in a router, in a replay", Anything(),
          Source{"assumed"});
    field("lane_choice", self.lane_choice, "which free channel of its class a packet takes, in a replay", Anything(),
          Source{"assumed"});
    field("memory_sites", self.memory_sites, "row-major sites that are memory behind the die, in a replay", AtLeast(0),
          Source{"chosen"});
    field("memory_bytes_per_cycle", self.memory_bytes_per_cycle,
          "what each of them reads and writes over all networks; 0 = as other nodes", Between(0, 65536),
          Source{"chosen"});
    field("memory_read_cycles", self.memory_read_cycles, "read_cycles of these sites", Between(0, 10000),
          Source{"chosen"});
  }
};

struct DieParams {
  Grid grid{18, 20, "D06"};
  std::int64_t enabled = 354;
  /// Sites without core and SRAM (the router stays). Empty and `site_map_seed` 0: the default list of the model.
  std::vector<std::int64_t> disabled_sites;
  std::int64_t site_map_seed = 0;
  double edge_bytes_per_s = 2.016e12;
  double crossing_ns = 100;
  std::int64_t crossing_buffer_bytes = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field.group("grid", self.grid, "sites of a die");
    field("enabled", self.enabled, "sites with a working core", Between(1, 65536), Source{"D05"});
    field("disabled_sites", self.disabled_sites, "row-major sites without core and SRAM, the same on every die",
          AtLeast(0), Source{"assumed"});
    field("site_map_seed", self.site_map_seed, "not 0: draw the disabled sites of each die from this seed", AtLeast(0),
          Source{"chosen"});
    field("edge_bytes_per_s", self.edge_bytes_per_s, "one die edge, each way, pooled over its rows or columns",
          Between(1e6, 1e18), Source{"D14"});
    field("crossing_ns", self.crossing_ns, "die to die within a tile", Between(1, 1e6), Source{"D18"});
    field("crossing_buffer_bytes", self.crossing_buffer_bytes,
          "receive buffer of each crossing; 0 = 2 x latency x rate", AtLeast(0), Source{"assumed"});
  }
};

struct TileParams {
  Grid dies{5, 5, "T02"};
  double die_edge_out_bytes_per_s = 8.96e11;
  double tile_link_ns = 200;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field.group("dies", self.dies, "dies of a tile");
    field("die_edge_out_bytes_per_s", self.die_edge_out_bytes_per_s, "one die edge on the tile's boundary, each way",
          Between(1e6, 1e18), Source{"T10"});
    field("tile_link_ns", self.tile_link_ns, "tile to tile within a tray", Between(1, 1e6), Source{"assumed"});
  }
};

struct TrayParams {
  Grid tiles{2, 3, "Y01"};
  std::int64_t hosts = 4;
  double tray_link_ns = 300;
  double cabinet_link_ns = 400;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field.group("tiles", self.tiles, "tiles of a tray");
    field("hosts", self.hosts, "host servers of a tray", Between(1, 1024), Source{"Y06"});
    field("tray_link_ns", self.tray_link_ns, "tile to tile across trays", Between(1, 1e6), Source{"assumed"});
    field("cabinet_link_ns", self.cabinet_link_ns, "tile to tile across cabinets", Between(1, 1e6), Source{"assumed"});
  }
};

struct CabinetParams {
  Grid trays{2, 1, "E01"};
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field.group("trays", self.trays, "trays of a cabinet");
  }
};

struct ExapodParams {
  Grid tile_mesh{40, 3, "E08"};
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field.group("tile_mesh", self.tile_mesh, "tiles of the machine; a multiple of cabinet.trays x tray.tiles");
  }
};

/// Whose edges DipEdge speaks of. What one block has, each block at that edge of the machine has.
enum class DipBlock { kTile, kTray, kCabinet, kMachine };
inline constexpr std::array<schema::EnumEntry<DipBlock>, 4> kDipBlockTexts{
    {{DipBlock::kTile, "tile", "each tile"},
     {DipBlock::kTray, "tray", "each tray"},
     {DipBlock::kCabinet, "cabinet", "each cabinet"},
     {DipBlock::kMachine, "machine", "the machine as a whole"}}};
constexpr const auto& enum_entries(DipBlock) {
  return kDipBlockTexts;
}

/// The DIPs on one edge of a block. One die of the edge has room for one DIP, which takes all its lanes.
struct DipEdge {
  std::int64_t number = 0;
  std::vector<std::int64_t> places;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("number", self.number, "DIPs on the edge; -1 = one at each of `places`, or at each die of the edge",
          Between(-1, 65536), Source{"Y09"});
    field("places", self.places,
          "dies of the edge that have a DIP, from the north or the west, the first is 0; empty: `number` is spread "
          "evenly",
          AtLeast(0), Source{"Y09"});
  }
};

struct DipParams {
  bool present = true;  ///< a node file without "dip" has none
  DipBlock block = DipBlock::kTile;
  DipEdge west{-1, {}}, east{-1, {}}, north, south;
  std::int64_t hbm_bytes = 32000000000;
  double hbm_bytes_per_s = 8e11;
  double hbm_efficiency = 0.85;
  double hbm_latency_ns = 300;
  double bridge_ns = 100;
  double ttp_bytes_per_s = 8.96e11;
  double ttp_link_ns = 200;
  double pcie_bytes_per_s = 3.2e10;
  double pcie_latency_ns = 1000;
  double ethernet_bytes_per_s = 5e10;
  double ethernet_latency_ns = 1300;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("present", self.present, "the machine has DIPs", Anything(), Source{"Y09"});
    field("block", self.block,
          "west, east, north and south speak of the edges of each tile, tray or cabinet, or of "
          "the machine's",
          Anything(), Source{"chosen"});
    field.group("west", self.west, "DIPs on the western edge of a block at the machine's western end");
    field.group("east", self.east, "DIPs on the eastern edge");
    field.group("north", self.north, "DIPs on the northern edge");
    field.group("south", self.south, "DIPs on the southern edge");
    field("hbm_bytes", self.hbm_bytes, "HBM of a DIP", Between(1024, 1e15), Source{"I02"});
    field("hbm_bytes_per_s", self.hbm_bytes_per_s, "HBM peak rate of a DIP", Between(1e6, 1e18), Source{"I03"});
    field("hbm_efficiency", self.hbm_efficiency, "share of the HBM peak that transfers reach", Between(0.01, 1),
          Source{"assumed"});
    field("hbm_latency_ns", self.hbm_latency_ns, "HBM access", Between(0, 1e6), Source{"assumed"});
    field("bridge_ns", self.bridge_ns, "through the DIP's bridge", Between(0, 1e6), Source{"assumed"});
    field("ttp_bytes_per_s", self.ttp_bytes_per_s, "DIP to die edge, each way", Between(1e6, 1e18), Source{"I04"});
    field("ttp_link_ns", self.ttp_link_ns, "DIP to die edge", Between(1, 1e6), Source{"assumed"});
    field("pcie_bytes_per_s", self.pcie_bytes_per_s, "host to DIP over PCIe, each way", Between(1e6, 1e18),
          Source{"I05"});
    field("pcie_latency_ns", self.pcie_latency_ns, "host memory to DIP over PCIe", Between(0, 1e9), Source{"assumed"});
    field("ethernet_bytes_per_s", self.ethernet_bytes_per_s, "host to DIP over Ethernet, each way", Between(1e6, 1e18),
          Source{"I06"});
    field("ethernet_latency_ns", self.ethernet_latency_ns, "host memory to DIP over Ethernet", Between(0, 1e9),
          Source{"P17"});
  }
};

/// The Ethernet plane: switches that connect the DIPs, and TTPoE on it. Only jobs that send over it see it.
struct ZplaneParams {
  std::int64_t switch_tiers = 1;
  std::int64_t ports_per_switch = 400;
  double switch_ns = 500;
  std::int64_t frame_beats = 16;
  std::int64_t header_bytes = 64;
  std::int64_t gap_bytes = 20;
  std::int64_t window_bytes = 1 << 20;
  double timeout_ns = 100000;
  double loss_rate = 0;
  std::int64_t seed = 1;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("switch_tiers", self.switch_tiers, "1: one switch for all DIPs; 2: leaves of half their ports, and spines",
          Between(1, 2), Source{"assumed"});
    field("ports_per_switch", self.ports_per_switch, "ports of a switch, as fast as a DIP's Ethernet",
          Between(2, 1 << 16), Source{"assumed"});
    field("switch_ns", self.switch_ns, "through one switch", Between(1, 1e9), Source{"assumed"});
    field("frame_beats", self.frame_beats, "longest payload of a frame, in beats of 64 bytes", Between(1, 16),
          Source{"P03"});
    field("header_bytes", self.header_bytes, "header beat of a frame; acknowledgements are only that",
          Between(64, 1536), Source{"P06"});
    field("gap_bytes", self.gap_bytes, "preamble and gap between frames", Between(0, 1024), Source{"P06"});
    field("window_bytes", self.window_bytes, "payload on the way from one DIP to another: the sender's SRAM",
          Between(1024, 1e12), Source{"P13"});
    field("timeout_ns", self.timeout_ns, "without an answer for so long, the sender goes back to the oldest frame",
          Between(1, 1e12), Source{"assumed"});
    field("loss_rate", self.loss_rate, "chance of a frame to be lost at the switch", Between(0, 0.5),
          Source{"assumed"});
    field("seed", self.seed, "seed of the losses", AtLeast(0), Source{"chosen"});
  }
};

/// Energy figures. All are assumed except the TDP of a die (docs/hardware.md).
struct EnergyParams {
  double noc_pj_per_bit_hop = 0.1;
  double die_crossing_pj_per_bit = 1.0;
  double tile_crossing_pj_per_bit = 5.0;
  double hbm_pj_per_bit = 4.0;
  double sram_pj_per_bit = 0.15;
  double matrix_pj_per_flop = 0.8;
  double die_idle_watts = 100;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("noc_pj_per_bit_hop", self.noc_pj_per_bit_hop, "one bit over one on-die link", Between(0, 1e6),
          Source{"assumed"});
    field("die_crossing_pj_per_bit", self.die_crossing_pj_per_bit, "one bit over a die edge inside a tile",
          Between(0, 1e6), Source{"assumed"});
    field("tile_crossing_pj_per_bit", self.tile_crossing_pj_per_bit, "one bit over a tile edge or a DIP link",
          Between(0, 1e6), Source{"assumed"});
    field("hbm_pj_per_bit", self.hbm_pj_per_bit, "one bit from or to HBM", Between(0, 1e6), Source{"assumed"});
    field("sram_pj_per_bit", self.sram_pj_per_bit, "one bit injected from or ejected to SRAM", Between(0, 1e6),
          Source{"assumed"});
    field("matrix_pj_per_flop", self.matrix_pj_per_flop, "one executed matrix FLOP", Between(0, 1e6),
          Source{"assumed"});
    field("die_idle_watts", self.die_idle_watts, "a die that does nothing (25 % of the TDP)", Between(0, 1e6),
          Source{"assumed"});
  }
};

/// One dead part. A dead core's site keeps its router; a dead router takes its core along, a dead die everything on it.
/// Links and edges are dead both ways.
struct NodeDefect {
  std::string path;           ///< "exapod.cabinet[1].tray[0].tile[5].die[3].node[201]"
  std::string kind = "core";  ///< core, router, link, edge, die
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("path", self.path,
          "path of the part, as in reports: ...node[7] (core), ...node[7].router, ...node[7].router.east (link), "
          "...die[3].edge.east or ...tile[2].edge.east (edge), ...die[3]",
          Anything(), Source{"chosen"});
    field("kind", self.kind, "what is dead: core, router, link, edge or die", Anything(), Source{"chosen"});
  }
};

/// Dead parts drawn from a seed: a share of the cores, routers or on-die links, or a number of dies.
struct RandomDefects {
  std::string kind = "router";
  double share = 0;
  std::int64_t count = 0, seed = 1, maps = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("kind", self.kind, "what is dead: core, router, link (on dies) or die", Anything(), Source{"chosen"});
    field("share", self.share, "of cores, routers or links: the chance of each to be dead", Between(0, 0.5),
          Source{"chosen"});
    field("count", self.count, "of dies: how many are dead", AtLeast(0), Source{"chosen"});
    field("seed", self.seed, "seed of the draws", AtLeast(0), Source{"chosen"});
    field("maps", self.maps,
          "of cores, routers or links: so many drawn dies, of which each die gets one; 0 = each its own",
          Between(0, 1 << 20), Source{"chosen"});
  }
};

struct SlowNode {
  std::string path;
  double core_speed = 1.0;  ///< share of the nominal compute rate
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("path", self.path, "path of the node, as in reports", Anything(), Source{"chosen"});
    field("core_speed", self.core_speed, "share of the nominal compute rate", Between(0.001, 1), Source{"chosen"});
  }
};

struct MachineParams {
  std::string name = "exapod";
  Level level = Level::kExapod;
  double clock_hz = 2e9;
  NodeParams node;
  NocParams noc;
  DieParams die;
  TileParams tile;
  TrayParams tray;
  CabinetParams cabinet;
  ExapodParams exapod;
  DipParams dip;
  ZplaneParams zplane;
  EnergyParams energy;
  std::vector<NodeDefect> defects;
  std::vector<RandomDefects> defects_random;
  std::vector<SlowNode> slow_nodes;
  std::vector<std::string> detailed;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("name", self.name, "name of the machine", Anything(), Source{"chosen"});
    field("level", self.level, "top level of the machine: node, die, tile, tray, cabinet or exapod", Anything(),
          Source{"chosen"});
    field("clock_hz", self.clock_hz, "core and network clock", Between(1e6, 1e11), Source{"C01"});
    field.group("node", self.node, "one D1 node: core, SRAM, ports");
    field.group("noc", self.noc, "network on die");
    field.group("die", self.die, "one D1 die");
    field.group("tile", self.tile, "one training tile");
    field.group("tray", self.tray, "one system tray");
    field.group("cabinet", self.cabinet, "one cabinet");
    field.group("exapod", self.exapod, "the whole machine");
    field.group("dip", self.dip, "Dojo Interface Processor with HBM, PCIe and Ethernet");
    field.group("zplane", self.zplane, "Ethernet switches between the DIPs, and TTPoE on them");
    field.group("energy", self.energy, "energy figures");
    field.list("defects", self.defects, "dead parts");
    field.list("defects_random", self.defects_random, "dead parts drawn from a seed");
    field.list("slow_nodes", self.slow_nodes, "nodes whose core runs slower");
    field("detailed", self.detailed,
          "paths of nodes, rows of nodes, dies or larger parts whose cores run cycle by cycle: ...die[3].node[7], "
          "...die[3].row[2], ...die[3]",
          Anything(), Source{"chosen"});
  }
};

}  // namespace dojo::topology

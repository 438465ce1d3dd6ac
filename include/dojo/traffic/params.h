// SPDX-License-Identifier: Apache-2.0
// What synthetic traffic a `dojosim net` run asks for, and for how long.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/schema/enum_text.h"
#include "dojo/schema/fields.h"

namespace dojo::traffic {

using schema::Anything;
using schema::AtLeast;
using schema::Between;
using schema::OneOf;
using schema::Source;

enum class Pattern : std::uint8_t { kBitcomp, kExchange, kHotspot, kMirror, kNeighbor, kTornado, kTranspose, kUniform };
inline constexpr std::array<schema::EnumEntry<Pattern>, 8> kPatternTexts{{
    {Pattern::kBitcomp, "bitcomp", "to the node with the complementary id, N - 1 - id"},
    {Pattern::kExchange, "exchange",
     "the middle tile and its neighbours, the same place in each: (r+c) mod 4 = 0 east, 1 west, 2 south, 3 north; all "
     "other nodes are silent"},
    {Pattern::kHotspot, "hotspot", "every node sends to one of the listed nodes, each with equal chance"},
    {Pattern::kMirror, "mirror", "to the mirror image, (r, C-1-c), or by rows (R-1-r, c)"},
    {Pattern::kNeighbor, "neighbor", "one further in both directions, (r+1 mod R, c+1 mod C)"},
    {Pattern::kTornado, "tornado", "just under half way round in both, (r+ceil(R/2)-1 mod R, c+ceil(C/2)-1 mod C)"},
    {Pattern::kTranspose, "transpose", "(r, c) to (floor(c R/C), floor(r C/R))"},
    {Pattern::kUniform, "uniform", "any node with equal chance, itself included"},
}};
constexpr const auto& enum_entries(Pattern) {
  return kPatternTexts;
}

struct MeshParams {
  std::int64_t rows = 0, columns = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("rows", self.rows, "rows of a plain mesh of nodes instead of the machine; 0 = the machine", Between(0, 4096),
          Source{"chosen"});
    field("columns", self.columns, "columns of that mesh", Between(0, 4096), Source{"chosen"});
  }
};

/// A rectangle of dies.
struct AreaParams {
  std::int64_t row = 0, column = 0, rows = 0, columns = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("row", self.row, "first row of dies", Between(0, 4095), Source{"chosen"});
    field("column", self.column, "first column of dies", Between(0, 4095), Source{"chosen"});
    field("rows", self.rows, "rows of dies; 0 = to the last", Between(0, 4096), Source{"chosen"});
    field("columns", self.columns, "columns of dies; 0 = to the last", Between(0, 4096), Source{"chosen"});
  }
};

struct NetParams {
  MeshParams mesh;
  AreaParams area;
  Pattern pattern = Pattern::kUniform;
  double rate = 0.1;
  std::int64_t packet_flits = 1;
  std::vector<std::int64_t> hotspots;
  std::string mirror = "columns";
  std::string scope = "machine";
  std::int64_t warmup_cycles = 0;
  std::int64_t measure_cycles = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field.group("mesh", self.mesh, "a plain mesh instead of a machine");
    field.group("area", self.area, "the dies whose nodes inject, and over which the pattern is laid");
    field("pattern", self.pattern, "where packets go", Anything(), Source{"chosen"});
    field("rate", self.rate, "offered load in flits/node/cycle", Between(1e-9, 1), Source{"chosen"});
    field("packet_flits", self.packet_flits, "flits of a packet", Between(1, 65536), Source{"chosen"});
    field("hotspots", self.hotspots, "ids (row x columns + column) of the nodes that pattern hotspot sends to",
          AtLeast(0), Source{"chosen"});
    field("mirror", self.mirror, "what pattern mirror swaps", OneOf("columns", "rows"), Source{"chosen"});
    field("scope", self.scope, "die: the pattern is laid over each die and packets stay in it", OneOf("machine", "die"),
          Source{"chosen"});
    field("warmup_cycles", self.warmup_cycles, "cycles before the measurement; 0 = until latency is steady",
          Between(0, 1e9), Source{"chosen"});
    field("measure_cycles", self.measure_cycles,
          "cycles whose packets are measured; 0 = until the standard error of the mean latency is 0.5 %",
          Between(0, 1e9), Source{"chosen"});
  }
};

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// `topo show --svg`: the machine as a picture that needs nothing else.
#include <fmt/format.h>

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/config/hardware.h"
#include "dojo/topology/topology.h"

namespace dojo::config {
namespace {

using topology::Level;
using topology::Topology;

constexpr std::int64_t kMostDies = 20'000;  ///< that are drawn; beyond it tiles are empty
constexpr double kMargin = 24, kText = 16, kGap = 4;

constexpr const char* kStyle =
    "<style>text{font:12px sans-serif;fill:#222}.title{font-size:16px}.die{fill:#cfe3f7;stroke:#7aa6cf}"
    ".tile{fill:none;stroke:#4a6a8a}.tray{fill:none;stroke:#b07a20;stroke-width:2}"
    ".cabinet{fill:none;stroke:#8a2f2f;stroke-width:3}.dip{fill:#e8b04a}.node{fill:#cfe3f7}.none{fill:#b9b9b9}"
    ".dead{fill:#8a2f2f}@media (prefers-color-scheme:dark){svg{background:#16181c}text{fill:#ddd}"
    ".die,.node{fill:#27486b;stroke:#4d7aa8}.none{fill:#555}}</style>\n";

/// Names of machines are texts of strangers.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += byte < ' ' || byte == 0x7f ? ' ' : c;
    }
  }
  return out;
}

class Picture {
 public:
  explicit Picture(const Topology& machine) : machine_(machine), params_(machine.params()) {}

  std::string draw() {
    y_ = kMargin;
    text(kMargin, "title",
         fmt::format("{} \"{}\": {} nodes, {} dies ({} x {}), {} DIPs", machine_.root_name(), escaped(params_.name),
                     machine_.node_count(), machine_.die_count(), machine_.die_rows(), machine_.die_columns(),
                     machine_.dip_count()));
    if (params_.level >= Level::kTile) tiles();
    if (params_.level >= Level::kDie) sites();
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n{3}{4}</svg>\n",
        width_ + kMargin, y_ + kMargin, escaped(params_.name), kStyle, body_);
  }

 private:
  void text(double x, const char* kind, const std::string& words) {
    y_ += kText;
    body_ += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", kind, x, y_, words);
    y_ += kGap;
    width_ = std::max(width_, x + 8.0 * static_cast<double>(words.size()));
  }
  void box(const char* kind, double x, double y, double width, double height, const std::string& title = "") {
    body_ += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"", kind, x, y,
                         width, height);
    body_ += title.empty() ? "/>\n" : "><title>" + escaped(title) + "</title></rect>\n";
    width_ = std::max(width_, x + width);
  }

  /// Outlines of the parts of a level, `die` being the size of one.
  void parts(Level level, const char* kind, double left, double top, double die) {
    if (params_.level < level) return;
    const topology::Grid& dies = machine_.level(level).dies;
    for (std::int64_t row = 0; row < machine_.die_rows(); row += dies.rows) {
      for (std::int64_t column = 0; column < machine_.die_columns(); column += dies.columns) {
        box(kind, left + static_cast<double>(column) * die, top + static_cast<double>(row) * die,
            static_cast<double>(std::min<std::int64_t>(dies.columns, machine_.die_columns() - column)) * die,
            static_cast<double>(std::min<std::int64_t>(dies.rows, machine_.die_rows() - row)) * die);
      }
    }
  }

  void tiles() {
    text(kMargin, "", "Dies in their tiles; brown: trays, red: cabinets; bars: DIPs. The pointer shows a die's name.");
    const double most = static_cast<double>(std::max(machine_.die_rows(), machine_.die_columns()));
    const double die = std::clamp(1200 / most, 4.0, 28.0), dip = 2 * die;
    const bool above = has_dip(topology::Direction::kNorth), below = has_dip(topology::Direction::kSouth);
    const double left = kMargin + dip, top = y_ + kGap + (above ? dip : 0);
    if (machine_.die_count() <= kMostDies) {
      for (DieId id = 0; id < machine_.die_count(); ++id) {
        const topology::DieCoordinates at = machine_.coordinates(id);
        box("die", left + at.column * die + 0.5, top + at.row * die + 0.5, die - 1, die - 1, machine_.die_path(id));
      }
    }
    parts(Level::kTile, "tile", left, top, die);
    parts(Level::kTray, "tray", left, top, die);
    parts(Level::kCabinet, "cabinet", left, top, die);
    for (std::uint32_t i = 0; i < machine_.dip_count(); ++i) {
      const topology::DieCoordinates at = machine_.coordinates(machine_.dip_die(i));
      const double x = left + at.column * die, y = top + at.row * die, length = dip - die / 2;
      switch (machine_.dip_side(i)) {
        case topology::Direction::kWest:
          box("dip", x - dip, y + die / 4, length, die / 2, machine_.dip_path(i));
          break;
        case topology::Direction::kEast:
          box("dip", x + die + die / 2, y + die / 4, length, die / 2, machine_.dip_path(i));
          break;
        case topology::Direction::kNorth:
          box("dip", x + die / 4, y - dip, die / 2, length, machine_.dip_path(i));
          break;
        case topology::Direction::kSouth:
          box("dip", x + die / 4, y + die + die / 2, die / 2, length, machine_.dip_path(i));
          break;
      }
    }
    y_ = top + static_cast<double>(machine_.die_rows()) * die + (below ? dip : 0) + kText;
  }

  [[nodiscard]] bool has_dip(topology::Direction side) const {
    for (std::uint32_t i = 0; i < machine_.dip_count(); ++i)
      if (machine_.dip_side(i) == side) return true;
    return false;
  }

  void sites() {
    const Topology::SiteMap& map = machine_.site_map(0);
    text(kMargin, "",
         fmt::format("Sites of {}, {} x {}: {} nodes and {} router-only sites (grey)", machine_.die_path(0),
                     machine_.site_rows(), machine_.site_columns(), map.enabled_count,
                     machine_.sites() - map.enabled_count));
    constexpr double kSite = 14;
    const double top = y_ + kGap;
    for (std::int32_t row = 0; row < machine_.site_rows(); ++row) {
      for (std::int32_t column = 0; column < machine_.site_columns(); ++column) {
        const auto site = static_cast<std::size_t>(row * machine_.site_columns() + column);
        box(map.enabled[site] != 0 ? "node" : "none", kMargin + column * kSite, top + row * kSite, kSite - 2, kSite - 2,
            fmt::format("site {}", site));
      }
    }
    y_ = top + machine_.site_rows() * kSite;
  }

  const Topology& machine_;
  const topology::MachineParams& params_;
  std::string body_;
  double y_ = 0, width_ = 0;
};

}  // namespace

std::string draw_machine_svg(const topology::MachineParams& params) {
  const Topology machine(params);
  return Picture(machine).draw();
}

}  // namespace dojo::config

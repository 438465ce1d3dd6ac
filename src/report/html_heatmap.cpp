// SPDX-License-Identifier: Apache-2.0
// Heat maps over the machine's grid of dies as inline SVG: cores, on-die links, die edges.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "report/html.h"
#include "report/units.h"

namespace dojo::report {
namespace {

struct Die {
  std::string path;
  int row = 0, column = 0;
  double core = -1, noc = -1;                  ///< -1: no figure
  std::array<double, 4> edge{-1, -1, -1, -1};  ///< east, west, north, south; -1: no link
};

double figure(const std::string& cell) {
  const double value = cell.empty() ? -1 : std::strtod(cell.c_str(), nullptr);
  return std::isfinite(value) ? value : -1;
}

std::vector<Die> read_dies(const CsvTable& table) {
  static constexpr const char* kNames[] = {"path", "row",   "column", "core_utilisation", "noc_utilisation", "east",
                                           "west", "north", "south"};
  std::array<std::size_t, 9> at{};
  for (std::size_t i = 0; i < at.size(); ++i) {
    const int column = table.column(kNames[i]);
    if (column < 0) return {};
    at[i] = static_cast<std::size_t>(column);
  }
  std::vector<Die> dies;
  for (const auto& row : table.rows) {
    Die die{row[at[0]],
            std::atoi(row[at[1]].c_str()),
            std::atoi(row[at[2]].c_str()),
            figure(row[at[3]]),
            figure(row[at[4]]),
            {}};
    for (std::size_t d = 0; d < 4; ++d) die.edge[d] = figure(row[at[5 + d]]);
    dies.push_back(std::move(die));
  }
  return dies;
}

/// Viridis, by a few of its colours: sequential, readable in grey and with colour blindness.
std::string colour(double share) {
  static constexpr int kStops[][3] = {{68, 1, 84},    {71, 45, 123}, {59, 82, 139},  {44, 114, 142}, {33, 145, 140},
                                      {40, 174, 128}, {94, 201, 98}, {173, 220, 48}, {253, 231, 37}};
  const double place = std::clamp(share, 0.0, 1.0) * (std::size(kStops) - 1);
  const auto low = std::min(static_cast<std::size_t>(place), std::size(kStops) - 2);
  const double part = place - static_cast<double>(low);
  std::array<int, 3> rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    rgb[i] = static_cast<int>(std::lround(kStops[low][i] + part * (kStops[low + 1][i] - kStops[low][i])));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

/// The next of 1, 2, 5 x 10^n, so that the legend ends with a round figure.
double round_up(double value) {
  if (value <= 0) return 1;
  const double unit = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (value <= step * unit * (1 + 1e-12)) return step * unit;
  }
  return 10 * unit;
}

/// Where a die is drawn. Long machines are drawn lying; tiles stand a little apart.
class Plan {
 public:
  static constexpr double kPitch = 10, kGap = 3, kCell = 8;
  Plan(const std::vector<Die>& dies, const Json& machine)
      : tile_rows_(machine.value("tile_die_rows", 0)), tile_columns_(machine.value("tile_die_columns", 0)) {
    for (const Die& die : dies) {
      rows_ = std::max(rows_, die.row + 1);
      columns_ = std::max(columns_, die.column + 1);
    }
    lying_ = rows_ > 2 * columns_;
  }
  [[nodiscard]] bool lying() const { return lying_; }
  [[nodiscard]] double x(const Die& d) const {
    return lying_ ? along(d.row, tile_rows_) : along(d.column, tile_columns_);
  }
  [[nodiscard]] double y(const Die& d) const {
    return lying_ ? along(d.column, tile_columns_) : along(d.row, tile_rows_);
  }
  [[nodiscard]] double width() const {
    return 2 + (lying_ ? along(rows_, tile_rows_) : along(columns_, tile_columns_));
  }
  [[nodiscard]] double height() const {
    return 2 + (lying_ ? along(columns_, tile_columns_) : along(rows_, tile_rows_));
  }
  [[nodiscard]] std::string open() const {
    const double pixels = std::min(1180.0, std::max(width() * 4, 200.0));
    return fmt::format("<svg viewBox=\"0 0 {} {}\" style=\"width:{:.0f}px;min-width:{:.0f}px\">\n", width(), height(),
                       pixels, std::min(pixels, width() * 0.4));
  }

 private:
  static double along(int i, int tile) { return 2 + i * kPitch + (tile > 1 ? i / tile * kGap : 0); }
  int rows_ = 0, columns_ = 0, tile_rows_, tile_columns_;
  bool lying_ = false;
};

std::string share(double value) {
  return value < 0 ? "-" : percent(value);
}

std::string hover(const Die& d) {
  return escaped(fmt::format(
      "{} (row {}, column {}): cores {}, on-die links {}; edges east {}, west {}, north {}, south {}", d.path, d.row,
      d.column, share(d.core), share(d.noc), share(d.edge[0]), share(d.edge[1]), share(d.edge[2]), share(d.edge[3])));
}

void rectangle(std::string& out, double x, double y, double w, double h, const std::string& fill) {
  fmt::format_to(std::back_inserter(out), "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>", x, y, w,
                 h, fill);
}
std::string group(const Die& die) {
  return "<g><title>" + hover(die) + "</title>";
}

std::string legend(double most) {
  std::string stops;
  for (int i = 0; i <= 8; ++i) stops += (i == 0 ? "" : ",") + colour(i / 8.0);
  return fmt::format(
      "<div class=\"legend\"><span>0 %</span><span style=\"width:220px;height:12px;border-radius:3px;"
      "margin-top:5px;background:linear-gradient(90deg,{})\"></span><span>{}</span></div>\n",
      stops, percent(most));
}

template <class Value>
std::string cell_map(const std::vector<Die>& dies, const Plan& plan, const char* title, Value value) {
  double most = 0;
  for (const Die& die : dies) most = std::max(most, value(die));
  const double scale = round_up(most);
  std::string out = fmt::format("<h3>{} (highest {})</h3>\n", title, percent(most)) + plan.open();
  for (const Die& die : dies) {
    const double v = value(die);
    out += group(die);
    rectangle(out, plan.x(die), plan.y(die), Plan::kCell, Plan::kCell, v < 0 ? "none" : colour(v / scale));
    out += "</g>\n";
  }
  return out + "</svg>\n" + legend(scale);
}

/// Each edge is a bar at its side of the die that sends over it, so both ways of a crossing are seen.
std::string edge_map(const std::vector<Die>& dies, const Plan& plan) {
  double most = 0;
  for (const Die& die : dies) most = std::max(most, *std::max_element(die.edge.begin(), die.edge.end()));
  const double scale = round_up(most);
  std::string out =
      fmt::format("<h3>Die edges, each at the side of the die that sends (highest {})</h3>\n", percent(most)) +
      plan.open();
  for (const Die& die : dies) {
    const double x = plan.x(die), y = plan.y(die), c = Plan::kCell;
    out += group(die);
    rectangle(out, x, y, c, c, "var(--line)");
    for (std::size_t d = 0; d < 4; ++d) {
      if (die.edge[d] < 0) continue;
      const std::string fill = colour(die.edge[d] / scale);
      // Drawn lying, rows run to the right: east and west turn into below and above.
      static constexpr std::array<std::size_t, 4> kLyingSide = {3, 2, 1, 0};
      const std::size_t side = plan.lying() ? kLyingSide[d] : d;
      if (side == 0) rectangle(out, x + c - 2.5, y + 1, 2.5, c - 2, fill);
      if (side == 1) rectangle(out, x, y + 1, 2.5, c - 2, fill);
      if (side == 2) rectangle(out, x + 1, y, c - 2, 2.5, fill);
      if (side == 3) rectangle(out, x + 1, y + c - 2.5, c - 2, 2.5, fill);
    }
    out += "</g>\n";
  }
  return out + "</svg>\n" + legend(scale);
}

}  // namespace

std::string heat_maps(const CsvTable& table, const Json& machine) {
  const std::vector<Die> dies = read_dies(table);
  const auto has = [&](auto value) {
    return std::any_of(dies.begin(), dies.end(), [&](const Die& d) { return value(d) >= 0; });
  };
  const auto core = [](const Die& d) { return d.core; };
  const auto noc = [](const Die& d) { return d.noc; };
  const auto edge = [](const Die& d) { return *std::max_element(d.edge.begin(), d.edge.end()); };
  const Plan plan(dies, machine);
  std::string maps;
  if (has(edge)) maps += edge_map(dies, plan);
  if (has(noc)) maps += cell_map(dies, plan, "On-die links, mean of each die", noc);
  if (has(core)) maps += cell_map(dies, plan, "Cores, share of each die's node time spent computing", core);
  if (maps.empty()) return "";
  return std::string("<h2>Utilisation over the grid of dies</h2>\n<p>") +
         (plan.lying() ? "Drawn lying: row 0 is at the left, column 0 at the top. " : "Row 0 is at the top. ") +
         "Rest the pointer on a die to read its figures.</p>\n<div class=\"map\">" + maps + "</div>\n";
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
#include "report/covered.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/json_read.h"

namespace dojo::report {
namespace {

/// Null where the machine has no such key.
Json value_at(const Json& report, const std::string& key) {
  std::string pointer = "/configuration/values/machine/" + key;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  const Json::json_pointer place(pointer);
  return report.contains(place) ? report.at(place) : Json();
}

std::string range_of(const CoveredRange& range) {
  return range.low == range.high ? fmt::format("{:g}", range.low) : fmt::format("{:g} to {:g}", range.low, range.high);
}

}  // namespace

const std::vector<CoveredRange>& covered_ranges() {
  static const char* const core = "kernels against the pipeline of the core";
  static const char* const halved = "halving the rate for a job bound by it";
  static const char* const crossing = "messages and collectives against closed forms";
  static const std::vector<CoveredRange> ranges{
      {"node.matrix_rows", 8, 8, core},
      {"node.matrix_columns", 8, 8, core},
      {"node.matrix_depth", 4, 4, core},
      {"node.vector_bytes_per_cycle", 64, 64, core},
      {"node.load_ports", 2, 2, core},
      {"node.store_ports", 1, 1, core},
      {"node.port_bytes_per_cycle", 64, 64, core},
      {"node.noc_read_ports", 1, 1, "gathers and messages against the reference network"},
      {"node.noc_write_ports", 1, 1, "gathers and messages against the reference network"},
      {"noc.link_bytes_per_cycle", 32, 64, halved},
      {"noc.hop_cycles", 1, 3, "BookSim2"},
      {"die.grid.rows", 1, 18, crossing},
      {"die.grid.columns", 1, 20, crossing},
      {"die.crossing_ns", 100, 100, crossing},
      {"die.edge_bytes_per_s", 1.008e12, 2.016e12, halved},
      {"tile.die_edge_out_bytes_per_s", 4.48e11, 8.96e11, halved},
      {"dip.ttp_bytes_per_s", 2.5e10, 8.96e11, halved},
      {"dip.hbm_bytes_per_s", 2.5e10, 8e11, halved},
      {"dip.pcie_bytes_per_s", 1.6e10, 3.2e10, halved},
      {"dip.ethernet_bytes_per_s", 2.5e10, 5e10, halved}};
  return ranges;
}

std::string beyond_covered(const Json& report) {
  constexpr std::size_t kShown = 4;
  std::string keys;
  std::size_t count = 0;
  for (const CoveredRange& range : covered_ranges()) {
    const Json value = value_at(report, range.key);
    if (!value.is_number()) continue;
    const double is = real(value);
    if (is >= range.low && is <= range.high) continue;
    if (count++ < kShown)
      keys += fmt::format("{}machine.{} {:g} (covered: {})", keys.empty() ? "" : ", ", range.key, is, range_of(range));
  }
  if (count == 0) return "";
  if (count > kShown) keys += fmt::format(", and {} more", count - kShown);
  return fmt::format(
      "Outside of what validation covers (docs/validation_suites.md): {}. Times that depend on it are extrapolated.",
      keys);
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// The reference network against BookSim2.
#include "run/validation/booksim.h"

#include <fmt/format.h>

#include "run/validation/suites.h"

namespace dojo::run {

const std::vector<BookSimPoint>& booksim_table() {
  static const std::vector<BookSimPoint> table{
      {"base", 8, "uniform", 1, "0.05", 20.87},   {"base", 8, "uniform", 1, "0.15", 21.40},
      {"base", 8, "uniform", 1, "0.3", 23.46},    {"base", 8, "uniform", 8, "0.05", 29.55},
      {"base", 8, "uniform", 8, "0.15", 34.55},   {"base", 8, "uniform", 8, "0.3", 51.83},
      {"base", 16, "uniform", 1, "0.025", 37.13}, {"base", 16, "uniform", 1, "0.075", 37.59},
      {"base", 16, "uniform", 1, "0.15", 39.76},  {"base", 16, "uniform", 8, "0.025", 45.41},
      {"base", 16, "uniform", 8, "0.075", 50.64}, {"base", 16, "uniform", 8, "0.15", 67.68},
      {"base", 8, "transpose", 1, "0.02", 20.87}, {"base", 8, "transpose", 1, "0.06", 21.01},
      {"base", 8, "transpose", 1, "0.12", 21.76}, {"base", 8, "transpose", 8, "0.02", 28.11},
      {"base", 8, "transpose", 8, "0.06", 30.16}, {"base", 8, "transpose", 8, "0.12", 38.25},
      {"base", 8, "neighbor", 1, "0.05", 15.49},  {"base", 8, "neighbor", 1, "0.15", 15.51},
      {"base", 8, "neighbor", 1, "0.3", 15.50},   {"base", 8, "neighbor", 8, "0.05", 22.65},
      {"base", 8, "neighbor", 8, "0.15", 23.15},  {"base", 8, "neighbor", 8, "0.3", 23.99},
      {"lowlat", 8, "uniform", 1, "0.01", 14.61}, {"lowlat", 8, "uniform", 1, "0.05", 14.63},
      {"lowlat", 8, "uniform", 1, "0.15", 15.06}, {"lowlat", 8, "uniform", 1, "0.3", 16.24},
      {"lowlat", 8, "uniform", 8, "0.01", 21.56}, {"lowlat", 8, "uniform", 8, "0.05", 23.19},
      {"lowlat", 8, "uniform", 8, "0.15", 27.09}, {"lowlat", 8, "uniform", 8, "0.3", 37.62}};
  return table;
}

int booksim_cycles(int k, int flits) {
  const int sampled = k == 8 ? 50000 : 20000;
  return flits == 1 ? sampled * 2 / 5 : sampled;
}

std::vector<std::string> booksim_router(const std::string& router) {
  const bool low = router == "lowlat";
  return {"router.virtual_channels=4",
          "router.input_buffer_flits=8",
          low ? "router.hop_cycles=2" : "router.hop_cycles=3",
          "router.credit_cycles=2",
          "router.injection_cycles=2",
          low ? "router.internal_speedup=2" : "router.internal_speedup=1",
          "router.speculative=true"};
}

std::vector<ValidationPoint> booksim_points(const ValidationRequest&) {
  constexpr double kTolerance = 0.02;
  std::vector<ValidationPoint> points;
  for (const BookSimPoint& p : booksim_table()) {
    const std::string what =
        fmt::format("{}, {} x {}, {}, {}-flit packets at {}", p.router, p.k, p.k, p.pattern, p.flits, p.rate);
    std::vector<std::string> set = booksim_router(p.router);
    for (const std::string& more :
         {fmt::format("net.mesh.rows={}", p.k), fmt::format("net.mesh.columns={}", p.k),
          fmt::format("net.pattern={}", p.pattern), fmt::format("net.packet_flits={}", p.flits),
          fmt::format("net.rate={}", p.rate), std::string("net.warmup_cycles=5000"),
          fmt::format("net.measure_cycles={}", booksim_cycles(p.k, p.flits))})
      set.push_back(more);
    points.push_back({what, "BookSim2, mean packet latency", "cycles", p.latency, mean_latency_cycles(set),
                      1 - kTolerance, 1 + kTolerance});
  }
  return points;
}

}  // namespace dojo::run

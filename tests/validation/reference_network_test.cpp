// SPDX-License-Identifier: Apache-2.0
// The reference network model against published results of a cycle-accurate simulator (BookSim2 28f43299): mean packet
// latency, accepted load, saturation load. 2D meshes of k x k input-queued routers, 4 VCs of 8 flits, dimension order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "support/net.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

/// One point of BookSim2: what was asked for, and the mean packet latency that it printed.
struct Point {
  const char* router;
  int k;
  const char* pattern;
  int flits;
  const char* rate;
  double latency;
  double tolerance = 0.02;
};

/// Cycles to measure: for 8 flits as many as BookSim2 sampled for these rows. Single flits are eight times as many
/// packets, and their mean is known to 0.5 % much sooner.
int cycles_of(int k, int flits) {
  const int sampled = k == 8 ? 50000 : 20000;
  return flits == 1 ? sampled * 2 / 5 : sampled;
}

NetMeasured run_point(const std::string& router, int k, const std::string& pattern, int flits, const std::string& rate,
                      int cycles) {
  return measure_net("configs/net/reference_" + router + ".json",
                     {"net.mesh.rows=" + std::to_string(k), "net.mesh.columns=" + std::to_string(k),
                      "net.pattern=" + pattern, "net.packet_flits=" + std::to_string(flits), "net.rate=" + rate,
                      "net.warmup_cycles=5000", "net.measure_cycles=" + std::to_string(cycles), "run.threads=1"});
}

class ReferencePoint : public ::testing::TestWithParam<Point> {};

TEST_P(ReferencePoint, HasTheLatencyOfBookSim) {
  const Point& p = GetParam();
  const NetMeasured run = run_point(p.router, p.k, p.pattern, p.flits, p.rate, cycles_of(p.k, p.flits));
  const std::string name = fmt::format("{}_{}_{}_{}_{}", p.router, p.k, p.pattern, p.flits, p.rate);
  judge({"booksim_" + name,
         fmt::format("{}, {} x {}, {}, {}-flit packets at {} flits/node/cycle", p.router, p.k, p.k, p.pattern, p.flits,
                     p.rate),
         "BookSim2, mean packet latency", "cycles", 1 - p.tolerance, 1 + p.tolerance},
        p.latency, run.outcome.mean_cycles);
  EXPECT_FALSE(run.outcome.saturated);
  EXPECT_EQ(run.outcome.not_arrived, 0u);
  EXPECT_NEAR(run.outcome.accepted, run.outcome.offered, 0.01 * run.outcome.offered) << "accepted load within 1 %";
  // Offered load is a Bernoulli process: three standard deviations of the number of packets.
  const double packets = static_cast<double>(run.outcome.created);
  EXPECT_NEAR(run.outcome.offered, std::stod(p.rate), 3 * std::stod(p.rate) / std::sqrt(packets));
}

std::string point_name(const ::testing::TestParamInfo<Point>& info) {
  const Point& p = info.param;
  std::string name = fmt::format("{}_{}_{}_{}_{}", p.router, p.k, p.pattern, p.flits, p.rate);
  for (char& c : name) c = c == '.' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    BookSim, ReferencePoint,
    ::testing::Values(Point{"base", 8, "uniform", 1, "0.05", 20.87}, Point{"base", 8, "uniform", 1, "0.15", 21.40},
                      Point{"base", 8, "uniform", 1, "0.3", 23.46}, Point{"base", 8, "uniform", 8, "0.05", 29.55},
                      Point{"base", 8, "uniform", 8, "0.15", 34.55}, Point{"base", 8, "uniform", 8, "0.3", 51.83},
                      Point{"base", 16, "uniform", 1, "0.025", 37.13}, Point{"base", 16, "uniform", 1, "0.075", 37.59},
                      Point{"base", 16, "uniform", 1, "0.15", 39.76}, Point{"base", 16, "uniform", 8, "0.025", 45.41},
                      Point{"base", 16, "uniform", 8, "0.075", 50.64}, Point{"base", 16, "uniform", 8, "0.15", 67.68},
                      Point{"base", 8, "transpose", 1, "0.02", 20.87}, Point{"base", 8, "transpose", 1, "0.06", 21.01},
                      Point{"base", 8, "transpose", 1, "0.12", 21.76}, Point{"base", 8, "transpose", 8, "0.02", 28.11},
                      Point{"base", 8, "transpose", 8, "0.06", 30.16}, Point{"base", 8, "transpose", 8, "0.12", 38.25},
                      Point{"base", 8, "neighbor", 1, "0.05", 15.49}, Point{"base", 8, "neighbor", 1, "0.15", 15.51},
                      Point{"base", 8, "neighbor", 1, "0.3", 15.50}, Point{"base", 8, "neighbor", 8, "0.05", 22.65},
                      Point{"base", 8, "neighbor", 8, "0.15", 23.15}, Point{"base", 8, "neighbor", 8, "0.3", 23.99},
                      Point{"lowlat", 8, "uniform", 1, "0.01", 14.61}, Point{"lowlat", 8, "uniform", 1, "0.05", 14.63},
                      Point{"lowlat", 8, "uniform", 1, "0.15", 15.06}, Point{"lowlat", 8, "uniform", 1, "0.3", 16.24},
                      Point{"lowlat", 8, "uniform", 8, "0.01", 21.56}, Point{"lowlat", 8, "uniform", 8, "0.05", 23.19},
                      Point{"lowlat", 8, "uniform", 8, "0.15", 27.09}, Point{"lowlat", 8, "uniform", 8, "0.3", 37.62}),
    point_name);

/// Largest load whose mean packet latency stays below three times that of the empty network.
struct Saturation {
  int k;
  const char* pattern;
  int flits;
  double load;
};

class ReferenceSaturation : public ::testing::TestWithParam<Saturation> {};

TEST_P(ReferenceSaturation, IsAtTheLoadOfBookSim) {
  const Saturation& s = GetParam();
  double low = 0.9 * s.load, high = std::min(1.0, 1.1 * s.load);
  while (high - low > 0.03 * s.load) {  // to 1.25 %
    const double middle = (low + high) / 2;
    const NetMeasured run =
        run_point("base", s.k, s.pattern, s.flits, fmt::format("{:.6f}", middle), s.k == 8 ? 10000 : 5000);
    (run.outcome.saturated ? high : low) = middle;
  }
  judge({fmt::format("booksim_saturation_{}_{}_{}", s.k, s.pattern, s.flits),
         fmt::format("base, {} x {}, {}, {}-flit packets: saturation", s.k, s.k, s.pattern, s.flits),
         "BookSim2, largest load with mean latency < 3 x zero load", "flits/node/cycle", 0.95, 1.05},
        s.load, (low + high) / 2);
}

INSTANTIATE_TEST_SUITE_P(BookSim, ReferenceSaturation,
                         ::testing::Values(Saturation{8, "uniform", 1, 0.423}, Saturation{8, "uniform", 8, 0.368},
                                           Saturation{8, "transpose", 1, 0.144}, Saturation{8, "transpose", 8, 0.140},
                                           Saturation{8, "neighbor", 1, 0.989}, Saturation{8, "neighbor", 8, 0.913},
                                           Saturation{16, "uniform", 1, 0.227}, Saturation{16, "uniform", 8, 0.199}),
                         [](const auto& test) {
                           return fmt::format("{}_{}_{}", test.param.k, test.param.pattern, test.param.flits);
                         });

}  // namespace
}  // namespace dojo::test

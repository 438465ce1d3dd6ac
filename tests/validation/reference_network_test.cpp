// SPDX-License-Identifier: Apache-2.0
// The reference network model against published results of a cycle-accurate simulator (BookSim2 28f43299): mean packet
// latency, accepted load, saturation load. 2D meshes of k x k input-queued routers, 4 VCs of 8 flits, dimension order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "run/validation/booksim.h"
#include "support/net.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

NetMeasured run_point(const std::string& router, int k, const std::string& pattern, int flits, const std::string& rate,
                      int cycles) {
  return measure_net("configs/net/reference_" + router + ".json",
                     {"net.mesh.rows=" + std::to_string(k), "net.mesh.columns=" + std::to_string(k),
                      "net.pattern=" + pattern, "net.packet_flits=" + std::to_string(flits), "net.rate=" + rate,
                      "net.warmup_cycles=5000", "net.measure_cycles=" + std::to_string(cycles), "run.threads=1"});
}

class ReferencePoint : public ::testing::TestWithParam<run::BookSimPoint> {};

TEST_P(ReferencePoint, HasTheLatencyOfBookSim) {
  const run::BookSimPoint& p = GetParam();
  const NetMeasured run = run_point(p.router, p.k, p.pattern, p.flits, p.rate, run::booksim_cycles(p.k, p.flits));
  const std::string name = fmt::format("{}_{}_{}_{}_{}", p.router, p.k, p.pattern, p.flits, p.rate);
  judge({"booksim_" + name,
         fmt::format("{}, {} x {}, {}, {}-flit packets at {} flits/node/cycle", p.router, p.k, p.k, p.pattern, p.flits,
                     p.rate),
         "BookSim2, mean packet latency", "cycles", 0.98, 1.02},
        p.latency, run.outcome.mean_cycles);
  EXPECT_FALSE(run.outcome.saturated);
  EXPECT_EQ(run.outcome.not_arrived, 0u);
  EXPECT_NEAR(run.outcome.accepted, run.outcome.offered, 0.01 * run.outcome.offered) << "accepted load within 1 %";
  // Offered load is a Bernoulli process: three standard deviations of the number of packets.
  const double packets = static_cast<double>(run.outcome.created);
  EXPECT_NEAR(run.outcome.offered, std::stod(p.rate), 3 * std::stod(p.rate) / std::sqrt(packets));
}

std::string point_name(const ::testing::TestParamInfo<run::BookSimPoint>& info) {
  const run::BookSimPoint& p = info.param;
  std::string name = fmt::format("{}_{}_{}_{}_{}", p.router, p.k, p.pattern, p.flits, p.rate);
  for (char& c : name) c = c == '.' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(BookSim, ReferencePoint, ::testing::ValuesIn(run::booksim_table()), point_name);

TEST(ReferenceRouters, AreThoseOfTheShippedFiles) {
  for (const std::string router : {"base", "lowlat"}) {
    const config::RunConfig file = net_config("configs/net/reference_" + router + ".json", {});
    const config::RunConfig keys = net_config("", run::booksim_router(router));
    traffic::RouterParams::fields(
        file.router, [&, index = 0](const char* name, const auto& value, const auto&...) mutable {
          int other = 0;
          traffic::RouterParams::fields(keys.router, [&](const char*, const auto& same, const auto&...) {
            if (other++ == index) {
              EXPECT_EQ(static_cast<std::int64_t>(value), static_cast<std::int64_t>(same)) << name;
            }
          });
          ++index;
        });
  }
}

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

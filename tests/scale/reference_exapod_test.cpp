// SPDX-License-Identifier: Apache-2.0
// The reference network of the whole ExaPod: 1,080,000 routers for 1,000 cycles, in memory and with the latency of one
// die.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/net.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

TEST(ReferenceExapod, UniformTrafficInEachDieIsThatOfOneDie) {
  const std::vector<std::string> traffic{"net.rate=0.02", "net.packet_flits=8", "net.scope=die", "run.threads=2",
                                         "net.warmup_cycles=500"};
  std::vector<std::string> die = traffic, pod = traffic;
  die.insert(die.end(), {"machine.level=die", "net.measure_cycles=100000"});
  pod.insert(pod.end(), {"machine.level=exapod", "net.measure_cycles=300"});
  const NetMeasured one = measure_net("", die), all = measure_net("", pod);
  EXPECT_EQ(all.outcome.not_arrived, 0u);
  judge({"reference_exapod", "uniform traffic within each of 3,000 dies, reference model, mean packet latency",
         "the same on one die", "cycles", 0.99, 1.01},
        one.outcome.mean_cycles, all.outcome.mean_cycles);
  rusage usage{};
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  const double peak_gib = static_cast<double>(usage.ru_maxrss) / (1 << 20);
  EXPECT_LT(peak_gib, 6);
}

}  // namespace
}  // namespace dojo::test

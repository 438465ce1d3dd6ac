// SPDX-License-Identifier: Apache-2.0
// A training step on one die in both network models: half a minute, so not in the quick run.
#include <gtest/gtest.h>

#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

TEST(BothModels, AResNet50StepOnADie) {
  RunRequest request{"configs/runs/resnet50_die.json", "", "", {}, {}};
  const JobRun fast = run(request);
  request.set.emplace_back("run.network_model=reference");
  const JobRun reference = run(request);
  ASSERT_TRUE(reference.results.finished);
  EXPECT_EQ(reference.results.cores.matrix_flops, fast.results.cores.matrix_flops);
  EXPECT_EQ(reference.results.ports.bytes_ejected, fast.results.ports.bytes_ejected);
  EXPECT_EQ(reference.results.packets.packets, fast.results.packets.packets);
  judge({"models_resnet50_die", "ResNet-50 training step on a die, 8 images: fast model",
         "the same in the reference model", "s", 0.95, 1.05},
        reference.topology->seconds(reference.results.step_end.at(0)),
        fast.topology->seconds(fast.results.step_end.at(0)));
}

}  // namespace
}  // namespace dojo::test

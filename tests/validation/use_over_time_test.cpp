// SPDX-License-Identifier: Apache-2.0
// The use of links over time is worked out from plans. Before it is scaled, its sum over a job is near to the bytes
// that the links of each class counted.
#include <gtest/gtest.h>

#include "dojo/run/run.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::LinkClass;

struct Sum {
  LinkClass of;
  double low, high;
};

void compare(const std::string& id, const std::string& what, RunRequest request, const std::vector<Sum>& sums) {
  request.set.emplace_back("run.audit_tasks=0");
  const run::RunOutcome outcome = run::run(load(request));
  for (const Sum& sum : sums) {
    const char* name = topology::link_class_name(sum.of);
    const auto c = static_cast<std::size_t>(sum.of);
    const double scale = outcome.trail.use.scale[c];
    ASSERT_GT(scale, 0) << name;
    judge({"use_over_time_" + id + "_" + name, what + ": bytes over links, " + name, "bytes that the links counted",
           "B", sum.low, sum.high, false},
          static_cast<double>(outcome.results.classes[c].counters.bytes),
          static_cast<double>(outcome.results.classes[c].counters.bytes) / scale);
  }
}

TEST(UseOverTime, AddsUpForResNetOnATile) {
  compare("tile", "ResNet-50 on a tile, by plans", {"configs/runs/resnet50_tile.json", "", "", {}, {}},
          {{LinkClass::kNoc, 0.8, 1.25},
           {LinkClass::kDieToDie, 0.9, 1.1},
           {LinkClass::kDip, 0.98, 1.02},
           {LinkClass::kHbm, 0.98, 1.02}});
}

TEST(UseOverTime, AddsUpForATransformerBlockOnADie) {
  compare("block", "a block of GPT-2 124M on a die, by plans",
          {"", "configs/machines/die.json", "configs/workloads/gpt_layer.json", {}, {}},
          {{LinkClass::kNoc, 0.8, 1.25}, {LinkClass::kDip, 0.98, 1.02}, {LinkClass::kHbm, 0.98, 1.02}});
}

}  // namespace
}  // namespace dojo::test

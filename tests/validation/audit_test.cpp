// SPDX-License-Identifier: Apache-2.0
// What a report says of its own error against the truth: the whole job in the reference network.
#include <gtest/gtest.h>

#include "dojo/run/run.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

run::RunOutcome resnet50_on_a_die(const std::string& set) {
  return run::run(load({"",
                        "configs/machines/die.json",
                        "configs/workloads/resnet50.json",
                        {"workload.generate.batch=2", "run.threads=1", set},
                        {}}));
}

TEST(Audit, EstimatesTheErrorOfAStep) {
  const run::RunOutcome audited = resnet50_on_a_die("run.audit_tasks=160");
  const run::RunOutcome reference = resnet50_on_a_die("run.network_model=reference");
  ASSERT_TRUE(audited.audit && audited.audit->estimate.confidence);
  judge({"audit_resnet50_die",
         "ResNet-50, batch 2, on a die: time by the fast model over time by the reference, as an "
         "audit of 160 operations estimates it",
         "of both models' whole runs", "ratio", 0.98, 1.02},
        static_cast<double>(audited.results.end_cycle) / static_cast<double>(reference.results.end_cycle),
        1 + audited.audit->estimate.step_error);
}

}  // namespace
}  // namespace dojo::test

// SPDX-License-Identifier: Apache-2.0
#include "run/repeated_parts.h"

#include "dojo/base/error.h"
#include "dojo/config/repeated.h"

namespace dojo::run {

void leave_out_repeated_parts(const config::GenerateParams& params, workload::NetworkOptions& options) {
  if (!params.repeat_microbatches) return;
  const std::int64_t all = params.microbatches, simulated = config::simulated_microbatches(params);
  constexpr const char* kKey = "workload.generate.repeat_microbatches";
  Findings findings;
  if (params.pipeline < 2) {
    findings.add(
        "{}: found pipeline {}, expected at least 2 stages: what repeats are the parts of a full pipeline; remove it "
        "or set workload.generate.pipeline",
        kKey, params.pipeline);
  } else if (all < simulated) {
    findings.add(
        "{}: found {} microbatches with {} stages, expected at least {}, 4 for each stage, which are simulated; remove "
        "it or set workload.generate.microbatches",
        kKey, all, params.pipeline, simulated);
  }
  if (params.schedule == workload::PipelineSchedule::kGPipe) {
    findings.add(
        "{}: found schedule gpipe, expected 1f1b: with gpipe all forward passes come first, so no part of the time "
        "repeats; remove it or set workload.generate.schedule",
        kKey);
  }
  if (params.chunks > 1 && params.pipeline > 0 && all % params.pipeline != 0) {
    findings.add(
        "{}: found {} microbatches with chunks {}, expected a multiple of the {} stages; set "
        "workload.generate.microbatches",
        kKey, all, params.chunks, params.pipeline);
  }
  if (params.batch % all != 0) {
    findings.add(
        "{}: found {} microbatches of a batch of {}, expected a number that divides it; set "
        "workload.generate.microbatches or workload.generate.batch",
        kKey, all, params.batch);
  }
  findings.throw_if_any();
  options.batch = params.batch / all * simulated;
  options.microbatches = simulated;
}

}  // namespace dojo::run

// SPDX-License-Identifier: Apache-2.0
// How much a job will ask of the host, found before it runs: a file of a few bytes can ask for days or for terabytes.
#pragma once
#include <cstdint>
#include <string>

#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::run {

struct JobSize {
  double bursts = 0;        ///< of all messages between ranks and DIPs; operands of kernels are bounded by the SRAM
  std::uint64_t bytes = 0;  ///< host memory of the running job, beyond what the machine takes at rest
};
[[nodiscard]] JobSize job_size(const workload::Workload& workload, const workload::Job& job, Bytes burst_bytes);

/// Throws Error(kInvalidInput) when the job moves more than `most_bursts`.
void refuse_long_jobs(const JobSize& size, double most_bursts, Bytes burst_bytes);

/// Host memory that placing, lowering and running take at least, known before any of it; `nodes_per_rank` on average.
[[nodiscard]] std::uint64_t lowering_bytes(const workload::Workload& workload, std::int64_t nodes_per_rank);

/// Host memory that reading a trace takes, from the sizes of its files; 0 when there are none yet.
[[nodiscard]] std::uint64_t reading_bytes(const std::string& trace);

}  // namespace dojo::run

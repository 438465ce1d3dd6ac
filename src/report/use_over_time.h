// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dojo/report/use_over_time.h"
#include "report/trail_tasks.h"

namespace dojo::report {

/// Between `begin` and `end`, in so many equal intervals. `job_end`: of the job.
[[nodiscard]] UseOverTime use_over_time(const UseSource& source, const workload::Job& job, const TrailTasks& tasks,
                                        Cycles job_end, Cycles begin, Cycles end, std::size_t intervals);

}  // namespace dojo::report

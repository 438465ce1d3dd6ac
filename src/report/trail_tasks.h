// SPDX-License-Identifier: Apache-2.0
// The tasks of a job with their times, as the trail and the timeline look at them: what came before each of them, and
// when the last member of a collective came.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "dojo/report/trail.h"

namespace dojo::report {

/// Of one program: tasks that each task waits for, and how long its kernels keep the busiest core.
struct ProgramTasks {
  explicit ProgramTasks(const workload::Program& program);
  [[nodiscard]] std::pair<const std::uint32_t*, const std::uint32_t*> before(std::uint32_t task) const {
    return {predecessors.data() + begin[task], predecessors.data() + begin[task + 1]};
  }
  std::vector<std::uint32_t> begin, predecessors;
  std::vector<Cycles> core;  ///< by kernel
};

class TrailTasks {
 public:
  TrailTasks(const workload::Workload& workload, const workload::Job& job, const TaskTimes& times);

  struct Member {
    RankId rank = kNone;
    std::uint32_t task = kNone;
    Cycles start = 0;
  };
  /// Of the ranks that take part in this task, the one that came last, and when. Rank kNone: it is the rank's own, or a
  /// send, which waits for nobody.
  [[nodiscard]] Member last_to_come(RankId rank, std::uint32_t task) const;

  [[nodiscard]] const workload::Program& program(RankId rank) const {
    return job_.programs[job_.program_of_rank[rank]];
  }
  [[nodiscard]] const ProgramTasks& tasks(RankId rank) const { return programs_[job_.program_of_rank[rank]]; }
  [[nodiscard]] const std::vector<machine::TaskTime>& times(RankId rank) const { return times_(rank); }
  [[nodiscard]] const workload::Workload& workload() const { return workload_; }
  [[nodiscard]] RankId ranks() const { return static_cast<RankId>(job_.program_of_rank.size()); }
  [[nodiscard]] PathStep::Part part_of(RankId rank, const workload::Task& task) const;
  /// It occupies the cores: one such task at a time.
  static bool on_cores(const workload::Task& task) {
    return task.unit == workload::Task::Unit::kCore && task.kind != workload::Task::Kind::kNone;
  }

 private:
  [[nodiscard]] std::uint32_t shared_instance(RankId rank, const workload::Task& task) const;

  const workload::Workload& workload_;
  const workload::Job& job_;
  const TaskTimes& times_;
  std::vector<ProgramTasks> programs_;
  std::size_t steps_ = 1;
  std::vector<std::uint8_t> shared_;  ///< by instance: several ranks take part
  std::vector<Member> last_;          ///< [instance * steps + step]
};

}  // namespace dojo::report

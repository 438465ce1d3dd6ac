// SPDX-License-Identifier: Apache-2.0
#include "report/use_over_time.h"

#include <algorithm>
#include <cmath>

#include "dojo/workload/residency.h"
#include "report/power_over_time.h"
#include "report/task_traffic.h"

namespace dojo::report {
namespace {

using machine::TaskTime;
using workload::Task;

/// Amounts that pass evenly between two times, by interval. What covers whole intervals is kept as its changes.
class Spread {
 public:
  Spread(Cycles begin, Cycles end, std::size_t intervals)
      : begin_(static_cast<double>(begin)),
        width_(static_cast<double>(end - begin) / static_cast<double>(intervals)),
        parts_(intervals, 0),
        changes_(intervals + 1, 0) {}
  void add(Cycles from, Cycles until, double amount) {
    const double a = (static_cast<double>(from) - begin_) / width_, b = (static_cast<double>(until) - begin_) / width_;
    if (!(b > a)) return;
    const double rate = amount / (b - a);
    const double low = std::max(a, 0.0), high = std::min(b, static_cast<double>(parts_.size()));
    if (!(high > low)) return;
    const auto first = static_cast<std::size_t>(low);
    const std::size_t last = std::min(static_cast<std::size_t>(high), parts_.size() - 1);
    if (first == last) {
      parts_[first] += rate * (high - low);
      return;
    }
    parts_[first] += rate * (static_cast<double>(first + 1) - low);
    parts_[last] += rate * (high - static_cast<double>(last));
    changes_[first + 1] += rate;
    changes_[last] -= rate;
  }
  [[nodiscard]] std::vector<double> amounts() const {
    std::vector<double> all = parts_;
    double whole = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      whole += changes_[i];
      all[i] += whole;
    }
    return all;
  }

 private:
  double begin_, width_;
  std::vector<double> parts_, changes_;
};

/// No link carries more than it can: what an even spread puts above that comes as soon as there is room again. At the
/// end of the time, what is left over had to come before.
void keep_within_capacity(std::vector<double>& shares) {
  double waiting = 0;
  for (double& share : shares) {
    const double all = share + waiting;
    share = std::min(all, 1.0);
    waiting = all - share;
  }
  for (std::size_t i = shares.size(); i-- > 0 && waiting > 0;) {
    const double room = std::min(waiting, 1 - shares[i]);
    shares[i] += room;
    waiting -= room;
  }
}

/// Operations in the order in which a program first issues them.
std::vector<std::uint32_t> issue_order(const workload::Program& program, std::size_t operations) {
  std::vector<std::uint32_t> order;
  std::vector<bool> seen(operations, false);
  for (const Task& task : program.tasks) {
    if (task.op == kNone || task.recompute || seen[task.op]) continue;
    seen[task.op] = true;
    order.push_back(task.op);
  }
  return order;
}

/// By operation of the graph, what the fullest node holds from its start on: tensors by their lifetimes, and as much
/// more as the peak of the plan has. Where the plan frees memory, never more than that peak.
std::vector<Bytes> sram_of_operations(const workload::Program& program, const workload::Graph& graph, Bytes nodes) {
  const workload::MemoryPlan& memory = program.memory;
  const std::vector<std::uint32_t> order = issue_order(program, graph.ops.size());
  std::vector<std::size_t> first(graph.tensors.size(), order.size()), last(graph.tensors.size(), 0);
  std::vector<bool> made(graph.tensors.size(), false);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const workload::Op& op = graph.ops[order[i]];
    const auto use = [&](std::uint32_t from, std::uint32_t until, bool makes) {
      for (; from < until; ++from) {
        const std::uint32_t tensor = graph.tensor_refs[from];
        if (first[tensor] == order.size()) made[tensor] = makes;
        first[tensor] = std::min(first[tensor], i);
        last[tensor] = i;
      }
    };
    use(op.inputs_begin, op.inputs_end, false);
    use(op.outputs_begin, op.outputs_end, true);
  }
  std::vector<Bytes> live(order.size() + 1, 0);
  for (std::size_t t = 0; t < graph.tensors.size(); ++t) {
    const workload::TensorRole role = graph.tensors[t].role;
    const bool stays = role == workload::TensorRole::kWeight || role == workload::TensorRole::kOptimizerState;
    if (stays || first[t] == order.size()) continue;
    const Bytes bytes = std::max(ceil_div<Bytes>(graph.tensors[t].bytes, nodes),
                                 std::min(graph.tensors[t].bytes, workload::kSmallestPieceBytes));
    live[made[t] ? first[t] : 0] += bytes;
    live[last[t] + 1] -= bytes;
  }
  Bytes sum = ceil_div<Bytes>(memory.weights + memory.optimizer, nodes), most = 0;
  for (Bytes& bytes : live) most = std::max(most, bytes = sum += bytes);
  const Bytes more = std::max<Bytes>(0, memory.node_peak - most);
  std::vector<Bytes> of_op(graph.ops.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) of_op[order[i]] = std::min(memory.node_peak, live[i] + more);
  return of_op;
}

class Use {
 public:
  Use(const UseSource& source, const workload::Job& job, const TrailTasks& tasks, Cycles begin, Cycles end,
      std::size_t intervals)
      : source_(source),
        job_(job),
        tasks_(tasks),
        traffic_(source.topology, job),
        begin_(begin),
        end_(end),
        links_(topology::kLinkClasses, Spread(begin, end, intervals)),
        cores_(kCoreWorks, Spread(begin, end, intervals)),
        sram_(begin, end, intervals),
        sram_max_(intervals, 0) {
    std::vector<Bytes> nodes(job.programs.size(), 1);
    for (RankId rank = 0; rank < tasks.ranks(); ++rank)
      nodes[job.program_of_rank[rank]] = std::max<Bytes>(1, job.slices[rank].shape->node_count());
    for (std::size_t p = 0; p < job.programs.size(); ++p)
      sram_of_.push_back(sram_of_operations(job.programs[p], tasks.workload().graphs[job.programs[p].graph], nodes[p]));
  }

  UseOverTime result(Cycles job_end) {
    for (RankId rank = 0; rank < tasks_.ranks(); ++rank) {
      add_links(rank);
      add_cores(rank);
      add_sram(rank, job_end);
    }
    UseOverTime use = folded();
    add_power(use, job_end);
    return use;
  }

 private:
  void add_links(RankId rank) {
    const std::vector<TaskTime>& times = tasks_.times(rank);
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      if (times[task].start == kNever || times[task].end == kNever) continue;
      const ClassBytes* bytes = traffic_.of(rank, task);
      if (bytes == nullptr) continue;
      const TrailTasks::Member last = tasks_.last_to_come(rank, task);
      const Cycles end = std::max(times[task].end, times[task].start + 1);
      const Cycles from = last.rank == kNone ? times[task].start : std::clamp(last.start, times[task].start, end - 1);
      for (std::size_t c = 0; c < bytes->size(); ++c) {
        if ((*bytes)[c] <= 0) continue;
        planned_[c] += (*bytes)[c];
        links_[c].add(from, end, (*bytes)[c]);
      }
    }
  }

  /// Kernels by their floors, recorded times as busy.
  void add_cores(RankId rank) {
    const std::vector<TaskTime>& times = tasks_.times(rank);
    const workload::Program& program = tasks_.program(rank);
    const topology::NodeParams& node = source_.topology.params().node;
    const auto nodes = static_cast<double>(job_.slices[rank].shape->node_count());
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      const Task& what = program.tasks[task];
      if (!TrailTasks::on_cores(what) || times[task].start == kNever || times[task].end == kNever) continue;
      const Cycles end = std::max(times[task].end, times[task].start + 1);
      const auto add = [&](CoreWork kind, double amount) {
        cores_[static_cast<std::size_t>(kind)].add(times[task].start, end, amount);
        core_work_[static_cast<std::size_t>(kind)] += amount;
      };
      if (what.kind != Task::Kind::kKernel) {
        add(CoreWork::kBusy, static_cast<double>(end - times[task].start) * nodes);
        continue;
      }
      const workload::OpPlan& plan = program.kernel_plans[what.kernel];
      const auto floor = [&](workload::Bound bound) { return plan.floors[bound] * nodes; };
      add(CoreWork::kMatrix, floor(workload::Bound::kMatrix));
      add(CoreWork::kVector, floor(workload::Bound::kVector));
      add(CoreWork::kBusy, static_cast<double>(plan.cores.run) * plan.nodes);
      add(CoreWork::kSram, (floor(workload::Bound::kLoad) * static_cast<double>(node.load_ports) +
                            floor(workload::Bound::kStore) * static_cast<double>(node.store_ports)) *
                               static_cast<double>(node.port_bytes_per_cycle));
    }
  }

  void add_sram(RankId rank, Cycles job_end) {
    const std::vector<TaskTime>& times = tasks_.times(rank);
    const workload::Program& program = tasks_.program(rank);
    const std::vector<Bytes>& of_op = sram_of_[job_.program_of_rank[rank]];
    Cycles since = 0;
    const auto first =
        std::find_if(program.tasks.begin(), program.tasks.end(), [](const Task& task) { return task.op != kNone; });
    Bytes bytes = first == program.tasks.end() ? program.memory.node_peak : of_op[first->op];
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      const Task& what = program.tasks[task];
      if (!TrailTasks::on_cores(what) || what.recompute || what.op == kNone || times[task].start == kNever) continue;
      if (times[task].start < since) continue;
      hold(since, times[task].start, bytes);
      since = times[task].start;
      bytes = of_op[what.op];
    }
    hold(since, job_end, bytes);
  }
  void hold(Cycles from, Cycles until, Bytes bytes) {
    sram_.add(from, until, static_cast<double>(bytes) * static_cast<double>(until - from));
    const Cycles low = std::max(from, begin_), high = std::min(until, end_);
    if (high <= low) return;
    const double width = static_cast<double>(end_ - begin_) / static_cast<double>(sram_max_.size());
    const auto last = static_cast<std::size_t>(std::ceil(static_cast<double>(high - begin_) / width));
    for (auto i = static_cast<std::size_t>(static_cast<double>(low - begin_) / width);
         i < std::min(last, sram_max_.size()); ++i)
      sram_max_[i] = std::max(sram_max_[i], bytes);
  }

  [[nodiscard]] UseOverTime folded() const {
    UseOverTime use;
    const std::size_t count = sram_max_.size();
    const double width = static_cast<double>(end_ - begin_) / static_cast<double>(count);
    const double clock = source_.topology.params().clock_hz;
    use.intervals.resize(count);
    const std::vector<double> sram = sram_.amounts();
    for (std::size_t i = 0; i < count; ++i) {
      UseOverTime::Interval& one = use.intervals[i];
      one.begin = begin_ + static_cast<Cycles>(std::llround(width * static_cast<double>(i)));
      one.end = begin_ + static_cast<Cycles>(std::llround(width * static_cast<double>(i + 1)));
      one.sram_bytes_mean = sram[i] / width / static_cast<double>(std::max<RankId>(1, tasks_.ranks()));
      one.sram_bytes_max = sram_max_[i];
    }
    for (std::size_t c = 0; c < links_.size(); ++c) {
      const machine::LinkClassTotals& total = source_.results.classes[c];
      if (planned_[c] <= 0 || total.capacity_bytes_per_s <= 0) continue;
      use.scale[c] = static_cast<double>(total.counters.bytes) / planned_[c];
      const double capacity = total.capacity_bytes_per_s / clock * width;
      std::vector<double> shares = links_[c].amounts();
      for (double& share : shares) share *= use.scale[c] / capacity;
      keep_within_capacity(shares);
      for (std::size_t i = 0; i < count; ++i) use.intervals[i].links[c] = shares[i];
    }
    return use;
  }

  void add_power(UseOverTime& use, Cycles job_end) const {
    PassedWork work;
    for (std::size_t k = 0; k < cores_.size(); ++k) work.cores[k] = {cores_[k].amounts(), core_work_[k]};
    for (std::size_t c = 0; c < links_.size(); ++c) work.links[c] = {links_[c].amounts(), planned_[c]};
    const std::size_t count = use.intervals.size();
    const double even = static_cast<double>(end_ - begin_) / static_cast<double>(count) / static_cast<double>(job_end);
    const std::vector<double> watts = power_over_time(source_, work, even, count);
    for (std::size_t i = 0; i < count; ++i) use.intervals[i].watts = watts[i];
  }

  const UseSource& source_;
  const workload::Job& job_;
  const TrailTasks& tasks_;
  TaskTraffic traffic_;
  Cycles begin_, end_;
  std::array<double, topology::kLinkClasses> planned_{};
  std::vector<Spread> links_, cores_;  ///< by class; by CoreWork
  std::array<double, kCoreWorks> core_work_{};
  Spread sram_;
  std::vector<Bytes> sram_max_;
  std::vector<std::vector<Bytes>> sram_of_;  ///< by program and operation
};

}  // namespace

UseOverTime use_over_time(const UseSource& source, const workload::Job& job, const TrailTasks& tasks, Cycles job_end,
                          Cycles begin, Cycles end, std::size_t intervals) {
  if (end <= begin || intervals == 0) return {};
  return Use(source, job, tasks, begin, end, std::min<std::size_t>(intervals, static_cast<std::size_t>(end - begin)))
      .result(job_end);
}

UseOverTime use_of_job(const UseSource& source, const workload::Workload& workload, const workload::Job& job,
                       const TaskTimes& times, Cycles end, std::size_t intervals) {
  return use_over_time(source, job, TrailTasks(workload, job, times), end, 0, end, intervals);
}

}  // namespace dojo::report

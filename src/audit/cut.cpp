// SPDX-License-Identifier: Apache-2.0
#include "audit/cut.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "audit/small_machine.h"
#include "dojo/base/error.h"
#include "dojo/collectives/collectives.h"
#include "dojo/workload/own_algorithms.h"

namespace dojo::audit {
namespace {

using machine::TaskTime;
using workload::DataflowInstance;
using workload::Job;
using workload::Program;
using workload::Task;
using Participant = DataflowInstance::Participant;

/// One rank's tasks of a window as a program. Dependencies on tasks outside are dropped: those had ended before.
class ProgramCut {
 public:
  ProgramCut(const Program& whole, const std::vector<TaskTime>& times, Cycles begin)
      : whole_(whole), times_(times), begin_(begin) {
    program_.shape_index = whole.shape_index;
    program_.part_dies = whole.part_dies;
  }

  /// `entry`: gives the number of a dataflow's entry in the new job.
  template <class Entry>
  Program of(const std::vector<Window::Taken>& taken, Entry&& entry) {
    for (const Window::Taken& each : taken) add(each, entry);
    for (const Window::Taken& each : taken) connect(each.task);
    for (const Window::Taken& each : taken) start_in_time(each);
    keep_cores(taken);
    close();
    return std::move(program_);
  }
  [[nodiscard]] std::uint32_t number_of(std::uint32_t task) const { return numbers_.at(task); }

 private:
  template <class Entry>
  void add(const Window::Taken& taken, Entry&& entry) {
    Task task = whole_.tasks[taken.task];
    task.op = 0;  // the only one of the new graph
    task.step = 0;
    task.dependencies = 0;
    if (!taken.runs) {
      task.kind = Task::Kind::kDelay;
      task.delay = delay(taken.wait);
    } else if (task.kind == Task::Kind::kKernel) {
      task.kernel = kernel(task.kernel);
    } else if (task.kind == Task::Kind::kDataflow) {
      task.entry = entry(task.entry);
    } else if (task.kind == Task::Kind::kDelay) {
      task.delay = delay(whole_.delays[task.delay]);
    }
    numbers_.emplace(taken.task, static_cast<std::uint32_t>(program_.tasks.size()));
    program_.tasks.push_back(task);
  }
  std::uint32_t kernel(std::uint32_t index) {
    const auto [found, fresh] = kernels_.try_emplace(index, static_cast<std::uint32_t>(program_.kernels.size()));
    if (fresh) program_.kernels.push_back(whole_.kernels[index]);
    return found->second;
  }
  std::uint32_t delay(Cycles cycles) {
    program_.delays.push_back(cycles);
    return static_cast<std::uint32_t>(program_.delays.size() - 1);
  }
  void connect(std::uint32_t from) {
    const Task& task = whole_.tasks[from];
    for (std::uint32_t i = task.successors_begin; i < task.successors_end; ++i) {
      const auto to = numbers_.find(whole_.successors[i]);
      if (to != numbers_.end()) add_edge(numbers_.at(from), to->second);
    }
  }
  void add_edge(std::uint32_t from, std::uint32_t to) {
    edges_.emplace_back(from, to);
    ++program_.tasks[to].dependencies;
  }
  /// What waits for nothing in the window starts when it did in the job.
  void start_in_time(const Window::Taken& taken) {
    const std::uint32_t task = numbers_.at(taken.task);
    const Cycles start = times_[taken.task].start;
    if (program_.tasks[task].dependencies > 0 || start == kNever || start <= begin_) return;
    add_edge(add_delay(start - begin_), task);
  }
  std::uint32_t add_delay(Cycles cycles) {
    Task task;
    task.kind = Task::Kind::kDelay;
    task.unit = Task::Unit::kCore;
    task.delay = delay(cycles);
    task.op = 0;
    program_.tasks.push_back(task);
    return static_cast<std::uint32_t>(program_.tasks.size() - 1);
  }
  /// A kernel that only passes its time holds the cores all the same.
  void keep_cores(const std::vector<Window::Taken>& taken) {
    std::uint32_t next = kNone;
    for (const Window::Taken& each : taken) {
      if (!each.runs || whole_.tasks[each.task].kind != Task::Kind::kKernel) continue;
      if (next == kNone || times_[each.task].start < times_[next].start) next = each.task;
    }
    if (next == kNone) return;
    for (const Window::Taken& each : taken) {
      if (!each.runs && whole_.tasks[each.task].kind == Task::Kind::kKernel)
        add_edge(numbers_.at(each.task), numbers_.at(next));
    }
  }
  void close() {
    std::sort(edges_.begin(), edges_.end());
    std::size_t next = 0;
    for (std::uint32_t task = 0; task < program_.tasks.size(); ++task) {
      program_.tasks[task].successors_begin = static_cast<std::uint32_t>(next);
      for (; next < edges_.size() && edges_[next].first == task; ++next)
        program_.successors.push_back(edges_[next].second);
      program_.tasks[task].successors_end = static_cast<std::uint32_t>(next);
    }
  }

  const Program& whole_;
  const std::vector<TaskTime>& times_;
  Cycles begin_;
  Program program_;
  std::map<std::uint32_t, std::uint32_t> numbers_, kernels_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_;
};

/// The ranks of a window with what they have in common.
class JobCut {
 public:
  JobCut(const Subject& subject, const Times& times, const Window& window, Cut& cut)
      : subject_(subject), times_(times), window_(window), cut_(cut) {}

  void fill() {
    std::vector<RankId> ranks;
    for (const auto& [rank, taken] : window_.ranks) {
      numbers_.emplace(rank, static_cast<RankId>(ranks.size()));
      ranks.push_back(rank);
    }
    SmallMachine machine = small_machine(subject_, ranks, window_.wide);
    cut_.topology = std::move(machine.topology);
    cut_.job.slices = std::move(machine.slices);
    cut_.job.hbm_used_bytes.assign(cut_.topology->dip_count(), 0);
    cut_.job.instance_of.resize(ranks.size());
    for (const auto& [rank, taken] : window_.ranks) add_rank(rank, taken);
    add_workload(ranks.size());
  }

 private:
  void add_rank(RankId rank, const std::vector<Window::Taken>& taken) {
    const RankId number = numbers_.at(rank);
    const Program& whole = subject_.job.programs[subject_.job.program_of_rank[rank]];
    std::vector<Job::InstanceRef>& entries = cut_.job.instance_of[number];
    ProgramCut program(whole, times_.of_rank.at(rank), window_.begin);
    cut_.job.programs.push_back(program.of(taken, [&](std::uint32_t entry) {
      const Job::InstanceRef at = subject_.job.instance_of[rank][entry];
      const std::uint32_t new_instance = instance(at.instance, rank, taken_with(whole, taken, entry));
      const auto& moved = positions_.at(at.instance);
      entries.push_back({new_instance, moved.empty() ? at.position : moved.at(at.position)});
      return static_cast<std::uint32_t>(entries.size() - 1);
    }));
    cut_.job.programs.back().instance_entries = static_cast<std::uint32_t>(entries.size());
    cut_.job.program_of_rank.push_back(number);
    if (rank != window_.rank) return;
    cut_.rank = number;
    cut_.task = program.number_of(window_.task);
  }
  static const Window::Taken& taken_with(const Program& whole, const std::vector<Window::Taken>& taken,
                                         std::uint32_t entry) {
    const auto found = std::find_if(taken.begin(), taken.end(), [&](const Window::Taken& each) {
      const Task& task = whole.tasks[each.task];
      return task.kind == Task::Kind::kDataflow && task.entry == entry;
    });
    DOJO_CHECK(found != taken.end(), "a replay lacks the task of entry {}", entry);
    return *found;
  }

  std::uint32_t instance(std::uint32_t old, RankId rank, const Window::Taken& taken) {
    const auto [found, fresh] = instances_.try_emplace(old, static_cast<std::uint32_t>(cut_.job.instances.size()));
    if (!fresh) return found->second;
    const DataflowInstance& from = subject_.job.instances[old];
    std::map<std::uint32_t, std::uint32_t>& moved = positions_[old];
    DataflowInstance to;
    if (taken.reach == Reach::kBeyond) {
      to = part_of(from, rank, taken.task, left_of(old), moved);
    } else {
      to.participants = from.participants;
      for (Participant& each : to.participants) {
        if (each.kind == Participant::Kind::kRank) each.index = number_of(each.index);
      }
      to.plan = plan(from.plan, left_of(old));
    }
    cut_.job.instances.push_back(std::move(to));
    return found->second;
  }
  [[nodiscard]] RankId number_of(RankId rank) const {
    const auto found = numbers_.find(rank);
    DOJO_CHECK(found != numbers_.end(), "a replay lacks rank {}", rank);
    return found->second;
  }
  /// With a share of the traffic.
  std::uint32_t plan(std::uint32_t old, double left) {
    const auto [found, fresh] = plans_.try_emplace({old, left}, static_cast<std::uint32_t>(cut_.job.plans.size()));
    if (!fresh) return found->second;
    cut_.job.plans.push_back(subject_.job.plans[old]);
    if (left >= 1) return found->second;
    for (workload::DataflowEdge& edge : cut_.job.plans.back().edges) edge.bytes = part_of_bytes(edge.bytes, left);
    for (workload::DataflowItem& item : cut_.job.plans.back().items) item.bytes = part_of_bytes(item.bytes, left);
    return found->second;
  }
  static Bytes part_of_bytes(Bytes bytes, double share) {
    return static_cast<Bytes>(std::ceil(static_cast<double>(bytes) * std::min(share, 1.0)));
  }
  /// The largest share of any of those that take part.
  [[nodiscard]] double left_of(std::uint32_t instance) const {
    double left = 0;
    for (const auto& [rank, taken] : window_.ranks) {
      const Program& whole = subject_.job.programs[subject_.job.program_of_rank[rank]];
      for (const Window::Taken& each : taken) {
        const Task& task = whole.tasks[each.task];
        if (each.runs && task.kind == Task::Kind::kDataflow &&
            subject_.job.instance_of[rank][task.entry].instance == instance)
          left = std::max(left, each.left);
      }
    }
    return left;
  }

  /// The same algorithm among the members that the replay has.
  DataflowInstance part_of(const DataflowInstance& from, RankId rank, std::uint32_t task, double left,
                           std::map<std::uint32_t, std::uint32_t>& moved) {
    const Program& program = subject_.job.programs[subject_.job.program_of_rank[rank]];
    const workload::Op& op = subject_.workload.graphs[program.graph].ops[program.tasks[task].op];
    workload::CollectiveRequest request;
    request.kind = op.kind;
    request.bytes = op.bytes;
    DataflowInstance part;
    for (std::uint32_t position = 0; position < from.participants.size(); ++position) {
      const auto found = numbers_.find(from.participants[position].index);
      if (found == numbers_.end()) continue;
      if (static_cast<std::int32_t>(position) == op.root)
        request.root = static_cast<std::uint32_t>(part.participants.size());
      moved.emplace(position, static_cast<std::uint32_t>(part.participants.size()));
      part.participants.push_back({Participant::Kind::kRank, found->second});
      request.members.push_back(&cut_.job.slices[found->second]);
    }
    if (op.kind == workload::OpKind::kAllGather) {  // as much arrives as in the job
      request.bytes = ceil_div<Bytes>(op.bytes * static_cast<Bytes>(from.participants.size()),
                                      static_cast<Bytes>(part.participants.size()));
    }
    request.bytes = part_of_bytes(request.bytes, left);
    const std::string& name = subject_.job.plans[from.plan].algorithm;
    for (const workload::CollectiveAlgorithm& each : workload::collective_algorithms()) {
      if (name == each.name() && each.supports(request)) request.algorithm = each.id;
    }
    // Those of plug-ins and files only for the group that they had; parts of it go by cost.
    for (const workload::Algorithm each : workload::algorithms_of_plan(name)) {
      if (part.participants.size() < from.participants.size()) break;
      const workload::CollectiveTask whole{request.kind, static_cast<std::uint32_t>(request.members.size()),
                                           request.root};
      if (workload::own_collective(each) != nullptr || workload::schedule_for(each, whole) != nullptr)
        request.algorithm = each;
    }
    cut_.job.plans.push_back(workload::build_collective(request, *cut_.topology));
    part.plan = static_cast<std::uint32_t>(cut_.job.plans.size() - 1);
    return part;
  }

  /// One operation, under which everything runs: nobody asks for its figures.
  void add_workload(std::size_t ranks) {
    workload::Graph graph;
    workload::Op op;
    op.kind = workload::OpKind::kMatMul;
    graph.ops.push_back(op);
    cut_.workload.graphs.push_back(std::move(graph));
    cut_.workload.graph_of_rank.assign(ranks, 0);
    workload::Group all{"all", {}};
    for (RankId rank = 0; rank < ranks; ++rank) all.ranks.push_back(rank);
    cut_.workload.group_classes = {{"all", {std::move(all)}}};
  }

  const Subject& subject_;
  const Times& times_;
  const Window& window_;
  Cut& cut_;
  std::map<RankId, RankId> numbers_;
  std::map<std::uint32_t, std::uint32_t> instances_;
  std::map<std::pair<std::uint32_t, double>, std::uint32_t> plans_;
  std::map<std::uint32_t, std::map<std::uint32_t, std::uint32_t>> positions_;  ///< by instance; empty: as they were
};

}  // namespace

Cut cut_out(const Subject& subject, const Times& times, const Window& window) {
  Cut cut;
  JobCut(subject, times, window, cut).fill();
  return cut;
}

Cycles duration_in(const Cut& cut, machine::MachineSettings settings, machine::NetworkModel model,
                   const std::function<bool()>& should_stop) {
  settings.threads = 1;
  settings.network_model = model;
  settings.copy_tasks = settings.rows_in_step = settings.repeat_kernels = settings.all_links = settings.detailed =
      false;
  settings.record_tasks = true;
  machine::Machine machine(*cut.topology, cut.workload, cut.job, settings);
  const TaskTime& time = machine.task_times(cut.rank)[cut.task];
  while (machine.next_time() != kNever && time.end == kNever && !(should_stop && should_stop())) machine.run_window();
  return time.end == kNever ? kNever : time.end - time.start;
}

}  // namespace dojo::audit

// SPDX-License-Identifier: Apache-2.0
#include "machine/shortcuts/copied_tasks.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die/die_shard.h"

namespace dojo::machine {

using workload::Task;

CopiedTasks::CopiedTasks(Context& context, DieId id, DieShard& die)
    : context_(context), id_(id), die_(die), timer_(die.wheel(), Part::kCopiedTasks) {}

namespace {

/// On a fresh die in the place of `id`: what the tasks do when nothing else happens, from cycle 0.
std::unique_ptr<TaskCopy> record(Context& context, DieId id, DieShard& original, const Tasks& tasks) {
  auto copy = std::make_unique<TaskCopy>();
  copy->tasks = tasks;
  ThreadSums sums;
  DieShard die(context, id);
  die.moment().sums = &sums;
  const RankId rank = original.residents()[0].rank;
  die.add_rank(rank, 0, false);
  if (original.time().waits_for_network(0)) die.time().network_starts(0, 0);
  if (original.time().waits_for_memory(0)) die.time().memory_starts(0, 0);
  const workload::Program& program = *original.residents()[0].program;
  std::size_t on_cores = 0;  // which of the tasks is a kernel
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i] == kNone) continue;
    die.run_task(0, tasks[i], 0);
    if (program.tasks[tasks[i]].unit == Task::Unit::kCore) on_cores = i;
  }
  engine::Event event;
  std::uint64_t ended = 0;
  while (die.wheel().take(kNever, event)) {
    if (const std::uint32_t task = Sequencer::task_done(event); task != kNone) {
      copy->done_after[task == tasks[0] ? 0 : 1] = event.time;
      continue;
    }
    die.dispatch(event);
    if (std::exchange(ended, die.tasks_ended()) != die.tasks_ended()) copy->event_after = event.time;
  }
  const bool pair = tasks[1] != kNone;
  DOJO_CHECK(ended == (pair ? 2 : 1), "task {} of rank {} does not end by itself", tasks[0], rank);
  copy->usable =
      pair ? copy->done_after[1 - on_cores] <= copy->done_after[on_cores] && die.busy_until() <= copy->event_after
           : die.port().latest() <= copy->event_after;
  die.time().account(0, copy->event_after);
  copy->breakdown = die.time().counted(0);
  copy->sums = sums.of_lone_task();
  die.port().settle();
  std::vector<std::uint64_t> after;
  list_counters(die.port().network(), die.cores(), after);
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (after[i] == 0) continue;
    copy->changed.push_back(static_cast<std::uint32_t>(i));
    copy->increase.push_back(after[i]);
  }
  return copy;
}

}  // namespace

void CopiedTasks::start(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  if (die_.residents().size() != 1 || !die_.residents()[0].local_tasks[task]) return die_.run_task(rank_die, task, now);
  const Tasks tasks{task, take_partner(task, now)};
  const TaskCopy* copy = nullptr;
  if (die_.at_rest(now) && (tasks[1] == kNone || ends_unseen(tasks))) {
    die_.time().account(0, now);
    copy = find_or_record(tasks);
  }
  if (copy != nullptr) {
    state_.record = copy;
    state_.start = now;
    return timer_.at(now + copy->event_after, Kind::kDone, ++state_.generation);
  }
  for (const std::uint32_t each : tasks) {
    if (each != kNone) die_.run_task(0, each, now);
  }
}

void CopiedTasks::handle(const engine::Event& e) {
  if (Timer::kind<Kind>(e) == Kind::kRun) return die_.run_task(0, e.b, e.time);
  if (e.a == state_.generation && state_.record != nullptr) done(e.time);  // else it was disturbed and run after all
}

/// The task that starts in the same cycle when the two have this die for themselves and one is a kernel, the other not.
/// Its event is taken.
std::uint32_t CopiedTasks::take_partner(std::uint32_t task, Cycles now) {
  const engine::Event* const next = die_.wheel().only(now);
  const std::uint32_t partner = next == nullptr ? kNone : DieShard::task_start(*next);
  if (partner == kNone) return kNone;
  const RankDie& place = die_.residents()[0];
  const auto on_cores = [&](std::uint32_t t) { return place.program->tasks[t].unit == Task::Unit::kCore; };
  if (!place.local_tasks[partner] || on_cores(task) == on_cores(partner)) return kNone;
  engine::Event taken;
  DOJO_CHECK(die_.wheel().take(now + 1, taken) && taken.b == partner, "die {}: the wheel gave another event", id_);
  return partner;
}

/// Of a pair, the reduction ends first; its end may be told late when nothing can follow from it alone.
bool CopiedTasks::ends_unseen(const Tasks& tasks) {
  const RankDie& place = die_.residents()[0];
  return std::none_of(tasks.begin(), tasks.end(), [&](std::uint32_t task) {
    return place.program->tasks[task].unit != Task::Unit::kCore &&
           die_.sequencer().end_starts_another(place.rank, task);
  });
}

const TaskCopy* CopiedTasks::find_or_record(const Tasks& tasks) {
  const RankId rank = die_.residents()[0].rank;
  CopyTable& table = context_.copies;
  const std::uint32_t index = table.index(context_.job.program_of_rank[rank], tasks, die_.time().waits_for_network(0),
                                          die_.time().waits_for_memory(0));
  const TaskCopy* copy = table.find(index, tasks);
  if (copy == nullptr && !table.full()) {
    // Dies go through a step side by side, so nobody else has run it yet: it is run on a die of its own, ahead of time.
    table.publish(index, record(context_, id_, die_, tasks));
    copy = table.find(index, tasks);
  }
  return copy != nullptr && copy->usable ? copy : nullptr;
}

/// The recorded tasks end: their counters are added at the end of the run, all together; those of a kernel that are
/// always the same are not in the record.
void CopiedTasks::done(Cycles now) {
  const TaskCopy& copy = *std::exchange(state_.record, nullptr);
  const RankDie& place = die_.residents()[0];
  if (copy.id >= state_.hits.size()) state_.hits.resize(std::size_t{copy.id} + 1);
  ++state_.hits[copy.id];
  die_.time().add_known(0, copy.breakdown, now);
  const bool pair = copy.tasks[1] != kNone;
  std::uint32_t op = kNone;
  for (std::size_t i = 0; i < (pair ? 2 : 1); ++i) {
    const std::uint32_t task = copy.tasks[i];
    const Task& what = place.program->tasks[task];
    const bool on_cores = what.unit == Task::Unit::kCore;
    ++state_.count;
    if (what.kind == Task::Kind::kKernel) die_.kernels().count_done(0, what.kernel, what.recompute);
    if (!pair || on_cores) op = what.op;
    if (pair && !on_cores) die_.sequencer().finish(place.rank, task, state_.start + copy.done_after[i]);
  }
  die_.moment().sums->add(copy.sums, place.program->graph, op);
  for (std::size_t i = 0; i < (pair ? 2 : 1); ++i) {
    const std::uint32_t task = copy.tasks[i];
    if (pair && place.program->tasks[task].unit != Task::Unit::kCore) continue;
    die_.task_done(0, task, state_.start + copy.done_after[i]);
  }
}

void CopiedTasks::disturb(Cycles first_arrival) {
  if (state_.record == nullptr || first_arrival > state_.start + state_.record->event_after) return;
  const TaskCopy& copy = *std::exchange(state_.record, nullptr);
  ++state_.generation;
  for (const std::uint32_t task : copy.tasks) {
    if (task != kNone) timer_.at(state_.start, Kind::kRun, 0, task);
  }
}

void CopiedTasks::settle() {
  if (std::all_of(state_.hits.begin(), state_.hits.end(), [](std::uint32_t hits) { return hits == 0; })) return;
  std::vector<std::uint64_t> increase(die_counter_count(die_.cores().size()), 0);
  for (std::uint32_t id = 0; id < state_.hits.size(); ++id) {
    const std::uint64_t hits = std::exchange(state_.hits[id], 0u);
    if (hits == 0) continue;
    const TaskCopy& copy = context_.copies.kept(id);
    for (std::size_t i = 0; i < copy.changed.size(); ++i) increase[copy.changed[i]] += copy.increase[i] * hits;
  }
  die_.add_counters(increase);
}

}  // namespace dojo::machine

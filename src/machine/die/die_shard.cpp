// SPDX-License-Identifier: Apache-2.0
#include "machine/die/die_shard.h"

#include <numeric>

#include "machine/network/models.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::Purpose;
using workload::Task;

DieShard::DieShard(Context& context, DieId die)
    : context_(context),
      die_(die),
      timer_(wheel_, Part::kShard),
      residents_(static_cast<std::size_t>(context.topology.sites())),
      adders_(context.topology.params().node),
      queues_(context.topology.params().node.communication_threads),
      cores_(static_cast<std::size_t>(context.topology.sites())),
      port_(context.model.make(context, die, wheel_, moment_, *this)),
      kernels_(residents_, time_, wheel_, moment_, *this),
      dataflows_(context, die, wheel_, {residents_, time_, adders_, *port_, *this}),
      reductions_(context, wheel_, residents_, time_, adders_, *port_, *this),
      sequencer_(context.workload, wheel_, moment_, *this) {
  kernels_.use(port_->make_gathers(kernels_));
  if (!context.settings.detailed || context.topology.detailed().count(die) == 0) return;
  detailed_ = std::make_unique<DetailedNodes>(context, die, wheel_, *port_);
  kernels_.use(*detailed_);
}

void DieShard::add_rank(RankId rank, std::uint32_t slice_die, bool home) {
  const RankDie& place = residents_[residents_.add(context_, rank, slice_die)];
  time_.add_rank(place.node_count);
  std::vector<float> slow;
  for (std::uint32_t n = 0; n < place.node_count; ++n) {
    const float speed = place.slice->shape->nodes[place.first_node + n].core_speed;
    if (speed != 1.0F && slow.empty()) slow.assign(place.node_count, 1.0F);
    if (!slow.empty()) slow[n] = speed;
  }
  adders_.add_rank(place.node_count, std::move(slow));
  kernels_.add_rank(place);
  if (!home) return;
  sequencer_.add_rank(rank, place.slice->shape->die_count(), *place.program, context_.settings.record_tasks);
}

void DieShard::read_mail(ThreadSums& sums) {
  count_into(sums);
  const Cycles first = port_->read_mail();
  if (copied_ && first != kNever) copied_->disturb(first);
}

void DieShard::run_events(Cycles window_end, ThreadSums& sums) {
  count_into(sums);
  engine::Event event;
  for (;;) {
    // An event may give the network something to do, or find that this die has to stop, so the limit is found anew.
    while (wheel_.take(std::min({window_end, stop_, port_->own_events_until()}), event)) dispatch(event);
    const Cycles next = port_->next_time();
    if (next >= std::min(window_end, stop_)) break;
    moment_.now = next;
    port_->run_next();
  }
}

void DieShard::dispatch(const engine::Event& e) {
  moment_.now = e.time;
  switch (Timer::part(e)) {
    case Part::kShard: {
      const std::uint32_t rank_die = residents_.index_of(e.a);
      return copied_ ? copied_->start(rank_die, e.b, e.time) : run_task(rank_die, e.b, e.time);
    }
    case Part::kSequencer:
      return sequencer_.handle(e);
    case Part::kKernels:
      return kernels_.handle(e);
    case Part::kTokens:
      return dataflows_.handle(e);
    case Part::kDataflows:
      return dataflows_.handle_run(e);
    case Part::kReductions:
      return reductions_.handle(e);
    case Part::kNetwork:
      return port_->handle(e);
    case Part::kCopiedTasks:
      return copied_->handle(e);
    case Part::kDetailed:
      return detailed_->handle(e);
  }
}

std::uint32_t DieShard::task_start(const engine::Event& event) {
  return Timer::part(event) == Part::kShard ? event.b : kNone;
}

void DieShard::run_task(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  const RankDie& place = residents_[rank_die];
  const Task& what = place.program->tasks[task];
  if (what.kind == Task::Kind::kKernel) return kernels_.start(rank_die, task, now, queues_.emptier());
  if (context_.model.knows_arrivals && place.local_tasks[task]) {
    return reductions_.start(rank_die, task, context_.job.instance_of[place.rank][what.entry].instance, now);
  }
  dataflows_.start(rank_die, task, now, queues_.take(rank_die, task, sent_by(place, task)));
}

/// What the task sends from its place, by which send queues are filled; 0 if it stays on this die.
Bytes DieShard::sent_by(const RankDie& place, std::uint32_t task) const {
  if (place.local_tasks[task]) return 0;
  const workload::Job::InstanceRef ref = context_.job.instance_of[place.rank][place.program->tasks[task].entry];
  if (ref.instance == kNone) return 0;
  const workload::DataflowInstance& instance = context_.job.instances[ref.instance];
  const std::vector<Bytes>& sent = context_.plans[instance.plan].sent;
  if (instance.participants.front().kind != workload::DataflowInstance::Participant::Kind::kNode)
    return sent[ref.position];
  return std::accumulate(sent.begin(), sent.end(), Bytes{0}) / static_cast<Bytes>(place.slice->dies.size());
}

/// Starts a task on every die of the rank's slice that takes part in it. This is the first, and always does.
void DieShard::launch(RankId rank, std::uint32_t task, Cycles now) {
  const RankDie& place = residents_[residents_.index_of(rank)];
  plan_start(rank, task, now + place.shape->barrier_cycles[0]);
  const std::vector<std::uint16_t>& part = place.program->dies_of(place.program->tasks[task]);
  for (const std::uint16_t die : part)
    if (die != 0) send_notice(rank, die, Purpose::kTaskStart, task, now);
  if (!part.empty()) return;
  const std::uint32_t dies = place.slice->shape->die_count();
  for (std::uint32_t die = 1; die < dies; ++die) send_notice(rank, die, Purpose::kTaskStart, task, now);
}

/// Only the nodes of the first die count the time of a delay in its class: the others are not told.
void DieShard::delay_begins(RankId rank, Task::Unit unit, Cycles now) {
  const auto rank_die = residents_.index_of(rank);
  if (unit == Task::Unit::kNetwork) return time_.network_starts(rank_die, now);
  if (unit == Task::Unit::kMemory) return time_.memory_starts(rank_die, now);
  time_.stream_starts(rank_die, now);
}

void DieShard::delay_ends(RankId rank, Task::Unit unit, Cycles now) {
  ++tasks_ended_;
  const auto rank_die = residents_.index_of(rank);
  if (unit == Task::Unit::kNetwork) return time_.network_ends(rank_die, now);
  if (unit == Task::Unit::kMemory) return time_.memory_ends(rank_die, now);
  time_.stream_ends(rank_die, now);
}

void DieShard::plan_start(RankId rank, std::uint32_t task, Cycles time) {
  timer_.at(time, Kind::kTaskStart, rank, task);
  if (context_.in_step == nullptr || !context_.in_step->starts_apart(rank, context_.program(rank).tasks[task])) return;
  stop_ = std::min(stop_, time);
  moment_.of_thread().rows_part = true;
}

void DieShard::task_done(std::uint32_t rank_die, std::uint32_t task, Cycles done) {
  ++tasks_ended_;
  queues_.give_back(rank_die, task);
  const RankDie& place = residents_[rank_die];
  if (place.slice_die == 0) return sequencer_.plan_end(place.rank, task, done);
  send_notice(place.rank, 0, Purpose::kTaskDone, task, done);
}

/// A control packet between the first nodes of two dies of a slice.
void DieShard::send_notice(RankId rank, std::uint32_t slice_die, Purpose purpose, std::uint32_t task, Cycles now) {
  const RankDie& here = residents_[residents_.index_of(rank)];
  const workload::SliceShape& shape = *here.slice->shape;
  const workload::SliceShape::Node& to = shape.nodes[shape.die_begin[slice_die]];
  Burst burst;
  burst.purpose = purpose;
  burst.payload = TaskNotice{rank, task}.pack();
  burst.traffic_class = fabric::TrafficClass::kControl;
  burst.row = here.slice->first_site_row + to.row;
  burst.column = here.slice->first_site_column + to.column;
  port_->post(shape.nodes[here.first_node].site, burst, 64, now, 0);
}

void DieShard::received(SiteIndex site, const Burst& burst, Cycles tail) {
  switch (burst.purpose) {
    case Purpose::kOperand:
      return kernels_.received(residents_.at_site(site), Operand::unpack(burst.payload), site, tail);
    case Purpose::kToken:
    case Purpose::kNodeToken:
      return dataflows_.received(site, burst, tail);
    case Purpose::kPacket:
      if (context_.model.knows_arrivals) detailed_->write(site, 1, tail);
      return detailed_->signal(site, CorePacket::unpack(burst.payload).semaphore, tail);
    case Purpose::kTaskStart: {
      const TaskNotice notice = TaskNotice::unpack(burst.payload);
      const RankDie& place = residents_[residents_.index_of(notice.rank)];
      return plan_start(notice.rank, notice.task, tail + place.shape->barrier_cycles[place.slice_die]);
    }
    case Purpose::kTaskDone: {
      const TaskNotice notice = TaskNotice::unpack(burst.payload);
      return sequencer_.plan_end(notice.rank, notice.task, tail);
    }
  }
}

void DieShard::settle() {
  for (std::uint32_t i = 0; i < residents_.size(); ++i) {
    const std::vector<std::uint32_t>& done = kernels_.done(i);
    if (std::all_of(done.begin(), done.end(), [](std::uint32_t runs) { return runs == 0; })) continue;
    add_counters(*context_.kernel_counts.of(context_, die_, residents_[i], done));
    kernels_.forget_done(i);
  }
  port_->settle();
  if (copied_) copied_->settle();
  if (!detailed_) return;
  for (const SiteIndex site : detailed_->sites()) cores_[site].busy_cycles += detailed_->take_busy_cycles(site);
}

void DieShard::rename(engine::Event& event, const RowNames& names) const {
  if (Timer::part(event) == Part::kShard) event.a = RowNames::of(names.rank, event.a);
  if (Timer::part(event) == Part::kSequencer) Sequencer::rename(event, names);
  if (Timer::part(event) == Part::kTokens) DieDataflows::rename(event, names);
}

/// Each part copies itself; residents and their addresses are this die's own.
void DieShard::copy(const DieShard& from, const RowNames& names) {
  moment_.now = from.moment_.now;
  wheel_ = from.wheel_;
  wheel_.each([&](engine::Event& event) { rename(event, names); });
  stop_ = kNever;
  tasks_ended_ = from.tasks_ended_;
  time_.copy(from.time_);
  adders_.copy(from.adders_);
  queues_.copy(from.queues_);
  cores_ = from.cores_;
  port_->copy(*from.port_, names);
  kernels_.copy(from.kernels_);
  dataflows_.copy(from.dataflows_, names);
  reductions_.copy(from.reductions_, names);
  sequencer_.copy(from.sequencer_, names);
  if (copied_) copied_->copy(*from.copied_);
  if (repeats_) repeats_->copy(*from.repeats_);
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
#include "machine/die/dataflow_runs.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::machine {

using workload::DataflowItem;
using workload::DataflowPlan;
using Participant = workload::DataflowInstance::Participant;
using Replica = DataflowRun::Replica;

namespace {

/// How many replicas of an item lie on the run's shard.
std::uint32_t replicas_here(const DataflowRun& run, const DataflowItem& item,
                            const std::vector<Participant>& participants) {
  if (run.key.position == kNone) {  // a slice of several dies: only the nodes here
    const std::uint32_t node = participants[item.position].index;
    if (node < run.share.node_begin || node >= run.share.node_end) return 0;
  }
  const std::uint32_t copies = run.copies();
  if (!item.single) return copies;
  return run.share.track_low == 0 && copies > 0 ? 1 : 0;
}

}  // namespace

/// Where the run is among those in use, or would be.
std::vector<std::uint32_t>::iterator DataflowRuns::place_of(const DataflowRun::Key& key) {
  return std::lower_bound(state_.active.begin(), state_.active.end(), key,
                          [&](std::uint32_t run, const DataflowRun::Key& k) { return state_.runs[run].key < k; });
}

DataflowRun& DataflowRuns::find(const DataflowRun::Key& key) {
  const auto place = place_of(key);
  if (place != state_.active.end() && state_.runs[*place].key == key) return state_.runs[*place];
  if (state_.unused.empty()) {
    state_.unused.push_back(static_cast<std::uint32_t>(state_.runs.size()));
    state_.runs.emplace_back().index = state_.unused.back();
  }
  DataflowRun& run = state_.runs[state_.unused.back()];
  prepare(run, key);
  state_.active.insert(place, run.index);
  state_.unused.pop_back();
  return run;
}

void DataflowRuns::prepare(DataflowRun& run, const DataflowRun::Key& key) {
  const workload::DataflowInstance& instance = context_.job.instances[key.instance];
  run.key = key;
  run.share = host_.share(key);
  run.info = &context_.plans[instance.plan];
  const DataflowPlan& plan = *run.info->plan;
  const bool all = key.position == kNone;
  run.in_use = true;
  run.started = !run.share.has_task;
  run.task = kNone;
  run.queue = 0;
  run.first_item = all ? 0 : plan.item_begin[key.position];
  run.item_count =
      all ? static_cast<std::uint32_t>(plan.items.size()) : plan.item_begin[key.position + 1] - run.first_item;
  run.finish_left = run.fire_left = 0;
  const std::uint32_t copies = run.copies();
  run.chunk_left.assign(plan.window > 0 ? copies : 0, run.item_count);
  run.tokens.resize(std::size_t{run.item_count} * copies);
  for (std::uint32_t i = 0; i < run.item_count; ++i) {
    const DataflowItem& item = plan.items[run.first_item + i];
    std::fill_n(run.tokens.begin() + static_cast<std::ptrdiff_t>(std::size_t{i} * copies), copies, item.need);
    const std::uint32_t here = replicas_here(run, item, instance.participants);
    run.fire_left += here;
    if (item.finish && run.share.has_task) run.finish_left += here;
  }
}

void DataflowRuns::start(DataflowRun& run, std::uint32_t task, Cycles now) {
  DOJO_CHECK(!run.started, "task {} uses dataflow {} while another task does", task, run.key.instance);
  run.started = true;
  run.task = task;
  const DataflowPlan& plan = *run.info->plan;
  const std::vector<Participant>& participants = context_.job.instances[run.key.instance].participants;
  const bool nothing_here = run.finish_left == 0;
  for (std::uint32_t i = run.first_item; i < run.first_item + run.item_count; ++i) {
    const DataflowItem& item = plan.items[i];
    if (item.start && item.single && replicas_here(run, item, participants) > 0) token(run, {i, 0, 0}, now);
  }
  const std::uint32_t first = plan.window == 0 ? plan.chunks : std::min(plan.window, plan.chunks);
  for (std::uint32_t track = run.share.track_low; track < run.share.track_low + run.share.track_count; ++track) {
    for (std::uint32_t chunk = 0; chunk < first; ++chunk) start_chunk(run, track, chunk, now);
  }
  // None of its tracks lie here, or all was over before it started.
  if (nothing_here && run.in_use && run.task == task) finish(run, now);
}

/// All items of a chunk at once, so that what a rank sends several ways begins on all of them.
void DataflowRuns::start_chunk(DataflowRun& run, std::uint32_t track, std::uint32_t chunk, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const std::vector<Participant>& participants = context_.job.instances[run.key.instance].participants;
  for (std::uint32_t i = run.first_item; i < run.first_item + run.item_count; ++i) {
    const DataflowItem& item = plan.items[i];
    if (item.start && !item.single && replicas_here(run, item, participants) > 0) token(run, {i, track, chunk}, now);
  }
}

/// Of a plan with a window: a later chunk starts when the last item of this one has fired.
void DataflowRuns::passed(DataflowRun& run, const Replica& replica, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const std::uint32_t place = (replica.track - run.share.track_low) * plan.chunks + replica.chunk;
  if (--run.chunk_left[place] > 0 || replica.chunk + plan.window >= plan.chunks) return;
  start_chunk(run, replica.track, replica.chunk + plan.window, now);
}

/// The run may serve another instance from here on.
void DataflowRuns::finish(DataflowRun& run, Cycles now) {
  const std::uint32_t task = std::exchange(run.task, kNone), rank_die = run.key.rank_die;
  if (run.fire_left == 0) release(run);
  host_.finished(rank_die, task, now);
}

void DataflowRuns::handle(const engine::Event& e) {
  DataflowRun& run = state_.runs[e.a];
  fire(run, run.replica(e.b), e.time);
}

void DataflowRuns::token(DataflowRun& run, const Replica& replica, Cycles now) {
  const bool single = run.info->plan->items[replica.item].single;
  const Replica at = single ? Replica{replica.item, 0, 0} : replica;
  std::uint16_t& left = run.tokens[run.index_of(at)];
  DOJO_CHECK(left > 0, "item {} of dataflow {} got more tokens than it needs", at.item, run.key.instance);
  if (--left == 0) host_.serve(run, at, now);
}

void DataflowRuns::fire(DataflowRun& run, const Replica& replica, Cycles now) {
  const DataflowItem& item = run.info->plan->items[replica.item];
  for (std::uint32_t edge = item.edges_begin; edge < item.edges_end; ++edge) follow(run, edge, replica, now);
  if (run.info->plan->window > 0) passed(run, replica, now);
  --run.fire_left;
  if (item.finish && run.share.has_task && --run.finish_left == 0 && run.started) return finish(run, now);
  if (run.fire_left == 0 && run.started && run.finish_left == 0 && run.task == kNone) release(run);
}

/// From an item that exists once to one that does not, to all its replicas.
void DataflowRuns::follow(DataflowRun& run, std::uint32_t edge, const Replica& from, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const DataflowItem& item = plan.items[from.item];
  const std::uint32_t to = plan.edges[edge].item;
  if (!item.single || plan.items[to].single) return follow_to(run, edge, item, {to, from.track, from.chunk}, now);
  for (std::uint32_t track = 0; track < plan.tracks; ++track) {
    for (std::uint32_t chunk = 0; chunk < plan.chunks; ++chunk) follow_to(run, edge, item, {to, track, chunk}, now);
  }
}

void DataflowRuns::follow_to(DataflowRun& run, std::uint32_t edge, const DataflowItem& from, const Replica& to,
                             Cycles now) {
  const DataflowItem& item = run.info->plan->items[to.item];
  if (item.position == from.position) {
    const DataflowRun::Share& share = run.share;
    const bool nodes = run.key.position == kNone;
    const bool here = nodes || (to.track >= share.track_low && to.track < share.track_low + share.track_count);
    if (here && !(item.single && share.track_low != 0)) return token(run, to, now);
  }
  host_.send(run, edge, from, to, now);
}

void DataflowRuns::release(DataflowRun& run) {
  state_.active.erase(place_of(run.key));
  state_.unused.push_back(run.index);
  run.in_use = false;
  run.key = {};
}

void DataflowRuns::copy(const DataflowRuns& from, const RowNames& names) {
  state_ = from.state_;
  auto& [runs, active, unused] = state_;
  for (DataflowRun& each : runs) {
    auto& [key, share, info, index, in_use, started, task, queue, first_item, item_count, finish_left, fire_left,
           chunk_left, tokens] = each;
    key.instance = RowNames::of(names.instance, key.instance);
  }
  std::sort(active.begin(), active.end(),
            [this](std::uint32_t a, std::uint32_t b) { return state_.runs[a].key < state_.runs[b].key; });
  (void)unused;
}

}  // namespace dojo::machine

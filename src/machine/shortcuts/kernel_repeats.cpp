// SPDX-License-Identifier: Apache-2.0
#include "machine/shortcuts/kernel_repeats.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dojo/base/error.h"
#include "machine/context.h"
#include "machine/die/die_shard.h"
#include "machine/die_counters.h"
#include "machine/network/models.h"

namespace dojo::machine {

using topology::Direction;
using workload::Task;

/// What was counted before the tasks that are recorded.
struct KernelRepeats::Recording {
  struct Before {
    std::vector<std::uint64_t> counters;
    std::array<LinkCounters, topology::kDirections> edges{};
    Breakdown breakdown;
    std::uint64_t ejected = 0;  ///< bytes
  };
  SliceRecords::Key key;
  std::vector<std::uint32_t> tasks;
  std::vector<Cycles> ends;  ///< of the tasks; kNever: it is under way
  Cycles start = 0;
  std::vector<Before> before;  ///< by die of the slice
  ThreadSums sums;
};

namespace {

std::uint64_t bytes_ejected(const DieShard& die) {
  std::uint64_t bytes = 0;
  for (std::size_t site = 0; site < die.cores().size(); ++site)
    bytes += die.port().network().use(static_cast<SiteIndex>(site)).bytes_ejected;
  return bytes;
}

LinkCounters edge_of(const DieShard& die, int d) {
  const auto direction = static_cast<Direction>(d);
  return die.port().has_edge(direction) ? die.port().edge(direction) : LinkCounters{};
}

LinkCounters difference(const LinkCounters& after, const LinkCounters& before) {
  return {after.bytes - before.bytes, after.busy_units - before.busy_units, after.queue_cycles - before.queue_cycles,
          after.transfers - before.transfers};
}

LinkCounters times(const LinkCounters& once, std::uint64_t hits) {
  LinkCounters all = once;
  schema::multiply(all, hits);
  return all;
}

/// The classes of so many node-cycles: dies of a slice know each other's time to within a window, so that what was
/// counted may be a little more or less.
Breakdown difference(const Breakdown& after, const Breakdown& before, std::uint64_t node_cycles) {
  Breakdown b{after.compute - before.compute, after.communication - before.communication,
              after.overlapped - before.overlapped, after.memory - before.memory, after.idle - before.idle};
  const std::uint64_t counted = schema::total(b);
  if (counted < node_cycles) b.idle += node_cycles - counted;
  std::uint64_t more = counted > node_cycles ? counted - node_cycles : 0;
  for (std::uint64_t* of : {&b.idle, &b.communication, &b.memory, &b.compute, &b.overlapped}) {
    const std::uint64_t off = std::min(*of, more);
    *of -= off;
    more -= off;
  }
  return b;
}

}  // namespace

KernelRepeats::KernelRepeats(Context& context, RankId rank, std::vector<DieShard*> dies)
    : context_(context), rank_(rank), program_(context.job.program_of_rank[rank]), dies_(std::move(dies)) {}
KernelRepeats::~KernelRepeats() = default;

bool KernelRepeats::stays_on_slice(std::uint32_t task) const {
  const Task& what = context_.job.programs[program_].tasks[task];
  if (what.kind != Task::Kind::kDataflow) return what.kind == Task::Kind::kKernel;
  const std::uint32_t instance = context_.job.instance_of[rank_][what.entry].instance;
  using Kind = workload::DataflowInstance::Participant::Kind;
  return instance != kNone && context_.job.instances[instance].participants.front().kind == Kind::kNode;
}

bool KernelRepeats::all_at_rest(Cycles now) const {
  return std::all_of(dies_.begin(), dies_.end(), [now](const DieShard* die) { return die->at_rest(now); });
}

/// What the rank waits for decides how its cycles are counted, on the home die as on all.
SliceRecords::Key KernelRepeats::key_of(const std::vector<std::uint32_t>& tasks) const {
  const NodeTime& time = dies_.front()->time();
  const TaskClasses& classes = context_.slice_records.classes;
  SliceRecords::Key key{classes.of_place(rank_),
                        (time.waits_for_network(0) ? 1u : 0u) + (time.waits_for_memory(0) ? 2u : 0u)};
  for (const std::uint32_t task : tasks) {
    const Task& what = context_.job.programs[program_].tasks[task];
    if (what.kind == Task::Kind::kKernel) {
      key.push_back(std::uint64_t{classes.of_kernel(program_, what.kernel)} * 4 + (what.recompute ? 2 : 0));
    } else {
      const std::uint32_t instance = context_.job.instance_of[rank_][what.entry].instance;
      key.push_back((std::uint64_t{classes.of_instance(instance)} * 256 + what.part) * 4 + 1);
    }
  }
  return key;
}

std::vector<Cycles> KernelRepeats::start(const std::vector<std::uint32_t>& tasks, Cycles now) {
  give_up();
  std::vector<Cycles> known(tasks.size(), kNever);
  std::vector<std::uint32_t> own;
  std::vector<std::size_t> place;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!stays_on_slice(tasks[i])) continue;
    own.push_back(tasks[i]);
    place.push_back(i);
  }
  if (own.empty()) return known;
  SliceRecords::Key key = key_of(own);
  if (const SliceRecord* const record = context_.slice_records.find(key); record != nullptr) {
    repeat(*record, own, now);
    for (std::size_t i = 0; i < own.size(); ++i) known[place[i]] = record->ends[i];
  } else if (own.size() == tasks.size() && all_at_rest(now)) {
    begin(own, std::move(key), now);
  }
  return known;
}

/// The operation of the kernel among the tasks: there is at most one, for a rank's cores run one at a time.
std::uint32_t KernelRepeats::kernel_op(const std::vector<std::uint32_t>& tasks) const {
  for (const std::uint32_t task : tasks) {
    const Task& what = context_.job.programs[program_].tasks[task];
    if (what.kind == Task::Kind::kKernel) return what.op;
  }
  return kNone;
}

void KernelRepeats::repeat(const SliceRecord& record, const std::vector<std::uint32_t>& tasks, Cycles now) {
  for (std::size_t i = 0; i < dies_.size(); ++i)
    dies_[i]->time().add_known(0, record.dies[i].breakdown, now, now + record.end);
  if (record.id >= hits_.size()) hits_.resize(std::size_t{record.id} + 1, 0);
  ++hits_[record.id];
  count_ += tasks.size() * dies_.size();
  dies_.front()->moment().of_thread().add(record.sums, context_.job.programs[program_].graph, kernel_op(tasks));
}

void KernelRepeats::begin(const std::vector<std::uint32_t>& tasks, SliceRecords::Key key, Cycles now) {
  recording_ = std::make_unique<Recording>();
  recording_->key = std::move(key);
  recording_->tasks = tasks;
  recording_->ends.assign(tasks.size(), kNever);
  recording_->start = now;
  for (DieShard* const die : dies_) {
    Recording::Before& before = recording_->before.emplace_back();
    die->settle();
    list_counters(die->port().network(), die->cores(), before.counters);
    for (int d = 0; d < topology::kDirections; ++d) before.edges[static_cast<std::size_t>(d)] = edge_of(*die, d);
    die->time().account(0, now);
    before.breakdown = die->time().counted(0);
    before.ejected = bytes_ejected(*die);
    die->record_into(&recording_->sums);
  }
}

void KernelRepeats::ended(std::uint32_t task, Cycles now) {
  if (recording_ == nullptr) return;
  bool all = true;
  for (std::size_t i = 0; i < recording_->tasks.size(); ++i) {
    if (recording_->tasks[i] == task) recording_->ends[i] = now - recording_->start;
    all = all && recording_->ends[i] != kNever;
  }
  if (all) close(now);
}

void KernelRepeats::close(Cycles now) {
  stop_recording();
  const std::unique_ptr<Recording> made = std::move(recording_);
  auto record = std::make_unique<SliceRecord>();
  record->ends = made->ends;
  record->end = now - made->start;
  record->sums = made->sums.of_lone_task();
  std::uint64_t ejected = 0;
  for (std::size_t i = 0; i < dies_.size(); ++i) {
    DieShard& die = *dies_[i];
    const Recording::Before& before = made->before[i];
    SliceRecord::Die& of = record->dies.emplace_back();
    die.settle();
    std::vector<std::uint64_t> after;
    list_counters(die.port().network(), die.cores(), after);
    of.increase.reserve(after.size());
    for (std::size_t c = 0; c < after.size(); ++c) {
      const std::uint64_t more = after[c] - before.counters[c];
      if (more > std::numeric_limits<std::uint32_t>::max()) return;  // too long for a record
      of.increase.push_back(static_cast<std::uint32_t>(more));
    }
    for (std::size_t d = 0; d < of.edges.size(); ++d)
      of.edges[d] = difference(edge_of(die, static_cast<int>(d)), before.edges[d]);
    die.time().account(0, now);
    const auto nodes = static_cast<std::uint64_t>(die.residents()[0].node_count);
    of.breakdown = difference(die.time().counted(0), before.breakdown, nodes * static_cast<std::uint64_t>(record->end));
    ejected += bytes_ejected(die) - before.ejected;
  }
  // Something of others was under way, or has not come yet.
  if (ejected != record->sums.bytes_to_eject) return;
  context_.slice_records.offer(std::move(made->key), rank_, std::move(record));
}

void KernelRepeats::stop_recording() {
  for (DieShard* const die : dies_) die->record_into(nullptr);
  dies_.front()->moment().of_thread().add(recording_->sums.of_lone_task(), context_.job.programs[program_].graph,
                                          kernel_op(recording_->tasks));
}

void KernelRepeats::give_up() {
  if (recording_ == nullptr) return;
  stop_recording();
  recording_.reset();
}

void KernelRepeats::settle() {
  if (std::all_of(hits_.begin(), hits_.end(), [](std::uint32_t hits) { return hits == 0; })) return;
  const std::vector<std::uint32_t> all = std::exchange(hits_, {});
  for (std::size_t i = 0; i < dies_.size(); ++i) {
    DieShard& die = *dies_[i];
    std::vector<std::uint64_t> increase(die_counter_count(die.cores().size()), 0);
    for (std::uint32_t id = 0; id < all.size(); ++id) {
      const std::uint64_t hits = all[id];
      if (hits == 0) continue;
      const SliceRecord::Die& of = context_.slice_records.by_id(id).dies[i];
      for (std::size_t c = 0; c < increase.size(); ++c) increase[c] += hits * of.increase[c];
      for (int d = 0; d < topology::kDirections; ++d) {
        if (die.port().has_edge(static_cast<Direction>(d)))
          die.port().add_to_edge(static_cast<Direction>(d), times(of.edges[static_cast<std::size_t>(d)], hits));
      }
    }
    die.add_counters(increase);
  }
}

void KernelRepeats::copy(const KernelRepeats& from) {
  hits_ = from.hits_;
  count_ = from.count_;
}

bool can_repeat_kernels(const Context& context, RankId rank, const std::vector<std::uint32_t>& ranks_on_die) {
  const std::vector<DieId>& dies = context.job.slices[rank].dies;
  return dies.size() > 1 && context.model.knows_arrivals && context.topology.routes() == nullptr &&
         std::all_of(dies.begin(), dies.end(),
                     [&](DieId die) { return ranks_on_die[die] == 1 && context.topology.detailed().count(die) == 0; });
}

}  // namespace dojo::machine

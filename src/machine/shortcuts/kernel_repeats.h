// SPDX-License-Identifier: Apache-2.0
// `run.repeat_kernels`: a kernel of a rank of several dies, or a sum among its nodes, that a rank on an equal
// slice has run before takes the time and the counters of that run, instead of events. This is an approximation: what
// else is under way meanwhile does not slow it, nor does it slow that, and a run that begins some cycles further into
// the slots of the edges (fabric/edge_slots.h) would differ by some cycles. Records are made of tasks that have their
// slice for themselves.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "dojo/machine/results.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"
#include "machine/shortcuts/task_classes.h"
#include "machine/sums.h"

namespace dojo::machine {

struct Context;
class DieShard;

/// What tasks of one rank that started together did, from their start to the end of the last.
struct SliceRecord {
  std::vector<Cycles> ends;  ///< of each, after the start, as the sequencer sees it
  Cycles end = 0;            ///< the last of them
  TaskSums sums;
  struct Die {
    Breakdown breakdown;
    std::vector<std::uint32_t> increase;  ///< of what list_counters() lists
    std::array<LinkCounters, topology::kDirections> edges{};
  };
  std::vector<Die> dies;  ///< of the slice
  std::uint32_t id = kNone;
};

/// Records by place and by what starts together (TaskClasses). Each is made by one rank and serves all. What is offered
/// in one window can be taken in the next, so that it does not matter which thread runs first.
class SliceRecords {
 public:
  /// The class of the place, what the rank waits for, and those of the tasks.
  using Key = std::vector<std::uint64_t>;

  [[nodiscard]] const SliceRecord* find(const Key& key) const;
  [[nodiscard]] const SliceRecord& by_id(std::uint32_t id) const { return *by_id_[id]; }
  /// Safe to call from several threads.
  void offer(Key key, RankId rank, std::unique_ptr<SliceRecord> record);
  /// Between windows. Of equal keys the lowest rank's record is kept.
  void publish();

  TaskClasses classes;

 private:
  struct Offer {
    Key key;
    RankId rank = 0;
    std::unique_ptr<SliceRecord> record;
  };
  std::map<Key, std::uint32_t> known_;
  std::vector<std::unique_ptr<const SliceRecord>> by_id_;
  std::mutex mutex_;
  std::vector<Offer> offers_;
};

/// One rank's. Its home die's thread runs all dies of its slice (Context::make_clusters).
class KernelRepeats {
 public:
  KernelRepeats(Context& context, RankId rank, std::vector<DieShard*> dies);
  ~KernelRepeats();
  KernelRepeats(const KernelRepeats&) = delete;
  KernelRepeats& operator=(const KernelRepeats&) = delete;

  /// Tasks start together. For each how long it will take, or kNever: it has to be run.
  [[nodiscard]] std::vector<Cycles> start(const std::vector<std::uint32_t>& tasks, Cycles now);
  /// A task has ended on all dies.
  void ended(std::uint32_t task, Cycles now);
  /// What is being recorded runs on without a record.
  void give_up();
  /// Adds to each die's counters what its part of repeated tasks did.
  void settle();
  /// How many tasks of dies took a record.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Takes the state of another rank's that has run for both. Neither is recording.
  void copy(const KernelRepeats& from);

 private:
  struct Recording;
  [[nodiscard]] bool stays_on_slice(std::uint32_t task) const;
  [[nodiscard]] bool all_at_rest(Cycles now) const;
  [[nodiscard]] SliceRecords::Key key_of(const std::vector<std::uint32_t>& tasks) const;
  [[nodiscard]] std::uint32_t kernel_op(const std::vector<std::uint32_t>& tasks) const;
  void repeat(const SliceRecord& record, const std::vector<std::uint32_t>& tasks, Cycles now);
  void begin(const std::vector<std::uint32_t>& tasks, SliceRecords::Key key, Cycles now);
  void close(Cycles now);
  /// From now on the dies count into the sums of their thread again.
  void stop_recording();

  Context& context_;
  const RankId rank_;
  const std::uint32_t program_;
  const std::vector<DieShard*> dies_;
  std::unique_ptr<Recording> recording_;
  std::vector<std::uint32_t> hits_;  ///< by record, since the counters were settled
  std::uint64_t count_ = 0;
};

/// All dies of the rank's slice are its own, there are several, and their cores are not run cycle by cycle.
[[nodiscard]] bool can_repeat_kernels(const Context& context, RankId rank,
                                      const std::vector<std::uint32_t>& ranks_on_die);

}  // namespace dojo::machine

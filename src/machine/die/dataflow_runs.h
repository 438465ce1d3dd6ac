// SPDX-License-Identifier: Apache-2.0
// Dataflow plans on one shard, a die or a DIP: an item fires when its tokens have come and the shard has served it, and
// then sends tokens and messages on.
#pragma once
#include <cstdint>
#include <deque>
#include <tuple>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/program.h"
#include "machine/context.h"
#include "machine/die/messages.h"
#include "machine/die/moment.h"
#include "machine/shortcuts/row_names.h"

namespace dojo::machine {

/// The items of one position of an instance that lie on one shard; or of all positions, where they are nodes.
struct DataflowRun {
  /// Which one; kNone where it does not apply.
  struct Key {
    std::uint32_t instance = kNone;
    std::uint32_t position = kNone;  ///< kNone: all that are nodes here
    std::uint32_t rank_die = kNone;  ///< of a die
    std::uint32_t entry = kNone;     ///< of the rank's instance table, where positions are nodes
    [[nodiscard]] bool operator==(const Key& o) const {
      return instance == o.instance && position == o.position && rank_die == o.rank_die && entry == o.entry;
    }
    [[nodiscard]] bool operator<(const Key& o) const {
      return std::tie(instance, position, rank_die, entry) < std::tie(o.instance, o.position, o.rank_die, o.entry);
    }
  };
  /// What of the plan lies on this shard.
  struct Share {
    std::uint32_t track_low = 0, track_count = 0;
    std::uint32_t node_begin = 0, node_end = kNone;  ///< of the slice, where positions are nodes
    bool has_task = false;                           ///< a task of a rank starts it and waits for its `finish` items
  };
  Key key;
  Share share;
  const PlanInfo* info = nullptr;
  std::uint32_t index = 0;  ///< in the shard's pool
  bool in_use = false;
  bool started = false;  ///< tokens may come before the task starts here
  std::uint32_t task = kNone;
  unsigned queue = 0;  ///< send queue that its messages take
  std::uint32_t first_item = 0, item_count = 0;
  std::uint32_t finish_left = 0, fire_left = 0;
  std::vector<std::uint32_t> chunk_left;  ///< of a plan with a window: items that have not fired, by track and chunk
  std::vector<std::uint16_t> tokens;      ///< still to come, by replica(): item, track, chunk

  struct Replica {
    std::uint32_t item = 0, track = 0, chunk = 0;  ///< numbers of the plan
  };
  [[nodiscard]] std::uint32_t copies() const { return share.track_count * info->plan->chunks; }
  [[nodiscard]] std::uint32_t index_of(const Replica& r) const {
    return ((r.item - first_item) * share.track_count + (r.track - share.track_low)) * info->plan->chunks + r.chunk;
  }
  [[nodiscard]] Replica replica(std::uint32_t token_index) const {
    const std::uint32_t chunks = info->plan->chunks;
    return {first_item + token_index / chunks / share.track_count,
            share.track_low + token_index / chunks % share.track_count, token_index % chunks};
  }
  /// Bytes that a replica combines or serves.
  [[nodiscard]] Bytes bytes_of(const Replica& r) const {
    return info->item_splits[r.item].of(info->plan->items[r.item].single ? 0 : info->part(r.track, r.chunk));
  }
};

class DataflowRuns {
 public:
  /// The shard on which the items lie.
  class Host {
   public:
    virtual ~Host() = default;
    [[nodiscard]] virtual DataflowRun::Share share(const DataflowRun::Key& key) const = 0;
    /// All tokens of a replica have come. The host fires it, now or at a later time.
    virtual void serve(DataflowRun& run, const DataflowRun::Replica& replica, Cycles now) = 0;
    /// Along an edge of the plan to an item on another shard; `replica` is that of the item.
    virtual void send(DataflowRun& run, std::uint32_t edge, const workload::DataflowItem& from,
                      const DataflowRun::Replica& replica, Cycles now) = 0;
    /// All `finish` items here have fired: this shard's part of the task is done.
    virtual void finished(std::uint32_t rank_die, std::uint32_t task, Cycles now) = 0;
  };

  DataflowRuns(const Context& context, engine::Wheel& wheel, Host& host)
      : context_(context), timer_(wheel, Part::kDataflows), host_(host) {}

  /// Finds the run, or makes it: tokens may come before its task starts here.
  DataflowRun& find(const DataflowRun::Key& key);
  /// The task that starts it begins.
  void start(DataflowRun& run, std::uint32_t task, Cycles now);
  void token(DataflowRun& run, const DataflowRun::Replica& replica, Cycles now);
  void fire(DataflowRun& run, const DataflowRun::Replica& replica, Cycles now);
  void fire_at(const DataflowRun& run, const DataflowRun::Replica& replica, Cycles time) {
    timer_.at(time, Kind::kFire, run.index, run.index_of(replica));
  }
  [[nodiscard]] DataflowRun& run(std::uint32_t index) { return state_.runs[index]; }
  /// Requires an event of this part: what fire_at() planned.
  void handle(const engine::Event& event);

  void copy(const DataflowRuns& from, const RowNames& names);

 private:
  enum class Kind : std::uint8_t {
    kFire  // a: run, b: token index
  };
  struct State {
    std::deque<DataflowRun> runs;       ///< a deque, so that a run stays where it is while others are made
    std::vector<std::uint32_t> active;  ///< by key: thousands may be open at once
    std::vector<std::uint32_t> unused;
  };
  [[nodiscard]] std::vector<std::uint32_t>::iterator place_of(const DataflowRun::Key& key);
  void prepare(DataflowRun& run, const DataflowRun::Key& key);
  void start_chunk(DataflowRun& run, std::uint32_t track, std::uint32_t chunk, Cycles now);
  void passed(DataflowRun& run, const DataflowRun::Replica& replica, Cycles now);
  void follow(DataflowRun& run, std::uint32_t edge, const DataflowRun::Replica& from, Cycles now);
  void follow_to(DataflowRun& run, std::uint32_t edge, const workload::DataflowItem& from,
                 const DataflowRun::Replica& to, Cycles now);
  void finish(DataflowRun& run, Cycles now);
  void release(DataflowRun& run);

  const Context& context_;
  Timer timer_;
  Host& host_;
  State state_;
};

}  // namespace dojo::machine

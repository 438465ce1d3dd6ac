// SPDX-License-Identifier: Apache-2.0
// One pass over the operations decides what leaves; a second one when what has left is loaded.
#include "lower/stream_plan.h"

#include <algorithm>
#include <queue>

#include "dojo/base/stop_point.h"

namespace dojo::workload {
namespace {

class Streamer {
 public:
  explicit Streamer(const StreamInput& input)
      : input_(input),
        positions_(static_cast<std::uint32_t>(input.buffers.size())),
        states_(input.tensors.size()),
        used_at_(positions_),
        ends_(input.tensors.size(), kNone) {
    for (std::uint32_t t = 0; t < input_.tensors.size(); ++t)
      for (const StreamTensor::Use& use : input_.tensors[t].uses) used_at_[use.position].push_back(t);
  }

  StreamPlan run() {
    begin();
    begins_.assign(positions_ + 1, 0);
    for (std::uint32_t p = 0; p < positions_; ++p) begins_[p + 1] = begins_[p] + input_.cycles[p];
    for (std::uint32_t position = 0; position < positions_; ++position) {
      stop_point();
      pass(position);
    }
    finish_states();
    choose_loads();
    std::stable_sort(plan_.evictions.begin(), plan_.evictions.end(),
                     [](const Eviction& a, const Eviction& b) { return a.next_use < b.next_use; });
    return std::move(plan_);
  }

 private:
  struct State {
    bool resident = false, dirty = false, in_use = false;
    bool not_over_steps = false;       ///< it is not in SRAM when a step begins
    std::uint32_t next = 0;            ///< index of the next use
    std::uint32_t version = 0;         ///< of its entry among the idle
    std::uint32_t eviction = kNone;    ///< under way, into plan_.evictions
    std::uint32_t first_load = kNone;  ///< from where on it is loaded for its first use
  };
  struct Idle {
    std::uint64_t next_use = 0;  ///< positions of the next step follow those of this one
    Bytes bytes = 0;
    std::uint32_t tensor = 0, version = 0;
    friend bool operator<(const Idle& a, const Idle& b) {
      if (a.next_use != b.next_use) return a.next_use < b.next_use;
      return a.bytes != b.bytes ? a.bytes < b.bytes : a.tensor > b.tensor;
    }
  };
  using IdleQueue = std::priority_queue<Idle>;

  [[nodiscard]] const StreamTensor& tensor(std::uint32_t t) const { return input_.tensors[t]; }
  [[nodiscard]] static bool is_used(const StreamTensor& tensor) { return !tensor.uses.empty(); }

  void begin() {
    plan_.live.assign(positions_, 0);
    for (std::uint32_t t = 0; t < states_.size(); ++t) {
      if (!tensor(t).persistent) continue;
      states_[t].resident = true;
      live_ += tensor(t).node_bytes;
      if (is_used(tensor(t))) make_idle(t, 0);
    }
  }

  /// The next use of a tensor from here on, which may be in the next step.
  [[nodiscard]] std::uint64_t next_use(std::uint32_t t) const {
    const State& state = states_[t];
    const auto& uses = tensor(t).uses;
    return state.next < uses.size() ? uses[state.next].position : std::uint64_t{positions_} + uses.front().position;
  }

  void make_idle(std::uint32_t t, std::uint32_t position) {
    State& state = states_[t];
    const std::uint64_t next = next_use(t);
    if (next <= position) return;
    const Idle idle{next, tensor(t).node_bytes, t, ++state.version};
    (state.dirty ? dirty_ : clean_).push(idle);
  }

  void pass(std::uint32_t position) {
    for (const std::uint32_t t : used_at_[position]) {
      State& state = states_[t];
      state.in_use = true;
      ++state.version;
      if (!state.resident) {
        state.resident = true;
        live_ += tensor(t).node_bytes;
      }
      state.eviction = kNone;
    }
    while (live_ + input_.buffers[position] > input_.capacity && evict(position, position)) {
    }
    fetch_ahead(position);
    plan_.live[position] = live_ + input_.buffers[position];
    if (const Bytes missing = plan_.live[position] - input_.capacity; missing > plan_.missing) note(position, missing);
    for (const std::uint32_t t : used_at_[position]) release(t, position);
  }

  /// Loads that would be late if they began one operation later. What is used later still makes room.
  void fetch_ahead(std::uint32_t position) {
    constexpr std::uint32_t kMostAhead = 64;
    double backlog = input_.latency_cycles;
    std::vector<std::uint32_t> waiting;
    for (std::uint32_t q = position + 1; q < positions_ && q <= position + kMostAhead; ++q) {
      for (const std::uint32_t t : used_at_[q]) {
        const State& state = states_[t];
        const StreamTensor& of = tensor(t);
        if (state.resident || state.next >= of.uses.size() || of.uses[state.next].position != q) continue;
        if (!of.uses[state.next].reads) continue;
        backlog += of.load_cycles;
        waiting.push_back(t);
      }
      if (waiting.empty() || begins_[q] - begins_[position + 1] >= backlog) continue;
      for (const std::uint32_t t : waiting)
        if (!fetch(t, position, q)) return;
      waiting.clear();
    }
  }

  bool fetch(std::uint32_t t, std::uint32_t position, std::uint32_t use) {
    const Bytes bytes = tensor(t).node_bytes;
    while (live_ + input_.buffers[position] + bytes > input_.capacity)
      if (!evict(position, use)) return false;
    State& state = states_[t];
    state.resident = true;
    live_ += bytes;
    (state.eviction != kNone ? plan_.evictions[state.eviction].load_at : state.first_load) = position;
    state.dirty = false;
    make_idle(t, position);
    return true;
  }

  void note(std::uint32_t position, Bytes missing) {
    plan_.missing = missing;
    plan_.fullest = position;
    plan_.present.clear();
    for (std::uint32_t t = 0; t < states_.size(); ++t)
      if (states_[t].resident) plan_.present.push_back(t);
  }

  void release(std::uint32_t t, std::uint32_t position) {
    State& state = states_[t];
    if (!state.in_use) return;
    state.in_use = false;
    const StreamTensor& of = tensor(t);
    while (state.next < of.uses.size() && of.uses[state.next].position <= position) {
      state.dirty = state.dirty || of.uses[state.next].writes;
      ++state.next;
    }
    if (state.next == of.uses.size() && !of.persistent) {
      state.resident = false;
      live_ -= of.node_bytes;
      return;
    }
    make_idle(t, position);
  }

  [[nodiscard]] bool is_stale(const Idle& idle) const {
    const State& state = states_[idle.tensor];
    return !state.resident || state.in_use || state.version != idle.version;
  }

  /// What is next used after `beyond`.
  bool evict(std::uint32_t position, std::uint32_t beyond) {
    while (!clean_.empty() && is_stale(clean_.top())) clean_.pop();
    while (!dirty_.empty() && is_stale(dirty_.top())) dirty_.pop();
    if (clean_.empty() && dirty_.empty()) return false;
    // What HBM has already need not be stored.
    const bool take_clean = !clean_.empty() && (dirty_.empty() || 2 * (clean_.top().next_use - position) >=
                                                                      dirty_.top().next_use - position);
    IdleQueue& queue = take_clean ? clean_ : dirty_;
    if (queue.top().next_use <= beyond) return false;
    const std::uint32_t t = queue.top().tensor;
    queue.pop();
    State& state = states_[t];
    const StreamTensor& of = tensor(t);
    state.resident = false;
    live_ -= of.node_bytes;
    std::uint32_t& begun = state.eviction != kNone ? plan_.evictions[state.eviction].load_at : state.first_load;
    if (state.eviction != kNone || (state.next == 0 && begun != kNone)) {
      // It had been loaded, but is not yet needed.
      for (std::uint32_t p = begun; p < position; ++p) plan_.live[p] -= of.node_bytes;
      begun = kNone;
      return true;
    }
    const bool before_first = state.next == 0, after_last = state.next == of.uses.size();
    if (before_first || after_last) {
      if (before_first) leave_before(t, position);
      if (after_last && !state.not_over_steps) leave_before(t, of.uses.front().position);
      if (after_last) ends_[t] = position;
      return true;
    }
    Eviction made;
    made.tensor = t;
    made.last_use = of.uses[state.next - 1].position;
    made.next_use = of.uses[state.next].position;
    made.free_at = position;
    state.eviction = static_cast<std::uint32_t>(plan_.evictions.size());
    plan_.evictions.push_back(made);
    return true;
  }

  /// It was not there from the beginning of the step after all.
  void leave_before(std::uint32_t t, std::uint32_t position) {
    State& state = states_[t];
    state.not_over_steps = true;
    for (std::uint32_t p = 0; p < position; ++p) plan_.live[p] -= tensor(t).node_bytes;
  }

  /// Tensors that are in HBM between two steps, and what has to be stored.
  void finish_states() {
    std::vector<std::vector<std::uint32_t>> by_tensor(states_.size());
    for (std::uint32_t t = 0; t < states_.size(); ++t) {
      if (!states_[t].not_over_steps) continue;
      Eviction made;
      made.tensor = t;
      made.last_use = tensor(t).uses.back().position;
      made.next_use = tensor(t).uses.front().position;
      made.free_at = ends_[t];
      made.load_at = states_[t].first_load;
      plan_.evictions.push_back(made);
    }
    for (std::uint32_t e = 0; e < plan_.evictions.size(); ++e) by_tensor[plan_.evictions[e].tensor].push_back(e);
    for (std::uint32_t t = 0; t < states_.size(); ++t) {
      if (by_tensor[t].empty()) continue;
      std::vector<std::uint32_t>& own = by_tensor[t];
      std::sort(own.begin(), own.end(), [&](std::uint32_t a, std::uint32_t b) {
        return plan_.evictions[a].last_use < plan_.evictions[b].last_use;
      });
      const StreamTensor& of = tensor(t);
      const bool written =
          std::any_of(of.uses.begin(), of.uses.end(), [](const StreamTensor::Use& use) { return use.writes; });
      bool dirty = of.persistent && written && !states_[t].not_over_steps;
      auto use = of.uses.begin();
      for (const std::uint32_t e : own) {
        Eviction& eviction = plan_.evictions[e];
        for (; use != of.uses.end() && use->position <= eviction.last_use; ++use) dirty = dirty || use->writes;
        eviction.stores = dirty;
        dirty = false;
        const auto next = std::find_if(of.uses.begin(), of.uses.end(), [&](const StreamTensor::Use& other) {
          return other.position == eviction.next_use;
        });
        eviction.loads = next->reads;
      }
    }
  }

  void choose_loads() {
    std::vector<std::uint32_t> loads;
    for (std::uint32_t e = 0; e < plan_.evictions.size(); ++e)
      if (plan_.evictions[e].loads) loads.push_back(e);
    std::stable_sort(loads.begin(), loads.end(), [&](std::uint32_t a, std::uint32_t b) {
      return plan_.evictions[a].next_use < plan_.evictions[b].next_use;
    });
    // Stores take their share of the ports.
    double loading = 0, storing = 0;
    for (const Eviction& eviction : plan_.evictions) {
      loading += eviction.loads ? tensor(eviction.tensor).load_cycles : 0;
      storing += eviction.stores ? tensor(eviction.tensor).load_cycles : 0;
    }
    const double share = loading > 0 ? 1 + storing / loading : 1;
    // The latest beginning of each, one after the other.
    std::vector<double> latest(loads.size());
    double behind = begins_[positions_];
    for (std::size_t i = loads.size(); i-- > 0;) {
      const Eviction& eviction = plan_.evictions[loads[i]];
      behind = std::min(behind, begins_[eviction.next_use]) - share * tensor(eviction.tensor).load_cycles;
      latest[i] = behind - input_.latency_cycles;
    }
    for (std::size_t i = 0; i < loads.size(); ++i) {
      Eviction& eviction = plan_.evictions[loads[i]];
      if (eviction.load_at != kNone) continue;
      const Bytes bytes = tensor(eviction.tensor).node_bytes;
      const bool over_steps = eviction.next_use <= eviction.last_use;
      const std::uint32_t earliest = over_steps ? 0 : eviction.free_at;
      std::uint32_t at = eviction.next_use;
      while (at > earliest && begins_[at] > latest[i] && plan_.live[at - 1] + bytes <= input_.capacity) --at;
      for (std::uint32_t p = at; p < eviction.next_use; ++p) plan_.live[p] += bytes;
      eviction.load_at = at;
    }
  }

  const StreamInput& input_;
  std::uint32_t positions_;
  std::vector<State> states_;
  std::vector<std::vector<std::uint32_t>> used_at_;  ///< tensors, by position
  std::vector<std::uint32_t> ends_;                  ///< by tensor: where its place is needed after its last use
  std::vector<double> begins_;                       ///< of each operation, if nothing but computing took time
  IdleQueue clean_, dirty_;
  Bytes live_ = 0;
  StreamPlan plan_;
};

}  // namespace

StreamPlan plan_stream(const StreamInput& input) {
  return Streamer(input).run();
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Lifetimes of tensors against the SRAM of a node.
#include "lower/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace {

double megabytes(Bytes bytes) {
  return static_cast<double>(bytes) / 1e6;
}

}  // namespace

Ledger::Ledger(const LedgerInput& input)
    : input_(input), lives_(input.graph.tensors.size()), nodes_(lives_.size(), input.nodes) {
  const Graph& g = input_.graph;
  const auto use = [&](std::uint32_t tensor, std::uint32_t position, bool writes, bool reads) {
    Life& life = lives_[tensor];
    if (!life.used) life.begin = position;
    life.used = true;
    life.end = position;
    if (life.uses.empty() || life.uses.back() != position) {
      life.uses.push_back(position);
      // All of it is written the first time, perhaps a part later.
      const bool keeps = writes && life.producer != kNone;
      life.reads.push_back(reads || keeps ? 1 : 0);
      life.writes.push_back(writes ? 1 : 0);
    } else {
      life.reads.back() |= reads ? 1 : 0;
      life.writes.back() |= writes ? 1 : 0;
    }
    if (writes && life.producer == kNone) life.producer = position;
  };
  for (std::uint32_t position = 0; position < input_.order.size(); ++position) {
    const Op& op = g.ops[input_.order[position]];
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) use(g.tensor_refs[i], position, false, true);
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) use(g.tensor_refs[i], position, true, false);
  }
  for (std::uint32_t t = 0; t < lives_.size(); ++t) {
    const TensorRole role = g.tensors[t].role;
    lives_[t].persistent = role == TensorRole::kWeight || role == TensorRole::kOptimizerState;
    if (lives_[t].persistent) {
      persistent_node_bytes_ += node_bytes_of(t);
    } else if (lives_[t].producer == kNone) {
      lives_[t].begin = 0;  // there when the step starts
    }
  }
}

Bytes Ledger::node_bytes(Bytes rank_bytes) const {
  return std::max(ceil_div<Bytes>(rank_bytes, input_.nodes), std::min(rank_bytes, kSmallestPieceBytes));
}

Bytes Ledger::rank_bytes(std::uint32_t tensor) const {
  const Tensor& t = input_.graph.tensors[tensor];
  return t.role == TensorRole::kOptimizerState ? ceil_div(t.bytes, input_.optimizer_shards) : t.bytes;
}

/// In the fullest node that has a piece of it; of a sharded state the shard.
Bytes Ledger::node_bytes_of(std::uint32_t tensor) const {
  const Bytes bytes = rank_bytes(tensor);
  return std::max(ceil_div<Bytes>(bytes, nodes_[tensor]), std::min(bytes, kSmallestPieceBytes));
}

void Ledger::set_nodes(std::uint32_t tensor, std::uint32_t nodes) {
  const Bytes before = node_bytes_of(tensor);
  nodes_[tensor] = nodes;
  if (lives_[tensor].persistent) persistent_node_bytes_ += node_bytes_of(tensor) - before;
}

std::vector<Bytes> Ledger::occupancy() const {
  std::vector<Bytes> change(input_.order.size() + 1, 0);
  for (std::uint32_t t = 0; t < lives_.size(); ++t) {
    if (lives_[t].used && !lives_[t].persistent) {
      const Bytes bytes = node_bytes_of(t);
      change[lives_[t].begin] += bytes;
      change[lives_[t].end + 1] -= bytes;
    }
  }
  Bytes sum = persistent_node_bytes_;
  for (Bytes& c : change) {
    sum += c;
    c = sum;
  }
  change.pop_back();
  return change;
}

Bytes Ledger::free_at(std::uint32_t position) const {
  // Cheap enough: asked once per matrix operation.
  Bytes live = persistent_node_bytes_;
  for (std::uint32_t t = 0; t < lives_.size(); ++t) {
    const Life& life = lives_[t];
    if (life.used && !life.persistent && life.begin <= position && position <= life.end) live += node_bytes_of(t);
  }
  return input_.node_capacity - live;
}

bool Ledger::can_recompute(std::uint32_t tensor, std::uint32_t at, const std::vector<std::uint8_t>& evicted) const {
  const Life& life = lives_[tensor];
  if (life.producer == kNone) return false;
  const Graph& g = input_.graph;
  const Op& op = g.ops[input_.order[life.producer]];
  if (!traits(op.kind).has(OpTraits::kCheapToRepeat)) return false;
  for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) {
    const std::uint32_t input = g.tensor_refs[i];
    const Life& other = lives_[input];
    if (!other.persistent && (evicted[input] != 0 || other.end < at)) return false;
  }
  return true;
}

void Ledger::account(MemoryPlan& plan) const {
  for (const Tensor& tensor : input_.graph.tensors) {
    if (tensor.role == TensorRole::kWeight) {
      plan.weights += tensor.bytes;
    } else if (tensor.role == TensorRole::kGradient) {
      plan.gradients += tensor.bytes;
    } else if (tensor.role == TensorRole::kOptimizerState) {
      plan.optimizer += ceil_div(tensor.bytes, input_.optimizer_shards);
    }
  }
  std::vector<Bytes> change(input_.order.size() + 1, 0);
  for (std::uint32_t t = 0; t < lives_.size(); ++t) {
    if (lives_[t].used && !lives_[t].persistent && input_.graph.tensors[t].role != TensorRole::kGradient) {
      change[lives_[t].begin] += input_.graph.tensors[t].bytes;
      change[lives_[t].end + 1] -= input_.graph.tensors[t].bytes;
    }
  }
  Bytes sum = 0;
  for (const Bytes c : change) {
    sum += c;
    plan.activations_peak = std::max(plan.activations_peak, sum);
  }
}

void Ledger::sort_by_size(std::vector<std::uint32_t>& tensors) const {
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return node_bytes_of(a) > node_bytes_of(b); });
}

LedgerResult Ledger::plan(const std::vector<Bytes>& buffers, Bytes collective_bytes) const {
  LedgerResult result;
  MemoryPlan& plan = result.plan;
  plan.node_capacity = input_.node_capacity;
  account(plan);
  std::vector<Bytes> live = occupancy();
  for (std::size_t i = 0; i < live.size(); ++i) {
    live[i] += buffers[i] + collective_bytes;
    plan.buffers = std::max(plan.buffers, (buffers[i] + collective_bytes) * input_.nodes);
  }
  if (live.empty()) plan.node_peak = persistent_node_bytes_ + collective_bytes;
  const Bytes before = live.empty() ? plan.node_peak : *std::max_element(live.begin(), live.end());
  std::vector<std::uint8_t> evicted(lives_.size(), 0);
  std::vector<Life> lives = lives_;  // what is recomputed uses its inputs once more

  // Whatever lies idle at the fullest moment and frees most leaves, until everything fits.
  const auto idle_gap = [&](const Life& life,
                            std::uint32_t at) -> std::optional<std::pair<std::uint32_t, std::uint32_t>> {
    const auto next = std::upper_bound(life.uses.begin(), life.uses.end(), at);
    if (next == life.uses.begin() || next == life.uses.end() || *(next - 1) == at) return std::nullopt;
    return std::pair(*(next - 1), *next);
  };
  const auto evict_one = [&](std::uint32_t at, bool recompute) {
    Eviction best;
    Bytes best_gain = 0;
    for (std::uint32_t t = 0; t < lives.size(); ++t) {
      const Life& life = lives[t];
      if (!life.used || life.persistent || evicted[t] != 0) {
        continue;
      }
      const auto gap = idle_gap(life, at);
      const Bytes bytes = node_bytes_of(t);
      // Most bytes first; of equal ones the longest idle.
      const Bytes gain = gap ? bytes * static_cast<Bytes>(live.size()) + (gap->second - gap->first) : 0;
      if (gap && gap->second > gap->first + 1 && gain > best_gain &&
          (!recompute || can_recompute(t, gap->second, evicted))) {
        best = {t, gap->first, gap->second, recompute};
        best_gain = gain;
      }
    }
    if (best_gain == 0) {
      return false;
    }
    const Bytes bytes = input_.graph.tensors[best.tensor].bytes;
    evicted[best.tensor] = 1;
    (recompute ? plan.recomputed : plan.spilled) += bytes;
    for (std::uint32_t p = best.last_use + 1; p < best.next_use; ++p) {
      live[p] -= node_bytes_of(best.tensor);
    }
    if (recompute) {
      const Op& op = input_.graph.ops[input_.order[lives[best.tensor].producer]];
      for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) {
        std::vector<std::uint32_t>& uses = lives[input_.graph.tensor_refs[i]].uses;
        uses.insert(std::upper_bound(uses.begin(), uses.end(), best.next_use), best.next_use);
      }
    }
    result.evictions.push_back(best);
    return true;
  };

  const bool may_recompute = input_.policy == CapacityPolicy::kRecomputeThenSpill;
  const bool may_spill = input_.has_hbm && (may_recompute || input_.policy == CapacityPolicy::kSpill);
  while (!live.empty()) {
    const auto fullest = std::max_element(live.begin(), live.end());
    plan.node_peak = *fullest;
    if (*fullest <= input_.node_capacity) break;
    const auto at = static_cast<std::uint32_t>(fullest - live.begin());
    if (!(may_recompute && evict_one(at, true)) && !(may_spill && evict_one(at, false))) {
      result.missing_per_node = *fullest - input_.node_capacity;
      result.fullest = at;
      for (std::uint32_t t = 0; t < lives.size(); ++t) {
        const Life& life = lives[t];
        const bool away = std::any_of(result.evictions.begin(), result.evictions.end(), [&](const Eviction& e) {
          return e.tensor == t && e.last_use < at && at < e.next_use;
        });
        if ((life.persistent || (life.used && life.begin <= at && at <= life.end)) && !away)
          result.holders.push_back(t);
      }
      break;
    }
  }
  sort_by_size(result.holders);
  std::stable_sort(result.evictions.begin(), result.evictions.end(), [](const Eviction& a, const Eviction& b) {
    // What is read back comes before what is recomputed from it.
    return std::pair(a.next_use, a.recompute) < std::pair(b.next_use, b.recompute);
  });

  if (result.evictions.empty() && result.missing_per_node == 0) {
    plan.decisions.push_back(fmt::format("Everything stays in SRAM: {:.3f} MB of {:.3f} MB in the fullest node.",
                                         megabytes(plan.node_peak), megabytes(plan.node_capacity)));
  } else {
    plan.decisions.push_back(fmt::format("Without measures the fullest node would need {:.3f} MB of its {:.3f} MB.",
                                         megabytes(before), megabytes(plan.node_capacity)));
  }
  const auto count = [&](bool recompute) {
    return std::count_if(result.evictions.begin(), result.evictions.end(),
                         [&](const Eviction& e) { return e.recompute == recompute; });
  };
  if (plan.recomputed > 0) {
    plan.decisions.push_back(
        fmt::format("{} activations ({:.1f} MB a rank and step) are dropped after the forward pass and "
                    "recomputed before their first use in the backward pass.",
                    count(true), megabytes(plan.recomputed)));
  }
  if (plan.spilled > 0) {
    plan.decisions.push_back(fmt::format("{} tensors ({:.1f} MB a rank and step) are spilled to DIP HBM and read back.",
                                         count(false), megabytes(plan.spilled)));
  }
  return result;
}

std::vector<StreamTensor> Ledger::stream_tensors(double cycles_per_byte) const {
  std::vector<StreamTensor> tensors(lives_.size());
  for (std::uint32_t t = 0; t < lives_.size(); ++t) {
    const Life& life = lives_[t];
    if (!life.used) continue;
    StreamTensor& made = tensors[t];
    made.node_bytes = node_bytes_of(t);
    made.load_cycles = cycles_per_byte * static_cast<double>(rank_bytes(t));
    made.persistent = life.persistent;
    // What nobody makes is there when the step starts.
    const bool there = !life.persistent && life.producer == kNone && life.uses.front() > 0;
    if (there) made.uses.push_back({0, false, true});
    for (std::size_t i = 0; i < life.uses.size(); ++i)
      made.uses.push_back({life.uses[i], life.reads[i] != 0, life.writes[i] != 0});
  }
  return tensors;
}

LedgerResult Ledger::plan_streamed(const std::vector<Bytes>& buffers, Bytes collective_bytes,
                                   const StreamTimes& times) const {
  LedgerResult result;
  MemoryPlan& plan = result.plan;
  plan.node_capacity = input_.node_capacity;
  account(plan);
  StreamInput input;
  input.tensors = stream_tensors(times.cycles_per_byte);
  input.buffers = buffers;
  for (Bytes& bytes : input.buffers) {
    bytes += collective_bytes;
    plan.buffers = std::max(plan.buffers, bytes * input_.nodes);
  }
  input.cycles = times.cycles;
  input.capacity = input_.node_capacity;
  input.latency_cycles = times.latency_cycles;
  StreamPlan streamed = plan_stream(input);
  result.evictions = std::move(streamed.evictions);
  result.missing_per_node = streamed.missing;
  result.fullest = streamed.fullest;
  result.holders = std::move(streamed.present);
  sort_by_size(result.holders);
  plan.node_peak = streamed.live.empty() ? 0 : *std::max_element(streamed.live.begin(), streamed.live.end());
  Bytes home = 0, loaded = 0, stored = 0;
  std::vector<std::uint8_t> away(lives_.size(), 0);
  for (const Eviction& eviction : result.evictions) {
    const Bytes bytes = rank_bytes(eviction.tensor);
    loaded += eviction.loads ? bytes : 0;
    stored += eviction.stores ? bytes : 0;
    home += away[eviction.tensor] == 0 ? bytes : 0;
    away[eviction.tensor] = 1;
  }
  plan.streamed = loaded + stored;
  plan.decisions.push_back(
      fmt::format("{} of {} tensors ({:.1f} MB a rank) lie in DIP HBM: {:.1f} MB are loaded and {:.1f} MB stored in a "
                  "step, and the "
                  "fullest node holds {:.3f} MB of its {:.3f} MB.",
                  std::count(away.begin(), away.end(), 1), lives_.size(), megabytes(home), megabytes(loaded),
                  megabytes(stored), megabytes(plan.node_peak), megabytes(plan.node_capacity)));
  return result;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Task graphs of programs: one kernel per operation, what follows it, and what the ledger demands.
#include "lower/program_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"
#include "lower/floors.h"

namespace dojo::workload {
namespace {

class ProgramBuilder {
 public:
  explicit ProgramBuilder(const ProgramRequest& request)
      : request_(request),
        graph_(request.graph),
        order_(issue_order(request.graph)),
        parts_(slice_parts(request.slice, request.topology)),
        grid_(parts_.front()),
        context_{grid_, request.cost, 0, &parts_, request.pieces, !request.topology.detailed().empty()},
        whole_{grid_, request.cost, 0, nullptr, request.pieces, context_.for_detailed} {}

  ProgramDraft build() {
    LedgerResult ledger = plan_on(context_);
    const bool fits = ledger.missing_per_node == 0 && ledger.evictions.empty();
    if (!fits && on_parts_) ledger = plan_on(whole_);  // tensors on all nodes leave more room in each
    if (request_.options.capacity_policy == CapacityPolicy::kStream && ledger.missing_per_node > 0 &&
        request_.topology.dip_count() > 0) {
      streams_ = true;
      ledger = ledger_->plan_streamed(buffers_, collective_bytes(), stream_times());
    }
    draft_.missing_per_node = ledger.missing_per_node;
    if (ledger.missing_per_node > 0) draft_.fullest = describe_fullest(ledger);
    evictions_ = std::move(ledger.evictions);
    index_evictions();
    for (std::uint32_t step = 0; step < static_cast<std::uint32_t>(request_.steps); ++step) build_step(step);
    finish(std::move(ledger.plan));
    return std::move(draft_);
  }

 private:
  LedgerResult plan_on(const PlanContext& context) {
    const LowerOptions& options = request_.options;
    const topology::MachineParams& machine = request_.topology.params();
    planner_.emplace(graph_, context,
                     OpPlanner::Settings{options.replay, options.replay_rules, request_.optimizer_shards,
                                         machine.clock_hz, options.plan_choice, request_.job.group_sizes},
                     request_.choices.of(request_.slice.shape_index, parts_, context.parts == nullptr));
    ledger_.emplace(LedgerInput{graph_, order_, grid_.nodes(), machine.node.sram_bytes, request_.optimizer_shards,
                                options.capacity_policy, request_.topology.dip_count() > 0});
    on_parts_ = false;
    plan_kernels();
    return ledger_->plan(buffers_, collective_bytes());
  }

  /// Loads and stores of all ranks share the ports of the DIPs.
  [[nodiscard]] StreamTimes stream_times() const {
    const topology::Topology& topology = request_.topology;
    const topology::DipParams& dip = topology.params().dip;
    double most = 0;
    for (const DieId die : request_.slice.dies) most = std::max(most, request_.job.dips.dies_beside(die));
    const double seconds_per_byte =
        1 / std::min(dip.hbm_bytes_per_s * dip.hbm_efficiency, dip.ttp_bytes_per_s) * most / grid_.shape().die_count();
    const double clock = topology.params().clock_hz;
    StreamTimes times;
    times.cycles_per_byte = seconds_per_byte * clock;
    times.latency_cycles = 1e-9 * (dip.hbm_latency_ns + 2 * (dip.bridge_ns + dip.ttp_link_ns)) * clock;
    for (const std::uint32_t op : order_) {
      const double delay = delay_of_op_[op] == kNone ? 0 : static_cast<double>(draft_.program.delays[delay_of_op_[op]]);
      times.cycles.push_back(kernel_of_op_[op] == kNone ? delay : planner_->plans()[kernel_of_op_[op]].cycles);
    }
    return times;
  }

  [[nodiscard]] std::string describe_fullest(const LedgerResult& ledger) const {
    if (order_.empty()) return "";
    constexpr std::size_t kMost = 3;
    const auto megabytes = [](Bytes bytes) { return static_cast<double>(bytes) / 1e6; };
    std::vector<std::string> words;
    for (const std::uint32_t t : ledger.holders) {
      if (words.size() == kMost) break;
      const Tensor& tensor = graph_.tensors[t];
      words.push_back(fmt::format("{} \"{}\" {:.3f} MB", tensor_role_name(tensor.role), graph_.str(tensor.name),
                                  megabytes(ledger_->node_bytes_of(t))));
    }
    const std::size_t others = ledger.holders.size() - words.size();
    if (others > 0) words.push_back(fmt::format("{} other tensors", others));
    words.push_back(fmt::format("operands and messages in flight {:.3f} MB",
                                megabytes(buffers_[ledger.fullest] + collective_bytes())));
    return fmt::format("at operation \"{}\": {}", graph_.op_name(graph_.ops[order_[ledger.fullest]]),
                       fmt::join(words, ", "));
  }

  void plan_kernels() {
    draft_.program.delays.clear();
    buffers_.assign(order_.size(), 0);
    kernel_of_op_.assign(graph_.ops.size(), kNone);
    delay_of_op_.assign(graph_.ops.size(), kNone);
    for (std::uint32_t position = 0; position < order_.size(); ++position) {
      stop_point("operations", position, order_.size());
      const std::uint32_t op = order_[position];
      if (!is_compute(graph_.ops[op].kind)) continue;
      if (const Cycles delay = planner_->delay(op); delay > 0) {
        delay_of_op_[op] = static_cast<std::uint32_t>(draft_.program.delays.size());
        draft_.program.delays.push_back(delay);
        continue;
      }
      // An eighth of the SRAM at least: what does not fit beside it will be recomputed or spilled.
      const Bytes least = request_.topology.params().node.sram_bytes / 8;
      kernel_of_op_[op] = planner_->plan(op, std::max(least, ledger_->free_at(position)));
      buffers_[position] = planner_->plans()[kernel_of_op_[op]].buffer_bytes;
      place_tensors(graph_.ops[op]);
    }
  }

  /// The ledger hears on how many nodes the operation's tensors lie.
  void place_tensors(const Op& op) {
    const auto place = [&](std::uint32_t tensor) {
      const std::uint8_t part = planner_->places()[tensor].part;
      if (part == kUnplaced || part == 0) return;
      on_parts_ = true;
      ledger_->set_nodes(tensor, parts_[part].nodes());
    };
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) place(graph_.tensor_refs[i]);
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) place(graph_.tensor_refs[i]);
  }

  /// What collectives need of a node beside the tensors they work on: messages that have come and are not yet added or
  /// passed on; everything where no tensor is named.
  [[nodiscard]] Bytes collective_bytes() const {
    constexpr Bytes kInFlight = 65536;  // two messages of 8 KiB from each side
    Bytes most = 0;
    for (const Op& op : graph_.ops) {
      if (!is_collective(op.kind)) continue;
      const Bytes bytes = ledger_->node_bytes(op.bytes);
      const bool in_place = op.inputs_begin < op.inputs_end;
      most = std::max(most, in_place ? std::min(bytes, kInFlight) : bytes + std::min(bytes, kInFlight));
    }
    return most;
  }

  /// `index`: what the kind calls it.
  std::uint32_t add_task(Task::Kind kind, Task::Unit unit, std::uint32_t index, std::uint32_t op, std::uint32_t step) {
    Task task;
    task.kind = kind;
    task.unit = unit;
    (kind == Task::Kind::kDataflow ? task.entry : kind == Task::Kind::kDelay ? task.delay : task.kernel) = index;
    task.op = op;
    task.step = static_cast<std::uint16_t>(step);
    draft_.program.tasks.push_back(task);
    return static_cast<std::uint32_t>(draft_.program.tasks.size() - 1);
  }
  void add_edge(std::uint32_t from, std::uint32_t to) {
    if (from != kNone) edges_.emplace_back(from, to);
  }
  std::uint32_t add_entry(EntryUse use) {
    draft_.entries.push_back(use);
    return static_cast<std::uint32_t>(draft_.entries.size() - 1);
  }

  /// Kernel and, where there is one, its reduction. Returns the last task; `head` receives the first.
  std::uint32_t add_compute(std::uint32_t op, std::uint32_t step, bool recompute, std::uint32_t* head) {
    const std::uint32_t kernel = kernel_of_op_[op];
    const KernelPlan& plan = planner_->plans()[kernel];
    const std::uint32_t task = add_task(Task::Kind::kKernel, Task::Unit::kCore, kernel, op, step);
    draft_.program.tasks[task].recompute = recompute;
    draft_.program.tasks[task].part = plan.part;
    *head = last_compute_ = task;
    draft_.predicted_cycles += plan.cycles;
    if (!plan.reduction) return task;
    EntryUse use;
    use.kind = EntryUse::Kind::kInRank;
    use.op = op;
    use.step = step;
    use.flow = flow_of(*plan.reduction);
    const std::uint32_t reduction = add_task(Task::Kind::kDataflow, Task::Unit::kNetwork, add_entry(use), op, step);
    draft_.program.tasks[reduction].recompute = recompute;
    draft_.program.tasks[reduction].part = part_of(*plan.reduction);
    add_edge(task, reduction);
    return reduction;
  }

  /// All of the slice where the result leaves the part.
  [[nodiscard]] std::uint8_t part_of(const ReductionSpec& spec) const {
    const SlicePart& part = parts_[spec.part].part();
    const std::vector<std::uint32_t>& to = spec.destinations;
    const bool inside =
        std::all_of(to.begin(), to.end(), [&](std::uint32_t node) { return part.has(grid_.shape().nodes[node]); });
    return inside ? spec.part : std::uint8_t{0};
  }

  std::uint32_t flow_of(const ReductionSpec& spec) {
    const auto found = flows_.find(spec);
    if (found != flows_.end()) return found->second;
    const ReductionShape shape = choose_reduction(spec, parts_[spec.part], request_.cost.params());
    draft_.flows.push_back(build_reduction(spec, shape, parts_[spec.part]));
    draft_.flows.back().plan.model_seconds = shape.cycles / request_.topology.params().clock_hz;
    const auto index = static_cast<std::uint32_t>(draft_.flows.size() - 1);
    flows_.emplace(spec, index);
    return index;
  }

  /// One task per die of the slice, each with the DIPs of the die, and a join.
  std::uint32_t add_memory(EntryUse::Memory kind, Bytes bytes, std::uint32_t op, std::uint32_t step,
                           const std::vector<std::uint32_t>& after, std::optional<bool> home = std::nullopt) {
    const std::uint32_t dies = grid_.shape().die_count();
    std::vector<std::uint32_t> parts;
    if (request_.topology.dip_count() > 0 && bytes > 0) {
      for (std::uint32_t die = 0; die < dies; ++die) {
        const std::int64_t nodes = grid_.shape().node_count();
        EntryUse use;
        use.kind = EntryUse::Kind::kMemory;
        use.memory = kind;
        use.op = op;
        use.step = step;
        use.die = die;
        use.home = home;
        use.bytes = piece_begin(bytes, nodes, grid_.shape().die_begin[die + 1]) -
                    piece_begin(bytes, nodes, grid_.shape().die_begin[die]);
        if (use.bytes > 0)
          parts.push_back(add_task(Task::Kind::kDataflow, Task::Unit::kMemory, add_entry(use), op, step));
      }
    }
    for (const std::uint32_t part : parts)
      for (const std::uint32_t task : after) add_edge(task, part);
    if (parts.size() == 1) return parts.front();
    const std::uint32_t join = add_task(Task::Kind::kNone, Task::Unit::kMemory, 0, op, step);
    for (const std::uint32_t task : parts.empty() ? after : parts) add_edge(task, join);
    return join;
  }

  std::uint32_t add_collective(OpKind kind, Bytes bytes, std::uint32_t group_class, std::uint32_t op,
                               std::uint32_t step) {
    EntryUse use;
    use.kind = kind == OpKind::kSend   ? EntryUse::Kind::kSend
               : kind == OpKind::kRecv ? EntryUse::Kind::kRecv
                                       : EntryUse::Kind::kCollective;
    use.collective = kind;
    use.bytes = bytes;
    use.group_class = group_class;
    use.op = op;
    use.step = step;
    return add_task(Task::Kind::kDataflow, Task::Unit::kNetwork, add_entry(use), op, step);
  }

  [[nodiscard]] Bytes updated_weight_bytes(const Op& op) const {
    Bytes bytes = 0;
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) {
      const Tensor& tensor = graph_.tensors[graph_.tensor_refs[i]];
      bytes += tensor.role == TensorRole::kWeight ? tensor.bytes : 0;
    }
    // One of several turns over the same tensors updates a part of them.
    const Bytes updated = op.elements * dtype_bytes(op.dtype);
    return bytes > 0 && updated > 0 ? std::min(bytes, updated) : std::max(bytes, updated);
  }

  void build_step(std::uint32_t step) {
    const auto first_task = static_cast<std::uint32_t>(draft_.program.tasks.size());
    tail_of_op_.assign(graph_.ops.size(), kNone);
    restored_.assign(graph_.tensors.size(), kNone);
    spilled_.clear();
    recent_compute_.clear();
    last_tail_ = step_barrier_;
    std::size_t next_eviction = 0;
    for (std::uint32_t position = 0; position < order_.size(); ++position) {
      stop_point();
      if (streams_) {
        open_places(position);
        for (const std::uint32_t e : loads_at_[position]) load(evictions_[e], step);
      }
      for (; next_eviction < evictions_.size() && evictions_[next_eviction].next_use == position; ++next_eviction)
        if (!streams_) restore(evictions_[next_eviction], step);
      add_op(order_[position], step);
      for (const std::uint32_t e : stores_at_[position]) spill(evictions_[e], step);
    }
    close_step(first_task, step);
  }

  /// By position: what is stored after its operation, what may be loaded from there on.
  void index_evictions() {
    stores_at_.assign(order_.size(), {});
    loads_at_.assign(order_.size(), {});
    places_at_.assign(order_.size(), {});
    for (std::uint32_t e = 0; e < evictions_.size(); ++e) {
      const Eviction& eviction = evictions_[e];
      if (!eviction.recompute && eviction.stores) stores_at_[eviction.last_use].push_back(e);
      if (streams_ && eviction.loads) loads_at_[eviction.load_at].push_back(e);
    }
  }

  /// What has been stored by now leaves its place to this operation, and to those that follow it.
  void open_places(std::uint32_t position) {
    places_.insert(places_.end(), places_at_[position].begin(), places_at_[position].end());
    places_at_[position].clear();
  }

  /// From HBM, as soon as what was there before has left.
  void load(const Eviction& eviction, std::uint32_t step) {
    std::vector<std::uint32_t> after{last_tail_};
    after.insert(after.end(), places_.begin(), places_.end());
    const auto stored = spilled_.find(eviction.tensor);
    if (stored != spilled_.end()) after.push_back(stored->second);
    restored_[eviction.tensor] = add_memory(EntryUse::Memory::kLoad, ledger_->rank_bytes(eviction.tensor),
                                            order_[eviction.next_use], step, after, takes_place(eviction.tensor));
  }

  /// The first transfer of a tensor takes its place in the HBM.
  bool takes_place(std::uint32_t tensor) {
    if (in_hbm_.empty()) in_hbm_.assign(graph_.tensors.size(), 0);
    return std::exchange(in_hbm_[tensor], 1) == 0;
  }

  void restore(const Eviction& eviction, std::uint32_t step) {
    std::uint32_t task = kNone;
    if (eviction.recompute) {
      const std::uint32_t producer = producer_of(eviction.tensor);
      std::uint32_t head = kNone;
      const std::uint32_t before = last_compute_;
      if (delay_of_op_[producer] != kNone) {
        head = task = add_task(Task::Kind::kDelay, Task::Unit::kCore, delay_of_op_[producer], producer, step);
        draft_.program.tasks[task].recompute = true;
      } else {
        task = add_compute(producer, step, true, &head);
      }
      add_edge(before, head);  // not earlier: its place would be needed
      for (std::uint32_t i = graph_.ops[producer].deps_begin; i < graph_.ops[producer].deps_end; ++i)
        add_edge(tail_of_op_[graph_.deps[i]], head);
      for (std::uint32_t i = graph_.ops[producer].inputs_begin; i < graph_.ops[producer].inputs_end; ++i)
        add_edge(restored_[graph_.tensor_refs[i]], head);
    } else {
      // A few operations ahead, so that the memory's latency is hidden.
      constexpr std::size_t kAhead = 3;
      std::vector<std::uint32_t> after{spilled_.at(eviction.tensor)};
      if (recent_compute_.size() >= kAhead) after.push_back(recent_compute_[recent_compute_.size() - kAhead]);
      task = add_memory(EntryUse::Memory::kLoad, graph_.tensors[eviction.tensor].bytes, producer_of(eviction.tensor),
                        step, after);
    }
    restored_[eviction.tensor] = task;
  }

  void spill(const Eviction& eviction, std::uint32_t step) {
    const std::uint32_t op = order_[eviction.last_use];
    std::vector<std::uint32_t> after{tail_of_op_[op]};
    const std::uint32_t producer = producer_of(eviction.tensor);
    if (producer != kNone && tail_of_op_[producer] != kNone && producer != op) after.push_back(tail_of_op_[producer]);
    const std::optional<bool> home =
        streams_ ? std::optional<bool>(takes_place(eviction.tensor)) : std::optional<bool>();
    const std::uint32_t stored =
        add_memory(EntryUse::Memory::kStore, ledger_->rank_bytes(eviction.tensor), op, step, after, home);
    spilled_[eviction.tensor] = stored;
    if (streams_ && eviction.free_at < order_.size()) places_at_[eviction.free_at].push_back(stored);
  }

  [[nodiscard]] std::uint32_t producer_of(std::uint32_t tensor) const {
    for (const std::uint32_t op : order_) {
      for (std::uint32_t i = graph_.ops[op].outputs_begin; i < graph_.ops[op].outputs_end; ++i)
        if (graph_.tensor_refs[i] == tensor) return op;
    }
    return kNone;
  }

  void add_op(std::uint32_t index, std::uint32_t step) {
    const Op& op = graph_.ops[index];
    std::vector<std::uint32_t> after;
    bool on_ingest_only = true;
    for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i) {
      after.push_back(tail_of_op_[graph_.deps[i]]);
      on_ingest_only = on_ingest_only && graph_.ops[graph_.deps[i]].kind == OpKind::kIngest;
    }
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i)
      if (restored_[graph_.tensor_refs[i]] != kNone) after.push_back(restored_[graph_.tensor_refs[i]]);
    if (streams_) {
      for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i)
        if (restored_[graph_.tensor_refs[i]] != kNone) after.push_back(restored_[graph_.tensor_refs[i]]);
      after.insert(after.end(), places_.begin(), places_.end());
    }
    if (op.kind == OpKind::kIngest) {
      auto& previous = last_ingest_[index];
      if (step > 0) after.push_back(previous);  // samples are fetched ahead, one step after the other
      tail_of_op_[index] = previous = add_memory(EntryUse::Memory::kIngest, op.bytes, index, step, after);
      return;
    }
    if (on_ingest_only && step_barrier_ != kNone) after.push_back(step_barrier_);
    std::uint32_t head = kNone;
    if (family(op.kind) == OpFamily::kMemory) {
      tail_of_op_[index] = add_memory(op.kind == OpKind::kMemLoad ? EntryUse::Memory::kLoad : EntryUse::Memory::kStore,
                                      op.bytes, index, step, after);
      return;
    }
    if (is_communication(op.kind)) {
      head = tail_of_op_[index] = add_collective(op.kind, op.bytes, op.group, index, step);
    } else if (family(op.kind) == OpFamily::kNothing) {
      head = tail_of_op_[index] = add_task(Task::Kind::kNone, Task::Unit::kCore, 0, index, step);
    } else if (delay_of_op_[index] != kNone) {
      const Task::Unit unit = op.recorded_on == RecordedOn::kNetwork  ? Task::Unit::kNetwork
                              : op.recorded_on == RecordedOn::kMemory ? Task::Unit::kMemory
                                                                      : Task::Unit::kCore;
      head = tail_of_op_[index] = add_task(Task::Kind::kDelay, unit, delay_of_op_[index], index, step);
    } else {
      tail_of_op_[index] = add_compute(index, step, op.recompute, &head);
      recent_compute_.push_back(head);
    }
    if (streams_ && is_compute(op.kind)) {
      last_tail_ = tail_of_op_[index];
      places_.clear();
    }
    for (const std::uint32_t task : after) add_edge(task, head);
    if (traits(op.kind).has(OpTraits::kUpdatesParameters) && request_.optimizer_shards > 1) {
      // Each rank has updated its shard; all need all new weights.
      const Bytes shard = ceil_div(updated_weight_bytes(op), request_.optimizer_shards);
      const std::uint32_t gather = add_collective(OpKind::kAllGather, shard, request_.optimizer_class, index, step);
      add_edge(tail_of_op_[index], gather);
      tail_of_op_[index] = gather;
    }
  }

  /// The next step's compute waits for all of this one.
  void close_step(std::uint32_t first_task, std::uint32_t step) {
    if (step + 1 == static_cast<std::uint32_t>(request_.steps)) return;
    const auto tasks = static_cast<std::uint32_t>(draft_.program.tasks.size());
    std::vector<std::uint8_t> has_successor(tasks, 0);
    for (const auto& edge : edges_) has_successor[edge.first] = 1;
    step_barrier_ = add_task(Task::Kind::kNone, Task::Unit::kCore, 0, kNone, step);
    for (std::uint32_t task = first_task; task < tasks; ++task)
      if (has_successor[task] == 0) add_edge(task, step_barrier_);
  }

  void finish(MemoryPlan memory) {
    Program& program = draft_.program;
    program.graph = request_.graph_index;
    program.shape_index = request_.slice.shape_index;
    program.memory = std::move(memory);
    program.samples_per_step = graph_.batch;
    program.instance_entries = static_cast<std::uint32_t>(draft_.entries.size());
    program.part_dies.emplace_back();
    for (std::size_t part = 1; part < parts_.size(); ++part) program.part_dies.push_back(parts_[part].dies());
    for (KernelPlan& plan : planner_->plans()) {
      stop_point();
      program.kernel_plans.push_back(explain(plan));
      program.kernels.push_back(std::move(plan.kernel));
    }
    std::sort(edges_.begin(), edges_.end());
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
    std::size_t next = 0;
    for (std::uint32_t task = 0; task < program.tasks.size(); ++task) {
      program.tasks[task].successors_begin = static_cast<std::uint32_t>(next);
      for (; next < edges_.size() && edges_[next].first == task; ++next) {
        program.successors.push_back(edges_[next].second);
        ++program.tasks[edges_[next].second].dependencies;
      }
      program.tasks[task].successors_end = static_cast<std::uint32_t>(next);
    }
  }

  [[nodiscard]] OpPlan explain(const KernelPlan& plan) {
    OpPlan explained{plan.name, parts_[plan.part].nodes(), plan.cycles, plan.floors, plan.cores};
    const auto add_traffic = [&](const auto& messages) {
      SliceTraffic traffic(request_.slice, request_.topology);
      traffic.add(messages);
      explained.floors += traffic.floors();
    };
    add_traffic(plan.kernel);
    if (!plan.reduction) return explained;
    const ReductionSpec& spec = *plan.reduction;
    explained.partition += spec.along_rows && spec.along_columns ? ", sums along rows and columns"
                           : spec.along_rows                     ? ", sums along rows"
                           : spec.along_columns                  ? ", sums along columns"
                                                                 : ", result moved";
    add_traffic(draft_.flows[flow_of(spec)]);
    return explained;
  }

  const ProgramRequest& request_;
  const Graph& graph_;
  std::vector<std::uint32_t> order_;
  std::vector<SliceGrid> parts_;
  const SliceGrid& grid_;
  PlanContext context_;
  PlanContext whole_;  ///< without parts
  std::optional<OpPlanner> planner_;
  std::optional<Ledger> ledger_;
  bool on_parts_ = false;  ///< some tensor lies on fewer nodes than all
  ProgramDraft draft_;
  std::vector<Bytes> buffers_;  ///< by position
  std::vector<std::uint32_t> kernel_of_op_, delay_of_op_;
  std::vector<Eviction> evictions_;
  std::map<ReductionSpec, std::uint32_t> flows_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_;
  std::vector<std::uint32_t> tail_of_op_;  ///< of this step: the task after which its result is there
  std::vector<std::uint32_t> restored_;    ///< by tensor: the task that brought it back in this step
  std::map<std::uint32_t, std::uint32_t> spilled_, last_ingest_;
  // Of capacity_policy stream.
  bool streams_ = false;
  std::vector<std::vector<std::uint32_t>> stores_at_, loads_at_;  ///< evictions, by position
  std::vector<std::vector<std::uint32_t>> places_at_;             ///< stores whose places are needed there
  std::vector<std::uint32_t> places_;                             ///< of them, those for which the next kernel waits
  std::vector<std::uint8_t> in_hbm_;                              ///< by tensor: it has a place there
  std::uint32_t last_tail_ = kNone;                               ///< of the kernel before
  std::vector<std::uint32_t> recent_compute_;
  std::uint32_t last_compute_ = kNone;
  std::uint32_t step_barrier_ = kNone;
};

}  // namespace

ProgramDraft build_program(const ProgramRequest& request) {
  return ProgramBuilder(request).build();
}

}  // namespace dojo::workload

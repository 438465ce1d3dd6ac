// SPDX-License-Identifier: Apache-2.0
// Kernels on one die: each node computes a step when its operands are there. What a node computes when is planned as
// soon as the arrival of its operands is known.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "machine/die/detailed_nodes.h"
#include "machine/die/gathers.h"
#include "machine/die/kernel_run.h"
#include "machine/die/messages.h"
#include "machine/die/moment.h"
#include "machine/die/node_time.h"
#include "machine/die/residents.h"
#include "machine/die/task_ends.h"

namespace dojo::machine {

class KernelRuns final : private DetailedNodes::Listener {
 public:
  KernelRuns(const Residents& residents, NodeTime& time, engine::Wheel& wheel, const Moment& moment, TaskEnds& ends)
      : residents_(residents), time_(time), timer_(wheel, Part::kKernels), moment_(moment), ends_(ends) {}
  /// Before the first start; the network model has made it.
  void use(std::unique_ptr<Gathers> gathers) { gathers_ = std::move(gathers); }
  /// Some cores of the die run cycle by cycle.
  void use(DetailedNodes& detailed) {
    detailed_ = &detailed;
    detailed.tell(*this);
  }
  void add_rank(const RankDie& place) { state_.done.emplace_back(place.program->kernels.size() * 2, 0u); }

  /// `queue`: send queue that its operands take.
  void start(std::uint32_t rank_die, std::uint32_t task, Cycles now, unsigned queue);
  void handle(const engine::Event& event);
  /// An operand was written into a node's memory, at `ready`.
  void received(std::uint32_t rank_die, const Operand& operand, SiteIndex site, Cycles ready);

  // What the gathers find out.
  [[nodiscard]] const RankDie& place(const KernelRun& run) const { return residents_[run.rank_die]; }
  /// What of a line of the die lies in the kernel's part.
  [[nodiscard]] workload::SliceShape::Line line(const KernelRun& run, std::uint32_t index) const {
    return workload::clipped(*place(run).slice->shape, place(run).line(index), run.kernel->part);
  }
  [[nodiscard]] KernelRun& run(std::uint32_t index) { return state_.runs[index]; }
  /// One arrival at a node, which is known now to be complete at `ready`.
  void operand_arrives(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready, Cycles now);
  /// The same for all nodes of a line (at GatherNode::done) but `sender`, the place of the one that sent alone.
  void line_arrives(KernelRun& run, const workload::SliceShape::Line& line, std::uint32_t slot, std::uint32_t sender,
                    const std::vector<fabric::GatherNode>& nodes, Cycles now);
  void advance_later(const KernelRun& run, std::uint32_t line, Cycles time) {
    timer_.at(time, Kind::kGather, run.index, line);
  }
  /// A kernel lasts until all nodes have computed and all they had to send is on its way.
  void end_if_complete(KernelRun& run, Cycles now);

  /// How often each kernel has ended since the counters were settled: [kernel * 2 + recompute].
  [[nodiscard]] const std::vector<std::uint32_t>& done(std::uint32_t rank_die) const { return state_.done[rank_die]; }
  void count_done(std::uint32_t rank_die, std::uint32_t kernel, bool recompute) {
    ++state_.done[rank_die][kernel * 2 + (recompute ? 1 : 0)];
  }
  void forget_done(std::uint32_t rank_die);

  void copy(const KernelRuns& from);

 private:
  enum class Kind : std::uint8_t {
    kGather,    // a: run, b: line: what of it may go
    kStepDone,  // a: run, b: slot that may be sent now: all nodes have computed an earlier step
    kQuiet,     // a: rank die: the operands of its kernel have all arrived
    kDone       // a: run
  };
  struct State {
    std::deque<KernelRun> runs;  ///< a deque, so that a run stays where it is while others are made
    std::vector<std::vector<std::uint32_t>> done;
  };

  KernelRun& find_or_make(std::uint32_t rank_die, std::uint32_t task);
  void prepare(KernelRun& run, std::uint32_t rank_die, std::uint32_t task);
  void step_completed(KernelRun& run, std::uint32_t step, Cycles end);
  void slot_known(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles now);
  void advance_node(KernelRun& run, std::uint32_t node);
  void slot_allowed(KernelRun& run, std::uint32_t slot, Cycles now);
  [[nodiscard]] SiteIndex site_of(const KernelRun& run, std::uint32_t node) const;
  [[nodiscard]] bool is_detailed(const KernelRun& run, std::uint32_t node) const {
    return detailed_ != nullptr && detailed_->has(site_of(run, node));
  }
  void start_detailed(KernelRun& run, std::uint32_t node, Cycles at);
  void tell_detailed(const KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready);
  void step_begins(std::uint32_t run, std::uint32_t node, Cycles now) override;
  void step_ends(std::uint32_t run, std::uint32_t node, Cycles end) override;
  void node_done(KernelRun& run, std::uint32_t node);
  void finish(KernelRun& run, Cycles now);

  const Residents& residents_;
  NodeTime& time_;
  Timer timer_;
  const Moment& moment_;
  TaskEnds& ends_;
  std::unique_ptr<Gathers> gathers_;
  DetailedNodes* detailed_ = nullptr;  ///< null: all steps are planned
  State state_;
};

}  // namespace dojo::machine

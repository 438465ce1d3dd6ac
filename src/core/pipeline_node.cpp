// SPDX-License-Identifier: Apache-2.0
// The built-in core of a node that runs cycle by cycle: the pipeline over the node's ports.
#include <array>
#include <optional>

#include "core/piece_text.h"
#include "dojo/core/node_model.h"
#include "dojo/core/pipeline.h"
#include "dojo/schema/counters.h"

namespace dojo::core {
namespace {

class PipelineNode final : public NodeModel {
 public:
  explicit PipelineNode(const NodeSite& site) : params_(params_of(site.hardware)), memory_(site.memory) {}

  void start(const Step& step, Cycles /*at*/) override {
    pipeline_.emplace(params_, *step.work, memory_, network_);
    for (std::size_t i = 0; i < held_.size(); ++i) {
      if (held_[i] == 0) continue;
      pipeline_->signal(static_cast<std::int32_t>(i), static_cast<std::int32_t>(held_[i]));
      held_[i] = 0;
    }
  }
  void signal(std::int32_t semaphore, Cycles /*at*/) override {
    if (pipeline_) {
      pipeline_->signal(semaphore);
    } else {
      ++held_[static_cast<std::size_t>(semaphore)];
    }
  }
  Cycles run(Cycles now) override {
    if (!pipeline_) return kNever;
    if (pipeline_->stuck()) count_sleep(now - last_ - 1);
    last_ = now;
    pipeline_->tick(now);
    if (pipeline_->done()) {
      schema::merge(counters_, pipeline_->counters());
      for (int i = 0; i < static_cast<int>(held_.size()); ++i) held_[static_cast<std::size_t>(i)] = pipeline_->held(i);
      pipeline_.reset();
      return kNever;
    }
    return pipeline_->stuck() ? kNever : now + 1;
  }
  [[nodiscard]] bool done() const override { return !pipeline_; }
  [[nodiscard]] std::int64_t semaphore(std::int32_t number) const override {
    return pipeline_ ? pipeline_->held(number) : held_[static_cast<std::size_t>(number)];
  }
  [[nodiscard]] Counters counters() const override {
    Counters all = counters_;
    if (pipeline_) schema::merge(all, pipeline_->counters());
    return all;
  }

 private:
  /// Programs of kernels do not send: their operands go as block moves.
  struct NoSends {
    [[nodiscard]] static bool ready() { return false; }
    static void send(std::uint32_t /*address*/, Cycles /*at*/) {}
  };
  /// Cycles in which nothing happened, as if they had been run.
  void count_sleep(Cycles cycles) {
    const auto slept = static_cast<std::uint64_t>(cycles);
    Counters& counters = pipeline_->counters();
    counters.cycles += slept;
    counters.vector_empty_cycles += slept;
    for (int thread = 0; thread < kThreads; ++thread)
      if (pipeline_->living(thread)) counters.semaphore_thread_cycles += slept;
  }
  static Params params_of(const Hardware& hardware) {
    Params params(hardware, kComputeThreads);
    params.sram_bytes = std::uint32_t{1} << 30;  // as for the times of pieces: what a kernel works on lies from 0 on
    return params;
  }

  Params params_;
  Cycles last_ = 0;
  MemoryPort& memory_;
  NoSends network_;
  std::optional<Pipeline<MemoryPort, NoSends>> pipeline_;
  std::array<std::int64_t, 64> held_{};  ///< signals that came between steps
  Counters counters_;
};

}  // namespace

std::unique_ptr<NodeModel> make_pipeline_node(const NodeSite& site) {
  return std::make_unique<PipelineNode>(site);
}

}  // namespace dojo::core

// SPDX-License-Identifier: Apache-2.0
// The nodes of a die whose cores run cycle by cycle: their SRAM's banks, what the network writes there, their cores.
// In a cycle, what arrives is written first, then the cores run in the order of their sites, then the network reads.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dojo/core/node_model.h"
#include "dojo/core/sram.h"
#include "dojo/core/step_programs.h"
#include "dojo/core/wave.h"
#include "dojo/machine/results.h"
#include "dojo/reference/die.h"
#include "machine/context.h"
#include "machine/die/kernel_run.h"
#include "machine/die/messages.h"
#include "machine/die/moment.h"
#include "machine/network/network_port.h"

namespace dojo::machine {

class DetailedNodes final : public reference::SramReads {
 public:
  /// Told when the cores begin to compute, and when they have.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void step_begins(std::uint32_t run, std::uint32_t node, Cycles now) = 0;
    virtual void step_ends(std::uint32_t run, std::uint32_t node, Cycles end) = 0;
  };

  DetailedNodes(const Context& context, DieId die, engine::Wheel& wheel, NetworkPort& port);
  ~DetailedNodes() override;
  void tell(Listener& listener) { listener_ = &listener; }

  [[nodiscard]] bool has(SiteIndex site) const { return index_of_site_[site] >= 0; }
  [[nodiscard]] const std::vector<SiteIndex>& sites() const { return sites_; }

  /// A step of a kernel, from `at` on. `waits`: for operands that have not come or have not been waited for; some step
  /// of the kernel waits for each operand.
  struct StepStart {
    std::uint32_t run = 0, node = 0;         ///< names of the listener
    const node::CorePiece* piece = nullptr;  ///< null: only its time is known
    Cycles timed = 0;
    bool launches = false;  ///< what it begins with is the core's time, else the network's
    std::array<core::Wait, core::kStepWaits> waits{};
    Cycles at = 0;
  };
  void start(SiteIndex site, const StepStart& step);
  /// An operand, or another core's packet, is complete at `at`; -1: nobody is told.
  void signal(SiteIndex site, std::int32_t semaphore, Cycles at);
  /// The network writes `packets` to the node's SRAM, the last of them at `last`.
  void write(SiteIndex site, std::int64_t packets, Cycles last);
  void handle(const engine::Event& event);

  Cycles read(SiteIndex site, Cycles now) override;
  void left(SiteIndex site) override;

  [[nodiscard]] core::NodeSite place(SiteIndex site);
  /// See Machine::connect().
  void connect(SiteIndex site, core::NodeModel& core, core::MemoryPort& network_side);
  /// See Machine::record().
  void record(SiteIndex site, core::Wave& wave);
  [[nodiscard]] core::Counters counters(SiteIndex site) const;
  /// Since they were taken last.
  [[nodiscard]] std::uint64_t take_busy_cycles(SiteIndex site);
  /// A line for each core that has not ended its step.
  [[nodiscard]] std::vector<std::string> waiting() const;

 private:
  enum class Kind : std::uint8_t { kCycle };
  struct Node;

  [[nodiscard]] Node& node(SiteIndex site) { return *nodes_[static_cast<std::size_t>(index_of_site_[site])]; }
  void arrive(Node& node, Cycles time, std::int64_t packets, std::int32_t semaphore);
  void run(Node& node, Cycles now);
  Cycles run_core(Node& node, Cycles now);
  void send(Node& node, const core::Packet& packet, Cycles at);
  void post(Node& node, const core::Packet& packet, Cycles now);
  void write_arrivals(Node& node, Cycles now);
  void begin_if_ready(Node& node, Cycles now);
  void end(Node& node, Cycles end);
  void sample(const Node& node, Cycles now, core::WaveStep step) const;
  [[nodiscard]] static core::WaveStep wave_step(const Node& node);
  void wake(Node& node, Cycles time);
  void plan(Cycles time);
  [[noreturn]] void fail_endless(const Node& node) const;
  [[noreturn]] void fail_access(const Node& node, Cycles at) const;

  const Context& context_;
  const DieId die_;
  Timer timer_;
  NetworkPort& port_;
  Listener* listener_ = nullptr;
  std::vector<SiteIndex> sites_;
  std::vector<std::int32_t> index_of_site_;  ///< -1: its core is not detailed
  std::vector<std::unique_ptr<Node>> nodes_;
  core::StepPrograms programs_;
  Cycles planned_ = kNever, running_ = -1;
  std::int64_t most_unsent_ = kNever;  ///< of a core's own packets; kNever: the network takes all
  static constexpr std::uint32_t buffer_lines_ = 1024;
};

}  // namespace dojo::machine

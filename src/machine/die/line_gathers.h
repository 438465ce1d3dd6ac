// SPDX-License-Identifier: Apache-2.0
// Operands gathered a whole line at a time: the pieces of a row's or column's nodes are multicast in one step, a train
// at a time, and every arrival is known at once.
#pragma once
#include <vector>

#include "machine/die/gather_rounds.h"
#include "machine/die/gathers.h"
#include "machine/die/kernel_runs.h"
#include "machine/die/line_senders.h"
#include "machine/network/line_port.h"

namespace dojo::machine {

class LineGathers final : public Gathers, public LinePort::Waiter {
 public:
  LineGathers(KernelRuns& kernels, LinePort& port, const Moment& moment, const topology::Topology& topology,
              const GatherTrains& trains)
      : kernels_(kernels), port_(port), moment_(moment), topology_(topology), trains_(trains) {}

  [[nodiscard]] std::uint32_t need(const RankDie& place, std::uint32_t kernel, std::size_t at) const override {
    return place.program->kernels[kernel].need[at];
  }
  void prepare(KernelRun&) override {}
  void send_unicasts(KernelRun& run, Cycles now) override;
  void advance(KernelRun& run, std::uint32_t line, Cycles now) override;
  void first_slot_known(KernelRun& run, std::uint32_t node, Cycles now) override;
  void go_on(const ParkedLine& parked, Cycles now) override;

 private:
  /// Of a train. It belongs to the host thread: what belonged to a die would be cold in the host's caches when its turn
  /// comes.
  struct Scratch {
    GatherRounds round;
    std::vector<fabric::GatherNode> nodes;
    std::vector<LineSender> senders;
  };
  /// A line that sends now.
  struct Turn {
    KernelRun& run;
    const RankDie& place;
    std::uint32_t index;
    workload::SliceShape::Line line;
    Cycles now;
    std::uint32_t end;  ///< of its gathers
    bool alone;         ///< the run's slice lies on this die, so nothing of its lines goes on
    bool crossed;       ///< alone, and lines that cross have something to send that may go
    [[nodiscard]] KernelRun::LineState& state() const { return run.lines[index]; }
    [[nodiscard]] const workload::Gather* gathers() const { return &run.kernel->gathers[state().cursor]; }
  };
  [[nodiscard]] Turn turn(KernelRun& run, std::uint32_t index, Cycles now) const;
  [[nodiscard]] int full_edge(const workload::SliceShape::Line& line) const;
  void choose(const Turn& turn) const;
  [[nodiscard]] static bool is_crossed(const KernelRun& run, bool horizontal);
  [[nodiscard]] TrainLength train(const Turn& turn) const;
  [[nodiscard]] static Cycles first_free(const Turn& turn);
  void foresee_sends(const Turn& turn, const fabric::Gathering& g, Scratch& scratch);
  Cycles send_round(const Turn& turn);
  void fill_nodes(const Turn& turn, Scratch& scratch);
  void end_round(const Turn& turn, Scratch& scratch);
  void pass_on(const KernelRun& run, const workload::SliceShape::Line& line, const fabric::Gathering& g,
               std::uint32_t slot, bool last);
  [[nodiscard]] Cycles first_ready(const KernelRun& run, std::uint32_t line) const;

  // Lines with a dead router or link (broken_lines.cpp)
  void gather_in_parts(const workload::SliceShape::Line& line, fabric::Gathering& g, Cycles now);
  void send_to_other_dies(const KernelRun& run, const workload::SliceShape::Line& line, const workload::Gather& gather,
                          Cycles ready);

  KernelRuns& kernels_;
  LinePort& port_;
  const Moment& moment_;
  const topology::Topology& topology_;
  const GatherTrains trains_;
};

}  // namespace dojo::machine

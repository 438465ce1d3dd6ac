// SPDX-License-Identifier: Apache-2.0
// Dataflows on a die: the nodes' communication threads add what comes, and messages leave by the network.
#pragma once
#include "machine/die/adders.h"
#include "machine/die/dataflow_runs.h"
#include "machine/die/node_time.h"
#include "machine/die/residents.h"
#include "machine/die/task_ends.h"
#include "machine/network/network_port.h"

namespace dojo::machine {

class DieDataflows final : public DataflowRuns::Host {
 public:
  /// What a die's parts are to each other.
  struct Neighbours {
    const Residents& residents;
    NodeTime& time;
    Adders& adders;
    NetworkPort& port;
    TaskEnds& ends;
  };
  DieDataflows(const Context& context, DieId die, engine::Wheel& wheel, const Neighbours& neighbours)
      : context_(context),
        die_(die),
        timer_(wheel, Part::kTokens),
        at_(neighbours),
        runs_(context, wheel, *this),
        semaphore_(context.topology.params().node.collective_semaphore_cycles) {}

  /// `queue`: send queue that the task's messages take.
  void start(std::uint32_t rank_die, std::uint32_t task, Cycles now, unsigned queue);
  /// A message has brought a token, written at `tail`.
  void received(SiteIndex site, const fabric::Burst& burst, Cycles tail);
  void handle(const engine::Event& event);
  void handle_run(const engine::Event& event) { runs_.handle(event); }

  void copy(const DieDataflows& from, const RowNames& names) { runs_.copy(from.runs_, names); }
  /// The same for an event that it has planned.
  static void rename(engine::Event& event, const RowNames& names);

  // For the runs.
  [[nodiscard]] DataflowRun::Share share(const DataflowRun::Key& key) const override;
  void serve(DataflowRun& run, const DataflowRun::Replica& replica, Cycles now) override;
  void send(DataflowRun& run, std::uint32_t edge, const workload::DataflowItem& from,
            const DataflowRun::Replica& replica, Cycles now) override;
  void finished(std::uint32_t rank_die, std::uint32_t task, Cycles now) override;

 private:
  enum class Kind : std::uint8_t {
    kToken,     // a, b, c: TokenRef; small: site
    kNodeToken  // the same
  };
  [[nodiscard]] SiteIndex site_of(const DataflowRun& run, const workload::DataflowItem& item,
                                  std::uint32_t track) const;
  void send_to_dip(std::uint32_t dip, SiteIndex site, Bytes bytes, fabric::Burst& burst, Cycles now, unsigned queue);
  void send_to_rank(const DataflowRun& run, const workload::DataflowItem& to, std::uint32_t track, SiteIndex site,
                    Bytes bytes, fabric::Burst& burst, Cycles now);

  const Context& context_;
  const DieId die_;
  Timer timer_;
  const Neighbours at_;
  DataflowRuns runs_;
  const Cycles semaphore_;  ///< at each step of a collective or message
};

}  // namespace dojo::machine

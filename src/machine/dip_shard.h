// SPDX-License-Identifier: Apache-2.0
// One DIP: HBM, the bridge to the tile, PCIe and Ethernet to the hosts. It runs the items of dataflow plans that lie on
// it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>

#include "dojo/engine/wheel.h"
#include "dojo/fabric/burst_routes.h"
#include "dojo/fabric/edge.h"
#include "machine/context.h"
#include "machine/die/dataflow_runs.h"
#include "machine/die/moment.h"
#include "machine/shard.h"
#include "machine/zplane.h"

namespace dojo::machine {

class DipShard final : public Shard, private DataflowRuns::Host {
 public:
  DipShard(Context& context, std::uint32_t dip);
  DipShard(const DipShard&) = delete;
  DipShard& operator=(const DipShard&) = delete;
  ~DipShard() override = default;
  /// Items without any token to wait for fire by themselves at time 0 (samples that lie on the hosts).
  void add_instance(std::uint32_t instance, std::uint32_t position);

  [[nodiscard]] Cycles next_time() const override {
    return std::min({wheel_.next_time(), state_.arrivals.next_time(), state_.wakes.next_time(), zplane_time()});
  }
  void read_mail(ThreadSums& sums) override;
  void run(Cycles window_end, ThreadSums& sums) override;

  /// Takes the state of its like in the row of tiles that has run for both.
  void copy(const DipShard& from, const RowNames& names);

  [[nodiscard]] const fabric::Serialiser& hbm() const { return state_.hbm; }
  [[nodiscard]] const fabric::Serialiser& pcie() const { return state_.pcie; }
  [[nodiscard]] const fabric::Serialiser& ethernet() const { return state_.ethernet; }
  [[nodiscard]] const fabric::EdgeOut& edge() const { return state_.edge; }
  [[nodiscard]] std::uint64_t bytes_received() const { return state_.bytes_received; }
  [[nodiscard]] Cycles last_event() const override { return moment_.now; }
  [[nodiscard]] std::uint64_t events() const override {
    return wheel_.taken() + state_.wakes.taken() + state_.arrivals.taken() + (zplane_ ? zplane_->events() : 0);
  }
  /// Null where no job uses it.
  [[nodiscard]] const ZplanePort* zplane() const { return zplane_.get(); }

 private:
  enum class Kind : std::uint8_t {
    kToken,     // a, b, c: TokenRef
    kHostDone,  // a: dataflow run, b: token index: has come over PCIe or Ethernet
    kEdgeWake,  // credits have come
    kStart      // a: instance, b: position
  };
  struct State {
    engine::Wheel wakes, arrivals;  ///< in a cycle, waiting edges come first, then arrivals, then the wheel's events
    fabric::EdgeOut edge;
    fabric::Serialiser hbm, pcie, ethernet;
    std::uint64_t bytes_received = 0;
  };

  [[nodiscard]] DataflowRun::Share share(const DataflowRun::Key& key) const override;
  void serve(DataflowRun& run, const DataflowRun::Replica& replica, Cycles now) override;
  void send(DataflowRun& run, std::uint32_t edge, const workload::DataflowItem& from,
            const DataflowRun::Replica& replica, Cycles now) override;
  void finished(std::uint32_t rank_die, std::uint32_t task, Cycles now) override;

  [[nodiscard]] Cycles zplane_time() const { return zplane_ ? zplane_->next_time() : kNever; }
  [[nodiscard]] DataflowRun& run_of(std::uint32_t instance, std::uint32_t item);
  void token(const TokenRef& token, Cycles now);
  void start_instance(std::uint32_t instance, std::uint32_t position, Cycles now);
  void send_bursts(const fabric::Burst& head, Bytes bytes, Cycles now);
  void dispatch(const engine::Event& event);
  void advance_edge(Cycles now);
  void plan_wake();
  void post(const fabric::Crossing& crossing) {
    context_.post(context_.mailbox_of_dip(dip_), die_, crossing, *moment_.sums);
  }

  Context& context_;
  const std::uint32_t dip_;
  const DieId die_;
  const topology::Direction side_;
  Moment moment_;
  engine::Wheel wheel_;
  Timer timer_;
  DataflowRuns runs_;
  fabric::BurstRoutes routes_;
  std::unique_ptr<ZplanePort> zplane_;
  Cycles hbm_latency_ = 0, bridge_ = 0, pcie_latency_ = 0, ethernet_latency_ = 0, edge_latency_ = 1;
  Bytes link_bytes_ = 64;
  State state_;
};

}  // namespace dojo::machine

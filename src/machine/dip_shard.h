// SPDX-License-Identifier: Apache-2.0
// One DIP: HBM, the bridge to the tile, PCIe and Ethernet to the hosts. It runs the items of dataflow plans that lie on
// it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/engine/wheel.h"
#include "dojo/fabric/edge.h"
#include "machine/context.h"
#include "machine/runs.h"
#include "machine/zplane.h"

namespace dojo::machine {

class DipShard {
 public:
  DipShard() = default;
  DipShard(const DipShard&) = delete;
  DipShard& operator=(const DipShard&) = delete;
  void configure(Context& context, std::uint32_t dip);
  /// Items without any token to wait for fire by themselves at time 0 (samples that lie on the hosts).
  void add_instance(std::uint32_t instance, std::uint32_t position);

  [[nodiscard]] Cycles next_time() const {
    return std::min({wheel_.next_time(), arrivals_.next_time(), wakes_.next_time(), zplane_time()});
  }
  void read_mail(ThreadSums& sums);
  void run(Cycles window_end, ThreadSums& sums);

  /// Takes the state of its like in the first row of tiles, which has run for both.
  void take_over(const DipShard& from, const RowNames& names);

  [[nodiscard]] const fabric::Serialiser& hbm() const { return hbm_; }
  [[nodiscard]] const fabric::Serialiser& pcie() const { return pcie_; }
  [[nodiscard]] const fabric::Serialiser& ethernet() const { return ethernet_; }
  [[nodiscard]] const fabric::EdgeOut& edge() const { return edge_; }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }
  [[nodiscard]] Cycles last_event() const { return now_; }
  [[nodiscard]] std::uint64_t events() const {
    return wheel_.taken() + wakes_.taken() + arrivals_.taken() + (zplane_ ? zplane_->events() : 0);
  }
  /// Null where no job uses it.
  [[nodiscard]] const ZplanePort* zplane() const { return zplane_.get(); }

 private:
  enum EventType : std::uint16_t {
    kToken,     // a: instance, b: item, c: lane << 16 | chunk
    kFire,      // a: dataflow run, b: token index
    kHostDone,  // a: dataflow run, b: token index: has come over PCIe or Ethernet
    kEdgeWake,  // credits have come
    kStart      // a: instance, b: position
  };
  [[nodiscard]] Cycles zplane_time() const { return zplane_ ? zplane_->next_time() : kNever; }
  void send_to_dip(std::uint32_t to, const fabric::TtpoeMessage& message, Cycles now);
  DataflowRun& dataflow_run(std::uint32_t instance, std::uint32_t position);
  void start_instance(std::uint32_t instance, std::uint32_t position, Cycles now);
  void token(DataflowRun& run, std::uint32_t item, std::uint32_t lane, std::uint32_t chunk, Cycles now);
  void serve(DataflowRun& run, std::uint32_t item, std::uint32_t token_index, Cycles now);
  void fire(DataflowRun& run, std::uint32_t token_index, Cycles now);
  void follow_edge(DataflowRun& run, std::uint32_t edge, const workload::DataflowItem& from, std::uint32_t lane,
                   std::uint32_t chunk, Cycles now);
  void send(const fabric::Burst& head, Bytes bytes, Cycles now);
  void dispatch(const engine::Event& event);
  void advance_edge(Cycles now);
  void plan_wake();

  Context* context_ = nullptr;
  ThreadSums* sums_ = nullptr;
  std::uint32_t dip_ = 0;
  DieId die_ = 0;
  topology::Direction side_ = topology::Direction::kWest;
  engine::Wheel wheel_, wakes_, arrivals_;  // as in DieShard: edges, then arrivals, then own events
  fabric::EdgeOut edge_;
  fabric::BurstRoutes routes_;
  fabric::Serialiser hbm_, pcie_, ethernet_;
  std::unique_ptr<ZplanePort> zplane_;
  Cycles hbm_latency_ = 0, bridge_ = 0, pcie_latency_ = 0, ethernet_latency_ = 0, edge_latency_ = 1;
  Cycles now_ = 0;  // of the event being handled
  Bytes link_bytes_ = 64;
  std::int32_t first_row_ = 0, last_row_ = 0;
  std::uint64_t bytes_received_ = 0;
  std::vector<std::unique_ptr<DataflowRun>> dataflows_;
  std::vector<std::uint32_t> active_;
};

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// One die of the reference model under a workload: its routers, its nodes' ports and its edges, cycle by cycle. The
// owner posts messages, runs the cycles in which there is something to do, and takes what was delivered or leaves.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/fabric/edge.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/router_params.h"

namespace dojo::reference {

/// A flit was written into a node's SRAM.
struct Delivery {
  Cycles time = 0;
  std::uint32_t created = 0;  ///< low half of the cycle in which it was read from SRAM
  std::uint32_t message = 0;
  SiteIndex site = 0;
  bool last = false;  ///< of its message
  [[nodiscard]] Cycles latency() const {
    return static_cast<std::uint32_t>(static_cast<std::uint32_t>(time) - created);
  }
};

/// What crosses one edge in one direction until the neighbour reads it: flits, and credits for those that go the other
/// way. A window of the neighbour can be as long as several of the sender's.
struct EdgeMail {
  struct Item {
    Cycles time = 0;
    std::uint32_t created = 0, message = 0;  ///< message: as the sender numbers it
    std::uint16_t lane = 0;
    std::uint8_t channel = 0;
    bool last = false;
  };
  struct Record {  ///< a message whose first flit is flits[at]
    std::size_t at = 0;
    std::uint32_t message = 0, flits = 0;
    fabric::Burst burst;
  };
  std::vector<Item> flits, credits;
  std::vector<Record> records;
  [[nodiscard]] bool empty() const { return flits.empty() && credits.empty(); }
  /// Adds what left later; empties `later`.
  void append(EdgeMail& later);
  void clear() {
    flits.clear();
    credits.clear();
    records.clear();
  }
};

/// What leaves over one edge; the owner takes and clears it.
struct Leaves {
  EdgeMail mail;                            ///< to a die
  std::vector<fabric::Crossing> to_dip;     ///< one a flit
  std::vector<fabric::Credit> dip_credits;  ///< for what came from the DIP
};

/// The SRAM of nodes whose cores run cycle by cycle: what they send meets the banks.
class SramReads {
 public:
  virtual ~SramReads() = default;
  /// The node's next packet is to be read, at `now` or later; returns when its bank is granted.
  virtual Cycles read(SiteIndex site, Cycles now) = 0;
  /// A packet that the core had read itself has left.
  virtual void left(SiteIndex site) = 0;
};

struct LinkCount {
  std::uint64_t flits = 0, wait_cycles = 0;
};

/// The D1's routers as the machine file has them: traffic classes with VCs of their own.
[[nodiscard]] traffic::RouterParams die_router(const topology::MachineParams& machine);
/// What this model cannot be built with, as "json.path: found ..., expected ...".
[[nodiscard]] std::vector<std::string> die_problems(const topology::MachineParams& machine);

class Die {
 public:
  Die(const topology::Topology& topology, DieId die);
  ~Die();
  Die(const Die&) = delete;
  Die& operator=(const Die&) = delete;

  /// A message of `bytes` from a send queue of a node, from `now` on. `burst.shape` is kUnicast (also to a DIP), kRow
  /// or kColumn: to all nodes of the row or column from burst.reach.low to burst.reach.high but the sender, forking in
  /// the routers.
  void post(SiteIndex site, const fabric::Burst& burst, Bytes bytes, Cycles now, unsigned queue);

  /// From now on asks `reads` before one of these nodes sends a packet.
  void watch_reads(const std::vector<SiteIndex>& sites, SramReads& reads);

  [[nodiscard]] Cycles next_cycle() const;  ///< kNever: nothing to do until something is posted or comes
  void cycle(Cycles now);                   ///< requires now >= next_cycle()
  /// Calls take(delivery) for what the last cycles delivered, in order.
  template <class Take>
  void deliver(Take&& take) {
    for (const Delivery& each : *delivered_) take(each);
    delivered_->clear();
    forget_closed();
  }
  /// Of a delivery, while it is taken.
  [[nodiscard]] const fabric::Burst& burst(std::uint32_t message) const;

  [[nodiscard]] Leaves& leaving(topology::Direction d);
  /// From the die beyond an edge; empties it.
  void take(topology::Direction side, EdgeMail& mail);
  void take(topology::Direction side, const fabric::Crossing& from_dip);

  [[nodiscard]] LinkCount link(SiteIndex site, topology::Direction d) const;
  [[nodiscard]] LinkCount edge(topology::Direction d) const;
  [[nodiscard]] std::uint64_t flit_hops() const;
  /// No message is under way here, no flit stands anywhere.
  [[nodiscard]] bool settled() const;
  /// Messages that have not reached all their ends on this die, oldest first.
  [[nodiscard]] std::vector<fabric::Burst> open_messages() const;
  [[nodiscard]] static std::uint64_t estimate_bytes(const topology::MachineParams& machine);

 private:
  struct State;
  void forget_closed();
  std::unique_ptr<State> state_;
  std::vector<Delivery>* delivered_ = nullptr;
};

}  // namespace dojo::reference

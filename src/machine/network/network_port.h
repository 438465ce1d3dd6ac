// SPDX-License-Identifier: Apache-2.0
// The seam between a die and its network: what the parts of a die ask of it, and what it tells them. One class for each
// network model; network/models.cpp has the table.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/fabric/die_network.h"
#include "dojo/machine/results.h"
#include "dojo/reference/die.h"
#include "machine/die/gathers.h"
#include "machine/die/moment.h"
#include "machine/shortcuts/row_names.h"

namespace dojo::machine {

class KernelRuns;

class NetworkPort {
 public:
  /// Where messages come out.
  class Receiver {
   public:
    virtual ~Receiver() = default;
    /// All of a message has been written into a node's memory, the last of it before `tail`.
    virtual void received(SiteIndex site, const fabric::Burst& burst, Cycles tail) = 0;
    /// A packet has been written, where the model knows single packets.
    virtual void written(SiteIndex /*site*/, Cycles /*time*/) {}
  };

  NetworkPort() = default;
  virtual ~NetworkPort() = default;
  NetworkPort(const NetworkPort&) = delete;
  NetworkPort& operator=(const NetworkPort&) = delete;

  // Messages. `head` says where to and what for; at most as many bytes as it takes are under way at once. `queue`:
  // which of its send queues each node uses.
  virtual void post(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) = 0;
  /// From every node of this die to the same node of another die in its row or column of dies, in equal pieces.
  virtual void post_stripe(const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) = 0;
  /// To a node of this die, from `now` on, where the model knows at once when it arrives; returns that.
  virtual Cycles send_within(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) = 0;
  [[nodiscard]] virtual std::unique_ptr<Gathers> make_gathers(KernelRuns& kernels) = 0;

  /// Asks `reads` before one of these nodes sends a packet; false: the model knows no single packets.
  virtual bool watch_reads(const std::vector<SiteIndex>& /*sites*/, reference::SramReads& /*reads*/) { return false; }

  // Time. In each cycle a model has its turn before or after the die's own events, always the same one.
  /// Earliest cycle in which the network has something to do that is no event on the die's wheel.
  [[nodiscard]] virtual Cycles next_time() const = 0;
  /// The die's own events before this cycle come before that.
  [[nodiscard]] virtual Cycles own_events_until() const { return next_time(); }
  /// All that the network does in the cycle next_time().
  virtual void run_next() = 0;
  /// An event that it has planned on the die's wheel.
  virtual void handle(const engine::Event& event) = 0;
  /// What left in this window changes hands.
  virtual void end_window() {}
  /// Takes what neighbours sent; returns the earliest arrival, kNever where nothing comes.
  virtual Cycles read_mail() = 0;

  // State.
  /// Nothing is under way and nothing is reserved beyond now.
  [[nodiscard]] virtual bool at_rest(Cycles now) const = 0;
  /// No link or port is taken beyond this cycle.
  [[nodiscard]] virtual Cycles latest() const = 0;
  /// Everything sent has arrived and every credit is back (a finished run).
  [[nodiscard]] virtual bool settled() const = 0;
  /// `look(burst, direction)` for each message that stands: at an edge (its direction) or on the die (kDirections).
  virtual void each_standing(const std::function<void(const fabric::Burst&, int)>& look) const = 0;
  /// Takes the state of another die's that has run for both, with this row's names.
  virtual void copy(const NetworkPort& from, const RowNames& names) = 0;

  // Counters.
  /// Links, ports and geometry of the die. Up to date after settle().
  [[nodiscard]] virtual const fabric::DieNetwork& network() const = 0;
  [[nodiscard]] virtual fabric::DieNetwork& network() = 0;
  virtual void settle() = 0;
  [[nodiscard]] virtual bool has_edge(topology::Direction d) const = 0;
  [[nodiscard]] virtual LinkCounters edge(topology::Direction d) const = 0;
  /// Adds to the counters of an edge what it is taken to have carried.
  virtual void add_to_edge(topology::Direction /*d*/, const LinkCounters& /*carried*/) {
    DOJO_CHECK(false, "this network model repeats no kernels");
  }
  [[nodiscard]] virtual std::uint64_t events() const = 0;
};

}  // namespace dojo::machine

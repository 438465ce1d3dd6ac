// SPDX-License-Identifier: Apache-2.0
// A network that times all multicasts along a row or column in one step.
#pragma once
#include "machine/network/network_port.h"

namespace dojo::machine {

/// A line of a kernel that waits for room at an edge.
struct ParkedLine {
  std::uint32_t run = 0, line = 0;
};

class LinePort : public NetworkPort {
 public:
  /// Told when there is room again.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    virtual void go_on(const ParkedLine& parked, Cycles now) = 0;
  };

  virtual void gather(fabric::Gathering& g) = 0;
  /// A message to a node of this die. It takes the node's read port now, in one order with the gathers, and the links
  /// when that is its turn.
  virtual void post_in_turn(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) = 0;
  /// New bursts for that edge must not queue there now.
  [[nodiscard]] virtual bool is_full(topology::Direction d) const = 0;
  virtual void park(topology::Direction d, const ParkedLine& line) = 0;
  /// A gather's burst goes on to the next die; its head is at the border at `head`.
  virtual void pass_on(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head) = 0;
};

}  // namespace dojo::machine

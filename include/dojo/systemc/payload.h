// SPDX-License-Identifier: Apache-2.0
// What TLM-2.0 payloads between the parts of a detailed node mean. All are loosely timed: b_transport, `delay` counts
// from sc_time_stamp() and is exact. docs/core.md#sockets has the table.
#pragma once
#include <cstdint>
#include <tlm>

#include "dojo/base/types.h"
#include "dojo/core/core_clock.h"

namespace dojo::systemc {

/// Of a WRITE to a router: the packet's target. The payload's address is a byte of the target's SRAM.
struct PacketExtension : tlm::tlm_extension<PacketExtension> {
  DieId die = 0;  ///< over the whole machine
  SiteIndex site = 0;
  std::int32_t semaphore = -1;  ///< signalled when the packet has been written; -1: none

  [[nodiscard]] tlm::tlm_extension_base* clone() const override { return new PacketExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    const auto& from = static_cast<const PacketExtension&>(other);
    die = from.die, site = from.site, semaphore = from.semaphore;
  }
};

/// Cycles of the machine's clock as delays, and back; or those of a core at a share of it.
class CycleClock {
 public:
  explicit CycleClock(double hz, double core_speed = 1);
  [[nodiscard]] sc_core::sc_time time(Cycles cycle) const;
  /// From sc_time_stamp() to the cycle.
  [[nodiscard]] sc_core::sc_time delay(Cycles cycle) const { return time(cycle) - sc_core::sc_time_stamp(); }
  /// The cycle that lies `delay` after sc_time_stamp(), less so many cycles of the machine's clock.
  [[nodiscard]] Cycles cycle(const sc_core::sc_time& delay, Cycles less = 0) const;

 private:
  double hz_;
  core::CoreClock core_;
  std::uint64_t period_ = 0;  ///< in units of time; 0: it is no whole number of them
};

}  // namespace dojo::systemc

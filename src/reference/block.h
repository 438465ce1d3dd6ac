// SPDX-License-Identifier: Apache-2.0
// A block: a rectangle of routers that one thread runs for a window of cycles. What leaves it goes to the owner.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/traffic/router_params.h"
#include "dojo/traffic/tally.h"
#include "reference/sources.h"

namespace dojo::reference {

using traffic::RouterParams;

/// On its way over a side of a block: `lane` is the row (east, west) or column (south, north) within the block.
struct Leaving {
  Cycles time = 0;  ///< when it is there
  std::uint16_t lane = 0;
  std::uint8_t channel = 0;
  Flit flit;  ///< not of credits
};

class Block {
 public:
  virtual ~Block() = default;
  /// Cycles begin .. end-1.
  virtual void run(Cycles begin, Cycles end) = 0;
  /// From outside, for a later cycle: a flit into the input port of `side`, a credit for its output port.
  virtual void enter(unsigned side, const Leaving& flit) = 0;
  virtual void credit(unsigned side, const Leaving& credit) = 0;
  /// Flits sent over an output port of the router at (row, column) of the block.
  [[nodiscard]] virtual std::uint32_t sent(std::int32_t row, std::int32_t column, unsigned port) const = 0;
  /// Flits in buffers and on links; throws Error(kInternal) where states contradict each other.
  [[nodiscard]] virtual std::uint64_t flits_inside() const = 0;
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;

  std::array<std::vector<Leaving>, kSides> flits_out, credits_out;  ///< by side; the owner takes and clears them
  std::uint64_t packet_hops = 0, flit_hops = 0;                     ///< over links within the block and out of it
  Cycles busy_until = 0;  ///< of blocks of a die: from here on nothing moves unless something comes from outside
};

/// What lies beside the routers when synthetic traffic runs: sources and sinks that count.
class TrafficBlock : public Block {
 public:
  using Setup = Sending;
  static constexpr unsigned kInputsOfReadPort = 1;
  static constexpr bool kHoldsChannels = true;  ///< packets of several flits: each holds a VC of every router
  static constexpr bool kSharesBuffers = false;
  static constexpr bool kMayDetour = true;  ///< with 16 VCs, each leg of a route has its own
  traffic::Tally tally;
  Sources sources;

 protected:
  TrafficBlock(const MeshShape& shape, const RouterParams& params, const Sending& sending);

  template <class Hot>
  [[gnu::always_inline]] inline unsigned route(const Hot& router, Flit flit) const {
    std::uint32_t column = traffic::column_of(flit.where), row = traffic::row_of(flit.where);
    if constexpr (Hot::kDetours) {
      const topology::Site end = headings_->end(onward(router, flit));
      column = static_cast<std::uint32_t>(end.column);
      row = static_cast<std::uint32_t>(end.row);
    }
    if (rings_.any()) return rings_.side_towards(router.row, router.column, row, column, kLocalPort);
    return traffic::port_towards(router, row, column);
  }
  /// Around dead parts: `where` with which a head leaves the router.
  template <class Hot>
  [[nodiscard]] std::uint32_t onward(const Hot& router, Flit flit) const {
    return headings_->onward(flit.where, {router.row, router.column});
  }
  /// Virtual channels of an output that a head may take: on rings, half of them before the seam and half after it.
  template <class Hot>
  [[gnu::always_inline]] inline std::uint32_t channels(const Hot& router, Flit flit, unsigned output) const {
    if (!rings_.any() || output >= kSides || !rings_.ring_of(output)) return all_channels_;
    const bool before = rings_.before_seam(output, router.row, router.column, traffic::row_of(flit.where),
                                           traffic::column_of(flit.where));
    return before ? before_seam_ : all_channels_ & ~before_seam_;
  }
  template <class Send>
  void inject(Cycles now, Send&& send) {
    sources.run(now, tally, send);
  }
  void source_credit(std::uint32_t router, unsigned input_vc) { sources.credit(router, input_vc); }
  /// Returns when the sink has taken the flit.
  Cycles eject(std::uint32_t router, Flit flit, Cycles arrival) {
    (void)router;
    tally.eject(traffic::whole_cycle(arrival, flit.created), (flit.where & kLastMark) != 0, arrival);
    return arrival;
  }
  [[nodiscard]] std::uint64_t bytes_of_nodes() const { return sources.bytes(); }

 private:
  const topology::Headings* headings_;
  topology::Rings rings_;
  std::uint32_t all_channels_ = 0, before_seam_ = 0;  ///< masks of a port's
};

[[nodiscard]] std::unique_ptr<TrafficBlock> make_block(const MeshShape& shape, const RouterParams& params,
                                                       const traffic::Load& load, std::uint32_t packet_flits);

}  // namespace dojo::reference

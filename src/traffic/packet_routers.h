// SPDX-License-Identifier: Apache-2.0
// The routers of one die, event by event. A router is visited only in cycles in which something may have changed for
// it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "dojo/base/bits.h"
#include "dojo/base/error.h"
#include "traffic/packet_router.h"

namespace dojo::traffic {

/// kStride: VCs of a port at most. kLong: packets of many segments, which keep ports busy for several cycles. kPorts:
/// input ports; more than five where the node has several read or write ports.
template <unsigned kStride, bool kLong, unsigned kPorts>
class PacketRouters final : public PacketMesh {
 public:
  PacketRouters(const MeshShape& shape, const SegmentRules& rules);
  void arrive(Cycles now) override;
  void allocate(Cycles now) override;
  void enter(unsigned side, const Leaving& segment) override {
    later(arrivals_, segment.time)
        .push({input_vc(shape_.router_at(side, segment.lane), side * kStride + segment.channel), segment.segment});
  }
  void credit(unsigned side, const Leaving& credit) override {
    later(credits_, credit.time).push(input_vc(shape_.router_at(side, credit.lane), side * kStride + credit.channel));
  }
  bool express(std::uint32_t router, unsigned channel, Segment segment, Cycles now) override;
  void add_passed(Cycles now, List<Ejected>& to) const override;
  [[nodiscard]] std::uint64_t sent(std::int32_t row, std::int32_t column, unsigned port, Cycles now) const override;
  [[nodiscard]] std::uint64_t packet_hops(Cycles now) const override;
  [[nodiscard]] std::uint64_t flits_inside() const override;

 private:
  using Router = PacketRouter<kStride, kPorts>;
  using Mask = typename Router::Mask;
  static constexpr unsigned kInputVcs = Router::kInputVcs;
  static constexpr unsigned kReadPorts = kPorts - kLocalPort;
  static constexpr unsigned kNode =
      kInputVcs;  ///< + port x kStride + vc in an input VC: credit for a read port of the node
  static constexpr unsigned kForNode = kReadPorts * kStride;  ///< from a local input VC to that of its credit
  static_assert(kNode + kForNode <= 1u << kInputVcBits);
  static constexpr Mask kOne = 1;
  static constexpr Mask kPortMask = (kOne << kStride) - 1;
  /// Ends of the lists that the visits of this cycle write to.
  struct Outlets {
    Arrival* arrivals;
    std::uint32_t* credits;
  };
  /// What a visit decides before anything moves.
  struct Bids {
    Mask wanting = 0;  ///< heads that asked for an output VC
    Mask trying = 0;   ///< of them: may bid for the switch at once
    typename Router::Bytes wanted;
  };
  struct Busy {
    std::array<std::uint32_t, kPorts> in_until{}, out_until{};      ///< low half of a cycle
    std::array<std::uint32_t, kPorts> in_passage{}, out_passage{};  ///< of a passage: its number + 1
  };
  /// A packet that crosses idle ports without events: packet_express.h.
  struct Step {
    std::uint32_t router = 0;
    std::uint8_t in = 0, channel = 0;  ///< input and output VC
  };
  struct Passage {
    Cycles start = 0;  ///< its head leaves the first router
    Segment segment;
    bool running = false, at_source = false;  ///< at_source: its tail has not left the first router
    List<Step> way;
  };

  static std::uint32_t input_vc(std::uint32_t router, unsigned vc) { return router << kInputVcBits | vc; }
  static Mask port_mask(unsigned port) { return static_cast<Mask>(kPortMask << (port * kStride)); }
  /// What a round robin over input VCs looks at next.
  static std::uint8_t after(unsigned vc) {
    if constexpr (kInputVcs == 8 * sizeof(Mask)) return static_cast<std::uint8_t>(vc + 1 == kInputVcs ? 0 : vc + 1);
    return static_cast<std::uint8_t>(vc + 1);
  }
  [[nodiscard]] const Segment* buffer(std::uint32_t router, unsigned vc) const {
    return buffers_.data() + ((static_cast<std::size_t>(router) * kInputVcs + vc) << depth_bits_);
  }
  [[nodiscard]] Segment* buffer(std::uint32_t router, unsigned vc) {
    return buffers_.data() + ((static_cast<std::size_t>(router) * kInputVcs + vc) << depth_bits_);
  }
  [[nodiscard]] unsigned route(const Router& router, Segment segment) const;
  /// Around dead parts: `where` with which a head leaves the router.
  [[nodiscard]] std::uint32_t onward(const Router& router, Segment head) const {
    return rules_.headings->onward(head.where, {router.row, router.column});
  }
  /// The output VCs that the head of an input VC may be given.
  [[nodiscard]] Mask channels_of(const Router& r, unsigned input) const;
  void plan(Router& r, std::uint32_t index, Cycles at) {
    const std::uint32_t bit = 1u << (static_cast<std::uint32_t>(at) & 31);
    if ((r.planned & bit) != 0) return;
    r.planned |= bit;
    later(visits_, at).push(index);
  }
  void mark(const Passage& p, std::uint32_t mark);
  [[nodiscard]] bool passes(std::uint32_t index, Cycles now) const;
  void make_way(const Arrival& arrival, Cycles now);
  [[nodiscard]] bool idle(std::uint32_t index, unsigned in, unsigned out, std::uint32_t from) const;
  [[nodiscard]] bool find_way(Passage& p, std::uint32_t index, unsigned in) const;
  void pass_by(Cycles now);
  void write_down(std::uint32_t id, Cycles now, Cycles credited);
  void return_credits(const Passage& p, std::size_t at, std::uint32_t sent, Cycles credited);
  void take_credits(const Passage& p, std::size_t at, std::uint32_t sent, Cycles credited);
  void write_router(const Passage& p, std::size_t at, std::uint32_t sent);
  void eject(const Passage& p, std::uint32_t count, List<Ejected>& to) const;
  [[nodiscard]] std::uint32_t segments_before(const Passage& p, std::size_t at, Cycles now) const;
  [[nodiscard]] Cycles leaves(const Passage& p, std::size_t at, std::uint32_t segment) const {
    return p.start + static_cast<Cycles>(at) * rules_.hop + static_cast<Cycles>(segment * rules_.flits);
  }
  [[nodiscard]] Cycles tail_leaves(const Passage& p, std::size_t at) const { return leaves(p, at, rules_.count - 1); }
  [[nodiscard]] std::uint32_t flits_of(std::uint32_t segments) const {
    return segments == rules_.count ? rules_.packet_flits : segments * rules_.flits;
  }
  [[nodiscard]] Segment segment_of(const Passage& p, std::uint32_t k) const {
    return {p.segment.created, p.segment.where | (k == 0 ? kFirstMark : 0) | (k + 1 == rules_.count ? kLastMark : 0)};
  }
  /// Output ports that can take no segment now, as bits: the node's when all its write ports are busy.
  [[nodiscard]] unsigned busy_outputs(const Router& r) const {
    if constexpr (kReadPorts == 1) return r.sending_out;
    const bool all = r.sending_out >> kLocalPort == (1 << rules_.ports.write) - 1;
    return (r.sending_out & ((1u << kLocalPort) - 1)) | (all ? 1u << kLocalPort : 0);
  }
  /// The place of an idle output in `sending_out` and `out_until`: of the node's write ports the first idle one.
  [[nodiscard]] unsigned idle_outlet(const Router& r, unsigned output) const {
    if (kReadPorts == 1 || output != kLocalPort) return output;
    return kLocalPort + lowest_bit(~(static_cast<unsigned>(r.sending_out) >> kLocalPort));
  }
  /// Segments that may go over an output in this cycle.
  [[nodiscard]] unsigned room_of(const Router& r, unsigned output) const {
    if (kReadPorts == 1 || output != kLocalPort) return 1;
    const auto busy = static_cast<unsigned>(__builtin_popcount(static_cast<unsigned>(r.sending_out) >> kLocalPort));
    return rules_.ports.write - (kLong ? busy : 0);
  }
  /// When a busy output takes a segment again.
  [[nodiscard]] std::uint32_t busy_until(const Busy& busy, unsigned output, std::uint32_t now) const {
    std::uint32_t wait = busy.out_until[output] - now;
    if (kReadPorts > 1 && output == kLocalPort) {
      for (unsigned port = 1; port < rules_.ports.write; ++port)
        wait = std::min(wait, busy.out_until[kLocalPort + port] - now);
    }
    return now + wait;
  }
  void apply_credits(Cycles now);
  void apply_arrival(Arrival arrival, Cycles now);
  void visit_all(List<std::uint32_t>& due, Cycles now);
  void visit(Router& r, std::uint32_t index, Cycles now, Outlets& out);
  void free_ports(Router& r, std::uint32_t index, Cycles now);
  Mask idle_bids(const Router& r, Mask bids) const;
  void want_channels(const Router& r, Bids& bids) const;
  static void give(Router& r, unsigned input, unsigned channel);
  static void give_channels(Router& r, const Bids& bids);
  static unsigned choose(const Router& r, unsigned port, Mask bids);
  void match(Router& r, std::uint32_t index, Mask firm, Mask trying, const Bids& bids, Cycles now, Outlets& out);
  void match_outputs(Router& r, std::uint32_t index, Mask firm, Mask trying, const Bids& bids, Cycles now,
                     Outlets& out);
  static bool apart(const Router& r);
  void send_at_once(Router& r, std::uint32_t index, unsigned vc, Cycles now, Outlets& out);
  bool spend(Router& r, unsigned channel) const;
  void grant(Router& r, std::uint32_t index, unsigned vc, Cycles now, Outlets& out);
  void send(Router& r, std::uint32_t index, unsigned vc, Cycles now, Outlets& out);
  void pass(Router& r, std::uint32_t index, unsigned vc, unsigned channel, Segment segment, Cycles now, Outlets& out);
  void plan_next(Router& r, std::uint32_t index, Cycles now);

  MeshShape shape_;
  std::uint32_t depth_bits_ = 0, depth_mask_ = 0;
  std::array<std::int32_t, kPorts> step_{};  ///< to the neighbour's index
  std::vector<Router> routers_;
  std::vector<Segment> buffers_;
  std::vector<Busy> busy_;  ///< kLong only
  std::vector<Passage> passages_;
  std::vector<std::uint32_t> unused_;  ///< of them
  std::uint64_t heads_ = 0;            ///< hops of packets
  bool node_limits_;                   ///< a VC towards a node runs out of credit while its flits come one a cycle
};

}  // namespace dojo::traffic

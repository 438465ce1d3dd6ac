// SPDX-License-Identifier: Apache-2.0
// The hot loop: routers of a block, cycle by cycle. Only routers that can do something are visited.
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "dojo/base/error.h"
#include "reference/block.h"
#include "reference/router.h"

namespace dojo::reference {

/// kRounds: allocation rounds a cycle. kReadPorts: of a node at most. Nodes: what lies beside the routers, see block.h.
/// Where it does not hold channels, a packet is one flit, keeps the number of its VC on its whole way, and bids for the
/// switch alone.
template <unsigned kStride, unsigned kRounds, class Nodes, unsigned kReadPorts>
class RouterBlock final : public Nodes {
 public:
  RouterBlock(const MeshShape& shape, const RouterParams& params, const typename Nodes::Setup& setup);
  void run(Cycles begin, Cycles end) override {
    for (Cycles t = begin; t < end; ++t) cycle(t);
  }
  void enter(unsigned side, const Leaving& flit) override {
    if constexpr (!Nodes::kHoldsChannels)
      this->busy_until = std::max(this->busy_until, flit.time + arrivals_.horizon());
    arrivals_.at(flit.time).push(
        {input_vc(shape_.router_at(side, flit.lane), side * kStride + flit.channel), flit.flit});
  }
  void credit(unsigned side, const Leaving& credit) override {
    if constexpr (!Nodes::kHoldsChannels)
      this->busy_until = std::max(this->busy_until, credit.time + credits_.horizon());
    credits_.at(credit.time).push(input_vc(shape_.router_at(side, credit.lane), side * kStride + credit.channel));
  }
  [[nodiscard]] std::uint32_t sent(std::int32_t row, std::int32_t column, unsigned port) const override {
    return routers_[static_cast<std::size_t>(row * shape_.columns + column)].sent[port];
  }
  [[nodiscard]] std::uint64_t flits_inside() const override;
  [[nodiscard]] std::uint64_t bytes() const override;

 private:
  static constexpr unsigned kPorts = kLocalPort + kReadPorts * Nodes::kInputsOfReadPort;
  using Hot = Router<kStride, kPorts, kStride == 16 && Nodes::kMayDetour>;
  using Mask = typename Hot::Mask;
  using Bytes = typename Hot::Bytes;
  static constexpr unsigned kInputVcs = Hot::kInputVcs;
  static constexpr unsigned kInputVcBits = 8;     ///< router and VC in one word
  static constexpr unsigned kSource = kInputVcs;  ///< + VC of the node: credit for one of its input VCs
  static constexpr unsigned kSourceVcs = (kPorts - kLocalPort) * kStride;
  static_assert(kSource + kSourceVcs <= 1u << kInputVcBits);
  static constexpr Mask kOne = 1;
  static constexpr Mask kPortMask = (kOne << kStride) - 1;
  struct Arrival {
    std::uint32_t input_vc;
    Flit flit;
  };
  /// Ends of the lists that this cycle's routers write to.
  struct Outlets {
    Arrival* arrivals;
    std::uint32_t* credits;
    std::uint32_t* sink_credits;
  };
  /// What a round decides before anything moves.
  struct Bids {
    Mask speculative = 0;  ///< heads that may bid for the switch
    Mask wanting = 0;      ///< heads that asked for an output VC
    std::array<std::uint8_t, kInputVcs> wanted;
  };

  static std::uint32_t input_vc(std::uint32_t router, unsigned vc) { return router << kInputVcBits | vc; }
  [[nodiscard]] const Flit* buffer(std::uint32_t router, unsigned vc) const {
    return buffers_.data() + ((static_cast<std::size_t>(router) * kInputVcs + vc) << depth_bits_);
  }
  [[nodiscard]] Mask channels_of(const Hot& r, unsigned input) const;
  [[nodiscard]] Flit* buffer(std::uint32_t router, unsigned vc) {
    return buffers_.data() + ((static_cast<std::size_t>(router) * kInputVcs + vc) << depth_bits_);
  }
  void face(Hot& r, std::uint32_t index, unsigned vc, Flit flit, Cycles from);
  void leave_front(Hot& r, unsigned vc, unsigned held, bool credit_left);
  /// What a round robin over input VCs looks at next.
  static std::uint8_t after(unsigned vc) {
    if constexpr (kInputVcs == 8 * sizeof(Mask)) return static_cast<std::uint8_t>(vc + 1 == kInputVcs ? 0 : vc + 1);
    return static_cast<std::uint8_t>(vc + 1);
  }
  /// Flits that an output takes a cycle: the node's one for each write port.
  [[nodiscard]] unsigned width_of(unsigned output) const {
    return kReadPorts > 1 && output == kLocalPort ? write_ports_ : 1;
  }
  void wake(Hot& router, std::uint32_t index) {
    if (router.listed != 0) return;
    router.listed = 1;
    list_.push_back(index);
  }

  void cycle(Cycles now);
  void apply_credits(Cycles now);
  void apply_arrivals(Cycles now);
  void allocate_all(Cycles now);
  void allocate(Hot& r, std::uint32_t index, Cycles now, unsigned round, Outlets& out);
  void allocate_by_links(Hot& r, std::uint32_t index, Cycles now, Outlets& out);
  void share(Hot& r, std::uint32_t index, unsigned port);
  std::uint32_t send_copies(Hot& r, std::uint32_t index, Cycles now, Outlets& out);
  void want_channels(const Hot& r, Mask waiting, Bids& bids) const;
  static void give_channels(Hot& r, const Bids& bids);
  static void give(Hot& r, unsigned input, unsigned channel);
  unsigned choose(const Hot& r, unsigned port, Mask bids) const;
  unsigned winner(const Hot& r, std::uint32_t inputs, const std::array<std::uint8_t, kPorts>& chosen,
                  unsigned output) const;
  [[nodiscard]] std::uint32_t age_mark(const Hot& r, unsigned vc) const {
    return buffer(static_cast<std::uint32_t>(&r - routers_.data()), vc)[r.first[vc]].created;
  }
  void grant(Hot& r, std::uint32_t index, unsigned vc, Cycles now, unsigned round, Outlets& out);
  void send(Hot& r, std::uint32_t index, unsigned vc, Cycles now, unsigned round, Outlets& out);
  void forward(const Hot& r, std::uint32_t index, unsigned vc, unsigned held, Flit flit, Cycles now, unsigned round,
               Outlets& out);
  void return_credit(const Hot& r, std::uint32_t index, unsigned vc, Cycles now, Outlets& out);

  MeshShape shape_;
  std::uint32_t channels_of_leg_ = 4;
  std::uint32_t depth_ = 8, depth_bits_ = 3, index_mask_ = 7;
  Cycles hop_ = 3, credit_ = 2, injection_ = 2;
  bool speculative_ = true;
  unsigned channels_ = 4;  ///< VCs of a port
  unsigned write_ports_ = 1;
  std::array<std::int32_t, kPorts> step_{};  ///< to the neighbour's index
  std::vector<Hot> routers_;
  std::vector<Flit> buffers_;
  std::vector<std::uint32_t> list_;  ///< routers with work
  Calendar<Arrival> arrivals_;
  Calendar<std::uint32_t> credits_;
  /// With two rounds: the last cycle in which an output port sent a flit, an input port a credit; of the node's output,
  /// in parts of a cycle, one for each write port.
  std::vector<std::array<Cycles, kPorts>> last_flit_, last_credit_;
  /// Of packet networks whose channels share buffers: free places of the pool, by router and output port.
  std::vector<std::array<std::uint32_t, kPorts>> pool_;
  /// Of packet networks, by router: input VCs with a multicast in front, and by input VC the outputs that it still
  /// wants.
  struct Forks {
    Mask fronts = 0;
    Bytes outputs{};
    std::uint8_t turn = 0;  ///< input VC that comes first
  };
  std::vector<Forks> forks_;
  std::uint64_t heads_ = 0;
};

}  // namespace dojo::reference

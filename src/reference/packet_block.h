// SPDX-License-Identifier: Apache-2.0
// The nodes beside the routers of a PacketNetwork: packets wait by class, one of each class goes at a time, the class
// with data first; what arrives is taken at the node's rate.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/reference/packets.h"
#include "reference/block.h"

namespace dojo::reference {

/// The virtual channels of a port, by number: class by class; of each first those before the seam, then those after it.
struct ChannelPlan {
  std::uint32_t seams = 1, lanes = 1;
  explicit ChannelPlan(const PacketNetworkParams& params)
      : seams(params.rings.any() ? 2 : 1), lanes(params.virtual_channels / (kPacketClasses * seams)) {}
  /// Mask of those that a packet may take.
  [[nodiscard]] std::uint32_t of(std::uint32_t packet_class, bool before_seam) const {
    const std::uint32_t group = packet_class * seams + (seams == 2 && !before_seam ? 1 : 0);
    return ((1u << lanes) - 1) << (group * lanes);
  }
};

class PacketBlock : public Block {
 public:
  using Setup = PacketNetworkParams;
  static constexpr unsigned kInputsOfReadPort = 1;
  static constexpr bool kHoldsChannels = true;
  static constexpr bool kMayDetour = false;
  static constexpr bool kSharesBuffers = true;  ///< it may; the routers then ask links_first() and the like

  void add(const Packet& packet);
  void add_to_all(const Packet& packet, const PacketReach& reach);
  [[nodiscard]] bool idle() const { return open_ == 0; }
  std::vector<PacketNetwork::Arrival> arrived;  ///< the owner takes and clears them

 protected:
  PacketBlock(const MeshShape& shape, const RouterParams& params, const PacketNetworkParams& setup);

  template <class Hot>
  [[gnu::always_inline]] inline unsigned route(const Hot& router, Flit flit) const {
    const Under& packet = under(flit);
    return setup_.rings.side_towards(router.row, router.column, packet.to_row, packet.to_column, kLocalPort);
  }
  /// Output ports that a multicast leaves by, as bits; 0: a packet for one node.
  template <class Hot>
  [[nodiscard]] std::uint32_t forks(const Hot& router, Flit flit) const {
    const Under& packet = under(flit);
    if (packet.ends == 0) return 0;
    const std::uint32_t wide = setup_.rings.row.length, row = packet.from / wide, column = packet.from % wide;
    const PacketReach& reach = packet.reach;
    std::uint32_t ports = router.row != row || router.column != column ? 1u << kLocalPort : 0;
    if (router.row == row) {
      if (router.column >= column && router.column < reach.last_column) ports |= 1u << 0;
      if (router.column <= column && router.column > reach.first_column) ports |= 1u << 1;
    }
    if (router.row >= row && router.row < reach.last_row) ports |= 1u << 2;
    if (router.row <= row && router.row > reach.first_row) ports |= 1u << 3;
    return ports;
  }
  template <class Hot>
  [[nodiscard]] std::uint32_t channels(const Hot& router, Flit flit, unsigned output) const {
    const Under& packet = under(flit);
    const bool before =
        output < kSides && setup_.rings.before_seam(output, router.row, router.column, packet.to_row, packet.to_column);
    return plan_.of(packet.packet_class, before);
  }
  template <class Send>
  void inject(Cycles now, Send&& send);
  void source_credit(std::uint32_t router, unsigned input_vc) {
    const unsigned credits = ++credits_[router * stride_ + input_vc];
    nodes_[router].pool += credits <= setup_.shared_flits_of_channel ? 1 : 0;
  }
  [[nodiscard]] bool links_first() const { return setup_.switch_order == topology::SwitchOrder::kLinksFirst; }
  [[nodiscard]] bool keeps_lanes() const { return setup_.lane_choice == topology::LaneChoice::kKeep; }
  [[nodiscard]] std::uint32_t lane_of(unsigned vc) const { return vc % plan_.lanes; }
  /// Flits of a port that its channels share, and of those for one channel.
  [[nodiscard]] std::uint32_t shared_flits() const { return setup_.shared_flits; }
  [[nodiscard]] std::uint32_t shared_flits_of_channel() const { return setup_.shared_flits_of_channel; }
  Cycles eject(std::uint32_t router, Flit flit, Cycles arrival);
  [[nodiscard]] std::uint64_t bytes_of_nodes() const {
    return packets_.capacity() * sizeof(Under) + nodes_.capacity() * sizeof(Node) +
           credits_.capacity() * sizeof(std::uint16_t);
  }

 private:
  static constexpr std::uint32_t kIndexMask = kLastMark - 1;
  static constexpr std::int64_t kFlit = 1024;  ///< of the node's rate
  struct Under {
    std::uint32_t from = 0, tag = 0, flits = 1, left = 1;
    std::uint32_t next = kNone;  ///< that waits behind it
    std::uint32_t ends = 0;      ///< of a multicast: nodes that it has still to reach
    std::uint16_t to_row = 0, to_column = 0;
    PacketReach reach;
    std::uint8_t packet_class = 0;
  };
  struct Waiting {
    std::uint32_t first = kNone, last = kNone;
    [[nodiscard]] bool empty() const { return first == kNone; }
  };
  struct Node {
    std::array<Waiting, kPacketClasses> waiting;
    Cycles sends_at = 0, takes_at = 0;  ///< in parts of kFlit of a cycle: when it can send, take, the next flit
    std::array<std::uint8_t, kPacketClasses> channel{};  ///< in use, by class
    std::array<std::uint8_t, kPacketClasses> last{};     ///< used before it, of its class's
    std::uint32_t pool = 0;                              ///< free places that the channels of its router's port share
    std::uint32_t rate = kFlit;                          ///< endpoint_cycles_of_1024_flits
    bool listed = false;
  };
  [[nodiscard]] bool has_credit(std::uint32_t router, unsigned vc) const {
    const unsigned credits = credits_[router * stride_ + vc];
    return credits > setup_.shared_flits_of_channel || (credits != 0 && nodes_[router].pool != 0);
  }
  /// For the packet that goes next: the channel with credit after the one used last. False: none has.
  bool take_channel(std::uint32_t router, std::uint32_t packet_class);
  std::uint32_t new_packet(const Packet& packet);
  void wait(std::uint32_t id);
  [[nodiscard]] const Under& under(Flit flit) const { return packets_[flit.where & kIndexMask]; }

  PacketNetworkParams setup_;
  ChannelPlan plan_;
  Cycles hop_ = 1;
  std::uint32_t stride_ = 8;  ///< VCs of a port at most
  std::vector<Under> packets_;
  std::vector<std::uint32_t> free_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> sending_;  ///< nodes with packets to send
  std::vector<std::uint16_t> credits_;  ///< by router and VC
  std::uint64_t open_ = 0;
};

template <class Send>
void PacketBlock::inject(Cycles now, Send&& send) {
  std::size_t kept = 0;
  for (const std::uint32_t index : sending_) {
    Node& node = nodes_[index];
    for (std::uint32_t c = kPacketClasses; c-- > 0 && node.sends_at < (now + 1) * kFlit;) {
      if (node.waiting[c].empty()) continue;
      const std::uint32_t id = node.waiting[c].first;
      Under& packet = packets_[id];
      if (packet.left == packet.flits && !take_channel(index, c)) continue;
      const std::uint32_t vc = node.channel[c];
      if (!has_credit(index, vc)) continue;
      node.pool -= credits_[index * stride_ + vc]-- <= setup_.shared_flits_of_channel ? 1 : 0;
      const std::uint32_t marks = (packet.left == packet.flits ? kFirstMark : 0) | (packet.left == 1 ? kLastMark : 0);
      send(index, vc, Flit{0, id | marks});
      node.sends_at = std::max(node.sends_at, now * kFlit) + node.rate;
      if (--packet.left == 0) node.waiting[c].first = packet.next;
      break;
    }
    node.listed = false;
    for (const auto& waiting : node.waiting) node.listed |= !waiting.empty();
    sending_[kept] = index;
    kept += node.listed ? 1 : 0;
  }
  sending_.resize(kept);
}

[[nodiscard]] std::unique_ptr<PacketBlock> make_packet_block(const MeshShape& shape, const RouterParams& params,
                                                             const PacketNetworkParams& setup);

}  // namespace dojo::reference

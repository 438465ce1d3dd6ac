// SPDX-License-Identifier: Apache-2.0
#include "reference/packet_block.h"

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::reference {
namespace {

/// VCs of a port that the routers' masks have room for.
std::uint32_t stride_of(std::uint32_t virtual_channels) {
  return virtual_channels <= 4 ? 4 : virtual_channels <= 8 ? 8 : 16;
}

class Packets final : public PacketNetwork {
 public:
  explicit Packets(const PacketNetworkParams& params) {
    MeshShape shape;
    shape.rows = static_cast<std::int32_t>(params.rings.column.length);
    shape.columns = static_cast<std::int32_t>(params.rings.row.length);
    RouterParams router;
    router.virtual_channels = params.virtual_channels;
    router.input_buffer_flits = params.flits_of_channel();
    router.hop_cycles = params.hop_cycles;
    router.credit_cycles = params.credit_cycles == 0 ? params.hop_cycles : params.credit_cycles;
    router.injection_cycles = params.endpoint_cycles;
    for (unsigned side = 0; side < kSides; ++side) joined_[side] = params.rings.ring_of(side);
    block_ = make_packet_block(shape, router, params);
  }
  void send(const Packet& packet) override { block_->add(packet); }
  void send_to_all(const Packet& packet, const PacketReach& reach) override { block_->add_to_all(packet, reach); }
  void cycle(Cycles now, std::vector<Arrival>& arrivals) override {
    block_->run(now, now + 1);
    for (unsigned side = 0; side < kSides; ++side) {
      // What leaves over a seam comes in on the other side of the same block.
      for (const Leaving& flit : block_->flits_out[side]) {
        DOJO_CHECK(joined_[side], "a packet leaves an open mesh over side {}", side);
        block_->enter(side ^ 1, flit);
      }
      for (const Leaving& credit : block_->credits_out[side]) block_->credit(side ^ 1, credit);
      block_->flits_out[side].clear();
      block_->credits_out[side].clear();
    }
    arrivals.insert(arrivals.end(), block_->arrived.begin(), block_->arrived.end());
    block_->arrived.clear();
  }
  [[nodiscard]] bool idle() const override { return block_->idle(); }
  [[nodiscard]] std::uint64_t bytes() const override { return block_->bytes(); }

 private:
  std::array<bool, kSides> joined_{};
  std::unique_ptr<PacketBlock> block_;
};

}  // namespace

PacketBlock::PacketBlock(const MeshShape& shape, const RouterParams& params, const PacketNetworkParams& setup)
    : setup_(setup), plan_(setup), hop_(params.hop_cycles), stride_(stride_of(setup.virtual_channels)) {
  const auto count = static_cast<std::size_t>(shape.rows * shape.columns);
  DOJO_CHECK(plan_.lanes >= 1 && setup.virtual_channels <= kMostPacketChannels, "{} virtual channels",
             setup.virtual_channels);
  nodes_.resize(count);
  for (Node& node : nodes_) {
    node.pool = setup.shared_flits;
    node.rate = setup.endpoint_cycles_of_1024_flits;
  }
  for (const auto& [router, cycles] : setup.slower_nodes) nodes_.at(router).rate = cycles;
  credits_.assign(count * stride_, static_cast<std::uint16_t>(params.input_buffer_flits));
}

std::uint32_t PacketBlock::new_packet(const Packet& packet) {
  std::uint32_t id = static_cast<std::uint32_t>(packets_.size());
  if (free_.empty()) {
    DOJO_CHECK(id < kIndexMask, "more than {} packets are under way", id);
    packets_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Under& under = packets_[id];
  under = {};
  under.from = packet.from;
  under.tag = packet.tag;
  under.flits = under.left = packet.flits;
  under.packet_class = static_cast<std::uint8_t>(packet.packet_class);
  return id;
}

void PacketBlock::add(const Packet& packet) {
  const std::uint32_t id = new_packet(packet), wide = setup_.rings.row.length;
  packets_[id].to_row = static_cast<std::uint16_t>(packet.to / wide);
  packets_[id].to_column = static_cast<std::uint16_t>(packet.to % wide);
  wait(id);
}

void PacketBlock::add_to_all(const Packet& packet, const PacketReach& reach) {
  const std::uint32_t wide = setup_.rings.row.length, row = packet.from / wide, column = packet.from % wide;
  DOJO_CHECK(packet.flits == 1 && links_first() && !setup_.rings.any(),
             "a multicast of {} flits: expected one, an open mesh and links that choose first", packet.flits);
  DOJO_CHECK(reach.first_row <= row && row <= reach.last_row && reach.first_column <= column &&
                 column <= reach.last_column && reach.last_row < setup_.rings.column.length && reach.last_column < wide,
             "a multicast from row {}, column {} that does not reach them", row, column);
  const std::uint32_t ends =
      (reach.last_row - reach.first_row + 1u) * (reach.last_column - reach.first_column + 1u) - 1;
  if (ends == 0) return;
  const std::uint32_t id = new_packet(packet);
  packets_[id].reach = reach;
  packets_[id].ends = ends;
  wait(id);
}

void PacketBlock::wait(std::uint32_t id) {
  const Under& packet = packets_[id];
  Node& node = nodes_[packet.from];
  Waiting& behind = node.waiting[packet.packet_class];
  if (behind.empty()) {
    behind.first = id;
  } else {
    packets_[behind.last].next = id;
  }
  behind.last = id;
  ++open_;
  if (!node.listed) sending_.push_back(packet.from);
  node.listed = true;
}

bool PacketBlock::take_channel(std::uint32_t router, std::uint32_t packet_class) {
  std::uint32_t open = plan_.of(packet_class, true);
  for (std::uint32_t left = open; left != 0; left &= left - 1) {
    const unsigned vc = lowest_bit(left);
    if (!has_credit(router, vc)) open &= ~(1u << vc);
  }
  if (open == 0) return false;
  Node& node = nodes_[router];
  node.channel[packet_class] = static_cast<std::uint8_t>(next_bit(open, node.last[packet_class]));
  node.last[packet_class] = static_cast<std::uint8_t>(node.channel[packet_class] + 1);
  return true;
}

/// A flit is at its node `endpoint_cycles` after it has left the router, if the node takes it at once.
Cycles PacketBlock::eject(std::uint32_t router, Flit flit, Cycles arrival) {
  Node& node = nodes_[router];
  const Cycles due = (arrival - hop_ + setup_.endpoint_cycles) * kFlit;
  node.takes_at = std::max(node.takes_at, due) + node.rate;
  const Cycles taken = ceil_div(node.takes_at, kFlit) - 1;
  if ((flit.where & kLastMark) != 0) {
    const std::uint32_t id = flit.where & kIndexMask;
    Under& packet = packets_[id];
    arrived.push_back({packet.tag, taken, router});
    if (packet.ends > 1) {
      --packet.ends;
    } else {
      free_.push_back(id);
      --open_;
    }
  }
  return taken;
}

std::unique_ptr<PacketNetwork> make_packet_network(const PacketNetworkParams& params) {
  return std::make_unique<Packets>(params);
}

}  // namespace dojo::reference

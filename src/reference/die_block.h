// SPDX-License-Identifier: Apache-2.0
// The nodes of a die beside its routers when a workload runs: messages wait at a read port of their node, their packets
// of one flit go out one a cycle, and arrive at nodes; multicasts fork in the routers that they pass.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/reference/die.h"
#include "reference/block.h"

namespace dojo::reference {

/// A flit of a message: head and tail mark (a packet of its own), whether the message ends with it, which message.
inline constexpr std::uint32_t kLastOfMessage = 1u << 29, kMessageMask = kLastOfMessage - 1;

/// A node's long messages take turns after as many packets of 64 B as 16 KiB hold; assumed.
inline constexpr std::uint32_t kTurnFlits = 256;

struct DieSites {
  const std::vector<std::uint8_t>& enabled;  ///< by site: has a core and SRAM
  traffic::NodePorts ports;
  std::uint32_t send_queues = 1;  ///< of a node
  bool oldest_first = false;      ///< topology::Arbitration::kAge
  [[nodiscard]] std::uint32_t write_ports() const { return ports.write; }
  [[nodiscard]] static Cycles sink_cycles() { return 1; }
};

/// Where a message goes on this die. Rows and columns count from 1; 0 and one past the last lie beyond the edges.
struct Way {
  std::uint16_t row = 0, column = 0;
  std::uint8_t exit = kLocalPort;  ///< port that it takes there: the node's, or that to a DIP
  bool multicast = false;          ///< every node on the way takes a copy
};

struct Message {
  fabric::Burst burst;
  std::uint32_t flits = 1, to_send = 0, next = kNone;
  std::uint32_t twin = kNone;  ///< the other way of a multicast: read from SRAM at the same time
  std::uint8_t channel = 0;    ///< VC that it keeps on its whole way
  std::uint8_t queue = 0;      ///< of its node's send queues
  bool takes_turns = false;    ///< with others at the same node, see kTurnFlits; else first come, first served
  bool announced = false;      ///< the next die knows it
  bool was_read = false;       ///< its core has read it from the SRAM
};

class DieBlock : public Block {
 public:
  using Setup = DieSites;
  static constexpr unsigned kInputsOfReadPort = 2;  ///< a multicast that goes both ways enters both at once
  static constexpr bool kHoldsChannels = false;
  static constexpr bool kSharesBuffers = false;
  static constexpr bool kMayDetour = true;  ///< with 16 VCs, each leg of a route has its own

  /// `ends`: on this die, that each of its flits will reach.
  std::uint32_t add(const Message& message, const Way& way, std::uint32_t ends);
  [[nodiscard]] Message& message(std::uint32_t id) { return messages_[id]; }
  /// One of the message's flits has reached one of its ends.
  void close_one(std::uint32_t id) {
    if (--open_[id] == 0) closed_.push_back(id);
  }
  /// Nobody asks for messages any more that have reached all their ends.
  void forget_closed() {
    free_.insert(free_.end(), closed_.begin(), closed_.end());
    closed_.clear();
  }
  void send_from(SiteIndex site, std::uint32_t id);
  /// From now on asks before a node of `sites` sends.
  void watch_reads(const std::vector<SiteIndex>& sites, SramReads& reads);
  [[nodiscard]] bool to_send() const { return !sending_.empty(); }
  [[nodiscard]] std::uint64_t messages_open() const { return messages_.size() - free_.size(); }
  template <class Look>
  void each_message(Look&& look) const {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (open_[i] != 0) look(messages_[i]);
    }
  }
  /// Cycles that packets stood at the front of a buffer before they went over this output.
  [[nodiscard]] std::uint64_t waited(SiteIndex site, unsigned port) const {
    return waits_[std::size_t{site} * kLocalPort + port];
  }
  std::vector<Delivery> deliveries;  ///< the owner takes and clears them

 protected:
  DieBlock(const MeshShape& shape, const RouterParams& params, const DieSites& sites);

  template <class Hot>
  [[gnu::always_inline]] inline unsigned route(const Hot& router, Flit flit) const {
    const Way& way = ways_[flit.where & kMessageMask];
    if (way.column != router.column) return way.column > router.column ? 0u : 1u;
    if (way.row != router.row) return way.row > router.row ? 2u : 3u;
    return way.exit;
  }
  /// The sink has no room for another copy: packets that fork stay. Those for this node alone wait for credit.
  [[nodiscard]] std::uint64_t held_back(std::uint32_t router, Cycles now) const {
    return sink_free_[router] / write_ports_ - (now + hop_) >= room_ ? forks_[router] : 0;
  }
  void at_front(std::uint32_t router, unsigned vc, unsigned output, Flit flit, Cycles from) {
    since_[router * input_vcs_ + vc] = static_cast<std::uint32_t>(from);
    if (vc >= first_local_) return;  // the node needs no copy of what it sends
    const bool forks = output != kLocalPort && ways_[flit.where & kMessageMask].multicast && enabled_[router] != 0;
    const std::uint64_t bit = std::uint64_t{1} << vc;
    forks_[router] = forks ? forks_[router] | bit : forks_[router] & ~bit;
  }
  void sent_from(std::uint32_t router, unsigned vc, unsigned port, Flit flit, Cycles now) {
    if (port < kLocalPort) {
      waits_[std::size_t{router} * kLocalPort + port] +=
          static_cast<std::uint32_t>(now) - since_[router * input_vcs_ + vc];
    }
    if (vc < first_local_ && (forks_[router] >> vc & 1) != 0) eject(router, flit, now + hop_);
  }
  Cycles eject(std::uint32_t router, Flit flit, Cycles arrival);
  [[nodiscard]] bool oldest_first() const { return oldest_first_; }
  template <class Send>
  void inject(Cycles now, Send&& send);
  void source_credit(std::uint32_t router, unsigned input_vc) { ++credits_[router * node_vcs_ + input_vc]; }
  [[nodiscard]] std::uint64_t bytes_of_nodes() const;

 private:
  struct Queue {
    std::uint32_t head = kNone, tail = kNone;
  };
  /// A read port of a node, all numbered one after another.
  using Sender = std::uint32_t;
  /// The first of the node's send queues; the others follow.
  [[nodiscard]] Queue* queues(Sender sender, unsigned channel) {
    return &queues_[std::size_t{sender * stride_ + channel} * send_queues_];
  }
  /// `first`: message at the front of a queue.
  [[nodiscard]] bool can_send(Sender sender, unsigned channel, std::uint32_t first) const;
  [[nodiscard]] std::uint32_t next_queue(Sender sender, unsigned channel) const;
  [[nodiscard]] bool may_read(Sender sender, std::uint32_t site, Cycles now);
  void pass_turn(Queue& queue);

  unsigned stride_, input_vcs_, first_local_,
      node_vcs_;  ///< VCs of a port; of a router; first of the node; of the node
  std::uint32_t read_ports_, send_queues_, channels_;
  Cycles write_ports_;
  Cycles hop_, room_;
  bool oldest_first_;
  const std::vector<std::uint8_t>& enabled_;
  std::vector<Way> ways_;  ///< by message
  std::vector<Message> messages_;
  std::vector<std::uint64_t> open_;  ///< by message: flits x ends that are still to be reached on this die
  std::vector<std::uint32_t> free_, closed_;
  std::vector<std::uint64_t> forks_;         ///< by router: input VCs whose front forks here
  std::vector<Cycles> sink_free_;            ///< by router, in parts of a cycle: each write port takes a packet a cycle
  std::vector<std::uint32_t> since_;         ///< by router and input VC: cycle from which its front might have gone
  std::vector<std::uint64_t> waits_;         ///< by router and side
  std::vector<std::uint8_t> credits_;        ///< by router, of its node's ports
  std::vector<Queue> queues_;                ///< by sender, VC and send queue
  std::vector<std::uint8_t> queue_turn_;     ///< by sender and VC: the send queue that comes next
  std::vector<std::uint8_t> turn_, listed_;  ///< by sender
  std::vector<std::uint8_t> next_port_;      ///< by site: read port of its next message
  std::vector<Sender> sending_;
  static constexpr Cycles kNotWatched = -2, kNotAsked = -1;
  SramReads* reads_ = nullptr;   ///< null: nobody watches
  std::vector<Cycles> granted_;  ///< by sender, then: when the bank of its next packet is its own
};

/// One flit a cycle from each read port; VCs take turns, and so do the send queues within a VC.
template <class Send>
void DieBlock::inject(Cycles now, Send&& send) {
  std::size_t kept = 0;
  for (const Sender sender : sending_) {
    std::uint32_t waiting = 0, open = 0;
    for (unsigned channel = 0; channel < channels_; ++channel) {
      const Queue* const from = queues(sender, channel);
      for (std::uint32_t i = 0; i < send_queues_; ++i) {
        if (from[i].head == kNone) continue;
        ++waiting;
        if (can_send(sender, channel, from[i].head)) open |= 1u << channel;
      }
    }
    sending_[kept] = sender;
    ++kept;
    if (open == 0) continue;
    const unsigned channel = next_bit(open, turn_[sender]);
    const std::uint32_t site = read_ports_ == 1 ? sender : sender / read_ports_;
    const std::uint32_t chosen = next_queue(sender, channel);
    Queue& from = queues(sender, channel)[chosen];
    const std::uint32_t id = from.head;
    if (reads_ != nullptr) {
      if (!messages_[id].was_read && !may_read(sender, site, now)) continue;
      if (messages_[id].was_read) reads_->left(static_cast<SiteIndex>(site));
    }
    turn_[sender] = static_cast<std::uint8_t>(channel + 1);
    queue_turn_[sender * stride_ + channel] = static_cast<std::uint8_t>(chosen + 1 == send_queues_ ? 0 : chosen + 1);
    const unsigned input_vc = (sender - site * read_ports_) * kInputsOfReadPort * stride_ + channel;
    std::uint8_t* const credits = &credits_[sender * kInputsOfReadPort * stride_ + channel];
    const bool last = --messages_[id].to_send == 0;
    const std::uint32_t marks = kFirstMark | kLastMark | (last ? kLastOfMessage : 0);
    --credits[0];
    send(site, input_vc, Flit{static_cast<std::uint32_t>(now), marks | id});
    if (const std::uint32_t twin = messages_[id].twin; twin != kNone) {
      --credits[stride_];
      send(site, input_vc + stride_, Flit{static_cast<std::uint32_t>(now), marks | twin});
    }
    if (last) {
      from.head = messages_[id].next;
      if (from.head == kNone && waiting == 1) {
        listed_[sender] = 0;
        --kept;
      }
    } else if (messages_[id].takes_turns && messages_[id].to_send % kTurnFlits == 0 && from.head != from.tail) {
      pass_turn(from);
    }
  }
  sending_.resize(kept);
}

[[nodiscard]] std::unique_ptr<DieBlock> make_die_block(const MeshShape& shape, const RouterParams& params,
                                                       const DieSites& sites);

}  // namespace dojo::reference

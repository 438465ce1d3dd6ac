// SPDX-License-Identifier: Apache-2.0
// Messages of a die: their table, the queues of the nodes, the sinks.
#include "reference/die_block.h"

#include "dojo/base/error.h"

namespace dojo::reference {

DieBlock::DieBlock(const MeshShape& shape, const RouterParams& params, const DieSites& sites)
    : stride_(params.virtual_channels <= 4 ? 4 : 8),
      input_vcs_((kLocalPort + sites.ports.read * kInputsOfReadPort) * stride_),
      first_local_(kLocalPort * stride_),
      node_vcs_(input_vcs_ - first_local_),
      read_ports_(sites.ports.read),
      send_queues_(sites.send_queues),
      channels_(static_cast<std::uint32_t>(params.virtual_channels)),
      write_ports_(sites.ports.write),
      hop_(params.hop_cycles),
      room_(params.input_buffer_flits),
      oldest_first_(sites.oldest_first),
      enabled_(sites.enabled) {
  const auto count = static_cast<std::size_t>(shape.rows * shape.columns);
  forks_.assign(count, 0);
  sink_free_.assign(count, 0);
  since_.assign(count * input_vcs_, 0);
  waits_.assign(count * kLocalPort, 0);
  credits_.assign(count * node_vcs_, static_cast<std::uint8_t>(params.input_buffer_flits));
  const std::size_t senders = count * read_ports_;
  queues_.resize(senders * stride_ * send_queues_);
  queue_turn_.assign(senders * stride_, 0);
  turn_.assign(senders, 0);
  listed_.assign(senders, 0);
  next_port_.assign(count, 0);
  sending_.reserve(senders);
}

std::uint32_t DieBlock::add(const Message& message, const Way& way, std::uint32_t ends) {
  std::uint32_t id = 0;
  if (free_.empty()) {
    id = static_cast<std::uint32_t>(messages_.size());
    DOJO_CHECK(id < kMessageMask, "more than {} messages are under way on a die", id);
    messages_.emplace_back();
    ways_.emplace_back();
    open_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  messages_[id] = message;
  ways_[id] = way;
  const std::uint64_t flits = message.flits;
  open_[id] = flits * ends;
  return id;
}

void DieBlock::send_from(SiteIndex site, std::uint32_t id) {
  Message& message = messages_[id];
  std::uint8_t& port = next_port_[site];
  const Sender sender = site * read_ports_ + port;
  port = static_cast<std::uint8_t>(port + 1u == read_ports_ ? 0 : port + 1);
  Queue& to = queues(sender, message.channel)[message.queue];
  message.to_send = message.flits;
  message.next = kNone;
  if (to.head == kNone) {
    to.head = id;
  } else {
    messages_[to.tail].next = id;
  }
  to.tail = id;
  if (listed_[sender] != 0) return;
  listed_[sender] = 1;
  sending_.push_back(sender);
}

bool DieBlock::can_send(Sender sender, unsigned channel, std::uint32_t first) const {
  // The VCs of a sender lie one after another.
  const std::uint8_t* const credits = &credits_[sender * kInputsOfReadPort * stride_ + channel];
  return credits[0] != 0 && (messages_[first].twin == kNone || credits[stride_] != 0);
}

/// Of a VC that can send: the queue whose turn it is, packet by packet.
std::uint32_t DieBlock::next_queue(Sender sender, unsigned channel) const {
  const Queue* const all = &queues_[std::size_t{sender * stride_ + channel} * send_queues_];
  std::uint32_t i = queue_turn_[sender * stride_ + channel];
  while (all[i].head == kNone || !can_send(sender, channel, all[i].head)) i = i + 1 == send_queues_ ? 0 : i + 1;
  return i;
}

void DieBlock::watch_reads(const std::vector<SiteIndex>& sites, SramReads& reads) {
  reads_ = &reads;
  granted_.assign(listed_.size(), kNotWatched);
  for (const SiteIndex site : sites) {
    for (std::uint32_t port = 0; port < read_ports_; ++port) granted_[site * read_ports_ + port] = kNotAsked;
  }
}

/// A packet goes in the cycle in which its bank is read.
bool DieBlock::may_read(Sender sender, std::uint32_t site, Cycles now) {
  Cycles& granted = granted_[sender];
  if (granted == kNotWatched) return true;
  if (granted == kNotAsked) granted = reads_->read(static_cast<SiteIndex>(site), now);
  if (granted > now) return false;
  granted = kNotAsked;
  return true;
}

/// The first message goes to the end of the queue.
void DieBlock::pass_turn(Queue& queue) {
  const std::uint32_t id = queue.head;
  queue.head = messages_[id].next;
  messages_[id].next = kNone;
  messages_[queue.tail].next = id;
  queue.tail = id;
}

/// Returns when the flit has been written. A multicast's last site may have no node to write to.
Cycles DieBlock::eject(std::uint32_t router, Flit flit, Cycles arrival) {
  const std::uint32_t id = flit.where & kMessageMask;
  close_one(id);
  if (enabled_[router] == 0 && ways_[id].multicast) return arrival;
  const Cycles part = std::max(arrival * write_ports_, sink_free_[router]), written = part / write_ports_;
  sink_free_[router] = part + 1;
  deliveries.push_back({written, flit.created, id, static_cast<SiteIndex>(router), (flit.where & kLastOfMessage) != 0});
  return written;
}

std::uint64_t DieBlock::bytes_of_nodes() const {
  return forks_.capacity() * (sizeof(std::uint64_t) + sizeof(Cycles) + kLocalPort * sizeof(std::uint64_t)) +
         since_.capacity() * sizeof(std::uint32_t) + credits_.capacity() + queues_.capacity() * sizeof(Queue) +
         messages_.capacity() * (sizeof(Message) + sizeof(Way));
}

}  // namespace dojo::reference

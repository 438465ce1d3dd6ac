// SPDX-License-Identifier: Apache-2.0
// Creation and injection of packets, a segment at a time.
#include "traffic/packet_sources.h"

#include <algorithm>

#include "dojo/base/bits.h"

namespace dojo::traffic {

PacketSources::PacketSources(const Load& load, const SegmentRules& rules, const MeshShape& shape)
    : SourceQueues(load, shape), rules_(&rules), calendar_(kBlock, kNone), later_(kBlocks, kNone) {
  for (std::uint32_t index = 0; index < sources_.size(); ++index) {
    Source& source = sources_[index];
    source.open = static_cast<std::uint8_t>((1u << rules.channels / rules.legs) - 1);
    source.credits.fill(static_cast<std::uint8_t>(rules.depth));
    source.due = source.created;
    put_in_calendar(index, 0);
  }
}

void PacketSources::put_in_calendar(std::uint32_t index, Cycles now) {
  Source& source = sources_[index];
  const bool soon = source.due - now < kBlock;
  const Cycles block = std::min(source.due / kBlock, now / kBlock + kBlocks - 1);
  std::uint32_t& head = soon ? calendar_at(source.due) : later_[static_cast<std::size_t>(block % kBlocks)];
  if (soon) due_.add(source.due);
  source.next = head;
  head = index;
}

void PacketSources::take_from_calendar(std::uint32_t index) {
  std::uint32_t* at = &calendar_at(sources_[index].due);
  while (*at != index) at = &sources_[*at].next;
  *at = sources_[index].next;
}

void PacketSources::spend(Source& source, std::uint32_t credits) {
  const unsigned left = source.credits[source.channel] - credits;
  source.credits[source.channel] = static_cast<std::uint8_t>(left);
  if (left == 0) source.open = static_cast<std::uint8_t>(source.open & ~(1u << source.channel));
}

/// Packets that have met others: their nodes send the rest segment by segment.
void PacketSources::resume(Cycles now, PacketMesh& mesh, Tally& tally) {
  const SegmentRules& rules = *rules_;
  for (const PacketMesh::Resumed& one : mesh.resumed) {
    const std::uint32_t index = index_of(one.router, 0);
    Source& source = sources_[index];
    take_from_calendar(index);
    source.express = false;
    source.left = rules.count - one.sent;
    source.due -= static_cast<Cycles>((source.left - 1) * rules.flits);
    tally.flits_injected -= (source.left - 1) * rules.flits + rules.last_flits;
    spend(source, one.owed);
    if (source.due <= now) {
      sending_.push_back(index);
    } else {
      put_in_calendar(index, now);
    }
  }
  mesh.resumed.clear();
}

void PacketSources::take_credits(PacketMesh& mesh) {
  for (const PacketMesh::NodeCredit& credit : mesh.node_credits) {
    Source& source = sources_[index_of(credit.router, credit.read_port)];
    const unsigned channel = credit.channel;
    if (source.credits[channel]++ == 0) source.open = static_cast<std::uint8_t>(source.open | 1u << channel);
  }
  mesh.node_credits.clear();
}

/// What is due in the block of cycles that begins now, or later still.
void PacketSources::take_block(Cycles now) {
  std::uint32_t& first = later_[static_cast<std::size_t>(now / kBlock % kBlocks)];
  std::uint32_t index = first;
  first = kNone;
  while (index != kNone) {
    const std::uint32_t next = sources_[index].next;
    put_in_calendar(index, now);
    index = next;
  }
}

void PacketSources::take_due(Cycles now) {
  if (now % kBlock == 0) take_block(now);
  due_.pass(now);
  std::uint32_t& first = calendar_at(now);
  for (; first != kNone; first = sources_[first].next) sending_.push_back(first);
}

void PacketSources::run(Cycles now, PacketMesh& mesh, Tally& tally) {
  take_credits(mesh);
  if (!mesh.resumed.empty()) resume(now, mesh, tally);
  take_due(now);
  std::size_t kept = 0;
  for (const std::uint32_t index : sending_) {
    sending_[kept] = index;
    Source& source = sources_[index];
    if (source.left == 0) start(source, rules_->count, tally);
    if (!send(source, now, mesh, tally) || source.due <= now + 1) {
      ++kept;
    } else {
      put_in_calendar(index, now);
    }
  }
  sending_.resize(kept);
}

/// The next segment, if a VC has room for it: a head takes the next VC with credit after the last one used.
bool PacketSources::send(Source& source, Cycles now, PacketMesh& mesh, Tally& tally) {
  if (source.express) {  // nothing to send: the packet passes, and the next may come
    source.express = false;
    spend(source, 1);
    finish(source, now, tally);
    return true;
  }
  const bool first = source.left == rules_->count, last = source.left == 1;
  if (first && source.open != 0) {
    source.channel = static_cast<std::uint8_t>(next_bit<std::uint32_t>(source.open, source.last));
  }
  if ((source.open >> source.channel & 1) == 0) return false;
  if (first && window().holds(source.created)) {
    ++tally.injected;
    tally.source_cycles += static_cast<std::uint64_t>(now - source.created);
  }
  if (first && rules_->express && send_whole(source, now, mesh, tally)) return true;
  spend(source, 1);
  const std::uint32_t marks = (first ? kFirstMark : 0) | (last ? kLastMark : 0);
  mesh.injections(now).push({mesh.local_input_vc(source.router, source.port) + source.channel,
                             {static_cast<std::uint32_t>(source.created), source.where | marks}});
  tally.flits_injected += last ? rules_->last_flits : rules_->flits;
  source.due = now + rules_->flits;
  if (--source.left == 0) finish(source, now, tally);
  return true;
}

/// After its last segment: the next packet.
void PacketSources::finish(Source& source, Cycles now, Tally& tally) {
  source.left = 0;
  source.last = static_cast<std::uint8_t>(source.channel + 1);
  draw(source, tally);
  source.due = std::max(now + rules_->last_flits, source.created);
}

/// All segments at once, if they meet nobody. Credits come back before the next segment would go; only the last one is
/// spent.
bool PacketSources::send_whole(Source& source, Cycles now, PacketMesh& mesh, Tally& tally) {
  const SegmentRules& rules = *rules_;
  if (source.credits[source.channel] != rules.depth) return false;
  if (!mesh.express(source.router, source.channel, {static_cast<std::uint32_t>(source.created), source.where}, now))
    return false;
  tally.flits_injected += rules.packet_flits;
  source.express = true;
  source.left = 1;
  source.due = now + static_cast<Cycles>((rules.count - 1) * rules.flits);
  return true;
}

}  // namespace dojo::traffic

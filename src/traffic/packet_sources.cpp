// SPDX-License-Identifier: Apache-2.0
// Creation and injection of packets, a piece at a time.
#include "traffic/packet_sources.h"

#include <algorithm>

namespace dojo::traffic {

using fabric::Piece;

PacketSources::PacketSources(const PacketLoad& load, const fabric::MeshShape& shape)
    : load_(&load), calendar_(kBlock, kNone), later_(kBlocks, kNone) {
  of_router_.assign(static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.columns), kNone);
  for (std::uint32_t router = 0; router < of_router_.size(); ++router) {
    const auto at = static_cast<std::int32_t>(router);
    const std::uint32_t node =
        load.endpoints.node_at(shape.first_row + at / shape.columns, shape.first_column + at % shape.columns);
    if (node == kNone || !load.endpoints.sends(node)) continue;
    Source source;
    source.random = Random(load.seed, node);
    source.router = router;
    source.node = node;
    source.open = static_cast<std::uint8_t>((1u << load.rules.channels / load.rules.legs) - 1);
    source.credits.fill(static_cast<std::uint8_t>(load.rules.depth));
    source.created = load.gaps.draw(source.random) - 1;  // a packet may be created in cycle 0
    source.due = source.created;
    of_router_[router] = static_cast<std::uint32_t>(sources_.size());
    sources_.push_back(source);
    put_in_calendar(static_cast<std::uint32_t>(sources_.size() - 1), 0);
  }
}

void PacketSources::draw(Source& source, Tally& tally) {
  const bool was_past = source.created >= window_.end;
  source.created += load_->gaps.draw(source.random);
  tally.created += window_.holds(source.created) ? 1 : 0;
  past_ += !was_past && source.created >= window_.end ? 1 : 0;
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

/// Packets that have met others: their nodes send the rest piece by piece.
void PacketSources::resume(Cycles now, fabric::PacketMesh& mesh, Tally& tally) {
  const fabric::PieceRules& rules = load_->rules;
  for (const fabric::PacketMesh::Resumed& one : mesh.resumed) {
    const std::uint32_t index = of_router_[one.router];
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

void PacketSources::take_credits(fabric::PacketMesh& mesh) {
  for (const std::uint32_t credit : mesh.node_credits) {
    Source& source = sources_[of_router_[credit >> 3]];
    const unsigned channel = credit & 7;
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

void PacketSources::run(Cycles now, fabric::PacketMesh& mesh, Tally& tally) {
  take_credits(mesh);
  if (!mesh.resumed.empty()) resume(now, mesh, tally);
  take_due(now);
  std::size_t kept = 0;
  for (const std::uint32_t index : sending_) {
    sending_[kept] = index;
    Source& source = sources_[index];
    if (source.left == 0) start(source, tally);
    if (!send(source, now, mesh, tally) || source.due <= now + 1) {
      ++kept;
    } else {
      put_in_calendar(index, now);
    }
  }
  sending_.resize(kept);
}

/// A packet whose destination is drawn now.
void PacketSources::start(Source& source, Tally& tally) {
  const std::uint32_t to = load_->endpoints.destination(source.node, source.random);
  const Place place = load_->endpoints.place(to), from = load_->endpoints.place(source.node);
  source.where = static_cast<std::uint32_t>(place.row) << Piece::kPlaceBits | static_cast<std::uint32_t>(place.column);
  std::int64_t hops = distance(from, place);
  if (load_->headings != nullptr) {
    const topology::Headings::Way way = load_->headings->way({from.row, from.column}, {place.row, place.column}, book_);
    source.where = way.heading;
    hops = way.hops;
  }
  source.left = load_->rules.count;
  if (window_.holds(source.created)) tally.distance += static_cast<std::uint64_t>(hops);
}

/// The next piece, if a VC has room for it: a head takes the next VC with credit after the last one used.
bool PacketSources::send(Source& source, Cycles now, fabric::PacketMesh& mesh, Tally& tally) {
  if (source.express) {  // nothing to send: the packet passes, and the next may come
    source.express = false;
    spend(source, 1);
    finish(source, now, tally);
    return true;
  }
  const bool first = source.left == load_->rules.count, last = source.left == 1;
  if (first && source.open != 0) {
    const auto after = static_cast<std::uint8_t>(source.open >> source.last << source.last);
    source.channel = static_cast<std::uint8_t>(__builtin_ctz(after != 0 ? after : source.open));
  }
  if ((source.open >> source.channel & 1) == 0) return false;
  if (first && window_.holds(source.created)) {
    ++tally.injected;
    tally.source_cycles += static_cast<std::uint64_t>(now - source.created);
  }
  if (first && load_->rules.express && send_whole(source, now, mesh, tally)) return true;
  spend(source, 1);
  const std::uint32_t marks = (first ? Piece::kFirst : 0) | (last ? Piece::kLast : 0);
  mesh.injections(now).push({mesh.local_slot(source.router) + source.channel,
                             {static_cast<std::uint32_t>(source.created), source.where | marks}});
  tally.flits_injected += last ? load_->rules.last_flits : load_->rules.flits;
  source.due = now + load_->rules.flits;
  if (--source.left == 0) finish(source, now, tally);
  return true;
}

/// After its last piece: the next packet.
void PacketSources::finish(Source& source, Cycles now, Tally& tally) {
  source.left = 0;
  source.last = static_cast<std::uint8_t>(source.channel + 1);
  draw(source, tally);
  source.due = std::max(now + load_->rules.last_flits, source.created);
}

/// All pieces at once, if they meet nobody. Credits come back before the next piece would go; only the last one is
/// spent.
bool PacketSources::send_whole(Source& source, Cycles now, fabric::PacketMesh& mesh, Tally& tally) {
  const fabric::PieceRules& rules = load_->rules;
  if (source.credits[source.channel] != rules.depth) return false;
  if (!mesh.express(source.router, source.channel, {static_cast<std::uint32_t>(source.created), source.where}, now))
    return false;
  tally.flits_injected += rules.packet_flits;
  source.express = true;
  source.left = 1;
  source.due = now + static_cast<Cycles>((rules.count - 1) * rules.flits);
  return true;
}

void PacketSources::measure(Window window, Tally& tally) {
  window_ = window;
  past_ = 0;
  for (const Source& source : sources_) {
    tally.created += window.holds(source.created) && source.left == 0 ? 1 : 0;
    past_ += source.created >= window.end ? 1 : 0;
  }
}

void PacketSources::count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const {
  for (Source source : sources_) {
    while (source.created < window_.end) {
      if (source.left == 0) (void)load_->endpoints.destination(source.node, source.random);  // in the order of run()
      source.left = 0;
      source.created += load_->gaps.draw(source.random);
      if (!window_.holds(source.created)) continue;
      ++packets;
      cycles += static_cast<std::uint64_t>(now > source.created ? now - source.created : 0);
    }
  }
}

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// The sending side of the nodes of a block: packets wait in a queue without end, one at a time goes to the router, a
// flit a cycle. The queue is never stored: while a packet waits, the next one's creation is the only one drawn.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/topology/headings.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/injection.h"
#include "dojo/traffic/tally.h"
#include "reference/router.h"

namespace dojo::reference {

/// What the sources of all blocks share.
struct Load {
  const traffic::Endpoints& endpoints;
  const traffic::Gaps& gaps;
  std::uint32_t packet_flits = 1;
  std::uint64_t seed = 1;
  topology::Headings* headings = nullptr;  ///< of a machine with dead parts
  std::uint32_t legs = 1;                  ///< of a route at most; each has VCs of its own
};

class Sources {
 public:
  Sources(const Load& load, std::uint32_t virtual_channels, std::uint32_t buffer_flits)
      : load_(&load), channels_(virtual_channels), buffer_flits_(buffer_flits), calendar_(kCalendar, kNone) {}

  /// The node beside `router`; its first packet is drawn.
  void add(std::uint32_t router, std::uint32_t node);
  void credit(std::uint32_t router, std::uint32_t channel) {
    Source& source = sources_[of_router_[router]];
    if (source.credits[channel]++ == 0) source.open = static_cast<std::uint8_t>(source.open | 1u << channel);
  }
  /// Calls send(router, channel, flit) for each flit that goes in cycle `now`.
  template <class Send>
  void run(Cycles now, traffic::Tally& tally, Send&& send);

  /// From `now` on packets created within the window are counted.
  void measure(traffic::Window window, traffic::Tally& tally);
  /// Every packet of the window has been drawn.
  [[nodiscard]] bool past_window() const { return past_ == sources_.size(); }
  /// Packets of the window that wait behind others and are not drawn yet, and their latest possible waits at `now`.
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const;
  [[nodiscard]] std::uint64_t bytes() const { return sources_.capacity() * sizeof(Source); }
  void reserve(std::uint32_t routers) { of_router_.assign(routers, kNone); }

 private:
  static constexpr std::size_t kCalendar = 2048;  ///< cycles ahead; later creations are looked at again then
  struct Source {
    Cycles created = 0;  ///< of the packet that goes, or of the next
    traffic::Random random;
    std::uint32_t router = 0, node = 0, where = 0, left = 0, next = kNone;
    std::uint8_t channel = 0, last = 0, open = 0;
    std::array<std::uint8_t, 8> credits{};
  };

  void draw(Source& source, traffic::Tally& tally) {
    const bool was_past = source.created >= window_.end;
    source.created += load_->gaps.draw(source.random);
    tally.created += window_.holds(source.created) ? 1 : 0;
    past_ += !was_past && source.created >= window_.end ? 1 : 0;
  }
  void put_in_calendar(std::uint32_t index, Cycles now) {
    Source& source = sources_[index];
    const Cycles due = std::min(source.created, now + static_cast<Cycles>(kCalendar) - 1);
    std::uint32_t& head = calendar_[static_cast<std::size_t>(due) & (kCalendar - 1)];
    source.next = head;
    head = index;
  }
  void start(Source& source, traffic::Tally& tally) {
    const std::uint32_t to = load_->endpoints.destination(source.node, source.random);
    const traffic::Place place = load_->endpoints.place(to), from = load_->endpoints.place(source.node);
    source.where = static_cast<std::uint32_t>(place.row) << kPlaceBits | static_cast<std::uint32_t>(place.column);
    std::int64_t hops = traffic::distance(from, place);
    if (load_->headings != nullptr) {
      const topology::Headings::Way way =
          load_->headings->way({from.row, from.column}, {place.row, place.column}, book_);
      source.where = way.heading;
      hops = way.hops;
    }
    source.left = load_->packet_flits;
    if (window_.holds(source.created)) tally.distance += static_cast<std::uint64_t>(hops);
  }

  const Load* load_;
  std::uint32_t channels_, buffer_flits_;
  topology::Headings::Book book_;
  traffic::Window window_;
  std::size_t past_ = 0;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> of_router_;  ///< kNone: a site without a node
  std::vector<std::uint32_t> calendar_;   ///< by cycle: first source that is idle until then
  std::vector<std::uint32_t> sending_;    ///< sources with a packet to send
};

template <class Send>
void Sources::run(Cycles now, traffic::Tally& tally, Send&& send) {
  std::uint32_t due = calendar_[static_cast<std::size_t>(now) & (kCalendar - 1)];
  calendar_[static_cast<std::size_t>(now) & (kCalendar - 1)] = kNone;
  while (due != kNone) {
    const std::uint32_t index = due;
    due = sources_[index].next;
    if (sources_[index].created > now) {
      put_in_calendar(index, now);
    } else {
      sending_.push_back(index);
    }
  }
  std::size_t kept = 0;
  const std::uint32_t length = load_->packet_flits;
  for (const std::uint32_t index : sending_) {
    sending_[kept] = index;
    Source& source = sources_[index];
    if (source.left == 0) start(source, tally);
    std::uint32_t mark = 0;
    if (source.left == length) {
      if (source.open == 0) {
        ++kept;
        continue;
      }
      source.channel = static_cast<std::uint8_t>(pick<std::uint32_t>(source.open, source.last));
      mark = kHead;
      if (window_.holds(source.created)) {
        ++tally.injected;
        tally.source_cycles += static_cast<std::uint64_t>(now - source.created);
      }
    } else if ((source.open >> source.channel & 1) == 0) {
      ++kept;
      continue;
    }
    const unsigned channel = source.channel;
    if (--source.credits[channel] == 0) source.open = static_cast<std::uint8_t>(source.open & ~(1u << channel));
    if (--source.left == 0) mark |= kTail;
    send(source.router, channel, Flit{static_cast<std::uint32_t>(source.created), source.where | mark});
    ++tally.flits_injected;
    if ((mark & kTail) == 0) {
      ++kept;
      continue;
    }
    source.last = static_cast<std::uint8_t>(channel + 1);
    draw(source, tally);
    if (source.created <= now + 1) {
      ++kept;
    } else {
      put_in_calendar(index, now);
    }
  }
  sending_.resize(kept);
}

}  // namespace dojo::reference

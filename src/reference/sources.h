// SPDX-License-Identifier: Apache-2.0
// The sending side of the nodes of a block: of the packets that wait at a read port one at a time goes to the router, a
// flit a cycle.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/traffic/source_queues.h"
#include "reference/router.h"

namespace dojo::reference {

/// How the sources of a block send.
struct Sending {
  const traffic::Load& load;
  std::uint32_t packet_flits = 1;
  std::uint32_t virtual_channels = 4;  ///< of the first leg, where packets start
  std::uint32_t buffer_flits = 8;
  std::uint32_t stride = 4;  ///< VCs of a port at most
  [[nodiscard]] std::uint32_t write_ports() const { return load.ports.write; }
  [[nodiscard]] static Cycles sink_cycles() { return 1; }
};

struct FlitSource : traffic::PacketSource {
  std::uint32_t next = kNone;
  std::uint8_t channel = 0, last = 0, open = 0;  ///< VC in use, VC after the last one used, VCs with credit
  std::array<std::uint8_t, 8> credits{};
};

class Sources : public traffic::SourceQueues<FlitSource> {
 public:
  Sources(const Sending& sending, const MeshShape& shape);

  /// `input_vc`: read port x stride + VC.
  void credit(std::uint32_t router, std::uint32_t input_vc) {
    Source& source = sources_[index_of(router, input_vc / sending_.stride)];
    const std::uint32_t channel = input_vc % sending_.stride;
    if (source.credits[channel]++ == 0) source.open = static_cast<std::uint8_t>(source.open | 1u << channel);
  }
  /// Calls send(router, input_vc, flit) for each flit that goes in cycle `now`.
  template <class Send>
  void run(Cycles now, traffic::Tally& tally, Send&& send);

  [[nodiscard]] std::uint64_t bytes() const { return sources_.capacity() * sizeof(Source); }

 private:
  static constexpr std::size_t kCalendar = 2048;  ///< cycles ahead; later creations are looked at again then
  using Source = FlitSource;

  void put_in_calendar(std::uint32_t index, Cycles now) {
    Source& source = sources_[index];
    const Cycles due = std::min(source.created, now + static_cast<Cycles>(kCalendar) - 1);
    std::uint32_t& head = calendar_[static_cast<std::size_t>(due) & (kCalendar - 1)];
    source.next = head;
    head = index;
  }

  Sending sending_;
  std::vector<std::uint32_t> calendar_;  ///< by cycle: first source that is idle until then
  std::vector<std::uint32_t> active_;    ///< sources with a packet to send
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
      active_.push_back(index);
    }
  }
  std::size_t kept = 0;
  const std::uint32_t length = sending_.packet_flits;
  for (const std::uint32_t index : active_) {
    active_[kept] = index;
    Source& source = sources_[index];
    if (source.left == 0) start(source, length, tally);
    std::uint32_t mark = 0;
    if (source.left == length) {
      if (source.open == 0) {
        ++kept;
        continue;
      }
      source.channel = static_cast<std::uint8_t>(next_bit<std::uint32_t>(source.open, source.last));
      mark = kFirstMark;
      if (window().holds(source.created)) {
        ++tally.injected;
        tally.source_cycles += static_cast<std::uint64_t>(now - source.created);
      }
    } else if ((source.open >> source.channel & 1) == 0) {
      ++kept;
      continue;
    }
    const unsigned channel = source.channel;
    if (--source.credits[channel] == 0) source.open = static_cast<std::uint8_t>(source.open & ~(1u << channel));
    if (--source.left == 0) mark |= kLastMark;
    send(source.router, source.port * sending_.stride + channel,
         Flit{static_cast<std::uint32_t>(source.created), source.where | mark});
    ++tally.flits_injected;
    if ((mark & kLastMark) == 0) {
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
  active_.resize(kept);
}

}  // namespace dojo::reference

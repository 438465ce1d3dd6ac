// SPDX-License-Identifier: Apache-2.0
// A die with a network that moves bursts, whose neighbours are mailboxes.
#pragma once
#include "dojo/fabric/ideal_die.h"
#include "machine/die/kernel_runs.h"
#include "machine/die/messages.h"
#include "machine/network/burst_port.h"
#include "machine/network/models.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {

using fabric::Burst;
using fabric::Crossing;
using fabric::Shape;
using topology::Direction;
using FastPort = BurstPort<fabric::DieNetwork>;
inline constexpr Bytes kBurst = 128;

inline Burst to(std::int32_t row, std::int32_t column, std::uint32_t name = 0) {
  Burst burst;
  burst.row = row;
  burst.column = column;
  burst.payload.words[0] = name;
  return burst;
}

template <class Port>
struct DieOf {
  DieOf(Bench& bench, DieId id) : context(bench.context()), die(id), port(context, id, wheel, moment, receiver) {
    moment.sums = &sums;
  }
  /// As a die does: own events and what the network has to do, in the order of time.
  void run(Cycles end = kNever) {
    engine::Event event;
    for (;;) {
      while (wheel.take(std::min(end, port.own_events_until()), event)) {
        moment.now = event.time;
        if (Timer::part(event) == Part::kNetwork) {
          port.handle(event);
        } else {
          kernels->handle(event);
        }
      }
      if (port.next_time() >= end) break;
      moment.now = port.next_time();
      port.run_next();
    }
    port.end_window();
  }
  void post(SiteIndex site, const Burst& head, Bytes bytes, Cycles now, unsigned queue = 0) {
    moment.now = now;
    port.post(site, head, bytes, now, queue);
  }
  /// What it has sent to that side in this window.
  [[nodiscard]] std::vector<Crossing>& out(Direction d) {
    return context.mail[context.mailbox_of_die(die, d)].crossings[context.parity];
  }
  [[nodiscard]] std::vector<fabric::Credit>& credits(Direction d) {
    return context.mail[context.mailbox_of_die(die, d)].credits[context.parity];
  }
  [[nodiscard]] std::vector<std::uint32_t> names(Direction d) {
    std::vector<std::uint32_t> names;
    for (const Crossing& crossing : out(d)) names.push_back(crossing.burst.payload.words[0]);
    return names;
  }
  [[nodiscard]] std::vector<std::pair<std::uint32_t, Cycles>> arrived() const {
    std::vector<std::pair<std::uint32_t, Cycles>> all;
    for (const FakeReceiver::Message& m : receiver.messages) all.emplace_back(m.burst.payload.words[0], m.tail);
    return all;
  }
  /// So many bursts pass the edge's credits and wait behind it.
  void fill(Direction d, std::uint32_t count, std::uint32_t name) {
    Burst burst = to(0, 0, name);
    burst.shape = d == Direction::kEast   ? Shape::kRowEast
                  : d == Direction::kWest ? Shape::kRowWest
                                          : Shape::kColumnSouth;
    burst.bytes = kBurst;
    for (std::uint32_t i = 0; i < count; ++i) port.pass_on(d, 0, burst, 100);
  }
  /// The neighbour at that side gives back room for so many bursts.
  void give_credits(Direction d, Cycles time, std::uint32_t bursts) {
    const std::size_t mailbox = context.mailbox_of_die(context.topology.edge(die, d).neighbour, topology::opposite(d));
    for (std::uint32_t i = 0; i < bursts; ++i)
      context.mail[mailbox].credits[1 - context.parity].push_back({time, kBurst, 0});
    port.read_mail();
  }
  Context& context;
  const DieId die;
  engine::Wheel wheel;
  Moment moment;
  ThreadSums sums = empty_sums();
  FakeReceiver receiver;
  Port port;
  KernelRuns* kernels = nullptr;
};
using Die = DieOf<FastPort>;

}  // namespace dojo::machine::test

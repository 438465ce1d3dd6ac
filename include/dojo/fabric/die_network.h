// SPDX-License-Identifier: Apache-2.0
// The mesh of one die in the fast model. A burst walks a straight segment in one event: on each link it starts when its
// head is there and the link is free, and occupies it for its flits. A head that waits holds no link behind it, but the
// read port of its node once the first buffer is full. Control packets interleave with data bursts.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/fabric/burst_routes.h"
#include "dojo/fabric/flit_size.h"
#include "dojo/fabric/port_times.h"
#include "dojo/fabric/stripe_groups.h"
#include "dojo/schema/counters.h"
#include "dojo/topology/topology.h"

namespace dojo::fabric {

using topology::Direction;

/// What a link has carried. What timing needs is kept apart (DieNetwork::LinkTime): dies are cold in the host's caches
/// when their turn comes.
struct LinkUse {
  std::uint64_t busy_cycles = 0, queue_cycles = 0;
  std::uint64_t bursts = 0;

  // What the report says of links of every class is in machine::LinkCounters.
  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("busy_cycles", self.busy_cycles, Sum{}, "cycles", "the link carries a flit", kNotReported);
    field("queue_cycles", self.queue_cycles, Sum{}, "cycles", "waited by bursts before the link", kNotReported);
    field("bursts", self.bursts, Sum{}, "bursts", "over the link", kNotReported);
  }
};
static_assert(schema::every_counter_is_listed<LinkUse>());
struct Link : LinkUse {
  Cycles free = 0;  ///< data bursts may start here
};

struct PortUse {
  std::uint64_t bytes_injected = 0, bytes_ejected = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("bytes_injected", self.bytes_injected, Sum{}, "bytes", "read by the network out of the SRAM", kNotReported);
    field("bytes_ejected", self.bytes_ejected, Sum{}, "bytes", "written by the network into the SRAM", kNotReported);
  }
};
static_assert(schema::every_counter_is_listed<PortUse>());
/// SRAM side of a node's router: when the first of its read ports (injection) and of its write ports (ejection) is
/// free.
struct Port : PortUse {
  Cycles inject_free = 0, eject_free = 0;
};

/// One node of a gather: it may hold a piece, and it receives all others.
struct GatherNode {
  std::uint16_t offset = 0;  ///< column (row) on the die
  std::uint32_t piece_bytes = 0;
  Cycles ready = 0;  ///< in: its piece may be read
  Cycles done = 0;   ///< out: all pieces of others have been written
};
/// All pieces of the nodes of a row or column, multicast to all of them at once.
struct Gathering {
  bool horizontal = true;
  bool leaves_low = false, leaves_high = false;  ///< goes on to the die west (north), east (south)
  /// A train takes turns with what has taken links and ports before it: it waits there for no more than as much as it
  /// is itself. Else it waits for all of that.
  bool in_turns = false;
  std::int32_t lane = 0;
  GatherNode* nodes = nullptr;  ///< ascending offsets
  std::uint32_t count = 0;
  // Results
  Cycles first_start = kNever;                   ///< earliest read
  Cycles links_free = 0;                         ///< of the busiest link
  Cycles low_head = kNever, high_head = kNever;  ///< at the border, when it leaves the die there
  Cycles first_head = kNever, last_tail = 0;     ///< earliest head and last tail at any receiver
  Bytes bytes = 0;                               ///< of all pieces
  Flits delivered = 0;                           ///< over all receivers
};

class DieNetwork {
 public:
  /// `groups`: those of the die's site map; none: makes its own.
  void configure(const topology::Topology& topology, DieId die, std::shared_ptr<const StripeGroups> groups = nullptr);

  [[nodiscard]] std::int32_t rows() const { return rows_; }
  [[nodiscard]] std::int32_t columns() const { return columns_; }
  [[nodiscard]] std::int32_t first_row() const { return first_row_; }  ///< of the whole machine
  [[nodiscard]] std::int32_t first_column() const { return first_column_; }
  [[nodiscard]] Flits flits(Bytes bytes) const { return bytes <= flit_.bytes() ? 1 : flit_.to_carry(bytes); }
  [[nodiscard]] Link link(SiteIndex site, Direction d) const {
    const auto at = static_cast<std::size_t>(d);
    const std::size_t i = index(d, site / columns_, site % columns_);
    Link link{use_[at][i], times_[at][i].free};
    link.queue_cycles += times_[at][i].waited;
    return link;
  }
  [[nodiscard]] Port port(SiteIndex site) const { return {port_use_[site], reads_.first(site), writes_.first(site)}; }
  [[nodiscard]] Cycles inject_free(SiteIndex site) const { return reads_.first(site); }
  [[nodiscard]] bool enabled(SiteIndex site) const { return enabled_[site] != 0; }
  /// Site of the first node. Requires that there is one.
  [[nodiscard]] SiteIndex first_node() const {
    return static_cast<SiteIndex>(std::find(enabled_.begin(), enabled_.end(), 1) - enabled_.begin());
  }
  /// Counters, for those who find out in another way what happened.
  [[nodiscard]] LinkUse& use(SiteIndex site, Direction d) {
    return use_[static_cast<std::size_t>(d)][index(d, site / columns_, site % columns_)];
  }
  [[nodiscard]] PortUse& use(SiteIndex site) { return port_use_[site]; }
  [[nodiscard]] const LinkUse& use(SiteIndex site, Direction d) const {
    return use_[static_cast<std::size_t>(d)][index(d, site / columns_, site % columns_)];
  }
  [[nodiscard]] const PortUse& use(SiteIndex site) const { return port_use_[site]; }
  /// Adds what striped bursts have moved and what bursts have waited since the last call to the counters of links and
  /// ports.
  void settle();
  /// No link or port is taken beyond this cycle.
  [[nodiscard]] Cycles latest() const { return latest_; }
  [[nodiscard]] Cycles hop_cycles() const { return hop_; }
  /// Width of a link: what it carries in each busy cycle, the last flit of a burst padded.
  [[nodiscard]] Bytes link_bytes() const { return flit_.bytes(); }
  [[nodiscard]] FlitSize flit_size() const { return flit_; }

  /// Gives a message from `site` the first leg of its detour around dead parts, if it needs one. Returns the hops that
  /// the detour adds.
  std::int32_t start_route(SiteIndex site, Burst& burst) {
    return routes_.start(burst, {first_row_ + site / columns_, first_column_ + site % columns_});
  }
  [[nodiscard]] bool has_detours() const { return routes_.needed(); }
  /// The burst as it is when it leaves this die, or ends on it: legs that end on this die are done.
  [[nodiscard]] Burst at_exit(const Burst& burst) {
    Burst last = burst;
    while (last.legs_left > 0 && on_die(last.row - first_row_, last.column - first_column_)) routes_.next_leg(last);
    return last;
  }

  /// Injects a burst at `site`. Sink: `deliver(site, burst, created, tail_time)` for each node reached on this die,
  /// `leave(direction, burst, head_time)` where it goes on to the next die; may be called several times for multicasts.
  /// Returns when a read port of the node is free again. Requires now >= the node's inject_free for data.
  template <class Sink>
  Cycles inject(SiteIndex site, const Burst& burst, Cycles now, Sink&& sink);

  /// A read port that a message has taken, and when that message begins.
  struct ReadTurn {
    std::uint32_t port = 0;
    Cycles start = 0;
  };
  /// Takes a read port of a node for a data message of `n` flits, behind all that have taken it before. Its bursts
  /// follow with inject_in_turn(), each when its time has come, so that no link is taken long before it is used.
  ReadTurn take_read_port(SiteIndex site, Flits n, Cycles now) {
    ReadTurn turn;
    turn.port = static_cast<std::uint32_t>(reads_.number_of_first(site, now));
    Cycles& free = reads_.port(turn.port);
    turn.start = std::max(now, free);
    free = turn.start + n;
    latest_ = std::max(latest_, free);
    return turn;
  }
  /// Injects the next unicast burst of such a message. Returns when the one after it may go.
  template <class Sink>
  Cycles inject_in_turn(SiteIndex site, std::uint32_t port, const Burst& burst, Cycles now, Sink&& sink);

  /// A burst's head enters from a neighbour at time `now`, in row (or column) `lane` of the edge on side `side`.
  /// Returns when its head has left the receive buffer.
  template <class Sink>
  Cycles enter(Direction side, std::int32_t lane, const Burst& burst, Cycles now, Sink&& sink);

  /// The multicasts of all nodes of a line in one step: on each link the pieces of all nodes behind it follow one
  /// another. The result is that of injecting them one by one, except for the order in which the pieces pass. Only
  /// waits are counted here. What a gather puts on links and ports follows from its pieces, so count() adds it later,
  /// once for many gathers.
  void gather(Gathering& g);
  /// Adds what `times` gathers of these pieces load to links and ports.
  void count(const Gathering& g, std::uint64_t times);

  /// Striped bursts: every enabled node of a group sends or receives an equal piece, all along rows or all along
  /// columns.
  struct Stripe {
    Cycles head = 0;        ///< leaving: when it is at the border, late enough that all flits follow without a gap
    Cycles start = 0;       ///< when the heads have left the routers of their nodes, or the receive buffer
    Cycles done = 0;        ///< arriving: all pieces have been written
    Cycles links_free = 0;  ///< of the busiest link
  };
  /// `d`: the direction in which it moves.
  Stripe stripe_out(Direction d, unsigned group, Bytes bytes, Cycles now);
  Stripe stripe_through(Direction d, unsigned group, Bytes bytes, Cycles now);
  Stripe stripe_in(Direction d, unsigned group, Bytes bytes, Cycles now);
  /// Flits of the longest train: that of the row (column) with most of the group's nodes.
  [[nodiscard]] Flits stripe_flits(Direction d, unsigned group, Bytes bytes) const;
  /// Of each node.
  [[nodiscard]] Flits piece_flits(unsigned group, Bytes bytes) const {
    const std::uint32_t nodes = (*groups_)[group].nodes();
    return nodes == 0 ? 0 : flits(ceil_div<Bytes>(bytes, nodes));
  }
  [[nodiscard]] const StripeGroups& groups() const { return *groups_; }
  /// Takes the state of a die with the same map elsewhere in the machine.
  void take_over(const DieNetwork& from) {
    const std::int32_t first_row = first_row_;
    const std::int32_t first_column = first_column_;
    *this = from;
    first_row_ = first_row;
    first_column_ = first_column;
  }

 protected:
  struct Walk {
    Cycles head;         ///< time the head reaches the end of the segment
    Cycles first_start;  ///< start on the first link
  };
  /// When the head starts on the first link of a way (or the write port), and when the tail has left it.
  struct Departure {
    Cycles start = kNever;
    Cycles end = 0;
  };

  /// Flits between two links, which follow each other without a gap once they have all come.
  struct Train {
    Flits flits = 0;
    Cycles head = kNever;  ///< first of them at this router
    Cycles tail = 0;       ///< one past the last
  };
  struct LinkTime {
    Cycles free = 0;                    ///< data bursts may start here
    std::uint64_t waited = 0;           ///< by bursts before the link, cycles; settle() adds them to its queue_cycles
    Cycles gap_begin = 0, gap_end = 0;  ///< nothing is on the link here: the last such time before `free`
  };
  /// Moves a train over one link to the next router; returns when its head starts. Only the wait is counted.
  static Cycles pass(LinkTime& link, Train& train, Cycles hop) {
    const Cycles start = std::max(train.head, link.free);
    const Cycles end = std::max(start + train.flits, train.tail);
    link.waited += static_cast<std::uint64_t>(start - train.head);
    link.free = end;
    train.head = start + hop;
    train.tail = end + hop;
    return start;
  }
  /// The same, with a wait of at most what is left of `turns`, which it takes from that. What has taken the link
  /// before is not moved; later trains find the link taken for the flits of both.
  static Cycles pass_in_turns(LinkTime& link, Train& train, Cycles hop, Cycles& turns) {
    const Cycles wait = std::clamp<Cycles>(link.free - train.head, 0, std::max<Cycles>(turns, 0));
    const Cycles start = train.head + wait;
    const Cycles end = std::max(start + train.flits, train.tail);
    link.waited += static_cast<std::uint64_t>(wait);
    turns -= wait;
    link.free = std::max(link.free + train.flits, end);
    train.head = start + hop;
    train.tail = end + hop;
    return start;
  }
  /// What is lost of `came` flits that find their write port taken for `wait` more cycles: queues of a few packets
  /// before a port that two sides share run empty now and then.
  [[nodiscard]] Flits lost(Cycles wait, Flits came) const { return wait > 0 ? std::min(wait, came) * loss_ / 100 : 0; }
  /// The same of a train that takes turns, where it comes from both sides of its line: a quarter of that (fitted to a
  /// row whose nodes all send, gather_rows of docs/validation.md).
  [[nodiscard]] Flits lost_in_turns(Flits came) const { return came * loss_ / 400; }
  /// Asks the host's caches for the links of a row or column in one direction; a die is cold when its turn comes.
  void prefetch_links(Direction d, std::int32_t lane) const {
    const bool horizontal = d == Direction::kEast || d == Direction::kWest;
    const std::size_t length = static_cast<std::size_t>(horizontal ? columns_ : rows_);
    const LinkTime* const links = times_[static_cast<std::size_t>(d)].data() + static_cast<std::size_t>(lane) * length;
    for (std::size_t i = 0; i < length; i += 64 / sizeof(LinkTime)) __builtin_prefetch(links + i, 1);
  }
  /// Occupies `links` consecutive links from `first`; scratch().heads[i] is when the head reaches the end of link i.
  template <bool kCountLoad = true>
  Walk walk(Direction d, std::size_t first, int links, Flits flits, Cycles head);
  Walk walk_control(Direction d, std::size_t first, int links, Flits flits, Cycles head);
  Cycles eject(SiteIndex site, const Burst& burst, Flits flits, Cycles head);

  /// A burst's way on the die: along a row, then along a column.
  struct Turned {
    struct Part {
      Direction direction = Direction::kEast;
      std::size_t first = 0;  ///< link; the others follow
      std::int32_t count = 0;
    };
    std::array<Part, 2> parts;
    std::size_t size = 0;
  };
  /// A burst that waits for its node's write port fills the buffers on its way, and the links behind those are held.
  /// `head`: when it has come; `tail`: one past its last flit at the port.
  void hold(const Turned& way, Flits flits, Cycles head, Cycles tail);
  template <class Sink>
  Departure unicast(std::int32_t row, std::int32_t column, const Burst& burst, Cycles now, Sink&& sink);
  template <class Sink>
  Departure line(Direction d, std::int32_t row, std::int32_t column, const Burst& burst, Cycles now, Sink&& sink);
  template <class Sink>
  Departure branches(std::int32_t row, std::int32_t column, const Burst& burst, Cycles now, bool at_source,
                     Sink&& sink);

  [[nodiscard]] std::size_t index(Direction d, std::int32_t row, std::int32_t column) const {
    switch (d) {  // consecutive links of a straight segment lie one after another
      case Direction::kEast:
        return static_cast<std::size_t>(row * columns_ + column);
      case Direction::kWest:
        return static_cast<std::size_t>(row * columns_ + (columns_ - 1 - column));
      case Direction::kSouth:
        return static_cast<std::size_t>(column * rows_ + row);
      case Direction::kNorth:
        break;
    }
    return static_cast<std::size_t>(column * rows_ + (rows_ - 1 - row));
  }
  [[nodiscard]] SiteIndex site_at(std::int32_t row, std::int32_t column) const {
    return static_cast<SiteIndex>(row * columns_ + column);
  }
  [[nodiscard]] bool on_die(std::int32_t row, std::int32_t column) const {
    return row >= 0 && row < rows_ && column >= 0 && column < columns_;
  }

  std::int32_t rows_ = 1, columns_ = 1, first_row_ = 0, first_column_ = 0;
  std::int32_t machine_columns_ = 1;
  BurstRoutes routes_;
  Cycles hop_ = 1, latest_ = 0;
  FlitSize flit_;
  Flits buffer_flits_ = 4, short_burst_ = 12;
  std::array<std::vector<LinkTime>, topology::kDirections> times_;
  std::array<std::vector<LinkUse>, topology::kDirections> use_;
  std::array<std::vector<Cycles>, topology::kDirections> control_free_;  // the same for control packets; empty: 0
  PortTimes reads_, writes_;
  std::vector<PortUse> port_use_;
  std::vector<std::uint8_t> enabled_;
  Flits loss_ = 0;  // at contended write ports, in hundredths
  /// Of gather(), by offset on the die.
  struct Stop {
    Flits piece = 0;                              // of the node here
    Cycles* read_port = nullptr;                  // which it goes through
    Cycles head = kNever;                         // of that piece at its router
    std::array<Flits, 2> came{};                  // from the low and the high side
    std::array<Cycles, 2> heads{kNever, kNever};  // first flit of those
    std::array<Cycles, 2> tails{};                // one past their last
    std::array<Cycles, 2> starts{};               // on the link towards high, low
  };
  /// Of the host thread: what belonged to a die would be cold in the host's caches when its turn comes. It holds
  /// nothing from one call to the next.
  struct Scratch {
    std::vector<Cycles> heads;  // of walk(), by link
    std::vector<Stop> stops;
  };
  /// For lines of a die of this size.
  [[nodiscard]] Scratch& scratch() const {
    static thread_local Scratch of_thread;
    const auto length = static_cast<std::size_t>(std::max(rows_, columns_));
    if (of_thread.stops.size() < length) {
      of_thread.stops.resize(length);
      of_thread.heads.resize(length + 1);
    }
    return of_thread;
  }
  struct Way {
    std::int32_t first, stride;
    std::size_t link;  ///< index of the first link; the others follow
  };
  struct Steps {
    std::int32_t begin, end;
  };
  std::shared_ptr<const StripeGroups> groups_;
  using StripeUses = std::array<std::vector<StripeUse>, topology::kDirections>;
  StripeUses striped_out_, striped_through_, striped_in_;
  [[nodiscard]] Steps steps_of(Direction d, const StripeGroups::Group& group) const;
  template <class Ports>
  Stripe stripe_out_of(Direction d, unsigned group, Bytes bytes, Cycles now, Ports ports);
  template <class Ports>
  Stripe stripe_into(Direction d, unsigned group, Bytes bytes, Cycles now, Ports ports);
  void settle(Direction d, const StripeGroups::Group& group, const StripeUse& out, const StripeUse& through,
              const StripeUse& in);
  [[nodiscard]] Way way(Direction d, std::int32_t lane) const;
  void gather_towards(Gathering& g, bool high);
  void gather_at_nodes(Gathering& g);
  void count_towards(const Gathering& g, bool high, std::uint64_t times);
  [[nodiscard]] static Direction gather_direction(const Gathering& g, bool high);
  [[nodiscard]] std::size_t gather_link(const Gathering& g, bool high, std::int32_t at) const;
};

template <class Sink>
Cycles DieNetwork::inject(SiteIndex site, const Burst& burst, Cycles now, Sink&& sink) {
  const std::int32_t row = site / columns_;
  const std::int32_t column = site % columns_;
  Cycles& free = reads_.take_first(site, now);
  const Flits n = flits(burst.bytes);
  port_use_[site].bytes_injected += burst.bytes;
  Burst sent = burst;
  sent.created = now;
  const Cycles head = now + hop_;  // SRAM read port to router
  if (burst.traffic_class == TrafficClass::kControl) {
    unicast(row, column, sent, head, sink);
    return reads_.first(site);
  }
  const Departure first = burst.shape == Shape::kUnicast ? unicast(row, column, sent, head, sink)
                                                         : branches(row, column, sent, head, true, sink);
  // The read port streams one packet a cycle and stalls when the first link does not take them beyond the buffer.
  free = std::max(now + n, first.end - hop_ - buffer_flits_);
  latest_ = std::max(latest_, free);
  return reads_.first(site);
}

template <class Sink>
Cycles DieNetwork::inject_in_turn(SiteIndex site, std::uint32_t port, const Burst& burst, Cycles now, Sink&& sink) {
  port_use_[site].bytes_injected += burst.bytes;
  Burst sent = burst;
  sent.created = now;
  const Departure first = unicast(site / columns_, site % columns_, sent, now + hop_, sink);
  const Cycles stalled = first.end - hop_ - buffer_flits_;
  Cycles& free = reads_.port(port);
  free = std::max(free, stalled);
  latest_ = std::max(latest_, free);
  return std::max(now + flits(burst.bytes), stalled);
}

template <class Sink>
Cycles DieNetwork::enter(Direction side, std::int32_t lane, const Burst& burst, Cycles now, Sink&& sink) {
  std::int32_t row = lane;
  std::int32_t column = lane;
  switch (side) {
    case Direction::kEast:
      column = columns_ - 1;
      break;
    case Direction::kWest:
      column = 0;
      break;
    case Direction::kNorth:
      row = 0;
      break;
    case Direction::kSouth:
      row = rows_ - 1;
      break;
  }
  if (burst.shape == Shape::kUnicast) return unicast(row, column, burst, now, sink).start;
  return branches(row, column, burst, now, false, sink).start;
}

/// X first, then Y, then the node; or off the die. Returns when the head leaves the router at (row, column).
template <class Sink>
DieNetwork::Departure DieNetwork::unicast(std::int32_t row, std::int32_t column, const Burst& burst, Cycles now,
                                          Sink&& sink) {
  const Flits n = flits(burst.bytes);
  const bool control = burst.traffic_class == TrafficClass::kControl;
  const bool to_dip = burst.column < 0 || burst.column >= machine_columns_;
  const std::int32_t to_row = burst.row - first_row_;
  // A message to a DIP leaves its row of dies last: along X to the boundary column, along Y to the row, then out.
  std::int32_t to_column = (to_dip ? std::clamp(burst.column, 0, machine_columns_ - 1) : burst.column) - first_column_;
  const bool leaves_x = to_column < 0 || to_column >= columns_;
  Cycles head = now;
  Departure departure;
  Cycles* out = nullptr;  // free time of the first link
  Turned way;
  const auto segment = [&](Direction d, std::int32_t count) {
    const std::size_t first = index(d, row, column);
    if (way.size < way.parts.size()) way.parts[way.size++] = {d, first, count};
    const Walk w = control ? walk_control(d, first, count, n, head) : walk(d, first, count, n, head);
    head = w.head;
    if (out != nullptr) return;
    out = &times_[static_cast<std::size_t>(d)][first].free;
    departure.start = w.first_start;
    departure.end = control ? *out : w.first_start + n;
  };
  if (to_column != column) {
    const Direction d = to_column > column ? Direction::kEast : Direction::kWest;
    const std::int32_t end = leaves_x ? (d == Direction::kEast ? columns_ - 1 : 0) : to_column;
    segment(d, std::abs(end - column) + (leaves_x ? 1 : 0));  // the last of them is the lane into the edge
    if (leaves_x) {
      sink.leave(d, row, burst, head);
      return departure;
    }
    column = to_column;
  }
  if (to_row != row) {
    const Direction d = to_row > row ? Direction::kSouth : Direction::kNorth;
    const bool leaves_y = to_row < 0 || to_row >= rows_;
    const std::int32_t end = leaves_y ? (d == Direction::kSouth ? rows_ - 1 : 0) : to_row;
    segment(d, std::abs(end - row) + (leaves_y ? 1 : 0));
    if (leaves_y) {
      sink.leave(d, column, burst, head);
      return departure;
    }
    row = to_row;
  }
  if (to_dip) {
    const Direction d = burst.column < 0 ? Direction::kWest : Direction::kEast;
    segment(d, 1);
    sink.leave(d, row, burst, head);
    return departure;
  }
  if (burst.legs_left > 0) {  // a turn of a detour: the next leg begins at this router
    Burst onward = burst;
    routes_.next_leg(onward);
    const Departure rest = unicast(row, column, onward, head, sink);
    return out == nullptr ? rest : departure;
  }
  const SiteIndex site = site_at(row, column);
  const Cycles tail = eject(site, burst, n, head);
  if (!control && tail - n > head) hold(way, n, head, tail);
  if (out == nullptr) departure = {tail - n, tail};
  sink.deliver(site, burst, tail);
  return departure;
}

/// One direction of a multicast from the router at (row, column), which has been served already.
template <class Sink>
DieNetwork::Departure DieNetwork::line(Direction d, std::int32_t row, std::int32_t column, const Burst& burst,
                                       Cycles now, Sink&& sink) {
  const bool horizontal = d == Direction::kEast || d == Direction::kWest;
  const std::int32_t step = d == Direction::kEast || d == Direction::kSouth ? 1 : -1;
  const std::int32_t here = horizontal ? column : row;
  const std::int32_t limit = horizontal ? columns_ : rows_;
  const std::int32_t target =
      (step > 0 ? burst.reach.high : burst.reach.low) - (horizontal ? first_column_ : first_row_);
  const bool leaves = target < 0 || target >= limit;
  const std::int32_t last = leaves ? (step > 0 ? limit - 1 : 0) : target;
  const std::int32_t links = (last - here) * step + (leaves ? 1 : 0);
  if (links <= 0) return {};
  const Flits n = flits(burst.bytes);
  const std::size_t first = index(d, row, column);
  const Walk w = walk(d, first, links, n, now);
  const std::vector<Cycles>& heads = scratch().heads;
  for (std::int32_t i = 1; i <= (last - here) * step; ++i) {
    const std::int32_t at = here + i * step;
    const SiteIndex site = horizontal ? site_at(row, at) : site_at(at, column);
    if (enabled_[site] == 0) continue;
    const Cycles tail = eject(site, burst, n, heads[static_cast<std::size_t>(i) - 1]);
    sink.deliver(site, burst, tail);
  }
  if (leaves) {
    Burst onward = burst;
    onward.shape = d == Direction::kEast    ? Shape::kRowEast
                   : d == Direction::kWest  ? Shape::kRowWest
                   : d == Direction::kNorth ? Shape::kColumnNorth
                                            : Shape::kColumnSouth;
    sink.leave(d, horizontal ? row : column, onward, w.head);
  }
  return {w.first_start, w.first_start + n};
}

template <class Sink>
DieNetwork::Departure DieNetwork::branches(std::int32_t row, std::int32_t column, const Burst& burst, Cycles now,
                                           bool at_source, Sink&& sink) {
  Departure departure{now, now};
  if (!at_source) {  // the first router of a die that a multicast enters
    const SiteIndex site = site_at(row, column);
    if (enabled_[site] != 0) {
      const Flits n = flits(burst.bytes);
      const Cycles tail = eject(site, burst, n, now);
      departure = {tail - n, tail};
      sink.deliver(site, burst, tail);
    }
  }
  const auto go = [&](Direction d) {
    const Departure branch = line(d, row, column, burst, now, sink);
    if (branch.start == kNever) return;
    departure.start = std::max(departure.start, branch.start);
    departure.end = std::max(departure.end, branch.end);
  };
  const Shape s = burst.shape;
  if (s == Shape::kRow || s == Shape::kRowEast) go(Direction::kEast);
  if (s == Shape::kRow || s == Shape::kRowWest) go(Direction::kWest);
  if (s == Shape::kColumn || s == Shape::kColumnNorth) go(Direction::kNorth);
  if (s == Shape::kColumn || s == Shape::kColumnSouth) go(Direction::kSouth);
  return departure;
}

}  // namespace dojo::fabric

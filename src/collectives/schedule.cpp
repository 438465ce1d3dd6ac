// SPDX-License-Identifier: Apache-2.0
// The walk over a plan: its items fire and send as in the simulation; parts of the machine are as in ScheduleParts.
#include "collectives/schedule.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <queue>

#include "collectives/schedule_parts.h"

namespace dojo::workload::collectives {
namespace {

using topology::Direction;

/// A message on its way, or the part of it that moves as one.
struct Part {
  std::uint32_t item = 0, unit = 0, chunk = 0;  ///< the replica that gets a token when the last part is there
  double bytes = 0;
  topology::Site at, to;  ///< of stripes: the first sites of dies
  Direction from = Direction::kEast;  ///< the way it moves
  std::size_t edge = 0;                ///< over which it came
  bool last = true;
};
struct Event {
  double time;
  std::uint64_t order;
  enum class Kind : std::uint8_t { kCredit, kArrive, kToken, kFire, kSend } kind;
  std::size_t index;   ///< of a replica, a queue or lane, a part, an edge
  double credit = 0;
  /// Of one cycle, credits come first, then arrivals over edges, then what nodes do.
  [[nodiscard]] int rank() const { return std::min(static_cast<int>(kind), static_cast<int>(Kind::kToken)); }
  bool operator<(const Event& other) const {
    if (time != other.time) return time > other.time;
    return rank() != other.rank() ? rank() > other.rank() : order > other.order;
  }
};

std::size_t axis_of(Direction d) {
  return d == Direction::kEast || d == Direction::kWest ? 0 : 1;
}
bool is_up(Direction d) {
  return d == Direction::kEast || d == Direction::kSouth;
}

class Walk {
 public:
  Walk(const DataflowPlan& plan, std::int64_t chunks, std::int64_t walked, const CollectiveRequest& request,
       const topology::Topology& topology)
      : plan_(plan),
        topology_(topology),
        parts_(plan, request, topology),
        rates_(topology),
        hop_(static_cast<double>(topology.params().noc.hop_cycles)),
        chunks_(static_cast<double>(chunks)),
        walked_(static_cast<std::uint32_t>(walked)),
        units_(static_cast<std::uint32_t>(parts_.units().size())),
        nodes_(static_cast<double>(request.members.front()->shape->node_count())),
        queues_(request.members.size() * units_),
        lane_pending_(parts_.striped() ? request.members.size() * 4 * kLanes : 0, false) {}

  double run() {
    const std::size_t replicas = plan_.items.size() * units_ * walked_;
    need_.reserve(replicas);
    for (const DataflowItem& item : plan_.items) need_.insert(need_.end(), std::size_t{units_} * walked_, item.need);
    for (std::uint32_t i = 0; i < plan_.items.size(); ++i) {
      if (!plan_.items[i].start) continue;
      for (std::uint32_t unit = 0; unit < units_; ++unit) {
        for (std::uint32_t chunk = 0; chunk < walked_; ++chunk) token(i, unit, chunk, 0);
      }
    }
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      switch (event.kind) {
        case Event::Kind::kFire:
          fire(event.index, event.time);
          break;
        case Event::Kind::kSend:
          parts_.striped() ? send_stripe(event.index, event.time) : send_track(event.index, event.time);
          break;
        case Event::Kind::kToken:
          written(event.index, event.time);
          break;
        case Event::Kind::kArrive:
          arrive(event.index, event.time);
          break;
        case Event::Kind::kCredit:
          add_credit(event.index, event.credit, event.time);
          break;
      }
    }
    return end_;
  }

 private:
  static constexpr std::size_t kLanes = std::max(fabric::kStripeGroupRows, fabric::kStripeGroupColumns);
  struct Queue {  ///< of what a unit of a member has to send
    std::deque<Part> messages;
    bool pending = false;
  };

  void at(double time, Event::Kind kind, std::size_t index) { events_.push({time, order_++, kind, index, 0}); }
  void token(std::uint32_t item, std::uint32_t unit, std::uint32_t chunk, double now);
  void fire(std::size_t which, double now);
  void post(std::uint32_t member, const DataflowEdge& edge, std::uint32_t unit, std::uint32_t chunk, double now);
  void send_track(std::size_t queue, double now);
  void plan_lane(std::uint32_t member, std::uint32_t unit, double now);
  void send_stripe(std::size_t lane, double now);
  Part next_part(std::deque<Part>& messages) const;
  ScheduleParts::Unicast move_track(Part part, double head, double now);
  double move_stripe(Part part, double now);
  void cross(Part part, Direction d, double head, double now);
  void offer(const Part& part, double line_flits, double head, double now);
  void go(std::size_t index, double now);
  void add_credit(std::size_t index, double bytes, double now);
  std::size_t keep(const Part& part);
  void deliver(Part part, double head, double flits);
  void written(std::size_t which, double now);
  void arrive(std::size_t which, double now);
  [[nodiscard]] std::optional<Direction> way(const Part& part) const;
  [[nodiscard]] std::size_t place(std::uint32_t member, std::uint32_t unit) const {
    return std::size_t{member} * units_ + unit;
  }
  [[nodiscard]] double own_bytes(double bytes, std::uint32_t unit) const {
    return parts_.striped() ? bytes / chunks_ * parts_.units()[unit].nodes / nodes_ : bytes / chunks_ / units_;
  }

  const DataflowPlan& plan_;
  const topology::Topology& topology_;
  ScheduleParts parts_;
  Rates rates_;
  double hop_, chunks_;
  std::uint32_t walked_, units_;
  double nodes_;
  std::vector<std::uint16_t> need_;
  std::vector<Queue> queues_;
  std::vector<bool> lane_pending_;  ///< by member, direction and lane
  std::vector<Part> in_flight_;
  std::vector<std::size_t> free_;
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0;
  double end_ = 0;
};

void Walk::token(std::uint32_t item, std::uint32_t unit, std::uint32_t chunk, double now) {
  const std::size_t which = (std::size_t{item} * units_ + unit) * walked_ + chunk;
  if (--need_[which] > 0) return;
  const DataflowItem& of = plan_.items[item];
  if (!of.combine) return fire(which, now);
  const double each = own_bytes(static_cast<double>(of.bytes), unit) / parts_.units()[unit].nodes;
  double& adder = parts_.adders[place(of.position, unit)];
  adder = std::max(adder, now) + std::ceil(each / rates_.combine);
  at(adder + static_cast<double>(topology_.params().node.vector_latency_cycles), Event::Kind::kFire, which);
}

void Walk::fire(std::size_t which, double now) {
  const auto chunk = static_cast<std::uint32_t>(which % walked_), unit = static_cast<std::uint32_t>(which / walked_ % units_);
  const DataflowItem& item = plan_.items[which / walked_ / units_];
  for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
    const DataflowEdge& edge = plan_.edges[e];
    if (plan_.items[edge.item].position == item.position) {
      token(edge.item, unit, chunk, now);
    } else {
      post(item.position, edge, unit, chunk, now);
    }
  }
  if (item.finish) end_ = std::max(end_, now);
}

void Walk::post(std::uint32_t member, const DataflowEdge& edge, std::uint32_t unit, std::uint32_t chunk, double now) {
  Part part;
  part.item = edge.item;
  part.unit = unit;
  part.chunk = chunk;
  part.bytes = std::max(own_bytes(static_cast<double>(edge.bytes), unit), static_cast<double>(parts_.striped() ? 1 : 64));
  part.at = parts_.site(member, unit);
  part.to = parts_.site(plan_.items[edge.item].position, unit);
  Queue& queue = queues_[place(member, unit)];
  queue.messages.push_back(part);
  if (parts_.striped()) {
    if (queue.messages.size() == 1) plan_lane(member, unit, now);
  } else if (!queue.pending) {
    queue.pending = true;
    at(std::max(now, parts_.reads[place(member, unit)]), Event::Kind::kSend, place(member, unit));
  }
}

/// The edge by which a part leaves the die where it is, columns first; none: it is where it goes.
std::optional<Direction> Walk::way(const Part& part) const {
  const ScheduleDie here = parts_.die_of(part.at), there = parts_.die_of(part.to);
  if (there.column != here.column) return there.column < here.column ? Direction::kWest : Direction::kEast;
  if (there.row != here.row) return there.row < here.row ? Direction::kNorth : Direction::kSouth;
  return std::nullopt;
}

/// The front message's next part; it leaves the queue with its last.
Part Walk::next_part(std::deque<Part>& messages) const {
  Part part = messages.front();
  const double parts = std::ceil(part.bytes / parts_.part_limit() - 1e-9);
  part.last = parts <= 1;
  if (!part.last) part.bytes = parts_.striped() ? part.bytes / parts : parts_.part_limit();
  messages.front().bytes -= part.bytes;
  if (part.last) messages.pop_front();
  return part;
}

/// The messages of a node take turns, part by part.
void Walk::send_track(std::size_t which, double now) {
  Queue& queue = queues_[which];
  const auto d = way(queue.messages.front());
  if (d) {
    ScheduleParts::Edge& edge = parts_.edge(parts_.edge_index(parts_.die_of(queue.messages.front().at), *d));
    if (edge.full()) return edge.parked_sends.push_back(which);
  }
  Part part = next_part(queue.messages);
  if (!part.last) {
    queue.messages.push_back(queue.messages.front());
    queue.messages.pop_front();
  }
  const double flits = parts_.flits(part.bytes), buffer = static_cast<double>(topology_.params().noc.buffer_packets_per_vc);
  const double first_link_free = move_track(part, now + hop_, now).first_link_free;
  // The port stalls when the first link does not take what the first buffer cannot hold.
  double& read = parts_.reads[which];
  read = std::max(now + flits, first_link_free - hop_ - buffer);
  queue.pending = !queue.messages.empty();
  if (queue.pending) at(read, Event::Kind::kSend, which);
}

/// The lane by which the front message of a group goes looks for what to send, if it does not already.
void Walk::plan_lane(std::uint32_t member, std::uint32_t unit, double now) {
  const std::deque<Part>& messages = queues_[place(member, unit)].messages;
  if (messages.empty()) return;
  const Direction d = *way(messages.front());
  const std::size_t lane =
      (std::size_t{member} * 4 + static_cast<std::size_t>(d)) * kLanes + parts_.units()[unit].lane[axis_of(d)];
  if (lane_pending_[lane]) return;
  lane_pending_[lane] = true;
  at(now, Event::Kind::kSend, lane);
}

/// Of the groups of the lane whose first message goes this way, the one nearest to the edge sends; where routers look at
/// the age of packets, the one with the oldest chunk.
void Walk::send_stripe(std::size_t lane, double now) {
  const auto member = static_cast<std::uint32_t>(lane / kLanes / 4);
  const auto d = static_cast<Direction>(lane / kLanes % 4);
  const std::size_t axis = axis_of(d);
  const bool oldest = topology_.params().noc.arbitration == topology::Arbitration::kAge;
  std::uint32_t best = kNone;
  double best_rank = 0;
  for (std::uint32_t unit = 0; unit < units_; ++unit) {
    const ScheduleUnit& of = parts_.units()[unit];
    const std::deque<Part>& messages = queues_[place(member, unit)].messages;
    if (of.lane[axis] != lane % kLanes || messages.empty() || way(messages.front()) != d) continue;
    const double place_on_way = of.begin[axis], rank = oldest ? messages.front().chunk : is_up(d) ? -place_on_way : place_on_way;
    if (best != kNone && rank >= best_rank) continue;
    best = unit;
    best_rank = rank;
  }
  lane_pending_[lane] = best != kNone;
  if (best == kNone) return;
  Queue& queue = queues_[place(member, best)];
  ScheduleParts::Edge& edge = parts_.edge(parts_.edge_index(parts_.die_of(queue.messages.front().at), d));
  if (edge.full()) return edge.parked_sends.push_back(lane);
  const Part part = next_part(queue.messages);
  const ScheduleUnit& unit = parts_.units()[best];
  double& read = parts_.reads[place(member, best)];
  const double start = std::max(now, read);
  read = start + parts_.flits(part.bytes / unit.nodes);
  const ScheduleParts::Stripe stripe = parts_.stripe_out(parts_.die_of(part.at), d, best, part.bytes, start);
  cross(part, d, stripe.head, now);
  const double across = hop_ * std::max(topology_.site_rows(), topology_.site_columns());
  const double next = std::max(now + 1, stripe.links_free - across);
  at(next, Event::Kind::kSend, lane);
  if (part.last) plan_lane(member, best, next);
}

/// Moves a track's message over the die where it is.
ScheduleParts::Unicast Walk::move_track(Part part, double head, double now) {
  const double flits = parts_.flits(part.bytes);
  const ScheduleParts::Unicast moved = parts_.unicast(part.at, part.to, flits, head);
  if (!moved.out) {
    deliver(part, moved.head, flits);
  } else {
    const std::size_t edge = parts_.edge_index(parts_.die_of(part.at), *moved.out);
    part.at = moved.next;
    part.edge = edge;
    offer(part, flits, moved.head, now);
  }
  return moved;
}

/// Returns when its head has left the receive buffer.
double Walk::move_stripe(Part part, double now) {
  const ScheduleDie here = parts_.die_of(part.at);
  if (const std::optional<Direction> d = way(part)) {
    const ScheduleParts::Stripe through = parts_.stripe_through(here, *d, part.unit, part.bytes, now);
    cross(part, *d, through.head, now);
    return through.start;
  }
  const double piece = parts_.flits(part.bytes / parts_.units()[part.unit].nodes);
  const ScheduleParts::Stripe in = parts_.stripe_in(here, part.from, part.unit, part.bytes, now);
  deliver(part, in.head - piece, piece);
  return in.start;
}

void Walk::cross(Part part, Direction d, double head, double now) {
  const double line = parts_.line_flits(parts_.units()[part.unit], axis_of(d), part.bytes);
  part.edge = parts_.edge_index(parts_.die_of(part.at), d);
  part.at = parts_.next_die(part.at, d);
  part.from = d;
  offer(part, line, head, now);
}

/// To an edge: it goes, or waits behind others or for credit.
void Walk::offer(const Part& part, double line_flits, double head, double now) {
  parts_.edge(part.edge).waiting.push_back({keep(part), part.bytes, line_flits, head});
  go(part.edge, now);
}

void Walk::go(std::size_t index, double now) {
  ScheduleParts::Edge& edge = parts_.edge(index);
  while (!edge.waiting.empty() && edge.credit > 0) {
    const std::size_t part = edge.waiting.front().part;
    at(edge.cross(now), Event::Kind::kArrive, part);
  }
}

void Walk::add_credit(std::size_t index, double bytes, double now) {
  ScheduleParts::Edge& edge = parts_.edge(index);
  edge.credit += bytes;
  go(index, now);
  std::vector<std::size_t> parked;
  parked.swap(edge.parked_parts);
  for (const std::size_t part : parked) arrive(part, now);
  parked.clear();
  parked.swap(edge.parked_sends);
  if (parts_.striped()) std::sort(parked.begin(), parked.end());  // the fast network looks at its lanes in this order
  for (const std::size_t send : parked) parts_.striped() ? send_stripe(send, now) : send_track(send, now);
}

std::size_t Walk::keep(const Part& part) {
  if (free_.empty()) {
    in_flight_.push_back(part);
    return in_flight_.size() - 1;
  }
  const std::size_t index = free_.back();
  free_.pop_back();
  in_flight_[index] = part;
  return index;
}

/// Through the write port, which takes what comes in the order of the heads.
void Walk::deliver(Part part, double head, double flits) {
  double& port = parts_.writes[place(plan_.items[part.item].position, part.unit)];
  port = std::max(port, head) + flits;
  if (part.last) at(port, Event::Kind::kToken, keep(part));
}

void Walk::written(std::size_t which, double now) {
  const Part part = in_flight_[which];
  free_.push_back(which);
  token(part.item, part.unit, part.chunk, now);
}

void Walk::arrive(std::size_t which, double now) {
  const Part part = in_flight_[which];
  if (const std::optional<Direction> d = way(part)) {
    ScheduleParts::Edge& out = parts_.edge(parts_.edge_index(parts_.die_of(part.at), *d));
    if (out.full()) return out.parked_parts.push_back(which);
  }
  free_.push_back(which);
  const double start = parts_.striped() ? move_stripe(part, now) : move_track(part, now, now).start;
  const double back = std::max(start, now) + parts_.edge(part.edge).latency;
  events_.push({back, order_++, Event::Kind::kCredit, part.edge, part.bytes});
}

}  // namespace

double scheduled_cycles(const DataflowPlan& plan, std::int64_t chunks, const CollectiveRequest& request,
                        const topology::Topology& topology) {
  const auto walk = [&](std::int64_t walked) { return Walk(plan, chunks, walked, request, topology).run(); };
  const std::int64_t most = 1'000'000;
  if (chunks <= most) return walk(chunks);
  const double half = walk(most / 2), whole = walk(most);
  return whole + (whole - half) / static_cast<double>(most - most / 2) * static_cast<double>(chunks - most);
}

}  // namespace dojo::workload::collectives

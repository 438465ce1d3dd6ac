// SPDX-License-Identifier: Apache-2.0
// The walk over a plan: its items fire and send in the order of the times at which they are ready.
#include "collectives/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>

#include "collectives/schedule_links.h"
#include "dojo/base/stop_point.h"
#include "dojo/engine/wheel.h"
#include "dojo/fabric/stripe_groups.h"
#include "dojo/topology/node_ports.h"

namespace dojo::workload::collectives {
namespace {

using topology::DieCoordinates;
using topology::Direction;
using topology::Site;

/// Of one walk. More only takes longer: each chunk after the first few takes as long as the one before it.
constexpr std::int64_t kMostParts = 40'000;
/// Walked of a long plan, whatever its parts.
constexpr std::int64_t kFewestChunks = 4;
/// Of more chunks than so many times those that are walked nothing is foreseen: of the all-reduce of the ExaPod (423
/// chunks, 3,000 dies) walks of 1 to 8 chunks end within 8 % of each other, in no order.
constexpr std::int64_t kMostTimes = 32;
/// Of a plan with a window so many windows are walked, while these have no more parts than that.
constexpr std::int64_t kWindows = 4, kMostOfWindows = 400'000;
/// Of one chunk. Plans with more messages are not walked, and longer messages move in fewer parts.
constexpr std::int64_t kMostOfChunk = 300'000;

/// A message on its way, or the part of it that moves as one.
struct Part {
  std::uint32_t item = 0, unit = 0, chunk = 0;  ///< the replica that gets a token when the last part is there
  double bytes = 0;
  Site at, to;                        ///< of stripes: the first sites of dies
  Direction from = Direction::kEast;  ///< the way it moves
  std::optional<Direction> out;  ///< the edge by which it leaves the die where it is, columns first; none: it stays
  std::size_t edge = 0;          ///< over which it came
  bool last = true;
};

enum class Kind : std::uint16_t { kCredit, kArrive, kToken, kFire, kSend };

/// What happens when. Of one cycle, credits come first, then arrivals over edges, then what nodes do. Crossings take a
/// cycle or more, so nothing is added that should have come before what was taken last.
class Timeline {
 public:
  struct Event {
    Cycles time;
    Kind kind;
    std::size_t index;
  };
  /// `index`: of a part, a replica, or a queue or lane. Times are whole cycles.
  void add(double time, Kind kind, std::size_t index) {
    wheel_.add(static_cast<Cycles>(time) * kClasses + std::min<Cycles>(static_cast<Cycles>(kind), kClasses - 1),
               static_cast<std::uint16_t>(kind), static_cast<std::uint32_t>(index));
  }
  bool take(Event& event) {
    engine::Event taken;
    if (!wheel_.take(kNever, taken)) return false;
    event = {taken.time / kClasses, static_cast<Kind>(taken.type), taken.a};
    return true;
  }

 private:
  static constexpr Cycles kClasses = 3;  // of one cycle
  engine::Wheel wheel_;
};

/// Parts in flight, each with a number.
class Flight {
 public:
  std::size_t add(const Part& part) {
    if (free_.empty()) {
      parts_.push_back(part);
      return parts_.size() - 1;
    }
    const std::size_t index = free_.back();
    free_.pop_back();
    parts_[index] = part;
    return index;
  }
  [[nodiscard]] const Part& operator[](std::size_t index) const { return parts_[index]; }
  Part take(std::size_t index) {
    free_.push_back(index);
    return parts_[index];
  }

 private:
  std::vector<Part> parts_;
  std::vector<std::size_t> free_;
};

/// How a walk cuts messages. `coarser`: parts are so much longer than in the fast network.
struct Cut {
  std::int64_t chunks, walked;
  double coarser;
};

/// From the start of a rank's operation until its nodes know of it: along half a row and half a column of a die.
double start_cycles(const Slice& slice, const topology::Topology& topology) {
  const std::int32_t rows = std::min(slice.shape->rows, topology.site_rows()),
                     columns = std::min(slice.shape->columns, topology.site_columns());
  if (slice.shape->node_count() == 1) return 0;
  const topology::MachineParams& p = topology.params();
  const Cycles hops = rows / 2 + columns / 2;
  return static_cast<double>(hops * p.noc.hop_cycles + 2 * p.node.semaphore_cycles);
}

/// The fast network's limit of a stripe: a burst of every row, and two of them in a receive buffer. Each of several
/// groups has the share of a coarse one, however fine they are.
double stripe_part_bytes(const std::vector<ScheduleEdge>& edges, bool grouped, const topology::Topology& topology) {
  auto limit = static_cast<double>(kBurstBytes * std::min(topology.site_rows(), topology.site_columns()));
  for (const ScheduleEdge& edge : edges) limit = std::min(limit, edge.credit / 2);
  return grouped ? std::max(limit / fabric::StripeGroups::kCoarse.groups(), 64.0) : limit;
}

class Walk {
 public:
  Walk(const DataflowPlan& plan, const Cut& cut, const CollectiveRequest& request, const topology::Topology& topology);
  /// Ends early when it is sure to take `most` cycles or more.
  double run(double most);

 private:
  static constexpr std::size_t kLanes = std::max(fabric::StripeGroups::kFine.rows, fabric::StripeGroups::kFine.columns);
  struct Outbox {  ///< of a unit of a member
    std::deque<Part> messages;
    bool pending = false;
    double read_free = 0, write_free = 0, adder_free = 0;
  };

  void start_chunk(std::uint32_t member, std::uint32_t unit, std::uint32_t chunk, double now);
  void passed(std::uint32_t member, std::uint32_t unit, std::uint32_t chunk, double now);
  void token(std::uint32_t item, std::uint32_t unit, std::uint32_t chunk, double now);
  void fire(std::size_t which, double now);
  void post(std::uint32_t member, const DataflowEdge& edge, std::uint32_t unit, std::uint32_t chunk, double now);
  Part next_part(std::deque<Part>& messages) const;
  void send(std::size_t which, double now) { links_.striped() ? send_stripe(which, now) : send_track(which, now); }
  void send_track(std::size_t which, double now);
  void plan_lane(std::uint32_t member, std::uint32_t unit, double now);
  [[nodiscard]] std::uint32_t next_unit(std::uint32_t member, Direction d, std::size_t lane) const;
  void send_stripe(std::size_t lane, double now);
  ScheduleLinks::Unicast move_track(Part part, double head, double now);
  double move_stripe(Part part, double now);
  void cross(Part part, Direction d, double head, double now);
  void offer(const Part& part, double line_flits, double head, double now);
  void go(std::size_t index, double now);
  void add_credit(const Part& came, double now);
  void arrive(std::size_t which, double now);
  void place_at(Part& part, Site at) const;
  [[nodiscard]] ScheduleEdge& edge_out(const Part& part, Direction d) {
    return edges_[links_.edge_index(links_.die_of(part.at), d)];
  }
  [[nodiscard]] Site site(std::uint32_t member, std::uint32_t unit) const;
  [[nodiscard]] std::size_t place(std::uint32_t member, std::uint32_t unit) const {
    return std::size_t{member} * units_ + unit;
  }
  /// Of a unit, in one chunk.
  [[nodiscard]] double own_bytes(Bytes bytes, std::uint32_t unit) const;

  const DataflowPlan& plan_;
  const CollectiveRequest& request_;
  const topology::Topology& topology_;
  topology::AddRate add_rate_;
  ScheduleLinks links_;
  std::vector<ScheduleEdge> edges_;
  double chunks_, part_limit_ = static_cast<double>(kBurstBytes), end_ = 0;
  std::uint32_t walked_, units_;
  std::size_t left_ = 0;                   ///< replicas that end something and have not fired
  std::vector<std::uint16_t> need_;        ///< by item, unit and chunk
  std::vector<std::uint32_t> chunk_left_;  ///< of a plan with a window: items to fire, by member, unit and chunk
  std::vector<Outbox> outboxes_;           ///< by member and unit
  std::vector<std::int8_t> first_out_;     ///< of stripes: by which edge the first message there leaves, -1 = none
  std::vector<bool> lane_pending_;         ///< of stripes: by member, direction and lane
  Flight flight_;
  Timeline timeline_;
};

Walk::Walk(const DataflowPlan& plan, const Cut& cut, const CollectiveRequest& request,
           const topology::Topology& topology)
    : plan_(plan),
      request_(request),
      topology_(topology),
      add_rate_(topology::add_rate(topology.params().node)),
      links_(plan, request, topology),
      edges_(schedule_edges(area_of(request, topology), topology)),
      chunks_(static_cast<double>(cut.chunks)),
      walked_(static_cast<std::uint32_t>(cut.walked)),
      units_(static_cast<std::uint32_t>(links_.units().size())),
      outboxes_(request.members.size() * units_) {
  if (links_.striped()) {
    first_out_.assign(outboxes_.size(), -1);
    lane_pending_.assign(request.members.size() * topology::kDirections * kLanes, false);
    part_limit_ = stripe_part_bytes(edges_, units_ > 1, topology);
  }
  part_limit_ *= cut.coarser;
}

/// All ranks start when their nodes have heard of it.
double Walk::run(double most) {
  const std::size_t replicas = std::size_t{units_} * walked_;
  for (const DataflowItem& item : plan_.items) {
    need_.insert(need_.end(), replicas, item.need);
    left_ += item.finish ? replicas : 0;
  }
  for (std::uint32_t member = 0; plan_.window > 0 && member < plan_.positions; ++member)
    chunk_left_.insert(chunk_left_.end(), replicas, plan_.item_begin[member + 1] - plan_.item_begin[member]);
  const std::uint32_t first = plan_.window == 0 ? walked_ : std::min(plan_.window, walked_);
  for (std::uint32_t member = 0; member < plan_.positions; ++member) {
    const double start = start_cycles(*request_.members[member], topology_);
    for (std::uint32_t unit = 0; unit < units_; ++unit) {
      for (std::uint32_t chunk = 0; chunk < first; ++chunk) start_chunk(member, unit, chunk, start);
    }
  }
  StopPoints stop;
  for (Timeline::Event event{}; left_ > 0 && timeline_.take(event);) {
    stop.pass();
    const auto now = static_cast<double>(event.time);
    if (now >= most) return now;
    switch (event.kind) {
      case Kind::kCredit:
        add_credit(flight_.take(event.index), now);
        break;
      case Kind::kArrive:
        arrive(event.index, now);
        break;
      case Kind::kToken: {
        const Part part = flight_.take(event.index);
        token(part.item, part.unit, part.chunk, now);
        break;
      }
      case Kind::kFire:
        fire(event.index, now);
        break;
      case Kind::kSend:
        send(event.index, now);
        break;
    }
  }
  return end_;
}

void Walk::start_chunk(std::uint32_t member, std::uint32_t unit, std::uint32_t chunk, double now) {
  for (std::uint32_t i = plan_.item_begin[member]; i < plan_.item_begin[member + 1]; ++i) {
    if (plan_.items[i].start) token(i, unit, chunk, now);
  }
}

/// Of a plan with a window: a later chunk starts when the last item of this one has fired.
void Walk::passed(std::uint32_t member, std::uint32_t unit, std::uint32_t chunk, double now) {
  if (--chunk_left_[place(member, unit) * walked_ + chunk] > 0 || chunk + plan_.window >= walked_) return;
  start_chunk(member, unit, chunk + plan_.window, now);
}

Site Walk::site(std::uint32_t member, std::uint32_t unit) const {
  const Slice& slice = *request_.members[member];
  if (links_.striped()) return {slice.first_site_row, slice.first_site_column};
  const SliceShape::Node& node = slice.shape->nodes[links_.units()[unit].node];
  return {slice.first_site_row + node.row, slice.first_site_column + node.column};
}

double Walk::own_bytes(Bytes bytes, std::uint32_t unit) const {
  const double of_chunk = static_cast<double>(bytes) / chunks_;
  if (!links_.striped()) return of_chunk / units_;
  return of_chunk * links_.units()[unit].nodes / request_.members.front()->shape->node_count();
}

void Walk::token(std::uint32_t item, std::uint32_t unit, std::uint32_t chunk, double now) {
  const std::size_t which = (std::size_t{item} * units_ + unit) * walked_ + chunk;
  if (--need_[which] > 0) return;
  const DataflowItem& of = plan_.items[item];
  const topology::NodeParams& node = topology_.params().node;
  if (!of.combine) {
    if (node.collective_semaphore_cycles == 0) return fire(which, now);
    return timeline_.add(now + static_cast<double>(node.collective_semaphore_cycles), Kind::kFire, which);
  }
  now += static_cast<double>(node.collective_semaphore_cycles);
  double& adder = outboxes_[place(of.position, unit)].adder_free;
  const auto bytes = static_cast<Bytes>(std::ceil(own_bytes(of.bytes, unit) / links_.units()[unit].nodes));
  adder = std::max(adder, now) + static_cast<double>(add_rate_.cycles_for(bytes));
  timeline_.add(adder + static_cast<double>(node.vector_latency_cycles), Kind::kFire, which);
}

void Walk::fire(std::size_t which, double now) {
  const auto chunk = static_cast<std::uint32_t>(which % walked_),
             unit = static_cast<std::uint32_t>(which / walked_ % units_);
  const DataflowItem& item = plan_.items[which / walked_ / units_];
  for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
    const DataflowEdge& edge = plan_.edges[e];
    if (plan_.items[edge.item].position == item.position) {
      token(edge.item, unit, chunk, now);
    } else {
      post(item.position, edge, unit, chunk, now);
    }
  }
  if (plan_.window > 0) passed(item.position, unit, chunk, now);
  if (!item.finish) return;
  end_ = std::max(end_, now);
  --left_;
}

void Walk::post(std::uint32_t member, const DataflowEdge& edge, std::uint32_t unit, std::uint32_t chunk, double now) {
  Part part;
  part.item = edge.item;
  part.unit = unit;
  part.chunk = chunk;
  part.bytes = std::max(own_bytes(edge.bytes, unit), links_.striped() ? 1.0 : 64.0);
  part.to = site(plan_.items[edge.item].position, unit);
  place_at(part, site(member, unit));
  Outbox& outbox = outboxes_[place(member, unit)];
  outbox.messages.push_back(part);
  if (links_.striped()) {
    if (outbox.messages.size() > 1) return;
    first_out_[place(member, unit)] = static_cast<std::int8_t>(*part.out);
    plan_lane(member, unit, now);
  } else if (!outbox.pending) {
    outbox.pending = true;
    timeline_.add(std::max(now, outbox.read_free), Kind::kSend, place(member, unit));
  }
}

void Walk::place_at(Part& part, Site at) const {
  part.at = at;
  const DieCoordinates here = links_.die_of(at), there = links_.die_of(part.to);
  part.out.reset();
  if (there.column != here.column) {
    part.out = there.column < here.column ? Direction::kWest : Direction::kEast;
  } else if (there.row != here.row) {
    part.out = there.row < here.row ? Direction::kNorth : Direction::kSouth;
  }
}

/// The front message's next part; the message leaves the queue with its last.
Part Walk::next_part(std::deque<Part>& messages) const {
  Part part = messages.front();
  const double parts = std::ceil(part.bytes / part_limit_ - 1e-9);
  part.last = parts <= 1;
  if (!part.last) part.bytes = links_.striped() ? part.bytes / parts : part_limit_;
  messages.front().bytes -= part.bytes;
  if (part.last) messages.pop_front();
  return part;
}

/// The messages of a node take turns, part by part.
void Walk::send_track(std::size_t which, double now) {
  Outbox& outbox = outboxes_[which];
  if (const std::optional<Direction> d = outbox.messages.front().out) {
    ScheduleEdge& edge = edge_out(outbox.messages.front(), *d);
    if (edge.full()) return edge.parked_sends.push_back(which);
  }
  const Part part = next_part(outbox.messages);
  if (!part.last) {
    outbox.messages.push_back(outbox.messages.front());
    outbox.messages.pop_front();
  }
  const double buffer = static_cast<double>(topology_.params().noc.buffer_packets_per_vc);
  const double first_link_free = move_track(part, now + links_.hop(), now).first_link_free;
  // The port stalls when the first link does not take what the first buffer cannot hold.
  outbox.read_free = std::max(now + links_.flits(part.bytes), first_link_free - links_.hop() - buffer);
  outbox.pending = !outbox.messages.empty();
  if (outbox.pending) timeline_.add(outbox.read_free, Kind::kSend, which);
}

/// The lane by which the front message of a group goes looks for what to send, if it does not already.
void Walk::plan_lane(std::uint32_t member, std::uint32_t unit, double now) {
  const std::deque<Part>& messages = outboxes_[place(member, unit)].messages;
  if (messages.empty()) return;
  const Direction d = *messages.front().out;
  const std::size_t lane = (std::size_t{member} * topology::kDirections + static_cast<std::size_t>(d)) * kLanes +
                           links_.units()[unit].lane[axis_of(d)];
  if (lane_pending_[lane]) return;
  lane_pending_[lane] = true;
  timeline_.add(now, Kind::kSend, lane);
}

/// Of the groups of a lane whose first message goes this way, the one nearest to the edge; where routers look at the
/// age of packets, the one with the oldest chunk. kNone: none has any.
std::uint32_t Walk::next_unit(std::uint32_t member, Direction d, std::size_t lane) const {
  const std::size_t axis = axis_of(d);
  const bool oldest = topology_.params().noc.arbitration == topology::Arbitration::kAge;
  std::uint32_t best = kNone;
  double best_rank = 0;
  for (const std::uint32_t unit : links_.units_of(axis, lane)) {
    const std::size_t which = place(member, unit);
    if (first_out_[which] != static_cast<std::int8_t>(d)) continue;
    const double at = links_.units()[unit].begin[axis];
    const double rank = oldest ? outboxes_[which].messages.front().chunk : is_up(d) ? -at : at;
    if (best != kNone && rank >= best_rank) continue;
    best = unit;
    best_rank = rank;
  }
  return best;
}

void Walk::send_stripe(std::size_t lane, double now) {
  const auto member = static_cast<std::uint32_t>(lane / kLanes / topology::kDirections);
  const auto d = static_cast<Direction>(lane / kLanes % topology::kDirections);
  const std::uint32_t number = next_unit(member, d, lane % kLanes);
  lane_pending_[lane] = number != kNone;
  if (number == kNone) return;
  Outbox& outbox = outboxes_[place(member, number)];
  ScheduleEdge& edge = edge_out(outbox.messages.front(), d);
  if (edge.full()) return edge.parked_sends.push_back(lane);
  const Part part = next_part(outbox.messages);
  if (part.last)
    first_out_[place(member, number)] =
        outbox.messages.empty() ? std::int8_t{-1} : static_cast<std::int8_t>(*outbox.messages.front().out);
  const ScheduleUnit& unit = links_.units()[number];
  const double start = std::max(now, outbox.read_free);
  outbox.read_free = start + links_.flits(part.bytes / unit.nodes);
  const ScheduleLinks::Stripe stripe = links_.stripe_out(links_.die_of(part.at), d, unit, part.bytes, start);
  cross(part, d, stripe.head, now);
  // The next one may go when its head finds the links free.
  const double across = links_.hop() * std::max(links_.length(Direction::kEast), links_.length(Direction::kSouth));
  const double next = std::max(now + 1, stripe.links_free - across);
  timeline_.add(next, Kind::kSend, lane);
  if (part.last) plan_lane(member, number, next);
}

/// Moves a track's message over the die where it is.
ScheduleLinks::Unicast Walk::move_track(Part part, double head, double now) {
  const double flits = links_.flits(part.bytes);
  const ScheduleLinks::Unicast moved = links_.unicast(part.at, part.to, flits, head);
  if (moved.out) {
    part.edge = links_.edge_index(links_.die_of(part.at), *moved.out);
    place_at(part, moved.next);
    offer(part, flits, moved.head, now);
    return moved;
  }
  double& port = outboxes_[place(plan_.items[part.item].position, part.unit)].write_free;
  port = std::max(port, moved.head) + flits;
  if (part.last) timeline_.add(port, Kind::kToken, flight_.add(part));
  return moved;
}

/// Over a die, or to its nodes. Returns when its head has left the receive buffer.
double Walk::move_stripe(Part part, double now) {
  const DieCoordinates here = links_.die_of(part.at);
  const ScheduleUnit& unit = links_.units()[part.unit];
  if (const std::optional<Direction> d = part.out) {
    const ScheduleLinks::Stripe through = links_.stripe_through(here, *d, unit, part.bytes, now);
    cross(part, *d, through.head, now);
    return through.start;
  }
  const ScheduleLinks::Stripe in = links_.stripe_in(here, part.from, unit, part.bytes, now);
  if (part.last) timeline_.add(in.head, Kind::kToken, flight_.add(part));
  return in.start;
}

void Walk::cross(Part part, Direction d, double head, double now) {
  part.edge = links_.edge_index(links_.die_of(part.at), d);
  place_at(part, links_.next_die(part.at, d));
  part.from = d;
  offer(part, links_.line_flits(links_.units()[part.unit], axis_of(d), part.bytes), head, now);
}

/// To an edge: it goes, or waits behind others or for credit.
void Walk::offer(const Part& part, double line_flits, double head, double now) {
  edges_[part.edge].waiting.push_back({flight_.add(part), part.bytes, line_flits, head});
  go(part.edge, now);
}

void Walk::go(std::size_t index, double now) {
  ScheduleEdge& edge = edges_[index];
  while (!edge.waiting.empty() && edge.credit > 0) {
    const std::size_t part = edge.waiting.front().part;
    timeline_.add(edge.cross(now), Kind::kArrive, part);
  }
}

void Walk::add_credit(const Part& came, double now) {
  ScheduleEdge& edge = edges_[came.edge];
  edge.credit += came.bytes;
  go(came.edge, now);
  if (edge.full()) return;
  std::vector<std::size_t> parked;
  parked.swap(edge.parked_parts);
  for (const std::size_t part : parked) arrive(part, now);
  parked.clear();
  parked.swap(edge.parked_sends);
  if (links_.striped()) std::sort(parked.begin(), parked.end());  // the fast network looks at its lanes in this order
  for (const std::size_t which : parked) send(which, now);
}

/// The head of a part has come over an edge.
void Walk::arrive(std::size_t which, double now) {
  const Part part = flight_[which];  // stays there until its credit is back
  if (const std::optional<Direction> d = part.out) {
    ScheduleEdge& out = edge_out(part, *d);
    if (out.full()) return out.parked_parts.push_back(which);
  }
  const double start = links_.striped() ? move_stripe(part, now) : move_track(part, now, now).start;
  timeline_.add(std::max(start, now) + edges_[part.edge].latency, Kind::kCredit, which);
}

}  // namespace

std::optional<double> scheduled_cycles(const DataflowPlan& plan, const CollectiveRequest& request,
                                       const topology::Topology& topology, double most) {
  const std::int64_t sent = static_cast<std::int64_t>(plan.edges.size()) * plan.chunks;
  const std::int64_t units = plan.striped ? fabric::StripeGroups::grid_for(sent).groups() : plan.tracks;
  const auto messages = units * static_cast<std::int64_t>(plan.edges.size());
  if (plan.positions != request.members.size() || messages > kMostOfChunk) return std::nullopt;
  double parts = 0;  // of one chunk
  const double limit = static_cast<double>(kBurstBytes), of_unit = static_cast<double>(units * plan.chunks);
  for (const DataflowEdge& edge : plan.edges)
    parts += static_cast<double>(units) * std::max(1.0, std::ceil(static_cast<double>(edge.bytes) / of_unit / limit));
  Cut cut{plan.chunks, plan.chunks, std::max(1.0, parts / static_cast<double>(kMostOfChunk))};
  const auto each = static_cast<std::int64_t>(parts / cut.coarser);
  const std::int64_t most_chunks =
      std::max({kMostParts / std::max<std::int64_t>(each, 1), kFewestChunks,
                // so many that the second half of them goes as all further ones do
                std::min<std::int64_t>(kWindows * plan.window, kMostOfWindows / std::max<std::int64_t>(each, 1))});
  const auto walk = [&](std::int64_t walked) {
    cut.walked = walked;
    return Walk(plan, cut, request, topology).run(most);
  };
  if (cut.chunks <= most_chunks) return walk(cut.chunks);
  if (cut.chunks > kMostTimes * most_chunks) return std::nullopt;
  const double more = walk(most_chunks);
  if (more >= most) return more;
  const auto half = most_chunks / 2;
  const double some = walk(half);
  const double each_chunk = std::max(0.0, (more - some) / static_cast<double>(most_chunks - half));
  return more + each_chunk * static_cast<double>(cut.chunks - most_chunks);
}

}  // namespace dojo::workload::collectives

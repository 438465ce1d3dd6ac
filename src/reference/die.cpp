// SPDX-License-Identifier: Apache-2.0
// Set-up of a die, messages of its nodes and their ways, cycles.
#include "dojo/reference/die.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/die_state.h"

namespace dojo::reference {

traffic::RouterParams die_router(const topology::MachineParams& machine) {
  traffic::RouterParams router;
  router.virtual_channels = machine.noc.virtual_channels;
  router.input_buffer_flits = machine.noc.buffer_packets_per_vc;
  router.hop_cycles = machine.noc.hop_cycles;
  router.injection_cycles = machine.noc.hop_cycles;
  router.credit_cycles = 1;
  router.internal_speedup = 1;
  return router;
}

std::vector<std::string> die_problems(const topology::MachineParams& machine) {
  std::vector<std::string> problems;
  const auto at_most = [&](const char* key, std::int64_t found, std::int64_t most) {
    if (found <= most) return;
    problems.push_back(fmt::format("machine.noc.{}: found {}, expected at most {} with run.network_model=reference",
                                   key, found, most));
  };
  at_most("virtual_channels", machine.noc.virtual_channels, traffic::kMostVirtualChannels);
  at_most("buffer_packets_per_vc", machine.noc.buffer_packets_per_vc, traffic::kMostBufferFlits);
  at_most("hop_cycles", machine.noc.hop_cycles, 64);
  return problems;
}

Die::State::State(const topology::Topology& topology, DieId die)
    : rows(topology.site_rows()),
      columns(topology.site_columns()),
      first_row(topology.coordinates(die).row * topology.site_rows()),
      first_column(topology.coordinates(die).column * topology.site_columns()),
      machine_columns(topology.die_columns() * topology.site_columns()),
      link_bytes(topology.params().noc.link_bytes_per_cycle),
      router(die_router(topology.params())) {
  const std::vector<std::uint8_t>& works = topology.site_map(die).enabled;
  enabled.insert(enabled.end(), works.begin(), works.begin() + topology.sites());
  MeshShape shape;
  shape.first_row = shape.first_column = 1;  // 0: beyond the edge
  shape.rows = rows;
  shape.columns = columns;
  block = make_die_block(shape, router,
                         DieSites{enabled, traffic::node_ports(topology.params().node),
                                  static_cast<std::uint32_t>(topology.params().node.communication_threads),
                                  topology.params().noc.arbitration == topology::Arbitration::kAge});
  for (unsigned port = 0; port < kSides; ++port) {
    const topology::Edge edge = topology.edge(die, kDirectionOfPort[port]);
    SideState& side = sides[port];
    side.neighbour = edge.neighbour;
    if (edge.neighbour == kNone) continue;
    side.dip = edge.neighbour >= topology.die_count();
    side.latency = edge.latency_cycles;
    const CrossingParams params = traffic::crossing_params(topology, edge, port);
    side.out = std::make_unique<CrossingOut>(params, router);
    side.in = std::make_unique<CrossingIn>(params, router);
    if (side.dip) side.lanes.resize(params.lanes);
  }
}

/// VC 0 is that of control packets. Of the others, what stays on the die has the first half, what leaves it or comes
/// from outside the second: a full edge does not hold up the die's own traffic.
std::uint8_t Die::State::channel(const Burst& burst, SiteIndex site, bool leaves) const {
  if (burst.traffic_class == fabric::TrafficClass::kControl) return 0;
  const auto data = static_cast<std::uint32_t>(router.virtual_channels - 1);
  const std::uint32_t own = (data + 1) / 2;
  if (!leaves || data == 1) return static_cast<std::uint8_t>(1 + site % own);
  return static_cast<std::uint8_t>(1 + own + site % (data - own));
}

/// X first, then Y, then the node; a message to a DIP leaves its row of dies last.
Way Die::State::unicast_way(const Burst& burst) const {
  const bool to_dip = burst.column < 0 || burst.column >= machine_columns;
  const std::int32_t column = std::clamp(burst.column, 0, machine_columns - 1) - first_column;
  const std::int32_t row = burst.row - first_row;
  Way way;
  way.column = static_cast<std::uint16_t>(std::clamp(column, -1, columns) + 1);
  way.row = static_cast<std::uint16_t>(std::clamp(row, -1, rows) + 1);
  if (to_dip) way.exit = static_cast<std::uint8_t>(burst.column < 0 ? 1 : 0);
  return way;
}

Way Die::State::line_way(const Burst& burst, bool horizontal, bool high, std::int32_t lane, std::int32_t from,
                         std::uint32_t& ends) const {
  const std::int32_t length = horizontal ? columns : rows;
  const std::int32_t target = (high ? burst.reach.high : burst.reach.low) - (horizontal ? first_column : first_row);
  const std::int32_t step = high ? 1 : -1;
  const bool beyond = target < 0 || target >= length;
  const std::int32_t end = std::clamp(target, -1, length);
  ends = beyond ? 1 : 0;
  for (std::int32_t at = from + step; at != end + (beyond ? 0 : step); at += step) {
    const std::int32_t site = horizontal ? lane * columns + at : at * columns + lane;
    // The last router takes the packet in any case.
    if (enabled[static_cast<std::size_t>(site)] != 0 || at == end) ++ends;
  }
  Way way;
  way.multicast = true;
  way.row = static_cast<std::uint16_t>((horizontal ? lane : end) + 1);
  way.column = static_cast<std::uint16_t>((horizontal ? end : lane) + 1);
  return way;
}

std::uint32_t Die::State::post_one(const Burst& burst, Bytes bytes, const Way& way, std::uint32_t ends) {
  Message message;
  message.burst = burst;
  message.burst.bytes = static_cast<std::uint32_t>(bytes);
  message.flits = flits_of(bytes);
  message.was_read = burst.purpose == fabric::Purpose::kPacket;
  message.takes_turns = burst.purpose != fabric::Purpose::kOperand;
  return block->add(message, way, ends);
}

Die::Die(const topology::Topology& topology, DieId die) : state_(std::make_unique<State>(topology, die)) {
  delivered_ = &state_->block->deliveries;
}
Die::~Die() = default;

void Die::post(SiteIndex site, const Burst& head, Bytes bytes, Cycles now, unsigned queue) {
  constexpr Bytes kLongest = Bytes{1} << 30;
  State& s = *state_;
  Burst burst = head;
  burst.created = now;
  const bool whole_end = burst.last;
  for (Bytes left = bytes; left > 0;) {
    const Bytes piece = std::min(left, kLongest);
    left -= piece;
    burst.last = whole_end && left == 0;
    const std::int32_t row = site / s.columns, column = site % s.columns;
    std::uint32_t first = kNone;
    bool leaves = false;
    if (burst.shape == Shape::kRow || burst.shape == Shape::kColumn) {
      const bool horizontal = burst.shape == Shape::kRow;
      const std::int32_t lane = horizontal ? row : column, from = horizontal ? column : row;
      const std::int32_t here = from + (horizontal ? s.first_column : s.first_row);
      const auto go = [&](bool high) {
        std::uint32_t ends = 0;
        const Way way = s.line_way(burst, horizontal, high, lane, from, ends);
        leaves = leaves || s.leaves(way);
        Burst part = burst;
        part.shape = horizontal ? (high ? Shape::kRowEast : Shape::kRowWest)
                                : (high ? Shape::kColumnSouth : Shape::kColumnNorth);
        const std::uint32_t id = s.post_one(part, piece, way, ends);
        if (first == kNone) {
          first = id;
        } else {
          s.block->message(first).twin = id;
        }
      };
      if (burst.reach.high > here) go(true);
      if (burst.reach.low < here) go(false);
      if (first == kNone) return;
    } else {
      const Way way = s.unicast_way(burst);
      leaves = s.leaves(way);
      first = s.post_one(burst, piece, way, 1);
    }
    s.block->message(first).channel = s.channel(burst, site, leaves);
    s.block->message(first).queue = static_cast<std::uint8_t>(queue);
    s.block->send_from(site, first);
  }
  s.next = std::min(s.next, std::max(now, s.ran + 1));
}

void Die::watch_reads(const std::vector<SiteIndex>& sites, SramReads& reads) {
  state_->block->watch_reads(sites, reads);
}

Cycles Die::next_cycle() const {
  return state_->next;
}

void Die::cycle(Cycles now) {
  State& s = *state_;
  s.ran = now;
  for (unsigned port = 0; port < kSides; ++port) {
    if (s.sides[port].out != nullptr) s.run_side(port, now);
  }
  s.block->run(now, now + 1);
  s.find_next(now);
}

void Die::State::find_next(Cycles now) {
  next = block->busy_until > now + 1 || block->to_send() ? now + 1 : kNever;
  for (const SideState& side : sides) {
    if (side.out == nullptr) continue;
    if (side.out->flits_inside() != 0 || side.in->queued() != 0) next = now + 1;
    next = std::min(next, std::max(now + 1, side.in->next_arrival()));
    for (const DipLane& lane : side.lanes) {
      if (!lane.coming.empty()) next = std::min(next, std::max(now + 1, lane.coming.front().next));
    }
  }
}

Leaves& Die::leaving(Direction d) {
  return state_->sides[port_of(d)].leaves;
}
const Burst& Die::burst(std::uint32_t message) const {
  return state_->block->message(message).burst;
}
void Die::forget_closed() {
  state_->block->forget_closed();
}

LinkCount Die::link(SiteIndex site, Direction d) const {
  const unsigned port = port_of(d);
  return {state_->block->sent(site / state_->columns, site % state_->columns, port), state_->block->waited(site, port)};
}

LinkCount Die::edge(Direction d) const {
  const SideState& side = state_->sides[port_of(d)];
  if (side.out == nullptr) return {};
  return {side.out->sent(), side.queue_cycles};
}

std::uint64_t Die::flit_hops() const {
  return state_->block->packet_hops;
}

bool Die::settled() const {
  if (state_->block->messages_open() != 0 || state_->block->flits_inside() != 0) return false;
  return std::all_of(state_->sides.begin(), state_->sides.end(), [](const SideState& side) {
    return side.out == nullptr || (side.out->flits_inside() == 0 && side.in->flits_inside() == 0);
  });
}

std::vector<Burst> Die::open_messages() const {
  std::vector<Burst> bursts;
  state_->block->each_message([&](const Message& m) { bursts.push_back(m.burst); });
  std::stable_sort(bursts.begin(), bursts.end(), [](const Burst& x, const Burst& y) { return x.created < y.created; });
  return bursts;
}

std::uint64_t Die::estimate_bytes(const topology::MachineParams& machine) {
  std::uint64_t depth = 1;
  while (depth < static_cast<std::uint64_t>(machine.noc.buffer_packets_per_vc)) depth *= 2;
  const std::uint64_t stride = machine.noc.virtual_channels <= 4 ? 4 : 8;
  const std::uint64_t ports = traffic::node_ports(machine.node).single() ? 6 : 12;
  const std::uint64_t input_vcs = ports * stride;
  const std::uint64_t per_router = 80 * stride + input_vcs * depth * sizeof(Flit) + input_vcs * 4 + stride * 8 + 120;
  return per_router * static_cast<std::uint64_t>(machine.die.grid.rows * machine.die.grid.columns) + (200 << 10);
}

}  // namespace dojo::reference

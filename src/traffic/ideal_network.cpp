// SPDX-License-Identifier: Apache-2.0
// Three events a packet: its first flit leaves, its first flit is at the write port, its last flit has been written.
#include "dojo/traffic/ideal_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dojo/engine/wheel.h"
#include "dojo/traffic/mesh_network.h"

namespace dojo::traffic {
namespace {

/// What a packet's last flit comes later than flit by flit, because a VC shallower than the credit loop sends its depth
/// once a loop.
Cycles held_by_credits(const RouterParams& router, Cycles flits) {
  const Cycles depth = router.input_buffer_flits, loop = router.hop_cycles + router.credit_cycles;
  return std::max<Cycles>(0, (flits - 1) / depth * (loop - depth));
}

/// The borders between dies along the rows, or the columns, of sites of a machine.
class Borders {
 public:
  Borders(const topology::Topology& topology, bool down, Cycles flits)
      : sites_(down ? topology.site_rows() : topology.site_columns()), position_(crossing_positions(topology, down)) {
    const double flit_time =
        topology.params().clock_hz * static_cast<double>(topology.params().noc.link_bytes_per_cycle);
    bool any = false;
    for (const topology::Edge& edge : edges_along(topology, down)) {
      const double held =
          edge.bytes_per_s > 0 ? (flit_time / edge.bytes_per_s - 1) * static_cast<double>(flits - 1) : 0;
      held_.push_back(static_cast<Cycles>(std::max(0.0, std::floor(held))));
      any = any || held_.back() > 0;
    }
    if (!any) held_.clear();
  }
  /// In crossings from one site to another.
  [[nodiscard]] Cycles latency(std::int32_t from, std::int32_t to) const {
    return std::abs(position_[static_cast<std::size_t>(from)] - position_[static_cast<std::size_t>(to)]);
  }
  /// What a packet's last flit comes later than flit by flit, because of the slowest edge on the way.
  [[nodiscard]] Cycles held(std::int32_t from, std::int32_t to) const {
    if (held_.empty()) return 0;
    const auto [low, high] = std::minmax({from / sites_, to / sites_});
    Cycles most = 0;
    for (std::int32_t border = low; border < high; ++border)
      most = std::max(most, held_[static_cast<std::size_t>(border)]);
    return most;
  }

 private:
  std::int32_t sites_;
  std::vector<std::int64_t> position_;  ///< by row or column of sites: cycles in crossings from the first one
  std::vector<Cycles> held_;            ///< by border; empty: no edge is slower than a link
};

/// Flits that the routers of a machine have sent, by side. Holds what a link carries more than the one before it, so
/// that a leg costs the same however long it is.
class LinkFlits {
 public:
  LinkFlits(std::int32_t rows, std::int32_t columns) : rows_(rows), columns_(columns) {
    for (auto& side : more_) side.assign(static_cast<std::size_t>(rows + 1) * static_cast<std::size_t>(columns + 1), 0);
  }
  /// Along the row first.
  void add_leg(Site from, Site to, std::uint64_t flits) {
    if (to.column > from.column) add(0, from.row, from.column, from.row, to.column, flits);
    if (to.column < from.column) add(1, from.row, to.column + 1, from.row, from.column + 1, flits);
    if (to.row > from.row) add(2, from.row, to.column, to.row, to.column, flits);
    if (to.row < from.row) add(3, to.row + 1, to.column, from.row + 1, to.column, flits);
  }
  /// By site, row by row.
  [[nodiscard]] std::vector<std::uint64_t> sent(unsigned side) const {
    std::vector<std::uint64_t> all;
    all.reserve(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_));
    for (std::int32_t row = 0; row < rows_; ++row) {
      for (std::int32_t column = 0; column < columns_; ++column) {
        const bool first = is_east_or_west(side) ? column == 0 : row == 0;
        const std::size_t before = all.size() - static_cast<std::size_t>(is_east_or_west(side) ? 1 : columns_);
        all.push_back(more_[side][index(row, column)] + (first ? 0 : all[before]));
      }
    }
    return all;
  }

 private:
  [[nodiscard]] std::size_t index(std::int32_t row, std::int32_t column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_ + 1) + static_cast<std::size_t>(column);
  }
  void add(unsigned side, std::int32_t row, std::int32_t column, std::int32_t end_row, std::int32_t end_column,
           std::uint64_t flits) {
    more_[side][index(row, column)] += flits;
    more_[side][index(end_row, end_column)] -= flits;
  }
  std::int32_t rows_, columns_;
  std::array<std::vector<std::uint64_t>, kSides> more_;
};

class IdealMesh : public SourceQueues<PacketSource> {
 public:
  IdealMesh(const topology::Topology& topology, const Load& load, const NetworkSettings& settings)
      : SourceQueues(load, {0, 0, load.endpoints.rows(), load.endpoints.columns()}),
        flits_(settings.packet_flits),
        start_cycles_(settings.router.injection_cycles),
        hop_cycles_(settings.router.hop_cycles + (settings.router.speculative ? 0 : 1)),
        held_(held_by_credits(settings.router, flits_)),
        across_(topology, false, flits_),
        down_(topology, true, flits_),
        links_(load.endpoints.rows(), load.endpoints.columns()),
        write_free_(std::size_t{load.endpoints.count()} * load.ports.write, 0) {
    for (std::uint32_t index = 0; index < sources_.size(); ++index) wheel_.add(sources_[index].created, kSend, index);
  }

  void run(Cycles, Cycles end, unsigned) {
    engine::Event event;
    while (wheel_.take(end, event)) {
      if (event.type == kSend) {
        send(event.a, event.time);
      } else if (event.type == kArrive) {
        arrive(event.a, event.b, event.time);
      } else {
        tally_.eject(whole_cycle(event.time, event.b), true, event.time + 1 - flits_,
                     static_cast<std::uint32_t>(flits_));
        --inside_;
      }
    }
  }
  [[nodiscard]] Tally& tally() { return tally_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] SourceQueues& sources() { return *this; }
  [[nodiscard]] const SourceQueues& sources() const { return *this; }
  [[nodiscard]] std::uint64_t flits_inside(unsigned) const { return inside_ * static_cast<std::uint64_t>(flits_); }
  [[nodiscard]] std::uint64_t packet_hops(Cycles) const { return hops_; }
  [[nodiscard]] const LinkFlits& links() const { return links_; }

 private:
  enum What : std::uint16_t { kSend, kArrive, kWritten };

  void send(std::uint32_t index, Cycles now) {
    PacketSource& source = sources_[index];
    start(source, 1, tally_);
    source.left = 0;  // it goes as a whole
    if (window().holds(source.created)) {
      ++tally_.injected;
      tally_.source_cycles += static_cast<std::uint64_t>(now - source.created);
    }
    tally_.flits_injected += static_cast<std::uint64_t>(flits_);
    ++inside_;
    Site at = load().endpoints.site(source.node);
    const Cycles way = go(at, source.where);
    wheel_.add(now + way, kArrive, load().endpoints.node_at(at.row, at.column),
               static_cast<std::uint32_t>(source.created));
    draw(source, tally_);
    wheel_.add(std::max(now + flits_, source.created), kSend, index);
  }

  /// Moves `at` to the end of the way; returns what its first flit takes, so late that the others follow without a gap.
  Cycles go(Site& at, std::uint32_t where) {
    Cycles time = start_cycles_, held = held_;
    std::int64_t hops = 0;
    const auto leg = [&](Site to) {
      hops += distance(at, to);
      time += across_.latency(at.column, to.column) + down_.latency(at.row, to.row);
      held = std::max({held, across_.held(at.column, to.column), down_.held(at.row, to.row)});
      links_.add_leg(at, to, static_cast<std::uint64_t>(flits_));
      at = to;
    };
    if (const topology::Headings* headings = load().headings; headings == nullptr) {
      leg({static_cast<std::int32_t>(row_of(where)), static_cast<std::int32_t>(column_of(where))});
    } else {
      for (std::uint32_t heading = where, before = ~where; heading != before;) {
        const Site end = headings->end(heading);
        leg(end);
        before = heading;
        heading = headings->onward(heading, end);
      }
    }
    hops_ += static_cast<std::uint64_t>(hops);
    return time + hop_cycles_ * (hops + 1) + held;
  }

  void arrive(std::uint32_t node, std::uint32_t created, Cycles now) {
    const std::uint32_t ports = load().ports.write;
    const auto first = write_free_.begin() + static_cast<std::ptrdiff_t>(std::size_t{node} * ports);
    Cycles& free = *std::min_element(first, first + ports);
    free = std::max(free, now) + flits_;
    wheel_.add(free - 1, kWritten, node, created);
  }

  Cycles flits_, start_cycles_, hop_cycles_, held_;
  Borders across_, down_;
  LinkFlits links_;
  std::vector<Cycles> write_free_;  ///< by node, then port
  engine::Wheel wheel_;
  Tally tally_;
  std::uint64_t hops_ = 0, inside_ = 0;  ///< packets
};

class IdealNetwork final : public MeshNetwork<IdealMesh> {
 public:
  IdealNetwork(const topology::Topology& topology, const Endpoints& endpoints, const NetworkSettings& settings)
      : MeshNetwork(topology, endpoints, settings, 1) {
    parts_.emplace_back(topology, load_, settings);
  }
  [[nodiscard]] std::vector<LinkLoad> links() const override;
};

std::vector<LinkLoad> IdealNetwork::links() const {
  std::vector<LinkLoad> loads;
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  for (unsigned side = 0; side < kSides; ++side) {
    const std::vector<std::uint64_t> sent = parts_.front().links().sent(side);
    for (DieId die = 0; die < topology_.die_count(); ++die) {
      const topology::DieCoordinates at = topology_.coordinates(die);
      const MeshShape shape{at.row * rows, at.column * columns, rows, columns};
      const bool last = topology_.edge(die, kDirectionOfPort[side]).neighbour >= topology_.die_count();
      const SideLoads of = loads_of_side(topology_, die, side, shape, last ? Border::kNothingBeyond : Border::kCrossing,
                                         [&](std::int32_t row, std::int32_t column) {
                                           return sent[static_cast<std::size_t>(shape.first_row + row) *
                                                           static_cast<std::size_t>(columns * topology_.die_columns()) +
                                                       static_cast<std::size_t>(shape.first_column + column)];
                                         });
      if (of.within.links != 0) loads.push_back(of.within);
      if (of.leaving.links != 0) loads.push_back(of.leaving);
    }
  }
  return loads;
}

}  // namespace

std::unique_ptr<Network> make_ideal_network(const topology::Topology& topology, const Endpoints& endpoints,
                                            const NetworkSettings& settings) {
  return std::make_unique<IdealNetwork>(topology, endpoints, settings);
}

}  // namespace dojo::traffic

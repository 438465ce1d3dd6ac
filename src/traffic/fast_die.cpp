// SPDX-License-Identifier: Apache-2.0
// Nodes inject bursts when they are created and the read port is free; a burst's walk tells at once when it arrives.
#include "dojo/traffic/fast_die.h"

#include <algorithm>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/engine/wheel.h"
#include "dojo/fabric/die_network.h"
#include "dojo/traffic/injection.h"

namespace dojo::traffic {
namespace {

using topology::Direction;

double probability(const FastSettings& settings) {
  const double p = settings.rate / settings.packet_flits;
  if (p > 0 && p <= 1) return p;
  throw Error(ExitCode::kInvalidInput,
              fmt::format("net.rate: found {} flits/node/cycle in packets of {} flits, expected above 0 and at most "
                          "one packet a cycle",
                          settings.rate, settings.packet_flits));
}

class FastDie final : public Network {
 public:
  FastDie(const topology::Topology& topology, const Endpoints& endpoints, const FastSettings& settings)
      : topology_(topology), endpoints_(endpoints), settings_(settings), gaps_(probability(settings)) {
    if (topology.die_count() != 1) {
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("run.network_model: found \"fast\" for {} dies, expected one die or a mesh: in this "
                              "version only the reference model sends synthetic traffic between dies; add "
                              "--model reference",
                              topology.die_count()));
    }
    network_.configure(topology, 0);
    for (std::uint32_t node = 0; node < endpoints.count(); ++node) {
      nodes_.push_back({Random(settings.seed, node), -1});
      nodes_.back().created += gaps_.draw(nodes_.back().random);
      wheel_.add(nodes_.back().created, kInject, node);
    }
  }

  void run_until(Cycles end) override {
    engine::Event event;
    while (wheel_.take(end, event)) {
      if (event.type == kInject)
        inject(event.a, event.time);
      else
        arrive(event);
    }
  }
  void measure(Window window) override {
    tally_.window = window;
    past_ = 0;
    for (const Node& node : nodes_) {
      tally_.created += window.holds(node.created) ? 1 : 0;
      past_ += node.created >= window.end ? 1 : 0;
    }
  }
  [[nodiscard]] bool all_arrived() const override {
    return past_ == nodes_.size() && tally_.measured == tally_.created;
  }
  [[nodiscard]] Tally tally() const override { return tally_; }
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const override {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      for (Node node = nodes_[i]; node.created < tally_.window.end;) {
        (void)endpoints_.destination(i, node.random);  // in the order of inject()
        node.created += gaps_.draw(node.random);
        if (!tally_.window.holds(node.created)) continue;
        ++packets;
        cycles += static_cast<std::uint64_t>(std::max<Cycles>(0, now - node.created));
      }
    }
  }
  [[nodiscard]] std::uint64_t packet_hops() const override { return packet_hops_; }
  [[nodiscard]] std::uint64_t flit_hops() const override { return packet_hops_ * settings_.packet_flits; }
  [[nodiscard]] std::vector<LinkLoad> links() const override;
  void check() const override {
    DOJO_CHECK(tally_.flits_injected == tally_.flits_ejected + in_flight_ * settings_.packet_flits,
               "{} flits entered, {} left, {} packets are under way", tally_.flits_injected, tally_.flits_ejected,
               in_flight_);
  }

 private:
  static constexpr std::uint16_t kInject = 0, kArrive = 1;
  struct Node {
    Random random;
    Cycles created;  ///< of the next packet
  };
  /// What a burst meets: its tail is at the destination at `time`.
  struct Arrival {
    FastDie& self;
    void deliver(SiteIndex, const fabric::Burst& burst, Cycles time) {
      const auto created = static_cast<std::uint64_t>(burst.subject) << 32 | burst.item;
      self.wheel_.add(time, kArrive, static_cast<std::uint32_t>(created >> 32), static_cast<std::uint32_t>(created));
    }
    void leave(Direction, std::int32_t, const fabric::Burst&, Cycles) {
      DOJO_CHECK(false, "a packet leaves a die that has no neighbour");
    }
  };

  void inject(std::uint32_t index, Cycles now);
  void arrive(const engine::Event& event) {
    const auto created = static_cast<Cycles>(static_cast<std::uint64_t>(event.a) << 32 | event.b);
    for (std::uint32_t flit = 1; flit <= settings_.packet_flits; ++flit)
      tally_.eject(created, flit == settings_.packet_flits, event.time);
    --in_flight_;
  }

  const topology::Topology& topology_;
  const Endpoints& endpoints_;
  FastSettings settings_;
  Gaps gaps_;
  fabric::DieNetwork network_;
  engine::Wheel wheel_;
  std::vector<Node> nodes_;
  Tally tally_;
  std::size_t past_ = 0;
  std::uint64_t packet_hops_ = 0, in_flight_ = 0;
};

void FastDie::inject(std::uint32_t index, Cycles now) {
  Node& node = nodes_[index];
  const Place from = endpoints_.place(index), to = endpoints_.place(endpoints_.destination(index, node.random));
  fabric::Burst burst;
  burst.row = to.row;
  burst.column = to.column;
  burst.bytes = static_cast<std::uint32_t>(settings_.packet_flits * network_.link_bytes());
  burst.subject = static_cast<std::uint32_t>(static_cast<std::uint64_t>(node.created) >> 32);
  burst.item = static_cast<std::uint32_t>(node.created);
  const auto hops = static_cast<std::uint64_t>(distance(from, to));
  packet_hops_ += hops;
  tally_.flits_injected += settings_.packet_flits;
  if (tally_.window.holds(node.created)) {
    ++tally_.injected;
    tally_.source_cycles += static_cast<std::uint64_t>(now - node.created);
    tally_.distance += hops;
  }
  ++in_flight_;
  const auto site = static_cast<SiteIndex>(from.row * endpoints_.columns() + from.column);
  const Cycles free = network_.inject(site, burst, now, Arrival{*this});
  const bool was_past = node.created >= tally_.window.end;
  node.created += gaps_.draw(node.random);
  tally_.created += tally_.window.holds(node.created) ? 1 : 0;
  past_ += !was_past && node.created >= tally_.window.end ? 1 : 0;
  wheel_.add(std::max({now, free, node.created}), kInject, index);
}

std::vector<LinkLoad> FastDie::links() const {
  std::vector<LinkLoad> loads;
  const std::int32_t rows = network_.rows(), columns = network_.columns();
  for (const Direction d : {Direction::kEast, Direction::kWest, Direction::kNorth, Direction::kSouth}) {
    const bool along_row = d == Direction::kEast || d == Direction::kWest;
    LinkLoad load{0, d, topology::LinkClass::kNoc, 0, 0, 0};
    load.links = static_cast<std::uint32_t>(along_row ? rows * (columns - 1) : columns * (rows - 1));
    for (const fabric::Link& link : network_.links(d)) {
      load.flits += link.busy_cycles;
      load.busiest_flits = std::max(load.busiest_flits, link.busy_cycles);
    }
    if (load.links != 0) loads.push_back(load);
  }
  return loads;
}

}  // namespace

std::unique_ptr<Network> make_fast_die(const topology::Topology& topology, const Endpoints& endpoints,
                                       const FastSettings& settings) {
  return std::make_unique<FastDie>(topology, endpoints, settings);
}

double fast_zero_load_cycles(const topology::Topology& topology, double distance, double packet_flits) {
  return (distance + 1) * static_cast<double>(topology.params().noc.hop_cycles) + packet_flits;
}

}  // namespace dojo::traffic

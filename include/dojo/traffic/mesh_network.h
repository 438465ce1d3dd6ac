// SPDX-License-Identifier: Apache-2.0
// What all models of a network under synthetic traffic share and what is no timing: windows on threads, the
// measurement's questions, loads of links.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/engine/thread_pool.h"
#include "dojo/topology/headings.h"
#include "dojo/traffic/mesh.h"
#include "dojo/traffic/network.h"
#include "dojo/traffic/source_queues.h"

namespace dojo::traffic {

/// Packets that a read port of a node creates in a cycle. Throws Error(kInvalidInput) for a load above one a cycle.
[[nodiscard]] double chance_of_a_packet(const NetworkSettings& settings, NodePorts ports);
/// Null where nothing is dead.
[[nodiscard]] std::unique_ptr<topology::Headings> make_headings(const topology::Topology& topology,
                                                                const RouterParams& router);

/// Loads of the links of one side of the routers of `shape`, a part of a die.
struct SideLoads {
  LinkLoad within;   ///< between routers of the die
  LinkLoad leaving;  ///< over the die's edge: pooled, so one link or none
};
/// `sent(row, column)`: flits that the router at a row and column of the part has sent over this side. Links at the
/// part's own border count as `border` says.
enum class Border { kNothingBeyond, kMoreOfTheDie, kCrossing };
template <class Sent>
[[nodiscard]] SideLoads loads_of_side(const topology::Topology& topology, DieId die, unsigned side,
                                      const MeshShape& shape, Border border, Sent&& sent) {
  const topology::Direction direction = kDirectionOfPort[side];
  SideLoads loads;
  loads.within = loads.leaving = {die, direction, topology::LinkClass::kNoc, 0, 0, 0};
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    for (std::int32_t column = 0; column < shape.columns; ++column) {
      const bool at_border = (shape.border(row, column) >> side & 1) != 0;
      if (at_border && border == Border::kNothingBeyond) continue;
      const topology::Site site{shape.first_row + row, shape.first_column + column};
      if (topology.routes() != nullptr && !topology.routes()->link_works(site, direction)) continue;
      LinkLoad& to = at_border && border == Border::kCrossing ? loads.leaving : loads.within;
      const std::uint64_t flits = sent(row, column);
      ++to.links;
      to.flits += flits;
      to.busiest_flits = std::max(to.busiest_flits, flits);
    }
  }
  if (loads.leaving.links != 0) {
    loads.leaving.links = 1;
    loads.leaving.link_class = topology.edge(die, direction).link_class;
    loads.leaving.busiest_flits = loads.leaving.flits;
  }
  return loads;
}

/// Part: a mesh with its sources that one thread runs for a window of cycles. It has `tally`, `sources`,
/// run(begin, end, parity of the window), flits_inside(parity of the last window), packet_hops(now).
template <class Part>
class MeshNetwork : public Network {
 public:
  /// `topology` and `endpoints` must outlive it. `grain`: parts that a thread takes at a time.
  MeshNetwork(const topology::Topology& topology, const Endpoints& endpoints, const NetworkSettings& settings,
              std::uint32_t grain)
      : topology_(topology),
        gaps_(chance_of_a_packet(settings, node_ports(topology.params().node))),
        headings_(make_headings(topology, settings.router)),
        load_{endpoints,       gaps_,
              settings.seed,   node_ports(topology.params().node),
              headings_.get(), headings_ == nullptr ? 1 : static_cast<std::uint32_t>(settings.router.most_legs())},
        pool_(settings.threads),
        grain_(grain) {
    DOJO_CHECK(settings.router.hop_cycles > 0, "a hop of 0 cycles: the machine's was to be put in its place");
  }

  void run_until(Cycles end) override {
    while (now_ < end) {
      const Cycles stop = window_ < end - now_ ? now_ + window_ : end;
      pool_.run(
          static_cast<std::uint32_t>(parts_.size()),
          [&](std::uint32_t i, std::uint32_t) { parts_[i].run(now_, stop, parity_); }, grain_);
      now_ = stop;
      parity_ ^= 1;
    }
  }
  void measure(MeasurementWindow window) override {
    for (Part& part : parts_) {
      part.tally().window = window;
      part.sources().measure(window, part.tally());
    }
  }
  [[nodiscard]] bool all_arrived() const override {
    std::uint64_t created = 0, measured = 0;
    for (const Part& part : parts_) {
      if (!part.sources().past_window()) return false;
      created += part.tally().created;
      measured += part.tally().measured;
    }
    return created == measured;
  }
  [[nodiscard]] Tally tally() const override {
    Tally sum = parts_.front().tally();
    for (std::size_t i = 1; i < parts_.size(); ++i) sum.merge(parts_[i].tally());
    return sum;
  }
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const override {
    for (const Part& part : parts_) part.sources().count_waiting(now, packets, cycles);
  }
  [[nodiscard]] std::uint64_t packet_hops() const override {
    std::uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.packet_hops(now_);
    return sum;
  }
  [[nodiscard]] std::uint64_t flit_hops() const override {
    std::uint64_t sum = 0;
    for (const LinkLoad& load : links()) sum += load.flits;
    return sum;
  }
  void check() const override {
    std::uint64_t injected = 0, ejected = 0, inside = 0;
    for (const Part& part : parts_) {
      injected += part.tally().flits_injected;
      ejected += part.tally().flits_ejected;
      inside += part.flits_inside(parity_ ^ 1);
    }
    DOJO_CHECK(injected == ejected + inside, "{} flits entered, {} left, but {} are inside", injected, ejected, inside);
  }

 protected:
  const topology::Topology& topology_;
  Gaps gaps_;
  std::unique_ptr<topology::Headings> headings_;  ///< of a machine with dead parts
  Load load_;
  engine::ThreadPool pool_;
  std::uint32_t grain_;
  std::vector<Part> parts_;
  Cycles now_ = 0, window_ = kNever;
  unsigned parity_ = 0;
};

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// A die is a shard; dies run in windows as long as the shortest crossing.
#include "dojo/traffic/fast_network.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dojo/traffic/mesh_network.h"
#include "traffic/packet_crossing.h"
#include "traffic/packet_sources.h"

namespace dojo::traffic {
namespace {

SegmentRules rules_of(const NetworkSettings& settings, const Load& load) {
  SegmentRules rules(settings.router, settings.packet_flits, load.ports);
  rules.express = rules.express && settings.express && load.headings == nullptr;
  rules.headings = load.headings;
  rules.legs = load.legs;
  rules.channels *= load.legs;
  return rules;
}

void count(const List<Ejected>& ejected, Tally& tally) {
  for (const Ejected& e : ejected) {
    tally.eject(whole_cycle(e.first, e.created), e.tail, e.first, e.flits);
  }
}

/// Written by one die in one window, read by its neighbour in the next.
struct Mail {
  List<Leaving> segments, credits;
};

class Die {
 public:
  Die(const MeshShape& at, const Load& load, const SegmentRules& rules)
      : shape(at), mesh(make_packet_mesh(at, rules)), rules_(&rules), sources_(load, rules, at) {}
  MeshShape shape;
  std::unique_ptr<PacketMesh> mesh;
  bool alone = true;  ///< no neighbours
  std::array<Die*, kSides> neighbour{};
  std::array<std::unique_ptr<CrossingSender>, kSides> out;
  std::array<std::unique_ptr<CrossingReceiver>, kSides> in;

  void run(Cycles begin, Cycles end, unsigned parity);
  [[nodiscard]] Tally& tally() { return tally_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] PacketSources& sources() { return sources_; }
  [[nodiscard]] const PacketSources& sources() const { return sources_; }
  [[nodiscard]] std::uint64_t packet_hops(Cycles now) const { return mesh->packet_hops(now); }
  [[nodiscard]] std::uint64_t flits_inside(unsigned last_parity) const;
  /// Of what is in the mesh, adds to `sum` what has reached its node before cycle `now`.
  void add_passed(Cycles now, Tally& sum) const;

 private:
  [[nodiscard]] Cycles next_busy(Cycles now, Cycles end) const;
  void read_mail(unsigned parity);
  void cross(Cycles now, unsigned parity);

  const SegmentRules* rules_;
  PacketSources sources_;
  Tally tally_;
  std::array<std::array<Mail, 2>, kSides> mail_;  ///< by side, by window's parity
};

void Die::read_mail(unsigned parity) {
  for (unsigned side = 0; side < kSides; ++side) {
    if (neighbour[side] == nullptr) continue;
    const Mail& from = neighbour[side]->mail_[side ^ 1][parity];
    for (const Leaving& segment : from.segments) in[side]->arrive(segment);
    for (const Leaving& credit : from.credits) out[side]->credit(credit);
  }
}

void Die::cross(Cycles now, unsigned parity) {
  for (unsigned side = 0; side < kSides; ++side) {
    if (neighbour[side] == nullptr) continue;
    out[side]->take(mesh->segments_out[side]);
    in[side]->take_credits(mesh->credits_out[side]);
    out[side]->cycle(now, *mesh, mail_[side][parity].segments);
    in[side]->cycle(now, *mesh, mail_[side][parity].credits);
  }
}

void Die::add_passed(Cycles now, Tally& sum) const {
  List<Ejected> passed;
  mesh->add_passed(now, passed);
  count(passed, sum);
}

/// The first cycle from `now` on in which there may be something to do, or one that is not before `end`.
Cycles Die::next_busy(Cycles now, Cycles end) const {
  for (; now < end; now += 64) {
    const std::uint64_t busy = mesh->busy_cycles(now) | sources_.busy_cycles(now);
    if (busy != 0) return now + __builtin_ctzll(busy);
  }
  return now;
}

void Die::run(Cycles begin, Cycles end, unsigned parity) {
  read_mail(parity ^ 1);
  for (auto& both : mail_) {
    both[parity].segments.clear();
    both[parity].credits.clear();
  }
  for (Cycles now = begin;; ++now) {
    if (alone) now = next_busy(now, end);
    if (now >= end) return;
    cross(now, parity);
    mesh->arrive(now);
    sources_.run(now, *mesh, tally_);
    mesh->allocate(now);
    count(mesh->ejected, tally_);
    mesh->ejected.clear();
  }
}

std::uint64_t Die::flits_inside(unsigned last_parity) const {
  std::uint64_t flits = mesh->flits_inside();
  for (unsigned side = 0; side < kSides; ++side) {
    for (const Leaving& leaving : mail_[side][last_parity].segments) flits += rules_->length(leaving.segment);
    if (out[side] != nullptr) flits += out[side]->flits_inside() + in[side]->flits_inside();
  }
  return flits;
}

class FastNetwork final : public MeshNetwork<Die> {
 public:
  FastNetwork(const topology::Topology& topology, const Endpoints& endpoints, const NetworkSettings& settings)
      : MeshNetwork(topology, endpoints, settings, 1), rules_(rules_of(settings, load_)) {
    parts_.reserve(topology.die_count());
    for (DieId die = 0; die < topology.die_count(); ++die) {
      const topology::DieCoordinates at = topology.coordinates(die);
      parts_.emplace_back(MeshShape{at.row * topology.site_rows(), at.column * topology.site_columns(),
                                    topology.site_rows(), topology.site_columns()},
                          load_, rules_);
    }
    for (DieId die = 0; die < topology.die_count(); ++die) join(die);
  }

  [[nodiscard]] Tally tally() const override {
    Tally sum = MeshNetwork::tally();
    for (const Die& die : parts_) die.add_passed(now_, sum);
    return sum;
  }
  [[nodiscard]] std::vector<LinkLoad> links() const override;

 private:
  void join(DieId die);

  SegmentRules rules_;
};

void FastNetwork::join(DieId die) {
  for (unsigned side = 0; side < kSides; ++side) {
    const topology::Edge edge = topology_.edge(die, kDirectionOfPort[side]);
    if (edge.neighbour >= topology_.die_count()) continue;  // nothing, or a DIP
    const CrossingParams params = crossing_params(topology_, edge, side);
    Die& here = parts_[die];
    here.neighbour[side] = &parts_[edge.neighbour];
    here.alone = false;
    here.out[side] = std::make_unique<CrossingSender>(params, rules_);
    // The neighbour's edge that leads here has the same latency and lanes.
    here.in[side] = std::make_unique<CrossingReceiver>(params, rules_);
    window_ = std::min(window_, edge.latency_cycles);
  }
}

std::vector<LinkLoad> FastNetwork::links() const {
  std::vector<LinkLoad> loads;
  for (DieId die = 0; die < parts_.size(); ++die) {
    const Die& here = parts_[die];
    for (unsigned side = 0; side < kSides; ++side) {
      const auto sent = [&](std::int32_t row, std::int32_t column) { return here.mesh->sent(row, column, side, now_); };
      const LinkLoad within = loads_of_side(topology_, die, side, here.shape, Border::kNothingBeyond, sent).within;
      if (within.links != 0) loads.push_back(within);
      if (here.out[side] == nullptr) continue;
      const topology::Direction direction = kDirectionOfPort[side];
      const std::uint64_t crossed = here.out[side]->sent();
      loads.push_back({die, direction, topology_.edge(die, direction).link_class, 1, crossed, crossed});
    }
  }
  return loads;
}

}  // namespace

std::unique_ptr<Network> make_fast_network(const topology::Topology& topology, const Endpoints& endpoints,
                                           const NetworkSettings& settings) {
  return std::make_unique<FastNetwork>(topology, endpoints, settings);
}

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// A die is a shard; dies run in windows as long as the shortest crossing.
#include "dojo/traffic/fast_network.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/engine/thread_pool.h"
#include "dojo/fabric/packet_crossing.h"
#include "traffic/packet_sources.h"

namespace dojo::traffic {
namespace {

using fabric::Leaving;
using topology::Direction;
constexpr Direction kSides[] = {Direction::kEast, Direction::kWest, Direction::kSouth, Direction::kNorth};

double probability(const FastSettings& settings) {
  const double p = settings.rate / settings.packet_flits;
  if (p > 0 && p <= 1) return p;
  throw Error(ExitCode::kInvalidInput,
              fmt::format("net.rate: found {} flits/node/cycle in packets of {} flits, expected above 0 and at most "
                          "one packet a cycle",
                          settings.rate, settings.packet_flits));
}

fabric::PieceRules rules_of(const FastSettings& settings, topology::Headings* headings) {
  fabric::PieceRules rules(settings.router, settings.packet_flits);
  rules.express = rules.express && settings.express && headings == nullptr;
  if (headings != nullptr) {
    rules.headings = headings;
    rules.legs = static_cast<std::uint32_t>(settings.router.most_legs());
    rules.channels *= rules.legs;
  }
  return rules;
}

std::unique_ptr<topology::Headings> headings_of(const topology::Topology& topology, const FastSettings& settings) {
  if (topology.routes() == nullptr) return nullptr;
  return std::make_unique<topology::Headings>(topology, static_cast<int>(settings.router.most_legs()));
}

void count(const fabric::List<fabric::Ejected>& ejected, Tally& tally) {
  for (const fabric::Ejected& e : ejected) {
    // `created` holds the low half of the cycle; a packet is never 2^32 cycles old.
    const Cycles created = e.first - static_cast<std::uint32_t>(static_cast<std::uint32_t>(e.first) - e.created);
    tally.eject(created, e.tail, e.first, e.flits);
  }
}

/// Written by one die in one window, read by its neighbour in the next.
struct Mail {
  fabric::List<Leaving> pieces, credits;
};

struct Die {
  Die(const fabric::MeshShape& shape, const PacketLoad& load)
      : mesh(fabric::make_packet_mesh(shape, load.rules)), sources(load, shape) {}
  std::unique_ptr<fabric::PacketMesh> mesh;
  PacketSources sources;
  Tally tally;
  bool alone = true;  ///< no neighbours
  std::array<Die*, 4> neighbour{};
  std::array<std::unique_ptr<fabric::CrossingSender>, 4> out;
  std::array<std::unique_ptr<fabric::CrossingReceiver>, 4> in;
  std::array<std::array<Mail, 2>, 4> mail;  ///< by side, by window's parity

  void run(Cycles begin, Cycles end, unsigned parity);
  [[nodiscard]] std::uint64_t flits_inside(const fabric::PieceRules& rules, unsigned last_parity) const;
  /// Of what is in the mesh, adds to `sum` what has reached its node before cycle `now`.
  void add_passed(Cycles now, Tally& sum) const;

 private:
  [[nodiscard]] Cycles next_busy(Cycles now, Cycles end) const;
  void read_mail(unsigned parity);
  void cross(Cycles now, unsigned parity);
};

void Die::read_mail(unsigned parity) {
  for (unsigned side = 0; side < 4; ++side) {
    if (neighbour[side] == nullptr) continue;
    const Mail& from = neighbour[side]->mail[side ^ 1][parity];
    for (const Leaving& piece : from.pieces) in[side]->arrive(piece);
    for (const Leaving& credit : from.credits) out[side]->credit(credit);
  }
}

void Die::cross(Cycles now, unsigned parity) {
  for (unsigned side = 0; side < 4; ++side) {
    if (neighbour[side] == nullptr) continue;
    out[side]->take(mesh->pieces_out[side]);
    in[side]->take_credits(mesh->credits_out[side]);
    out[side]->cycle(now, *mesh, mail[side][parity].pieces);
    in[side]->cycle(now, *mesh, mail[side][parity].credits);
  }
}

void Die::add_passed(Cycles now, Tally& sum) const {
  fabric::List<fabric::Ejected> passed;
  mesh->add_passed(now, passed);
  count(passed, sum);
}

/// The first cycle from `now` on in which there may be something to do, or one that is not before `end`.
Cycles Die::next_busy(Cycles now, Cycles end) const {
  for (; now < end; now += 64) {
    const std::uint64_t busy = mesh->busy_cycles(now) | sources.busy_cycles(now);
    if (busy != 0) return now + __builtin_ctzll(busy);
  }
  return now;
}

void Die::run(Cycles begin, Cycles end, unsigned parity) {
  read_mail(parity ^ 1);
  for (auto& both : mail) {
    both[parity].pieces.clear();
    both[parity].credits.clear();
  }
  for (Cycles now = begin;; ++now) {
    if (alone) now = next_busy(now, end);
    if (now >= end) return;
    cross(now, parity);
    mesh->arrive(now);
    sources.run(now, *mesh, tally);
    mesh->allocate(now);
    count(mesh->ejected, tally);
    mesh->ejected.clear();
  }
}

std::uint64_t Die::flits_inside(const fabric::PieceRules& rules, unsigned last_parity) const {
  std::uint64_t flits = mesh->flits_inside();
  for (unsigned side = 0; side < 4; ++side) {
    for (const Leaving& leaving : mail[side][last_parity].pieces) flits += rules.length(leaving.piece);
    if (out[side] != nullptr) flits += out[side]->flits_inside() + in[side]->flits_inside();
  }
  return flits;
}

class FastNetwork final : public Network {
 public:
  FastNetwork(const topology::Topology& topology, const Endpoints& endpoints, const FastSettings& settings)
      : topology_(topology),
        gaps_(probability(settings)),
        headings_(headings_of(topology, settings)),
        load_{endpoints, gaps_, rules_of(settings, headings_.get()), headings_.get(), settings.seed},
        pool_(settings.threads) {
    dies_.reserve(topology.die_count());
    for (DieId die = 0; die < topology.die_count(); ++die) {
      const topology::DiePlace at = topology.place(die);
      dies_.emplace_back(fabric::MeshShape{at.row * topology.site_rows(), at.column * topology.site_columns(),
                                           topology.site_rows(), topology.site_columns()},
                         load_);
    }
    for (DieId die = 0; die < topology.die_count(); ++die) join(die);
  }

  void run_until(Cycles end) override {
    while (now_ < end) {
      const Cycles stop = window_ < end - now_ ? now_ + window_ : end;
      pool_.run(
          static_cast<std::uint32_t>(dies_.size()),
          [&](std::uint32_t i, std::uint32_t) { dies_[i].run(now_, stop, parity_); }, 1);
      now_ = stop;
      parity_ ^= 1;
    }
  }
  void measure(Window window) override {
    for (Die& die : dies_) {
      die.tally.window = window;
      die.sources.measure(window, die.tally);
    }
  }
  [[nodiscard]] bool all_arrived() const override {
    std::uint64_t created = 0, measured = 0;
    for (const Die& die : dies_) {
      if (!die.sources.past_window()) return false;
      created += die.tally.created;
      measured += die.tally.measured;
    }
    return created == measured;
  }
  [[nodiscard]] Tally tally() const override {
    Tally sum = dies_.front().tally;
    for (std::size_t i = 1; i < dies_.size(); ++i) sum.merge(dies_[i].tally);
    for (const Die& die : dies_) die.add_passed(now_, sum);
    return sum;
  }
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const override {
    for (const Die& die : dies_) die.sources.count_waiting(now, packets, cycles);
  }
  [[nodiscard]] std::uint64_t packet_hops() const override {
    std::uint64_t sum = 0;
    for (const Die& die : dies_) sum += die.mesh->packet_hops(now_);
    return sum;
  }
  [[nodiscard]] std::uint64_t flit_hops() const override {
    std::uint64_t sum = 0;
    for (const LinkLoad& load : links()) sum += load.flits;
    return sum;
  }
  [[nodiscard]] std::vector<LinkLoad> links() const override;
  void check() const override {
    std::uint64_t injected = 0, ejected = 0, inside = 0;
    for (const Die& die : dies_) {
      injected += die.tally.flits_injected;
      ejected += die.tally.flits_ejected;
      inside += die.flits_inside(load_.rules, parity_ ^ 1);
    }
    DOJO_CHECK(injected == ejected + inside, "{} flits entered, {} left, but {} are inside", injected, ejected, inside);
  }

 private:
  void join(DieId die);
  void add_links(DieId die, unsigned side, std::vector<LinkLoad>& loads) const;

  const topology::Topology& topology_;
  Gaps gaps_;
  std::unique_ptr<topology::Headings> headings_;  ///< of a machine with dead parts
  PacketLoad load_;
  engine::ThreadPool pool_;
  std::vector<Die> dies_;
  Cycles now_ = 0, window_ = kNever;
  unsigned parity_ = 0;
};

void FastNetwork::join(DieId die) {
  for (unsigned side = 0; side < 4; ++side) {
    const topology::Edge edge = topology_.edge(die, kSides[side]);
    if (edge.neighbour >= topology_.die_count()) continue;  // nothing, or a DIP
    const topology::MachineParams& machine = topology_.params();
    fabric::EdgeOfDie of;
    of.side = side;
    of.bytes_per_s = edge.bytes_per_s;
    of.clock_hz = machine.clock_hz;
    of.flit_bytes = machine.noc.link_bytes_per_cycle;
    of.latency = edge.latency_cycles;
    of.buffer_flits = edge.buffer_bytes / of.flit_bytes;
    of.lanes = static_cast<std::uint32_t>(side < 2 ? topology_.site_rows() : topology_.site_columns());
    Die& here = dies_[die];
    here.neighbour[side] = &dies_[edge.neighbour];
    here.alone = false;
    here.out[side] = std::make_unique<fabric::CrossingSender>(of, load_.rules);
    // The neighbour's edge that leads here has the same latency and lanes.
    here.in[side] = std::make_unique<fabric::CrossingReceiver>(of, load_.rules);
    window_ = std::min(window_, edge.latency_cycles);
  }
}

std::vector<LinkLoad> FastNetwork::links() const {
  std::vector<LinkLoad> loads;
  for (DieId die = 0; die < dies_.size(); ++die) {
    for (unsigned side = 0; side < 4; ++side) add_links(die, side, loads);
  }
  return loads;
}

void FastNetwork::add_links(DieId die, unsigned side, std::vector<LinkLoad>& loads) const {
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  const topology::DiePlace place = topology_.place(die);
  const bool crosses = dies_[die].out[side] != nullptr;
  LinkLoad within{die, kSides[side], topology::LinkClass::kNoc, 0, 0, 0};
  for (std::int32_t row = 0; row < rows; ++row) {
    for (std::int32_t column = 0; column < columns; ++column) {
      const bool edge = (side == 0 && column == columns - 1) || (side == 1 && column == 0) ||
                        (side == 2 && row == rows - 1) || (side == 3 && row == 0);
      if (edge) continue;
      const topology::Site site{place.row * rows + row, place.column * columns + column};
      if (topology_.routes() != nullptr && !topology_.routes()->link_works(site, kSides[side])) continue;
      const std::uint64_t flits = dies_[die].mesh->sent(row, column, side, now_);
      ++within.links;
      within.flits += flits;
      within.busiest_flits = std::max(within.busiest_flits, flits);
    }
  }
  if (within.links != 0) loads.push_back(within);
  if (!crosses) return;
  const std::uint64_t sent = dies_[die].out[side]->sent();
  loads.push_back({die, kSides[side], topology_.edge(die, kSides[side]).link_class, 1, sent, sent});  // one pooled edge
}

}  // namespace

std::unique_ptr<Network> make_fast_network(const topology::Topology& topology, const Endpoints& endpoints,
                                           const FastSettings& settings) {
  DOJO_CHECK(settings.router.hop_cycles > 0, "a hop of 0 cycles: the machine's was to be put in its place");
  return std::make_unique<FastNetwork>(topology, endpoints, settings);
}

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// Builds the shards of a machine and runs them in windows as long as the shortest way between two of them.
#include "dojo/reference/network.h"

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/engine/thread_pool.h"
#include "reference/shard.h"

namespace dojo::reference {
namespace {

using topology::Direction;
constexpr Direction kSides[] = {Direction::kEast, Direction::kWest, Direction::kSouth, Direction::kNorth};

/// Offered load as a chance per cycle.
double probability(const NetworkSettings& settings) {
  const double p = settings.rate / settings.packet_flits;
  if (p > 0 && p <= 1) return p;
  throw Error(ExitCode::kInvalidInput,
              fmt::format("net.rate: found {} flits/node/cycle in packets of {} flits, expected above 0 and at most "
                          "one packet a cycle",
                          settings.rate, settings.packet_flits));
}

class ReferenceNetwork final : public traffic::Network {
 public:
  ReferenceNetwork(const topology::Topology& topology, const traffic::Endpoints& endpoints,
                   const NetworkSettings& settings)
      : topology_(topology),
        settings_(settings),
        gaps_(probability(settings)),
        load_{endpoints, gaps_, settings.packet_flits, settings.seed, nullptr, 1},
        pool_(settings.threads) {
    if (topology.routes() != nullptr) {
      const std::int64_t legs = settings_.router.most_legs();
      headings_ = std::make_unique<topology::Headings>(topology, static_cast<int>(legs));
      load_.headings = headings_.get();
      load_.legs = static_cast<std::uint32_t>(legs);
      settings_.router.virtual_channels *= legs;
    }
    cut();
    for (std::int32_t row = 0; row < shard_rows(); ++row) {
      for (std::int32_t column = 0; column < shard_columns(); ++column) join(row, column);
    }
  }

  void run_until(Cycles end) override;
  void measure(traffic::Window window) override {
    for (Shard& shard : shards_) {
      shard.block->tally.window = window;
      shard.block->sources.measure(window, shard.block->tally);
    }
  }
  [[nodiscard]] bool all_arrived() const override {
    std::uint64_t created = 0, measured = 0;
    for (const Shard& shard : shards_) {
      if (!shard.block->sources.past_window()) return false;
      created += shard.block->tally.created;
      measured += shard.block->tally.measured;
    }
    return created == measured;
  }
  [[nodiscard]] traffic::Tally tally() const override {
    traffic::Tally sum = shards_.front().block->tally;
    for (std::size_t i = 1; i < shards_.size(); ++i) sum.merge(shards_[i].block->tally);
    return sum;
  }
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const override {
    for (const Shard& shard : shards_) shard.block->sources.count_waiting(now, packets, cycles);
  }
  [[nodiscard]] std::uint64_t packet_hops() const override {
    std::uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.block->packet_hops;
    return sum;
  }
  [[nodiscard]] std::uint64_t flit_hops() const override;
  [[nodiscard]] std::vector<traffic::LinkLoad> links() const override;
  void check() const override;

 private:
  [[nodiscard]] std::int32_t shard_rows() const { return topology_.die_rows() * pieces_down_; }
  [[nodiscard]] std::int32_t shard_columns() const { return topology_.die_columns() * pieces_across_; }
  void cut();
  void join(std::int32_t row, std::int32_t column);
  void cross(Shard& shard, unsigned side, DieId die);
  [[nodiscard]] Shard& at(std::int32_t row, std::int32_t column) {
    return shards_[static_cast<std::size_t>(row * shard_columns() + column)];
  }
  [[nodiscard]] BlockShape shape(std::int32_t row, std::int32_t column) const;

  const topology::Topology& topology_;
  NetworkSettings settings_;
  traffic::Gaps gaps_;
  std::unique_ptr<topology::Headings> headings_;  ///< of a machine with dead parts
  Load load_;
  engine::ThreadPool pool_;
  std::int32_t pieces_down_ = 1, pieces_across_ = 1;  ///< of a die
  std::vector<Shard> shards_;                         ///< row by row
  Cycles now_ = 0, window_ = kNever;
  unsigned parity_ = 0;
};

BlockShape ReferenceNetwork::shape(std::int32_t row, std::int32_t column) const {
  const auto begin = [](std::int32_t sites, std::int32_t pieces, std::int32_t i) {
    return i / pieces * sites + static_cast<std::int32_t>(piece_begin(sites, pieces, i % pieces));
  };
  BlockShape shape;
  shape.first_row = begin(topology_.site_rows(), pieces_down_, row);
  shape.first_column = begin(topology_.site_columns(), pieces_across_, column);
  shape.rows = begin(topology_.site_rows(), pieces_down_, row + 1) - shape.first_row;
  shape.columns = begin(topology_.site_columns(), pieces_across_, column + 1) - shape.first_column;
  return shape;
}

/// A die is one shard; only a machine of a single, large die is cut further.
void ReferenceNetwork::cut() {
  const auto pieces = [this](std::int32_t sites) {
    std::int32_t side = 1;
    while ((side + 1) * (side + 1) <= settings_.largest_block) ++side;
    return std::min(sites, ceil_div(sites, side));
  };
  if (topology_.die_count() == 1 && topology_.sites() > settings_.largest_block) {
    pieces_down_ = pieces(topology_.site_rows());
    pieces_across_ = pieces(topology_.site_columns());
  }
  shards_.resize(static_cast<std::size_t>(shard_rows()) * static_cast<std::size_t>(shard_columns()));
  for (std::int32_t row = 0; row < shard_rows(); ++row) {
    for (std::int32_t column = 0; column < shard_columns(); ++column)
      at(row, column).block = make_block(shape(row, column), settings_.router, load_);
  }
}

void ReferenceNetwork::join(std::int32_t row, std::int32_t column) {
  constexpr std::int32_t kDown[] = {0, 0, 1, -1}, kAcross[] = {1, -1, 0, 0};
  Shard& shard = at(row, column);
  for (unsigned side = 0; side < 4; ++side) {
    const std::int32_t other_row = row + kDown[side], other_column = column + kAcross[side];
    if (other_row < 0 || other_row >= shard_rows() || other_column < 0 || other_column >= shard_columns()) continue;
    const DieId die = topology_.die_at(row / pieces_down_, column / pieces_across_);
    const bool crosses = die != topology_.die_at(other_row / pieces_down_, other_column / pieces_across_);
    if (crosses && topology_.edge(die, kSides[side]).neighbour == kNone) continue;  // dead
    shard.neighbour[side] = &at(other_row, other_column);
    if (crosses) {
      cross(shard, side, die);
    } else {
      window_ = std::min<Cycles>({window_, settings_.router.hop_cycles, settings_.router.credit_cycles});
    }
  }
}

void ReferenceNetwork::cross(Shard& shard, unsigned side, DieId die) {
  const topology::Edge edge = topology_.edge(die, kSides[side]);
  const topology::MachineParams& machine = topology_.params();
  CrossingParams params;
  params.bytes_per_s = edge.bytes_per_s;
  params.clock_hz = machine.clock_hz;
  params.flit_bytes = machine.noc.link_bytes_per_cycle;
  params.latency = edge.latency_cycles;
  params.buffer_flits = edge.buffer_bytes / params.flit_bytes;
  params.lanes = static_cast<std::uint32_t>(side < 2 ? topology_.site_rows() : topology_.site_columns());
  shard.out[side] = std::make_unique<CrossingOut>(params, settings_.router, side);
  // What comes back over the same edge of the neighbour has the neighbour's rate; latency and lanes are the same.
  shard.in[side] = std::make_unique<CrossingIn>(params, settings_.router, side);
  shard.crosses = true;
  window_ = std::min(window_, edge.latency_cycles);
}

void ReferenceNetwork::run_until(Cycles end) {
  constexpr Cycles kLastCycle = Cycles{1} << 31;  // flits hold half a cycle count
  DOJO_CHECK(end < kLastCycle, "the reference model runs at most {} cycles", kLastCycle);
  while (now_ < end) {
    const Cycles stop = window_ < end - now_ ? now_ + window_ : end;
    pool_.run(static_cast<std::uint32_t>(shards_.size()),
              [&](std::uint32_t i, std::uint32_t) { shards_[i].run(now_, stop, parity_); });
    now_ = stop;
    parity_ ^= 1;
  }
}

std::uint64_t ReferenceNetwork::flit_hops() const {
  std::uint64_t sum = 0;
  for (const traffic::LinkLoad& load : links()) sum += load.flits;
  return sum;
}

std::vector<traffic::LinkLoad> ReferenceNetwork::links() const {
  std::vector<traffic::LinkLoad> loads;
  for (std::int32_t row = 0; row < shard_rows(); ++row) {
    for (std::int32_t column = 0; column < shard_columns(); ++column) {
      const Shard& shard = shards_[static_cast<std::size_t>(row * shard_columns() + column)];
      const BlockShape block = shape(row, column);
      const DieId die = topology_.die_at(row / pieces_down_, column / pieces_across_);
      for (unsigned side = 0; side < 4; ++side) {
        traffic::LinkLoad within{die, kSides[side], topology::LinkClass::kNoc, 0, 0, 0};
        traffic::LinkLoad leaving = within;
        for (std::int32_t r = 0; r < block.rows; ++r) {
          for (std::int32_t c = 0; c < block.columns; ++c) {
            const bool edge = (side == 0 && c == block.columns - 1) || (side == 1 && c == 0) ||
                              (side == 2 && r == block.rows - 1) || (side == 3 && r == 0);
            if (edge && shard.neighbour[side] == nullptr) continue;
            const topology::Site site{block.first_row + r, block.first_column + c};
            if (topology_.routes() != nullptr && !topology_.routes()->link_works(site, kSides[side])) continue;
            traffic::LinkLoad& to = edge && shard.out[side] != nullptr ? leaving : within;
            const std::uint32_t flits = shard.block->sent(r, c, side);
            ++to.links;
            to.flits += flits;
            to.busiest_flits = std::max<std::uint64_t>(to.busiest_flits, flits);
          }
        }
        if (within.links != 0) loads.push_back(within);
        if (leaving.links == 0) continue;
        leaving.link_class = topology_.edge(die, kSides[side]).link_class;
        leaving.links = 1;  // one pooled edge
        leaving.busiest_flits = leaving.flits;
        loads.push_back(leaving);
      }
    }
  }
  return loads;
}

void ReferenceNetwork::check() const {
  std::uint64_t injected = 0, ejected = 0, inside = 0;
  for (const Shard& shard : shards_) {
    injected += shard.block->tally.flits_injected;
    ejected += shard.block->tally.flits_ejected;
    inside += shard.flits_inside(parity_ ^ 1);
  }
  DOJO_CHECK(injected == ejected + inside, "{} flits entered, {} left, but {} are inside", injected, ejected, inside);
}

}  // namespace

std::unique_ptr<traffic::Network> make_network(const topology::Topology& topology, const traffic::Endpoints& endpoints,
                                               const NetworkSettings& settings) {
  DOJO_CHECK(settings.router.hop_cycles > 0, "a hop of 0 cycles: the machine's was to be put in its place");
  return std::make_unique<ReferenceNetwork>(topology, endpoints, settings);
}

double zero_load_cycles(const RouterParams& router, double distance, double packet_flits) {
  const auto cycles = [](std::int64_t n) { return static_cast<double>(n); };
  const double hop = cycles(router.hop_cycles) + (router.speculative ? 0 : 1);
  // A VC that is shallower than the credit loop sends its depth once a loop.
  const double loop = cycles(router.hop_cycles + router.credit_cycles) / cycles(router.input_buffer_flits);
  return cycles(router.injection_cycles) + hop * (distance + 1) + (packet_flits - 1) * std::max(1.0, loop);
}

std::uint64_t estimate_bytes(const topology::Topology& topology, const RouterParams& router) {
  std::uint64_t depth = 1;
  while (depth < static_cast<std::uint64_t>(router.input_buffer_flits)) depth *= 2;
  const std::uint64_t stride = topology.routes() != nullptr ? 16 : router.virtual_channels <= 4 ? 4 : 8;
  const std::uint64_t per_router = 64 * stride + TrafficBlock::kPorts * stride * depth * sizeof(Flit) + 200;
  const std::uint64_t per_die = 64 << 10;
  return per_router * static_cast<std::uint64_t>(topology.sites()) * topology.die_count() +
         per_die * topology.die_count();
}

}  // namespace dojo::reference

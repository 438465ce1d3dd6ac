// SPDX-License-Identifier: Apache-2.0
// Builds the shards of a machine and runs them in windows as long as the shortest way between two of them.
#include "dojo/reference/network.h"

#include <algorithm>

#include "dojo/traffic/mesh_network.h"
#include "reference/shard.h"

namespace dojo::reference {
namespace {

using traffic::Border;
using traffic::LinkLoad;

constexpr std::uint32_t kShardsOfAThread = 8;  ///< at a time: pieces of a mesh are small and their windows short

class ReferenceNetwork final : public traffic::MeshNetwork<Shard> {
 public:
  ReferenceNetwork(const topology::Topology& topology, const traffic::Endpoints& endpoints,
                   const NetworkSettings& settings)
      : MeshNetwork(topology, endpoints, settings, kShardsOfAThread), settings_(settings) {
    settings_.router.virtual_channels *= load_.legs;
    cut();
    for (std::int32_t row = 0; row < shard_rows(); ++row) {
      for (std::int32_t column = 0; column < shard_columns(); ++column) join(row, column);
    }
  }

  void run_until(Cycles end) override {
    constexpr Cycles kLastCycle = Cycles{1} << 31;  // flits hold half a cycle count
    DOJO_CHECK(end < kLastCycle, "the reference model runs at most {} cycles", kLastCycle);
    MeshNetwork::run_until(end);
  }
  [[nodiscard]] std::vector<LinkLoad> links() const override;

 private:
  [[nodiscard]] std::int32_t shard_rows() const { return topology_.die_rows() * pieces_down_; }
  [[nodiscard]] std::int32_t shard_columns() const { return topology_.die_columns() * pieces_across_; }
  void cut();
  void join(std::int32_t row, std::int32_t column);
  [[nodiscard]] Shard& at(std::int32_t row, std::int32_t column) {
    return parts_[static_cast<std::size_t>(row * shard_columns() + column)];
  }
  [[nodiscard]] MeshShape shape(std::int32_t row, std::int32_t column) const;

  NetworkSettings settings_;
  std::int32_t pieces_down_ = 1, pieces_across_ = 1;  ///< of a die
};

MeshShape ReferenceNetwork::shape(std::int32_t row, std::int32_t column) const {
  const auto begin = [](std::int32_t sites, std::int32_t pieces, std::int32_t i) {
    return i / pieces * sites + static_cast<std::int32_t>(piece_begin(sites, pieces, i % pieces));
  };
  MeshShape shape;
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
  parts_.resize(static_cast<std::size_t>(shard_rows()) * static_cast<std::size_t>(shard_columns()));
  for (std::int32_t row = 0; row < shard_rows(); ++row) {
    for (std::int32_t column = 0; column < shard_columns(); ++column) {
      Shard& shard = at(row, column);
      shard.shape = shape(row, column);
      shard.die = topology_.die_at(row / pieces_down_, column / pieces_across_);
      shard.block = make_block(shard.shape, settings_.router, load_, settings_.packet_flits);
    }
  }
}

void ReferenceNetwork::join(std::int32_t row, std::int32_t column) {
  constexpr std::int32_t kDown[] = {0, 0, 1, -1}, kAcross[] = {1, -1, 0, 0};
  Shard& shard = at(row, column);
  for (unsigned side = 0; side < kSides; ++side) {
    std::int32_t other_row = row + kDown[side], other_column = column + kAcross[side];
    if (load_.endpoints.rings().ring_of(side)) {
      other_row = (other_row + shard_rows()) % shard_rows();
      other_column = (other_column + shard_columns()) % shard_columns();
    }
    if (other_row < 0 || other_row >= shard_rows() || other_column < 0 || other_column >= shard_columns()) continue;
    Shard& other = at(other_row, other_column);
    if (other.die == shard.die) {
      shard.neighbour[side] = &other;
      window_ = std::min<Cycles>({window_, settings_.router.hop_cycles, settings_.router.credit_cycles});
      continue;
    }
    const topology::Edge edge = topology_.edge(shard.die, kDirectionOfPort[side]);
    if (edge.neighbour == kNone) continue;  // dead
    shard.neighbour[side] = &other;
    const CrossingParams params = traffic::crossing_params(topology_, edge, side);
    shard.out[side] = std::make_unique<CrossingOut>(params, settings_.router);
    // What comes back over the same edge of the neighbour has the neighbour's rate; latency and lanes are the same.
    shard.in[side] = std::make_unique<CrossingIn>(params, settings_.router);
    shard.crosses = true;
    window_ = std::min(window_, edge.latency_cycles);
  }
}

std::vector<LinkLoad> ReferenceNetwork::links() const {
  std::vector<LinkLoad> loads;
  for (const Shard& shard : parts_) {
    for (unsigned side = 0; side < kSides; ++side) {
      const Border border = shard.neighbour[side] == nullptr ? Border::kNothingBeyond
                            : shard.out[side] == nullptr     ? Border::kMoreOfTheDie
                                                             : Border::kCrossing;
      const auto sent = [&](std::int32_t row, std::int32_t column) { return shard.block->sent(row, column, side); };
      const traffic::SideLoads of = traffic::loads_of_side(topology_, shard.die, side, shard.shape, border, sent);
      if (of.within.links != 0) loads.push_back(of.within);
      if (of.leaving.links != 0) loads.push_back(of.leaving);
    }
  }
  return loads;
}

}  // namespace

std::unique_ptr<traffic::Network> make_network(const topology::Topology& topology, const traffic::Endpoints& endpoints,
                                               const NetworkSettings& settings) {
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
  const std::uint64_t ports = traffic::node_ports(topology.params().node).single() ? 5 : 8;
  const std::uint64_t per_router = 64 * stride + ports * stride * depth * sizeof(Flit) + 200;
  const std::uint64_t per_die = 64 << 10;
  return per_router * static_cast<std::uint64_t>(topology.sites()) * topology.die_count() +
         per_die * topology.die_count();
}

}  // namespace dojo::reference

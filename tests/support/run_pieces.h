// SPDX-License-Identifier: Apache-2.0
// Pieces that runs have: what the planner gives each core of generated networks, each once.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "dojo/core/piece_times.h"
#include "dojo/lower/lower.h"
#include "dojo/trace/networks.h"
#include "dojo/trace/trace.h"
#include "support/core_points.h"

namespace dojo::test {

struct Network {
  std::string name;
  workload::NetworkOptions options;
};

/// One layer on a die, with heads, lengths, batches and masks of their own. No constant of a formula was chosen by
/// these.
inline std::vector<Network> networks_with_attention() {
  std::vector<Network> networks;
  const auto add = [&](const char* name, std::int64_t sequence, std::int64_t batch) {
    workload::NetworkOptions options;
    options.layers = 1, options.vocabulary = 256, options.sequence = sequence, options.batch = batch;
    networks.push_back({name, options});
  };
  add("gpt", 256, 1);
  add("gpt", 1024, 1);
  add("gpt", 128, 8);
  add("bert", 384, 2);
  add("llama", 512, 1);
  networks.back().options.hidden = 1024, networks.back().options.heads = 8;
  networks.back().options.kv_heads = 2;
  return networks;
}

/// Core pieces of the kernels of a workload on a die that `wanted` lets through, as a run's planner makes them.
template <class Wanted>
void add_pieces(const workload::Workload& workload, Wanted&& wanted, std::vector<node::CorePiece>& pieces) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.detailed = {"die.node[0]"};
  const topology::Topology die(params);
  workload::LowerOptions options;
  options.placement.ranks = workload.ranks();
  const workload::Job job = workload::lower(workload, options, die);
  for (const workload::Program& program : job.programs)
    for (const workload::Kernel& kernel : program.kernels)
      for (const node::CorePiece& piece : kernel.core_pieces)
        if (wanted(piece) && std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) pieces.push_back(piece);
}
template <class Wanted>
std::vector<node::CorePiece> pieces_of(const std::vector<Network>& networks, Wanted&& wanted) {
  std::vector<node::CorePiece> pieces;
  for (const Network& network : networks)
    add_pieces(workload::generate_network(network.name, network.options), wanted, pieces);
  return pieces;
}

/// Every product on the matrix unit that a training step of ResNet-50 and a layer of GPT have, each shape once.
inline std::vector<CorePoint> network_product_points() {
  const node::NodeCost table{topology::NodeParams{}, node::NodeModel::kTable};
  core::PieceTimes times(table);
  const auto is_product = [](const node::CorePiece& piece) { return piece.kind == node::CorePiece::Kind::kProduct; };
  std::vector<node::CorePiece> pieces;
  workload::ResNet50Options alone;
  alone.batch_norm_group = 1;
  add_pieces(workload::generate_resnet50(alone), is_product, pieces);
  const Network gpt = networks_with_attention().front();
  add_pieces(workload::generate_network(gpt.name, gpt.options), is_product, pieces);
  std::vector<CorePoint> points;
  std::vector<node::ProductWork> seen;
  for (const node::CorePiece& piece : pieces) {
    const node::ProductWork& p = piece.product;
    const auto formula = static_cast<double>(table.product(p));
    if (formula == 0 || std::find(seen.begin(), seen.end(), p) != seen.end()) continue;
    seen.push_back(p);
    points.push_back({"products of networks", fmt::format("{} x {} x {}", p.m, p.n, p.k),
                      static_cast<double>(times.product(p)), formula, formula});
  }
  return points;
}

/// Every vector piece of these networks, their rows, updates and look-ups included.
inline std::vector<CorePoint> vector_points() {
  const node::NodeCost table{topology::NodeParams{}, node::NodeModel::kTable};
  core::PieceTimes times(table);
  std::vector<CorePoint> points;
  const auto is_stream = [](const node::CorePiece& piece) { return piece.kind == node::CorePiece::Kind::kStream; };
  for (const node::CorePiece& core : pieces_of(networks_with_attention(), is_stream)) {
    const node::StreamWork& work = core.stream;
    constexpr std::int64_t kLine = core::kLineBytes, kLanes = kLine / 2;
    // That gives this stream of bf16.
    const node::VectorPiece piece{
        work.loads * kLine, work.stores * kLine, 0, 2, work.fma * kLanes, work.rows, work.unpacks * kLanes, 0,
        work.packs * kLine};
    const auto formula = static_cast<double>(table.vector(piece));
    if (formula == 0) continue;
    points.push_back(
        {work.rows.chains > 0 ? "rows of networks" : "streams of networks",
         fmt::format("{} loads, {} stores, {} FMAs, {} rows", work.loads, work.stores, work.fma, work.rows.rows),
         static_cast<double>(times.vector(piece)), formula, formula});
  }
  return points;
}

/// Every piece of attention of these jobs: the pipeline, and the formula.
inline std::vector<CorePoint> attention_points() {
  const node::NodeCost table{topology::NodeParams{}, node::NodeModel::kTable};
  core::PieceTimes times(table);
  std::vector<CorePoint> points;
  std::vector<node::AttentionPart> seen;
  const auto is_attention = [](const node::CorePiece& piece) {
    return piece.kind == node::CorePiece::Kind::kAttention;
  };
  for (const node::CorePiece& piece : pieces_of(networks_with_attention(), is_attention)) {
    for (const node::AttentionPart& part : piece.attention) {
      if (std::find(seen.begin(), seen.end(), part) != seen.end()) continue;
      seen.push_back(part);
      constexpr const char* kWork[] = {"attention", "attention gradients", "attention dQ", "attention dK and dV"};
      const node::AttentionPiece& p = part.piece;
      const auto formula = static_cast<double>(node::attention_part_cycles(table, part));
      points.push_back({kWork[static_cast<std::size_t>(p.work)],
                        fmt::format("{} x {} queries, {} keys, {} elements{}", part.times, p.queries, p.keys,
                                    p.head_size, p.keeps_scores ? ", scores kept" : ""),
                        static_cast<double>(times.attention(part)), formula, formula});
    }
  }
  return points;
}

}  // namespace dojo::test

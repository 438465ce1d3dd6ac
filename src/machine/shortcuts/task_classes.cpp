// SPDX-License-Identifier: Apache-2.0
#include "machine/shortcuts/task_classes.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "machine/digest.h"

namespace dojo::machine {
namespace {

using workload::DataflowEdge;
using workload::DataflowInstance;
using workload::DataflowItem;
using workload::DataflowPlan;
using workload::Gather;
using workload::Job;
using workload::Kernel;
using workload::Piece;
using workload::SlicePart;
using workload::Unicast;

// All members by which work differs. One that is added to these structs has to be added here.
auto members(const Gather& g) {
  return std::tuple(g.pieces_begin, g.pieces_end, g.slot, g.stage);
}
auto members(const Piece& p) {
  return std::tuple(p.holder, p.bytes);
}
auto members(const Unicast& u) {
  return std::tuple(u.source, u.destination, u.bytes, u.slot);
}
auto members(const DataflowItem& i) {
  return std::tuple(i.position, i.need, i.start, i.finish, i.combine, i.single, i.service, i.bytes, i.edges_begin,
                    i.edges_end);
}
auto members(const DataflowEdge& e) {
  return std::tuple(e.item, e.bytes);
}
auto members(const DataflowInstance::Participant& p) {
  return std::tuple(p.kind, p.index);
}
auto members(const SlicePart& p) {
  return std::tuple(p.row_begin, p.row_end, p.column_begin, p.column_end);
}
auto lists(const Kernel& k) {
  return std::tie(k.gather_begin, k.unicast_begin, k.need, k.cycles, k.core_piece_of, k.matrix_flops, k.vector_flops);
}
auto numbers(const DataflowPlan& p) {
  return std::tie(p.over_zplane, p.positions, p.tracks, p.chunks, p.track_node, p.striped, p.window, p.item_begin);
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return members(x) == members(y); });
}
bool same(const Kernel& a, const Kernel& b) {
  return a.steps == b.steps && a.timed_by == b.timed_by && members(a.part) == members(b.part) && lists(a) == lists(b) &&
         same(a.gathers, b.gathers) && same(a.pieces, b.pieces) && same(a.unicasts, b.unicasts) &&
         a.core_pieces == b.core_pieces;
}
bool same(const DataflowPlan& a, const DataflowPlan& b) {
  return numbers(a) == numbers(b) && same(a.items, b.items) && same(a.edges, b.edges);
}

/// Of what tells most kernels and plans apart, to find those that may be the same.
std::uint64_t hint(const Kernel& kernel) {
  Digest digest;
  for (const std::size_t size : {std::size_t{kernel.steps}, kernel.gathers.size(), kernel.pieces.size(),
                                 kernel.unicasts.size(), kernel.need.size()})
    digest.add(size);
  for (const Piece& piece : kernel.pieces) digest.add(piece.bytes);
  for (const Cycles cycles : kernel.cycles) digest.add(static_cast<std::uint64_t>(cycles));
  return digest.value();
}
std::uint64_t hint(const DataflowPlan& plan) {
  Digest digest;
  for (const std::size_t size : {plan.items.size(), plan.edges.size(), std::size_t{plan.tracks}}) digest.add(size);
  for (const DataflowEdge& edge : plan.edges) digest.add(static_cast<std::uint64_t>(edge.bytes));
  return digest.value();
}

}  // namespace

TaskClasses::TaskClasses(const Job& job, const topology::Topology& topology) {
  classify_kernels(job);
  classify_instances(job);
  classify_places(job, topology);
}

void TaskClasses::classify_kernels(const Job& job) {
  std::uint32_t classes = 0;
  std::multimap<std::pair<std::uint32_t, std::uint64_t>, std::pair<const Kernel*, std::uint32_t>> known;
  for (const workload::Program& program : job.programs) {
    std::vector<std::uint32_t>& of_program = kernels_.emplace_back();
    for (const Kernel& kernel : program.kernels) {
      const std::pair key(program.shape_index, hint(kernel));
      const auto [first, last] = known.equal_range(key);
      const auto found =
          std::find_if(first, last, [&](const auto& entry) { return same(*entry.second.first, kernel); });
      if (found != last) {
        of_program.push_back(found->second.second);
      } else {
        known.emplace(key, std::pair(&kernel, classes));
        of_program.push_back(classes++);
      }
    }
  }
}

void TaskClasses::classify_instances(const Job& job) {
  std::multimap<std::uint64_t, std::uint32_t> known;
  instances_.assign(job.instances.size(), kNone);
  for (std::uint32_t i = 0; i < job.instances.size(); ++i) {
    const DataflowInstance& instance = job.instances[i];
    if (instance.participants.empty() ||
        instance.participants.front().kind != DataflowInstance::Participant::Kind::kNode)
      continue;
    const DataflowPlan& plan = job.plans[instance.plan];
    const std::uint64_t key = hint(plan);
    const auto [first, last] = known.equal_range(key);
    const auto found = std::find_if(first, last, [&](const auto& entry) {
      const DataflowInstance& other = job.instances[entry.second];
      return same(other.participants, instance.participants) && same(job.plans[other.plan], plan);
    });
    instances_[i] = found != last ? found->second : i;
    if (found == last) known.emplace(key, i);
  }
}

void TaskClasses::classify_places(const Job& job, const topology::Topology& topology) {
  std::map<std::vector<double>, std::uint32_t> known;
  for (const workload::Slice& slice : job.slices) {
    std::vector<double> key{static_cast<double>(slice.shape_index)};
    for (const DieId die : slice.dies) {
      for (int d = 0; d < topology::kDirections; ++d) {
        const topology::Edge edge = topology.edge(die, static_cast<topology::Direction>(d));
        if (std::find(slice.dies.begin(), slice.dies.end(), edge.neighbour) == slice.dies.end()) continue;
        for (const double of_edge :
             {edge.bytes_per_s, static_cast<double>(edge.latency_cycles), static_cast<double>(edge.buffer_bytes)})
          key.push_back(of_edge);
      }
    }
    places_.push_back(known.emplace(std::move(key), static_cast<std::uint32_t>(known.size())).first->second);
  }
}

}  // namespace dojo::machine

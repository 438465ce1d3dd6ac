// SPDX-License-Identifier: Apache-2.0
#include "audit/flit_hops.h"

#include <algorithm>
#include <cstdlib>

namespace dojo::audit {
namespace {

using workload::DataflowInstance;
using workload::SliceShape;
using Participant = DataflowInstance::Participant;

double flits(Bytes bytes) {
  return static_cast<double>(ceil_div<Bytes>(bytes, 64));
}

double distance(const SliceShape::Node& a, const SliceShape::Node& b) {
  return std::abs(a.row - b.row) + std::abs(a.column - b.column);
}

struct Place {
  double row = 0, column = 0;  ///< of sites in the machine
};

Place middle_of(const workload::Slice& slice) {
  return {slice.first_site_row + slice.shape->rows / 2.0, slice.first_site_column + slice.shape->columns / 2.0};
}

Place place_of(const Participant& participant, const Subject& subject) {
  if (participant.kind == Participant::Kind::kRank) return middle_of(subject.job.slices[participant.index]);
  const topology::Topology& t = subject.topology;
  const topology::DieCoordinates at = t.coordinates(t.dip_die(participant.index));
  Place middle{at.row + 0.5, at.column + 0.5};  // of dies; then of the edge
  switch (t.dip_side(participant.index)) {
    case topology::Direction::kWest:
      middle.column -= 0.5;
      break;
    case topology::Direction::kEast:
      middle.column += 0.5;
      break;
    case topology::Direction::kNorth:
      middle.row -= 0.5;
      break;
    case topology::Direction::kSouth:
      middle.row += 0.5;
      break;
  }
  return {middle.row * t.site_rows(), middle.column * t.site_columns()};
}

}  // namespace

/// A piece of a line goes along all of it.
double FlitHops::kernel(const workload::Kernel& kernel, const SliceShape& shape) const {
  double sum = 0;
  for (std::size_t line = 0; line + 1 < kernel.gather_begin.size(); ++line) {
    const SliceShape::Line clipped = workload::clipped(shape, shape.lines[line], kernel.part);
    const double length = clipped.nodes_end - clipped.nodes_begin;
    for (std::uint32_t g = kernel.gather_begin[line]; g < kernel.gather_begin[line + 1]; ++g) {
      for (std::uint32_t p = kernel.gathers[g].pieces_begin; p < kernel.gathers[g].pieces_end; ++p)
        sum += flits(kernel.pieces[p].bytes) * length;
    }
  }
  for (const workload::Unicast& message : kernel.unicasts)
    sum += flits(message.bytes) * distance(shape.nodes[message.source], shape.nodes[message.destination]);
  return sum;
}

double FlitHops::between_nodes(const DataflowInstance& instance, const SliceShape& shape) const {
  const workload::DataflowPlan& plan = subject_.job.plans[instance.plan];
  double sum = 0;
  for (const workload::DataflowItem& item : plan.items) {
    const SliceShape::Node& from = shape.nodes[instance.participants[item.position].index];
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      sum += flits(plan.edges[e].bytes) * distance(from, shape.nodes[instance.participants[to].index]);
    }
  }
  return sum;
}

const std::vector<double>& FlitHops::between_ranks(std::uint32_t index) {
  const auto [found, fresh] = instances_.try_emplace(index);
  std::vector<double>& of_position = found->second;
  if (!fresh) return of_position;
  const DataflowInstance& instance = subject_.job.instances[index];
  const workload::DataflowPlan& plan = subject_.job.plans[instance.plan];
  of_position.assign(plan.positions, 0);
  for (const workload::DataflowItem& item : plan.items) {
    const Place from = place_of(instance.participants[item.position], subject_);
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      if (to == item.position) continue;
      const Place at = place_of(instance.participants[to], subject_);
      of_position[item.position] +=
          flits(plan.edges[e].bytes) * (std::abs(from.row - at.row) + std::abs(from.column - at.column));
    }
  }
  return of_position;
}

double FlitHops::of(RankId rank, std::uint32_t index) {
  const workload::Job& job = subject_.job;
  const workload::Program& program = job.programs[job.program_of_rank[rank]];
  const workload::Task& task = program.tasks[index];
  const SliceShape& shape = *job.slices[rank].shape;
  if (task.kind == workload::Task::Kind::kKernel) {
    const workload::Kernel& what = program.kernels[task.kernel];
    const auto [found, fresh] = kernels_.try_emplace(&what, 0.0);
    if (fresh) found->second = kernel(what, shape);
    return found->second;
  }
  if (task.kind != workload::Task::Kind::kDataflow) return 0;
  const workload::Job::InstanceRef at = job.instance_of[rank][task.entry];
  const DataflowInstance& instance = job.instances[at.instance];
  if (instance.participants.empty()) return 0;
  if (instance.participants.front().kind != Participant::Kind::kNode) return between_ranks(at.instance)[at.position];
  const auto [found, fresh] = in_rank_.try_emplace(at.instance, 0.0);
  if (fresh) found->second = between_nodes(instance, shape);
  return found->second;
}

double FlitHops::of_job(bool once) {
  const workload::Job& job = subject_.job;
  std::vector<double> of_program(job.programs.size(), -1);
  double sum = 0;
  for (RankId rank = 0; rank < job.slices.size(); ++rank) {
    const std::uint32_t p = job.program_of_rank[rank];
    const workload::Program& program = job.programs[p];
    double own = 0;
    const bool known = of_program[p] >= 0;
    for (std::uint32_t task = 0; task < program.tasks.size(); ++task) {
      if (program.tasks[task].kind == workload::Task::Kind::kDataflow) {
        const workload::Job::InstanceRef at = job.instance_of[rank][program.tasks[task].entry];
        const auto& places = job.instances[at.instance].participants;
        if (!places.empty() && places.front().kind != Participant::Kind::kNode) {
          sum += of(rank, task);
          continue;
        }
      }
      if (!known) own += of(rank, task);
    }
    if (!known) of_program[p] = own;
    if (!known || !once) sum += of_program[p];
  }
  return sum;
}

}  // namespace dojo::audit

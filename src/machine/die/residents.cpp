// SPDX-License-Identifier: Apache-2.0
#include "machine/die/residents.h"

#include "dojo/base/error.h"

namespace dojo::machine {

using workload::SliceShape;
using workload::Task;
using ParticipantKind = workload::DataflowInstance::Participant::Kind;

bool is_broken_line(const workload::Slice& slice, std::uint32_t die, std::uint32_t line,
                    const topology::Topology& topology) {
  const topology::Routes* const routes = topology.routes();
  if (routes == nullptr) return false;
  const SliceShape& shape = *slice.shape;
  const SliceShape::Line& at = shape.lines[line];
  const topology::DieCoordinates place = topology.coordinates(slice.dies[die]);
  const bool goes_on = at.goes_on_low || at.goes_on_high;
  const std::int32_t first = shape.line_offsets[at.nodes_begin], last = shape.line_offsets[at.nodes_end - 1];
  if (at.horizontal) {
    const std::int32_t left = place.column * topology.site_columns();
    return !routes->row_works(place.row * topology.site_rows() + at.lane,
                              goes_on ? slice.first_site_column : left + first,
                              goes_on ? slice.first_site_column + shape.columns - 1 : left + last);
  }
  const std::int32_t top = place.row * topology.site_rows();
  return !routes->column_works(place.column * topology.site_columns() + at.lane,
                               goes_on ? slice.first_site_row : top + first,
                               goes_on ? slice.first_site_row + shape.rows - 1 : top + last);
}

namespace {

/// The whole rank lies on one die, so its kernels and the reductions among its nodes stay there.
bool stays_on_die(const Context& context, RankId rank, const Task& task) {
  if (task.kind != Task::Kind::kDataflow) return task.kind == Task::Kind::kKernel;
  const std::uint32_t instance = context.job.instance_of[rank][task.entry].instance;
  return instance != kNone && context.job.instances[instance].participants.front().kind == ParticipantKind::kNode;
}

}  // namespace

std::uint32_t Residents::add(const Context& context, RankId rank, std::uint32_t slice_die) {
  const workload::Slice& slice = context.job.slices[rank];
  const SliceShape& shape = *slice.shape;
  RankDie place;
  place.rank = rank;
  place.slice_die = slice_die;
  place.slice = &slice;
  place.shape = &context.shapes[slice.shape_index];
  place.program = &context.program(rank);
  place.node_of_site = &place.shape->local_of_site[slice_die * rank_die_of_site_.size()];
  place.first_node = shape.die_begin[slice_die];
  place.node_count = shape.die_begin[slice_die + 1] - place.first_node;
  if (context.topology.routes() != nullptr) {
    for (std::uint32_t line = shape.line_begin[slice_die]; line < shape.line_begin[slice_die + 1]; ++line)
      place.broken_lines.push_back(is_broken_line(slice, slice_die, line, context.topology));
  }
  const bool alone = slice.dies.size() == 1;
  for (const Task& task : place.program->tasks) place.local_tasks.push_back(alone && stays_on_die(context, rank, task));
  const auto index = static_cast<std::uint16_t>(rank_dies_.size());
  for (std::uint32_t n = 0; n < place.node_count; ++n)
    rank_die_of_site_[shape.nodes[place.first_node + n].site] = index;
  rank_dies_.push_back(std::move(place));
  return index;
}

std::uint32_t Residents::index_of(RankId rank) const {
  for (std::uint32_t i = 0; i < rank_dies_.size(); ++i) {
    if (rank_dies_[i].rank == rank) return i;
  }
  DOJO_CHECK(false, "rank {} has no node on this die", rank);
  return kNone;
}

}  // namespace dojo::machine

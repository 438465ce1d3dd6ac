// SPDX-License-Identifier: Apache-2.0
#include "report/task_traffic.h"

#include <algorithm>
#include <cstdlib>

namespace dojo::report {

using topology::LinkClass;
using workload::DataflowInstance;
using workload::DataflowItem;
using workload::SliceShape;

namespace {

double& of_class(ClassBytes& bytes, LinkClass c) {
  return bytes[static_cast<std::size_t>(c)];
}

}  // namespace

TaskTraffic::TaskTraffic(const topology::Topology& topology, const workload::Job& job)
    : topology_(topology), job_(job), kernels_(job.programs.size()), instances_(job.instances.size()) {
  for (std::size_t program = 0; program < job.programs.size(); ++program)
    kernels_[program].resize(job.programs[program].kernels.size());
}

double TaskTraffic::padded(Bytes bytes) const {
  const Bytes link = topology_.params().noc.link_bytes_per_cycle;
  return static_cast<double>(ceil_div<Bytes>(bytes, link) * link);
}

void TaskTraffic::add_way(ClassBytes& to, const Site& from, const Site& end, double bytes) const {
  const topology::Grid& tile = topology_.level(topology::Level::kTile).dies;
  std::int64_t hops = 0, crossings = 0, off_tile = 0;
  const auto along = [&](std::int32_t a, std::int32_t b, std::int32_t sites, std::int64_t dies) {
    const std::int32_t across = std::abs(a / sites - b / sites);
    const std::int64_t tiles = std::abs(a / sites / dies - b / sites / dies);
    hops += std::abs(a - b) - across;
    crossings += across - tiles;
    off_tile += tiles;
  };
  along(from.column, end.column, topology_.site_columns(), tile.columns);
  along(from.row, end.row, topology_.site_rows(), tile.rows);
  of_class(to, LinkClass::kNoc) += bytes * static_cast<double>(hops);
  of_class(to, LinkClass::kDieToDie) += bytes * static_cast<double>(crossings);
  of_class(to, LinkClass::kTileToTile) += bytes * static_cast<double>(off_tile);
}

/// Pieces of a line go along all of it: over its nodes on one die, or over all dies of the part.
void TaskTraffic::add_gathers(ClassBytes& to, const workload::Kernel& kernel, const workload::Slice& slice) const {
  const SliceShape& shape = *slice.shape;
  for (std::size_t line = 0; line + 1 < kernel.gather_begin.size(); ++line) {
    double bytes = 0;
    for (std::uint32_t g = kernel.gather_begin[line]; g < kernel.gather_begin[line + 1]; ++g) {
      for (std::uint32_t p = kernel.gathers[g].pieces_begin; p < kernel.gathers[g].pieces_end; ++p)
        bytes += padded(kernel.pieces[p].bytes);
    }
    if (bytes <= 0) continue;
    const SliceShape::Line one = workload::clipped(shape, shape.lines[line], kernel.part);
    if (!one.goes_on_low && !one.goes_on_high) {
      of_class(to, LinkClass::kNoc) += bytes * std::max(0.0, static_cast<double>(one.nodes_end - one.nodes_begin) - 1);
      continue;
    }
    const SliceShape::Node& node = shape.nodes[shape.line_nodes[one.nodes_begin]];
    Site low{slice.first_site_row + node.row, slice.first_site_column + node.column}, high = low;
    if (one.horizontal) {
      low.column = slice.first_site_column + kernel.part.column_begin;
      high.column = slice.first_site_column + std::min<std::int32_t>(kernel.part.column_end, shape.columns) - 1;
    } else {
      low.row = slice.first_site_row + kernel.part.row_begin;
      high.row = slice.first_site_row + std::min<std::int32_t>(kernel.part.row_end, shape.rows) - 1;
    }
    add_way(to, low, high, bytes);
  }
}

ClassBytes TaskTraffic::kernel(const workload::Kernel& kernel, const workload::Slice& slice) const {
  ClassBytes bytes{};
  add_gathers(bytes, kernel, slice);
  const auto site = [&](std::uint32_t node) {
    const SliceShape::Node& at = slice.shape->nodes[node];
    return Site{slice.first_site_row + at.row, slice.first_site_column + at.column};
  };
  for (const workload::Unicast& message : kernel.unicasts)
    add_way(bytes, site(message.source), site(message.destination), padded(message.bytes));
  return bytes;
}

ClassBytes TaskTraffic::in_rank(const DataflowInstance& instance, const workload::Slice& slice) const {
  const workload::DataflowPlan& plan = job_.plans[instance.plan];
  ClassBytes bytes{};
  const auto site = [&](std::uint32_t position) {
    const SliceShape::Node& at = slice.shape->nodes[instance.participants[position].index];
    return Site{slice.first_site_row + at.row, slice.first_site_column + at.column};
  };
  for (const DataflowItem& item : plan.items) {
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      if (to != item.position) add_way(bytes, site(item.position), site(to), padded(plan.edges[e].bytes));
    }
  }
  return bytes;
}

/// From the middle of a rank's slice: its tracks lie all over it.
void TaskTraffic::add_message(ClassBytes& to, const Participant& from, const Participant& end, double bytes) const {
  const auto middle = [&](const Participant& rank) {
    const workload::Slice& slice = job_.slices[rank.index];
    return Site{slice.first_site_row + slice.shape->rows / 2, slice.first_site_column + slice.shape->columns / 2};
  };
  const bool from_dip = from.kind == Participant::Kind::kDip, to_dip = end.kind == Participant::Kind::kDip;
  if (from_dip && to_dip) {  // out of one HBM and its Ethernet, and in at the other
    of_class(to, LinkClass::kEthernet) += 2 * bytes;
    of_class(to, LinkClass::kHbm) += 2 * bytes;
    return;
  }
  if (!from_dip && !to_dip) return add_way(to, middle(from), middle(end), bytes);
  const Site rank = middle(from_dip ? end : from);
  const std::uint32_t dip = (from_dip ? from : end).index;
  const topology::DieCoordinates die = topology_.coordinates(topology_.dip_die(dip));
  const std::int32_t rows = topology_.site_rows(), columns = topology_.site_columns();
  Site gate{die.row * rows, die.column * columns};
  switch (topology_.dip_side(dip)) {
    case topology::Direction::kWest:
      gate.row += rank.row % rows;
      break;
    case topology::Direction::kEast:
      gate.row += rank.row % rows;
      gate.column += columns - 1;
      break;
    case topology::Direction::kNorth:
      gate.column += rank.column % columns;
      break;
    case topology::Direction::kSouth:
      gate.column += rank.column % columns;
      gate.row += rows - 1;
      break;
  }
  of_class(to, LinkClass::kDip) += bytes;
  add_way(to, rank, gate, bytes);
}

void TaskTraffic::add_service(ClassBytes& to, const DataflowItem& item) const {
  const auto bytes = static_cast<double>(item.bytes);
  if (item.service == DataflowItem::Service::kNone) return;
  of_class(to, LinkClass::kHbm) += bytes;
  if (item.service != DataflowItem::Service::kHostRead && item.service != DataflowItem::Service::kHostWrite) return;
  // Of the two ways to the hosts each takes what it can.
  const topology::DipParams& dip = topology_.params().dip;
  const double pcie = dip.pcie_bytes_per_s / (dip.pcie_bytes_per_s + dip.ethernet_bytes_per_s);
  of_class(to, LinkClass::kPcie) += bytes * pcie;
  of_class(to, LinkClass::kEthernet) += bytes * (1 - pcie);
}

std::vector<ClassBytes> TaskTraffic::between_ranks(const DataflowInstance& instance) const {
  const workload::DataflowPlan& plan = job_.plans[instance.plan];
  const auto is_rank = [&](std::uint32_t position) {
    return instance.participants[position].kind == Participant::Kind::kRank;
  };
  std::vector<ClassBytes> of_position(plan.positions);
  ClassBytes of_dips{};
  for (const DataflowItem& item : plan.items) {
    const bool here = is_rank(item.position);
    if (!here) add_service(of_dips, item);
    for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
      const std::uint32_t to = plan.items[plan.edges[e].item].position;
      if (to == item.position) continue;
      ClassBytes& payer = here ? of_position[item.position] : is_rank(to) ? of_position[to] : of_dips;
      add_message(payer, instance.participants[item.position], instance.participants[to],
                  static_cast<double>(plan.edges[e].bytes));
    }
  }
  double ranks = 0;
  for (std::uint32_t position = 0; position < plan.positions; ++position) ranks += is_rank(position) ? 1 : 0;
  for (std::uint32_t position = 0; position < plan.positions; ++position) {
    for (std::size_t c = 0; c < of_dips.size() && is_rank(position); ++c)
      of_position[position][c] += of_dips[c] / ranks;
  }
  return of_position;
}

const ClassBytes* TaskTraffic::of(RankId rank, std::uint32_t index) {
  const std::uint32_t p = job_.program_of_rank[rank];
  const workload::Task& task = job_.programs[p].tasks[index];
  if (task.kind == workload::Task::Kind::kKernel) {
    // Ranks of one program lie on slices of one shape.
    std::optional<ClassBytes>& known = kernels_[p][task.kernel];
    if (!known) known = kernel(job_.programs[p].kernels[task.kernel], job_.slices[rank]);
    return &*known;
  }
  if (task.kind != workload::Task::Kind::kDataflow) return nullptr;
  const workload::Job::InstanceRef at = job_.instance_of[rank][task.entry];
  if (at.instance == kNone) return nullptr;
  const DataflowInstance& instance = job_.instances[at.instance];
  if (instance.participants.empty()) return nullptr;
  std::vector<ClassBytes>& known = instances_[at.instance];
  const bool nodes = instance.participants.front().kind == Participant::Kind::kNode;
  if (known.empty())
    known = nodes ? std::vector<ClassBytes>{in_rank(instance, job_.slices[rank])} : between_ranks(instance);
  return &known[nodes ? 0 : at.position];
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// Floors of the cores' work, and of transfers to and from a DIP.
#include "lower/floors.h"

namespace dojo::workload {
namespace {

/// Rates of all cores of the slice together: a slow core counts with its share.
struct Cores {
  explicit Cores(const PlanContext& context) : node(context.cost.params()) {
    const SliceGrid& all = context.on(0).grid;
    for (const std::uint32_t n : all.all()) speed += static_cast<double>(all.shape().nodes[n].core_speed);
    load = speed * static_cast<double>(context.cost.load_bytes_per_cycle());
    store = speed * static_cast<double>(context.cost.store_bytes_per_cycle());
  }
  [[nodiscard]] double macs_per_issue() const {
    return static_cast<double>(node.matrix_rows * node.matrix_columns * node.matrix_depth);
  }
  const topology::NodeParams& node;
  double speed = 0, load = 0, store = 0;  ///< cores; bytes per cycle
};

/// A kernel's launch, and a pipeline that fills once.
double one_pass(const PlanContext& context, Cycles pipeline) {
  return static_cast<double>(context.cost.launch() + pipeline + context.cost.params().sram_latency_cycles);
}

}  // namespace

Floors core_floors(const ProductRequest& r, const PlanContext& context) {
  const Cores cores(context);
  const topology::NodeParams& node = cores.node;
  const double results = static_cast<double>(r.m) * static_cast<double>(r.n) * static_cast<double>(r.batch);
  const double macs = results * static_cast<double>(r.k);
  Floors floors;
  // Once at least; partial sums are 4 bytes.
  floors[Bound::kStore] = results * static_cast<double>(std::min<Bytes>(r.element_bytes, 4)) / cores.store;
  floors[Bound::kLatency] = static_cast<double>(context.cost.launch());
  if (macs <= 0) return floors;
  if (r.element_bytes >= 4) {
    floors[Bound::kVector] = 2 * macs / static_cast<double>(node.fp32_flop_per_cycle) / cores.speed;
    floors[Bound::kLoad] = 4 * macs / cores.load;
    floors[Bound::kLatency] = one_pass(context, node.vector_latency_cycles);
    return floors;
  }
  const double issues = macs / cores.macs_per_issue();
  floors[Bound::kMatrix] = issues / cores.speed;
  floors[Bound::kLoad] = issues * static_cast<double>(context.cost.issue_bytes(r.element_bytes)) / cores.load;
  floors[Bound::kLatency] = one_pass(context, node.matrix_latency_cycles);
  return floors;
}

Floors core_floors(const VectorRequest& r, const PlanContext& context) {
  const Cores cores(context);
  Floors floors;
  const bool by_flops = context.cost.model() == node::NodeModel::kBounds;
  floors[Bound::kVector] = static_cast<double>(by_flops ? r.flops : r.operations) /
                           static_cast<double>(context.cost.vector_elements_per_cycle(r.element_bytes)) / cores.speed;
  floors[Bound::kLoad] = static_cast<double>(r.load_bytes) / cores.load;
  floors[Bound::kStore] = static_cast<double>(r.store_bytes) / cores.store;
  const bool idle = r.load_bytes <= 0 && r.store_bytes <= 0 && r.flops <= 0;
  // What stores alone waits for no load.
  const bool one_way = idle || (!by_flops && (r.load_bytes <= 0 || r.operations <= 0));
  floors[Bound::kLatency] = one_way ? static_cast<double>(context.cost.launch())
                                    : one_pass(context, context.cost.params().vector_latency_cycles);
  return floors;
}

Floors core_floors(const ShapelessRequest& r, const PlanContext& context) {
  const Cores cores(context);
  Floors floors;
  if (r.recorded_cycles > 0) {
    floors[Bound::kRecorded] = static_cast<double>(r.recorded_cycles);
    return floors;
  }
  floors[Bound::kMatrix] = static_cast<double>(r.flops) / (2 * cores.macs_per_issue()) / cores.speed;
  floors[Bound::kLoad] = static_cast<double>(r.bytes) / cores.load;
  floors[Bound::kLatency] = static_cast<double>(context.cost.launch());
  return floors;
}

Floors memory_floors(Bytes bytes, const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  const double size = static_cast<double>(bytes);
  Floors floors;
  floors[Bound::kMemory] = size / (p.dip.hbm_bytes_per_s * p.dip.hbm_efficiency) * p.clock_hz;
  floors[Bound::kEdge] = size / p.dip.ttp_bytes_per_s * p.clock_hz;
  // There and back: a request or an acknowledgement goes the other way.
  floors[Bound::kLatency] = static_cast<double>(topology.cycles_from_ns(p.dip.hbm_latency_ns) +
                                                2 * topology.cycles_from_ns(p.dip.ttp_link_ns));
  return floors;
}

}  // namespace dojo::workload

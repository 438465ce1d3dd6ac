// SPDX-License-Identifier: Apache-2.0
// Random small machines, and random operations that all ranks of a job share.
#pragma once
#include <algorithm>
#include <iterator>

#include "support/draw.h"
#include "support/run.h"

namespace dojo::test {

inline topology::MachineParams random_machine(Draw& draw) {
  topology::MachineParams machine;
  machine.level = draw.one_in(3)   ? topology::Level::kDie
                  : draw.one_in(2) ? topology::Level::kTile
                                   : topology::Level::kTray;
  machine.die.grid.rows = draw.between(2, 6);
  machine.die.grid.columns = draw.between(2, 6);
  const std::int64_t sites = machine.die.grid.rows * machine.die.grid.columns;
  machine.die.enabled = sites;
  if (draw.one_in(2)) {
    machine.die.site_map_seed = draw.between(1, 1000);
    machine.die.enabled = sites - draw.between(0, std::min<std::int64_t>(3, sites - 1));
  }
  machine.tile.dies.rows = draw.between(1, 3);
  machine.tile.dies.columns = draw.between(1, 3);
  machine.tray.tiles.rows = draw.between(1, 2);
  machine.tray.tiles.columns = draw.between(1, 2);
  machine.noc.hop_cycles = draw.between(1, 3);
  if (draw.one_in(4)) machine.node.noc_read_ports = draw.between(2, 5);
  if (draw.one_in(4)) machine.node.noc_write_ports = draw.between(2, 5);
  machine.die.crossing_ns = static_cast<double>(draw.between(20, 150));
  machine.die.edge_bytes_per_s = 1e9 * static_cast<double>(draw.between(50, 2000));
  if (draw.one_in(3)) machine.die.crossing_buffer_bytes = draw.between(64, 4096);
  return machine;
}

inline workload::Op random_shared_op(Draw& draw) {
  using workload::OpKind;
  constexpr OpKind kKinds[] = {OpKind::kAllReduce, OpKind::kReduceScatter, OpKind::kAllGather, OpKind::kBroadcast,
                               OpKind::kAllToAll,  OpKind::kReduce,        OpKind::kBarrier,   OpKind::kMatMul,
                               OpKind::kMatMul,    OpKind::kConv,          OpKind::kCompute,   OpKind::kMemLoad,
                               OpKind::kMemStore,  OpKind::kIngest,        OpKind::kNone};
  workload::Op op = op_of(kKinds[draw.between(0, static_cast<std::int64_t>(std::size(kKinds)) - 1)]);
  switch (op.kind) {
    case OpKind::kMatMul:
      op.mat = {draw.between(1, 200), draw.between(1, 200), draw.between(1, 200), draw.one_in(4) ? 2 : 1};
      op.flops = 2 * op.mat.m * op.mat.n * op.mat.k * op.mat.batch;
      break;
    case OpKind::kConv: {
      workload::ConvShape& s = op.conv;
      s.n = draw.between(1, 4);
      s.c = draw.between(1, 40);
      s.k = draw.between(1, 40);
      s.r = s.s = draw.one_in(2) ? 1 : 3;
      s.h = draw.between(3, 20);
      s.w = draw.between(3, 20);
      s.stride = draw.between(1, 2);
      s.pad = s.r / 2;
      s.p = (s.h + 2 * s.pad - s.r) / s.stride + 1;
      s.q = (s.w + 2 * s.pad - s.s) / s.stride + 1;
      op.flops = 2 * s.n * s.k * s.p * s.q * s.c * s.r * s.s;
      break;
    }
    case OpKind::kCompute:
      op.flops = draw.between(1, 1'000'000);
      op.bytes = draw.between(1, 100'000);
      break;
    case OpKind::kBarrier:
    case OpKind::kNone:
      break;
    default:
      op.bytes = draw.between(1, 200'000);
  }
  return op;
}

}  // namespace dojo::test

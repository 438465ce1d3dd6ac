// SPDX-License-Identifier: Apache-2.0
// Collectives of a wafer-scale engine, word by word over the reference network, against the published model.
#include "run/validation/wafer.h"

#include <fmt/format.h>

#include <cmath>

#include "run/validation/suites.h"

namespace dojo::run {

using replay::WordCollective;

std::vector<WaferPoint> wafer_table() {
  std::vector<WaferPoint> table;
  for (const WordCollective collective :
       {WordCollective::kChainReduce, WordCollective::kBroadcast, WordCollective::kRingAllReduce}) {
    for (const std::int64_t nodes : {4, 16, 64, 256, 512})
      for (const std::int64_t words : {1, 16, 256, 1024, 4096}) table.push_back({collective, 1, nodes, words});
  }
  for (const std::int64_t side : {4, 16, 64})
    for (const std::int64_t words : {1, 16, 256, 1024})
      table.push_back({WordCollective::kBroadcast2d, side, side, words});
  table.push_back({WordCollective::kBroadcast2d, 16, 16, 4096});
  table.push_back({WordCollective::kBroadcast2d, 512, 512, 1});
  table.push_back({WordCollective::kBroadcast2d, 512, 512, 16});
  return table;
}

topology::MachineParams wse2(std::int64_t rows, std::int64_t columns) {
  topology::MachineParams machine;
  machine.name = "wse2";
  machine.level = topology::Level::kDie;
  machine.clock_hz = 850e6;
  topology::NocParams& noc = machine.noc;
  noc.link_bytes_per_cycle = 4;
  noc.hop_cycles = 1;
  noc.virtual_channels = 2;
  noc.buffer_packets_per_vc = 4;
  noc.endpoint_cycles = 2;
  noc.credit_cycles = 1;
  noc.switch_order = topology::SwitchOrder::kLinksFirst;
  machine.die.grid.rows = rows;
  machine.die.grid.columns = columns;
  machine.die.enabled = rows * columns;
  machine.dip.present = false;
  return machine;
}

double published_cycles(const WaferPoint& point, bool whole_words) {
  constexpr double kRamp = 2;  // T_R
  const auto words = static_cast<double>(point.words), nodes = static_cast<double>(point.columns),
             rows = static_cast<double>(point.rows);
  switch (point.collective) {
    case WordCollective::kChainReduce:
      return words + (2 * kRamp + 2) * (nodes - 1);
    case WordCollective::kBroadcast:
      return words + nodes + 2 * kRamp;
    case WordCollective::kBroadcast2d:
      return words + rows + nodes - 2 + 2 * kRamp + 1;
    case WordCollective::kRingAllReduce: {
      const double chunk = whole_words ? std::ceil(words / nodes) : words / nodes;
      return 2 * (nodes - 1) * chunk + 4 * nodes - 6 + 2 * (nodes - 1) * (2 * kRamp + 1);
    }
  }
  return 0;
}

const char* collective_name(WordCollective collective) {
  switch (collective) {
    case WordCollective::kChainReduce:
      return "chain reduce";
    case WordCollective::kBroadcast:
      return "broadcast";
    case WordCollective::kBroadcast2d:
      return "two-dimensional broadcast";
    case WordCollective::kRingAllReduce:
      return "ring all-reduce";
  }
  return "";
}

std::vector<ValidationPoint> wafer_collectives(const ValidationRequest&) {
  constexpr double kTolerance = 0.04;
  std::vector<ValidationPoint> points;
  for (const WaferPoint& p : wafer_table()) {
    const replay::WordRun ran = replay::run_words(p.collective, p.words, wse2(p.rows, p.columns));
    const bool rounds = p.collective == WordCollective::kRingAllReduce && p.words % p.columns != 0;
    points.push_back(
        {fmt::format("{}, {} x {} nodes, {} words", collective_name(p.collective), p.rows, p.columns, p.words),
         rounds ? "HPDC'24 model, chunks of whole words" : "HPDC'24 model", "cycles", published_cycles(p, true),
         static_cast<double>(ran.cycles), 1 - kTolerance, 1 + kTolerance});
  }
  return points;
}

}  // namespace dojo::run

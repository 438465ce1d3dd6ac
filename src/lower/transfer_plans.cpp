// SPDX-License-Identifier: Apache-2.0
// Plans of messages and of DIP traffic.
#include "lower/transfer_plans.h"

#include <algorithm>

#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace {

constexpr Bytes kControlBytes = 64;     // a request or an acknowledgement: one packet
constexpr Bytes kMostChunks = 1 << 15;  // a message's number has 16 bits
constexpr Bytes kLargestPiece = 8192;  // longer ones in parts: HBM and network overlap, and nodes take turns at the DIP

/// Items come position by position; edges name items by number.
class PlanWriter {
 public:
  PlanWriter(const char* algorithm, std::vector<std::uint32_t> lanes) {
    plan_.algorithm = algorithm;
    plan_.lane_node = std::move(lanes);
    plan_.lanes = static_cast<std::uint32_t>(plan_.lane_node.size());
  }
  void next_position() {
    plan_.item_begin.push_back(static_cast<std::uint32_t>(plan_.items.size()));
    ++plan_.positions;
  }
  DataflowItem& add(std::uint16_t need, bool start, bool finish) {
    DataflowItem item;
    item.position = plan_.positions - 1;
    item.need = need;
    item.start = start;
    item.finish = finish;
    item.edges_begin = item.edges_end = static_cast<std::uint32_t>(plan_.edges.size());
    plan_.items.push_back(item);
    return plan_.items.back();
  }
  /// Of the item added last.
  void edge(std::uint32_t to, Bytes bytes) {
    plan_.edges.push_back({to, bytes});
    plan_.items.back().edges_end = static_cast<std::uint32_t>(plan_.edges.size());
  }
  void cut_lanes(Bytes bytes) {
    plan_.chunks = static_cast<std::uint32_t>(
        std::clamp<Bytes>(ceil_div<Bytes>(bytes, plan_.lanes * kLargestPiece), 1, kMostChunks));
  }
  [[nodiscard]] Bytes messages() const { return static_cast<Bytes>(plan_.lanes) * plan_.chunks; }
  DataflowPlan take() {
    plan_.item_begin.push_back(static_cast<std::uint32_t>(plan_.items.size()));
    return std::move(plan_);
  }

 private:
  DataflowPlan plan_;
};

void serve(DataflowItem& item, DataflowItem::Service service, Bytes bytes) {
  item.service = service;
  item.bytes = bytes;
}

std::vector<std::uint32_t> die_lanes(Bytes bytes, std::uint32_t die, const SliceShape& shape) {
  const std::int64_t first = shape.die_begin[die];
  const std::int64_t nodes = shape.die_begin[die + 1] - first;
  const std::int64_t count = std::clamp<std::int64_t>(bytes / kSmallestPieceBytes, 1, nodes);
  std::vector<std::uint32_t> lanes;
  for (std::int64_t i = 0; i < count; ++i)
    lanes.push_back(static_cast<std::uint32_t>(first + piece_begin(nodes, count, i)));
  return lanes;
}

/// Host memory -> DIP HBM by itself from time 0 on, step after step; HBM -> nodes.
void write_ingest(PlanWriter& w, Bytes bytes, std::uint32_t steps) {
  w.next_position();
  for (std::uint32_t s = 0; s < steps; ++s) {
    serve(w.add(s == 0 ? 0 : 1, false, false), DataflowItem::Service::kHostRead, bytes);
    w.edge(2 * s + 1, 0);
    if (s + 1 < steps) w.edge(2 * (s + 1), 0);
    serve(w.add(1, false, false), DataflowItem::Service::kHbmRead, bytes);
    w.edge(2 * steps + s, bytes);
  }
  for (std::uint32_t s = 0; s < steps; ++s) {
    w.next_position();
    w.add(2, true, true);  // the task has started and the samples are there
  }
}

void write_load(PlanWriter& w, Bytes bytes) {
  w.next_position();
  serve(w.add(1, false, false), DataflowItem::Service::kHbmRead, bytes);
  w.edge(2, bytes);
  w.next_position();
  w.add(1, true, false);
  w.edge(0, kControlBytes * w.messages());
  w.add(1, false, true);
}

void write_store(PlanWriter& w, Bytes bytes) {
  w.next_position();
  serve(w.add(1, false, false), DataflowItem::Service::kHbmWrite, bytes);
  w.edge(2, kControlBytes * w.messages());
  w.next_position();
  w.add(1, true, false);
  w.edge(0, bytes);
  w.add(1, false, true);
}

}  // namespace

DataflowPlan nothing_plan() {
  PlanWriter w("none", {0});
  w.next_position();
  w.add(1, true, true);
  return w.take();
}

DataflowPlan point_to_point_plan(Bytes bytes, const SliceShape& shape, bool striped) {
  PlanWriter w("p2p", striped ? std::vector<std::uint32_t>{0} : residency(shape, bytes));
  w.next_position();
  w.add(1, true, true);
  w.edge(1, std::max<Bytes>(bytes, 1));
  w.next_position();
  w.add(2, true, true);
  DataflowPlan plan = w.take();
  plan.striped = striped;
  return plan;
}

DataflowPlan zplane_plan(Bytes bytes, const SliceShape& shape) {
  bytes = std::max<Bytes>(bytes, 1);
  PlanWriter w("zplane", residency(shape, bytes));
  w.cut_lanes(bytes);
  w.next_position();
  w.add(1, true, true);
  w.edge(2, bytes);
  w.next_position();
  w.add(2, true, true);
  w.next_position();
  w.add(1, false, false);
  w.edge(3, bytes);
  w.next_position();
  w.add(1, false, false);
  w.edge(1, bytes);
  DataflowPlan plan = w.take();
  plan.over_zplane = true;
  return plan;
}

DataflowPlan dip_plan(SlotUse::Memory kind, Bytes bytes, std::uint32_t die, const SliceShape& shape,
                      std::uint32_t steps) {
  PlanWriter w("dip", die_lanes(bytes, die, shape));
  w.cut_lanes(bytes);
  switch (kind) {
    case SlotUse::Memory::kIngest:
      write_ingest(w, bytes, steps);
      break;
    case SlotUse::Memory::kLoad:
      write_load(w, bytes);
      break;
    case SlotUse::Memory::kStore:
      write_store(w, bytes);
      break;
  }
  return w.take();
}

}  // namespace dojo::workload

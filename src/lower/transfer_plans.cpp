// SPDX-License-Identifier: Apache-2.0
// Plans of messages and of DIP traffic.
#include "lower/transfer_plans.h"

#include <algorithm>
#include <utility>

#include "dojo/workload/plan_builder.h"
#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace {

constexpr Bytes kControlBytes = 64;     // a request or an acknowledgement: one packet
constexpr Bytes kMostChunks = 1 << 15;  // a message's number has 16 bits
constexpr Bytes kLargestPiece = 8192;  // longer ones in parts: HBM and network overlap, and nodes take turns at the DIP

using Service = DataflowItem::Service;

constexpr PlanBuilder::Flags kStart{true, false}, kFinish{false, true}, kStartAndFinish{true, true}, kPassOn{};

PlanBuilder::Flags served(Service service, Bytes bytes) {
  PlanBuilder::Flags flags;
  flags.service = service;
  flags.service_bytes = bytes;
  return flags;
}

std::uint32_t chunks_of(Bytes bytes, std::size_t tracks) {
  return static_cast<std::uint32_t>(
      std::clamp<Bytes>(ceil_div<Bytes>(bytes, static_cast<Bytes>(tracks) * kLargestPiece), 1, kMostChunks));
}

std::vector<std::uint32_t> die_tracks(Bytes bytes, std::uint32_t die, const SliceShape& shape) {
  const std::int64_t first = shape.die_begin[die];
  const std::int64_t nodes = shape.die_begin[die + 1] - first;
  const std::int64_t count = std::clamp<std::int64_t>(bytes / kSmallestPieceBytes, 1, nodes);
  std::vector<std::uint32_t> tracks;
  for (std::int64_t i = 0; i < count; ++i)
    tracks.push_back(static_cast<std::uint32_t>(first + piece_begin(nodes, count, i)));
  return tracks;
}

/// Host memory -> DIP HBM by itself from time 0 on, step after step; HBM -> nodes.
void add_ingest(PlanBuilder& builder, const std::vector<Bytes>& bytes, std::uint32_t steps) {
  const auto dips = static_cast<std::uint32_t>(bytes.size());
  std::vector<std::uint32_t> before(dips, kNone);
  for (std::uint32_t s = 0; s < steps; ++s) {
    // The task has started and the samples are there.
    const std::uint32_t there = builder.item(dips + s, kStartAndFinish);
    for (std::uint32_t dip = 0; dip < dips; ++dip) {
      const std::uint32_t host = builder.item(dip, served(Service::kHostRead, bytes[dip]));
      const std::uint32_t hbm = builder.item(dip, served(Service::kHbmRead, bytes[dip]));
      builder.edge(host, hbm, 0);
      builder.edge(hbm, there, bytes[dip]);
      if (before[dip] != kNone) builder.edge(before[dip], host, 0);
      before[dip] = host;
    }
  }
}

/// `messages`: that one direction of the traffic with a DIP consists of.
void add_load(PlanBuilder& builder, const std::vector<Bytes>& bytes, Bytes messages) {
  const auto dips = static_cast<std::uint32_t>(bytes.size());
  const std::uint32_t ask = builder.item(dips, kStart), have = builder.item(dips, kFinish);
  for (std::uint32_t dip = 0; dip < dips; ++dip) {
    const std::uint32_t read = builder.item(dip, served(Service::kHbmRead, bytes[dip]));
    builder.edge(ask, read, kControlBytes * messages);
    builder.edge(read, have, bytes[dip]);
  }
}

void add_store(PlanBuilder& builder, const std::vector<Bytes>& bytes, Bytes messages) {
  const auto dips = static_cast<std::uint32_t>(bytes.size());
  const std::uint32_t give = builder.item(dips, kStart), know = builder.item(dips, kFinish);
  for (std::uint32_t dip = 0; dip < dips; ++dip) {
    const std::uint32_t write = builder.item(dip, served(Service::kHbmWrite, bytes[dip]));
    builder.edge(give, write, bytes[dip]);
    builder.edge(write, know, kControlBytes * messages);
  }
}

}  // namespace

DataflowPlan nothing_plan() {
  PlanBuilder builder;
  builder.item(0, kStartAndFinish);
  return builder.build("none", {0}, 1);
}

DataflowPlan point_to_point_plan(Bytes bytes, const SliceShape& shape, bool striped) {
  PlanBuilder builder;
  const std::uint32_t sent = builder.item(0, kStartAndFinish), come = builder.item(1, kStartAndFinish);
  builder.edge(sent, come, std::max<Bytes>(bytes, 1));
  DataflowPlan plan = builder.build("p2p", striped ? std::vector<std::uint32_t>{0} : residency(shape, bytes), 1);
  plan.striped = striped;
  return plan;
}

DataflowPlan pairs_to_plan(const std::vector<std::vector<Bytes>>& bytes, const SliceShape& shape) {
  const auto count = static_cast<std::uint32_t>(bytes.size());
  PlanBuilder builder(count);
  std::vector<std::uint32_t> sent, come;
  Bytes most = 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    sent.push_back(builder.item(i, kStartAndFinish));
    come.push_back(builder.item(i, kStartAndFinish));
  }
  // Each begins with the one after it, so that not all send to one.
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t step = 1; step < count; ++step) {
      const std::uint32_t j = (i + step) % count;
      if (bytes[i][j] == 0) continue;
      builder.edge(sent[i], come[j], bytes[i][j]);
      most = std::max(most, bytes[i][j]);
    }
  }
  std::vector<std::uint32_t> tracks = residency(shape, most);
  const std::uint32_t chunks = chunks_of(most, tracks.size());
  return builder.build("direct", std::move(tracks), chunks);
}

DataflowPlan zplane_plan(Bytes bytes, const SliceShape& shape) {
  bytes = std::max<Bytes>(bytes, 1);
  PlanBuilder builder;
  const std::uint32_t sent = builder.item(0, kStartAndFinish), come = builder.item(1, kStartAndFinish);
  const std::uint32_t near = builder.item(2, kPassOn), far = builder.item(3, kPassOn);
  builder.edge(sent, near, bytes);
  builder.edge(near, far, bytes);
  builder.edge(far, come, bytes);
  std::vector<std::uint32_t> tracks = residency(shape, bytes);
  const std::uint32_t chunks = chunks_of(bytes, tracks.size());
  DataflowPlan plan = builder.build("zplane", std::move(tracks), chunks);
  plan.over_zplane = true;
  return plan;
}

DataflowPlan dip_plan(EntryUse::Memory kind, Bytes bytes, std::uint32_t die, const SliceShape& shape,
                      std::uint32_t steps, std::uint32_t dips) {
  std::vector<Bytes> of_dip;
  for (std::uint32_t dip = 0; dip < dips; ++dip) of_dip.push_back(piece_size(bytes, dips, dip));
  const Bytes most = ceil_div<Bytes>(bytes, dips);
  std::vector<std::uint32_t> tracks = die_tracks(most, die, shape);
  const std::uint32_t chunks = chunks_of(most, tracks.size());
  const Bytes messages = static_cast<Bytes>(tracks.size()) * chunks;
  PlanBuilder builder;
  switch (kind) {
    case EntryUse::Memory::kIngest:
      add_ingest(builder, of_dip, steps);
      break;
    case EntryUse::Memory::kLoad:
      add_load(builder, of_dip, messages);
      break;
    case EntryUse::Memory::kStore:
      add_store(builder, of_dip, messages);
      break;
  }
  return builder.build("dip", std::move(tracks), chunks);
}

}  // namespace dojo::workload

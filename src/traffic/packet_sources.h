// SPDX-License-Identifier: Apache-2.0
// The sending side of the nodes of a die in the fast model: of the packets that wait at a read port one at a time goes
// to the router, segment by segment.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/traffic/source_queues.h"
#include "traffic/packet_mesh.h"

namespace dojo::traffic {

struct SegmentSource : PacketSource {
  Cycles due = 0;  ///< when it can go on
  std::uint32_t next = kNone;
  std::uint8_t channel = 0, last = 0, open = 0;  ///< VC in use, VC after the last one used, VCs with credit
  bool express = false;  ///< the packet passes without events; left = 1, due when its last segment would go
  std::array<std::uint8_t, 8> credits{};
};

class PacketSources : public SourceQueues<SegmentSource> {
 public:
  PacketSources(const Load& load, const SegmentRules& rules, const MeshShape& shape);
  void run(Cycles now, PacketMesh& mesh, Tally& tally);
  /// Bit i: a node may have something to do in cycle `from` + i, even if no credit comes.
  [[nodiscard]] std::uint64_t busy_cycles(Cycles from) const {
    const Cycles block = (from + kBlock - 1) & -kBlock;  // looks at what is due later
    return due_.ahead(from) | (sending_.empty() ? 0 : 1) | (block - from < 64 ? 1ull << (block - from) : 0);
  }

 private:
  static constexpr Cycles kBlock = 2048;  ///< cycles; what is due within the next so many is in `calendar_`
  static constexpr Cycles kBlocks = 64;   ///< ahead; what is due later still is looked at again then
  using Source = SegmentSource;

  void put_in_calendar(std::uint32_t index, Cycles now);
  [[nodiscard]] std::uint32_t& calendar_at(Cycles cycle) { return calendar_[static_cast<std::size_t>(cycle % kBlock)]; }
  void take_credits(PacketMesh& mesh);
  void take_due(Cycles now);
  void take_block(Cycles now);
  void take_from_calendar(std::uint32_t index);
  void resume(Cycles now, PacketMesh& mesh, Tally& tally);
  void finish(Source& source, Cycles now, Tally& tally);
  bool send_whole(Source& source, Cycles now, PacketMesh& mesh, Tally& tally);
  static void spend(Source& source, std::uint32_t credits);
  bool send(Source& source, Cycles now, PacketMesh& mesh, Tally& tally);

  const SegmentRules* rules_;
  std::vector<std::uint32_t> calendar_;  ///< by cycle: first source that is idle until then
  std::vector<std::uint32_t> later_;     ///< by block of cycles: first source that is idle until then
  DueCycles due_{kBlock};                ///< cycles of `calendar_` with sources
  std::vector<std::uint32_t> sending_;   ///< sources with something to send now
};

}  // namespace dojo::traffic

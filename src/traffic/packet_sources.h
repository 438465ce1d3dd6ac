// SPDX-License-Identifier: Apache-2.0
// The sending side of the nodes of a die in the fast model: packets wait in a queue without end, one at a time goes to
// the router, piece by piece. The queue is never stored: while a packet waits, the next one is not drawn yet.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/fabric/packet_mesh.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/injection.h"
#include "dojo/traffic/tally.h"

namespace dojo::traffic {

/// What the sources of all dies share.
struct PacketLoad {
  const Endpoints& endpoints;
  const Gaps& gaps;
  fabric::PieceRules rules;
  topology::Headings* headings = nullptr;  ///< of a machine with dead parts
  std::uint64_t seed = 1;
};

class PacketSources {
 public:
  /// The nodes at the sites of `shape`, those that inject.
  PacketSources(const PacketLoad& load, const fabric::MeshShape& shape);
  void run(Cycles now, fabric::PacketMesh& mesh, Tally& tally);
  /// Bit i: a node may have something to do in cycle `from` + i, even if no credit comes.
  [[nodiscard]] std::uint64_t busy_cycles(Cycles from) const {
    const Cycles block = (from + kBlock - 1) & -kBlock;  // looks at what is due later
    return due_.ahead(from) | (sending_.empty() ? 0 : 1) | (block - from < 64 ? 1ull << (block - from) : 0);
  }

  /// From `now` on packets created within the window are counted.
  void measure(Window window, Tally& tally);
  /// Every packet of the window has been drawn.
  [[nodiscard]] bool past_window() const { return past_ == sources_.size(); }
  /// Packets of the window that wait behind others and are not drawn yet, and their latest possible waits at `now`.
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const;

 private:
  static constexpr Cycles kBlock = 2048;  ///< cycles; what is due within the next so many is in `calendar_`
  static constexpr Cycles kBlocks = 64;   ///< ahead; what is due later still is looked at again then
  struct Source {
    Cycles created = 0, due = 0;  ///< of the packet that goes, or of the next; when it can go on
    Random random;
    std::uint32_t router = 0, node = 0, where = 0, left = 0, next = kNone;
    std::uint8_t channel = 0, last = 0, open = 0;  ///< VC in use, VC after the last one used, VCs with credit
    bool express = false;  ///< the packet passes without events; left = 1, due when its last piece would go
    std::array<std::uint8_t, 8> credits{};
  };

  void draw(Source& source, Tally& tally);
  void put_in_calendar(std::uint32_t index, Cycles now);
  [[nodiscard]] std::uint32_t& calendar_at(Cycles cycle) { return calendar_[static_cast<std::size_t>(cycle % kBlock)]; }
  void take_credits(fabric::PacketMesh& mesh);
  void take_due(Cycles now);
  void take_block(Cycles now);
  void take_from_calendar(std::uint32_t index);
  void resume(Cycles now, fabric::PacketMesh& mesh, Tally& tally);
  void start(Source& source, Tally& tally);
  void finish(Source& source, Cycles now, Tally& tally);
  bool send_whole(Source& source, Cycles now, fabric::PacketMesh& mesh, Tally& tally);
  static void spend(Source& source, std::uint32_t credits);
  bool send(Source& source, Cycles now, fabric::PacketMesh& mesh, Tally& tally);

  const PacketLoad* load_;
  topology::Headings::Book book_;
  Window window_;
  std::size_t past_ = 0;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> of_router_;  ///< kNone: a site without a node that injects
  std::vector<std::uint32_t> calendar_;   ///< by cycle: first source that is idle until then
  std::vector<std::uint32_t> later_;      ///< by block of cycles: first source that is idle until then
  fabric::DueCycles due_{kBlock};         ///< cycles of `calendar_` with sources
  std::vector<std::uint32_t> sending_;    ///< sources with something to send now
};

}  // namespace dojo::traffic

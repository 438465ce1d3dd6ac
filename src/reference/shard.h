// SPDX-License-Identifier: Apache-2.0
// A block with what joins it to others: crossings to other dies, or plain links to the next piece of the same mesh.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "reference/block.h"
#include "reference/crossing.h"

namespace dojo::reference {

/// Written by one shard in one window, read by its neighbour in the next.
struct Mail {
  std::vector<Leaving> flits, credits;
};

struct Shard {
  MeshShape shape;
  DieId die = 0;
  std::unique_ptr<TrafficBlock> block;
  std::array<Shard*, kSides> neighbour{};
  std::array<std::unique_ptr<CrossingOut>, kSides> out;  ///< none: plain links, or nothing on that side
  std::array<std::unique_ptr<CrossingIn>, kSides> in;
  std::array<std::array<Mail, 2>, kSides> mail;  ///< by side, by window's parity
  bool crosses = false;

  [[nodiscard]] traffic::Tally& tally() { return block->tally; }
  [[nodiscard]] const traffic::Tally& tally() const { return block->tally; }
  [[nodiscard]] Sources& sources() { return block->sources; }
  [[nodiscard]] const Sources& sources() const { return block->sources; }
  [[nodiscard]] std::uint64_t packet_hops(Cycles) const { return block->packet_hops; }
  /// Cycles begin .. end-1 of a window; takes the neighbours' mail of the window before.
  void run(Cycles begin, Cycles end, unsigned parity);
  /// Flits in the block, in crossings, and in the mail of the last window.
  [[nodiscard]] std::uint64_t flits_inside(unsigned last_parity) const;

 private:
  void read_mail(unsigned parity);
};

}  // namespace dojo::reference

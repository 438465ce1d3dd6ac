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
  std::unique_ptr<TrafficBlock> block;
  std::array<Shard*, 4> neighbour{};
  std::array<std::unique_ptr<CrossingOut>, 4> out;  ///< none: plain links, or nothing on that side
  std::array<std::unique_ptr<CrossingIn>, 4> in;
  std::array<std::array<Mail, 2>, 4> mail;  ///< by side, by window's parity
  bool crosses = false;

  /// Cycles begin .. end-1 of a window; takes the neighbours' mail of the window before.
  void run(Cycles begin, Cycles end, unsigned parity);
  /// Flits in the block, in crossings, and in the mail of the last window.
  [[nodiscard]] std::uint64_t flits_inside(unsigned last_parity) const;

 private:
  void read_mail(unsigned parity);
};

}  // namespace dojo::reference

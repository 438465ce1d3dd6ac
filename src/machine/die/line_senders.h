// SPDX-License-Identifier: Apache-2.0
// When the nodes of a line have sent their pieces. A node sends what it has for its row and for its column one after
// the other, so the one waits for the other.
#pragma once
#include <vector>

#include "dojo/base/types.h"

namespace dojo::machine {

/// A node of a line in the gathers that share it now.
struct LineSender {
  Flits all = 0;                          ///< that it sends, from when the latest of them began to share the line
  Flits before = 0;                       ///< of these, sent before a train
  Flits after = 0;                        ///< and with it
  Cycles end = kUnknown;                  ///< out: when it will have sent all
  static constexpr Cycles kUnknown = -1;  ///< nothing to send, or all was sent before the train
};

/// Fills in the ends, given that the train took the line from `start` until `free`. Those in the middle of the line end
/// first: at a link, what a node sends itself takes turns with all that comes from behind it, so a node far from an end
/// gets the least of the links there, and must wait for both ends. With n senders the first ends when (n + 1) / 2 or
/// 4.7 of n parts of all flits have passed, whatever is less, and the outer ones with the last flit (fitted to the
/// reference network, tests/validation/gather_samples_test.cpp).
void foresee_ends(std::vector<LineSender>& senders, Cycles start, Cycles free);

}  // namespace dojo::machine

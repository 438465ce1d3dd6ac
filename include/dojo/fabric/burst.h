// SPDX-License-Identifier: Apache-2.0
// What moves on the network: a burst is a train of 64 B packets of one message that travels as one event.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"

namespace dojo::fabric {

/// kStriped: equal pieces from every node of a die to the same node of another die in its row or column of dies.
enum class Shape : std::uint8_t { kUnicast, kRow, kRowEast, kRowWest, kColumn, kColumnNorth, kColumnSouth, kStriped };
enum class TrafficClass : std::uint8_t { kControl, kData };
/// What the receiver does with it; the machine gives `subject`, `item`, `lane` and `chunk` their meaning.
enum class Purpose : std::uint8_t { kOperand, kToken, kNodeToken, kTaskStart, kTaskDone };

struct Burst {
  Cycles created = 0;  ///< SRAM read of the first packet
  std::int32_t row = 0,
               column = 0;  ///< destination site of the whole machine; column -1 or one past the last: the DIP there
  /// Multicast: first and last column (row) of the machine that it reaches. Detour: numbers of the routers at which its
  /// route begins and ends; `row` and `column` are then where its present leg ends.
  std::int32_t low = 0, high = 0;
  std::uint32_t bytes = 0;
  std::uint32_t subject = 0, item = 0;
  std::uint16_t lane = 0, chunk = 0;
  Shape shape = Shape::kUnicast;
  TrafficClass traffic_class = TrafficClass::kData;
  Purpose purpose = Purpose::kToken;
  bool last = true;                     ///< last burst of its message
  std::uint8_t leg = 0, legs_left = 0;  ///< of a detour (topology::Route): its virtual network, and how many follow
  std::uint8_t exit = 0;                ///< of a detour to a DIP: 1 west, 2 east of where it ends
};
static_assert(sizeof(Burst) <= 48, "millions of these are in flight: grow it on purpose");

}  // namespace dojo::fabric

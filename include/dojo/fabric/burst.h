// SPDX-License-Identifier: Apache-2.0
// What moves on the network: a burst is a train of 64 B packets of one message that travels as one event.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"

namespace dojo::fabric {

/// kStriped: equal pieces from every node of a die to the same node of another die in its row or column of dies.
enum class Shape : std::uint8_t { kUnicast, kRow, kRowEast, kRowWest, kColumn, kColumnNorth, kColumnSouth, kStriped };
enum class TrafficClass : std::uint8_t { kControl, kData };
/// What the receiver does with a message; it says how the payload is read (machine/die/messages.h).
enum class Purpose : std::uint8_t { kOperand, kToken, kNodeToken, kTaskStart, kTaskDone, kPacket };

/// Carried by the network, understood by sender and receiver alone.
struct Payload {
  std::uint32_t words[3] = {0, 0, 0};
};
/// First and last column (of a row) or row (of a column) of the machine that a multicast reaches.
struct Reach {
  std::int32_t low, high;
};
/// Numbers of the routers at which a detour's route begins and ends (BurstRoutes).
struct RouteEnds {
  std::int32_t from, to;
};

struct Burst {
  Cycles created = 0;  ///< SRAM read of the first packet
  /// Destination site of the whole machine; a row or column of -1 or one past the last: the DIP there. On a detour,
  /// where its present leg ends.
  std::int32_t row = 0, column = 0;
  union {
    Reach reach = {0, 0};  ///< of a row or column
    RouteEnds route;       ///< of a unicast on a detour
  };
  std::uint32_t bytes = 0;
  Payload payload;
  Shape shape = Shape::kUnicast;
  TrafficClass traffic_class = TrafficClass::kData;
  Purpose purpose = Purpose::kToken;
  bool last = true;                     ///< last burst of its message
  std::uint8_t leg = 0, legs_left = 0;  ///< of a detour (topology::Route): its virtual network, and how many follow
  std::uint8_t group = 0;               ///< of a stripe: whose pieces it holds (StripeGroups)
  std::uint8_t exit = 0;                ///< of a detour to a DIP: 1 west, 2 east, 3 north, 4 south of where it ends
};
static_assert(sizeof(Burst) <= 48, "millions of these are in flight: grow it on purpose");

}  // namespace dojo::fabric

// SPDX-License-Identifier: Apache-2.0
// The routers of both network models under synthetic traffic: buffers, pipeline and allocators.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dojo/schema/fields.h"
#include "dojo/topology/routes.h"

namespace dojo::traffic {

inline constexpr std::int64_t kMostVirtualChannels = 8;
inline constexpr std::int64_t kMostBufferFlits = 128;
/// Of a port on machines with dead parts, where each leg of a route has virtual channels of its own.
inline constexpr std::int64_t kMostChannelsOfLegs = 16;

struct RouterParams {
  std::int64_t virtual_channels = 4;
  std::int64_t input_buffer_flits = 8;
  std::int64_t hop_cycles = 0;
  std::int64_t credit_cycles = 1;
  std::int64_t injection_cycles = 1;
  std::int64_t internal_speedup = 1;
  bool speculative = true;
  /// Legs that a route around dead parts may have.
  [[nodiscard]] std::int64_t most_legs() const {
    return std::min<std::int64_t>(topology::kRouteLegs, kMostChannelsOfLegs / virtual_channels);
  }
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Between;
    using schema::Source;
    field("virtual_channels", self.virtual_channels, "virtual channels of each input port",
          Between(1, kMostVirtualChannels), Source{"chosen"});
    field("input_buffer_flits", self.input_buffer_flits, "depth of each virtual channel's buffer",
          Between(1, kMostBufferFlits), Source{"chosen"});
    field("hop_cycles", self.hop_cycles,
          "switch allocation to the same in the next router, or to the sink; 0 = machine.noc.hop_cycles",
          Between(0, 64), Source{"chosen"});
    field("credit_cycles", self.credit_cycles, "a flit leaves its buffer until the sender may use its credit",
          Between(1, 64), Source{"chosen"});
    field("injection_cycles", self.injection_cycles, "node to its router", Between(1, 64), Source{"chosen"});
    field("internal_speedup", self.internal_speedup, "allocation rounds a cycle", Between(1, 2), Source{"chosen"});
    field("speculative", self.speculative, "a head may bid for the switch while it is given a virtual channel",
          schema::Anything(), Source{"chosen"});
  }
};

}  // namespace dojo::traffic

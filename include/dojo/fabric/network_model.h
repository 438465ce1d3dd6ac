// SPDX-License-Identifier: Apache-2.0
// The models of the network that a run can use.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/schema/enum_text.h"

namespace dojo::fabric {

enum class NetworkModel : std::uint8_t { kFast, kReference, kIdeal };
constexpr std::array<schema::EnumEntry<NetworkModel>, 3> enum_entries(NetworkModel) {
  return {{{NetworkModel::kFast, "fast",
            "event-driven: bursts cut through, queue in finite buffers, are pushed back; single packets (dojosim net) "
            "cross routers with virtual channels in segments"},
           {NetworkModel::kReference, "reference",
            "cycle by cycle: virtual-channel routers with credits, flit by flit; for a die or a tile"},
           {NetworkModel::kIdeal, "ideal",
            "links and edges are never shared: a message takes its latency and its own serialisation; ports stay "
            "finite"}}};
}

}  // namespace dojo::fabric

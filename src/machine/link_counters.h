// SPDX-License-Identifier: Apache-2.0
// Counters of links and serialisers as the results hold them.
#pragma once
#include "dojo/fabric/die_network.h"
#include "dojo/fabric/edge.h"
#include "dojo/machine/results.h"

namespace dojo::machine {

[[nodiscard]] LinkCounters link_counters(const fabric::LinkUse& link, Bytes link_bytes);
[[nodiscard]] LinkCounters link_counters(const fabric::Serialiser& serialiser);

}  // namespace dojo::machine

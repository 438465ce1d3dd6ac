// SPDX-License-Identifier: Apache-2.0
#include "run/net_models.h"

#include <algorithm>
#include <array>

#include "dojo/reference/network.h"
#include "dojo/traffic/fast_network.h"
#include "dojo/traffic/ideal_network.h"

namespace dojo::run {
namespace {

using fabric::NetworkModel;

constexpr std::array<NetModel, 3> kModels{{
    {NetworkModel::kFast, traffic::make_fast_network,
     "Fast model: flits of a long packet cross switches in segments of an eighth of it; routes are dimension order, "
     "along "
     "the row first; DIPs take no part."},
    {NetworkModel::kReference, reference::make_network,
     "Reference model: routes are dimension order, along the row first; DIPs take no part."},
    {NetworkModel::kIdeal, traffic::make_ideal_network,
     "Ideal model: links and edges are never shared: a packet takes its latency and its own serialisation at the "
     "slowest part of its way; only the ports of nodes are finite, so utilisation of a link can exceed 1. Routes are "
     "dimension order, along the row first; DIPs take no part."},
}};

}  // namespace

const NetModel& net_model(NetworkModel model) {
  return *std::find_if(kModels.begin(), kModels.end(), [&](const NetModel& row) { return row.model == model; });
}

}  // namespace dojo::run

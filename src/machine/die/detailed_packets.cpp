// SPDX-License-Identifier: Apache-2.0
// Packets that cores of detailed nodes send of their own, and what is said of cores that do something wrong.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die/detailed_node.h"

namespace dojo::machine {

void DetailedNodes::left(SiteIndex site) {
  --node(site).unsent;
}

void DetailedNodes::send(Node& node, const core::Packet& packet, Cycles at) {
  const topology::Topology& topology = context_.topology;
  const auto from = [&] { return topology.node_path(die_, node.site); };
  if (!node.ready()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("the core of {}: found a packet while its router had no room, expected a core that asks "
                            "ready() first",
                            from()));
  }
  const DieId die = packet.die;
  const SiteIndex site = packet.site;
  if (die >= topology.die_count() || site >= topology.sites()) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("the core of {}: found a packet to site {} of die {}, expected sites 0 to {} of dies 0 to {}",
                    from(), site, die, topology.sites() - 1, topology.die_count() - 1));
  }
  const auto& all = topology.detailed();
  const auto there = all.find(die);
  if (there == all.end() || !std::binary_search(there->second.begin(), there->second.end(), site)) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("the core of {}: found a packet to {}, whose core does not run cycle by cycle; add it to "
                            "machine.detailed",
                            from(), topology.node_path(die, site)));
  }
  const core::Hardware& hardware = topology.params().node;
  if (packet.semaphore >= 0 && (packet.semaphore < kFirstFree || packet.semaphore >= hardware.core.semaphores)) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("the core of {}: found a packet that signals semaphore {}, expected {} to {}, or -1 for "
                            "none; those before belong to operands",
                            from(), packet.semaphore, kFirstFree, hardware.core.semaphores - 1));
  }
  if (packet.address >= hardware.sram_bytes) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("the core of {}: found a packet to byte {} of an SRAM, expected 0 to {}", from(),
                            packet.address, hardware.sram_bytes - 1));
  }
  ++node.unsent;
  if (at <= running_) return post(node, packet, running_);
  node.outgoing.emplace_back(packet, at);
  wake(node, at);
}

void DetailedNodes::post(Node& node, const core::Packet& packet, Cycles now) {
  fabric::Burst burst;
  burst.purpose = fabric::Purpose::kPacket;
  burst.payload = CorePacket{packet.semaphore}.pack();
  const topology::Topology& topology = context_.topology;
  const topology::DieCoordinates at = topology.coordinates(packet.die);
  burst.row = at.row * topology.site_rows() + packet.site / topology.site_columns();
  burst.column = at.column * topology.site_columns() + packet.site % topology.site_columns();
  ++node.packets_sent;
  if (most_unsent_ == kNever) --node.unsent;
  port_.post(node.site, burst, core::kLineBytes, now, 0);
}

/// First those that have all their operands: the others may wait for what these would send.
std::vector<std::string> DetailedNodes::waiting() const {
  std::vector<std::string> asleep, lines;
  for (const std::unique_ptr<Node>& each : nodes_) {
    if (!each->open) continue;
    std::string line = fmt::format("{}: its core has not ended a step", context_.topology.node_path(die_, each->site));
    bool all = true;
    for (std::size_t i = 0; i < each->given.size(); ++i) {
      const core::Wait& wait = each->step.waits[i];
      if (wait.count == 0) continue;
      const std::int64_t come = each->given[i] + each->arrived[static_cast<std::size_t>(wait.semaphore)];
      all = all && come >= wait.count;
      line += fmt::format("; {} of {} operands have come on semaphore {}", std::min<std::int64_t>(come, wait.count),
                          wait.count, wait.semaphore);
    }
    if (all) line += "; it sleeps though it has all that it waits for";
    (all ? asleep : lines).push_back(std::move(line));
  }
  asleep.insert(asleep.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
  return asleep;
}

void DetailedNodes::fail_access(const Node& node, Cycles at) const {
  throw Error(ExitCode::kInvalidInput,
              fmt::format("the core of {}: found an access to its SRAM for cycle {}, expected {} to {}",
                          context_.topology.node_path(die_, node.site), at, running_, running_ + node.most_ahead));
}

void DetailedNodes::fail_endless(const Node& node) const {
  throw Error(ExitCode::kCannotFinish,
              fmt::format("the core of {} has not ended a step after {} cycles, which was planned with {}; a core of "
                          "your own has to say done()",
                          context_.topology.node_path(die_, node.site), node.ran - node.begin, node.step.timed));
}

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// One network of routers under packets that somebody sends one by one: the routers of the reference model, whose nodes
// send at a finite rate and hand over what has arrived.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"
#include "dojo/topology/rings.h"

namespace dojo::reference {

inline constexpr std::uint32_t kMostPacketChannels = 16;
inline constexpr std::uint32_t kPacketClasses = 2;  ///< requests, data: each has virtual channels of its own

struct PacketNetworkParams {
  topology::Rings rings;  ///< with rows and columns of routers
  Cycles hop_cycles = 1, endpoint_cycles = 1;
  /// Of a port: shared out over the classes and, on rings, over both sides of the seam. 2 or more, on rings 4; at
  /// most kMostPacketChannels.
  std::uint32_t virtual_channels = 4;
  std::uint32_t buffer_flits = 8;  ///< of each; 1 to 128, with shared_flits_of_channel
  /// Of an input port, beyond those, for whichever channel needs them; and for one channel at most.
  std::uint32_t shared_flits = 0, shared_flits_of_channel = 0;
  Cycles credit_cycles = 0;  ///< a flit leaves its buffer until the sender may use its place; 0: hop_cycles
  topology::SwitchOrder switch_order = topology::SwitchOrder::kInputsFirst;
  topology::LaneChoice lane_choice = topology::LaneChoice::kInTurn;
  /// What a node sends, and what it takes: one flit in `endpoint_cycles_of_1024_flits` / 1024 cycles; at least 1024.
  std::uint32_t endpoint_cycles_of_1024_flits = 1024;
  /// The same of nodes that are slower, by router number.
  std::map<std::uint32_t, std::uint32_t> slower_nodes;

  [[nodiscard]] static std::uint32_t write_ports() { return 1; }
  /// A flit keeps a node busy, rounded up, where it is more than one cycle.
  [[nodiscard]] Cycles sink_cycles() const {
    std::uint32_t slowest = endpoint_cycles_of_1024_flits;
    for (const auto& [router, cycles] : slower_nodes) slowest = std::max(slowest, cycles);
    return (slowest + 1023) / 1024;
  }
  [[nodiscard]] std::uint32_t flits_of_channel() const { return buffer_flits + shared_flits_of_channel; }
};

/// Rows and columns of routers, the last ones included.
struct PacketReach {
  std::uint16_t first_row = 0, last_row = 0, first_column = 0, last_column = 0;
};

struct Packet {
  std::uint32_t from = 0, to = 0;  ///< router numbers, row by row
  std::uint32_t flits = 1;
  std::uint32_t packet_class = 0;  ///< below kPacketClasses
  std::uint32_t tag = 0;           ///< the sender's
};

class PacketNetwork {
 public:
  struct Arrival {
    std::uint32_t tag = 0;
    Cycles time = 0;           ///< its last flit is at the node; not before the cycle that told it
    std::uint32_t router = 0;  ///< of that node
  };

  virtual ~PacketNetwork() = default;
  /// Waits at its node from the next cycle() on, behind what waits there in the same class.
  virtual void send(const Packet& packet) = 0;
  /// To all nodes of a rectangle that holds the sender's router, but not to the sender; `packet.to` says nothing. It
  /// goes along the sender's row and from there along each column, and each router that it forks in sends all copies at
  /// once, or each as soon as its link has room. One flit; over open meshes whose links choose first.
  virtual void send_to_all(const Packet& packet, const PacketReach& reach) = 0;
  /// Cycles are run one after another. Adds to `arrivals`.
  virtual void cycle(Cycles now, std::vector<Arrival>& arrivals) = 0;
  [[nodiscard]] virtual bool idle() const = 0;            ///< nothing is under way
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;  ///< host memory of its routers and nodes
};

[[nodiscard]] std::unique_ptr<PacketNetwork> make_packet_network(const PacketNetworkParams& params);

}  // namespace dojo::reference

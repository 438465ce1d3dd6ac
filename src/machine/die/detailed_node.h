// SPDX-License-Identifier: Apache-2.0
// The state of one node whose core runs cycle by cycle.
#pragma once
#include <array>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "dojo/core/core_clock.h"
#include "machine/die/detailed_nodes.h"

namespace dojo::machine {

/// Semaphores of operands (core/step_programs.h has one more, the kernel of attention three); packets of other cores
/// may name those behind.
inline constexpr std::int32_t kOperandSemaphores = 3, kFirstFree = 7;

/// Packets that the network writes, one a cycle from `time` on; none: a signal alone.
struct Arrival {
  Cycles time = 0;
  std::uint64_t sequence = 0;
  std::int64_t packets = 0;
  std::int32_t semaphore = -1;
  friend bool operator<(const Arrival& a, const Arrival& b) {  // of a heap with the earliest in front
    return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
  }
};

/// Its ports count the cycles of the die.
struct DetailedNodes::Node final : core::MemoryPort, core::PacketPort {
  /// What a core without SystemC uses: the same ports in the core's own cycles.
  struct OwnPorts final : core::MemoryPort, core::PacketPort {
    explicit OwnPorts(Node& of) : node(of) {}
    Cycles access(std::uint32_t address, bool write, Cycles at) override {
      return node.clock.at(node.access(address, write, node.clock.begin(at)));
    }
    [[nodiscard]] bool ready() const override { return node.ready(); }
    void send(const core::Packet& packet, Cycles at) override { node.send(packet, node.clock.begin(at)); }
    Node& node;
  };

  Node(DetailedNodes& all, SiteIndex where, const core::Hardware& hardware, float core_speed)
      : owner(all),
        site(where),
        speed(core_speed),
        clock(static_cast<double>(core_speed)),
        most_ahead(clock.begin(core::kMostLatency)),
        banks(static_cast<int>(hardware.core.sram_banks)) {}

  Cycles access(std::uint32_t address, bool write, Cycles at) override {
    if (at < owner.running_ || at > owner.running_ + most_ahead) owner.fail_access(*this, at);
    // The banks know no more of the future: further ahead, a slow core's access meets no other.
    if (at > owner.running_ + core::kMostLatency) return at;
    return banks.access(address, write, at);
  }
  [[nodiscard]] bool ready() const override { return unsent < owner.most_unsent_; }
  void send(const core::Packet& packet, Cycles at) override { owner.send(*this, packet, at); }

  DetailedNodes& owner;
  const SiteIndex site;
  const float speed;  ///< of its core
  const core::CoreClock clock;
  const Cycles most_ahead;  ///< that an access may lie in the future
  OwnPorts own_ports{*this};
  core::Sram banks;
  std::unique_ptr<core::NodeModel> own;  ///< none: it is another one's
  core::NodeModel* model = nullptr;
  core::MemoryPort* network_side = this;
  std::vector<Arrival> arrivals;  ///< a heap
  std::deque<std::pair<core::Packet, Cycles>> outgoing;
  std::uint64_t sequence = 0;
  std::array<Cycles, core::kMostPorts> write_port_from{};
  std::uint32_t next_read = 0, next_write = 0;  ///< lines of the buffers of operands
  std::int64_t unsent = 0;                      ///< of the core's own packets
  std::array<std::int64_t, kOperandSemaphores> arrived{};
  // The step that it has.
  StepStart step;
  const core::StepPrograms::Entry* programs = nullptr;  ///< null: a step of which only the time is known
  std::array<std::int32_t, core::kStepWaits> given{};   ///< signals that the core has got, by wait
  bool open = false, begun = false, started = false;
  Cycles start_at = 0, begin = 0;
  Cycles wake = kNever, ran = -1;
  std::uint64_t busy_cycles = 0, packets_received = 0, packets_sent = 0;
  core::Wave* wave = nullptr;  ///< of a node that is recorded
};

}  // namespace dojo::machine

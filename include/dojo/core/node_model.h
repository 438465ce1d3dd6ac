// SPDX-License-Identifier: Apache-2.0
// The core of a node that runs cycle by cycle, as its die sees it: the pipeline of this project, or a user's own class.
// docs/core.md#a-core-of-your-own has examples.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "dojo/base/types.h"
#include "dojo/core/counters.h"
#include "dojo/core/params.h"
#include "dojo/core/program.h"
#include "dojo/node/core_piece.h"

namespace dojo::core {

/// The node's SRAM. Data are there `sram_latency_cycles` after the access is granted.
class MemoryPort {
 public:
  virtual ~MemoryPort() = default;
  /// Reserves the bank of one line of 64 B in the first free cycle from `at` on, and returns that cycle. Requires
  /// `at` >= the running cycle, at most 64 more. A port holds until its access is granted.
  virtual Cycles access(std::uint32_t address, bool write, Cycles at) = 0;
};

/// A packet of 64 B to another node's SRAM; that node's core runs cycle by cycle too.
struct Packet {
  DieId die = 0;  ///< over the whole machine
  SiteIndex site = 0;
  std::uint32_t address = 0;    ///< in that node's SRAM
  std::int32_t semaphore = -1;  ///< that is signalled once the packet is written; -1: none
};

/// The node's router.
class PacketPort {
 public:
  virtual ~PacketPort() = default;
  /// It has room for another packet.
  [[nodiscard]] virtual bool ready() const = 0;
  /// Requires ready(); the packet may go from `at` on.
  virtual void send(const Packet& packet, Cycles at) = 0;
};

/// Signals of operands that a step waits for.
struct Wait {
  std::int32_t semaphore = 0, count = 0;
};
inline constexpr int kStepWaits = 2;

/// What the core does next: a step of a kernel.
struct Step {
  const Work* work = nullptr;              ///< programs that compute it, the waits included; empty: there is nothing
  const node::CorePiece* piece = nullptr;  ///< what it computes
  std::array<Wait, kStepWaits> waits{};    ///< count 0: none
};

/// One core. One host thread at a time calls it. Cycles are the core's own, longer than the die's where it is slow.
class NodeModel {
 public:
  virtual ~NodeModel() = default;
  /// The step begins at cycle `at`, which is the one that runs next. Requires done().
  virtual void start(const Step& step, Cycles at) = 0;
  /// A packet of an operand, or one that names this semaphore, has been written. May come at any time.
  virtual void signal(std::int32_t semaphore, Cycles at) = 0;
  /// Cycle `now`. Returns the next cycle in which the core has something to do; kNever: it waits for a signal, or is
  /// done.
  virtual Cycles run(Cycles now) = 0;
  /// The step is over.
  [[nodiscard]] virtual bool done() const = 0;
  /// Of all steps so far.
  [[nodiscard]] virtual Counters counters() const = 0;
  /// Signals of a semaphore that nobody has taken, for waves; a core may leave it out.
  [[nodiscard]] virtual std::int64_t semaphore(std::int32_t /*number*/) const { return 0; }
};

/// Where a core is and what it is connected to, by ports in its own cycles; CoreModule converts them.
struct NodeSite {
  DieId die = 0;
  SiteIndex site = 0;
  const Hardware& hardware;
  MemoryPort& memory;
  PacketPort& network;
};
using NodeFactory = std::function<std::unique_ptr<NodeModel>(const NodeSite&)>;

/// The pipeline of this project.
[[nodiscard]] std::unique_ptr<NodeModel> make_pipeline_node(const NodeSite& site);

}  // namespace dojo::core

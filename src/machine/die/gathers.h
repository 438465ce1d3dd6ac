// SPDX-License-Identifier: Apache-2.0
// How a kernel's operands get to the nodes that need them. Each network model chooses one of the classes: whole lines
// in one step (line_gathers.h) or every piece as a message (piece_gathers.h).
#pragma once
#include <cstdint>

#include "dojo/base/types.h"
#include "machine/die/kernel_run.h"
#include "machine/die/residents.h"

namespace dojo::machine {

class Gathers {
 public:
  virtual ~Gathers() = default;
  /// How many arrivals a slot of a node waits for; `at`: node of the slice * slots + slot.
  [[nodiscard]] virtual std::uint32_t need(const RankDie& place, std::uint32_t kernel, std::size_t at) const = 0;
  /// A run has been made: its lines stand at their first gathers.
  virtual void prepare(KernelRun& run) = 0;
  /// The kernel's messages between two nodes, when it starts.
  virtual void send_unicasts(KernelRun& run, Cycles now) = 0;
  /// Sends of a line's gathers what may go now. Does nothing before the kernel has started.
  virtual void advance(KernelRun& run, std::uint32_t line, Cycles now) = 0;
  /// All that a node gets before its first step is known to come: what it passes on of that may go.
  virtual void first_slot_known(KernelRun& run, std::uint32_t node, Cycles now) = 0;
};

}  // namespace dojo::machine

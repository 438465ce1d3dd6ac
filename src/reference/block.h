// SPDX-License-Identifier: Apache-2.0
// A block: a rectangle of routers that one thread runs for a window of cycles. What leaves it goes to the owner.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/reference/router_params.h"
#include "dojo/traffic/tally.h"
#include "reference/sources.h"

namespace dojo::reference {

struct BlockShape {
  std::int32_t first_row = 0, first_column = 0, rows = 1, columns = 1;
  std::array<bool, 4> joined{};  ///< by side (east, west, south, north): another block lies beyond
};

/// On its way over a side of a block: `lane` is the row (east, west) or column (south, north) within the block.
struct Leaving {
  Cycles time = 0;  ///< when it is there
  std::uint16_t lane = 0;
  std::uint8_t channel = 0;
  Flit flit;  ///< not of credits
};

class Block {
 public:
  virtual ~Block() = default;
  /// Cycles begin .. end-1.
  virtual void run(Cycles begin, Cycles end) = 0;
  /// From outside, for a later cycle: a flit into the input port of `side`, a credit for its output port.
  virtual void enter(unsigned side, const Leaving& flit) = 0;
  virtual void credit(unsigned side, const Leaving& credit) = 0;
  /// Flits sent over an output port of the router at (row, column) of the block.
  [[nodiscard]] virtual std::uint32_t sent(std::int32_t row, std::int32_t column, unsigned port) const = 0;
  /// Flits in buffers and on links; throws Error(kInternal) where states contradict each other.
  [[nodiscard]] virtual std::uint64_t flits_inside() const = 0;
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;

  traffic::Tally tally;
  Sources sources;
  std::array<std::vector<Leaving>, 4> flits_out, credits_out;  ///< by side; the owner takes and clears them
  std::uint64_t packet_hops = 0, flit_hops = 0;                ///< over links within the block and out of it

 protected:
  explicit Block(Sources own) : sources(std::move(own)) {}
};

[[nodiscard]] std::unique_ptr<Block> make_block(const BlockShape& shape, const RouterParams& params, const Load& load);

}  // namespace dojo::reference

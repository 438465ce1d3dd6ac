// SPDX-License-Identifier: Apache-2.0
// Decorates the machine: of rows of tiles that do the same (shortcuts/tile_rows.h) one is run for all, until a task
// concerns several of them; then the others take its state.
#pragma once
#include <cstdint>
#include <memory>

#include "dojo/base/types.h"
#include "machine/shortcuts/tile_rows.h"

namespace dojo::machine {

struct MachineState;

class RowsInStep {
 public:
  explicit RowsInStep(MachineState& machine) : machine_(machine) {}

  /// Looks for rows that do the same; from now on only one of each kind is run.
  void start();
  /// The other rows of tiles take the state of the first and go on by themselves.
  void part();
  /// How many rows of tiles did what was added to the context's sums of that index.
  [[nodiscard]] std::uint64_t rows_of_sums(std::size_t sums) const;

  [[nodiscard]] Cycles until() const { return until_; }
  [[nodiscard]] std::uint32_t dies_taken_over() const { return dies_taken_over_; }
  /// Counted by shards that did not run them.
  [[nodiscard]] std::uint64_t events_taken_over() const { return events_taken_over_; }

 private:
  void take_over(const TileRows::Kind& kind, const RowNames& names);

  MachineState& machine_;
  std::unique_ptr<const TileRows> rows_;
  Cycles until_ = 0;
  std::uint32_t dies_taken_over_ = 0;
  std::uint64_t events_taken_over_ = 0;
};

}  // namespace dojo::machine

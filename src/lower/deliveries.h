// SPDX-License-Identifier: Apache-2.0
// Operand traffic of a kernel: which node sends what to whom, in which step it is used, and what that loads.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "lower/slices.h"

namespace dojo::workload {

/// Bytes of a tensor that each node holds; by node of the slice.
using Holding = std::vector<Bytes>;
/// Equal pieces over all nodes of the grid in row-major order.
[[nodiscard]] Holding spread_evenly(const SliceGrid& grid, Bytes bytes);
/// On the nodes of residency(), in equal pieces.
[[nodiscard]] Holding spread_resident(const SliceGrid& grid, Bytes bytes);
/// Each row (column) has its share, on as many of its nodes as residency() would take for so many bytes.
[[nodiscard]] Holding spread_over_rows(const SliceGrid& grid, Bytes bytes);
[[nodiscard]] Holding spread_over_columns(const SliceGrid& grid, Bytes bytes);

class Deliveries {
 public:
  /// kLoad: for plans that are only compared; load() and latency() are all that may be asked for then.
  enum class Keep : std::uint8_t { kAll, kLoad };
  Deliveries(const SliceGrid& grid, std::uint32_t steps, Keep keep = Keep::kAll);
  /// The same so far, with what follows in so many steps. Requires that nothing has been streamed.
  [[nodiscard]] Deliveries in_steps(std::uint32_t steps) const;

  // Each returns the most bytes that arrive at any node. `streamed`: sources are spread over the steps, in order;
  // otherwise everything is there before the first step.
  Bytes along_rows(const Holding& holding, bool streamed);
  Bytes along_columns(const Holding& holding, bool streamed);
  Bytes to_all(const Holding& holding, bool streamed);
  /// Row r needs the r-th part of every piece: columns first, then 1/rows of what arrived along the rows.
  Bytes filtered_by_row(const Holding& holding, bool streamed);
  /// Column c needs the c-th part of every piece: rows first, then 1/columns of what arrived along the columns.
  Bytes filtered_by_column(const Holding& holding, bool streamed);
  /// Every node's piece to its whole row, there before one step. Returns the most bytes that arrive at any node.
  Bytes along_rows_before(const Holding& holding, std::uint32_t step);
  /// One transfer, there before the first step, or another one.
  void unicast(std::uint32_t source, std::uint32_t destination, Bytes bytes, std::uint32_t step = 0);
  /// One transfer that its destination waits for before it passes anything on.
  void unicast_to_pass_on(std::uint32_t source, std::uint32_t destination, Bytes bytes);
  /// Equal shares of `bytes` from all nodes of a row; `pass_on` as in unicast_to_pass_on(). Returns what arrives.
  Bytes unicasts_of_row(std::uint32_t row, std::uint32_t destination, Bytes bytes, std::uint32_t step, bool pass_on);
  /// A node sends `bytes` to its whole row or column, `passes_on` once what it waits for has come: the index-th of
  /// `count` such, which are spread over the steps if `streamed`.
  void along_line_of(std::uint32_t node, bool row, bool passes_on, Bytes bytes, std::uint64_t index,
                     std::uint64_t count, bool streamed);
  /// `bytes` from the nodes of a row to those of another in the same columns.
  Bytes row_to_row(std::uint32_t from_row, std::uint32_t to_row, Bytes bytes);
  /// `bytes` for a whole row from nodes of another row, passed on along the row: the halo of a band.
  Bytes band_halo(std::uint32_t from_row, std::uint32_t to_row, Bytes bytes, bool pass_on, bool streamed = false);

  /// What one node sends in one step is more than a kernel can count. Who knows the operation makes a finding of it.
  struct TooLarge {
    static constexpr Bytes kMost = 0x7fffffff;
    Bytes bytes;
  };
  /// Writes gathers, unicasts and arrival counts; throws TooLarge.
  void finish(Kernel& kernel) const;

  struct Load {        ///< cycles until it has arrived: of the busiest row link, column link, or write port
    double first = 0;  ///< what comes before the first step
    double all = 0;
  };
  /// `crowding`: messages between many nodes get in each other's way, and take so many times what they load.
  [[nodiscard]] Load load(double write_port_bytes_per_cycle, double crowding = 1) const;
  /// Cycles that the traffic takes to reach its nodes, alone; 0 when there is none.
  [[nodiscard]] double latency() const;

 private:
  enum class Shape : std::uint8_t { kUnicast, kRow, kColumn };  ///< the last two: to all other nodes of the line
  /// When something goes: to be passed on, then for the first two steps or for later ones, each at once or passed on.
  enum When : std::uint8_t { kToPassOn, kEarly, kEarlyPassedOn, kLate, kLatePassedOn, kWhens };
  /// Bytes, or bytes times links; whole numbers, so that the order in which they are added up does not matter.
  using Carried = std::array<double, kWhens>;
  [[nodiscard]] static When when_of(std::uint32_t slot, std::uint32_t stage);
  struct Sent {
    std::uint32_t source, destination;  ///< the second for kUnicast
    Bytes bytes;
    Shape shape;
    std::uint8_t slot, stage;
  };
  void send(std::uint32_t source, Shape shape, Bytes bytes, std::uint32_t slot, std::uint32_t stage,
            std::uint32_t destination = 0);
  /// What the index-th of `count` holders of a line sends: its share of the steps, or all before the first.
  void stream(std::uint32_t source, Shape shape, Bytes bytes, std::uint32_t stage, std::uint64_t index,
              std::uint64_t count, bool streamed);
  Bytes along_line(const std::vector<std::uint32_t>& nodes, Shape shape, const Holding& holding, bool streamed);
  void measure_distances();
  void finish_gathers(Kernel& kernel) const;
  void finish_unicasts(Kernel& kernel) const;
  void order_short_unicasts(Kernel& kernel) const;
  void count_arrivals(Kernel& kernel) const;
  Bytes columns_then_rows(const Holding& holding, bool streamed, bool filtered);

  const SliceGrid* grid_;
  std::uint32_t steps_;
  Keep keep_;
  bool two_stages_ = false, any_ = false;
  std::vector<Sent> sent_;                                   ///< of kAll
  std::vector<Carried> row_messages_, column_messages_;      ///< by line: of unicasts, times the links of the line
  std::vector<Carried> row_multicasts_, column_multicasts_;  ///< by line: all that its nodes send along it
  std::vector<Carried> arriving_, own_;                      ///< by node: unicasts to it, and what it multicasts itself
  std::vector<std::uint32_t> distances_;  ///< by row and column: of the row's nodes from the column, added up
};

}  // namespace dojo::workload

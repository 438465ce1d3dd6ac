// SPDX-License-Identifier: Apache-2.0
// Dimension order on a mesh whose rows, columns or both close to rings (a torus), both ways round or one way only.
//
// What keeps rings free of deadlock is the seam, the link that closes a ring (a dateline): a packet that has still to
// cross it uses other virtual channels than one that has not (Dally and Seitz, 1987). Which of them a packet needs
// follows from where it is and where it goes, so packets carry nothing for it.
#pragma once
#include <cstdint>

#include "dojo/topology/machine_params.h"
#include "dojo/topology/routes.h"

namespace dojo::topology {

/// A row or a column of routers, numbered 0 to length - 1.
struct Line {
  std::uint32_t length = 1;
  bool ring = false;     ///< a link leads from the last router to the first
  bool one_way = false;  ///< links lead towards higher numbers only; needs `ring`

  /// A packet at `from` goes towards higher numbers. The shorter way round; of two equal ones even routers go up.
  [[nodiscard]] bool goes_up(std::uint32_t from, std::uint32_t to) const {
    if (!ring) return to > from;
    if (one_way) return true;
    const std::uint32_t up = to > from ? to - from : to + length - from;
    return 2 * up != length ? 2 * up < length : from % 2 == 0;
  }
  /// On the way that goes_up() names, the packet has still to cross the seam.
  [[nodiscard]] bool before_seam(std::uint32_t from, std::uint32_t to) const {
    return ring && goes_up(from, to) == (to < from);
  }
  [[nodiscard]] std::uint32_t hops(std::uint32_t from, std::uint32_t to) const {
    if (from == to) return 0;
    const std::uint32_t up = to > from ? to - from : to + length - from, down = length - up;
    if (!ring) return to > from ? to - from : from - to;
    return goes_up(from, to) ? up : down;
  }
};

/// The routers of a mesh of one die.
struct Rings {
  Line row, column;            ///< of one row: its length is the number of columns
  bool columns_first = false;  ///< dimension order: along the column first

  [[nodiscard]] bool any() const { return row.ring || column.ring; }
  /// Sides are numbered as ports of routers are: 0 to 3 are higher column, lower column, higher row, lower row. `local`
  /// is what is returned at the destination.
  [[nodiscard]] unsigned side_towards(std::uint32_t row_at, std::uint32_t column_at, std::uint32_t to_row,
                                      std::uint32_t to_column, unsigned local) const {
    const bool along = column_at != to_column, down = row_at != to_row;
    if (along && !(columns_first && down)) return row.goes_up(column_at, to_column) ? 0 : 1;
    if (down) return column.goes_up(row_at, to_row) ? 2 : 3;
    return local;
  }
  /// In the ring of that side. False off rings.
  [[nodiscard]] bool before_seam(unsigned side, std::uint32_t row_at, std::uint32_t column_at, std::uint32_t to_row,
                                 std::uint32_t to_column) const {
    return side < 2 ? row.before_seam(column_at, to_column) : column.before_seam(row_at, to_row);
  }
  [[nodiscard]] std::uint32_t hops(const Site& from, const Site& to) const {
    const auto at = [](std::int32_t place) { return static_cast<std::uint32_t>(place); };
    return row.hops(at(from.column), at(to.column)) + column.hops(at(from.row), at(to.row));
  }
  [[nodiscard]] bool ring_of(unsigned side) const { return side < 2 ? row.ring : column.ring; }
};

/// The rings of a machine's dies of `rows` x `columns` routers.
[[nodiscard]] inline Rings rings_of(const NocParams& noc, std::uint32_t rows, std::uint32_t columns) {
  const bool along_rows = noc.wrap == Wrap::kRows || noc.wrap == Wrap::kBoth;
  const bool along_columns = noc.wrap == Wrap::kColumns || noc.wrap == Wrap::kBoth;
  return {{columns, along_rows, noc.one_way}, {rows, along_columns, noc.one_way}, false};
}

}  // namespace dojo::topology

// SPDX-License-Identifier: Apache-2.0
// The one builder of dataflow plans: of collectives, of transfers, and of reductions inside a rank.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "dojo/workload/program.h"

namespace dojo::workload {

/// Tokens that an item can count.
inline constexpr std::uint32_t kMaxNeed = std::numeric_limits<decltype(DataflowItem::need)>::max();

/// Collects items and edges in any order; counts what each item needs; groups items by position.
class PlanBuilder {
 public:
  struct Flags {
    bool start = false, finish = false;  ///< as in DataflowItem
    Bytes combine_bytes = 0;             ///< > 0: the item combines so much, over all tracks and chunks
    DataflowItem::Service service = DataflowItem::Service::kNone;
    Bytes service_bytes = 0;  ///< so much, over all tracks and chunks; of an item that combines nothing
  };
  /// There are at least so many positions: those of the items, and others at which nothing happens.
  explicit PlanBuilder(std::uint32_t positions = 0) : positions_(positions) {}
  /// The number by which edge() and set_finish() know the new item.
  std::uint32_t item(std::uint32_t position, Flags flags);
  /// A message, or a token when both items are of one position. Edges of an item keep their order.
  void edge(std::uint32_t from, std::uint32_t to, Bytes bytes);
  void set_finish(std::uint32_t item) { items_[item].finish = true; }
  /// A plan that is neither striped nor made for the Z-plane; its tracks go over `track_node`. An item needs a token
  /// for each edge into it and for its start. Only a service may need none: a DIP begins with it by itself.
  [[nodiscard]] DataflowPlan build(std::string algorithm, std::vector<std::uint32_t> track_node,
                                   std::uint32_t chunks) const;

 private:
  struct RawEdge {
    std::uint32_t from, to;
    Bytes bytes;
  };
  std::uint32_t positions_;
  std::vector<DataflowItem> items_;
  std::vector<RawEdge> edges_;
};

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// Times that an operation cannot go below, whatever else the machine does. Work of the cores is shared out over all
// nodes of the slice, whichever the plan takes; traffic is what the plan sends.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/workload/floors.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {

[[nodiscard]] Floors core_floors(const ProductRequest& request, const PlanContext& context);
[[nodiscard]] Floors core_floors(const VectorRequest& request, const PlanContext& context);
[[nodiscard]] Floors core_floors(const ShapelessRequest& request, const PlanContext& context);

/// Network ports, on-die links and die edges of a slice, by the bytes that a kernel's operands or a reduction send over
/// them in dimension order. Where a dead part makes messages turn, links and edges are left out.
class SliceTraffic {
 public:
  SliceTraffic(const Slice& slice, const topology::Topology& topology);
  void add(const Kernel& kernel);
  void add(const InRankDataflow& flow);
  [[nodiscard]] Floors floors() const;

 private:
  static constexpr std::uint32_t kEast = 0, kWest = 1, kNorth = 2, kSouth = 3;
  [[nodiscard]] std::size_t site(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(row * shape_.columns + column);
  }
  void add_gathers(const Kernel& kernel);
  /// What the nodes of a line send to all others of it: from first to last, then back.
  void pass_along(const std::vector<std::uint32_t>& line, const std::vector<Bytes>& sent, bool horizontal);
  void send(std::uint32_t from, std::uint32_t to, Bytes bytes);
  /// Over the links between two nodes of a line.
  void load(const SliceShape::Node& from, std::int64_t steps, std::uint32_t direction, Bytes bytes);

  const Slice& slice_;
  const SliceShape& shape_;
  const topology::Topology& topology_;
  std::vector<Bytes> in_, out_, added_;                     ///< by node of the slice
  std::vector<Bytes> links_;                                ///< [site * 4 + direction]: what leaves it there
  std::vector<std::vector<std::uint32_t>> rows_, columns_;  ///< their nodes, west to east and north to south
};

/// Of a collective by messages between `members`: what its ranks have to send and to receive at least.
[[nodiscard]] Floors collective_floors(OpKind kind, Bytes bytes, std::uint32_t root,
                                       const std::vector<const Slice*>& members, const topology::Topology& topology);
/// Of a transfer between a die and its DIP's HBM.
[[nodiscard]] Floors memory_floors(Bytes bytes, const topology::Topology& topology);

}  // namespace dojo::workload

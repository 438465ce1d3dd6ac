// SPDX-License-Identifier: Apache-2.0
// For tests of collectives: groups of slices on a machine, and an interpreter of plans that counts tokens and follows
// each rank's contribution, without time.
#pragma once
#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "dojo/collectives/collectives.h"
#include "dojo/topology/topology.h"

namespace dojo::workload::test {

/// A machine and some slices of `die_rows` x `die_columns` dies, or of single sites.
struct Bench {
  explicit Bench(topology::Level level = topology::Level::kTile) : topology(parameters(level)) {}

  static topology::MachineParams parameters(topology::Level level) {
    topology::MachineParams params;
    params.level = level;
    params.node.core.address_generators = 3;  // adds 64 bytes a cycle
    return params;
  }

  /// All sites of a block of dies but the last 6 of each die.
  std::shared_ptr<const SliceShape> die_shape(std::int32_t die_rows = 1, std::int32_t die_columns = 1,
                                              std::int32_t missing = 6) const {
    auto shape = std::make_shared<SliceShape>();
    const std::int32_t rows = topology.site_rows(), columns = topology.site_columns();
    shape->die_rows = die_rows;
    shape->die_columns = die_columns;
    shape->rows = die_rows * rows;
    shape->columns = die_columns * columns;
    for (std::int32_t die = 0; die < die_rows * die_columns; ++die) {
      for (std::int32_t site = 0; site < rows * columns - missing; ++site) {
        SliceShape::Node node;
        node.die = static_cast<std::uint16_t>(die);
        node.site = static_cast<SiteIndex>(site);
        node.row = static_cast<std::uint16_t>(die / die_columns * rows + site / columns);
        node.column = static_cast<std::uint16_t>(die % die_columns * columns + site % columns);
        shape->nodes.push_back(node);
      }
    }
    return shape;
  }
  std::shared_ptr<const SliceShape> node_shape() const {
    auto shape = std::make_shared<SliceShape>();
    shape->rows = shape->columns = 1;
    shape->nodes.resize(1);
    return shape;
  }

  void add(std::shared_ptr<const SliceShape> shape, std::int32_t site_row, std::int32_t site_column) {
    auto slice = std::make_unique<Slice>();
    slice->shape = std::move(shape);
    slice->first_site_row = site_row;
    slice->first_site_column = site_column;
    slices.push_back(std::move(slice));
  }
  /// rows x columns slices of one die each, row-major, from die (row, column) of the machine.
  void add_dies(std::int32_t rows, std::int32_t columns, std::int32_t row = 0, std::int32_t column = 0) {
    const auto shape = die_shape();
    for (std::int32_t r = 0; r < rows; ++r) {
      for (std::int32_t c = 0; c < columns; ++c) {
        add(shape, (row + r) * topology.site_rows(), (column + c) * topology.site_columns());
      }
    }
  }
  CollectiveRequest request(OpKind kind, Bytes bytes, const std::string& algorithm = "", std::uint32_t root = 0) const {
    CollectiveRequest r;
    r.kind = kind;
    r.bytes = bytes;
    if (!algorithm.empty()) r.algorithm = schema::enum_value<Algorithm>(algorithm).value();
    r.root = root;
    for (const auto& slice : slices) r.members.push_back(slice.get());
    return r;
  }

  topology::Topology topology;
  std::vector<std::unique_ptr<Slice>> slices;
};

/// Runs one track and chunk of a plan. A value counts how often each rank's contribution is in it. An item's value is
/// the sum of what came; an item that adds, or that begins a chain, puts its rank's own contribution in, unless that
/// came already over a token of the same position.
struct PlanRun {
  using Value = std::vector<int>;
  std::vector<int> fired;                        ///< by item
  std::vector<Value> value;                      ///< by item
  std::vector<Value> own_finish_sum;             ///< by position: sum over the values of its finish items
  std::vector<std::size_t> entered_at, done_at;  ///< by position, in numbers of entered positions; SIZE_MAX = never
  bool early_finish = false;                     ///< a finish item fired before its position's task started
  Bytes bytes_moved = 0;
  std::vector<Bytes> bytes_out;  ///< by position
};

/// `entry`: positions of the members, in the order in which their tasks start. What comes after them are DIPs.
inline PlanRun run_plan(const DataflowPlan& plan, const std::vector<std::uint32_t>& entry) {
  PlanRun run;
  const std::size_t n = entry.size(), items = plan.items.size();
  run.fired.assign(items, 0);
  run.value.assign(items, PlanRun::Value(n, 0));
  run.own_finish_sum.assign(n, PlanRun::Value(n, 0));
  run.bytes_out.assign(plan.positions, 0);
  run.entered_at.assign(n, SIZE_MAX);
  run.done_at.assign(n, SIZE_MAX);
  std::vector<int> tokens(items, 0);
  std::vector<std::uint8_t> message_came(items, 0), own_came(items, 0);
  std::vector<std::size_t> unfinished(plan.positions, 0);
  for (const DataflowItem& item : plan.items) unfinished[item.position] += item.finish ? 1u : 0u;
  std::vector<std::uint32_t> ready;
  std::size_t entered = 0;
  const auto token = [&](std::uint32_t i) {
    if (++tokens[i] == plan.items[i].need) ready.push_back(i);
  };
  for (const std::uint32_t position : entry) {
    run.entered_at[position] = ++entered;
    for (std::uint32_t i = plan.item_begin[position]; i < plan.item_begin[position + 1]; ++i) {
      if (plan.items[i].start) token(i);
    }
    while (!ready.empty()) {
      const std::uint32_t i = ready.back();
      ready.pop_back();
      const DataflowItem& item = plan.items[i];
      ++run.fired[i];
      if (own_came[i] == 0 && (item.combine || message_came[i] == 0)) ++run.value[i][item.position];
      if (item.finish) {
        run.early_finish = run.early_finish || run.entered_at[item.position] == SIZE_MAX;
        if (--unfinished[item.position] == 0) run.done_at[item.position] = entered;
        for (std::size_t k = 0; k < n; ++k) run.own_finish_sum[item.position][k] += run.value[i][k];
      }
      for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
        const std::uint32_t to = plan.edges[e].item;
        for (std::size_t k = 0; k < n; ++k) run.value[to][k] += run.value[i][k];
        if (plan.items[to].position == item.position) {
          own_came[to] = 1;
        } else {
          message_came[to] = 1;
          run.bytes_moved += plan.edges[e].bytes;
          run.bytes_out[item.position] += plan.edges[e].bytes;
        }
        token(to);
      }
    }
  }
  return run;
}

inline std::vector<std::uint32_t> entry_order(std::uint32_t n, bool reversed = false) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  if (reversed) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace dojo::workload::test

// SPDX-License-Identifier: Apache-2.0
// Latency-bandwidth time and bounds of an all-reduce over ranks that fill whole dies, worked out here from the values
// of the machine file alone (docs/collectives.md has the formulas), for tests to compare the simulator with.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::test {

/// Ranks of one die each that fill a rectangle of dies.
class AllReduceTime {
 public:
  AllReduceTime(const topology::Topology& topology, const std::vector<workload::Slice>& slices, double bytes)
      : topology_(topology), bytes_(bytes) {
    top_ = left_ = 1 << 20;
    for (const workload::Slice& slice : slices) {
      const topology::DieCoordinates place = topology.coordinates(slice.dies.front());
      top_ = std::min(top_, place.row);
      left_ = std::min(left_, place.column);
      bottom_ = std::max(bottom_, place.row);
      right_ = std::max(right_, place.column);
      nodes_ = static_cast<double>(slice.shape->node_count());
      order_.push_back(slice.dies.front());
    }
    ranks_ = static_cast<double>(slices.size());
  }
  [[nodiscard]] int rows() const { return bottom_ - top_ + 1; }
  [[nodiscard]] int columns() const { return right_ - left_ + 1; }
  [[nodiscard]] bool fills_rectangle() const { return rows() * columns() == static_cast<int>(order_.size()); }

  /// 2 (n - 1) x bytes leave the ranks, each over its ports and the edges to other dies.
  [[nodiscard]] double injection_s() const {
    double rate = 0;
    for (const DieId die : order_) {
      double edges = 0;
      for (int d = 0; d < topology::kDirections; ++d) {
        const topology::Edge edge = topology_.edge(die, static_cast<topology::Direction>(d));
        if (edge.neighbour != kNone && edge.neighbour < topology_.die_count()) edges += edge.bytes_per_s;
      }
      rate += std::min(edges, nodes_ * port() * clock());
    }
    return 2 * (ranks_ - 1) * bytes_ / rate;
  }
  /// Each half needs the other's sum: `bytes` cross each straight cut of the machine, each way.
  [[nodiscard]] double bisection_s() const {
    double worst = 0;
    for (int row = top_; row < bottom_; ++row) {
      double rate = 0;
      for (int c = 0; c < topology_.die_columns(); ++c) rate += edge(row, c, topology::Direction::kSouth).bytes_per_s;
      worst = std::max(worst, bytes_ / rate);
    }
    for (int column = left_; column < right_; ++column) {
      double rate = 0;
      for (int r = 0; r < topology_.die_rows(); ++r) rate += edge(r, column, topology::Direction::kEast).bytes_per_s;
      worst = std::max(worst, bytes_ / rate);
    }
    return worst;
  }

  /// Rings along rows, lines along columns. `tracks` and `chunks` are how the algorithm cuts its messages.
  [[nodiscard]] double mesh2d_s(double tracks, double chunks) const {
    const double part = bytes_ / columns();
    const double message = whole_packets(part / tracks / chunks);
    double steps = 0;
    for (int r = top_; r <= bottom_; ++r) steps = std::max(steps, row_steps(r, part, message));
    double fill = 0;
    for (int c = left_; c <= right_; ++c) {
      double sum = 0;
      for (int r = top_; r < top_ + rows() / 2; ++r)
        sum += 2 * hop_s(r, c, topology::Direction::kSouth, message) + adding_s(message);
      fill = std::max(fill, sum);
    }
    return steps + fill;
  }
  /// Parts of 1/n go around all ranks in rank order.
  [[nodiscard]] double ring_s(double tracks, double chunks) const {
    const double part = bytes_ / ranks_;
    const double message = whole_packets(part / tracks / chunks);
    double latency = 0, slowest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const topology::DieCoordinates a = topology_.coordinates(order_[i]),
                                     b = topology_.coordinates(order_[(i + 1) % order_.size()]);
      double here = 0;
      for (int c = std::min(a.column, b.column); c < std::max(a.column, b.column); ++c)
        here += along(a.row, c, topology::Direction::kEast, slowest);
      for (int r = std::min(a.row, b.row); r < std::max(a.row, b.row); ++r)
        here += along(r, b.column, topology::Direction::kSouth, slowest);
      latency += here / ranks_;
    }
    const double send = latency + message / one_message_rate(slowest);
    return (ranks_ - 1) * (std::max(send + adding_s(message), part / slowest) + std::max(send, part / slowest));
  }
  /// What no tree beats: each hop of the shorter half of both sides twice, and all bytes over the slowest edge once.
  [[nodiscard]] double tree_s(double tracks, double chunks) const {
    const double message = whole_packets(bytes_ / tracks / chunks);
    double slowest = std::numeric_limits<double>::infinity(), fill = 0;
    for (int r = top_; r < top_ + rows() / 2; ++r) {
      along(r, left_, topology::Direction::kSouth, slowest);
      fill += 2 * hop_s(r, left_, topology::Direction::kSouth, message) + adding_s(message);
    }
    for (int c = left_; c < left_ + columns() / 2; ++c) {
      along(top_, c, topology::Direction::kEast, slowest);
      fill += 2 * hop_s(top_, c, topology::Direction::kEast, message) + adding_s(message);
    }
    return fill + bytes_ / slowest * (1 - 1 / ((striped_ ? 1 : tracks) * chunks));
  }
  /// Of the algorithm that a plan was built with.
  [[nodiscard]] double of(const workload::DataflowPlan& plan) const {
    AllReduceTime time = *this;
    time.striped_ = plan.striped;
    const double tracks = plan.striped ? nodes_ : plan.tracks, chunks = plan.chunks;
    if (plan.algorithm == "mesh2d") return time.mesh2d_s(tracks, chunks);
    if (plan.algorithm == "ring") return time.ring_s(tracks, chunks);
    if (plan.algorithm == "tree") return time.tree_s(tracks, chunks);
    return std::numeric_limits<double>::quiet_NaN();
  }

 private:
  [[nodiscard]] double clock() const { return topology_.params().clock_hz; }
  [[nodiscard]] double port() const {
    const topology::NodeParams& node = topology_.params().node;
    return static_cast<double>(std::min(node.noc_read_ports, node.noc_write_ports) * node.port_bytes_per_cycle);
  }
  [[nodiscard]] topology::Edge edge(int row, int column, topology::Direction d) const {
    return topology_.edge(topology_.die_at(row, column), d);
  }
  /// What a track's message is on the wire; an edge counts the bytes of a striped message, padding left out.
  [[nodiscard]] double whole_packets(double bytes) const {
    return striped_ ? bytes : std::max(1.0, std::ceil(bytes / 64 - 1e-9)) * 64;
  }
  /// Each line takes three addresses: two loads and a store.
  [[nodiscard]] double adding_s(double message) const {
    const topology::NodeParams& node = topology_.params().node;
    return message / static_cast<double>(node.port_bytes_per_cycle) * 3 /
           static_cast<double>(node.core.address_generators) / clock();
  }
  /// Of one track's message; the pieces of a striped message share the edge and the rows or columns that lead to it.
  [[nodiscard]] double one_message_rate(double edge_rate) const {
    const double link = static_cast<double>(topology_.params().noc.link_bytes_per_cycle) * clock();
    if (striped_) return std::min(edge_rate, std::min(topology_.site_rows(), topology_.site_columns()) * link) / nodes_;
    return std::min(
        {edge_rate, port() * clock(), static_cast<double>(topology_.params().noc.link_bytes_per_cycle) * clock()});
  }
  /// Latency of one die further east or south; lowers `slowest` to that edge's rate. Of a striped message the pieces of
  /// the nodes at the border go first, so the way over the die costs no time besides that of the train.
  double along(int row, int column, topology::Direction d, double& slowest) const {
    const topology::Edge e = edge(row, column, d);
    slowest = std::min(slowest, e.bytes_per_s);
    const double across = d == topology::Direction::kEast ? topology_.site_columns() : topology_.site_rows();
    const double sites = striped_ ? 1 : across;
    return (sites * static_cast<double>(topology_.params().noc.hop_cycles) + static_cast<double>(e.latency_cycles)) /
           clock();
  }
  [[nodiscard]] double hop_s(int row, int column, topology::Direction d, double message) const {
    double slowest = std::numeric_limits<double>::infinity();
    const double latency = along(row, column, d, slowest);
    return latency + message / one_message_rate(slowest);
  }
  /// Both passes of the ring along one row; the closing edge goes back over all of the row.
  [[nodiscard]] double row_steps(int row, double part, double message) const {
    double slowest = std::numeric_limits<double>::infinity(), latency = 0;
    for (int c = left_; c < right_; ++c) latency += 2 * along(row, c, topology::Direction::kEast, slowest) / columns();
    const double send = latency + message / one_message_rate(slowest);
    return (columns() - 1) * (std::max(send + adding_s(message), part / slowest) + std::max(send, part / slowest));
  }

  const topology::Topology& topology_;
  double bytes_, nodes_ = 0, ranks_ = 0;
  bool striped_ = false;  // of the plan that is asked about
  int top_ = 0, left_ = 0, bottom_ = 0, right_ = 0;
  std::vector<DieId> order_;
};

}  // namespace dojo::test

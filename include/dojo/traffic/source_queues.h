// SPDX-License-Identifier: Apache-2.0
// The packets that nodes create, in all network models: packets wait at their node in a queue without end. The queue
// is never stored: while a packet waits, the creation of the next one is not drawn yet.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/topology/headings.h"
#include "dojo/topology/rings.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/injection.h"
#include "dojo/traffic/mesh.h"
#include "dojo/traffic/tally.h"

namespace dojo::traffic {

/// What the sources of all meshes of a machine share.
struct Load {
  const Endpoints& endpoints;
  const Gaps& gaps;
  std::uint64_t seed = 1;
  NodePorts ports;
  topology::Headings* headings = nullptr;  ///< of a machine with dead parts
  std::uint32_t legs = 1;                  ///< of a route at most; each has virtual channels of its own
};

/// One read port of a node. A model's own source derives from it.
struct PacketSource {
  Cycles created = 0;  ///< of the packet that goes, or of the next
  Random random;
  std::uint32_t router = 0, node = 0, port = 0;
  std::uint32_t where = 0, left = 0;  ///< of the packet that goes: header word, parts still to be sent (0: none goes)
};

template <class Source>
class SourceQueues {
 public:
  /// Sources at the sites of `shape`, one for each read port of the nodes that inject.
  SourceQueues(const Load& load, const MeshShape& shape) : load_(&load) {
    const auto routers = static_cast<std::uint32_t>(shape.rows * shape.columns);
    of_port_.assign(std::size_t{routers} * load.ports.read, kNone);
    for (std::uint32_t router = 0; router < routers; ++router) {
      const auto at = static_cast<std::int32_t>(router);
      const std::uint32_t node =
          load.endpoints.node_at(shape.first_row + at / shape.columns, shape.first_column + at % shape.columns);
      if (node == kNone || !load.endpoints.sends(node)) continue;
      for (std::uint32_t port = 0; port < load.ports.read; ++port) {
        Source source;
        source.random = Random(load.seed, std::uint64_t{node} * load.ports.read + port);
        source.router = router;
        source.node = node;
        source.port = port;
        source.created = load.gaps.draw(source.random) - 1;  // a packet may be created in cycle 0
        of_port_[std::size_t{router} * load.ports.read + port] = static_cast<std::uint32_t>(sources_.size());
        sources_.push_back(source);
      }
    }
  }

  /// From `now` on packets created within the window are counted.
  void measure(MeasurementWindow window, Tally& tally) {
    window_ = window;
    past_ = 0;
    for (const Source& source : sources_) {
      tally.created += window.holds(source.created) && source.left == 0 ? 1 : 0;
      past_ += source.created >= window.end ? 1 : 0;
    }
  }
  /// Every packet of the window has been drawn.
  [[nodiscard]] bool past_window() const { return past_ == sources_.size(); }
  /// Packets of the window that wait behind others and are not drawn yet, and their latest possible waits at `now`.
  void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const {
    for (Source source : sources_) {
      while (source.created < window_.end) {
        if (source.left == 0) (void)load_->endpoints.destination(source.node, source.random);  // as start() and draw()
        source.left = 0;
        source.created += load_->gaps.draw(source.random);
        if (!window_.holds(source.created)) continue;
        ++packets;
        cycles += static_cast<std::uint64_t>(now > source.created ? now - source.created : 0);
      }
    }
  }

 protected:
  [[nodiscard]] const Load& load() const { return *load_; }
  [[nodiscard]] const MeasurementWindow& window() const { return window_; }
  [[nodiscard]] std::uint32_t index_of(std::uint32_t router, std::uint32_t port) const {
    return of_port_[std::size_t{router} * load_->ports.read + port];
  }
  /// The packet that waits in front goes now: draws its destination.
  void start(Source& source, std::uint32_t parts, Tally& tally) {
    const std::uint32_t to = load_->endpoints.destination(source.node, source.random);
    const Site at = load_->endpoints.site(to), from = load_->endpoints.site(source.node);
    source.where = site_word(at.row, at.column);
    std::int64_t hops = load_->endpoints.hops(from, at);
    if (load_->headings != nullptr) {
      const topology::Headings::Way way = load_->headings->way(from, at, book_);
      source.where = way.heading;
      hops = way.hops;
    }
    source.left = parts;
    if (window_.holds(source.created)) tally.distance += static_cast<std::uint64_t>(hops);
  }
  /// The next packet, when the one before has gone.
  void draw(Source& source, Tally& tally) {
    const bool was_past = source.created >= window_.end;
    source.created += load_->gaps.draw(source.random);
    tally.created += window_.holds(source.created) ? 1 : 0;
    past_ += !was_past && source.created >= window_.end ? 1 : 0;
  }

  std::vector<Source> sources_;

 private:
  const Load* load_;
  topology::Headings::Book book_;
  MeasurementWindow window_;
  std::size_t past_ = 0;
  std::vector<std::uint32_t> of_port_;  ///< by router and read port; kNone: a site without a node that injects
};

}  // namespace dojo::traffic

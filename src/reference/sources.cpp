// SPDX-License-Identifier: Apache-2.0
// The slow parts of the sources: setting up, opening the window, counting what still waits.
#include "reference/sources.h"

#include "reference/block.h"

namespace dojo::reference {

TrafficBlock::TrafficBlock(const BlockShape& shape, const RouterParams& params, const Load& load)
    : sources(load, static_cast<std::uint32_t>(params.virtual_channels) / load.legs,
              static_cast<std::uint32_t>(params.input_buffer_flits)),
      headings_(load.headings) {
  sources.reserve(static_cast<std::uint32_t>(shape.rows * shape.columns));
  std::uint32_t router = 0;
  for (std::int32_t row = shape.first_row; row < shape.first_row + shape.rows; ++row) {
    for (std::int32_t column = shape.first_column; column < shape.first_column + shape.columns; ++column, ++router) {
      const std::uint32_t node = load.endpoints.node_at(row, column);
      if (node != kNone && load.endpoints.sends(node)) sources.add(router, node);
    }
  }
}

void Sources::add(std::uint32_t router, std::uint32_t node) {
  Source source;
  source.created = -1;  // a packet may be created in cycle 0
  source.random = traffic::Random(load_->seed, node);
  source.router = router;
  source.node = node;
  source.open = static_cast<std::uint8_t>((1u << channels_) - 1);
  source.credits.fill(static_cast<std::uint8_t>(buffer_flits_));
  source.created += load_->gaps.draw(source.random);
  of_router_[router] = static_cast<std::uint32_t>(sources_.size());
  sources_.push_back(source);
  put_in_calendar(static_cast<std::uint32_t>(sources_.size() - 1), 0);
}

void Sources::measure(traffic::Window window, traffic::Tally& tally) {
  window_ = window;
  past_ = 0;
  for (const Source& source : sources_) {
    tally.created += window.holds(source.created) && source.left == 0 ? 1 : 0;
    past_ += source.created >= window.end ? 1 : 0;
  }
}

void Sources::count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const {
  for (Source source : sources_) {
    while (source.created < window_.end) {
      if (source.left == 0) (void)load_->endpoints.destination(source.node, source.random);  // in the order of run()
      source.left = 0;
      source.created += load_->gaps.draw(source.random);
      if (!window_.holds(source.created)) continue;
      ++packets;
      cycles += static_cast<std::uint64_t>(now > source.created ? now - source.created : 0);
    }
  }
}

}  // namespace dojo::reference

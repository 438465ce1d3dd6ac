// SPDX-License-Identifier: Apache-2.0
// The checker of deadlock freedom: a search for a circle in the channel dependency graph.
#include <fmt/format.h>

#include <algorithm>

#include "dojo/topology/routes.h"

namespace dojo::topology {
namespace {

constexpr int kRowStep[kDirections] = {0, 0, -1, 1};
constexpr int kColumnStep[kDirections] = {1, -1, 0, 0};

/// The graph is not stored: a channel is a number, and what follows it is found from the grid and the rule.
class Search {
 public:
  Search(const Topology& topology, int phases, const TurnRule& rule)
      : routes_(topology.routes()),
        rows_(topology.die_rows() * topology.site_rows()),
        columns_(topology.die_columns() * topology.site_columns()),
        phases_(phases) {
    for (int in = 0; in < kDirections * phases; ++in) {
      for (int out = 0; out < kDirections * phases; ++out) {
        if (rule(static_cast<Direction>(in % kDirections), in / kDirections, static_cast<Direction>(out % kDirections),
                 out / kDirections))
          allowed_.push_back({in, out});
      }
    }
    std::stable_sort(allowed_.begin(), allowed_.end(), [](const Turn& a, const Turn& b) { return a.in < b.in; });
    for (int in = 0; in <= kDirections * phases; ++in) {
      first_.push_back(static_cast<std::size_t>(
          std::lower_bound(allowed_.begin(), allowed_.end(), in, [](const Turn& t, int i) { return t.in < i; }) -
          allowed_.begin()));
    }
    state_.assign(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_) *
                      static_cast<std::size_t>(kDirections * phases),
                  kNew);
  }

  std::vector<Channel> cycle() {
    for (std::size_t channel = 0; channel < state_.size(); ++channel) {
      if (state_[channel] != kNew || !works(channel)) continue;
      if (walk(channel)) return circle_;
    }
    return {};
  }

 private:
  struct Turn {
    int in, out;
  };
  enum State : std::uint8_t { kNew, kOpen, kDone };
  struct Step {
    std::size_t channel, turn;
  };

  [[nodiscard]] std::size_t channels_of_router() const { return static_cast<std::size_t>(kDirections * phases_); }
  [[nodiscard]] Site router(std::size_t channel) const {
    const auto site = static_cast<std::int64_t>(channel / channels_of_router());
    return {static_cast<std::int32_t>(site / columns_), static_cast<std::int32_t>(site % columns_)};
  }
  [[nodiscard]] Site beyond(std::size_t channel) const {
    const Site at = router(channel);
    const auto d = static_cast<std::size_t>(channel % channels_of_router() % kDirections);
    return {at.row + kRowStep[d], at.column + kColumnStep[d]};
  }
  [[nodiscard]] bool works(std::size_t channel) const {
    const Site from = router(channel), to = beyond(channel);
    if (to.row < 0 || to.row >= rows_ || to.column < 0 || to.column >= columns_) return false;  // sinks, if anything
    if (routes_ == nullptr) return true;
    return from.row == to.row ? routes_->row_works(from.row, from.column, to.column)
                              : routes_->column_works(from.column, from.row, to.row);
  }
  [[nodiscard]] Channel named(std::size_t channel) const {
    const auto which = static_cast<int>(channel % channels_of_router());
    return {router(channel), static_cast<Direction>(which % kDirections), which / kDirections};
  }

  /// Depth first, without recursion. True: a circle was found.
  bool walk(std::size_t start) {
    std::vector<Step> way{{start, first_[start % channels_of_router()]}};
    state_[start] = kOpen;
    while (!way.empty()) {
      Step& here = way.back();
      const std::size_t which = here.channel % channels_of_router();
      if (here.turn == first_[which + 1]) {
        state_[here.channel] = kDone;
        way.pop_back();
        continue;
      }
      const Site at = beyond(here.channel);
      const std::size_t next = static_cast<std::size_t>(at.row * columns_ + at.column) * channels_of_router() +
                               static_cast<std::size_t>(allowed_[here.turn++].out);
      if (state_[next] == kDone || !works(next)) continue;
      if (state_[next] == kOpen) {
        auto from = std::find_if(way.begin(), way.end(), [&](const Step& s) { return s.channel == next; });
        for (; from != way.end(); ++from) circle_.push_back(named(from->channel));
        return true;
      }
      state_[next] = kOpen;
      way.push_back({next, first_[next % channels_of_router()]});
    }
    return false;
  }

  const Routes* routes_;
  std::int32_t rows_, columns_;
  int phases_;
  std::vector<Turn> allowed_;
  std::vector<std::size_t> first_;
  std::vector<std::uint8_t> state_;
  std::vector<Channel> circle_;
};

}  // namespace

bool route_turn(Direction in, int phase_in, Direction out, int phase_out) {
  if (phase_in != phase_out) return phase_out > phase_in;
  const bool from_row = in == Direction::kEast || in == Direction::kWest;
  const bool into_row = out == Direction::kEast || out == Direction::kWest;
  return in == out || (from_row && !into_row);
}

std::vector<Channel> find_channel_cycle(const Topology& topology, int phases, const TurnRule& rule) {
  return Search(topology, phases, rule).cycle();
}

std::string router_path(const Topology& topology, const Site& router) {
  const std::int32_t rows = topology.site_rows(), columns = topology.site_columns();
  const DieId die = topology.die_at(router.row / rows, router.column / columns);
  return topology.node_path(die, static_cast<SiteIndex>(router.row % rows * columns + router.column % columns)) +
         ".router";
}

std::string channel_path(const Topology& topology, const Channel& channel) {
  return fmt::format("{}.{} (leg {})", router_path(topology, channel.router), direction_name(channel.direction),
                     channel.phase + 1);
}

}  // namespace dojo::topology

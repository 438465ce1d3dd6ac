// SPDX-License-Identifier: Apache-2.0
// A square die looks the same mirrored, and with its rows and columns exchanged: whatever moves on it takes the same
// times and loads the same links.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/fabric/ideal_die.h"
#include "support/draw.h"

namespace dojo::fabric {
namespace {

constexpr int kSide = 12;

/// How a die is looked at.
struct View {
  bool flip_rows = false, flip_columns = false, exchange = false;

  [[nodiscard]] std::pair<int, int> place(int row, int column) const {
    if (flip_rows) row = kSide - 1 - row;
    if (flip_columns) column = kSide - 1 - column;
    return exchange ? std::pair(column, row) : std::pair(row, column);
  }
  [[nodiscard]] SiteIndex site(int row, int column) const {
    const auto [r, c] = place(row, column);
    return static_cast<SiteIndex>(r * kSide + c);
  }
  [[nodiscard]] Direction direction(Direction d) const {
    bool horizontal = d == Direction::kEast || d == Direction::kWest;
    bool up = d == Direction::kEast || d == Direction::kSouth;
    if (horizontal ? flip_columns : flip_rows) up = !up;
    if (exchange) horizontal = !horizontal;
    return horizontal ? (up ? Direction::kEast : Direction::kWest) : (up ? Direction::kSouth : Direction::kNorth);
  }
  /// Of a group of nodes; rows and columns of groups cannot be exchanged.
  [[nodiscard]] unsigned group(unsigned g) const {
    if (g == 0) return 0;
    constexpr unsigned kRows = StripeGroups::kCoarse.rows, kColumns = StripeGroups::kCoarse.columns;
    unsigned row = (g - 1) / kColumns, column = (g - 1) % kColumns;
    if (flip_rows) row = kRows - 1 - row;
    if (flip_columns) column = kColumns - 1 - column;
    return 1 + row * kColumns + column;
  }
  /// An offset along a row (column).
  [[nodiscard]] int along(bool horizontal, int offset) const {
    return (horizontal ? flip_columns : flip_rows) ? kSide - 1 - offset : offset;
  }
};

constexpr std::array<std::pair<int, int>, 5> kMissing{{{0, 3}, {4, 4}, {4, 5}, {7, 10}, {11, 0}}};

constexpr Bytes kNodes = kSide * kSide - Bytes{kMissing.size()};

topology::Topology topology_for(const View& view) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {kSide, kSide};
  params.die.enabled = kNodes;
  for (const auto& [row, column] : kMissing) params.die.disabled_sites.push_back(view.site(row, column));
  std::sort(params.die.disabled_sites.begin(), params.die.disabled_sites.end());
  params.noc.hop_cycles = 3;
  params.noc.buffer_packets_per_vc = 8;
  return topology::Topology(params);
}

struct Sink {
  std::vector<std::tuple<SiteIndex, Cycles, Bytes>> delivered;
  std::vector<std::tuple<Direction, int, Cycles>> left;
  void deliver(SiteIndex site, const Burst& burst, Cycles tail) { delivered.emplace_back(site, tail, burst.bytes); }
  void leave(Direction d, std::int32_t lane, const Burst&, Cycles head) { left.emplace_back(d, lane, head); }
};

/// A die as it is and as a view shows it. Each function does one thing on both and compares what comes of it.
template <class Links>
struct Pair {
  explicit Pair(const View& v) : view(v), plain(topology_for(View{})), shown(topology_for(v)) {
    a.configure(plain, 0);
    b.configure(shown, 0);
  }

  /// Along a row or column, from where it stands or from the border.
  void multicast(bool horizontal, int row, int column, int low, int high, std::uint32_t bytes, Cycles now) {
    Burst burst, other;
    burst.bytes = other.bytes = bytes;
    burst.shape = horizontal ? Shape::kRow : Shape::kColumn;
    burst.reach = {low, high};
    other.shape = horizontal != view.exchange ? Shape::kRow : Shape::kColumn;
    const int first = view.along(horizontal, low), last = view.along(horizontal, high);
    other.reach = {std::min(first, last), std::max(first, last)};
    send(row, column, burst, other, now);
  }
  /// Within a row or a column: the other dimension has no part in it.
  void unicast(int row, int column, int to_row, int to_column, std::uint32_t bytes, bool control, Cycles now) {
    Burst burst;
    burst.bytes = bytes;
    burst.row = to_row;
    burst.column = to_column;
    if (control) burst.traffic_class = TrafficClass::kControl;
    Burst other = burst;
    std::tie(other.row, other.column) = view.place(to_row, to_column);
    send(row, column, burst, other, now);
  }
  void send(int row, int column, const Burst& burst, const Burst& other, Cycles now) {
    const SiteIndex from = View{}.site(row, column), shown_from = view.site(row, column);
    if (!a.enabled(from)) return;
    const Cycles start = std::max(now, a.inject_free(from));
    Sink x, y;
    EXPECT_EQ(a.inject(from, burst, start, x), b.inject(shown_from, other, start, y));
    compare(x, y);
  }
  void enter(Direction side, int lane, Bytes bytes, int to, bool multicast, Cycles now) {
    const bool horizontal = side == Direction::kEast || side == Direction::kWest;
    const bool up = side == Direction::kWest || side == Direction::kNorth;
    const auto make = [&](bool along_row, bool rising, int row, int column, int target) {
      Burst burst;
      burst.bytes = static_cast<std::uint32_t>(bytes);
      burst.row = row;
      burst.column = column;
      if (!multicast) return burst;
      burst.shape = along_row ? (rising ? Shape::kRowEast : Shape::kRowWest)
                              : (rising ? Shape::kColumnSouth : Shape::kColumnNorth);
      burst.reach = {target, target};
      return burst;
    };
    const int row = horizontal ? lane : to, column = horizontal ? to : lane;
    const auto [shown_row, shown_column] = view.place(row, column);
    const bool flipped = horizontal ? view.flip_columns : view.flip_rows;
    Sink x, y;
    EXPECT_EQ(
        a.enter(side, lane, make(horizontal, up, row, column, to), now, x),
        b.enter(view.direction(side), view.along(!horizontal, lane),
                make(horizontal != view.exchange, up != flipped, shown_row, shown_column, view.along(horizontal, to)),
                now, y));
    compare(x, y);
  }
  void gather(bool horizontal, int lane, std::vector<GatherNode> nodes, bool low, bool high) {
    std::vector<GatherNode> others;
    for (const GatherNode& node : nodes) {
      others.push_back(node);
      others.back().offset = static_cast<std::uint16_t>(view.along(horizontal, node.offset));
    }
    const bool flipped = horizontal ? view.flip_columns : view.flip_rows;
    if (flipped) std::reverse(others.begin(), others.end());
    Gathering g, h;
    g.horizontal = horizontal;
    h.horizontal = horizontal != view.exchange;
    g.lane = lane;
    h.lane = view.along(!horizontal, lane);
    g.leaves_low = low;
    g.leaves_high = high;
    h.leaves_low = flipped ? high : low;
    h.leaves_high = flipped ? low : high;
    g.nodes = nodes.data();
    h.nodes = others.data();
    g.count = h.count = static_cast<std::uint32_t>(nodes.size());
    a.gather(g);
    b.gather(h);
    a.count(g, 2);
    b.count(h, 2);
    if (flipped) std::reverse(others.begin(), others.end());
    for (std::size_t i = 0; i < nodes.size(); ++i) EXPECT_EQ(nodes[i].done, others[i].done) << nodes[i].offset;
    const auto results = [](const Gathering& of, bool swap) {
      return std::tuple(of.first_start, of.links_free, swap ? of.high_head : of.low_head,
                        swap ? of.low_head : of.high_head, of.first_head, of.last_tail, of.bytes, of.delivered);
    };
    EXPECT_EQ(results(g, false), results(h, flipped));
  }
  /// The same number of bytes for each node.
  void stripe(int kind, Direction d, unsigned group, Bytes each, Cycles now) {
    if (view.exchange) group = 0;
    const auto nodes = static_cast<Bytes>(a.groups()[group].sites.size());
    EXPECT_EQ(nodes, static_cast<Bytes>(b.groups()[view.group(group)].sites.size()));
    const Bytes bytes = nodes * each;
    const auto move = [&](Links& on, Direction direction, unsigned of) {
      const DieNetwork::Stripe s = kind == 0   ? on.stripe_out(direction, of, bytes, now)
                                   : kind == 1 ? on.stripe_through(direction, of, bytes, now)
                                               : on.stripe_in(direction, of, bytes, now);
      return std::tuple(s.head, s.start, s.done, s.links_free);
    };
    EXPECT_EQ(move(a, d, group), move(b, view.direction(d), view.group(group)));
    EXPECT_EQ(a.stripe_flits(d, group, bytes), b.stripe_flits(view.direction(d), view.group(group), bytes));
  }

  void compare(const Sink& x, Sink& y) {
    Sink mapped;
    for (const auto& [site, tail, bytes] : x.delivered)
      mapped.delivered.emplace_back(view.site(site / kSide, site % kSide), tail, bytes);
    for (const auto& [d, lane, head] : x.left) {
      const bool horizontal = d == Direction::kEast || d == Direction::kWest;
      mapped.left.emplace_back(view.direction(d), view.along(!horizontal, lane), head);
    }
    for (Sink* sink : {&mapped, &y}) {
      std::sort(sink->delivered.begin(), sink->delivered.end());
      std::sort(sink->left.begin(), sink->left.end());
    }
    EXPECT_EQ(mapped.delivered, y.delivered);
    EXPECT_EQ(mapped.left, y.left);
  }
  /// No link or port is taken for longer than latest() says, and that is not more than a hop too late.
  void compare_all() {
    a.settle();
    b.settle();
    EXPECT_EQ(a.latest(), b.latest());
    Cycles last = 0;
    for (int row = 0; row < kSide; ++row) {
      for (int column = 0; column < kSide; ++column) {
        const SiteIndex at = View{}.site(row, column), shown_at = view.site(row, column);
        for (int i = 0; i < topology::kDirections; ++i) {
          const auto d = static_cast<Direction>(i);
          const Link x = a.link(at, d), y = b.link(shown_at, view.direction(d));
          EXPECT_EQ(std::tuple(x.free, x.busy_cycles, x.queue_cycles, x.bursts),
                    std::tuple(y.free, y.busy_cycles, y.queue_cycles, y.bursts))
              << row << ", " << column << " " << i;
          last = std::max(last, x.free);
        }
        const Port x = a.port(at), y = b.port(shown_at);
        EXPECT_EQ(std::tuple(x.inject_free, x.eject_free, x.bytes_ejected),
                  std::tuple(y.inject_free, y.eject_free, y.bytes_ejected));
        last = std::max({last, x.inject_free, x.eject_free});
      }
    }
    EXPECT_GE(a.latest(), last);
    EXPECT_LE(a.latest(), last + a.hop_cycles());
  }

  View view;
  topology::Topology plain, shown;
  Links a, b;
};

template <class Links>
void do_something(Pair<Links>& pair, test::Draw& draw, Cycles now) {
  const auto below = [&](int n) { return static_cast<int>(draw.between(0, n - 1)); };
  const bool horizontal = below(2) == 0;
  const int row = below(kSide), column = below(kSide);
  const auto bytes = static_cast<std::uint32_t>(1 + below(2000));
  const auto d = static_cast<Direction>(below(topology::kDirections));
  switch (below(5)) {
    case 0: {
      if constexpr (std::is_same_v<Links, IdealDie>) return;  // its nodes send multicasts as gathers alone
      const int here = horizontal ? column : row;
      const int low = here - below(kSide), high = here + below(kSide);  // may be beyond the border
      return pair.multicast(horizontal, row, column, low, high, bytes, now);
    }
    case 1: {
      const int to = below(kSide);
      const bool control = below(3) == 0;
      return pair.unicast(row, column, horizontal ? row : to, horizontal ? to : column, control ? 64 : bytes, control,
                          now);
    }
    case 2:
      return pair.enter(d, row, bytes, below(kSide), below(2) == 0, now);
    case 3: {
      std::vector<GatherNode> nodes;
      for (int at = 0; at < kSide; ++at) {
        if (!pair.a.enabled(View{}.site(horizontal ? row : at, horizontal ? at : row)) || below(4) == 0) continue;
        nodes.push_back({static_cast<std::uint16_t>(at), below(3) == 0 ? 0 : bytes, now + below(30), 0});
      }
      if (nodes.empty()) return;
      return pair.gather(horizontal, row, nodes, below(2) == 0, below(2) == 0);
    }
    default:
      return pair.stripe(below(3), d, static_cast<unsigned>(below(1 + StripeGroups::kCoarse.groups())), 60 + below(200),
                         now);
  }
}

template <class Links>
class Symmetry : public ::testing::Test {};
using Models = ::testing::Types<DieNetwork, IdealDie>;
TYPED_TEST_SUITE(Symmetry, Models);

TYPED_TEST(Symmetry, EveryMoveIsTheSameInEveryView) {
  for (const View& view : {View{true, false, false}, View{false, true, false}, View{false, false, true}}) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      SCOPED_TRACE(testing::Message() << view.flip_rows << view.flip_columns << view.exchange << " seed " << seed);
      test::Draw draw(seed);
      Pair<TypeParam> pair(view);
      Cycles now = 10;
      for (std::uint64_t i = 0; i < seed; ++i) {
        now += draw.between(0, 39);
        do_something(pair, draw, now);
      }
      pair.compare_all();
      if (this->HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace dojo::fabric

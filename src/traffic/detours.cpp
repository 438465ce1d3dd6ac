// SPDX-License-Identifier: Apache-2.0
// Looks up routes before anything is sent, so that a pair without one is an error of the input.
#include "dojo/traffic/detours.h"

#include <algorithm>
#include <cstdlib>

#include "dojo/base/error.h"
#include "dojo/topology/headings.h"

namespace dojo::traffic {
namespace {

class Looker {
 public:
  Looker(const topology::Topology& topology, const Endpoints& endpoints, int most_legs,
         const std::function<bool()>& stop)
      : routes_(*topology.routes()),
        endpoints_(endpoints),
        most_legs_(most_legs),
        stop_(stop),
        headings_(topology, most_legs),
        row_at_(crossing_positions(topology, true)),
        column_at_(crossing_positions(topology, false)) {}

  /// False: look no further.
  bool look(std::uint32_t source, std::uint32_t destination) {
    const Site from = endpoints_.site(source), to = endpoints_.site(destination);
    const topology::Route route = routes_.find(from, to);
    ++ways_.pairs;
    if (route.legs == 0 || route.legs > most_legs_) {
      constexpr std::size_t kMostShown = 20;
      findings_.add_line(headings_.refusal(from, to, route));
      return findings_.lines().size() < kMostShown;
    }
    ways_.hops += route.hops;
    ways_.legs = std::max<int>(ways_.legs, route.legs);
    if (route.legs > 1) {
      ways_.detours += 1;
      ways_.extra_hops += static_cast<double>(route.hops - distance(from, to));
    }
    topology::Site at = from;
    for (std::size_t leg = 0; leg < route.legs; ++leg) {
      const topology::Site end = route.ends[leg];
      ways_.crossing_cycles +=
          static_cast<double>(between(row_at_, at.row, end.row) + between(column_at_, at.column, end.column));
      at = end;
    }
    return ways_.pairs % 1024 != 0 || !stop_();
  }

  [[nodiscard]] Ways means() const {
    findings_.throw_if_any();
    Ways ways = ways_;
    const auto pairs = static_cast<double>(ways.pairs);
    ways.hops /= pairs;
    ways.crossing_cycles /= pairs;
    ways.extra_hops /= std::max(1.0, ways.detours);
    ways.detours /= pairs;
    return ways;
  }

 private:
  static std::int64_t between(const std::vector<std::int64_t>& positions, std::int32_t a, std::int32_t b) {
    return std::abs(positions[static_cast<std::size_t>(a)] - positions[static_cast<std::size_t>(b)]);
  }
  const topology::Routes& routes_;
  const Endpoints& endpoints_;
  int most_legs_;
  const std::function<bool()>& stop_;
  topology::Headings headings_;
  std::vector<std::int64_t> row_at_, column_at_;
  Findings findings_;
  Ways ways_;
};

}  // namespace

Ways find_ways(const topology::Topology& topology, const Endpoints& endpoints, int most_legs, std::uint64_t seed,
               const std::function<bool()>& stop) {
  Looker looker(topology, endpoints, most_legs, stop);
  std::vector<std::uint32_t> senders;
  std::uint64_t pairs = 0;
  for (std::uint32_t node = 0; node < endpoints.count(); ++node) {
    if (!endpoints.sends(node)) continue;
    senders.push_back(node);
    pairs += endpoints.destination_count(node);
  }
  if (pairs <= kMostPairs) {
    for (const std::uint32_t node : senders) {
      for (std::uint32_t i = 0; i < endpoints.destination_count(node); ++i) {
        if (!looker.look(node, endpoints.destination_at(node, i))) return looker.means();
      }
    }
    return looker.means();
  }
  Random random(seed, endpoints.count());  // a stream that no node has
  for (std::uint64_t i = 0; i < kDrawnPairs; ++i) {
    const std::uint32_t node = senders[random.below(static_cast<std::uint32_t>(senders.size()))];
    if (!looker.look(node, endpoints.destination(node, random))) break;
  }
  return looker.means();
}

}  // namespace dojo::traffic

// SPDX-License-Identifier: Apache-2.0
// Dead parts drawn from a seed.
#include <fmt/format.h>

#include <numeric>

#include "topology/dead_parts.h"
#include "topology/levels.h"
#include "topology/split_mix.h"

namespace dojo::topology {
namespace {

constexpr std::uint64_t kWhichMap = 0x6d61705f6f665f64u;  // the draw that gives a die its map, apart from the maps' own

void draw_dies(const Topology& topology, const RandomDefects& drawn, DeadParts& parts) {
  std::vector<DieId> alive;
  for (DieId die = 0; die < topology.die_count(); ++die) {
    if (!parts.die(die)) alive.push_back(die);
  }
  SplitMix64 random(static_cast<std::uint64_t>(drawn.seed));
  for (std::int64_t i = 0; i < drawn.count && i < static_cast<std::int64_t>(alive.size()); ++i) {
    const std::int64_t pick = i + random.below(static_cast<std::int64_t>(alive.size()) - i);
    std::swap(alive[static_cast<std::size_t>(i)], alive[static_cast<std::size_t>(pick)]);
    parts.kill_die(alive[static_cast<std::size_t>(i)]);
  }
}

void draw_on_die(const Topology& topology, const RandomDefects& drawn, DieId die, DeadParts& parts) {
  const auto seed = static_cast<std::uint64_t>(drawn.seed);
  std::uint64_t map = die;
  if (drawn.maps > 0) map = static_cast<std::uint64_t>(SplitMix64(seed ^ kWhichMap, die).below(drawn.maps));
  SplitMix64 random(seed, map);
  constexpr std::int64_t kWhole = std::int64_t{1} << 32;
  const auto limit = static_cast<std::int64_t>(drawn.share * static_cast<double>(kWhole));
  const auto hit = [&] { return random.below(kWhole) < limit; };
  for (std::int32_t i = 0; i < topology.sites(); ++i) {
    const auto site = static_cast<SiteIndex>(i);
    if (drawn.kind == "router") {
      if (hit()) parts.kill_router(die, site);
    } else if (drawn.kind == "core") {
      if (hit()) parts.cores.insert({die, site});
    } else {
      for (const Direction d : {Direction::kEast, Direction::kSouth}) {
        if (parts.beyond(die, site, d).die == die && hit()) parts.kill_link(die, site, d);
      }
    }
  }
}

}  // namespace

void draw_defects(const Topology& topology, DeadParts& parts, std::vector<Problem>& problems) {
  const std::vector<RandomDefects>& list = topology.params().defects_random;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const RandomDefects& drawn = list[i];
    const std::string place = fmt::format("/defects_random/{}", i);
    const bool dies = drawn.kind == "die";
    if (!dies && drawn.kind != "core" && drawn.kind != "router" && drawn.kind != "link") {
      problems.push_back(
          {place + "/kind", fmt::format("found \"{}\", expected core, router, link or die", drawn.kind), {}});
    } else if (dies && (drawn.count < 1 || drawn.count >= topology.die_count())) {
      problems.push_back({place + "/count",
                          fmt::format("found {} dead dies, expected 1 to {}", drawn.count, topology.die_count() - 1),
                          {"/level", "/tile/dies", "/tray/tiles", "/cabinet", "/exapod"}});
    } else if (dies && drawn.share != 0) {
      problems.push_back({place + "/share", "found a share of dies, expected none: dies are given by count", {}});
    } else if (!dies && (drawn.share <= 0 || drawn.count != 0)) {
      problems.push_back({place + (drawn.count != 0 ? "/count" : "/share"),
                          fmt::format("found share {} and count {}, expected a share above 0 and no count: {}s are "
                                      "given by share",
                                      drawn.share, drawn.count, drawn.kind),
                          {}});
    } else if (dies) {
      draw_dies(topology, drawn, parts);
    } else {
      for (DieId die = 0; die < topology.die_count(); ++die) {
        if (!parts.die(die)) draw_on_die(topology, drawn, die, parts);
      }
    }
  }
}

}  // namespace dojo::topology

// SPDX-License-Identifier: Apache-2.0
// Looking for routes and numbering them.
#include "dojo/topology/headings.h"

#include <fmt/format.h>

#include <cstdlib>

#include "dojo/base/error.h"

namespace dojo::topology {
namespace {

std::int32_t distance(const Site& a, const Site& b) {
  return std::abs(a.row - b.row) + std::abs(a.column - b.column);
}

}  // namespace

Headings::Headings(const Topology& topology, int most_legs)
    : topology_(topology), routes_(*topology.routes()), most_legs_(most_legs), chunks_(kChunks) {
  DOJO_CHECK(routes_.rows() <= 1 << (29 - kColumnBits) && routes_.columns() <= 1 << kColumnBits,
             "{} x {} sites do not fit into a heading", routes_.rows(), routes_.columns());
}

std::string Headings::refusal(const Site& from, const Site& to, const Route& route) const {
  return fmt::format(
      "machine: /defects: found no way from {} to {} in at most {} legs of dimension order, expected one: {}",
      router_path(topology_, from), router_path(topology_, to), most_legs_,
      route.legs == 0 ? std::string("declare the core of one of the two dead")
                      : fmt::format("this one needs {}, each with virtual channels of its own; set "
                                    "router.virtual_channels lower",
                                    route.legs));
}

std::uint32_t Headings::write(const Route& route, Book& book) {
  if (book.next_ == book.end_) {
    const std::uint32_t chunk = chunk_count_.fetch_add(1, std::memory_order_relaxed);
    DOJO_CHECK(chunk < kChunks, "more than {} ways around dead parts", std::uint64_t{kChunk} * kChunks);
    chunks_[chunk] = std::make_unique<Legs[]>(kChunk);
    book.next_ = chunk * kChunk;
    book.end_ = book.next_ + kChunk;
  }
  const std::uint32_t number = book.next_++;
  Legs& legs = chunks_[number / kChunk][number % kChunk];
  legs.count = route.legs;
  for (std::size_t leg = 0; leg < route.legs; ++leg) legs.ends[leg] = pack(route.ends[leg]);
  return number;
}

Headings::Way Headings::way(const Site& from, const Site& to, Book& book) {
  if (routes_.leg_works(from, to)) return {pack(to), distance(from, to)};
  const auto [known, is_new] = book.number_of_.try_emplace(std::uint64_t{pack(from)} << 32 | pack(to), 0);
  if (is_new) {
    const Route route = routes_.find(from, to);
    if (route.legs == 0 || route.legs > most_legs_) throw Error(ExitCode::kInvalidInput, refusal(from, to, route));
    known->second = write(route, book);
  }
  const Legs& legs = chunks_[known->second / kChunk][known->second % kChunk];
  Way way{kAround | known->second << kLegBits, 0};
  Site at = from;
  for (std::uint32_t leg = 0; leg < legs.count; ++leg) {
    const Site end{static_cast<std::int32_t>(legs.ends[leg] >> kColumnBits),
                   static_cast<std::int32_t>(legs.ends[leg] & kColumnMask)};
    way.hops += distance(at, end);
    at = end;
  }
  return way;
}

}  // namespace dojo::topology

// SPDX-License-Identifier: Apache-2.0
// Where a packet goes, in the 30 low bits of a word of its header: its destination, or the number of a route around
// dead parts and the leg of it. The two high bits are the network's.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dojo/topology/routes.h"

namespace dojo::topology {

/// The routes of packets that go around something. Any number of threads may read routes that they were told of; each
/// writes through a book of its own.
class Headings {
 public:
  /// Routes of more legs than `most_legs` (1 to kRouteLegs) are refused. The topology must outlive it.
  Headings(const Topology& topology, int most_legs);

  /// The routes that one writer has numbered.
  class Book {
    friend class Headings;
    std::unordered_map<std::uint64_t, std::uint32_t> number_of_;
    std::uint32_t next_ = 0, end_ = 0;
  };
  struct Way {
    std::uint32_t heading = 0;
    std::int32_t hops = 0;
  };
  /// Throws Error(kInvalidInput) where there is none of so many legs.
  [[nodiscard]] Way way(const Site& from, const Site& to, Book& book);
  /// Why a route with too many legs, or no route, is refused: the text of the error.
  [[nodiscard]] std::string refusal(const Site& from, const Site& to, const Route& route) const;

  /// The heading with which a packet goes on from a router: of the next leg, if this one ends there.
  [[nodiscard]] std::uint32_t onward(std::uint32_t heading, const Site& at) const {
    if ((heading & kAround) == 0) return heading;
    const Legs& legs = legs_of(heading);
    std::uint32_t leg = heading & kLegMask;
    while (leg + 1 < legs.count && legs.ends[leg] == pack(at)) ++leg;
    return (heading & ~kLegMask) | leg;
  }
  /// Where its leg ends.
  [[nodiscard]] Site end(std::uint32_t heading) const {
    const std::uint32_t place =
        (heading & kAround) == 0 ? heading & (kAround - 1) : legs_of(heading).ends[heading & kLegMask];
    return {static_cast<std::int32_t>(place >> kColumnBits), static_cast<std::int32_t>(place & kColumnMask)};
  }
  [[nodiscard]] static unsigned leg(std::uint32_t heading) { return (heading & kAround) == 0 ? 0 : heading & kLegMask; }

 private:
  static constexpr std::uint32_t kAround = 1u << 29, kLegBits = 3, kLegMask = (1u << kLegBits) - 1;
  static constexpr std::uint32_t kColumnBits = 14, kColumnMask = (1u << kColumnBits) - 1;
  static constexpr std::uint32_t kChunk = 256, kChunks = 1u << 18;  ///< numbers are below kChunk x kChunks = 2^26
  struct Legs {
    std::array<std::uint32_t, kRouteLegs> ends{};
    std::uint32_t count = 0;
  };
  static std::uint32_t pack(const Site& s) {
    return static_cast<std::uint32_t>(s.row) << kColumnBits | static_cast<std::uint32_t>(s.column);
  }
  [[nodiscard]] const Legs& legs_of(std::uint32_t heading) const {
    const std::uint32_t number = (heading & (kAround - 1)) >> kLegBits;
    return chunks_[number / kChunk][number % kChunk];
  }
  [[nodiscard]] std::uint32_t write(const Route& route, Book& book);

  const Topology& topology_;
  const Routes& routes_;
  int most_legs_;
  /// As long from the start as it can get, so that a chunk may be added while others are read.
  std::vector<std::unique_ptr<Legs[]>> chunks_;
  std::atomic<std::uint32_t> chunk_count_{0};
};

}  // namespace dojo::topology

// SPDX-License-Identifier: Apache-2.0
// A lane is a row or column of a die up to the edge to which it leads. Messages of nodes, of which some turn into the
// lane from a crossing row, and what comes from other dies have it in turn, burst by burst.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::machine {

/// How a burst comes into a lane's router: from the node, from a row that comes from the low or the high side, or along
/// the lane.
enum class LaneInput : std::uint8_t { kNode, kLow, kHigh, kOn };

class Lane {
 public:
  /// Who waits for a turn.
  struct Ask {
    std::uint32_t who = 0;   ///< a site, or an inlet
    std::uint8_t queue = 0;  ///< of a site: its send queue
    LaneInput input = LaneInput::kNode;
    bool is_inlet = false;
    std::int32_t from_edge = 0;  ///< routers between that and the edge
  };

  [[nodiscard]] bool empty() const { return asks_.empty(); }
  void add(const Ask& ask) { asks_.push_back(ask); }
  /// Takes out whose turn it is. Each router, the one at the edge first, takes turns between its node, what turns into
  /// the lane there, and what comes from behind. `oldest_first`: who has asked first goes. Requires that somebody
  /// waits.
  Ask take(bool oldest_first) {
    const std::size_t index = oldest_first || asks_.size() == 1 ? 0 : next();
    const Ask ask = asks_[index];
    asks_.erase(asks_.begin() + static_cast<std::ptrdiff_t>(index));
    if (asks_.empty()) turns_.clear();  // nobody had to wait: all begin anew
    return ask;
  }

  Cycles free = 0;       ///< the next burst may begin its way
  bool planned = false;  ///< an event will look at it
  bool at_edge = false;  ///< its last burst waits there for credit

 private:
  static constexpr unsigned kInputs = 4;
  std::size_t next() {
    for (std::int32_t limit = -1;;) {
      std::int32_t at = asks_.front().from_edge;
      for (const Ask& ask : asks_) {
        if (ask.from_edge > limit && (at <= limit || ask.from_edge < at)) at = ask.from_edge;
      }
      std::array<std::size_t, kInputs> first;
      first.fill(asks_.size());
      bool behind = false;
      for (std::size_t i = asks_.size(); i > 0; --i) {
        const Ask& ask = asks_[i - 1];
        if (ask.from_edge == at) first[static_cast<unsigned>(ask.input)] = i - 1;
        behind = behind || ask.from_edge > at;
      }
      if (turns_.size() <= static_cast<std::size_t>(at)) turns_.resize(static_cast<std::size_t>(at) + 1, 0);
      std::uint8_t& turn = turns_[static_cast<std::size_t>(at)];
      unsigned input = turn;
      while (first[input] == asks_.size() && !(behind && input == static_cast<unsigned>(LaneInput::kOn)))
        input = input + 1 == kInputs ? 0 : input + 1;
      turn = static_cast<std::uint8_t>(input + 1 == kInputs ? 0 : input + 1);
      if (first[input] < asks_.size()) return first[input];
      limit = at;
    }
  }

  std::vector<Ask> asks_;            ///< in the order in which they came
  std::vector<std::uint8_t> turns_;  ///< of each router, from the edge on: the input that comes next
};

/// What has come over an edge at one row or column and goes on in that order: behind a burst that has no turn yet,
/// others wait in the receive buffer.
struct Inlet {
  std::vector<std::uint32_t> entries;  ///< oldest first
  Cycles free = 0;                     ///< the next burst may begin its way
  bool planned = false;                ///< an event will look at it
  bool asked = false;                  ///< the first one waits for its turn on a lane
};

}  // namespace dojo::machine

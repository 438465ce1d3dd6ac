// SPDX-License-Identifier: Apache-2.0
// What messages between the parts of the machine carry (fabric::Payload), by their purpose.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"

namespace dojo::machine {

/// Purpose::kOperand: part of what a kernel's step waits for.
struct Operand {
  RankId rank = 0;
  std::uint32_t task = 0;
  std::uint32_t slot = 0;
  [[nodiscard]] fabric::Payload pack() const { return {{rank, task, slot}}; }
  [[nodiscard]] static Operand unpack(const fabric::Payload& p) { return {p.words[0], p.words[1], p.words[2]}; }
};

/// Purpose::kToken and kNodeToken: one token for one track and chunk of an item of a dataflow. Packed, it is also the
/// operand of the event that brings the token.
struct TokenRef {
  std::uint32_t instance = 0;  ///< of kNodeToken: the entry of the rank's instance table
  std::uint32_t item = 0;
  std::uint16_t track = 0, chunk = 0;
  [[nodiscard]] fabric::Payload pack() const {
    return {{instance, item, static_cast<std::uint32_t>(track) << 16 | chunk}};
  }
  [[nodiscard]] static TokenRef unpack(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return {a, b, static_cast<std::uint16_t>(c >> 16), static_cast<std::uint16_t>(c & 0xffff)};
  }
  [[nodiscard]] static TokenRef unpack(const fabric::Payload& p) { return unpack(p.words[0], p.words[1], p.words[2]); }
};

/// Purpose::kPacket: of a core that runs cycle by cycle.
struct CorePacket {
  std::int32_t semaphore = -1;
  [[nodiscard]] fabric::Payload pack() const { return {{static_cast<std::uint32_t>(semaphore), 0, 0}}; }
  [[nodiscard]] static CorePacket unpack(const fabric::Payload& p) { return {static_cast<std::int32_t>(p.words[0])}; }
};

/// Purpose::kTaskStart and kTaskDone: between the first nodes of the dies of a slice.
struct TaskNotice {
  RankId rank = 0;
  std::uint32_t task = 0;
  [[nodiscard]] fabric::Payload pack() const { return {{rank, task, 0}}; }
  [[nodiscard]] static TaskNotice unpack(const fabric::Payload& p) { return {p.words[0], p.words[1]}; }
};

}  // namespace dojo::machine

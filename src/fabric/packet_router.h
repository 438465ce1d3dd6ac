// SPDX-License-Identifier: Apache-2.0
// The state of one router of the fast model for packets: masks of virtual channels (VCs) and bytes beside them.
//
// A VC has the number kStride x port + vc, so that scanning bits is scanning ports, then VCs. Output port p feeds the
// neighbour's input port p ^ 1.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "dojo/fabric/packet_mesh.h"

namespace dojo::fabric {

template <unsigned kStride>
struct alignas(64) PacketRouter {
  static constexpr unsigned kSlots = kMeshPorts * kStride;
  static constexpr bool kDetours = kStride == 16;  ///< of machines with dead parts: each leg of a route has its own VCs
  using Mask =
      std::conditional_t<kStride == 4, std::uint32_t, std::conditional_t<kStride == 8, std::uint64_t, UInt128>>;
  using Bytes = std::array<std::uint8_t, kSlots>;

  // Of input VCs:
  Mask ready = 0;    ///< holds an output VC that has credit, and has a piece: may bid for the switch
  Mask waiting = 0;  ///< the head of a packet that wants an output VC
  Mask active = 0;   ///< holds an output VC
  // Of output VCs:
  Mask free = 0;    ///< held by nobody
  Mask credit = 0;  ///< has credit

  std::uint32_t planned = 0;  ///< visits, by cycle modulo 32
  std::uint16_t row = 0, column = 0;
  std::uint8_t leaves = 0;         ///< ports whose neighbour is on another die, or nowhere
  std::uint8_t sending_in = 0;     ///< input ports in the middle of a piece; `in_until`, `out_until`: and how long
  std::uint8_t sending_out = 0;    ///< output ports likewise
  Bytes credits{};                 ///< by output VC, in pieces
  Bytes length{}, first{};         ///< by input VC: pieces in the buffer, place of the first
  Bytes output{}, held{};          ///< by input VC: port that its packet takes, output VC that it holds
  Bytes holder{};                  ///< by output VC: input VC that holds it
  Bytes next_wanted{}, next_in{};  ///< round robin of VCs: by input VC, by output VC
  std::array<std::uint8_t, kMeshPorts> next_output{}, next_vc{}, next_input{};  ///< round robin of the switch
  std::array<std::uint32_t, kMeshPorts> sent{};                                 ///< flits by output port
};

/// Round robin: the first set bit at or after `from`, else the lowest. Requires bits != 0 and from < their number.
template <class Mask>
[[gnu::always_inline]] inline unsigned next_bit(Mask bits, unsigned from) {
  const Mask after = static_cast<Mask>(bits >> from << from);
  const Mask left = after != 0 ? after : bits;
  if constexpr (sizeof(Mask) == 16) {
    const auto low = static_cast<std::uint64_t>(left);
    return static_cast<unsigned>(low != 0 ? __builtin_ctzll(low)
                                          : 64 + __builtin_ctzll(static_cast<std::uint64_t>(left >> 64)));
  }
  if constexpr (sizeof(Mask) == 8) return static_cast<unsigned>(__builtin_ctzll(left));
  return static_cast<unsigned>(__builtin_ctz(static_cast<std::uint32_t>(left)));
}

}  // namespace dojo::fabric

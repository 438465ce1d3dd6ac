// SPDX-License-Identifier: Apache-2.0
// The state of one input-buffered virtual-channel router, packed: masks of virtual channels and bytes beside them.
//
// Ports are east (+column), west, south (+row), north, local, in this order; output p feeds the neighbour's input p^1.
// A virtual channel (VC) has the number kStride x port + vc, so that scanning bits is scanning ports, then VCs.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "dojo/base/types.h"

namespace dojo::reference {

inline constexpr unsigned kLocal = 4;  ///< the node's port, behind those of the four sides

/// 64 bytes of payload on the hardware; here what routing and statistics need.
struct Flit {
  std::uint32_t created = 0;  ///< cycle in which its packet was created
  std::uint32_t where = 0;    ///< head and tail mark; row and column of the destination, on machines with dead parts a
                              ///< topology::Headings; or what the nodes make of it
};
inline constexpr std::uint32_t kHead = 1u << 31, kTail = 1u << 30, kPlaceBits = 15, kPlaceMask = (1u << kPlaceBits) - 1;

template <unsigned kStride, unsigned kPorts>
struct alignas(64) Router {
  static_assert(kStride == 4 || kStride == 8 || kStride == 16, "so that a VC's port and number are bit fields");
  static_assert(kPorts > kLocal && kPorts <= 6);
  static constexpr unsigned kSlots = kPorts * kStride;
  static constexpr bool kDetours = kStride == 16;  ///< of machines with dead parts: each leg of a route has its own VCs
  using Mask =
      std::conditional_t<kStride == 4, std::uint32_t, std::conditional_t<kStride == 8, std::uint64_t, UInt128>>;
  using Bytes = std::array<std::uint8_t, kSlots>;

  // Of input VCs:
  Mask ready = 0;    ///< holds an output VC that has credit, and has a flit: may bid for the switch
  Mask waiting = 0;  ///< its head wants an output VC
  Mask active = 0;   ///< holds an output VC
  // Of output VCs:
  Mask free = 0;    ///< held by nobody
  Mask credit = 0;  ///< has credit

  std::uint16_t row = 0, column = 0;
  std::uint8_t listed = 0;     ///< on the block's list of routers with work
  std::uint8_t leaves = 0;     ///< ports whose neighbour is in another block, or nowhere
  Bytes credits{};             ///< by output VC
  Bytes length{}, first{};     ///< by input VC: flits in the buffer, place of the first
  Bytes output{}, held{};      ///< by input VC: port that its packet takes, output VC that it holds
  Bytes holder{};              ///< by output VC: input VC that holds it
  Bytes vc_want{}, vc_give{};  ///< round-robin pointers of VC allocation: by input VC, by output VC
  std::array<std::uint8_t, kPorts> switch_want{}, switch_vc{}, switch_give{};  ///< of switch allocation
  std::array<std::uint32_t, kPorts> sent{};                                    ///< flits by output port
};
static_assert(sizeof(Router<4, 5>) == 256, "1,080,000 of these: grow it on purpose");

/// Round robin: the first set bit at or after `pointer`, else the lowest. Requires bits != 0.
template <class Mask>
[[gnu::always_inline]] inline unsigned pick(Mask bits, unsigned pointer) {
  const Mask after = static_cast<Mask>(bits >> pointer << pointer);
  const Mask from = after != 0 ? after : bits;
  if constexpr (sizeof(Mask) == 16) {
    const auto low = static_cast<std::uint64_t>(from);
    return static_cast<unsigned>(low != 0 ? __builtin_ctzll(low)
                                          : 64 + __builtin_ctzll(static_cast<std::uint64_t>(from >> 64)));
  } else if constexpr (sizeof(Mask) == 8) {
    return static_cast<unsigned>(__builtin_ctzll(from));
  } else {
    return static_cast<unsigned>(__builtin_ctz(from));
  }
}
template <class Mask>
[[gnu::always_inline]] inline unsigned lowest(Mask bits) {
  return pick(bits, 0);
}
template <class Mask>
[[gnu::always_inline]] inline bool single(Mask bits) {
  return (bits & (bits - 1)) == 0;
}

}  // namespace dojo::reference

// SPDX-License-Identifier: Apache-2.0
// The state of one input-buffered virtual-channel router, packed: masks of virtual channels and bytes beside them.
//
// A virtual channel (VC) has the number kStride x port + vc, so that scanning bits is scanning ports, then VCs. Input
// ports from kLocalPort on come from the node. Output port kLocalPort leads to it, whatever the number of write ports.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "dojo/base/bits.h"
#include "dojo/engine/calendar.h"
#include "dojo/traffic/mesh.h"

namespace dojo::reference {

using engine::Calendar;
using engine::List;
using traffic::CrossingParams;
using traffic::kDirectionOfPort;
using traffic::kFirstMark;
using traffic::kLastMark;
using traffic::kLocalPort;
using traffic::kSides;
using traffic::MeshShape;
using traffic::port_of;

/// 64 bytes of payload on the hardware; here what routing and statistics need.
struct Flit {
  std::uint32_t created = 0;  ///< cycle in which its packet was created
  std::uint32_t where = 0;    ///< header word of its packet, with the marks of this flit; or what the nodes make of it
};

template <unsigned kStride, unsigned kPorts, bool kWithDetours = kStride == 16>
struct alignas(64) Router {
  static_assert(kStride == 4 || kStride == 8 || kStride == 16, "so that a VC's port and number are bit fields");
  static_assert(kPorts > kLocalPort && kPorts <= 12);
  static constexpr unsigned kInputVcs = kPorts * kStride;
  static constexpr bool kDetours = kWithDetours;  ///< of machines with dead parts: each leg of a route has its own VCs
  using Mask =
      std::conditional_t<kInputVcs <= 32, std::uint32_t, std::conditional_t<kInputVcs <= 64, std::uint64_t, UInt128>>;
  using Bytes = std::array<std::uint8_t, kInputVcs>;

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

}  // namespace dojo::reference

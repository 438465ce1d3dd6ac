// SPDX-License-Identifier: Apache-2.0
// The state of one router of the fast model for packets: masks of virtual channels (VCs) and bytes beside them.
//
// A VC has the number kStride x port + vc, so that scanning bits is scanning ports, then VCs. Input ports from
// kLocalPort on are the read ports of the node. Output port kLocalPort leads to it, whatever the number of its write
// ports.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "traffic/packet_mesh.h"

namespace dojo::traffic {

template <unsigned kStride, unsigned kPorts>
struct alignas(64) PacketRouter {
  static constexpr unsigned kInputVcs = kPorts * kStride;
  static constexpr bool kDetours = kStride == 16;  ///< of machines with dead parts: each leg of a route has its own VCs
  using Mask =
      std::conditional_t<kStride == 4, std::uint32_t, std::conditional_t<kStride == 8, std::uint64_t, UInt128>>;
  using Bytes = std::array<std::uint8_t, kInputVcs>;

  // Of input VCs:
  Mask ready = 0;    ///< holds an output VC that has credit, and has a segment: may bid for the switch
  Mask waiting = 0;  ///< the head of a packet that wants an output VC
  Mask active = 0;   ///< holds an output VC
  // Of output VCs:
  Mask free = 0;    ///< held by nobody
  Mask credit = 0;  ///< has credit

  std::uint32_t planned = 0;  ///< visits, by cycle modulo 32
  std::uint16_t row = 0, column = 0;
  std::uint8_t leaves = 0;         ///< ports whose neighbour is on another die, or nowhere
  std::uint8_t sending_in = 0;     ///< input ports in the middle of a segment; `in_until`, `out_until`: and how long
  std::uint8_t sending_out = 0;    ///< output ports likewise; from bit kLocalPort on the write ports of the node
  Bytes credits{};                 ///< by output VC, in segments
  Bytes length{}, first{};         ///< by input VC: segments in the buffer, place of the first
  Bytes output{}, held{};          ///< by input VC: port that its packet takes, output VC that it holds
  Bytes holder{};                  ///< by output VC: input VC that holds it
  Bytes next_wanted{}, next_in{};  ///< round robin of VCs: by input VC, by output VC
  std::array<std::uint8_t, kPorts> next_output{}, next_vc{}, next_input{};  ///< round robin of the switch
  std::array<std::uint32_t, kPorts> sent{};                                 ///< flits by output port
};

}  // namespace dojo::traffic

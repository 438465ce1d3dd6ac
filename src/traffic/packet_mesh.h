// SPDX-License-Identifier: Apache-2.0
// The fast model's routers of one die for packets: input-buffered, with virtual channels (VCs) and credits. What moves
// is a segment, a run of flits of one packet that crosses a switch as a whole; one event moves it over a hop.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/engine/calendar.h"
#include "dojo/topology/headings.h"
#include "dojo/traffic/mesh.h"
#include "dojo/traffic/router_params.h"

namespace dojo::traffic {

using engine::Calendar;
using engine::DueCycles;
using engine::List;

struct Segment {
  std::uint32_t created = 0;  ///< low half of the cycle in which its packet was created
  std::uint32_t where = 0;    ///< header word of its packet, with the marks of this segment
  [[nodiscard]] bool first() const { return (where & kFirstMark) != 0; }
  [[nodiscard]] bool last() const { return (where & kLastMark) != 0; }
};

/// How packets of one length are cut, and the routers in units of segments.
struct SegmentRules {
  SegmentRules(const RouterParams& router, std::uint32_t packet_flits, NodePorts ports = {});
  std::uint32_t packet_flits, flits, last_flits,
      count;                      ///< of a packet; of a segment, the last one; segments of a packet
  std::uint32_t channels, depth;  ///< VCs of a port; segments that a VC's buffer holds
  NodePorts ports;
  std::uint32_t legs = 1;                        ///< of a route around dead parts, each with as many of the VCs
  const topology::Headings* headings = nullptr;  ///< of a machine with dead parts
  Cycles hop, credit, injection;
  bool speculative, input_limited;  ///< input_limited: an input port sends a flit a cycle (no internal speedup)
  bool express;                     ///< packets over idle routers may pass without events: credits never hold them up
  [[nodiscard]] std::uint32_t length(Segment segment) const { return segment.last() ? last_flits : flits; }
};

/// On its way over a side of a die: `lane` is the row (east, west) or column (south, north) within the die.
struct Leaving {
  Cycles time = 0;  ///< when its first flit is there
  std::uint16_t lane = 0;
  std::uint8_t channel = 0;
  Segment segment;  ///< not of credits
};

/// `flits` of a packet reach their node, one a cycle from `first` on.
struct Ejected {
  Cycles first = 0;
  std::uint32_t created = 0, flits = 0;
  bool tail = false;
};

/// A segment that is due in an input VC of a router.
struct Arrival {
  std::uint32_t input_vc = 0;
  Segment segment;
};

class PacketMesh {
 public:
  static constexpr unsigned kInputVcBits = 8;  ///< of the VC; the router is above
  virtual ~PacketMesh() = default;
  /// Cycle `now`: first what is due, then, when nodes have injected, allocation.
  virtual void arrive(Cycles now) = 0;
  virtual void allocate(Cycles now) = 0;
  /// From outside, for this cycle or a later one: a segment into the input port of `side`, a credit for its output
  /// port.
  virtual void enter(unsigned side, const Leaving& segment) = 0;
  virtual void credit(unsigned side, const Leaving& credit) = 0;
  /// In cycle `now`, in place of injections: a packet whose segments its node would send to `channel` one after the
  /// other from now on. False where something is in its way. Where something comes in its way later, `resumed` says so.
  virtual bool express(std::uint32_t router, unsigned channel, Segment segment, Cycles now) = 0;
  /// Adds segments of packets that pass without events, not yet in `ejected`, which left for their node before cycle
  /// `now`.
  virtual void add_passed(Cycles now, List<Ejected>& to) const = 0;
  /// Flits sent before cycle `now` over an output port of the router at (row, column) of the die.
  [[nodiscard]] virtual std::uint64_t sent(std::int32_t row, std::int32_t column, unsigned port, Cycles now) const = 0;
  /// Of heads before cycle `now`, over links within the die and out of it.
  [[nodiscard]] virtual std::uint64_t packet_hops(Cycles now) const = 0;
  /// Flits in buffers and on links, and of packets that pass without events, whole; throws Error(kInternal) where
  /// states contradict each other.
  [[nodiscard]] virtual std::uint64_t flits_inside() const = 0;

  /// Where nodes put what they inject in cycle `now`; VC 0 of a local input port of their router.
  [[nodiscard]] List<Arrival>& injections(Cycles now) { return later(arrivals_, now + rules_.injection); }
  [[nodiscard]] std::uint32_t local_input_vc(std::uint32_t router, std::uint32_t read_port) const {
    return router << kInputVcBits | ((kLocalPort + read_port) * stride_);
  }
  /// Bit i: there may be something to do in cycle `from` + i, even if nothing comes from outside.
  [[nodiscard]] std::uint64_t busy_cycles(Cycles from) const { return due_.ahead(from); }

  List<Ejected> ejected;  ///< the owner takes and clears
  /// For a VC of a local input port.
  struct NodeCredit {
    std::uint32_t router = 0;
    std::uint8_t read_port = 0, channel = 0;
  };
  List<NodeCredit> node_credits;
  std::array<List<Leaving>, 4> segments_out, credits_out;  ///< by side; the owner takes and clears them
  /// Nodes whose packet goes on in segments: `sent` have been sent, credits of `owed` of them are not back.
  struct Resumed {
    std::uint32_t router = 0, sent = 0, owed = 0;
  };
  List<Resumed> resumed;  ///< the owner takes and clears

 protected:
  static constexpr Cycles kVisitsAhead = 32;
  PacketMesh(const SegmentRules& rules, const MeshShape& shape, unsigned stride);
  /// The list to which something is added for cycle `at`.
  template <class T>
  List<T>& later(Calendar<T>& calendar, Cycles at) {
    due_.add(at);
    return calendar.at(at);
  }
  SegmentRules rules_;
  unsigned stride_;  ///< VCs of a port at most
  Calendar<Arrival> arrivals_;
  Calendar<std::uint32_t> credits_, visits_, passing_;
  DueCycles due_;
};

[[nodiscard]] std::unique_ptr<PacketMesh> make_packet_mesh(const MeshShape& shape, const SegmentRules& rules);

}  // namespace dojo::traffic

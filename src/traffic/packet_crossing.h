// SPDX-License-Identifier: Apache-2.0
// A crossing between two dies in the fast model for packets: the lanes (rows or columns) of an edge share one
// serialiser and the far side's receive buffer. To a router either end looks like the next router.
#pragma once
#include <cstdint>
#include <vector>

#include "traffic/packet_mesh.h"

namespace dojo::traffic {

/// Segments that wait at one end: a FIFO for each lane and VC.
class LaneFifos {
 public:
  LaneFifos(std::uint32_t lanes, std::uint32_t channels)
      : channels_(channels), filled_(lanes, 0), fifos_(std::size_t{lanes} * channels) {}
  [[nodiscard]] std::uint32_t lanes() const { return static_cast<std::uint32_t>(filled_.size()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// VCs of the lane that have a segment, as bits.
  [[nodiscard]] std::uint32_t filled(std::uint32_t lane) const { return filled_[lane]; }
  void push(std::uint32_t lane, std::uint32_t channel, Segment segment);
  Segment pop(std::uint32_t lane, std::uint32_t channel);
  [[nodiscard]] std::uint64_t flits(const SegmentRules& rules) const;

 private:
  struct Fifo {
    List<Segment> segments;
    std::size_t first = 0;
  };
  std::uint32_t channels_;
  std::size_t size_ = 0;
  std::vector<std::uint16_t> filled_;
  std::vector<Fifo> fifos_;
};

/// What was told in the order of time and is taken when it is due.
class InOrder {
 public:
  void add(const Leaving& one) { list_.push(one); }
  /// Calls take(one) for each that is due.
  template <class Take>
  void take_due(Cycles now, Take&& take) {
    for (; first_ < list_.size() && list_[first_].time <= now; ++first_) take(list_[first_]);
    if (first_ == list_.size() || first_ >= 1024) {
      list_.drop_front(first_);
      first_ = 0;
    }
  }
  [[nodiscard]] std::uint64_t flits(const SegmentRules& rules) const;

 private:
  List<Leaving> list_;
  std::size_t first_ = 0;
};

/// The sending end. A segment goes when the serialiser has caught up and the far side's buffer has room; lanes take
/// turns, and VCs within a lane. Part of the receive buffer belongs to each lane and VC, so that none can starve
/// another.
class CrossingSender {
 public:
  CrossingSender(const CrossingParams& edge, const SegmentRules& rules);
  void take(List<Leaving>& from_router);                        ///< empties it
  void credit(const Leaving& credit) { credits_.add(credit); }  ///< in the order of time
  void cycle(Cycles now, PacketMesh& mesh, List<Leaving>& mail);
  [[nodiscard]] std::uint64_t sent() const { return sent_; }  ///< flits
  [[nodiscard]] std::uint64_t flits_inside() const { return fifos_.flits(rules_) + arrivals_.flits(rules_); }

 private:
  bool send_from(std::uint32_t lane, Cycles now, PacketMesh& mesh, List<Leaving>& mail);

  SegmentRules rules_;
  unsigned side_;
  Cycles latency_;                          ///< until the first flit of a segment is there
  Int128 gain_, cost_, most_, tokens_ = 0;  ///< of a cycle, of a flit; saved up at most. Exact in the long run
  Cycles last_ = -1;                        ///< cycle up to which tokens are counted
  std::int64_t reserved_, shared_;  ///< segments of the receive buffer: for each lane and VC; still free for all
  std::vector<std::int32_t> used_;  ///< by lane and VC: segments in the receive buffer or on their way
  std::vector<std::uint8_t> turn_;  ///< by lane: next VC
  std::vector<Cycles> free_from_;   ///< by lane: end of the segment that it sends
  std::uint32_t next_lane_ = 0;
  std::uint64_t sent_ = 0;
  InOrder arrivals_, credits_;
  LaneFifos fifos_;
};

/// The receiving end: from the receive buffer a flit a cycle and lane goes into the router.
class CrossingReceiver {
 public:
  CrossingReceiver(const CrossingParams& edge, const SegmentRules& rules);
  void arrive(const Leaving& segment) { arrivals_.add(segment); }  ///< in the order of time
  void take_credits(List<Leaving>& from_router);                   ///< empties it
  void cycle(Cycles now, PacketMesh& mesh, List<Leaving>& credit_mail);
  [[nodiscard]] std::uint64_t flits_inside() const { return fifos_.flits(rules_) + arrivals_.flits(rules_); }

 private:
  SegmentRules rules_;
  unsigned side_;
  Cycles latency_;
  std::vector<std::uint8_t> room_;   ///< by lane and VC: segments that the router's buffer still takes
  std::vector<std::uint16_t> open_;  ///< by lane: VCs with room
  std::vector<std::uint8_t> turn_;   ///< by lane: next VC
  std::vector<Cycles> free_from_;    ///< by lane: end of the segment that it sends
  InOrder arrivals_, router_credits_;
  LaneFifos fifos_;
};

}  // namespace dojo::traffic

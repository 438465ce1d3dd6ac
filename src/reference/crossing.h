// SPDX-License-Identifier: Apache-2.0
// A crossing between two blocks: the lanes (rows or columns) of an edge share one serialiser and the far side's receive
// buffer. To a router either end looks like the next router: VCs of the same depth, credits after the same time.
#pragma once
#include <cstdint>
#include <vector>

#include "reference/block.h"

namespace dojo::reference {

/// A FIFO for each lane and VC in one pool of cells.
class LaneQueues {
 public:
  LaneQueues(std::uint32_t lanes, std::uint32_t channels)
      : channels_(channels), open_(lanes, 0), queues_(lanes * channels) {}
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t lanes() const { return static_cast<std::uint32_t>(open_.size()); }
  /// VCs of the lane that have a flit, as bits.
  [[nodiscard]] std::uint32_t filled(std::uint32_t lane) const { return open_[lane]; }
  void push(std::uint32_t lane, std::uint32_t channel, Flit flit);
  Flit pop(std::uint32_t lane, std::uint32_t channel);

 private:
  struct Cell {
    Flit flit;
    std::uint32_t next = kNone;
  };
  struct Queue {
    std::uint32_t head = kNone, tail = kNone;
  };
  std::uint32_t channels_, size_ = 0, unused_ = kNone;
  std::vector<std::uint16_t> open_;  ///< by lane
  std::vector<Queue> queues_;
  std::vector<Cell> cells_;
};

/// The sending end. A flit goes when the serialiser is free and the far side's buffer has room; lanes take turns,
/// and VCs within a lane. Part of the receive buffer belongs to each lane and VC alone, so that none can starve
/// another.
class CrossingOut {
 public:
  CrossingOut(const CrossingParams& params, const RouterParams& router);
  void take(std::vector<Leaving>& from_router);                       ///< empties it
  void credit(const Leaving& credit) { credits_.push_back(credit); }  ///< in the order of time
  void cycle(Cycles now, Block& block, std::vector<Leaving>& mail);
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t flits_inside() const { return queues_.size() + on_the_way_; }
  /// That wait for the serialiser or for room in the receive buffer.
  [[nodiscard]] std::uint64_t queued() const { return queues_.size(); }

 private:
  bool send_from(std::uint32_t lane, Cycles now, Block& block, std::vector<Leaving>& mail);
  void apply_credits(Cycles now);
  void gain(Cycles now);

  unsigned side_;
  std::uint32_t channels_;
  Cycles latency_, credit_cycles_;
  Int128 gain_, cost_, tokens_ = 0;  ///< a cycle's gain, a flit's cost: exact in the long run
  Cycles last_ = -1;                 ///< cycle up to which tokens are counted
  std::int64_t reserved_, shared_;   ///< flits of the receive buffer: for each lane and VC; still free for all
  std::vector<std::int32_t> used_;   ///< by lane and VC: flits in the receive buffer or on their way
  std::vector<std::uint8_t> turn_;   ///< by lane: next VC
  std::uint32_t next_lane_ = 0;
  std::uint64_t sent_ = 0, on_the_way_ = 0;
  Calendar<Leaving> arrivals_;
  std::vector<Leaving> credits_;
  std::size_t first_credit_ = 0;
  LaneQueues queues_;
};

/// The receiving end: from the receive buffer a flit a cycle and lane goes into the router.
class CrossingIn {
 public:
  CrossingIn(const CrossingParams& params, const RouterParams& router);
  void arrive(const Leaving& flit) { arrivals_.push_back(flit); }  ///< in the order of time
  void take_credits(std::vector<Leaving>& from_router);            ///< empties it
  void cycle(Cycles now, Block& block, std::vector<Leaving>& credit_mail);
  [[nodiscard]] std::uint64_t flits_inside() const { return queues_.size() + arrivals_.size() - first_arrival_; }
  [[nodiscard]] std::uint64_t queued() const { return queues_.size(); }  ///< in the receive buffer
  [[nodiscard]] Cycles next_arrival() const {
    return first_arrival_ < arrivals_.size() ? arrivals_[first_arrival_].time : kNever;
  }

 private:
  unsigned side_;
  std::uint32_t channels_;
  Cycles latency_;
  std::vector<std::uint8_t> credits_;  ///< of the router's input VCs: by lane and VC
  std::vector<std::uint16_t> open_;    ///< by lane: VCs with credit, as bits
  std::vector<std::uint8_t> turn_;
  std::vector<Leaving> arrivals_;
  std::size_t first_arrival_ = 0;
  Calendar<Leaving> router_credits_;
  LaneQueues queues_;
};

}  // namespace dojo::reference

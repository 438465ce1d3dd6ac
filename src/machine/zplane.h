// SPDX-License-Identifier: Apache-2.0
// The Z-plane: the Ethernet side of a DIP, and the switch. Made only for jobs that send over it.
#pragma once
#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include "dojo/engine/wheel.h"
#include "dojo/fabric/edge.h"
#include "dojo/fabric/ttpoe.h"
#include "machine/context.h"
#include "machine/shard.h"

namespace dojo::machine {

/// One-way times of the plane; their sum is that of both bridges and one switch.
struct ZplaneLatency {
  Cycles up = 1, down = 1;  ///< DIP to switch, switch to DIP: the lookahead of their mail
  Cycles between_leaves = 0;
  explicit ZplaneLatency(const topology::Topology& topology);
};

/// Frames that wait for one serialiser, by class.
struct FrameQueues {
  std::deque<fabric::Frame> of[fabric::kFrameClasses];
  void push(const fabric::Frame& frame) { of[static_cast<int>(frame.frame_class)].push_back(frame); }
  /// Of the first class that has some below `classes`.
  bool pop(fabric::Frame& out, int classes = fabric::kFrameClasses);
};

class ZplanePort {
 public:
  ZplanePort(Context& context, std::uint32_t dip, fabric::Serialiser& hbm);
  /// Out of HBM at `now`, to another DIP.
  void send(std::uint32_t to, const fabric::TtpoeMessage& message, Cycles now);
  void read_mail();
  [[nodiscard]] Cycles next_time() const;
  /// Runs what comes at next_time(). `deliver(TtpoeMessage)`: a message is in HBM here.
  template <class Deliver>
  void run_next(ThreadSums& sums, Deliver&& deliver) {
    fabric::TtpoeMessage message;
    if (step(sums, message)) deliver(message);
  }
  [[nodiscard]] const fabric::TtpoeCounters& counters() const { return counters_; }
  [[nodiscard]] const fabric::Serialiser& out() const { return out_; }
  [[nodiscard]] const OpCounters& writes() const { return writes_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }
  [[nodiscard]] std::uint64_t events() const { return events_.taken() + frames_taken_; }
  /// Nothing waits, nothing is on its way to this DIP or unanswered.
  [[nodiscard]] bool idle() const;

 private:
  enum EventType : std::uint16_t {
    kReady,    // a: message in pool_, b: DIP: has been read from HBM
    kPort,     // the port is free
    kTimeout,  // a: sender
    kWritten   // a: message in pool_: has been written to HBM
  };
  bool step(ThreadSums& sums, fabric::TtpoeMessage& delivered);
  std::uint32_t keep(const fabric::TtpoeMessage& message);
  std::uint32_t sender_to(std::uint32_t dip);
  void enqueue(std::uint32_t sender, Cycles now);
  void wake_port(Cycles now);
  void serve_port(Cycles now, ThreadSums& sums);
  void transmit(fabric::Frame frame, Cycles now, ThreadSums& sums);
  bool draw_loss(const fabric::Frame& frame);
  void receive(const fabric::Frame& frame, Cycles now);
  void answer(std::uint32_t to, fabric::Frame::Class frame_class, std::uint32_t sequence, Cycles now);
  void answered(const fabric::Frame& frame, Cycles now);

  Context& context_;
  const std::uint32_t dip_;
  fabric::Serialiser& hbm_;
  fabric::Serialiser out_;
  const ZplaneLatency latency_;
  fabric::TtpoeSettings settings_;
  Cycles hbm_latency_ = 0, timeout_ = 0;
  std::uint64_t loss_below_ = 0;  // of 2^63
  engine::Wheel events_;
  std::deque<fabric::Frame> arrivals_;
  std::uint64_t frames_taken_ = 0, bytes_sent_ = 0;
  bool port_planned_ = false;
  FrameQueues answers_;
  std::deque<std::uint32_t> turns_;  // senders that can send
  std::vector<fabric::TtpoeSender> senders_;
  std::vector<std::uint32_t> sender_of_dip_;
  std::vector<fabric::TtpoeReceiver> receivers_;  // by DIP
  std::vector<fabric::TtpoeMessage> pool_;
  std::vector<std::uint32_t> pool_free_;
  fabric::TtpoeCounters counters_;
  OpCounters writes_;
};

/// All switches as one shard: every port towards a DIP is a queue and a serialiser; nothing inside is a bottleneck.
class ZplaneSwitch final : public Shard {
 public:
  explicit ZplaneSwitch(Context& context);
  ~ZplaneSwitch() override = default;
  void read_mail(ThreadSums& sums) override;
  [[nodiscard]] Cycles next_time() const override;
  void run(Cycles window_end, ThreadSums& sums) override;
  [[nodiscard]] Cycles last_event() const override { return now_; }
  [[nodiscard]] std::uint64_t frames_lost() const { return lost_; }
  [[nodiscard]] std::uint64_t events() const override { return events_; }
  [[nodiscard]] const fabric::Serialiser& port(std::uint32_t dip) const { return ports_[dip].serialiser; }
  [[nodiscard]] std::uint64_t longest_queue() const { return longest_queue_; }

 private:
  struct Arrival {
    fabric::Frame frame;
    std::uint64_t order;  // within its source
  };
  /// By time, then source: mail of different windows may come in any order.
  struct LaterArrival {
    bool operator()(const Arrival& x, const Arrival& y) const {
      if (x.frame.time != y.frame.time) return x.frame.time > y.frame.time;
      return x.frame.from != y.frame.from ? x.frame.from > y.frame.from : x.order > y.order;
    }
  };
  struct Wake {
    Cycles time;
    std::uint32_t port;
  };
  struct LaterWake {
    bool operator()(const Wake& x, const Wake& y) const { return x.time != y.time ? x.time > y.time : x.port > y.port; }
  };
  struct Port {
    fabric::Serialiser serialiser;
    FrameQueues queues;
    bool planned = false;
    std::uint64_t waiting = 0;
  };
  Context& context_;
  const ZplaneLatency latency_;
  fabric::TtpoeSettings settings_;
  std::uint32_t leaf_ports_ = 1;
  std::vector<Port> ports_;
  std::priority_queue<Arrival, std::vector<Arrival>, LaterArrival> arrivals_;
  std::priority_queue<Wake, std::vector<Wake>, LaterWake> wakes_;
  std::uint64_t order_ = 0, lost_ = 0, events_ = 0, longest_queue_ = 0;
  Cycles now_ = 0;
};

}  // namespace dojo::machine

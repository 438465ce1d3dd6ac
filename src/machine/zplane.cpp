// SPDX-License-Identifier: Apache-2.0
// TTPoE at a DIP's Ethernet port.
#include "machine/zplane.h"

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::machine {

using fabric::Frame;
using fabric::TtpoeMessage;
using fabric::TtpoeReceiver;
using fabric::TtpoeSender;

ZplaneLatency::ZplaneLatency(const topology::Topology& topology) {
  const topology::MachineParams& p = topology.params();
  const Cycles one_switch = topology.cycles_from_ns(p.zplane.switch_ns);
  const Cycles bridge = topology.cycles_from_ns(p.dip.bridge_ns);
  up = std::max<Cycles>(1, bridge + one_switch / 2);
  down = std::max<Cycles>(1, bridge + one_switch - one_switch / 2);
  between_leaves = p.zplane.switch_tiers == 1 ? 0 : 2 * one_switch;
}

bool FrameQueues::pop(Frame& out, int classes) {
  for (int c = 0; c < classes; ++c) {
    if (of[c].empty()) continue;
    out = of[c].front();
    of[c].pop_front();
    return true;
  }
  return false;
}

fabric::TtpoeSettings ttpoe_settings(const topology::ZplaneParams& p) {
  fabric::TtpoeSettings settings;
  settings.frame_bytes = p.frame_beats * 64;
  settings.window_bytes = p.window_bytes;
  settings.frame_overhead_bytes = p.header_bytes + p.gap_bytes;
  return settings;
}

ZplanePort::ZplanePort(Context& context, std::uint32_t dip, fabric::Serialiser& hbm)
    : context_(context), dip_(dip), hbm_(hbm), latency_(context.topology) {
  const topology::MachineParams& p = context.topology.params();
  out_.configure(p.dip.ethernet_bytes_per_s, p.clock_hz);
  settings_ = ttpoe_settings(p.zplane);
  hbm_latency_ = context.topology.cycles_from_ns(p.dip.hbm_latency_ns);
  timeout_ = std::max<Cycles>(1, context.topology.cycles_from_ns(p.zplane.timeout_ns));
  loss_below_ = static_cast<std::uint64_t>(p.zplane.loss_rate * 9223372036854775808.0);
  sender_of_dip_.assign(context.topology.dip_count(), kNone);
  receivers_.resize(context.topology.dip_count());
}

std::uint32_t ZplanePort::keep(const TtpoeMessage& message) {
  if (pool_free_.empty()) {
    pool_.push_back(message);
    return static_cast<std::uint32_t>(pool_.size() - 1);
  }
  const std::uint32_t index = pool_free_.back();
  pool_free_.pop_back();
  pool_[index] = message;
  return index;
}

std::uint32_t ZplanePort::sender_to(std::uint32_t dip) {
  if (sender_of_dip_[dip] == kNone) {
    sender_of_dip_[dip] = static_cast<std::uint32_t>(senders_.size());
    senders_.emplace_back(dip_, dip);
  }
  return sender_of_dip_[dip];
}

void ZplanePort::send(std::uint32_t to, const TtpoeMessage& message, Cycles now) {
  hbm_.occupy(now, message.bytes);
  bytes_sent_ += static_cast<std::uint64_t>(message.bytes);
  events_.add(hbm_.free_cycle() + hbm_latency_, kReady, keep(message), to);
}

void ZplanePort::read_mail() {
  auto& mail = context_.frames_down[dip_].of[1 - context_.parity];
  arrivals_.insert(arrivals_.end(), mail.begin(), mail.end());
  mail.clear();
}

Cycles ZplanePort::next_time() const {
  return std::min(events_.next_time(), arrivals_.empty() ? kNever : arrivals_.front().time);
}

bool ZplanePort::idle() const {
  return next_time() == kNever && std::all_of(senders_.begin(), senders_.end(), [](const auto& s) { return s.idle(); });
}

/// Arrivals before own events of the same cycle. Returns whether a message has been delivered.
bool ZplanePort::step(ThreadSums& sums, TtpoeMessage& delivered) {
  if (!arrivals_.empty() && arrivals_.front().time <= events_.next_time()) {
    const Frame frame = arrivals_.front();
    arrivals_.pop_front();
    ++frames_taken_;
    receive(frame, frame.time);
    return false;
  }
  engine::Event event;
  events_.take(kNever, event);
  switch (static_cast<EventType>(event.type)) {
    case kReady: {
      const std::uint32_t sender = sender_to(event.b);
      senders_[sender].add(pool_[event.a]);
      pool_free_.push_back(event.a);
      enqueue(sender, event.time);
      return false;
    }
    case kPort:
      port_planned_ = false;
      serve_port(event.time, sums);
      return false;
    case kTimeout: {
      TtpoeSender& sender = senders_[event.a];
      sender.timer_runs = false;
      if (!sender.unanswered()) return false;
      if (sender.deadline <= event.time) {
        ++counters_.timeouts;
        sender.go_back();
        sender.deadline = event.time + timeout_;
        enqueue(event.a, event.time);
      }
      sender.timer_runs = true;
      events_.add(sender.deadline, kTimeout, event.a);
      return false;
    }
    case kWritten:
      delivered = pool_[event.a];
      pool_free_.push_back(event.a);
      writes_.add(delivered.created, event.time);
      return true;
  }
  return false;
}

void ZplanePort::enqueue(std::uint32_t index, Cycles now) {
  TtpoeSender& sender = senders_[index];
  if (sender.queued || !sender.can_send(settings_)) return;
  sender.queued = true;
  turns_.push_back(index);
  wake_port(now);
}

/// The serialiser's time is finer than a cycle: it is asked in the cycle in which it becomes free.
void ZplanePort::wake_port(Cycles now) {
  if (port_planned_) return;
  port_planned_ = true;
  events_.add(std::max(now, out_.free_units() >> fabric::Serialiser::kUnitBits), kPort);
}

/// Answers first, then one frame of the sender whose turn it is.
void ZplanePort::serve_port(Cycles now, ThreadSums& sums) {
  Frame frame;
  if (answers_.pop(frame, static_cast<int>(Frame::Class::kData))) {
    transmit(frame, now, sums);
  } else {
    while (!turns_.empty()) {
      const std::uint32_t index = turns_.front();
      turns_.pop_front();
      TtpoeSender& sender = senders_[index];
      sender.queued = false;
      if (!sender.can_send(settings_)) continue;  // all was acknowledged after a step back
      transmit(sender.take(settings_, counters_), now, sums);
      if (sender.deadline == kNever) sender.deadline = now + timeout_;
      if (!sender.timer_runs) {
        sender.timer_runs = true;
        events_.add(sender.deadline, kTimeout, index);
      }
      if (sender.blocked_by_window(settings_)) ++counters_.window_stalls;
      enqueue(index, now);
      break;
    }
  }
  if (!answers_.of[0].empty() || !answers_.of[1].empty() || !turns_.empty()) wake_port(now);
}

void ZplanePort::transmit(Frame frame, Cycles now, ThreadSums& sums) {
  frame.lost = draw_loss(frame);
  const std::int64_t start = out_.occupy(now, settings_.on_wire(frame));
  frame.time = ceil_div<std::int64_t>(start, 1 << fabric::Serialiser::kUnitBits) + latency_.up;
  context_.post_frame(context_.frames_up[dip_], context_.topology.shard_count(), frame, sums);
}

/// A draw for each frame of a link, in the order in which it sends them: no thread or window matters.
bool ZplanePort::draw_loss(const Frame& frame) {
  if (loss_below_ == 0) return false;
  TtpoeSender& link = senders_[sender_to(frame.to)];
  std::uint64_t z = static_cast<std::uint64_t>(context_.topology.params().zplane.seed) * 0x9e3779b97f4a7c15u +
                    ((static_cast<std::uint64_t>(dip_) << 32) | frame.to) * 0xd1342543de82ef95u +
                    ++link.draws * 0xda942042e4dd58b5u;
  for (int i = 0; i < 2; ++i) {  // the finaliser of splitmix64, twice
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
  }
  return (z >> 1) < loss_below_;
}

void ZplanePort::receive(const Frame& frame, Cycles now) {
  if (frame.frame_class != Frame::Class::kData) return answered(frame, now);
  TtpoeReceiver& receiver = receivers_[frame.from];
  switch (receiver.receive(frame.sequence)) {
    case TtpoeReceiver::Verdict::kAccepted:
      ++counters_.accepted;
      counters_.accepted_bytes += frame.payload;
      if (frame.last) {
        hbm_.occupy(now, frame.message.bytes);
        events_.add(hbm_.free_cycle() + hbm_latency_, kWritten, keep(frame.message));
      }
      [[fallthrough]];
    case TtpoeReceiver::Verdict::kOld:  // its acknowledgement was lost
      ++counters_.acks;
      answer(frame.from, Frame::Class::kRequestLow, receiver.expected(), now);
      break;
    case TtpoeReceiver::Verdict::kMissing:
      ++counters_.nacks;
      answer(frame.from, Frame::Class::kRequestHigh, receiver.expected(), now);
      [[fallthrough]];
    case TtpoeReceiver::Verdict::kIgnored:
      ++counters_.ignored;
      break;
  }
}

void ZplanePort::answer(std::uint32_t to, Frame::Class frame_class, std::uint32_t sequence, Cycles now) {
  Frame frame;
  frame.from = dip_;
  frame.to = to;
  frame.frame_class = frame_class;
  frame.sequence = sequence;
  answers_.push(frame);
  wake_port(now);
}

void ZplanePort::answered(const Frame& frame, Cycles now) {
  const std::uint32_t index = sender_of_dip_[frame.from];
  DOJO_CHECK(index != kNone, "DIP {}: an answer of DIP {}, to which nothing was sent", dip_, frame.from);
  TtpoeSender& sender = senders_[index];
  if (sender.acknowledged(frame.sequence)) sender.deadline = now + timeout_;
  if (frame.frame_class == Frame::Class::kRequestHigh) sender.go_back();
  if (!sender.unanswered()) sender.deadline = kNever;
  enqueue(index, now);
}

ZplaneSwitch::ZplaneSwitch(Context& context) : context_(context), latency_(context.topology) {
  const topology::MachineParams& p = context.topology.params();
  settings_ = ttpoe_settings(p.zplane);
  const auto ports = static_cast<std::uint32_t>(p.zplane.ports_per_switch);
  leaf_ports_ = p.zplane.switch_tiers == 1 ? ports : std::max(1u, ports / 2);
  ports_.resize(context.topology.dip_count());
  for (Port& port : ports_) port.serialiser.configure(p.dip.ethernet_bytes_per_s, p.clock_hz);
}

void ZplaneSwitch::read_mail(ThreadSums&) {
  for (auto& mail : context_.frames_up) {
    auto& frames = mail.of[1 - context_.parity];
    for (Frame& frame : frames) {
      if (frame.from / leaf_ports_ != frame.to / leaf_ports_) frame.time += latency_.between_leaves;
      arrivals_.push({frame, order_++});
    }
    frames.clear();
  }
}

Cycles ZplaneSwitch::next_time() const {
  return std::min(arrivals_.empty() ? kNever : arrivals_.top().frame.time, wakes_.empty() ? kNever : wakes_.top().time);
}

/// Arrivals before ports of the same cycle.
void ZplaneSwitch::run(Cycles window_end, ThreadSums& sums) {
  for (Cycles time = next_time(); time < window_end; time = next_time()) {
    now_ = time;
    ++events_;
    if (!arrivals_.empty() && arrivals_.top().frame.time == time) {
      const Frame& frame = arrivals_.top().frame;
      if (frame.lost) {
        ++lost_;
      } else {
        Port& port = ports_[frame.to];
        port.queues.push(frame);
        longest_queue_ = std::max(longest_queue_, ++port.waiting);
        if (!port.planned) {
          port.planned = true;
          wakes_.push({std::max(time, port.serialiser.free_units() >> fabric::Serialiser::kUnitBits), frame.to});
        }
      }
      arrivals_.pop();
      continue;
    }
    const std::uint32_t to = wakes_.top().port;
    wakes_.pop();
    Port& port = ports_[to];
    port.planned = false;
    Frame frame;
    if (!port.queues.pop(frame)) continue;
    --port.waiting;
    port.serialiser.occupy(time, settings_.on_wire(frame));
    frame.time = port.serialiser.free_cycle() + latency_.down;
    context_.post_frame(context_.frames_down[to], context_.topology.die_count() + to, frame, sums);
    if (port.waiting > 0) {
      port.planned = true;
      wakes_.push({std::max(time, port.serialiser.free_units() >> fabric::Serialiser::kUnitBits), to});
    }
  }
}

}  // namespace dojo::machine

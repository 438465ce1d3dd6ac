// SPDX-License-Identifier: Apache-2.0
// TTPoE between two DIPs: frames in order, a window of bytes without an answer, negative acknowledgements and
// go-back-N.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/schema/counters.h"

namespace dojo::fabric {

/// What a message is for at the far end.
struct TtpoeMessage {
  Payload payload;
  Cycles created = 0;  ///< before HBM of the sender was read
  Bytes bytes = 0;
};

struct Frame {
  /// In the order in which ports serve them: answers are short and free windows, so they overtake data.
  enum class Class : std::uint8_t { kRequestHigh, kRequestLow, kData };
  Cycles time = 0;                   ///< its head reaches the next part
  std::uint32_t from = 0, to = 0;    ///< DIPs
  std::uint32_t sequence = 0;        ///< of data; of answers: the frame that the receiver waits for
  std::uint16_t payload = 0;         ///< bytes
  Class frame_class = Class::kData;  ///< kRequestLow: acknowledged up to sequence; kRequestHigh: sequence is missing
  bool lost = false, last = false, sent = false;
  TtpoeMessage message;
};
inline constexpr int kFrameClasses = 3;

struct TtpoeSettings {
  Bytes frame_bytes = 1024, window_bytes = 1 << 20, frame_overhead_bytes = 84;
  /// Payload goes in whole beats.
  [[nodiscard]] Bytes on_wire(const Frame& frame) const {
    return frame_overhead_bytes + ceil_div<Bytes>(frame.payload, 64) * 64;
  }
};

struct TtpoeCounters {
  std::uint64_t frames = 0, resent = 0, acks = 0, nacks = 0, timeouts = 0, window_stalls = 0;
  std::uint64_t accepted = 0, accepted_bytes = 0, ignored = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("frames", self.frames, Sum{}, "frames", "data frames of TTPoE sent, repeated ones too");
    field("resent", self.resent, Sum{}, "frames", "data frames sent again", ReportedAs{"zplane.frames_resent"});
    field("ignored", self.ignored, Sum{}, "frames", "ignored by receivers that waited for an older one",
          ReportedAs{"zplane.frames_ignored"});
    field("acks", self.acks, Sum{}, "frames", "acknowledgements sent");
    field("nacks", self.nacks, Sum{}, "frames", "requests to repeat a missing frame");
    field("timeouts", self.timeouts, Sum{}, "times", "a sender went back to its oldest frame without an answer");
    field("window_stalls", self.window_stalls, Sum{}, "times", "a sender had data and no room in its window");
    field("accepted", self.accepted, Sum{}, "frames", "taken in order", kNotReported);
    field("accepted_bytes", self.accepted_bytes, Sum{}, "bytes", "payload of frames taken in order", kNotReported);
  }
};
static_assert(schema::every_counter_is_listed<TtpoeCounters>());

/// The sender's side of one directed link.
class TtpoeSender {
 public:
  TtpoeSender(std::uint32_t from, std::uint32_t to) : from_(from), to_(to) {}
  [[nodiscard]] std::uint32_t to() const { return to_; }
  void add(const TtpoeMessage& message) { messages_.push_back({message, message.bytes}); }
  [[nodiscard]] bool idle() const { return flight_.empty() && messages_.empty(); }
  [[nodiscard]] bool unanswered() const { return !flight_.empty(); }

  /// There is a frame to send again, or a new one for which the window has room.
  [[nodiscard]] bool can_send(const TtpoeSettings& s) const {
    return next_ < flight_.size() || (!messages_.empty() && window_ + next_payload(s) <= s.window_bytes);
  }
  [[nodiscard]] bool blocked_by_window(const TtpoeSettings& s) const { return !messages_.empty() && !can_send(s); }

  /// Requires can_send().
  Frame take(const TtpoeSettings& s, TtpoeCounters& counters) {
    if (next_ == flight_.size()) cut(s);
    Frame& frame = flight_[next_++];
    ++counters.frames;
    counters.resent += frame.sent ? 1 : 0;
    frame.sent = true;
    return frame;
  }
  /// The receiver has everything before `sequence`. Returns whether that was news.
  bool acknowledged(std::uint32_t sequence) {
    bool news = false;
    while (!flight_.empty() && flight_.front().sequence < sequence) {
      window_ -= flight_.front().payload;
      flight_.pop_front();
      next_ -= next_ > 0 ? 1 : 0;
      news = true;
    }
    return news;
  }
  void go_back() { next_ = 0; }

  Cycles deadline = kNever;  ///< of the oldest answer
  bool timer_runs = false;   ///< an event stands at or before the deadline
  bool queued = false;       ///< at the port
  std::uint64_t draws = 0;   ///< of its losses

 private:
  struct Waiting {
    TtpoeMessage message;
    Bytes left;
  };
  [[nodiscard]] Bytes next_payload(const TtpoeSettings& s) const {
    return std::min(messages_.front().left, s.frame_bytes);
  }
  void cut(const TtpoeSettings& s) {
    Waiting& waiting = messages_.front();
    Frame frame;
    frame.from = from_;
    frame.to = to_;
    frame.sequence = sequence_++;
    frame.payload = static_cast<std::uint16_t>(next_payload(s));
    frame.message = waiting.message;
    waiting.left -= frame.payload;
    frame.last = waiting.left == 0;
    window_ += frame.payload;
    flight_.push_back(frame);
    if (frame.last) messages_.pop_front();
  }

  std::uint32_t from_, to_, sequence_ = 0;
  std::deque<Waiting> messages_;
  std::deque<Frame> flight_;  // not acknowledged, by sequence
  std::size_t next_ = 0;      // of flight_, to be sent
  Bytes window_ = 0;
};

/// The receiver's side: takes frames in order and ignores younger ones once it has asked for the missing one.
class TtpoeReceiver {
 public:
  enum class Verdict : std::uint8_t { kAccepted, kMissing, kIgnored, kOld };
  Verdict receive(std::uint32_t sequence) {
    if (sequence == expected_) {
      ++expected_;
      asked_ = false;
      return Verdict::kAccepted;
    }
    if (sequence < expected_) return Verdict::kOld;
    if (asked_) return Verdict::kIgnored;
    asked_ = true;
    return Verdict::kMissing;
  }
  [[nodiscard]] std::uint32_t expected() const { return expected_; }

 private:
  std::uint32_t expected_ = 0;
  bool asked_ = false;
};

}  // namespace dojo::fabric

// SPDX-License-Identifier: Apache-2.0
// Messages that wait at the nodes of a die for their read ports.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"

namespace dojo::machine {

/// One queue a node; its messages take turns burst by burst.
class SendQueues {
 public:
  explicit SendQueues(std::size_t sites = 0) : queues_(sites) {}

  void add(SiteIndex site, const fabric::Burst& burst, Bytes bytes) {
    std::uint32_t index = free_;
    if (index == kNone) {
      index = static_cast<std::uint32_t>(sends_.size());
      sends_.emplace_back();
    } else {
      free_ = sends_[index].next;
    }
    ++open_;
    sends_[index] = Send{burst, bytes, kNone};
    append(queues_[site], index);
  }
  [[nodiscard]] bool empty(SiteIndex site) const { return queues_[site].head == kNone; }
  /// Of the message whose turn it is. Requires that there is one.
  [[nodiscard]] const fabric::Burst& front(SiteIndex site) const { return sends_[queues_[site].head].burst; }
  /// Its next burst of at most `limit` bytes; then it is the next message's turn.
  fabric::Burst take(SiteIndex site, Bytes limit) {
    Queue& queue = queues_[site];
    const std::uint32_t index = queue.head;
    Send& send = sends_[index];
    fabric::Burst burst = send.burst;
    const Bytes bytes = std::min(send.remaining, limit);
    burst.bytes = static_cast<std::uint32_t>(bytes);
    burst.last = bytes == send.remaining;
    send.remaining -= bytes;
    queue.head = send.next;
    if (queue.head == kNone) queue.tail = kNone;
    if (burst.last) {
      send.next = free_;
      free_ = index;
      --open_;
    } else {
      append(queue, index);
    }
    return burst;
  }
  /// The next burst of a node has been planned: an event or an edge's credit will bring it.
  [[nodiscard]] bool& planned(SiteIndex site) { return queues_[site].planned; }
  /// Messages that have not been sent to their end.
  [[nodiscard]] std::int64_t open() const { return open_; }

  template <class Rename>
  void rename(Rename&& rename) {
    auto& [queues, sends, free, open] = *this;
    for (Send& send : sends) rename(send.burst);
    (void)queues, (void)free, (void)open;
  }

 private:
  struct Send {
    fabric::Burst burst;
    Bytes remaining = 0;
    std::uint32_t next = kNone;
  };
  struct Queue {
    std::uint32_t head = kNone, tail = kNone;
    bool planned = false;
  };
  void append(Queue& queue, std::uint32_t index) {
    sends_[index].next = kNone;
    if (queue.head == kNone) {
      queue.head = index;
    } else {
      sends_[queue.tail].next = index;
    }
    queue.tail = index;
  }

  std::vector<Queue> queues_;  // by site
  std::vector<Send> sends_;
  std::uint32_t free_ = kNone;
  std::int64_t open_ = 0;
};

}  // namespace dojo::machine

// SPDX-License-Identifier: Apache-2.0
// Messages that wait at the nodes of a die for their read ports.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"

namespace dojo::machine {

/// The send queues of each node take turns burst by burst, and so do the messages of a queue.
class SendQueues {
 public:
  explicit SendQueues(std::size_t sites = 0, unsigned queues = 1)
      : per_site_(queues), queues_(sites * queues), sites_(sites) {}

  /// Returns whether it is the only message of its queue.
  bool add(SiteIndex site, unsigned queue_number, const fabric::Burst& burst, Bytes bytes) {
    std::uint32_t index = free_;
    if (index == kNone) {
      index = static_cast<std::uint32_t>(sends_.size());
      sends_.emplace_back();
    } else {
      free_ = sends_[index].next;
    }
    ++open_;
    sends_[index] = Send{burst, bytes, kNone};
    Queue& queue = queue_of(site, queue_number);
    append(queue, index);
    return queue.head == index;
  }
  [[nodiscard]] bool empty(SiteIndex site) const {
    const Queue* const first = &queues_[std::size_t{site} * per_site_];
    return std::all_of(first, first + per_site_, [](const Queue& queue) { return queue.head == kNone; });
  }
  /// The queue whose turn it is of those with a message for which may_go(burst) holds; kNone: there is none.
  template <class MayGo>
  [[nodiscard]] unsigned next(SiteIndex site, MayGo&& may_go) const {
    for (unsigned i = 0, queue = sites_[site].turn; i < per_site_; ++i, queue = after(queue)) {
      const std::uint32_t head = queues_[std::size_t{site} * per_site_ + queue].head;
      if (head != kNone && may_go(sends_[head].burst)) return queue;
    }
    return kNone;
  }
  /// Of the queue's first message. Requires that there is one.
  [[nodiscard]] const fabric::Burst& first(SiteIndex site, unsigned queue_number) const {
    return sends_[queues_[std::size_t{site} * per_site_ + queue_number].head].burst;
  }
  /// The next burst, of at most `limit` bytes, of the queue's first message; then it is others' turn. Requires that
  /// there is one.
  fabric::Burst take(SiteIndex site, unsigned queue_number, Bytes limit) {
    sites_[site].turn = static_cast<std::uint8_t>(after(queue_number));
    Queue& queue = queue_of(site, queue_number);
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
  [[nodiscard]] bool& planned(SiteIndex site) { return sites_[site].planned; }
  /// No message of the node may go: it waits for room on a way out.
  [[nodiscard]] bool& parked(SiteIndex site) { return sites_[site].parked; }
  /// A bit for each way out in whose list of parked sites it stands.
  [[nodiscard]] std::uint32_t& listed(SiteIndex site) { return sites_[site].listed; }
  /// Messages that have not been sent to their end.
  [[nodiscard]] std::int64_t open() const { return open_; }

  template <class Rename>
  void rename(Rename&& rename) {
    auto& [per_site, queues, sites, sends, free, open] = *this;
    for (Send& send : sends) rename(send.burst);
    (void)per_site, (void)queues, (void)sites, (void)free, (void)open;
  }

 private:
  struct Send {
    fabric::Burst burst;
    Bytes remaining = 0;
    std::uint32_t next = kNone;
  };
  struct Queue {
    std::uint32_t head = kNone, tail = kNone;
  };
  struct Site {
    std::uint32_t listed = 0;
    std::uint8_t turn = 0;
    bool planned = false, parked = false;
  };
  [[nodiscard]] Queue& queue_of(SiteIndex site, unsigned queue) {
    return queues_[std::size_t{site} * per_site_ + queue];
  }
  [[nodiscard]] unsigned after(unsigned queue) const { return queue + 1 == per_site_ ? 0 : queue + 1; }
  void append(Queue& queue, std::uint32_t index) {
    sends_[index].next = kNone;
    if (queue.head == kNone) {
      queue.head = index;
    } else {
      sends_[queue.tail].next = index;
    }
    queue.tail = index;
  }

  unsigned per_site_;
  std::vector<Queue> queues_;  // by site and number
  std::vector<Site> sites_;
  std::vector<Send> sends_;
  std::uint32_t free_ = kNone;
  std::int64_t open_ = 0;
};

}  // namespace dojo::machine

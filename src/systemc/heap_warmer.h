// SPDX-License-Identifier: Apache-2.0
// A million nodes are two gigabytes of fresh memory in small pieces, and a good part of the time to build them goes
// into the host's page faults. A second thread takes those faults ahead of the one that builds.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>

namespace dojo::systemc {

/// While it lives, the heap grows in large steps and its next `bytes` are made resident as they come. Without effect on
/// hosts that cannot do that (Linux before 5.14) and below 64 MiB.
class HeapWarmer {
 public:
  explicit HeapWarmer(std::uint64_t bytes);
  ~HeapWarmer();
  HeapWarmer(const HeapWarmer&) = delete;
  HeapWarmer& operator=(const HeapWarmer&) = delete;

 private:
  void follow(char* from, std::uint64_t bytes);

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace dojo::systemc

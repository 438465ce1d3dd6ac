// SPDX-License-Identifier: Apache-2.0
// Runs the shards of one window on all host threads. Which thread takes which shard is left to chance; results do not
// depend on it, because shards share nothing within a window.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dojo::engine {

class ThreadPool {
 public:
  /// Fewer threads than asked for when the host gives no more.
  explicit ThreadPool(std::uint32_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] std::uint32_t threads() const { return static_cast<std::uint32_t>(workers_.size()) + 1; }

  /// Calls work(i, thread) for each i of 0 .. count-1 and returns when all are done; the caller is thread 0. A thread
  /// takes `grain` of them at a time; no more than that are not worth a second thread. An exception of a call is thrown
  /// here (the one of the lowest i).
  void run(std::uint32_t count, const std::function<void(std::uint32_t, std::uint32_t)>& work, std::uint32_t grain = 8);

 private:
  bool start(std::uint32_t threads);
  void stop();
  void worker(std::uint32_t thread);
  void take_work(std::uint32_t thread);
  void call(std::uint32_t begin, std::uint32_t end, std::uint32_t thread);

  std::vector<std::thread> workers_;
  const std::function<void(std::uint32_t, std::uint32_t)>* work_ = nullptr;
  std::uint32_t count_ = 0;
  std::atomic<std::uint32_t> grain_{
      8};  ///< a late thread may read it while the next round begins; then it takes nothing
  /// Low half: pieces that nobody took yet; high half: number of the round, so that a late thread never takes from the
  /// round that it knew. Whoever took pieces keeps the round, and with it work_ and count_, as they are.
  std::atomic<std::uint64_t> left_{0};
  std::atomic<std::uint32_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  std::uint32_t failed_at_ = 0;
};

}  // namespace dojo::engine

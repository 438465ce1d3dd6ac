// SPDX-License-Identifier: Apache-2.0
// A pool that spins between windows: a window lasts microseconds, too short to put threads to sleep and wake them.
#include "dojo/engine/thread_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace dojo::engine {

namespace {

constexpr std::uint64_t kPieces = 0xffffffff;  // the low half of left_

template <class Ready>
void spin_until(const Ready& ready) {
  for (int i = 0; !ready(); ++i) {
    if (i < 4096) {
      __builtin_ia32_pause();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace

ThreadPool::ThreadPool(std::uint32_t threads) {
  if (start(threads)) return;
  // The host gives no more. Some of what it gave goes back, so that memory is left for the work.
  const auto given = static_cast<std::uint32_t>(workers_.size()) + 1;
  stop();
  (void)start(given - given / 4);
}

ThreadPool::~ThreadPool() {
  stop();
}

/// False: the host does not give so many.
bool ThreadPool::start(std::uint32_t threads) {
  for (std::uint32_t i = 1; i < threads; ++i) {
    try {
      workers_.emplace_back([this, i] { worker(i); });
    } catch (const std::system_error&) {
      return false;
    }
  }
  return true;
}

void ThreadPool::stop() {
  stop_.store(true, std::memory_order_release);
  for (std::thread& thread : workers_) thread.join();
  workers_.clear();
  stop_.store(false, std::memory_order_release);
}

void ThreadPool::run(std::uint32_t count, const std::function<void(std::uint32_t, std::uint32_t)>& work,
                     std::uint32_t grain) {
  work_ = &work;
  grain_.store(grain, std::memory_order_relaxed);
  count_ = count;
  if (workers_.empty() || count <= grain) {
    call(0, count, 0);
  } else {
    done_.store(0, std::memory_order_relaxed);
    const std::uint64_t round = (left_.load(std::memory_order_relaxed) >> 32) + 1;
    left_.store(round << 32 | count, std::memory_order_release);
    take_work(0);
    // Waits for pieces, not for threads: one that the host does not let run, and that took nothing, holds nobody up.
    spin_until([&] { return done_.load(std::memory_order_acquire) == count; });
  }
  if (failure_) {
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    std::rethrow_exception(failure);
  }
}

void ThreadPool::worker(std::uint32_t thread) {
  for (;;) {
    spin_until([this] {
      return (left_.load(std::memory_order_relaxed) & kPieces) != 0 || stop_.load(std::memory_order_relaxed);
    });
    if (stop_.load(std::memory_order_acquire)) return;
    take_work(thread);
  }
}

void ThreadPool::take_work(std::uint32_t thread) {
  std::uint64_t seen = left_.load(std::memory_order_relaxed);
  while ((seen & kPieces) != 0) {
    const auto left = static_cast<std::uint32_t>(seen & kPieces);
    const std::uint32_t pieces = std::min(left, grain_.load(std::memory_order_relaxed));
    if (!left_.compare_exchange_weak(seen, seen - pieces, std::memory_order_acq_rel, std::memory_order_relaxed))
      continue;
    const std::uint32_t begin = count_ - left;
    call(begin, begin + pieces, thread);
    done_.fetch_add(pieces, std::memory_order_acq_rel);
    seen = left_.load(std::memory_order_relaxed);
  }
}

void ThreadPool::call(std::uint32_t begin, std::uint32_t end, std::uint32_t thread) {
  for (std::uint32_t i = begin; i < end; ++i) {
    try {
      (*work_)(i, thread);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failure_mutex_);
      if (!failure_ || i < failed_at_) {
        failure_ = std::current_exception();
        failed_at_ = i;
      }
    }
  }
}

}  // namespace dojo::engine

// SPDX-License-Identifier: Apache-2.0
// A pool that spins between windows: a window lasts microseconds, too short to put threads to sleep and wake them.
#include "dojo/engine/thread_pool.h"

#include <utility>

namespace dojo::engine {

namespace {
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
  for (std::uint32_t i = 1; i < threads; ++i) {
    workers_.emplace_back([this, i] { worker(i); });
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_acq_rel);
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::run(std::uint32_t count, const std::function<void(std::uint32_t, std::uint32_t)>& work) {
  work_ = &work;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  const bool alone = workers_.empty() || count <= kChunk;
  if (!alone) {
    running_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_acq_rel);
  }
  take_work(0);
  if (!alone) {
    spin_until([this] { return running_.load(std::memory_order_acquire) == 0; });
  }
  if (failure_) {
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    std::rethrow_exception(failure);
  }
}

void ThreadPool::worker(std::uint32_t thread) {
  std::uint64_t seen = 0;
  for (;;) {
    spin_until([&] { return round_.load(std::memory_order_acquire) != seen; });
    seen = round_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_acquire)) return;
    take_work(thread);
    running_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

void ThreadPool::take_work(std::uint32_t thread) {
  for (;;) {
    const std::uint32_t begin = next_.fetch_add(kChunk, std::memory_order_relaxed);
    if (begin >= count_) return;
    const std::uint32_t end = begin + kChunk < count_ ? begin + kChunk : count_;
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
}

}  // namespace dojo::engine

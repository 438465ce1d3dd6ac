// SPDX-License-Identifier: Apache-2.0
#include "systemc/heap_warmer.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace dojo::systemc {
namespace {

constexpr std::uint64_t kLeast = 64u << 20, kChunk = 2u << 20;
constexpr int kHeapStep = 512 << 20, kUsualHeapStep = 128 << 10;

}  // namespace

HeapWarmer::HeapWarmer(std::uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (bytes < kLeast) return;
  mallopt(M_TOP_PAD, kHeapStep);
  thread_ = std::thread([this, from = static_cast<char*>(sbrk(0)), bytes] { follow(from, bytes); });
#else
  static_cast<void>(bytes);
#endif
}

HeapWarmer::~HeapWarmer() {
  if (!thread_.joinable()) return;
  stop_ = true;
  thread_.join();
  mallopt(M_TOP_PAD, kUsualHeapStep);
}

void HeapWarmer::follow(char* from, std::uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  char* at = from + (page - reinterpret_cast<std::uintptr_t>(from) % page) % page;
  char* const last = at + bytes;
  while (!stop_ && at < last) {
    char* const end = std::min(static_cast<char*>(sbrk(0)), last);
    if (at + page > end) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      continue;
    }
    const auto length = std::min<std::uintptr_t>(static_cast<std::uintptr_t>(end - at) / page * page, kChunk);
    if (madvise(at, length, MADV_POPULATE_WRITE) != 0) return;  // the builder takes its faults itself
    at += length;
  }
#else
  static_cast<void>(from);
  static_cast<void>(bytes);
#endif
}

}  // namespace dojo::systemc

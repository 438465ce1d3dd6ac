// SPDX-License-Identifier: Apache-2.0
// Reads /proc and the control-group files of Linux. A file that is not there is no limit.
#include "dojo/run/host_memory.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "dojo/base/error.h"
#include "dojo/base/processors.h"
#include "dojo/engine/thread_pool.h"

namespace dojo::run {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kKiB = 1024;

void tighten(HostMemory& memory, std::uint64_t bytes, const std::string& limit) {
  if (bytes < memory.bytes) memory = {bytes, limit};
}

std::uint64_t left(std::uint64_t limit, std::uint64_t used) {
  return limit > used ? limit - used : 0;
}

std::uint64_t read_number(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  return in >> value ? value : kNoLimit;  // also "max"
}

std::uint64_t statm_bytes(int column) {
  std::ifstream in("/proc/self/statm");
  std::uint64_t pages = 0;
  for (int i = 0; i <= column; ++i) in >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t mem_available() {
  std::ifstream in("/proc/meminfo");
  for (std::string key; in >> key; in.ignore(kKiB, '\n')) {
    std::uint64_t kib = 0;
    if (key == "MemAvailable:" && in >> kib) return kib * kKiB;
  }
  return kNoLimit;
}

void read_control_groups(HostMemory& memory) {
  for (const ControlGroup& group : control_groups("memory")) {
    const fs::path limit = group.folder / (group.unified ? "memory.max" : "memory.limit_in_bytes");
    const fs::path used = group.folder / (group.unified ? "memory.current" : "memory.usage_in_bytes");
    const std::uint64_t most = read_number(limit), now = read_number(used);
    if (most != kNoLimit && now != kNoLimit) tighten(memory, left(most, now), limit.string());
  }
}

}  // namespace

std::uint64_t resident_bytes() {
  return statm_bytes(1);
}

std::uint64_t held_bytes() {
  constexpr std::uint64_t kProgram = std::uint64_t{15} << 20;  // the program and its libraries
  const struct mallinfo2 heap = ::mallinfo2();
  return kProgram + heap.uordblks + heap.hblkhd;
}

std::uint64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * kKiB;
}

std::string in_gib(std::uint64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / static_cast<double>(kKiB * kKiB * kKiB));
}

HostMemory available_host_memory() {
  HostMemory memory{kNoLimit, "no limit"};
  tighten(memory, mem_available(), "MemAvailable of /proc/meminfo");
  rlimit space{};
  if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
    tighten(memory, left(space.rlim_cur, statm_bytes(0)), "the limit of the address space (ulimit -v)");
  }
  read_control_groups(memory);
  return memory;
}

std::uint32_t given_threads(std::uint32_t asked, const Hooks& hooks) {
  const std::uint32_t given = engine::ThreadPool(asked).threads();
  if (given < asked && hooks.warn) {
    hooks.warn(
        fmt::format("the host gives {} of {} threads; the run is slower, its results are the same", given, asked));
  }
  return given;
}

void require_host_memory(std::uint64_t needed, const std::string& what) {
  const HostMemory host = available_host_memory();
  if (needed <= host.bytes) return;
  throw Error(
      ExitCode::kHostMemory,
      fmt::format(
          "{} needs about {} of host memory, but only {} can be had ({}); run it on a host with more memory, raise "
          "the limit, or give a smaller machine with --machine",
          what, in_gib(needed), in_gib(host.bytes), host.limit));
}

}  // namespace dojo::run

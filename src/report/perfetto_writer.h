// SPDX-License-Identifier: Apache-2.0
// Writes packets of a Perfetto trace, one after the other, into a gzip stream.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace dojo::report {

class PerfettoWriter {
 public:
  PerfettoWriter();
  ~PerfettoWriter();
  PerfettoWriter(const PerfettoWriter&) = delete;
  PerfettoWriter& operator=(const PerfettoWriter&) = delete;

  void process(std::uint64_t uuid, std::int32_t pid, const std::string& name);
  void track(std::uint64_t uuid, std::uint64_t parent, const std::string& name);
  void counter_track(std::uint64_t uuid, const std::string& name, const std::string& unit);
  /// Slices of a track are begun and ended in the order of time, and nest.
  void begin(std::uint64_t track, std::uint64_t ns, const std::string& name, const char* category);
  void end(std::uint64_t track, std::uint64_t ns);
  void counter(std::uint64_t track, std::uint64_t ns, double value);
  /// The whole file; nothing may be written after it.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dojo::report

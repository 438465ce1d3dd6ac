// SPDX-License-Identifier: Apache-2.0
// What happened to each instruction of a run, as a diagram: text, Konata, or Perfetto's JSON.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/core/core.h"
#include "dojo/schema/enum_text.h"

namespace dojo::core {

enum class TraceFormat { kText, kKonata, kPerfetto };
inline constexpr std::array<schema::EnumEntry<TraceFormat>, 3> kTraceFormatTexts{
    {{TraceFormat::kText, "text", "a line for each instruction, a column for each cycle"},
     {TraceFormat::kKonata, "konata", "the log of the Konata pipeline viewer (Kanata 0004)"},
     {TraceFormat::kPerfetto, "perfetto", "trace events in JSON, for ui.perfetto.dev"}}};
constexpr const auto& enum_entries(TraceFormat) {
  return kTraceFormatTexts;
}

/// One part of an instruction: what a scheduler issued. Load and execute has two.
struct TracedIssue {
  Unit unit = Unit::kInteger;
  Cycles at = 0, done = 0;
};
struct TracedInstruction {
  int thread = 0;
  std::uint32_t index = 0;
  Cycles decoded = 0;
  std::vector<TracedIssue> issues;
};

class Trace {
 public:
  /// Instructions that are decoded before cycle `until`.
  explicit Trace(Cycles until) : until_(until) {}
  void decoded(int thread, std::uint32_t index, std::uint32_t age, Cycles now);
  void issued(std::uint32_t age, Unit unit, Cycles now, Cycles done);
  [[nodiscard]] const std::vector<TracedInstruction>& instructions() const { return instructions_; }
  [[nodiscard]] std::string text(const Work& work, TraceFormat format) const;

 private:
  [[nodiscard]] std::string diagram(const Work& work) const;
  [[nodiscard]] std::string konata(const Work& work) const;
  [[nodiscard]] std::string perfetto(const Work& work) const;

  Cycles until_;
  std::vector<TracedInstruction> instructions_;  ///< by age
};

/// As run(), and fills `trace`.
[[nodiscard]] Counters run_traced(const Work& work, const Hardware& hardware, Trace& trace, Cycles most = kMostCycles);

}  // namespace dojo::core

// SPDX-License-Identifier: Apache-2.0
// Pipeline diagrams of a run.
#include "dojo/core/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace dojo::core {
namespace {

struct UnitText {
  char letter;
  const char* name;
};
constexpr std::array<UnitText, kUnits> kUnitTexts{
    {{'I', "integer"}, {'L', "load"}, {'S', "store"}, {'N', "send"}, {'M', "matrix"}, {'F', "fma"}, {'X', "shuffle"}}};
const UnitText& text_of(Unit unit) {
  return kUnitTexts[static_cast<std::size_t>(unit)];
}

/// Tells a trace that outlives it.
struct TraceObserver {
  Trace* trace;
  void decoded(int thread, std::uint32_t index, std::uint32_t age, Cycles now) {
    trace->decoded(thread, index, age, now);
  }
  void issued(std::uint32_t age, Unit unit, Cycles now, Cycles done) { trace->issued(age, unit, now, done); }
};

std::string words_of(const TracedInstruction& traced, const Work& work) {
  return text_of(work.threads[static_cast<std::size_t>(traced.thread)]->instructions[traced.index]);
}
Cycles end_of(const TracedInstruction& traced) {
  Cycles end = traced.decoded + 1;
  for (const TracedIssue& issue : traced.issues) end = std::max(end, issue.done);
  return end;
}

}  // namespace

/// A thread whose scheduler is full asks again in the next cycle: the last time counts.
void Trace::decoded(int thread, std::uint32_t index, std::uint32_t age, Cycles now) {
  if (now >= until_) {
    if (age + std::size_t{1} == instructions_.size()) instructions_.pop_back();
    return;
  }
  if (instructions_.size() <= age) instructions_.resize(age + std::size_t{1});
  instructions_[age] = {thread, index, now, {}};
}

void Trace::issued(std::uint32_t age, Unit unit, Cycles now, Cycles done) {
  if (age < instructions_.size()) instructions_[age].issues.push_back({unit, now, done});
}

std::string Trace::text(const Work& work, TraceFormat format) const {
  switch (format) {
    case TraceFormat::kText:
      return diagram(work);
    case TraceFormat::kKonata:
      return konata(work);
    case TraceFormat::kPerfetto:
      return perfetto(work);
  }
  return "";
}

/// D decoded, . waits, a letter where a unit takes it, - on its way to the result.
std::string Trace::diagram(const Work& work) const {
  std::string out =
      "D decoded . waits; I integer, L load, S store, N send, M matrix, F fma, X shuffle issued; - until the result\n"
      "thread line instruction                    cycle 0\n";
  for (const TracedInstruction& traced : instructions_) {
    std::string row(static_cast<std::size_t>(end_of(traced)), ' ');
    const auto at = [&row](Cycles cycle) -> char& { return row[static_cast<std::size_t>(cycle)]; };
    Cycles last = traced.decoded;
    for (const TracedIssue& issue : traced.issues) last = std::max(last, issue.at);
    for (Cycles cycle = traced.decoded; cycle < last; ++cycle) at(cycle) = '.';
    for (const TracedIssue& issue : traced.issues)
      for (Cycles cycle = issue.at + 1; cycle < issue.done; ++cycle) at(cycle) = '-';
    for (const TracedIssue& issue : traced.issues) at(issue.at) = text_of(issue.unit).letter;
    at(traced.decoded) = 'D';
    const Program& program = *work.threads[static_cast<std::size_t>(traced.thread)];
    out +=
        fmt::format("{:>6} {:>4} {:<30} {}\n", traced.thread, program.lines[traced.index], words_of(traced, work), row);
  }
  return out;
}

std::string Trace::konata(const Work& work) const {
  std::multimap<Cycles, std::string> events;
  for (std::size_t id = 0; id < instructions_.size(); ++id) {
    const TracedInstruction& traced = instructions_[id];
    const Program& program = *work.threads[static_cast<std::size_t>(traced.thread)];
    events.emplace(traced.decoded, fmt::format("I\t{0}\t{0}\t{1}\nL\t{0}\t0\t{2}: {3}\nS\t{0}\t0\tD\n", id,
                                               traced.thread, program.lines[traced.index], words_of(traced, work)));
    for (std::size_t part = 0; part < traced.issues.size(); ++part) {
      const TracedIssue& issue = traced.issues[part];
      events.emplace(issue.at, fmt::format("S\t{}\t{}\t{}\n", id, part, text_of(issue.unit).letter));
    }
    events.emplace(end_of(traced), fmt::format("R\t{0}\t{0}\t0\n", id));
  }
  std::string out = "Kanata\t0004\nC=\t0\n";
  Cycles now = 0;
  for (const auto& [cycle, lines] : events) {
    if (cycle != now) out += fmt::format("C\t{}\n", cycle - now);
    now = cycle;
    out += lines;
  }
  return out;
}

/// A microsecond of the viewer is a cycle. Threads are processes, units are threads; issues may overlap.
std::string Trace::perfetto(const Work& work) const {
  std::string out = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [";
  const char* comma = "\n";
  const auto add = [&](const std::string& event) {
    out += comma + event;
    comma = ",\n";
  };
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    if (work.threads[thread] == nullptr) continue;
    add(fmt::format(R"({{"ph": "M", "name": "process_name", "pid": {0}, "args": {{"name": "hardware thread {0}"}}}})",
                    thread));
  }
  std::size_t id = 0;
  for (const TracedInstruction& traced : instructions_) {
    for (const TracedIssue& issue : traced.issues) {
      const std::string head =
          fmt::format(R"("cat": "{}", "name": "{}", "pid": {}, "tid": {}, "id": {})", text_of(issue.unit).name,
                      words_of(traced, work), traced.thread, static_cast<int>(issue.unit), id++);
      add(fmt::format(R"({{"ph": "b", {}, "ts": {}}})", head, issue.at));
      add(fmt::format(R"({{"ph": "e", {}, "ts": {}}})", head, std::max(issue.done, issue.at + 1)));
    }
  }
  return out + "\n]}\n";
}

Counters run_traced(const Work& work, const Hardware& hardware, Trace& trace, Cycles most) {
  check(work, hardware);
  const auto threads = std::count_if(work.threads.begin(), work.threads.end(), [](const Program* p) { return p; });
  return Core<TraceObserver>(Params(hardware, static_cast<int>(threads)), work, TraceObserver{&trace}).run(most);
}

}  // namespace dojo::core

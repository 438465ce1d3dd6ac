// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "report/bottlenecks.h"
#include "report/json_read.h"
#include "report/text_lines.h"
#include "report/units.h"

namespace dojo::report {
namespace {

constexpr std::size_t kCausesShown = 4;
constexpr std::size_t kChangedShown = 3;
constexpr std::size_t kLeansShown = 5;

std::string step_line(const Json& seconds, const Json& workload, const char* rate) {
  if (seconds.is_null()) return "not finished";
  const std::string time = fmt::format("{:.6f} ms", real(seconds) * 1e3);
  return workload.at("samples_per_step") == 0 ? time
                                              : fmt::format("{}, {:.1f} samples/s", time, real(workload.at(rate)));
}

/// A step of which only some parts of the batch were simulated.
void whole_step(Lines& out, const Json& r) {
  const Json& whole = r.at("repeated");
  const Json& seconds = whole.at("step_s");
  out.add("whole step", "{}", step_line(seconds, whole, "samples_per_s"));
  if (seconds.is_null()) return;
  out.add("", "{} micro-batches: {} simulated, each of the others adds {:.6f} ms, as one takes on the slowest stage",
          count(whole.at("microbatches")), count(whole.at("simulated_microbatches")),
          real(whole.at("microbatch_s")) * 1e3);
  out.add("", "utilisation {} ({} achieved); all lines below are of the simulated step of {} micro-batches",
          percent(real(whole.at("utilisation"))), si(real(whole.at("achieved_per_s")), "FLOP/s"),
          count(whole.at("simulated_microbatches")));
}

/// The steady step, and the first one, which waits for its samples.
void steps(Lines& out, const Json& r) {
  const Json& w = r.at("workload");
  const Json& latency = r.at("latency");
  const std::string step = step_line(latency.at("step_s"), w, "samples_per_s");
  if (real(w.at("steps_finished")) >= 2) {
    out.add("step", "{} (steady: mean of steps 2 to {})", step, count(w.at("steps_finished")));
    out.add("cold step", "{} (the first)", step_line(latency.at("cold_step_s"), w, "cold_samples_per_s"));
  } else if (w.at("samples_per_step") == 0) {
    out.add("step", "{}", step);
  } else {
    out.add("step", "{} (cold: the first; workload.steps=2 gives a steady one)", step);
  }
}

/// "on-die links 41.2 %, matrix units 30.1 %, ...": of the ranks' time.
void bound_by(Lines& out, const Json& r) {
  const Json& rows = r.at("bottlenecks");
  if (rows.empty()) return;
  std::string shares;
  for (std::size_t i = 0; i < std::min(rows.size(), kCausesShown); ++i)
    shares += fmt::format("{}{} {}", i == 0 ? "" : ", ", text(rows[i].at("name")), percent(real(rows[i].at("share"))));
  out.add("bound by", "{} of the time{}", shares, rows.size() > kCausesShown ? "; and less" : "");
  const Json& first = rows[0];
  std::string most;
  for (const Json& operation : first.at("operations")) {
    most += fmt::format("{}{} {}", most.empty() ? "" : ", ", shortened(text(operation.at("name")), 32),
                        duration(real(operation.at("seconds"))));
    if (most.size() > 60) break;
  }
  if (!most.empty()) out.add("", "{}: most in {}", text(first.at("name")), most);
}

void waiting(Lines& out, const Json& r) {
  const Json& f = r.at("breakdown").at("fractions");
  double late = 0;
  for (const Json& row : r.at("bottlenecks")) {
    if (row.at("cause") == "late_ranks") late = real(row.at("share"));
  }
  out.add("waiting", "exposed communication {}, memory {}, idle {} of the nodes' time{}",
          percent(real(f.at("communication"))), percent(real(f.at("memory"))), percent(real(f.at("idle"))),
          late > 0 ? fmt::format("; ranks wait for late ranks {}", percent(late)) : "");
}

void if_free(Lines& out, const Json& r) {
  std::string gains, guesses;
  for (const Json& row : r.at("if_free")) {
    const bool simulated = row.at("method") == "simulated";
    std::string& list = simulated ? gains : guesses;
    if (real(row.at("gain")) < 0.005 && !list.empty()) continue;
    list += fmt::format("{}{} -{}", list.empty() ? "" : ", ", text(row.at("part")), percent(real(row.at("gain"))));
  }
  if (!gains.empty()) {
    out.add("if free", "{} (simulated)", gains);
  } else if (!guesses.empty()) {
    out.add("if free", "{} (estimated; --if-free simulates it)", guesses);
  }
}

/// The assumed numbers that a run with --sensitivity leans on.
void leans_on(Lines& out, const Json& r) {
  const Json& rows = r.at("evidence").at("sensitivity");
  const char* title = "leans on";
  for (std::size_t i = 0; i < std::min(rows.size(), kLeansShown); ++i) {
    const auto shown = [](const Json& value, const Json& change) {
      return fmt::format("{:g}: {}", real(value),
                         change.is_null() ? "not possible" : fmt::format("{:+.2f} %", 100 * real(change)));
    };
    out.add(title, "{} {:g} (assumed); with {}, with {}", text(rows[i].at("key")), real(rows[i].at("value")),
            shown(rows[i].at("low"), rows[i].at("low_change")), shown(rows[i].at("high"), rows[i].at("high_change")));
    title = "";
  }
}

void changed(Lines& out, const Json& r) {
  const Json& rows = r.at("configuration").at("changed");
  if (rows.empty()) return;
  std::string keys;
  for (std::size_t i = 0; i < std::min(rows.size(), kChangedShown); ++i)
    keys += fmt::format("{}{} {} -> {}", i == 0 ? "" : ", ", text(rows[i].at("path")),
                        shortened(rows[i].at("file").dump(), 24), shortened(rows[i].at("value").dump(), 24));
  if (rows.size() > kChangedShown) keys += fmt::format(", and {} more keys", rows.size() - kChangedShown);
  out.add("changed", "{}", keys);
}

}  // namespace

void answer(Lines& out, const Json& r) {
  if (r.contains("repeated")) whole_step(out, r);
  steps(out, r);
  const Json& f = r.at("flops");
  out.add("utilisation", "{} of {} ({} achieved)", percent(real(f.at("utilisation"))),
          si(real(f.at("peak_per_s")), "FLOP/s"), si(real(f.at("achieved_per_s")), "FLOP/s"));
  bound_by(out, r);
  waiting(out, r);
  if_free(out, r);
  leans_on(out, r);
  changed(out, r);
  const std::size_t warnings = r.at("warnings").size();
  if (warnings > 0) out.add("WARNINGS", "{}: see below", warnings);
}

}  // namespace dojo::report

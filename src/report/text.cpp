// SPDX-License-Identifier: Apache-2.0
// report.txt: about forty aligned lines that a user reads after a run.
#include "report/text.h"

#include <algorithm>
#include <cmath>

#include "dojo/base/error.h"
#include "dojo/base/text.h"
#include "report/json_read.h"
#include "report/text_lines.h"
#include "report/units.h"
#include "report/value.h"

namespace dojo::report {
namespace {

void headline(Lines& out, const Json& r) {
  if (r.at("partial").get<bool>()) {
    out.add("PARTIAL", "the job did not finish: all figures are up to cycle {}", count(r.at("time").at("cycles")));
  }
  const Json& waiting = r.at("waiting");
  for (std::size_t i = 0; i < std::min<std::size_t>(waiting.size(), 10); ++i) {
    for (const Json& operation : waiting[i].at("operations")) {
      out.add(i == 0 ? "waiting ranks" : "", "rank {}: {}", waiting[i].at("rank").get<long long>(), text(operation));
    }
  }
  if (waiting.size() > 10) out.add("", "and {} more ranks (report.json, waiting)", waiting.size() - 10);
  const Json& blocked = r.at("blocked_packets");
  for (std::size_t i = 0; i < blocked.size(); ++i) out.add(i == 0 ? "blocked packets" : "", "{}", text(blocked[i]));
}

/// A trace of a collective, say, has no samples.
std::string ranks_and_samples(const Json& w) {
  const std::string samples =
      w.at("samples_per_step") == 0 ? "" : fmt::format(" x {} samples", count(w.at("batch_per_rank")));
  return count(w.at("ranks")) + " ranks" + samples;
}

void warnings(Lines& out, const Json& r) {
  const char* title = "WARNINGS";
  for (const Json& sentence : r.at("warnings")) {
    out.add(title, "- {}", text(sentence));
    title = "";
  }
}

void machine(Lines& out, const Json& r) {
  const Json& m = r.at("machine");
  out.add("machine", "{}: {} nodes, {} dies ({} x {}), {} tiles, {} DIPs, peak bf16 {}", text(m.at("name")),
          count(m.at("nodes")), count(m.at("dies")), count(m.at("die_rows")), count(m.at("die_columns")),
          count(m.at("tiles")), count(m.at("dips")), si(real(m.at("peak_flops_per_s").at("bf16")), "FLOP/s"));
  const Json& dead = m.at("dead");
  if (dead.at("routers") != 0 || dead.at("links") != 0 || dead.at("dies") != 0 || dead.at("cores") != 0) {
    out.add("dead", "{} dies, {} routers ({} cut off), {} links, {} cores; {} messages make {} hops more",
            count(dead.at("dies")), count(dead.at("routers")), count(dead.at("routers_cut_off")),
            count(dead.at("links")), count(dead.at("cores")), count(r.at("detours").at("messages")),
            count(r.at("detours").at("hops_added")));
  }
  if (r.contains("zplane")) {
    const Json& z = r.at("zplane");
    out.add(
        "Z-plane", "{} in {} messages of {:.0f} ns in the mean, {} frames, {} lost, {} sent again, {} window stalls",
        si(real(z.at("bytes")), "B"), count(z.at("messages")), real(z.at("message_ns").at("mean")),
        count(z.at("frames")), count(z.at("frames_lost")), count(z.at("frames_resent")), count(z.at("window_stalls")));
  }
  const Json& w = r.at("workload");
  out.add("workload", "{}, {} of {} steps, on {} nodes", ranks_and_samples(w), count(w.at("steps_finished")),
          count(w.at("steps")), count(r.at("flops").at("nodes_used")));
  out.add("time", "{:.6f} ms = {} cycles at {}", real(r.at("time").at("seconds")) * 1e3,
          count(r.at("time").at("cycles")), si(real(m.at("clock_hz")), "Hz"));
  if (r.contains("contention")) {
    const Json& c = r.at("contention");
    out.add("contention", "{} of the time; {:.6f} ms over the ideal network, where messages never meet",
            percent(real(c.at("share"))), real(c.at("ideal_seconds")) * 1e3);
  }
}

/// "12 of 84 operations replayed in the reference network: ..."; nothing where it was turned off.
void audit(Lines& out, const Json& r) {
  if (!r.at("fidelity").contains("audit")) return;
  const Json& a = r.at("fidelity").at("audit");
  const std::string why_not = text(a.at("why_not"));
  if (!why_not.empty()) return out.add("audit", "none: {}", why_not);
  const auto off = [&](const char* key) { return 100 * (real(a.at(key)) - 1); };
  const Json& half = a.at("confidence");
  // Of two there is no spread to speak of, even where the draw left nothing to chance.
  constexpr long long kFewest = 3;
  const long long replayed = a.at("windows").get<long long>() + a.at("collectives").get<long long>();
  const std::string step =
      half.is_null() || replayed < kFewest
          ? "too few to estimate the step"
          : fmt::format("step estimated {:+.1f} % +-{:.1f} %", 100 * real(a.at("step_error")), 100 * real(half));
  out.add("audit", "{} of {} operations replayed in the reference network: median {:.1f} %, worst {:.1f} % ({}); {}{}",
          replayed, count(a.at("operations")), off("ratio_median"), off("ratio_worst"),
          shortened(text(a.at("worst").at("operation")), 40), step, a.at("partial").get<bool>() ? "; interrupted" : "");
}

/// "pipeline; 212 pieces ran on it, which take +1.2 % against the formulas ..."
void node_model(Lines& out, const Json& fidelity) {
  const Json& c = fidelity.at("cores");
  std::string against;
  if (!c.at("difference").is_null()) {
    against = fmt::format(
        ": {} pieces ran on the pipeline; the cores' time is {:+.1f} % against the formulas, which are off by {:.1f} % "
        "on average and by more than 10 % for {}",
        count(c.at("pieces")), 100 * real(c.at("difference")), 100 * real(c.at("error_mean")),
        percent(real(c.at("beyond_10_percent"))));
  }
  out.add("node model", "{}{}", text(fidelity.at("node_model")), against);
}

void compute(Lines& out, const Json& r) {
  const Json& f = r.at("flops");
  out.add("FLOPs", "{} executed ({}), vector {}, recomputed {}", count(f.at("executed")), text(f.at("format")),
          si(real(f.at("vector")), "FLOP"), si(real(f.at("recomputed")), "FLOP"));
  const Json& t = r.at("fidelity").at("timed_by");
  const double all = real(t.at("shapes")) + real(t.at("roofline")) + real(t.at("recorded"));
  const std::string shares =
      all == 0
          ? "no FLOPs in the trace"
          : fmt::format("shapes {}, roofline {}, recorded {} of the FLOPs", percent(ratio(real(t.at("shapes")), all)),
                        percent(ratio(real(t.at("roofline")), all)), percent(ratio(real(t.at("recorded")), all)));
  out.add("timed by", "{}; replay {}; network model {}", shares, text(r.at("fidelity").at("replay")),
          text(r.at("fidelity").at("network_model")));
  const Json& s = r.at("fidelity").at("timed_by_seconds");
  const double time = real(s.at("shapes")) + real(s.at("roofline")) + real(s.at("recorded"));
  if (time > 0) {
    out.add("", "shapes {}, roofline {}, recorded {} of the operations' time", percent(real(s.at("shapes")) / time),
            percent(real(s.at("roofline")) / time), percent(real(s.at("recorded")) / time));
  }
  const std::string recorded = text(r.at("fidelity").at("recorded").at("sentence"));
  if (!recorded.empty()) out.add("RECORDED TIMES", "{}", recorded);
  node_model(out, r.at("fidelity"));
  audit(out, r);
}

void breakdown(Lines& out, const Json& r) {
  const Json& b = r.at("breakdown");
  const char* title = "node time";
  for (const auto& [name, fraction] : b.at("fractions").items()) {
    const auto filled = static_cast<std::size_t>(std::lround(std::clamp(real(fraction), 0.0, 1.0) * 30));
    const std::string words = name == "communication" ? "exposed communication" : name;
    out.add(title, "{:<22}{:>8}  {:<30}  {}", words, percent(real(fraction)), std::string(filled, '#'),
            duration(real(b.at(name + "_s"))));
    title = "";
  }
}

void memory(Lines& out, const Json& r) {
  const Json& m = r.at("memory");
  const double peak = real(m.at("sram_peak_bytes_max")), capacity = real(m.at("sram_capacity_bytes"));
  out.add("SRAM", "peak {} of {} bytes ({}) in the fullest node", count(m.at("sram_peak_bytes_max")),
          count(m.at("sram_capacity_bytes")), percent(ratio(peak, capacity)));
  out.add("HBM", "peak {} of {} in the fullest DIP", si(real(m.at("hbm_peak_bytes_max")), "B"),
          si(real(m.at("hbm_capacity_bytes")), "B"));
  out.add("memory policy", "recomputed {}, spilled {}", si(real(m.at("recomputed_bytes")), "B"),
          si(real(m.at("spilled_bytes")), "B"));
  const double streamed = real(m.at("streamed_bytes"));
  if (streamed > 0) out.add("", "streamed {} in a step, all ranks", si(streamed, "B"));
  for (const Json& sentence : m.at("decisions")) out.add("", "{}", text(sentence));
}

void links(Lines& out, const Json& r) {
  out.add("links", "{:<14}{:>10}{:>12}{:>10}{:>10}{:>14}", "class", "links", "bytes", "mean", "max", "queue cycles");
  for (const auto& [name, c] : r.at("links").at("classes").items()) {
    if (c.at("count") == 0) continue;
    out.add("", "{:<14}{:>10}{:>12}{:>10}{:>10}{:>14.1f}", name, count(c.at("count")), si(real(c.at("bytes")), "B"),
            percent(real(c.at("utilisation_mean"))), percent(real(c.at("utilisation_max"))),
            real(c.at("queue_cycles_mean")));
  }
  const char* title = "hottest links";
  for (const Json& link : r.at("links").at("hottest")) {
    out.add(title, "{:>8}  {:>10}  {:<13} {}", percent(real(link.at("utilisation"))), si(real(link.at("bytes")), "B"),
            text(link.at("class")), text(link.at("path")));
    title = "";
  }
}

void operations(Lines& out, const Json& r) {
  const Json& latency = r.at("latency");
  const char* title = "collectives";
  for (const Json* row : slowest(latency.at("collectives"), "seconds", 5)) {
    const Json& c = *row;
    out.add(title, "{:>9}  {:<14} {:<8} {:>6} ranks {:>10}  bus {:>10}  {}", duration(real(c.at("seconds"))),
            text(c.at("kind")), text(c.at("algorithm")), count(c.at("ranks")), si(real(c.at("bytes")), "B"),
            si(real(c.at("bus_bytes_per_s")), "B/s"), shortened(text(c.at("name")), 40));
    title = "";
  }
  if (latency.at("collectives").size() > 5)
    out.add("", "and {} more (report.json)", latency.at("collectives").size() - 5);
  title = "slowest ops";
  for (const Json* row : slowest(latency.at("ops"), "seconds_max", 5)) {
    const Json& o = *row;
    const double floor = real(o.at("floor_s"));
    const std::string times =
        floor == 0 ? "" : fmt::format("{:.1f} x {}", real(o.at("seconds_max")) / floor, text(o.at("bound_by")));
    out.add(title, "{:>9}  {:<22} {:>12}  {:<14}  {}", duration(real(o.at("seconds_max"))), text(o.at("kind")),
            si(real(o.at("flops")), "FLOP"), times, shortened(text(o.at("name")), 40));
    title = "";
  }
  const Json& p = latency.at("packets");
  out.add("packets", "{} of 64 B; cycles: mean {:.1f}, p50 {:.0f}, p95 {:.0f}, p99 {:.0f}, max {}",
          count(p.at("count")), real(p.at("mean_cycles")), real(p.at("p50_cycles")), real(p.at("p95_cycles")),
          real(p.at("p99_cycles")), count(p.at("max_cycles")));
}

void cost(Lines& out, const Json& c) {
  const double samples = real(c.at("samples_per_dollar"));
  out.add("cost", "{} machine, {} electricity{}; prices are assumed", si(real(c.at("machine_dollars")), "$"),
          si(real(c.at("electricity_dollars")), "$"),
          samples > 0 ? fmt::format("; {} for each dollar", si(samples, "samples")) : "");
}

void failures(Lines& out, const Json& f) {
  out.add("failures", "goodput {} ({} to {}) over {:g} days; a failure each {:.1f} h; rates are assumed",
          percent(real(f.at("goodput"))), percent(real(f.at("goodput_min"))), percent(real(f.at("goodput_max"))),
          real(f.at("days")), real(f.at("between_failures_s")) / 3600);
  out.add("", "checkpoints of {} each {:.4g} s (best {:.4g} s, Daly {:.4g} s), written in {:.3g} s",
          si(real(f.at("checkpoint_bytes")), "B"), real(f.at("checkpoint_interval_s")), real(f.at("best_interval_s")),
          real(f.at("daly_interval_s")), real(f.at("checkpoint_write_s")));
}

void remarks(Lines& out, const Json& r) {
  const Json& e = r.at("energy");
  const double samples = real(e.at("joules_per_sample"));
  out.add("energy", "{}, {} to {} within the spans of the figures; {} mean{}; figures are assumed",
          energy_text(real(e.at("joules"))), energy_text(real(e.at("joules_low"))),
          energy_text(real(e.at("joules_high"))), si(real(e.at("watts_mean")), "W"),
          samples > 0 ? fmt::format("; {} a sample", energy_text(samples)) : "");
  cost(out, r.at("cost"));
  if (r.contains("failures")) failures(out, r.at("failures"));
  const char* title = "approximations";
  for (const Json& sentence : r.at("fidelity").at("approximations")) {
    out.add(title, "- {}", text(sentence));
    title = "";
  }
  const Json& h = r.at("host");
  out.add("host", "wall {} (elaboration {}, simulation {}), {} events, {}, {} threads, peak memory {}",
          duration(real(h.at("wall_s"))), duration(real(h.at("elaboration_s"))), duration(real(h.at("simulation_s"))),
          real(h.at("events")) < 1000 ? count(h.at("events")) : si(real(h.at("events")), ""),
          si(real(h.at("events_per_s")), "events/s"), count(h.at("threads")), si(real(h.at("peak_rss_bytes")), "B"));
  out.add("dies", "{} simulated, {} copied{}; {} tasks of dies at rest copied", count(h.at("dies_simulated")),
          count(h.at("dies_copied")),
          real(h.at("dies_copied")) > 0 ? fmt::format(" from their like at {}", duration(real(h.at("copied_until_s"))))
                                        : "",
          count(h.at("tasks_copied")));
  out.add("digest", "{}", text(r.at("digest")));
}

}  // namespace

std::string text_of(const Json& report) {
  Lines out;
  headline(out, report);
  answer(out, report);
  machine(out, report);
  compute(out, report);
  breakdown(out, report);
  memory(out, report);
  links(out, report);
  operations(out, report);
  warnings(out, report);
  remarks(out, report);
  return printable(out.text);
}

std::string report_text(const RunContext& context) {
  return text_of(report_value(context));
}

}  // namespace dojo::report

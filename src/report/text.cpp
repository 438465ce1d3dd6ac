// SPDX-License-Identifier: Apache-2.0
// report.txt: about forty aligned lines that a user reads after a run.
#include "report/text.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "dojo/base/error.h"
#include "dojo/base/text.h"
#include "report/units.h"
#include "report/value.h"

namespace dojo::report {
namespace {

class Lines {
 public:
  template <class... Args>
  void add(const char* title, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), "{:<15} ", title);
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    while (!text_.empty() && text_.back() == ' ') text_.pop_back();
    text_ += '\n';
  }
  std::string text_;
};

double real(const Json& json) {
  return json.is_number() ? json.get<double>() : 0;
}
std::string count(const Json& json) {
  return grouped(json.get<long long>());
}
std::string string(const Json& json) {
  return json.get<std::string>();
}

void headline(Lines& out, const Json& r) {
  if (r["partial"].get<bool>()) {
    out.add("PARTIAL", "the job did not finish: all figures are up to cycle {}", count(r["time"]["cycles"]));
  }
  const Json& waiting = r["waiting"];
  for (std::size_t i = 0; i < std::min<std::size_t>(waiting.size(), 10); ++i) {
    for (const Json& operation : waiting[i]["operations"]) {
      out.add(i == 0 ? "waiting ranks" : "", "rank {}: {}", waiting[i]["rank"].get<long long>(), string(operation));
    }
  }
  if (waiting.size() > 10) out.add("", "and {} more ranks (report.json, waiting)", waiting.size() - 10);
  const Json& blocked = r["blocked_packets"];
  for (std::size_t i = 0; i < blocked.size(); ++i) out.add(i == 0 ? "blocked packets" : "", "{}", string(blocked[i]));
}

/// A trace of a collective, say, has no samples.
std::string ranks_and_samples(const Json& w) {
  const std::string samples =
      w["samples_per_step"] == 0 ? "" : fmt::format(" x {} samples", count(w["batch_per_rank"]));
  return count(w["ranks"]) + " ranks" + samples;
}

void machine(Lines& out, const Json& r) {
  const Json& m = r["machine"];
  out.add("machine", "{}: {} nodes, {} dies ({} x {}), {} tiles, {} DIPs, peak bf16 {}", string(m["name"]),
          count(m["nodes"]), count(m["dies"]), count(m["die_rows"]), count(m["die_columns"]), count(m["tiles"]),
          count(m["dips"]), si(real(m["peak_flops_per_s"]["bf16"]), "FLOP/s"));
  const Json& dead = m["dead"];
  if (dead["routers"] != 0 || dead["links"] != 0 || dead["dies"] != 0 || dead["cores"] != 0) {
    out.add("dead", "{} dies, {} routers ({} cut off), {} links, {} cores; {} messages make {} hops more",
            count(dead["dies"]), count(dead["routers"]), count(dead["routers_cut_off"]), count(dead["links"]),
            count(dead["cores"]), count(r["detours"]["messages"]), count(r["detours"]["hops_added"]));
  }
  if (r.contains("zplane")) {
    const Json& z = r["zplane"];
    out.add("Z-plane",
            "{} in {} messages of {:.0f} ns in the mean, {} frames, {} lost, {} sent again, {} window stalls",
            si(real(z["bytes"]), "B"), count(z["messages"]), real(z["message_ns"]["mean"]), count(z["frames"]),
            count(z["frames_lost"]), count(z["frames_resent"]), count(z["window_stalls"]));
  }
  const Json& w = r["workload"];
  out.add("workload", "{}, {} of {} steps, on {} nodes", ranks_and_samples(w), count(w["steps_finished"]),
          count(w["steps"]), count(r["flops"]["nodes_used"]));
  out.add("time", "{:.6f} ms = {} cycles at {}", real(r["time"]["seconds"]) * 1e3, count(r["time"]["cycles"]),
          si(real(m["clock_hz"]), "Hz"));
  const Json& step = r["latency"]["step_s"];
  out.add("step", "{}{}", step.is_null() ? "not finished" : fmt::format("{:.6f} ms", real(step) * 1e3),
          w["samples_per_step"] == 0 ? "" : fmt::format(", {:.1f} samples/s", real(w["samples_per_s"])));
}

void compute(Lines& out, const Json& r) {
  const Json& f = r["flops"];
  out.add("FLOPs", "{} executed ({}), vector {}, recomputed {}", count(f["executed"]), string(f["format"]),
          si(real(f["vector"]), "FLOP"), si(real(f["recomputed"]), "FLOP"));
  out.add("utilisation", "{} of {} ({} achieved)", percent(real(f["utilisation"])), si(real(f["peak_per_s"]), "FLOP/s"),
          si(real(f["achieved_per_s"]), "FLOP/s"));
  const Json& t = r["fidelity"]["timed_by"];
  const double all = real(t["shapes"]) + real(t["roofline"]) + real(t["recorded"]);
  const std::string shares =
      all == 0 ? "no FLOPs in the trace"
               : fmt::format("shapes {}, roofline {}, recorded {} of the FLOPs", percent(ratio(real(t["shapes"]), all)),
                             percent(ratio(real(t["roofline"]), all)), percent(ratio(real(t["recorded"]), all)));
  out.add("timed by", "{}; replay {}; network model {}", shares, string(r["fidelity"]["replay"]),
          string(r["fidelity"]["network_model"]));
}

void breakdown(Lines& out, const Json& r) {
  const Json& b = r["breakdown"];
  const char* title = "node time";
  for (const auto& [name, fraction] : b["fractions"].items()) {
    const auto filled = static_cast<std::size_t>(std::lround(std::clamp(real(fraction), 0.0, 1.0) * 30));
    const std::string words = name == "communication" ? "exposed communication" : name;
    out.add(title, "{:<22}{:>8}  {:<30}  {}", words, percent(real(fraction)), std::string(filled, '#'),
            duration(real(b[name + "_s"])));
    title = "";
  }
}

void memory(Lines& out, const Json& r) {
  const Json& m = r["memory"];
  const double peak = real(m["sram_peak_bytes_max"]), capacity = real(m["sram_capacity_bytes"]);
  out.add("SRAM", "peak {} of {} bytes ({}) in the fullest node", count(m["sram_peak_bytes_max"]),
          count(m["sram_capacity_bytes"]), percent(ratio(peak, capacity)));
  out.add("HBM", "peak {} of {} in the fullest DIP", si(real(m["hbm_peak_bytes_max"]), "B"),
          si(real(m["hbm_capacity_bytes"]), "B"));
  out.add("memory policy", "recomputed {}, spilled {}", si(real(m["recomputed_bytes"]), "B"),
          si(real(m["spilled_bytes"]), "B"));
  for (const Json& sentence : m["decisions"]) out.add("", "{}", string(sentence));
}

void links(Lines& out, const Json& r) {
  out.add("links", "{:<14}{:>10}{:>12}{:>10}{:>10}{:>14}", "class", "links", "bytes", "mean", "max", "queue cycles");
  for (const auto& [name, c] : r["links"]["classes"].items()) {
    if (c["count"] == 0) continue;
    out.add("", "{:<14}{:>10}{:>12}{:>10}{:>10}{:>14.1f}", name, count(c["count"]), si(real(c["bytes"]), "B"),
            percent(real(c["utilisation_mean"])), percent(real(c["utilisation_max"])), real(c["queue_cycles_mean"]));
  }
  const char* title = "hottest links";
  for (const Json& link : r["links"]["hottest"]) {
    out.add(title, "{:>8}  {:>10}  {:<13} {}", percent(real(link["utilisation"])), si(real(link["bytes"]), "B"),
            string(link["class"]), string(link["path"]));
    title = "";
  }
}

std::vector<const Json*> slowest(const Json& rows, std::size_t wanted) {
  std::vector<const Json*> order;
  for (const Json& row : rows) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(),
                   [](const Json* a, const Json* b) { return real((*a)["seconds"]) > real((*b)["seconds"]); });
  order.resize(std::min(order.size(), wanted));
  return order;
}

void operations(Lines& out, const Json& r) {
  const Json& latency = r["latency"];
  const char* title = "collectives";
  for (const Json* row : slowest(latency["collectives"], 5)) {
    const Json& c = *row;
    out.add(title, "{:>9}  {:<14} {:<8} {:>6} ranks {:>10}  bus {:>10}  {}", duration(real(c["seconds"])),
            string(c["kind"]), string(c["algorithm"]), count(c["ranks"]), si(real(c["bytes"]), "B"),
            si(real(c["bus_bytes_per_s"]), "B/s"), shortened(string(c["name"]), 40));
    title = "";
  }
  if (latency["collectives"].size() > 5) out.add("", "and {} more (report.json)", latency["collectives"].size() - 5);
  title = "slowest ops";
  for (const Json* row : slowest(latency["ops"], 5)) {
    const Json& o = *row;
    out.add(title, "{:>9}  {:<22} {:>12}  {}", duration(real(o["seconds"])), string(o["kind"]),
            si(real(o["flops"]), "FLOP"), shortened(string(o["name"]), 40));
    title = "";
  }
  const Json& p = latency["packets"];
  out.add("packets", "{} of 64 B; cycles: mean {:.1f}, p50 {:.0f}, p95 {:.0f}, p99 {:.0f}, max {}", count(p["count"]),
          real(p["mean_cycles"]), real(p["p50_cycles"]), real(p["p95_cycles"]), real(p["p99_cycles"]),
          count(p["max_cycles"]));
}

void remarks(Lines& out, const Json& r) {
  const Json& e = r["energy"];
  out.add("energy", "{} ({} mean; energy figures are assumed)", si(real(e["joules"]), "J"),
          si(real(e["watts_mean"]), "W"));
  const char* title = "approximations";
  for (const Json& sentence : r["fidelity"]["approximations"]) {
    out.add(title, "- {}", string(sentence));
    title = "";
  }
  const Json& h = r["host"];
  out.add("host", "wall {} (elaboration {}, simulation {}), {} events, {}, {} threads, peak memory {}",
          duration(real(h["wall_s"])), duration(real(h["elaboration_s"])), duration(real(h["simulation_s"])),
          si(real(h["events"]), ""), si(real(h["events_per_s"]), "events/s"), count(h["threads"]),
          si(real(h["peak_rss_bytes"]), "B"));
  out.add("dies", "{} simulated, {} copied{}; {} tasks of dies at rest copied", count(h["dies_simulated"]),
          count(h["dies_copied"]),
          real(h["dies_copied"]) > 0 ? fmt::format(" from their like at {}", duration(real(h["copied_until_s"]))) : "",
          count(h["tasks_copied"]));
  out.add("digest", "{}", string(r["digest"]));
}

}  // namespace

std::string text_of(const Json& report) {
  Lines out;
  headline(out, report);
  machine(out, report);
  compute(out, report);
  breakdown(out, report);
  memory(out, report);
  links(out, report);
  operations(out, report);
  remarks(out, report);
  return printable(out.text_);
}

std::string report_text(const RunContext& context) {
  return text_of(report_value(context));
}

}  // namespace dojo::report

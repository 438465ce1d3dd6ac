// SPDX-License-Identifier: Apache-2.0
// report.json, report.txt and report.html of a net run.
#include "dojo/report/net.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "report/files.h"
#include "report/json_read.h"
#include "report/net_results.h"
#include "report/page.h"
#include "report/tables.h"
#include "report/units.h"
#include "report/value.h"

namespace dojo::report {
namespace {

/// What a net run does not have, empty.
struct Nothing {
  workload::Workload workload;
  workload::Job job;
};

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

void add_latency(Figures& out, const traffic::Outcome& o) {
  const traffic::LatencyCounts& counts = o.tally.latencies;
  out.add("packet_latency_cycles.mean", ratio(o.mean_cycles, 1), "cycles",
          "from a packet's creation to its ejection; of all packets created in the window");
  out.add("packet_latency_cycles.p50", counts.percentile(50), "cycles", "half of the packets need at most this");
  out.add("packet_latency_cycles.p95", counts.percentile(95), "cycles", "95 % of the packets need at most this");
  out.add("packet_latency_cycles.p99", counts.percentile(99), "cycles", "99 % of the packets need at most this");
  out.add("packet_latency_cycles.max", o.tally.longest, "cycles", "of the slowest packet");
  out.add("packet_latency_cycles.standard_error", ratio(o.standard_error_cycles, 1), "cycles",
          "of the mean, from batches");
}

void add_loads(Figures& out, const traffic::Outcome& o) {
  out.add("offered", o.offered, "flits/node/cycle", "load of the packets created in the window");
  out.add("accepted", o.accepted, "flits/node/cycle", "what the nodes received in the window");
}

Json findings_json(const NetRun& run) {
  const traffic::Outcome& o = run.outcome;
  Json findings = Json::array();
  if (o.saturated) {
    findings.push_back(
        fmt::format("saturated: mean packet latency {:.1f} cycles is above {:g} x {:.1f} of an empty "
                    "network; offered {:.4f}, accepted {:.4f} flits/node/cycle",
                    o.mean_cycles, traffic::kSaturated, run.zero_load_cycles, o.offered, o.accepted));
  }
  if (!o.steady)
    findings.push_back(fmt::format("not steady: latency still changed after {} cycles of warm-up", o.warmup));
  if (o.not_arrived != 0) {
    findings.push_back(
        fmt::format("{} of {} measured packets had not arrived at the end; they count in the mean with "
                    "their age, and not in the percentiles",
                    o.not_arrived, o.created));
  }
  return findings;
}

Json histogram_json(const traffic::LatencyCounts& counts) {
  Json bins = Json::array();
  for (std::size_t bin = 0; bin < traffic::LatencyCounts::kBins; ++bin) {
    if (counts.count(bin) == 0) continue;
    bins.push_back({traffic::LatencyCounts::bin_low(bin), counts.count(bin)});
  }
  return bins;
}

void add_curve(Figures& out, const NetRun& run) {
  Json points = Json::array();
  for (const LoadPoint& point : run.curve) {
    const traffic::Outcome& o = point.outcome;
    Json json;
    Figures row = out.rows(json, "sweep.points");
    row.add("rate", point.rate, "flits/node/cycle", "asked for");
    add_loads(row, o);
    add_latency(row, o);
    row.add("saturated", o.saturated, "yes/no", "mean packet latency above 3 times that of an empty network");
    points.push_back(std::move(json));
  }
  out.add("sweep.knee", run.knee, "flits/node/cycle", "the largest load that did not saturate");
  out.put("sweep.points", std::move(points));
}

void add_measurement(Figures& out, const NetRun& run) {
  const traffic::Outcome& o = run.outcome;
  const traffic::Tally& t = o.tally;
  const double packets = number(t.injected);
  const double in_network = o.mean_cycles - ratio(number(t.source_cycles), packets);
  add_loads(out, o);
  add_latency(out, o);
  out.add("network_latency_mean_cycles", std::max(0.0, ratio(in_network, 1)), "cycles",
          "mean packet latency without the wait in the source");
  out.add("zero_load_latency_cycles", run.zero_load_cycles, "cycles",
          "mean packet latency of an empty network, by formula");
  out.add("hops_mean", ratio(number(t.distance), packets), "channels", "between routers on a packet's way");
  out.add("saturated", o.saturated, "yes/no", "mean packet latency above 3 times that of an empty network");
  out.add("findings", findings_json(run), "", "sentences: what makes the figures less than they seem");
  out.add("packets_measured", t.measured, "packets", "created in the window and arrived");
  out.add("packets_not_arrived", o.not_arrived, "packets", "created in the window that had not arrived at the end");
  out.add("warmup_cycles", o.warmup, "cycles", "before the window");
  out.add("measured_cycles", o.measured, "cycles", "the window");
  out.add("packet_hops", run.packet_hops, "packet-hops", "a packet over a channel, over the whole run");
  out.add("flit_hops", run.flit_hops, "flit-hops", "a flit over a channel, over the whole run");
  out.add("flit_hops_per_host_s", ratio(number(run.flit_hops), run.simulation_s), "flit-hops/s",
          "`flit_hops` / `host.simulation_s`");
  out.add("latency_histogram", histogram_json(t.latencies), "cycles, packets",
          "pairs: shortest latency of a bin, packets in it");
}

Json report_of(const NetContext& c) {
  const Nothing nothing;
  const machine::Results results = net_results(c);
  RunContext run{c.config, c.topology, nothing.workload, nothing.job, results};
  run.purpose = config::Purpose::kNet;
  Json json = report_value(run);
  json["fidelity"]["network_model"] = c.run.model;
  Json net;
  Figures out(net, "net.");
  add_net_figures(out, c);
  json["net"] = std::move(net);
  return json;
}

/// The measured points, one line each.
std::string curve_text(const Json& sweep) {
  std::string text = "load-latency curve\n      rate   offered  accepted     mean       p99\n";
  for (const Json& point : sweep.at("points")) {
    const Json& latency = point.at("packet_latency_cycles");
    fmt::format_to(std::back_inserter(text), "  {:>8.4f}  {:>8.4f}  {:>8.4f} {:>8.2f} {:>9.1f}{}\n",
                   real(point.at("rate")), real(point.at("offered")), real(point.at("accepted")),
                   real(latency.at("mean")), real(latency.at("p99")),
                   point.at("saturated").get<bool>() ? "  saturated" : "");
  }
  return text + fmt::format("knee            {:.4f} flits/node/cycle: the largest load that did not saturate\n",
                            real(sweep.at("knee")));
}

std::string text_of_net(const Json& r) {
  const Json& n = r.at("net");
  const Json& m = r.at("machine");
  const Json& latency = n.at("packet_latency_cycles");
  const Json& host = r.at("host");
  std::string text;
  if (r.at("partial").get<bool>()) text += "PARTIAL         interrupted: the figures are of what was measured so far\n";
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "machine         {}: {} nodes, {} dies; network model {}\n", m.at("name").get<std::string>(),
                 grouped(m.at("nodes").get<long long>()), grouped(m.at("dies").get<long long>()),
                 r.at("fidelity").at("network_model").get<std::string>());
  fmt::format_to(out, "traffic         {}, {:g} flits/node/cycle in packets of {} flits, within each {}\n",
                 n.at("pattern").get<std::string>(), real(n.at("rate")), n.at("packet_flits").get<long long>(),
                 n.at("scope").get<std::string>());
  fmt::format_to(out, "load            offered {:.4f}, accepted {:.4f} flits/node/cycle\n", real(n.at("offered")),
                 real(n.at("accepted")));
  if (n.at("packets_measured") == 0) {
    fmt::format_to(out,
                   "packet latency  no packet was measured: none was created in the window; raise the rate, or "
                   "net.measure_cycles\n"
                   "                empty network {:.2f} cycles\n",
                   real(n.at("zero_load_latency_cycles")));
  } else {
    fmt::format_to(out, "packet latency  mean {:.2f} +- {:.2f}, p50 {:.0f}, p95 {:.0f}, p99 {:.0f}, max {} cycles\n",
                   real(latency.at("mean")), real(latency.at("standard_error")), real(latency.at("p50")),
                   real(latency.at("p95")), real(latency.at("p99")), grouped(latency.at("max").get<long long>()));
    fmt::format_to(out, "                in the network {:.2f}; empty network {:.2f} cycles\n",
                   real(n.at("network_latency_mean_cycles")), real(n.at("zero_load_latency_cycles")));
  }
  fmt::format_to(out, "hops            mean {:.3f} channels between routers\n", real(n.at("hops_mean")));
  if (n.contains("detours")) {
    const Json& d = n.at("detours");
    fmt::format_to(out, "detours         {:.2f} % of {} pairs, {:.1f} hops longer in the mean, at most {} legs\n",
                   100 * real(d.at("share")), grouped(d.at("pairs").get<long long>()), real(d.at("extra_hops_mean")),
                   d.at("legs_max").get<long long>());
  }
  for (const Json& finding : n.at("findings")) fmt::format_to(out, "finding         {}\n", finding.get<std::string>());
  if (n.contains("sweep")) text += curve_text(n.at("sweep"));
  fmt::format_to(out, "phases          warm-up {}, measured {}, end at cycle {}\n",
                 grouped(n.at("warmup_cycles").get<long long>()), grouped(n.at("measured_cycles").get<long long>()),
                 grouped(r.at("time").at("cycles").get<long long>()));
  fmt::format_to(out, "host            {} wall, {} threads, peak memory {}, {}\n", duration(real(host.at("wall_s"))),
                 host.at("threads").get<long long>(), si(real(host.at("peak_rss_bytes")), "B"),
                 si(real(n.at("flit_hops_per_host_s")), "flit-hops/s"));
  fmt::format_to(out, "digest          {}\n", r.at("digest").get<std::string>());
  return text;
}

std::string curve_csv(const Json& sweep) {
  std::string text = "rate,offered,accepted,mean_cycles,p50_cycles,p95_cycles,p99_cycles,max_cycles,saturated\n";
  for (const Json& point : sweep.at("points")) {
    const Json& l = point.at("packet_latency_cycles");
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{}\n", point.at("rate").dump(),
                   point.at("offered").dump(), point.at("accepted").dump(), l.at("mean").dump(), l.at("p50").dump(),
                   l.at("p95").dump(), l.at("p99").dump(), l.at("max").dump(), point.at("saturated").dump());
  }
  return text;
}

}  // namespace

void add_net_figures(Figures& out, const NetContext& c) {
  const NetRun& run = c.run;
  out.add("pattern", schema::enum_text(c.config.net.pattern), "", "`net.pattern`");
  out.add("rate", c.config.net.rate, "flits/node/cycle", "`net.rate`");
  out.add("packet_flits", c.config.net.packet_flits, "flits", "`net.packet_flits`");
  out.add("scope", c.config.net.scope, "", "`net.scope`");
  add_measurement(out, run);
  if (run.ways) {
    out.add("detours.share", run.ways->detours, "share", "of the pairs that have to go around something dead");
    out.add("detours.extra_hops_mean", run.ways->extra_hops, "hops", "that those make more");
    out.add("detours.legs_max", run.ways->legs, "legs", "of the route with the most");
    out.add("detours.pairs", run.ways->pairs, "pairs", "that were looked at");
  }
  if (!run.curve.empty()) add_curve(out, run);
}

std::string net_report_json(const NetContext& context) {
  return dump(report_of(context));
}

std::string net_report_text(const NetContext& context) {
  return text_of_net(report_of(context));
}

void write_net_folder(const NetContext& context, const std::string& directory) {
  const Nothing nothing;
  const machine::Results results = net_results(context);
  const RunContext run{context.config, context.topology, nothing.workload, nothing.job, results};
  const Json report = report_of(context);
  FileSet files(directory);
  files.add("config.resolved.json", config::resolved_json(context.config, config::Purpose::kNet));
  const RunTables tables{dies_csv(run), links_csv(run), "", ""};
  files.add("links.csv", tables.links);
  files.add("ops.csv", ops_csv(report.at("latency").at("ops")));
  files.add("dies.csv", tables.dies);
  if (report.at("net").contains("sweep")) files.add("curve.csv", curve_csv(report.at("net").at("sweep")));
  files.add("report.txt", text_of_net(report));
  files.add("report.html", run_page(report, tables));
  files.add("report.json", dump(report));  // last: a folder with report.json is complete
  files.commit();
}

}  // namespace dojo::report

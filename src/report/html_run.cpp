// SPDX-License-Identifier: Apache-2.0
// The page of one run.
#include <fmt/format.h>

#include "report/html.h"
#include "report/json_read.h"
#include "report/units.h"

namespace dojo::report {
namespace {

std::string card(const std::string& name, const std::string& value) {
  return "<div class=\"card\"><span>" + escaped(name) + "</span><b>" + escaped(value) + "</b></div>\n";
}

std::string header(const Json& r) {
  const Json& m = r.at("machine");
  const Json& w = r.at("workload");
  std::string out =
      "<h1>" + escaped(text(m.at("name"))) + "</h1>\n<p>" +
      escaped(fmt::format("{} nodes, {} dies ({} x {}), {} tiles, {} DIPs, peak bf16 {}; {} ranks{}",
                          count(m.at("nodes")), count(m.at("dies")), count(m.at("die_rows")),
                          count(m.at("die_columns")), count(m.at("tiles")), count(m.at("dips")),
                          si(real(m.at("peak_flops_per_s").at("bf16")), "FLOP/s"), count(w.at("ranks")),
                          w.at("samples_per_step") == 0 ? "" : " x " + count(w.at("batch_per_rank")) + " samples")) +
      "</p>\n";
  if (r.at("partial").get<bool>()) {
    out += "<div class=\"warn\">Partial: the job did not finish; all figures are up to cycle " +
           count(r.at("time").at("cycles")) + ".";
    for (const Json& rank : r.at("waiting")) {
      for (const Json& operation : rank.at("operations")) {
        out += "<br>" + escaped(fmt::format("rank {} waits: {}", rank.at("rank").get<long long>(), text(operation)));
      }
    }
    out += "</div>\n";
  }
  const Json& fidelity = r.at("fidelity");
  const std::string recorded = fidelity.contains("recorded") ? text(fidelity.at("recorded").at("sentence")) : "";
  if (!recorded.empty()) out += "<div class=\"warn\">Recorded times: " + escaped(recorded) + "</div>\n";
  // Reports of older versions have none.
  if (r.contains("warnings")) {
    for (const Json& sentence : r.at("warnings")) out += "<div class=\"warn\">" + escaped(text(sentence)) + "</div>\n";
  }
  return out;
}

/// The error that an audit gives the job's time; "" where it gives none. Older reports have no audit.
std::string audit_card(const Json& r) {
  if (!r.at("fidelity").contains("audit")) return "";
  const Json& a = r.at("fidelity").at("audit");
  if (a.at("confidence").is_null()) return "";
  return card("error of the step, estimated by replaying " +
                  std::to_string(a.at("windows").get<long long>() + a.at("collectives").get<long long>()) +
                  " operations in the reference network",
              fmt::format("{:+.1f} % +-{:.1f} %", 100 * real(a.at("step_error")), 100 * real(a.at("confidence"))));
}

std::string cards(const Json& r) {
  const Json& step = r.at("latency").at("step_s");
  const Json& memory = r.at("memory");
  const double sram = real(memory.at("sram_capacity_bytes"));
  return "<div class=\"cards\">" + card("step time", step.is_null() ? "not finished" : duration(real(step))) +
         (r.at("latency").contains("cold_step_s") && r.at("latency").at("cold_step_s") != step
              ? card("first (cold) step", duration(real(r.at("latency").at("cold_step_s"))))
              : "") +
         card("simulated time", duration(real(r.at("time").at("seconds")))) +
         card("samples a second", si(real(r.at("workload").at("samples_per_s")), "")) +
         card("utilisation (" + text(r.at("flops").at("format")) + ")",
              percent(real(r.at("flops").at("utilisation")))) +
         card("exposed communication", percent(real(r.at("breakdown").at("fractions").at("communication")))) +
         (r.contains("contention") ? card("contention, of the time", percent(real(r.at("contention").at("share"))))
                                   : "") +
         audit_card(r) +
         card("SRAM peak, fullest node", percent(sram == 0 ? 0 : real(memory.at("sram_peak_bytes_max")) / sram)) +
         card("executed", si(real(r.at("flops").at("executed")), "FLOP")) +
         card("mean power (assumed figures)", si(real(r.at("energy").at("watts_mean")), "W")) + "</div>\n";
}

std::string breakdown(const Json& r) {
  std::string bar, legend;
  std::size_t i = 0;
  for (const auto& [name, fraction] : r.at("breakdown").at("fractions").items()) {
    const std::string words = name == "communication" ? "exposed communication" : name;
    const char* colour = class_colour(i++);
    bar += fmt::format("<div style=\"width:{:.3f}%;background:{}\" title=\"{} {}\"></div>", real(fraction) * 100,
                       colour, words, percent(real(fraction)));
    legend += fmt::format("<span><i style=\"background:{}\"></i>{} {} ({})</span>", colour, words,
                          percent(real(fraction)), duration(real(r.at("breakdown").at(name + "_s"))));
  }
  return "<h2>Where the nodes' time went</h2>\n<div class=\"bar\">" + bar + "</div><div class=\"legend\">" + legend +
         "</div>\n<p>Mean over the nodes of the ranks; each node-cycle counts in one class.</p>\n";
}

/// What bounds the run, and what ideal parts would gain. Reports of older versions have neither.
std::string bounds(const Json& r) {
  if (!r.contains("bottlenecks") || r.at("bottlenecks").empty()) return "";
  HtmlTable causes{{{"what bounds the step"}, {"share", true}, {"time", true}, {"floor", true}, {"most in"}, {""}}, {}};
  for (const Json& row : r.at("bottlenecks")) {
    std::string most;
    for (const Json& operation : row.at("operations"))
      most += fmt::format("{}{} ({})", most.empty() ? "" : ", ", text(operation.at("name")),
                          duration(real(operation.at("seconds"))));
    causes.rows.push_back({text(row.at("name")), percent(real(row.at("share"))), duration(real(row.at("seconds"))),
                           duration(real(row.at("floor_s"))), shortened(most, 160), text(row.at("sentence"))});
  }
  HtmlTable gains{{{"if this were free"}, {"gain", true}, {"time", true}, {"method"}, {""}}, {}};
  for (const Json& row : r.at("if_free"))
    gains.rows.push_back({text(row.at("part")), percent(real(row.at("gain"))), duration(real(row.at("seconds"))),
                          text(row.at("method")), text(row.at("sentence"))});
  return "<h2>What bounds it</h2>\n" + causes.html() + gains.html();
}

/// The keys that differ from the files; nothing in reports of older versions.
std::string configuration(const Json& r) {
  if (!r.contains("configuration")) return "";
  const Json& c = r.at("configuration");
  std::string out = "<p>" + escaped(fmt::format("workload {}", text(c.at("workload")))) + "</p>\n";
  if (!text(c.at("command")).empty()) out += "<p><code>" + escaped(text(c.at("command"))) + "</code></p>\n";
  if (c.at("changed").empty()) return out;
  HtmlTable keys{{{"changed against the files"}, {"file", true}, {"this run", true}}, {}};
  for (const Json& key : c.at("changed"))
    keys.rows.push_back({text(key.at("path")), key.at("file").dump(), key.at("value").dump()});
  return out + keys.html();
}

std::string link_tables(const Json& r) {
  HtmlTable classes{{{"class"},
                     {"links", true},
                     {"bytes", true},
                     {"capacity", true},
                     {"mean", true},
                     {"busiest", true},
                     {"queue cycles", true}},
                    {}};
  for (const auto& [name, c] : r.at("links").at("classes").items()) {
    classes.rows.push_back({name, count(c.at("count")), si(real(c.at("bytes")), "B"),
                            si(real(c.at("capacity_bytes_per_s")), "B/s"), percent(real(c.at("utilisation_mean"))),
                            percent(real(c.at("utilisation_max"))),
                            fmt::format("{:.1f}", real(c.at("queue_cycles_mean")))});
  }
  HtmlTable hottest{{{"hottest links"}, {"class"}, {"bytes", true}, {"utilisation", true}}, {}};
  for (const Json& link : r.at("links").at("hottest")) {
    hottest.rows.push_back({text(link.at("path")), text(link.at("class")), si(real(link.at("bytes")), "B"),
                            percent(real(link.at("utilisation")))});
  }
  return "<h2>Links</h2>\n" + classes.html() + "<h3></h3>" + hottest.html();
}

/// Of an operation's plan; nothing in reports of older versions, or where nothing is known.
std::string planned(const Json& op, const char* key) {
  return op.contains(key) && real(op.at(key)) > 0 ? duration(real(op.at(key))) : "";
}

std::string operation_tables(const Json& r) {
  const Json& collectives = r.at("latency").at("collectives");
  const Json& ops = r.at("latency").at("ops");
  HtmlTable first{{{"collective"},
                   {"kind"},
                   {"algorithm"},
                   {"ranks", true},
                   {"bytes", true},
                   {"mean", true},
                   {"max", true},
                   {"bus bandwidth", true}},
                  {}};
  for (const Json* c : slowest(collectives, 20)) {
    first.rows.push_back({text(c->at("name")), text(c->at("kind")), text(c->at("algorithm")), count(c->at("ranks")),
                          si(real(c->at("bytes")), "B"), duration(real(c->at("seconds"))),
                          duration(real(c->at("seconds_max"))), si(real(c->at("bus_bytes_per_s")), "B/s")});
  }
  HtmlTable second{{{"operation"},
                    {"kind"},
                    {"phase"},
                    {"mean", true},
                    {"max", true},
                    {"planned", true},
                    {"floor", true},
                    {"bound by"},
                    {"nodes", true},
                    {"partition"},
                    {"FLOPs", true}},
                   {}};
  for (const Json* o : slowest(ops, 40)) {
    second.rows.push_back(
        {text(o->at("name")), text(o->at("kind")), text(o->at("phase")), duration(real(o->at("seconds"))),
         duration(real(o->at("seconds_max"))), planned(*o, "predicted_s"), planned(*o, "floor_s"),
         o->contains("bound_by") ? text(o->at("bound_by")) : "", o->contains("nodes") ? count(o->at("nodes")) : "",
         o->contains("partition") ? text(o->at("partition")) : "", si(real(o->at("flops")), "")});
  }
  const auto title = [](const char* name, std::size_t shown, std::size_t all, const char* file) {
    return shown == all
               ? fmt::format("<h2>{}</h2>\n", name)
               : fmt::format("<h2>{}</h2>\n<p>The {} slowest of {}; all are in {}.</p>\n", name, shown, all, file);
  };
  std::string out;
  if (!first.rows.empty())
    out += title("Collectives", first.rows.size(), collectives.size(), "report.json") + first.html();
  if (!second.rows.empty()) out += title("Operations", second.rows.size(), ops.size(), "ops.csv") + second.html();
  return out;
}

std::string sentences(const char* title, const Json& list) {
  if (list.empty()) return "";
  std::string out = fmt::format("<h2>{}</h2>\n<ul>", title);
  for (const Json& sentence : list) out += "<li>" + escaped(text(sentence)) + "</li>";
  return out + "</ul>\n";
}

std::string packets_and_memory(const Json& r) {
  const Json& p = r.at("latency").at("packets");
  const Json& m = r.at("memory");
  HtmlTable table{{{"figure"}, {"value", true}}, {}};
  table.rows = {
      {"64 B packets", count(p.at("count"))},
      {"packet latency, mean", fmt::format("{:.1f} cycles", real(p.at("mean_cycles")))},
      {"packet latency, p50 / p95 / p99 / max",
       fmt::format("{:.0f} / {:.0f} / {:.0f} / {} cycles", real(p.at("p50_cycles")), real(p.at("p95_cycles")),
                   real(p.at("p99_cycles")), count(p.at("max_cycles")))},
      {"SRAM peak of any node",
       fmt::format("{} of {} bytes", count(m.at("sram_peak_bytes_max")), count(m.at("sram_capacity_bytes")))},
      {"HBM peak of any DIP", si(real(m.at("hbm_peak_bytes_max")), "B")},
      {"recomputed / spilled", si(real(m.at("recomputed_bytes")), "B") + " / " + si(real(m.at("spilled_bytes")), "B")},
      {"energy (assumed figures)", si(real(r.at("energy").at("joules")), "J")}};
  return "<h2>Packets, memory, energy</h2>\n" + table.html();
}

std::string footer(const Json& r) {
  const Json& h = r.at("host");
  return "<h2>This run</h2>\n<p>" +
         escaped(fmt::format("wall {}, elaboration {}, simulation {}; {}, {}; {} threads; peak memory {}; {} dies "
                             "simulated, {} copied; dojosim {} ({})",
                             duration(real(h.at("wall_s"))), duration(real(h.at("elaboration_s"))),
                             duration(real(h.at("simulation_s"))), si(real(h.at("events")), "events"),
                             si(real(h.at("events_per_s")), "events/s"), count(h.at("threads")),
                             si(real(h.at("peak_rss_bytes")), "B"), count(h.at("dies_simulated")),
                             count(h.at("dies_copied")), text(r.at("program").at("version")),
                             text(r.at("program").at("git")))) +
         "</p>\n<p>digest <code>" + escaped(text(r.at("digest"))) + "</code></p>\n";
}

}  // namespace

std::string run_html(const Json& report, const std::string& dies) {
  const std::string maps = dies.empty() ? "" : heat_maps(parse_csv(dies, "dies.csv"), report.at("machine"));
  return html_page("dojosim: " + text(report.at("machine").at("name")),
                   header(report) + configuration(report) + cards(report) + bounds(report) + breakdown(report) + maps +
                       link_tables(report) + operation_tables(report) + packets_and_memory(report) +
                       sentences("Memory decisions", report.at("memory").at("decisions")) +
                       sentences("Approximations", report.at("fidelity").at("approximations")) + footer(report));
}

}  // namespace dojo::report

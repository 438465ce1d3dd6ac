// SPDX-License-Identifier: Apache-2.0
// Derives the figures of report.json from the integers of a run. docs/report.md says what each of them means.
#include "report/value.h"

#include <algorithm>
#include <set>

#include "dojo/base/error.h"
#include "dojo/config/repeated.h"
#include "report/bottlenecks.h"
#include "report/configuration.h"
#include "report/digest.h"
#include "report/warnings.h"

namespace dojo::report {
namespace {

using machine::Results;
using topology::LinkClass;

double number(std::int64_t value) {
  return static_cast<double>(value);
}
double number(std::uint64_t value) {
  return static_cast<double>(value);
}

struct Peaks {
  double bf16_per_node = 0, fp32_per_node = 0;
  explicit Peaks(const topology::MachineParams& m)
      : bf16_per_node(number(m.node.matrix_rows * m.node.matrix_columns * m.node.matrix_depth * 2) * m.clock_hz),
        fp32_per_node(number(m.node.fp32_flop_per_cycle) * m.clock_hz) {}
  [[nodiscard]] double per_node(workload::DType format) const {
    return format == workload::DType::kFp32 ? fp32_per_node : bf16_per_node;
  }
};

void add_machine(Figures& out, const RunContext& c) {
  const topology::MachineParams& m = c.topology.params();
  const Peaks peaks(m);
  const double nodes = number(c.topology.node_count());
  const topology::DeadCounts& dead = c.topology.dead();
  out.add("machine.dead.cores", dead.cores, "cores",
          "that do not work; each dead part is counted once, under the largest that it belongs to");
  out.add("machine.dead.routers", dead.routers, "routers", "that do not work; disabled sites of a die are not in it");
  out.add("machine.dead.routers_cut_off", dead.cut_off, "routers",
          "of `routers`: they work, but nothing on their die leads to the rest of it");
  out.add("machine.dead.links", dead.links, "links", "that do not work; both directions are one");
  out.add("machine.dead.dies", dead.dies, "dies", "that do not work");
  out.add("machine.name", m.name, "", "name of the machine file");
  out.add("machine.level", c.topology.root_name(), "", "the largest part that is there");
  out.add("machine.clock_hz", m.clock_hz, "Hz", "core clock");
  out.add("machine.nodes", c.topology.node_count(), "nodes", "with a working core");
  out.add("machine.dies", c.topology.die_count(), "dies", "of the machine");
  out.add("machine.die_rows", c.topology.die_rows(), "dies", "rows of the whole grid of dies");
  out.add("machine.die_columns", c.topology.die_columns(), "dies", "columns of the whole grid of dies");
  out.add("machine.tile_die_rows", m.tile.dies.rows, "dies", "rows of a tile");
  out.add("machine.tile_die_columns", m.tile.dies.columns, "dies", "columns of a tile");
  out.add("machine.tiles", c.topology.tile_count(), "tiles", "of the machine");
  out.add("machine.dips", c.topology.dip_count(), "DIPs", "of the machine");
  out.add("machine.sram_bytes", c.topology.node_count() * m.node.sram_bytes, "bytes", "nodes x `node.sram_bytes`");
  out.add("machine.hbm_bytes", static_cast<std::int64_t>(c.topology.dip_count()) * m.dip.hbm_bytes, "bytes",
          "DIPs x `dip.hbm_bytes`");
  out.add("machine.peak_flops_per_s.bf16", nodes * peaks.bf16_per_node, "FLOP/s",
          "nodes x rows x columns x depth of the matrix unit x 2 x clock");
  out.add("machine.peak_flops_per_s.fp32", nodes * peaks.fp32_per_node, "FLOP/s",
          "nodes x `node.fp32_flop_per_cycle` x clock");
}

void add_zplane(Figures& out, const RunContext& c) {
  const machine::ZplaneTotals& z = c.results.zplane;
  const auto ns = [&](double cycles) { return cycles / c.topology.params().clock_hz * 1e9; };
  out.counters("zplane", z);
  out.add("zplane.message_ns.min", ns(number(z.cycles_min)), "ns",
          "fastest message from the sender's HBM to the receiver's");
  out.add("zplane.message_ns.mean", ns(number(z.cycles_sum) / number(z.messages)), "ns", "mean of those messages");
  out.add("zplane.message_ns.max", ns(number(z.cycles_max)), "ns", "slowest of those messages");
}

void add_contention(Figures& out, const RunContext& c) {
  const double cycles = number(c.results.end_cycle), ideal = number(c.ideal_cycles);
  out.add("contention.ideal_cycles", c.ideal_cycles, "cycles",
          "simulated time of the same job over the ideal network (`run.contention`)");
  out.add("contention.ideal_seconds", c.topology.seconds(c.ideal_cycles), "s", "the same by the core clock");
  out.add("contention.share", ratio(cycles - ideal, cycles), "share",
          "of `time.cycles` that contention costs: what the ideal network does not need");
}

/// Times of a training step; null when none was finished.
struct StepTimes {
  Json cold, step;  ///< the first; the mean of those after it, or the first when there are none
};
StepTimes step_times(const RunContext& c) {
  std::vector<Cycles> ends;
  for (const Cycles end : c.results.step_end) {
    if (end > 0) ends.push_back(end);
  }
  if (ends.empty()) return {};
  const double clock_hz = c.topology.params().clock_hz;
  const double cold = ratio(number(ends.front()), clock_hz);
  if (ends.size() == 1) return {cold, cold};
  return {cold, ratio(number(ends.back() - ends.front()) / static_cast<double>(ends.size() - 1), clock_hz)};
}

void add_workload(Figures& out, const RunContext& c, const StepTimes& step) {
  std::int64_t samples = 0, largest = 0;
  for (const std::uint32_t program : c.job.program_of_rank) {
    const std::int64_t own = c.job.programs[program].samples_per_step;
    samples += own;
    largest = std::max(largest, own);
  }
  const auto& ends = c.results.step_end;
  const auto per_s = [samples](const Json& s) { return s.is_null() ? 0 : ratio(number(samples), s.get<double>()); };
  out.add("workload.ranks", c.workload.ranks(), "ranks", "of the job");
  out.add("workload.batch_per_rank", largest, "samples",
          "of a rank and step (the largest, should ranks differ); 0 = the trace does not say");
  out.add("workload.samples_per_step", samples, "samples", "over all ranks");
  out.add("workload.steps", c.workload.steps, "steps", "of the job");
  out.add("workload.steps_finished", std::count_if(ends.begin(), ends.end(), [](Cycles end) { return end > 0; }),
          "steps", "that ended");
  out.add("workload.samples_per_s", per_s(step.step), "samples/s", "`samples_per_step` / `latency.step_s`");
  out.add("workload.cold_samples_per_s", per_s(step.cold), "samples/s", "`samples_per_step` / `latency.cold_step_s`");
}

void add_fidelity(Figures& out, const RunContext& c) {
  Json approximations = Json::array();
  std::set<std::string> said;
  for (const auto* list : {&c.job.approximations, &c.results.approximations}) {
    for (const std::string& sentence : *list) {
      if (said.insert(sentence).second) approximations.push_back(sentence);
    }
  }
  if (has_repeated(c)) {
    approximations.push_back(fmt::format(
        "Of {} micro-batches {} were simulated; each of the others is taken to last as long as one does on the "
        "slowest stage while the pipeline is full (repeated.microbatch_s).",
        c.config.workload.generate.microbatches, config::simulated_microbatches(c.config.workload.generate)));
  }
  out.add("fidelity.network_model", schema::enum_text(c.config.run.network_model), "", "`run.network_model`");
  out.add("fidelity.replay", schema::enum_text(c.config.workload.replay), "",
          "`workload.replay`: where times come from unless one of `workload.replay_rules` says otherwise");
  add_node_model(out, c);
  add_timed_by(out, c);
  add_audit(out, c);
  out.add("fidelity.approximations", std::move(approximations), "", "sentences: what lowering and machine simplified");
}

/// No node does more than its peak. Recorded durations are what the trace says, on whatever machine they were taken.
void check_peak(const RunContext& c, double seconds) {
  const Results& r = c.results;
  const Peaks peaks(c.topology.params());
  const double done = number(r.flops_by[0]) + number(r.flops_by[1]);
  const double most = number(r.nodes_used) * std::max(peaks.bf16_per_node, peaks.fp32_per_node) * seconds;
  constexpr double kRounding = 1 + 1e-9;
  DOJO_CHECK(!r.finished || done <= most * kRounding, "{} FLOP in a time in which {} nodes can do {}", done,
             r.nodes_used, most);
}

void add_flops(Figures& out, const RunContext& c, double seconds) {
  const Results& r = c.results;
  const double peak_per_node = Peaks(c.topology.params()).per_node(r.format);
  const double achieved = ratio(number(r.cores.matrix_flops), seconds);
  const double peak = number(r.nodes_used) * peak_per_node;
  out.add("flops.achieved_per_s", achieved, "FLOP/s", "`executed` / `time.seconds`");
  out.add("flops.peak_per_s", peak, "FLOP/s", "of the nodes that ranks occupy, in `format`");
  out.add("flops.peak_machine_per_s", number(c.topology.node_count()) * peak_per_node, "FLOP/s", "of all nodes");
  out.add("flops.utilisation", ratio(achieved, peak), "share", "`achieved_per_s` / `peak_per_s`");
  out.add("flops.format", workload::dtype_name(r.format), "", "the format of most FLOPs");
}

/// Seconds and share of each class of node-cycles.
void add_breakdown(Figures& out, const RunContext& c) {
  const double node_clock = number(c.results.nodes_used) * c.topology.params().clock_hz;
  const double all = number(schema::total(c.results.breakdown));
  const auto add = [&](const char* name, std::uint64_t cycles, schema::Sum, const char*, const char* sentence) {
    out.add(std::string("breakdown.") + name + "_s", ratio(number(cycles), node_clock), "s", sentence);
    out.add(std::string("breakdown.fractions.") + name, ratio(number(cycles), all), "share", "of all node-cycles");
  };
  machine::Breakdown::fields(c.results.breakdown, add);
}

void add_packets(Figures& out, const machine::LatencyHistogram& h) {
  out.add("latency.packets.mean_cycles", ratio(number(h.cycles_sum), number(h.packets)), "cycles",
          "from SRAM read to SRAM write");
  out.add("latency.packets.p50_cycles", h.percentile(50), "cycles", "half of the packets need at most this");
  out.add("latency.packets.p95_cycles", h.percentile(95), "cycles", "95 % of the packets need at most this");
  out.add("latency.packets.p99_cycles", h.percentile(99), "cycles", "99 % of the packets need at most this");
}

void add_memory(Figures& out, const RunContext& c) {
  const Results& r = c.results;
  Json decisions = Json::array();
  std::set<std::string> said;
  const auto say = [&](const std::vector<std::string>& sentences) {
    for (const std::string& sentence : sentences) {
      if (said.insert(sentence).second) decisions.push_back(sentence);
    }
  };
  say(r.memory_decisions);
  if (r.memory_decisions.empty()) {
    for (const workload::Program& program : c.job.programs) say(program.memory.decisions);
  }
  out.add("memory.sram_capacity_bytes", c.topology.params().node.sram_bytes, "bytes", "SRAM of one node");
  out.add("memory.hbm_capacity_bytes", c.topology.dip_count() == 0 ? 0 : c.topology.params().dip.hbm_bytes, "bytes",
          "HBM of one DIP");
  out.add("memory.decisions", std::move(decisions), "",
          "sentences: what was moved to HBM, or thrown away and made again");
}

void add_host(Figures& out, const Results& r) {
  out.add("host.wall_s", ratio(r.wall_s, 1), "s", "of this run on the host; no host figure is part of the digest");
  out.add("host.elaboration_s", ratio(r.elaboration_s, 1), "s", "building the SystemC modules");
  out.add("host.simulation_s", ratio(r.simulation_s, 1), "s", "simulating");
  out.add("host.peak_rss_bytes", r.peak_rss_bytes, "bytes", "host memory at its highest");
  out.add("host.events", r.events, "events", "that the simulator ran");
  out.add("host.events_per_s", ratio(number(r.events), r.simulation_s), "events/s", "`events` / `simulation_s`");
  out.add("host.threads", r.threads, "threads", "of the host");
  out.add("host.dies_simulated", r.dies_simulated, "dies", "of the machine");
  out.add("host.dies_copied", r.dies_copied, "dies", "that took the state of another die, which had run for both");
  out.add("host.copied_until_s", ratio(r.copied_s, 1), "s", "simulated time until which it had");
  out.add("host.tasks_copied", r.tasks_copied, "tasks", "of dies that took a record instead of running events");
}

Json waiting_json(const Results& r) {
  Json waiting = Json::array();
  for (const machine::WaitingRank& rank : r.waiting) {
    waiting.push_back({{"rank", rank.rank}, {"operations", rank.operations}});
  }
  return waiting;
}

void add_head(Figures& out, const RunContext& c) {
  const BuildInfo& build = build_info();
  out.add("schema", "dojosim.report/1", "", "of the report");
  out.add("program.name", "dojosim", "", "what ran; no part of the digest");
  out.add("program.version", build.version, "", "of the program");
  out.add("program.git", build.git, "", "commit of the program");
  out.add("digest", digest(c), "hex",
          "SHA-256 over all counters, the machine's parameters, the seed and the contents of the inputs; equal for any "
          "number of threads");
  out.add("seed", c.config.run.seed, "", "`run.seed`");
  out.add("partial", !c.results.finished, "yes/no",
          "the run was interrupted or could not finish; all figures then end at `time.cycles`");
  out.add("inputs", c.config.input_sha256, "hex", "SHA-256 of each file read");
}

/// Sections in the order in which the report has them.
constexpr const char* kSections[] = {"machine", "time",      "contention", "workload", "repeated", "fidelity",
                                     "flops",   "breakdown", "latency",    "links",    "detours",  "pipelines",
                                     "zplane",  "memory",    "energy",     "cost",     "failures", "evidence"};

}  // namespace

void add_figures(Figures& out, Json& json, const RunContext& c) {
  const Results& r = c.results;
  const double seconds = c.topology.seconds(r.end_cycle);
  const StepTimes step = step_times(c);
  add_head(out, c);
  json["configuration"] = Json::object();
  add_configuration(out, c.config, c.purpose);
  for (const char* section : kSections) json[section] = Json::object();
  out.counters("counters", static_cast<const machine::RunCounters&>(r));
  out.counters("counters", static_cast<const machine::PlanTotals&>(r));
  out.counters("cores", r.cores);
  out.counters("links.noc", r.noc);
  out.counters("ports", r.ports);
  out.counters("latency.packets", static_cast<const machine::LatencyCounters&>(r.packets));
  add_machine(out, c);
  out.add("time.cycles", r.end_cycle, "cycles", "simulated: last end of a rank (or last event of a partial run)");
  out.add("time.seconds", seconds, "s", "the same by the core clock");
  if (c.ideal_cycles != 0) {
    add_contention(out, c);
  } else {
    json.erase("contention");
  }
  add_workload(out, c, step);
  add_fidelity(out, c);
  check_peak(c, seconds);
  add_flops(out, c, seconds);
  add_breakdown(out, c);
  out.add("latency.step_s", step.step, "s",
          "end of the only step, or from two steps on the mean of the steps after the first; null when none finished");
  out.add("latency.cold_step_s", step.cold, "s",
          "end of the first step, which waits for its samples; null when none finished");
  if (has_repeated(c)) {
    add_repeated(out, c, json);
  } else {
    json.erase("repeated");
  }
  add_packets(out, r.packets);
  json["latency"]["collectives"] = collective_rows(out, c);
  json["latency"]["ops"] = op_rows(out, c);
  add_link_classes(out, c);
  json["links"]["hottest"] = hottest_links(out, c, 10);
  if (r.detailed_nodes > 0) {
    out.counters("pipelines", r.pipelines);
    out.add("pipelines.nodes", r.detailed_nodes, "nodes",
            "whose cores ran cycle by cycle (`machine.detailed`); the section is there only where there are some");
    out.add("pipelines.waiting", r.waiting_cores, "",
            "sentences: cores that have not ended a step, of a job that cannot finish");
  } else {
    json.erase("pipelines");
  }
  if (r.zplane.messages > 0) {
    add_zplane(out, c);
  } else {
    json.erase("zplane");
  }
  add_memory(out, c);
  add_evidence(out, c);
  add_energy_and_cost(out, c, json, seconds);
  if (c.failures != nullptr) {
    add_failures(out, c, json);
  } else {
    json.erase("failures");
  }
  json["bottlenecks"] = bottleneck_rows(out, c);
  add_critical_path(out, c);
  json["if_free"] = if_free_rows(out, c, json["bottlenecks"]);
  out.add("warnings", warnings(json), "",
          "sentences: operations far above their floors, waiting for idle links ([report.md](report.md#warnings))");
  out.add("waiting", waiting_json(r), "", "ranks that could not finish, with the operations they wait in");
  out.add("blocked_packets", r.blocked_packets, "",
          "then: the oldest bursts that wait for credit at an edge, with destination, cycle of sending and edge");
  add_host(out, r);
}

Json report_value(const RunContext& context) {
  Json json;
  Figures out(json);
  add_figures(out, json, context);
  return json;
}

std::string report_json(const RunContext& context) {
  return dump(report_value(context));
}

}  // namespace dojo::report

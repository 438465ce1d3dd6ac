// SPDX-License-Identifier: Apache-2.0
// Derives the figures of report.json from the integers of a run. docs/report.md says what each of them means.
#include "report/value.h"

#include <algorithm>
#include <set>

#include "report/digest.h"

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

Json machine_json(const RunContext& c) {
  const topology::MachineParams& m = c.topology.params();
  const Peaks peaks(m);
  const double nodes = number(c.topology.node_count());
  const topology::DeadCounts& dead = c.topology.dead();
  return {{"dead",
           {{"cores", dead.cores},
            {"routers", dead.routers},
            {"routers_cut_off", dead.cut_off},
            {"links", dead.links},
            {"dies", dead.dies}}},
          {"name", m.name},
          {"level", c.topology.root_name()},
          {"clock_hz", m.clock_hz},
          {"nodes", c.topology.node_count()},
          {"dies", c.topology.die_count()},
          {"die_rows", c.topology.die_rows()},
          {"die_columns", c.topology.die_columns()},
          {"tile_die_rows", m.tile.dies.rows},
          {"tile_die_columns", m.tile.dies.columns},
          {"tiles", c.topology.tile_count()},
          {"dips", c.topology.dip_count()},
          {"sram_bytes", c.topology.node_count() * m.node.sram_bytes},
          {"hbm_bytes", static_cast<std::int64_t>(c.topology.dip_count()) * m.dip.hbm_bytes},
          {"peak_flops_per_s", {{"bf16", nodes * peaks.bf16_per_node}, {"fp32", nodes * peaks.fp32_per_node}}}};
}

/// From the sender's HBM to the receiver's.
Json zplane_json(const RunContext& c) {
  const machine::ZplaneTotals& z = c.results.zplane;
  const auto ns = [&](double cycles) { return cycles / c.topology.params().clock_hz * 1e9; };
  return {{"messages", z.messages},
          {"bytes", z.bytes},
          {"message_ns",
           {{"min", ns(number(z.cycles_min))},
            {"mean", ns(number(z.cycles_sum) / number(z.messages))},
            {"max", ns(number(z.cycles_max))}}},
          {"frames", z.frames},
          {"frames_resent", z.resent},
          {"frames_lost", z.lost},
          {"frames_ignored", z.ignored},
          {"acks", z.acks},
          {"nacks", z.nacks},
          {"timeouts", z.timeouts},
          {"window_stalls", z.window_stalls},
          {"longest_queue_frames", z.longest_queue}};
}

/// Time of a training step: the first, or the mean of those after it. Null when no step was finished.
Json step_seconds(const RunContext& c) {
  std::vector<Cycles> ends;
  for (const Cycles end : c.results.step_end) {
    if (end > 0) ends.push_back(end);
  }
  if (ends.empty()) return nullptr;
  const double cycles =
      ends.size() == 1 ? number(ends[0]) : number(ends.back() - ends.front()) / static_cast<double>(ends.size() - 1);
  return ratio(cycles, c.topology.params().clock_hz);
}

Json workload_json(const RunContext& c, const Json& step_s) {
  std::int64_t samples = 0, largest = 0;
  for (const std::uint32_t program : c.job.program_of_rank) {
    const std::int64_t own = c.job.programs[program].samples_per_step;
    samples += own;
    largest = std::max(largest, own);
  }
  const double per_s = step_s.is_null() ? 0 : ratio(number(samples), step_s.get<double>());
  return {{"ranks", c.workload.ranks()},
          {"batch_per_rank", largest},
          {"samples_per_step", samples},
          {"steps", c.workload.steps},
          {"steps_finished",
           std::count_if(c.results.step_end.begin(), c.results.step_end.end(), [](Cycles end) { return end > 0; })},
          {"samples_per_s", per_s}};
}

Json fidelity_json(const RunContext& c) {
  const Results& r = c.results;
  Json approximations = Json::array();
  std::set<std::string> said;
  for (const auto* list : {&c.job.approximations, &r.approximations}) {
    for (const std::string& sentence : *list) {
      if (said.insert(sentence).second) approximations.push_back(sentence);
    }
  }
  return {{"network_model", schema::enum_text(c.config.run.network_model)},
          {"replay", schema::enum_text(c.config.workload.replay)},
          {"timed_by",
           {{"shapes", r.flops_by_shapes}, {"roofline", r.flops_by_roofline}, {"recorded", r.flops_by_recorded}}},
          {"approximations", std::move(approximations)}};
}

Json flops_json(const RunContext& c, double seconds) {
  const Results& r = c.results;
  const double peak_per_node = Peaks(c.topology.params()).per_node(r.format);
  const double achieved = ratio(number(r.flops_executed), seconds);
  const double peak = number(r.nodes_used) * peak_per_node;
  return {{"executed", r.flops_executed},
          {"planned", r.flops_planned},
          {"vector", r.flops_vector},
          {"recomputed", r.flops_recomputed},
          {"achieved_per_s", achieved},
          {"peak_per_s", peak},
          {"peak_machine_per_s", number(c.topology.node_count()) * peak_per_node},
          {"utilisation", ratio(achieved, peak)},
          {"format", workload::dtype_name(r.format)},
          {"nodes_used", r.nodes_used}};
}

Json breakdown_json(const RunContext& c) {
  const machine::Breakdown& b = c.results.breakdown;
  const double node_clock = number(c.results.nodes_used) * c.topology.params().clock_hz;
  const double total = number(b.compute + b.communication + b.overlapped + b.memory + b.idle);
  const std::pair<const char*, std::uint64_t> classes[] = {{"compute", b.compute},
                                                           {"communication", b.communication},
                                                           {"overlapped", b.overlapped},
                                                           {"memory", b.memory},
                                                           {"idle", b.idle}};
  Json json = Json::object();
  for (const auto& [name, cycles] : classes) json[std::string(name) + "_s"] = ratio(number(cycles), node_clock);
  Json fractions = Json::object();
  for (const auto& [name, cycles] : classes) fractions[name] = ratio(number(cycles), total);
  json["fractions"] = std::move(fractions);
  return json;
}

Json packets_json(const machine::LatencyHistogram& h) {
  return {{"count", h.packets},
          {"mean_cycles", ratio(number(h.cycles_sum), number(h.packets))},
          {"p50_cycles", h.percentile(50)},
          {"p95_cycles", h.percentile(95)},
          {"p99_cycles", h.percentile(99)},
          {"max_cycles", h.max}};
}

Json memory_json(const RunContext& c) {
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
  return {{"sram_peak_bytes_max", r.sram_peak_bytes_max},
          {"sram_capacity_bytes", c.topology.params().node.sram_bytes},
          {"hbm_peak_bytes_max", r.hbm_peak_bytes_max},
          {"hbm_capacity_bytes", c.topology.dip_count() == 0 ? 0 : c.topology.params().dip.hbm_bytes},
          {"spilled_bytes", r.spilled_bytes},
          {"recomputed_bytes", r.recomputed_bytes},
          {"decisions", std::move(decisions)}};
}

Json energy_json(const RunContext& c, double seconds) {
  const Results& r = c.results;
  const topology::EnergyParams& e = c.topology.params().energy;
  const auto bytes = [&r](LinkClass k) { return number(r.classes[static_cast<std::size_t>(k)].counters.bytes); };
  const auto joules = [](double moved_bytes, double pj_per_bit) { return moved_bytes * 8 * pj_per_bit * 1e-12; };
  const std::pair<const char*, double> parts[] = {
      {"matrix", number(r.flops_executed + r.flops_recomputed) * e.matrix_pj_per_flop * 1e-12},
      {"sram", joules(number(r.sram_bytes_injected + r.sram_bytes_ejected), e.sram_pj_per_bit)},
      {"noc", joules(number(r.noc_byte_hops), e.noc_pj_per_bit_hop)},
      {"die_crossing", joules(bytes(LinkClass::kDieToDie), e.die_crossing_pj_per_bit)},
      {"tile_crossing", joules(bytes(LinkClass::kTileToTile) + bytes(LinkClass::kDip), e.tile_crossing_pj_per_bit)},
      {"hbm", joules(bytes(LinkClass::kHbm), e.hbm_pj_per_bit)},
      {"idle", number(std::int64_t{c.topology.die_count()}) * e.die_idle_watts * seconds}};
  double total = 0;
  Json by_part = Json::object();
  for (const auto& [name, value] : parts) {
    by_part[name] = value;
    total += value;
  }
  return {{"joules", total}, {"watts_mean", ratio(total, seconds)}, {"by_part", std::move(by_part)}};
}

Json host_json(const Results& r) {
  return {{"wall_s", ratio(r.wall_s, 1)},
          {"elaboration_s", ratio(r.elaboration_s, 1)},
          {"simulation_s", ratio(r.simulation_s, 1)},
          {"peak_rss_bytes", r.peak_rss_bytes},
          {"events", r.events},
          {"events_per_s", ratio(number(r.events), r.simulation_s)},
          {"threads", r.threads},
          {"dies_simulated", r.dies_simulated},
          {"dies_copied", r.dies_copied},
          {"copied_until_s", ratio(r.copied_s, 1)},
          {"tasks_copied", r.tasks_copied}};
}

Json waiting_json(const Results& r) {
  Json waiting = Json::array();
  for (const machine::WaitingRank& rank : r.waiting) {
    waiting.push_back({{"rank", rank.rank}, {"operations", rank.operations}});
  }
  return waiting;
}

}  // namespace

Json report_value(const RunContext& c) {
  const BuildInfo& build = build_info();
  const double seconds = c.topology.seconds(c.results.end_cycle);
  Json json{{"schema", "dojosim.report/1"},
            {"program", {{"name", "dojosim"}, {"version", build.version}, {"git", build.git}}},
            {"digest", digest(c)},
            {"seed", c.config.run.seed},
            {"partial", !c.results.finished},
            {"inputs", c.config.input_sha256}};
  json["machine"] = machine_json(c);
  json["time"] = {{"cycles", c.results.end_cycle}, {"seconds", seconds}};
  const Json step_s = step_seconds(c);
  json["workload"] = workload_json(c, step_s);
  json["fidelity"] = fidelity_json(c);
  json["flops"] = flops_json(c, seconds);
  json["breakdown"] = breakdown_json(c);
  json["latency"] = {{"step_s", step_s},
                     {"packets", packets_json(c.results.packets)},
                     {"collectives", collective_rows(c)},
                     {"ops", op_rows(c)}};
  json["links"] = {{"classes", link_classes(c)}, {"hottest", hottest_links(c, 10)}};
  json["detours"] = {{"messages", c.results.detours}, {"hops_added", c.results.detour_hops}};
  if (c.results.zplane.messages > 0) json["zplane"] = zplane_json(c);
  json["memory"] = memory_json(c);
  json["energy"] = energy_json(c, seconds);
  json["waiting"] = waiting_json(c.results);
  json["blocked_packets"] = c.results.blocked_packets;
  json["host"] = host_json(c.results);
  return json;
}

std::string report_json(const RunContext& context) {
  return dump(report_value(context));
}

}  // namespace dojo::report

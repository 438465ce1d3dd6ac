// SPDX-License-Identifier: Apache-2.0
// No parameter does nothing: each number of the machine, of the workload, of the run, of routers and of synthetic
// traffic is turned up and down, and the results of some small job must move. Exceptions stand below with their
// reasons.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "dojo/schema/declared.h"
#include "support/net.h"
#include "support/run.h"
#include "support/temporary_folder.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using Overrides = std::vector<std::string>;

/// Path -> why no result of a simulation depends on it.
const std::map<std::string, std::string>& exceptions() {
  static const std::map<std::string, std::string> reasons{
      {"machine.node.scalar_latency_cycles",
       "integer work of a program: kernels of operations do none (unit_parameters_test)"},
      {"machine.node.core.send_queue_entries", "of programs that send: kernels of operations do not"},
      {"machine.node.core.integer_units", "integer work of a program: kernels of operations do none"},
      {"machine.node.core.semaphores", "a capacity: programs that name more are refused"},
      {"machine.noc.networks", "recorded events name their network; a job or a pattern is refused (unit_replay_test)"},
      {"machine.noc.packet_bytes", "of recorded events alone (unit_replay_test)"},
      {"machine.noc.header_flits", "the same"},
      {"machine.noc.endpoint_bytes_per_cycle", "the same"},
      {"machine.noc.endpoint_cycles", "the same"},
      {"machine.noc.read_cycles", "the same"},
      {"machine.noc.issue_cycles", "the same"},
      {"machine.noc.credit_cycles", "the same"},
      {"machine.noc.shared_buffer_packets", "the same"},
      {"machine.noc.shared_packets_per_vc", "the same"},
      {"machine.noc.memory_bytes_per_cycle", "the same"},
      {"machine.noc.memory_read_cycles", "the same"},
      {"machine.dip.hbm_bytes", "a capacity: with too little of it the job is refused"},
      {"run.timeline_begin_ns", "a file of its own shows the time that it chooses (unit_timeline_test)"},
      {"run.timeline_end_ns", "the same"},
      {"run.threads", "host threads: results must not depend on them"},
  };
  return reasons;
}

/// A small job or measurement, and the parameters that it is good for: paths that begin so.
struct Job {
  const char* name;
  bool net;
  RunRequest request;
  std::vector<std::string> serves;
};

Overrides operator+(Overrides a, const Overrides& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Overrides kSmallDie{"machine.die.grid.rows=6", "machine.die.grid.columns=6", "machine.die.enabled=35",
                          "machine.die.disabled_sites=[]"};

const Overrides kSmallTransformer{
    "workload.ranks=2",          "workload.generate.layers=2",       "workload.generate.hidden=64",
    "workload.generate.heads=4", "workload.generate.kv_heads=4",     "workload.generate.feed_forward=128",
    "workload.generate.batch=4", "workload.generate.vocabulary=256", "workload.generate.sequence=32"};

const TemporaryFolder& folder() {
  static const TemporaryFolder made;
  return made;
}

/// Traffic with HBM and hosts, and a product on the vector units.
std::string dip_trace() {
  static const std::string file = folder().write("dip.json", R"({"format": "dojo.trace/1",
    "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"ops": [
    {"id": 0, "name": "in", "kind": "ingest", "bytes": 400000},
    {"id": 1, "name": "load", "kind": "mem_load", "bytes": 400000, "deps": [0]},
    {"id": 2, "name": "mul", "kind": "matmul", "dtype": "fp32",
     "matmul": {"m": 64, "n": 64, "k": 64}, "deps": [1]},
    {"id": 3, "name": "store", "kind": "mem_store", "bytes": 400000, "deps": [2]}]}]})");
  return file;
}
/// Kernels of every unit of a core: small products, sums, vector work.
std::string core_trace() {
  static const std::string file = folder().write("core.json", R"({"format": "dojo.trace/1",
    "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"ops": [
    {"id": 0, "name": "shallow", "kind": "matmul", "matmul": {"m": 300, "n": 200, "k": 16}},
    {"id": 1, "name": "deep", "kind": "matmul", "matmul": {"m": 16, "n": 48, "k": 2000}, "deps": [0]},
    {"id": 2, "name": "add", "kind": "elementwise", "elements": 60000, "vector_flops_per_element": 2, "deps": [1]},
    {"id": 3, "name": "update", "kind": "optimizer", "elements": 20000, "vector_flops_per_element": 6, "deps": [2]}]}]})");
  return file;
}
/// Two ranks of which one sends to the other from DIP to DIP.
std::string zplane_trace() {
  static const std::string file = folder().write("zplane.json", R"({"format": "dojo.trace/1",
    "ranks": [{"graph": 0, "ranks": 1}, {"graph": 1, "ranks": 1}], "graphs": [
    {"ops": [{"id": 0, "name": "s", "kind": "send", "bytes": 600000, "peer": 1, "route": "zplane"}]},
    {"ops": [{"id": 0, "name": "r", "kind": "recv", "bytes": 600000, "peer": 0}]}]})");
  return file;
}
/// Operations of recorded durations.
std::string recorded_trace() {
  static const std::string file = folder().write("recorded.json", R"({"format": "dojo.trace/1",
    "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"ops": [
    {"id": 0, "name": "a", "kind": "compute", "duration_ns": 5000}]}]})");
  return file;
}
/// A small all-reduce beside a large one.
std::string two_sums_trace() {
  static const std::string file = folder().write("two_sums.json", R"({"format": "dojo.trace/1",
    "ranks": [{"graph": 0, "ranks": 2}], "graphs": [{"ops": [
    {"id": 0, "name": "large", "kind": "all_reduce", "bytes": 2000000},
    {"id": 1, "name": "small", "kind": "all_reduce", "bytes": 8000}]}]})");
  return file;
}
std::string layer_text() {
  static const std::string file =
      folder().write("layers.txt",
                     "HYBRID_DATA_MODEL\n2\na -1 1000 ALLREDUCE 4096 2000 ALLREDUCE 4096 3000 ALLREDUCE 8192 50\n"
                     "b -1 1000 ALLREDUCE 4096 2000 ALLREDUCE 4096 3000 ALLREDUCE 8192 50\n");
  return file;
}
std::string layer_list() {
  static const std::string file = folder().write(
      "layers.csv",
      "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
      "c1,16,16,3,3,4,8,1,\nc2,14,14,3,3,8,8,1,\n");
  return file;
}

const std::vector<Job>& jobs() {
  static const std::string machines = "configs/machines/", workloads = "configs/workloads/";
  const std::string product = workloads + "matmul_4096.json", reduce = workloads + "allreduce_64mib.json";
  const Overrides small{"workload.generate.m=256", "workload.generate.n=192", "workload.generate.k=320"};
  const Overrides two_dies{"machine.tile.dies.rows=1", "machine.tile.dies.columns=2"};
  const Overrides several_tiles{"machine.tile.dies.rows=1",        "machine.tile.dies.columns=1",
                                "machine.tray.tiles.rows=1",       "machine.tray.tiles.columns=2",
                                "machine.cabinet.trays.rows=2",    "machine.cabinet.trays.columns=1",
                                "machine.exapod.tile_mesh.rows=4", "machine.exapod.tile_mesh.columns=4"};
  static const std::vector<Job> all{
      {"the next partition of a product",
       false,
       {"", machines + "die.json", product, {"workload.generate.m=1024", "workload.generate.n=1024"}, {}},
       {"workload.plan_choice"}},
      {"product on a die",
       false,
       {"", machines + "die.json", product, kSmallDie + small, {}},
       {"machine.clock_hz", "machine.node.", "machine.noc.", "machine.die.", "machine.energy", "workload.generate.",
        "run."}},
      {"all-reduce over two dies",
       false,
       {"", machines + "tile.json", reduce, kSmallDie + two_dies + Overrides{"workload.generate.bytes=2000000"}, {}},
       {"machine.die.", "machine.tile.dies.", "machine.node.", "machine.energy", "workload.generate.bytes",
        "workload.ranks", "workload.rank_unit.", "run."}},
      {"kernels on the pipeline of the core",
       false,
       {"",
        machines + "node.json",
        core_trace(),
        {"workload.rank_unit=node", "run.node_model=pipeline", "machine.node.vector_formats_native=false"},
        {}},
       {"machine.node."}},
      {"kernels whose sums lie in the matrix unit",
       false,
       {"",
        machines + "node.json",
        core_trace(),
        {"workload.rank_unit=node", "run.node_model=pipeline", "machine.node.core.sums=unit"},
        {}},
       {"machine.node.core."}},
      {"two all-reduces over two dies",
       false,
       {"", machines + "tile.json", two_sums_trace(), kSmallDie + two_dies, {}},
       {"machine.node.communication_threads"}},
      {"product on another die: energy and cost follow its sizes",
       false,
       {"",
        machines + "die.json",
        product,
        kSmallDie + small +
            Overrides{"machine.clock_hz=1.5e9", "machine.node.sram_bytes=2000000", "machine.node.load_ports=3",
                      "machine.node.matrix_depth=8"},
        {}},
       {"machine.energy", "machine.area.", "machine.cost."}},
      {"failures over days",
       false,
       {"",
        machines + "exapod.json",
        reduce,
        kSmallDie + several_tiles +
            Overrides{"workload.generate.bytes=200000", "run.failures.days=200", "run.failures.checkpoint_bytes=1e12",
                      "run.failures.die_failures_per_year=2", "run.failures.link_failures_per_year=1",
                      "run.failures.host_failures_per_year=1", "run.failures.node_failures_per_year=0.01",
                      "run.failures.dip_failures_per_year=1", "run.failures.repetitions=2"},
        {}},
       {"run.failures."}},
      {"product on a slow core",
       false,
       {"",
        machines + "die.json",
        product,
        kSmallDie + small + Overrides{R"(machine.slow_nodes=[{"path":"die.node[3]","core_speed":0.5}])"},
        {}},
       {"machine.slow_nodes"}},
      {"all-reduce around dead parts",
       false,
       {"",
        machines + "tile.json",
        reduce,
        kSmallDie +
            Overrides{"machine.tile.dies.rows=2", "machine.tile.dies.columns=2", "workload.generate.bytes=100000",
                      R"(machine.defects_random=[{"kind":"router","share":0.1,"maps":2},{"kind":"die","count":1}])"},
        {}},
       {"machine.defects_random"}},
      {"all-reduce over tiles, trays and cabinets",
       false,
       {"",
        machines + "exapod.json",
        reduce,
        kSmallDie + several_tiles + Overrides{"workload.generate.bytes=200000"},
        {}},
       {"machine.tile.", "machine.tray.", "machine.cabinet.", "machine.exapod.", "machine.energy", "machine.cost.",
        "workload.rank_unit."}},
      {"traffic with the DIPs",
       false,
       {"", machines + "die.json", dip_trace(), kSmallDie, {}},
       {"machine.dip.", "machine.energy", "machine.node."}},
      {"messages over the Z-plane",
       false,
       {"",
        machines + "tile.json",
        zplane_trace(),
        kSmallDie + Overrides{"machine.tile.dies.rows=2", "machine.tile.dies.columns=1",
                              "machine.zplane.loss_rate=0.05", "machine.zplane.timeout_ns=20000",
                              "machine.zplane.window_bytes=65536", "machine.zplane.switch_tiers=2",
                              "machine.zplane.ports_per_switch=4"},
        {}},
       {"machine.zplane.", "machine.dip."}},
      {"product on the reference network",
       false,
       {"", machines + "die.json", product, kSmallDie + small + Overrides{"run.network_model=reference"}, {}},
       {"machine.noc."}},
      {"steps",
       false,
       {"", machines + "tile.json", reduce, kSmallDie + two_dies + Overrides{"workload.generate.bytes=1000"}, {}},
       {"workload.steps"}},
      {"a small transformer",
       false,
       {"", machines + "tile.json", workloads + "gpt_layer.json", kSmallDie + two_dies + kSmallTransformer, {}},
       {"workload.generate.", "machine.energy_parts.vector"}},
      {"a pipeline",
       false,
       {"",
        machines + "tile.json",
        workloads + "gpt_layer.json",
        kSmallDie + two_dies + kSmallTransformer +
            Overrides{"workload.generate.pipeline=2", "workload.generate.microbatches=2"},
        {}},
       {"workload.generate."}},
      {"a pipeline with blocks for two chunks a stage",
       false,
       {"",
        machines + "tile.json",
        workloads + "gpt_layer.json",
        kSmallDie + two_dies + kSmallTransformer +
            Overrides{"workload.generate.layers=4", "workload.generate.pipeline=2", "workload.generate.microbatches=2"},
        {}},
       {"workload.generate.chunks"}},
      {"shards over a group",
       false,
       {"",
        machines + "tile.json",
        workloads + "gpt_layer.json",
        kSmallDie + kSmallTransformer +
            Overrides{"machine.tile.dies.rows=2", "machine.tile.dies.columns=4", "workload.ranks=8",
                      "workload.generate.layers=1", "workload.generate.zero=1"},
        {}},
       {"workload.generate.zero"}},
      {"a camera",
       false,
       {"",
        machines + "die.json",
        reduce,
        {"workload.generate.model=video", "workload.generate.batch=1", "workload.generate.cameras=1",
         "workload.generate.frames=1", "workload.capacity_policy=stream", "workload.ranks=1"},
        {}},
       {"workload.generate.cameras", "workload.generate.frames"}},
      {"experts",
       false,
       {"",
        machines + "tile.json",
        workloads + "gpt_layer.json",
        kSmallDie + two_dies + kSmallTransformer +
            Overrides{"workload.generate.model=moe", "workload.generate.size=8x7B", "workload.generate.experts=4"},
        {}},
       {"workload.generate."}},
      {"tables",
       false,
       {"",
        machines + "tile.json",
        reduce,
        two_dies + Overrides{"workload.generate.model=dlrm", "workload.generate.batch=64",
                             "workload.generate.table_rows=1000"},
        {}},
       {"workload.generate.table_rows"}},
      {"recorded times",
       false,
       {"", machines + "die.json", recorded_trace(), kSmallDie + Overrides{"workload.replay=recorded"}, {}},
       {"workload.duration_scale"}},
      {"layers in a text",
       false,
       {"",
        machines + "tile.json",
        layer_text(),
        kSmallDie + Overrides{"machine.tile.dies.rows=2", "machine.tile.dies.columns=2", "workload.ranks=4",
                              "workload.inner_ranks=2", "workload.replay=recorded"},
        {}},
       {"workload.cycle_ns", "workload.inner_ranks"}},
      {"layers in a list",
       false,
       {"", machines + "die.json", layer_list(), kSmallDie + Overrides{"workload.ranks=1"}, {}},
       {"workload.batch", "workload.bytes_per_element"}},
      {"ResNet-50 on two dies",
       false,
       {"tests/golden/resnet50_small_tile/config.json", "", "", {"workload.generate.bucket_bytes=8388608"}, {}},
       {"workload.generate."}},
      {"an audited run",
       false,
       {"", machines + "die.json", product, kSmallDie + small + Overrides{"run.audit_tasks=1"}, {}},
       {"run.audit_tasks"}},
      {"an audited training step",
       false,
       {"tests/golden/resnet50_small_tile/config.json", "", "", {"run.audit_tasks=2"}, {}},
       {"run.seed"}},
      {"packets, fast model",
       true,
       {"",
        "",
        "",
        {"net.mesh.rows=4", "net.mesh.columns=4", "net.packet_flits=8", "router.input_buffer_flits=2",
         "net.warmup_cycles=100", "net.measure_cycles=500"},
        {}},
       {"router.", "net.", "run.seed", "machine.node.noc_"}},
      {"packets, reference model",
       true,
       {"",
        "",
        "",
        {"net.mesh.rows=4", "net.mesh.columns=4", "net.packet_flits=8", "net.warmup_cycles=100",
         "net.measure_cycles=500", "run.network_model=reference"},
        {}},
       {"router.", "machine.node.noc_"}},
      {"packets in an area of dies",
       true,
       {"",
        "",
        "",
        kSmallDie + Overrides{"machine.level=tile", "machine.tile.dies.rows=3", "machine.tile.dies.columns=3",
                              "net.area.rows=2", "net.area.columns=2", "net.area.row=0", "net.area.column=0",
                              "net.warmup_cycles=100", "net.measure_cycles=500"},
        {}},
       {"net.area."}},
  };
  return all;
}

std::string measured(const RunRequest& request) {
  const config::RunConfig config = net_config("", request.set);
  const NetMeasured net = measure_net(
      config, config.run.network_model == fabric::NetworkModel::kReference ? NetModel::kReference : NetModel::kFast);
  json result{net.outcome.mean_cycles,
              net.outcome.end,
              net.outcome.tally.cycles,
              net.outcome.tally.created,
              net.outcome.tally.flits_injected,
              net.flit_hops,
              net.zero_load_cycles,
              net.outcome.measured,
              net.outcome.warmup};
  return result.dump();
}

/// What a run takes and costs follows from the machine file by itself: it shows nothing of what is simulated.
enum class Figures { kSimulated, kAll };

/// Parameters of which only energy, cost or days with failures tell.
Figures figures_of(const std::string& path) {
  for (const char* begin :
       {"machine.energy", "machine.area.", "machine.cost.", "run.failures.", "machine.tray.hosts"}) {
    if (path.rfind(begin, 0) == 0) return Figures::kAll;
  }
  return Figures::kSimulated;
}

/// The report without what describes machine, program and host.
std::string reported(const RunRequest& request, Figures figures) {
  const config::RunConfig config = load(request);
  json report;
  if (config.run.audit_tasks > 0 || config.run.failures.days > 0) {
    report = json::parse(report::report_json(run::run(config).context()));
  } else {
    const JobRun ran = run(request);
    report = json::parse(report::report_json({config, *ran.topology, *ran.workload, *ran.job, ran.results}));
  }
  for (const char* key :
       {"program", "digest", "seed", "inputs", "machine", "host", "configuration", "evidence", "warnings"})
    report.erase(key);
  report["memory"].erase("hbm_capacity_bytes");
  if (figures == Figures::kSimulated) {
    for (const char* key : {"energy", "cost", "failures"}) report.erase(key);
  }
  return report.dump();
}

std::string results(const Job& job, const Overrides& more, Figures figures) {
  RunRequest request = job.request;
  request.set = request.set + more;
  request.settings.threads = 2;
  return job.net ? measured(request) : reported(request, figures);
}
/// Settings that are refused move nothing.
bool moves(const Job& job, const Overrides& more, const std::string& before, Figures figures) {
  try {
    return results(job, more, figures) != before;
  } catch (const Error&) {
    return false;
  }
}

/// Of a job: results, and every setting with its value.
struct Baseline {
  std::map<Figures, std::string> results;
  json settings;
};
const Baseline& baseline(const Job& job, Figures figures) {
  static std::map<std::string, Baseline> known;
  const auto at = known.try_emplace(job.name).first;
  if (at->second.results.count(figures) != 0) return at->second;
  try {
    const config::RunConfig config = job.net ? net_config("", job.request.set) : load(job.request);
    at->second.settings =
        json::parse(config::resolved_json(config, job.net ? config::Purpose::kNet : config::Purpose::kRun));
    at->second.results[figures] = results(job, {}, figures);
  } catch (const Error& error) {
    ADD_FAILURE() << job.name << ": " << error.what();
    at->second.results[figures];
  }
  return at->second;
}

/// "machine.defects_random[].share" -> the override's path and the place in the resolved settings.
std::string first_of_list(std::string path) {
  const std::size_t at = path.find("[]");
  if (at != std::string::npos) path.replace(at, 2, path.find("count") != std::string::npos ? "[1]" : "[0]");
  return path;
}
const json* value_at(const json& settings, const std::string& path) {
  std::string pointer = "/" + path;
  for (const char* from : {"[", "."}) {
    for (std::size_t at = pointer.find(from); at != std::string::npos; at = pointer.find(from)) pointer[at] = '/';
  }
  pointer.erase(std::remove(pointer.begin(), pointer.end(), ']'), pointer.end());
  const json::json_pointer place(pointer);
  return settings.contains(place) ? &settings.at(place) : nullptr;
}

/// Other values within the range, as text: up, then down.
std::vector<std::string> turned(const schema::Declared& parameter, double value) {
  std::vector<double> candidates{value * 2, value + 1, value / 2, value - 1};
  if (value == 0) candidates = {1, 4, 4096, 1e6};
  std::vector<std::string> texts;
  for (double candidate : candidates) {
    if (parameter.kind == schema::Kind::kInteger) candidate = std::floor(candidate);
    if (candidate == value || candidate < parameter.range.low || candidate > parameter.range.high) continue;
    texts.push_back(parameter.kind == schema::Kind::kInteger ? std::to_string(static_cast<std::int64_t>(candidate))
                                                             : fmt::format("{}", candidate));
  }
  return texts;
}

/// What moves when the parameter is turned; "" for nothing.
std::string what_moves(const schema::Declared& parameter) {
  const Figures figures = figures_of(parameter.path);
  for (const Job& job : jobs()) {
    const bool serves = std::any_of(job.serves.begin(), job.serves.end(), [&](const std::string& begin) {
      return parameter.path.compare(0, begin.size(), begin) == 0;
    });
    if (!serves) continue;
    const Baseline& before = baseline(job, figures);
    const std::string path = first_of_list(parameter.path);
    const json* const value = value_at(before.settings, path);
    if (value == nullptr || !value->is_number()) continue;
    for (const std::string& text : turned(parameter, value->get<double>())) {
      if (moves(job, {path + "=" + text}, before.results.at(figures), figures))
        return fmt::format("{}={}: {}", path, text, job.name);
    }
  }
  return "";
}

std::vector<schema::Declared> numbers() {
  std::vector<schema::Declared> all;
  const auto add = [&](const std::vector<schema::Declared>& more) {
    for (const schema::Declared& one : more) {
      if (one.kind == schema::Kind::kInteger || one.kind == schema::Kind::kNumber) all.push_back(one);
    }
  };
  add(schema::declarations_of<config::Machine>("machine."));
  add(schema::declarations_of<config::WorkloadParams>("workload."));
  add(schema::declarations_of<config::RunParams>("run."));
  add(schema::declarations_of<traffic::RouterParams>("router."));
  add(schema::declarations_of<traffic::NetParams>("net."));
  return all;
}

TEST(Parameters, EachNumberMovesTheResultsOfSomeJob) {
  for (const schema::Declared& parameter : numbers()) {
    const std::string moved = what_moves(parameter);
    const bool excepted = exceptions().count(parameter.path) != 0;
    if (excepted) {
      EXPECT_EQ(moved, "") << parameter.path << " takes effect: it is an exception no longer";
    } else {
      EXPECT_NE(moved, "") << parameter.path << " (" << parameter.sentence << ") changes no result of any job here";
    }
  }
}

TEST(Parameters, ExceptionsAreParameters) {
  const std::vector<schema::Declared> all = numbers();
  for (const auto& [path, reason] : exceptions()) {
    EXPECT_FALSE(reason.empty());
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&, p = path](const auto& one) { return one.path == p; })) << path;
  }
}

/// The virtual channels of the machine's routers: the burst model knows two classes and no further channels.
TEST(Parameters, VirtualChannelsMoveTheReferenceNetworkAlone) {
  for (const Job& job : jobs()) {
    const std::string name = job.name;
    if (name != "product on a die" && name != "product on the reference network") continue;
    const bool moved = moves(job, {"machine.noc.virtual_channels=6"},
                             baseline(job, Figures::kSimulated).results.at(Figures::kSimulated), Figures::kSimulated);
    EXPECT_EQ(moved, name == "product on the reference network") << name;
  }
}

}  // namespace
}  // namespace dojo::test

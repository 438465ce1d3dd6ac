// SPDX-License-Identifier: Apache-2.0
// Reads a run config (files, objects and overrides) into one complete, checked value.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dojo/config/machine.h"
#include "dojo/fabric/network_model.h"
#include "dojo/failures/params.h"
#include "dojo/node/node_model.h"
#include "dojo/schema/fields.h"
#include "dojo/topology/machine_params.h"
#include "dojo/traffic/params.h"
#include "dojo/traffic/router_params.h"
#include "dojo/workload/choices.h"

namespace dojo::config {

using schema::Anything;
using schema::AtLeast;
using schema::Between;
using schema::OneOf;
using schema::Source;

struct RankUnitParams {  ///< in JSON also a bare string: "die"
  workload::PlacementUnit unit = workload::PlacementUnit::kDie;
  std::int64_t rows = 1, columns = 1;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("unit", self.unit, "what a rank is placed on", Anything(), Source{"chosen"});
    field("rows", self.rows, "units in a column of the rank's slice", Between(1, 4096), Source{"chosen"});
    field("columns", self.columns, "units in a row of the rank's slice", Between(1, 4096), Source{"chosen"});
  }
};

/// A workload made by the program itself instead of read from a trace.
struct GenerateParams {
  std::string model;  ///< "resnet50", "matmul", "all_reduce", ...; "" = none
  std::int64_t batch = 8;
  std::string dtype = "bf16";
  std::int64_t batch_norm_group = 25;
  std::int64_t bucket_bytes = 8388608;
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t bytes = 0;
  std::string size;  ///< of a transformer; "" = the model's smallest
  std::int64_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, feed_forward = 0, vocabulary = 0, sequence = 0;
  std::int64_t experts = 0, table_rows = 0;
  std::string attention = "flash";
  workload::OptimizerRule optimizer = workload::OptimizerRule::kAdam;
  std::int64_t tensor = 1, pipeline = 1, microbatches = 1;
  bool sequence_parallel = false;
  workload::PipelineSchedule schedule = workload::PipelineSchedule::k1F1B;
  bool repeat_microbatches = false;
  std::int64_t chunks = 1, expert_ranks = 1, expert_skew = 0, zero = 0, zero_ranks = 0;
  std::string checkpoint;
  std::int64_t cameras = 0, frames = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("model", self.model, "a network such as resnet50 or gpt, matmul, or a collective such as all_reduce",
          Anything(), Source{"chosen"});
    field("batch", self.batch, "samples per rank and step", Between(1, 1 << 20), Source{"chosen"});
    field("dtype", self.dtype, "number format of a generated workload", OneOf("bf16", "cfp8"), Source{"chosen"});
    field("batch_norm_group", self.batch_norm_group, "ranks that share batch-norm statistics", Between(1, 1 << 20),
          Source{"V01"});
    field("bucket_bytes", self.bucket_bytes, "gradient bytes per all-reduce", Between(1, 1e15), Source{"chosen"});
    field("m", self.m, "matmul: rows of the result", AtLeast(0), Source{"chosen"});
    field("n", self.n, "matmul: columns of the result", AtLeast(0), Source{"chosen"});
    field("k", self.k, "matmul: inner dimension", AtLeast(0), Source{"chosen"});
    field("bytes", self.bytes, "collective: bytes per rank", AtLeast(0), Source{"chosen"});
    field("size", self.size, "a network's published size, such as 125M; \"\" = its smallest", Anything(),
          Source{"chosen"});
    field("layers", self.layers, "transformers: blocks; 0 = as the size", AtLeast(0), Source{"chosen"});
    field("hidden", self.hidden, "transformers: elements of a token; 0 = as the size", AtLeast(0), Source{"chosen"});
    field("heads", self.heads, "transformers: heads of queries; 0 = as the size", AtLeast(0), Source{"chosen"});
    field("kv_heads", self.kv_heads, "transformers: heads of keys and values; 0 = as the size", AtLeast(0),
          Source{"chosen"});
    field("feed_forward", self.feed_forward,
          "transformers: elements between the two products of a block; 0 = as the "
          "size",
          AtLeast(0), Source{"chosen"});
    field("vocabulary", self.vocabulary, "transformers: words; 0 = as the size", AtLeast(0), Source{"chosen"});
    field("sequence", self.sequence, "transformers: tokens of a sample; 0 = as the size", AtLeast(0), Source{"chosen"});
    field("experts", self.experts, "moe: experts of a block; 0 = as the size", AtLeast(0), Source{"chosen"});
    field("table_rows", self.table_rows, "dlrm: most rows of a table; 0 = as published", AtLeast(0), Source{"chosen"});
    field("attention", self.attention, "flash: in one pass, masked blocks left out; explicit: whole scores are written",
          OneOf("flash", "explicit"), Source{"chosen"});
    field("optimizer", self.optimizer, "rule by which a transformer's parameters are updated", Anything(),
          Source{"chosen"});
    field("tensor", self.tensor, "ranks that share each product of a transformer block", Between(1, 1 << 20),
          Source{"chosen"});
    field("sequence_parallel", self.sequence_parallel, "those ranks share norms and residuals too, by tokens",
          Anything(), Source{"chosen"});
    field("pipeline", self.pipeline, "ranks that share out the blocks of gpt, llama or moe", Between(1, 4096),
          Source{"chosen"});
    field("microbatches", self.microbatches, "gpt, llama, moe: parts of the batch that pass one after the other",
          Between(1, 1 << 16), Source{"chosen"});
    field("schedule", self.schedule, "order of these parts", Anything(), Source{"chosen"});
    field("repeat_microbatches", self.repeat_microbatches,
          "a pipeline: simulate 4 of these parts for each stage, and add the time of the others by a rule", Anything(),
          Source{"chosen"});
    field("chunks", self.chunks, "shares of the blocks on each rank of a pipeline; from 2 on it is interleaved",
          Between(1, 4096), Source{"chosen"});
    field("expert_ranks", self.expert_ranks, "moe: data-parallel ranks that share out the experts", Between(1, 1 << 20),
          Source{"chosen"});
    field("expert_skew", self.expert_skew, "moe: percent of tokens that the first expert gets beyond its equal share",
          Between(0, 1000), Source{"chosen"});
    field("zero", self.zero,
          "what data-parallel ranks shard: 1 optimizer state, 2 gradients too, 3 weights too; 0 = as "
          "shard_optimizer says",
          Between(0, 3), Source{"chosen"});
    field("zero_ranks", self.zero_ranks, "data-parallel ranks over which they shard; 0 = all", AtLeast(0),
          Source{"chosen"});
    field("checkpoint", self.checkpoint,
          "operations whose results are dropped and made again in the backward pass: blocks, or names with * and ?, "
          "divided by commas; empty = none",
          Anything(), Source{"chosen"});
    field("cameras", self.cameras, "video: cameras; 0 = 8", AtLeast(0), Source{"chosen"});
    field("frames", self.frames, "video: past top views in the queue; 0 = 12", AtLeast(0), Source{"chosen"});
  }
};

struct ReplayRuleParams {
  std::string operations;
  workload::Replay replay = workload::Replay::kShapes;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("operations", self.operations, "names or kinds of operations; * and ? as in file names", Anything(),
          Source{"chosen"});
    field("replay", self.replay, "where their times come from", Anything(), Source{"chosen"});
  }
};

struct WorkloadParams {
  std::string trace;
  GenerateParams generate;
  RankUnitParams rank_unit;
  std::int64_t ranks = 0;  ///< 0 = as the trace says
  std::int64_t steps = 1;
  bool replicate = false;
  std::int64_t bytes_per_element = 0;
  std::string group_file;
  std::string deps = "data";
  std::int64_t batch = 0;
  std::int64_t cycle_ns = 1;
  std::int64_t inner_ranks = 0;
  bool forward_only = false;
  double duration_scale = 1;
  std::string kineto_file;
  std::optional<workload::Algorithm> collective_algorithm;  ///< none = by cost
  workload::SendRoute send_route = workload::SendRoute::kMesh;
  workload::CapacityPolicy capacity_policy = workload::CapacityPolicy::kRecomputeThenSpill;
  workload::Replay replay = workload::Replay::kShapes;
  std::vector<ReplayRuleParams> replay_rules;
  std::int64_t plan_choice = 0;
  bool shard_optimizer = true;
  std::map<std::string, std::string> placement;  ///< rank -> path of the first part of its slice
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("trace", self.trace, "trace file, or the prefix of one file per rank", Anything(), Source{"chosen"});
    field.group("generate", self.generate, "a workload made by the program");
    field.group("rank_unit", self.rank_unit, "what one rank is placed on");
    field("ranks", self.ranks, "ranks; 0 = as the trace says, or all that fit for a generated workload",
          Between(0, 1e7), Source{"chosen"});
    field("steps", self.steps, "training steps", Between(1, 64), Source{"chosen"});
    field("replicate", self.replicate, "use one rank's file for all ranks", Anything(), Source{"chosen"});
    field("bytes_per_element", self.bytes_per_element, "for traces that count elements; 0 = the trace counts bytes",
          Between(0, 64), Source{"chosen"});
    field("group_file", self.group_file, "communicator groups of a trace with one file per rank", Anything(),
          Source{"chosen"});
    field("deps", self.deps, "what orders the nodes of a Chakra trace; ctrl_deps are a call stack in most files",
          OneOf("data", "data+ctrl"), Source{"chosen"});
    field("batch", self.batch, "samples per rank where a layer list or ONNX file leaves it open; 0 = 1",
          Between(0, 1 << 20), Source{"chosen"});
    field("cycle_ns", self.cycle_ns, "length of the time unit of layer-per-line texts", Between(1, 1e9),
          Source{"chosen"});
    field("inner_ranks", self.inner_ranks,
          "ranks that share a model, for hybrid policies of layer-per-line texts that do not say; 0 = none",
          Between(0, 1e7), Source{"chosen"});
    field("forward_only", self.forward_only, "add no backward pass and no update to layer lists and ONNX files",
          Anything(), Source{"chosen"});
    field("duration_scale", self.duration_scale, "every recorded duration is multiplied by it", Between(0, 1e6),
          Source{"chosen"});
    field("kineto_file", self.kineto_file, "Kineto trace of the same run as a PyTorch execution trace, for durations",
          Anything(), Source{"chosen"});
    field("collective_algorithm", self.collective_algorithm,
          "algorithm of every collective; empty = the cheapest by the cost model", Anything(), Source{"chosen"});
    field(
        "send_route", self.send_route,
        "way of messages between ranks that name none: the mesh, DIPs and their Ethernet switch, or by the cost model",
        Anything(), Source{"chosen"});
    field("capacity_policy", self.capacity_policy, "what happens when SRAM is too small", Anything(), Source{"chosen"});
    field("replay", self.replay, "where times of operations come from", Anything(), Source{"chosen"});
    field.list("replay_rules", self.replay_rules, "where times of some operations come from; the last that matches");
    field(
        "plan_choice", self.plan_choice,
        "partition of each product: 0 = the cheapest by the cost model, 1 = the next; to measure what its choice costs",
        Between(0, 1000), Source{"chosen"});
    field("shard_optimizer", self.shard_optimizer, "optimizer state sharded over the data-parallel ranks", Anything(),
          Source{"chosen"});
    field.map("placement", self.placement, "rank -> path of the first part of its slice");
  }
};

struct RunParams {
  std::int64_t threads = 0;  ///< 0 = as many as this process may use
  std::int64_t seed = 1;
  fabric::NetworkModel network_model = fabric::NetworkModel::kFast;
  node::NodeModel node_model = node::NodeModel::kTable;
  std::string detailed_core = "pipeline";
  bool all_links = false;
  bool copy_tasks = true;
  bool rows_in_step = true;
  bool repeat_kernels = false;
  bool contention = false;
  bool if_free = false;
  bool sensitivity = false;
  bool timeline = false;
  std::string timeline_ranks;
  double timeline_begin_ns = 0, timeline_end_ns = 0;
  std::int64_t audit_tasks = -1;  ///< -1: as many as the default budget holds
  failures::Params failures;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field(
        "threads", self.threads,
        "host threads; 0 = one for each processor that affinity and control groups allow; the results do not depend on "
        "it",
        Between(0, 1024), Source{"chosen"});
    field("seed", self.seed, "of every random draw", Between(0, 9e15), Source{"chosen"});
    field("network_model", self.network_model, "model of the network", Anything(), Source{"chosen"});
    field("node_model", self.node_model, "where times of the cores' work come from", Anything(), Source{"chosen"});
    field("detailed_core", self.detailed_core,
          "core of the nodes of machine.detailed: pipeline, or what a plug-in has added", Anything(), Source{"chosen"});
    field("copy_tasks", self.copy_tasks,
          "take what a task did on another die that was in the same state, instead of running it again; same results",
          Anything(), Source{"chosen"});
    field("rows_in_step", self.rows_in_step,
          "run one row of tiles for all rows as long as they all do the same; same results", Anything(),
          Source{"chosen"});
    field(
        "repeat_kernels", self.repeat_kernels,
        "a kernel that its rank of several dies has run before takes the time of that run; traffic that it meets does "
        "not slow it",
        Anything(), Source{"chosen"});
    field("contention", self.contention,
          "run the job a second time over the ideal network, and report what contention costs", Anything(),
          Source{"chosen"});
    field("if_free", self.if_free,
          "run the job again once for each part of the machine, with that part ideal, and report what it would gain",
          Anything(), Source{"chosen"});
    field("sensitivity", self.sensitivity,
          "run the job again with each assumed number of the machine 10 % less and more, and report what that changes",
          Anything(), Source{"chosen"});
    field("timeline", self.timeline, "write timeline.pftrace.gz: what each rank ran when", Anything(),
          Source{"chosen"});
    field("timeline_ranks", self.timeline_ranks,
          "ranks of the timeline, such as 0,5-9, or all; empty = 64 of them, spread evenly", Anything(),
          Source{"chosen"});
    field("timeline_begin_ns", self.timeline_begin_ns, "the timeline begins then", Between(0, 1e15), Source{"chosen"});
    field("timeline_end_ns", self.timeline_end_ns, "and ends then; 0 = with the job", Between(0, 1e15),
          Source{"chosen"});
    field("audit_tasks", self.audit_tasks,
          "operations that are replayed in the reference network, for the run's own error; 0 = none, -1 = as many as a "
          "small share of the job's flit-hops holds",
          Between(-1, 1e6), Source{"chosen"});
    field("all_links", self.all_links, "links.csv holds every on-die link", Anything(), Source{"chosen"});
    field.group("failures", self.failures, "failures over days of such steps");
  }
};

/// A key whose value is not that of the files; values as JSON text. `file` is empty where the files have no such key.
struct ChangedKey {
  std::string path, file, value;
};

struct RunConfig {
  Machine machine;
  WorkloadParams workload;
  RunParams run;
  traffic::RouterParams router;                     ///< of packets, in both network models
  traffic::NetParams net;                           ///< of `dojosim net`
  std::string machine_file, workload_file;          ///< provenance, for messages
  std::map<std::string, std::string> input_sha256;  ///< every file read so far, as named by the user
  std::vector<ChangedKey> changed;                  ///< by `--set` and its like; in the order of their paths
  std::string command;                              ///< the line that began this run; "" = none
};

/// What a config file is for; each command has its own sections.
enum class Purpose { kRun, kNet };

struct LoadRequest {
  std::string config_file;             ///< may be empty
  std::string machine_file;            ///< --machine; may be empty
  std::string workload_file;           ///< --workload: workload JSON, trace file or trace prefix; may be empty
  std::vector<std::string> overrides;  ///< "machine.die.edge_bytes_per_s=4.032e12"
  Purpose purpose = Purpose::kRun;
};

/// All errors at once as `FILE:LINE: /json/path: found ..., expected ...`; Error(kInvalidInput), or Error(kIo) for a
/// missing file. File names inside a file are relative to it.
[[nodiscard]] RunConfig load(const LoadRequest& request);
/// A machine file alone. Also checks that the topology is possible.
[[nodiscard]] topology::MachineParams load_machine(const std::string& file,
                                                   std::map<std::string, std::string>* sha256 = nullptr);

/// The whole config with every default, as JSON text; loads back to the same RunConfig.
[[nodiscard]] std::string resolved_json(const RunConfig& config, Purpose purpose = Purpose::kRun);
/// Leaves of the resolved config by their dotted path, as JSON text.
[[nodiscard]] std::map<std::string, std::string> config_leaves(const RunConfig& config, Purpose purpose);
/// JSON Schema (draft 7) made from the same declarations. kind: "machine", "workload", "run", "net".
[[nodiscard]] std::string json_schema(const std::string& kind);
/// `list params`: Markdown table: key, default, unit, range, source, sentence.
[[nodiscard]] std::string parameters_markdown();
/// `topo show`: the machine drawn in text.
[[nodiscard]] std::string draw_machine(const topology::MachineParams& machine);

[[nodiscard]] std::string sha256_text(const std::string& text);  ///< hex
/// Hex, of a regular file. Error(kIo).
[[nodiscard]] std::string sha256_file(const std::string& file);

}  // namespace dojo::config

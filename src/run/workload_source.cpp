// SPDX-License-Identifier: Apache-2.0
// Reads or generates the workload of a run and names what placement and lowering need.
#include "dojo/run/workload_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dojo/base/nearest.h"
#include "dojo/trace/networks.h"
#include "run/repeated_parts.h"

namespace dojo::run {
namespace {

using workload::DType;
using workload::OpKind;

workload::RankUnit rank_unit(const config::RankUnitParams& params) {
  return {params.unit, params.rows, params.columns};
}

[[noreturn]] void invalid(const std::string& words) {
  throw Error(ExitCode::kInvalidInput, words);
}

DType generated_dtype(const std::string& name) {
  for (const DType type : {DType::kBf16, DType::kCfp8}) {
    if (name == workload::dtype_name(type)) return type;
  }
  invalid(fmt::format("workload.generate.dtype: found '{}', expected bf16 or cfp8", name));
}

bool is_network(const std::string& model) {
  const std::vector<std::string> names = workload::network_names();
  return std::find(names.begin(), names.end(), model) != names.end();
}

workload::NetworkOptions network_options(const config::GenerateParams& params, RankId ranks, std::int64_t steps) {
  workload::NetworkOptions options;
  options.size = params.size;
  options.batch = params.batch;
  options.dtype = generated_dtype(params.dtype);
  options.ranks = ranks;
  options.steps = steps;
  options.bucket_bytes = params.bucket_bytes;
  options.optimizer = params.optimizer;
  options.layers = params.layers;
  options.hidden = params.hidden;
  options.heads = params.heads;
  options.kv_heads = params.kv_heads;
  options.feed_forward = params.feed_forward;
  options.vocabulary = params.vocabulary;
  options.sequence = params.sequence;
  options.experts = params.experts;
  options.table_rows = params.table_rows;
  options.explicit_attention = params.attention == "explicit";
  options.tensor = params.tensor;
  options.sequence_parallel = params.sequence_parallel;
  options.pipeline = params.pipeline;
  options.microbatches = params.microbatches;
  options.schedule = params.schedule;
  options.chunks = params.chunks;
  options.expert_ranks = params.expert_ranks;
  options.expert_skew = params.expert_skew;
  options.zero = params.zero;
  options.zero_ranks = params.zero_ranks;
  options.checkpoint = params.checkpoint;
  options.cameras = params.cameras;
  options.frames = params.frames;
  leave_out_repeated_parts(params, options);
  return options;
}

/// The same graph on every rank.
workload::Workload replicate(workload::Workload workload, RankId ranks) {
  workload.graph_of_rank.assign(ranks, 0);
  workload::Group all{"all", std::vector<RankId>(ranks)};
  for (RankId r = 0; r < ranks; ++r) all.ranks[r] = r;
  workload.group_classes = {{"all", {std::move(all)}}};
  return workload;
}

workload::TraceOptions trace_options(const config::WorkloadParams& params, const topology::Topology& topology) {
  workload::TraceOptions options;
  options.ranks = static_cast<RankId>(params.ranks);
  options.replicate = params.replicate;
  if (params.replicate && params.ranks == 0)
    options.ranks = workload::place_count(rank_unit(params.rank_unit), topology);
  options.bytes_per_element = params.bytes_per_element;
  options.steps = params.steps;
  options.group_file = params.group_file;
  options.control_dependencies = params.deps == "data+ctrl";
  options.default_ranks = workload::place_count(rank_unit(params.rank_unit), topology);
  options.batch = params.batch;
  options.cycle_ns = params.cycle_ns;
  options.inner_ranks = params.inner_ranks;
  options.forward_only = params.forward_only;
  options.duration_scale = params.duration_scale;
  options.kineto_file = params.kineto_file;
  return options;
}

}  // namespace

std::vector<std::string> generator_names() {
  std::vector<std::string> names{"resnet50", "resnet101"};
  for (const std::string& network : workload::network_names()) names.push_back(network);
  names.emplace_back("matmul");
  for (const OpKind kind : workload::kinds_of(workload::OpFamily::kCollective))
    names.emplace_back(workload::op_kind_name(kind));
  return names;
}

workload::Workload generate_workload(const config::GenerateParams& params, RankId ranks, std::int64_t steps) {
  if (params.repeat_microbatches && !is_network(params.model)) {
    invalid(fmt::format(
        "workload.generate.repeat_microbatches: found it for {}, expected gpt, llama or moe, which can be a pipeline; "
        "remove it",
        params.model));
  }
  workload::Workload made;
  if (params.model == "resnet50" || params.model == "resnet101") {
    workload::ResNet50Options options;
    options.batch = params.batch;
    options.dtype = generated_dtype(params.dtype);
    options.ranks = ranks;
    options.batch_norm_group = std::min<std::int64_t>(params.batch_norm_group, ranks);
    options.bucket_bytes = params.bucket_bytes;
    options.steps = steps;
    made = params.model == "resnet50" ? workload::generate_resnet50(options) : workload::generate_resnet101(options);
  } else if (is_network(params.model)) {
    made = workload::generate_network(params.model, network_options(params, ranks, steps));
  } else if (params.model == "matmul") {
    made = replicate(workload::generate_matmul(params.m, params.n, params.k, generated_dtype(params.dtype)), ranks);
  } else {
    const std::optional<OpKind> kind = schema::enum_value<OpKind>(params.model);
    if (!kind || !workload::is_collective(*kind)) {
      invalid(fmt::format("workload.generate.model: found '{}', expected one of: {}{}", params.model,
                          fmt::join(generator_names(), ", "), did_you_mean(params.model, generator_names())));
    }
    made = workload::generate_collective(*kind, params.bytes, ranks);
  }
  made.steps = steps;
  Findings findings;  // sizes that a trace must not have either
  workload::check_workload(made, findings);
  findings.throw_if_any();
  return made;
}

namespace {

workload::Workload read_or_generated(const config::WorkloadParams& params, const topology::Topology& topology,
                                     std::vector<std::string>* files_read) {
  if (!params.trace.empty()) return workload::read_trace(params.trace, trace_options(params, topology), files_read);
  if (params.generate.model.empty()) {
    throw Error(ExitCode::kUsage,
                "no workload: give --workload FILE, or set workload.trace or workload.generate.model (see: dojosim run "
                "--help)");
  }
  const RankId ranks = params.ranks > 0 ? static_cast<RankId>(params.ranks)
                                        : workload::place_count(rank_unit(params.rank_unit), topology);
  return generate_workload(params.generate, ranks, params.steps);
}

}  // namespace

workload::Workload make_workload(const config::WorkloadParams& params, const topology::Topology& topology,
                                 std::vector<std::string>* files_read) {
  workload::Workload made = read_or_generated(params, topology, files_read);
  Findings findings;
  workload::read_schedule_files({}, params.collective_algorithm, files_read, findings);
  findings.throw_if_any();
  return made;
}

workload::LowerOptions lower_options(const config::WorkloadParams& params, RankId ranks) {
  workload::LowerOptions options;
  options.placement.rank_unit = rank_unit(params.rank_unit);
  options.placement.ranks = ranks;
  Findings findings;
  for (const auto& [word, path] : params.placement) {
    RankId rank = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), rank);
    if (failed != std::errc{} || end != word.data() + word.size() || rank >= ranks) {
      findings.add("workload.placement: found rank '{}', expected a number from 0 to {}", word, ranks - 1);
    }
    options.placement.by_name[rank] = path;
  }
  findings.throw_if_any();
  options.collective_algorithm = params.collective_algorithm;
  options.send_route = params.send_route;
  options.capacity_policy = params.capacity_policy;
  options.replay = params.replay;
  for (const config::ReplayRuleParams& rule : params.replay_rules) {
    options.replay_rules.push_back({rule.operations, rule.replay});
  }
  options.plan_choice = static_cast<std::uint32_t>(params.plan_choice);
  options.shard_optimizer = params.shard_optimizer;
  return options;
}

}  // namespace dojo::run

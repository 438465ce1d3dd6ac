// SPDX-License-Identifier: Apache-2.0
// The table of generated networks, their options, and the ranks of a job.
#include "dojo/trace/networks.h"

#include <fmt/format.h>

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "trace/networks/others.h"
#include "trace/networks/transformer.h"

namespace dojo::workload {
namespace {

using networks::Groups;
using networks::TransformerSize;

struct Network {
  const char* name;
  Graph (*transformer)(const NetworkOptions& options, const TransformerSize& size, const Groups& groups);
  Graph (*other)(const NetworkOptions& options, const Groups& groups);
  bool shares_products;  ///< by a tensor group
};
constexpr Network kNetworks[] = {{"gpt", networks::gpt, nullptr, true},    {"llama", networks::llama, nullptr, true},
                                 {"bert", networks::bert, nullptr, false}, {"vit", networks::vit, nullptr, false},
                                 {"moe", networks::llama, nullptr, true},  {"dlrm", nullptr, networks::dlrm, false},
                                 {"unet", nullptr, networks::unet, false}, {"video", nullptr, networks::video, false}};

void check(const Network& network, const NetworkOptions& o, Findings& findings) {
  const auto between = [&](const char* key, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) {
      findings.add("generate {}: found {} {}, expected {} to {}; set workload.generate.{}", network.name, key, value,
                   low, high, key);
    }
  };
  between("batch", o.batch, 1, 1 << 20);
  between("bucket_bytes", o.bucket_bytes, 1, std::int64_t{1} << 50);
  between("layers", o.layers, 0, 4096);
  for (const auto& [key, value] : {std::pair{"hidden", o.hidden},
                                   {"heads", o.heads},
                                   {"kv_heads", o.kv_heads},
                                   {"feed_forward", o.feed_forward},
                                   {"vocabulary", o.vocabulary},
                                   {"sequence", o.sequence},
                                   {"experts", o.experts}})
    between(key, value, 0, 1 << 24);
  if (network.transformer == nullptr &&
      (!o.size.empty() ||
       o.layers + o.hidden + o.heads + o.kv_heads + o.feed_forward + o.vocabulary + o.sequence + o.experts > 0)) {
    findings.add("generate {}: found a size or a part of one, expected none: it has one size; remove it", network.name);
  }
  if (o.ranks < 1 || o.ranks > 10000000)
    findings.add("generate {}: found {} ranks, expected 1 to 10000000; set workload.ranks", network.name, o.ranks);
  if (!network.shares_products && (o.tensor > 1 || o.pipeline > 1 || o.microbatches > 1)) {
    findings.add(
        "generate {}: found tensor {}, pipeline {} and microbatches {}, expected 1 each: it is only data "
        "parallel; remove them",
        network.name, o.tensor, o.pipeline, o.microbatches);
  }
  between("pipeline", o.pipeline, 1, 4096);
  if (o.tensor < 1 || o.pipeline < 1 || (o.ranks >= 1 && o.ranks % (o.tensor * o.pipeline) != 0)) {
    findings.add(
        "generate {}: found tensor {} and pipeline {} with {} ranks, expected a product that divides them; set "
        "workload.generate.tensor, workload.generate.pipeline or workload.ranks",
        network.name, o.tensor, o.pipeline, o.ranks);
  }
  if (o.pipeline > 1 && o.ranks > 4096) {
    findings.add(
        "generate {}: found a pipeline with {} ranks, expected at most 4096: each has a graph of its own; use "
        "fewer ranks",
        network.name, o.ranks);
  }
  if (o.microbatches < 1 || (o.batch >= 1 && o.batch % o.microbatches != 0)) {
    findings.add(
        "generate {}: found {} microbatches of a batch of {}, expected a number that divides it; set "
        "workload.generate.microbatches or workload.generate.batch",
        network.name, o.microbatches, o.batch);
  }
  const std::int64_t copies = std::max<std::int64_t>(1, o.ranks / std::max<std::int64_t>(1, o.tensor * o.pipeline));
  between("zero", o.zero, 0, 3);
  between("cameras", o.cameras, 0, 64);
  between("frames", o.frames, 0, 256);
  if (o.cameras + o.frames > 0 && std::string(network.name) != "video") {
    findings.add("generate {}: found {} cameras and {} frames, expected none: they are of video; remove them",
                 network.name, o.cameras, o.frames);
  }
  if (o.zero > 0 && copies < 2) {
    findings.add(
        "generate {}: found zero {} with {} data-parallel rank, expected at least 2; set workload.ranks or remove "
        "workload.generate.zero",
        network.name, o.zero, copies);
  }
  if (o.zero == 0 && o.zero_ranks > 0) {
    findings.add("generate {}: found zero_ranks {} with zero 0, expected 1 to 3; set workload.generate.zero",
                 network.name, o.zero_ranks);
  }
  if (o.zero_ranks < 0 || (o.zero_ranks > 0 && copies % o.zero_ranks != 0) || o.zero_ranks == 1) {
    findings.add(
        "generate {}: found zero_ranks {} of {} data-parallel ranks, expected a number above 1 that divides them; set "
        "workload.generate.zero_ranks or workload.ranks",
        network.name, o.zero_ranks, copies);
  }
  if (o.chunks < 1 || (o.chunks > 1 && (o.pipeline < 2 || o.microbatches % o.pipeline != 0))) {
    findings.add(
        "generate {}: found chunks {} with pipeline {} and {} microbatches, expected 2 stages at least and a multiple "
        "of them as microbatches; set workload.generate.pipeline, microbatches or chunks",
        network.name, o.chunks, o.pipeline, o.microbatches);
  }
  if (o.sequence_parallel && o.tensor < 2) {
    findings.add(
        "generate {}: found sequence_parallel with tensor {}, expected at least 2 ranks that share a product; "
        "set workload.generate.tensor",
        network.name, o.tensor);
  }
}

/// Ranks of a tensor group follow one another, then the stages of a pipeline, then the copies of the job.
class Ranks {
 public:
  Ranks(const NetworkOptions& o, bool shares_words)
      : tensor_(static_cast<RankId>(o.tensor)),
        stages_(static_cast<RankId>(o.pipeline)),
        copies_(static_cast<RankId>(o.ranks) / (tensor_ * stages_)),
        shares_words_(shares_words && stages_ > 1),
        experts_(static_cast<RankId>(o.expert_ranks)),
        shards_(o.zero == 0        ? 1
                : o.zero_ranks > 0 ? static_cast<RankId>(o.zero_ranks)
                                   : copies_) {
    groups_.chunks = o.chunks;
  }

  void add_groups(Workload& workload) {
    workload.group_classes.push_back(all_ranks_class(tensor_ * stages_ * copies_));
    if (tensor_ > 1) {
      groups_.tensor = add(workload, "tensor", stages_ * copies_, tensor_,
                           [&](RankId group, RankId i) { return group * tensor_ + i; });
    }
    if (copies_ > 1 && tensor_ * stages_ > 1) {
      groups_.data = add(workload, "data", tensor_ * stages_, copies_,
                         [&](RankId group, RankId i) { return i * tensor_ * stages_ + group; });
    }
    if (shares_words_) {
      groups_.words = add(workload, "words", tensor_ * copies_, 2, [&](RankId group, RankId i) {
        return (group / tensor_ * stages_ + i * (stages_ - 1)) * tensor_ + group % tensor_;
      });
    }
    if (shards_ > 1) {
      const RankId apart = tensor_ * stages_;
      groups_.zero = add(workload, "zero", apart * (copies_ / shards_), shards_,
                         [&](RankId group, RankId i) { return (group / apart * shards_ + i) * apart + group % apart; });
      groups_.zero_ranks = shards_;
      if (copies_ > shards_) {
        groups_.replicas = add(workload, "replicas", apart * shards_, copies_ / shards_, [&](RankId group, RankId i) {
          return (i * shards_ + group / apart) * apart + group % apart;
        });
      }
    }
    if (experts_ > 1) {
      const RankId apart = tensor_ * stages_;
      groups_.experts = add(workload, "experts", apart * (copies_ / experts_), experts_, [&](RankId group, RankId i) {
        return (group / apart * experts_ + i) * apart + group % apart;
      });
      groups_.expert_ranks = experts_;
      if (copies_ > experts_) {
        groups_.expert_replicas =
            add(workload, "expert_replicas", apart * experts_, copies_ / experts_,
                [&](RankId group, RankId i) { return (i * experts_ + group / apart) * apart + group % apart; });
      }
    }
    groups_.data_ranks = copies_;
    groups_.tensor_ranks = tensor_;
    groups_.stages = stages_;
  }

  [[nodiscard]] Groups of(RankId rank) const {
    Groups groups = groups_;
    groups.stage = rank / tensor_ % stages_;
    groups.expert_place = rank / (tensor_ * stages_) % experts_;
    const auto ring = static_cast<RankId>((stages_ - 1) * tensor_);
    groups.previous = groups.stage == 0 ? rank + ring : rank - tensor_;
    groups.next = groups.stage + 1 == groups.stages ? rank - ring : rank + tensor_;
    // The class has only ranks of these stages.
    if (groups.stage != 0 && groups.stage + 1 != groups.stages) groups.words = 0;
    return groups;
  }

 private:
  template <class Rank>
  std::uint32_t add(Workload& workload, const char* name, RankId groups, RankId ranks, Rank&& rank) {
    Workload::GroupClass made{name, {}};
    for (RankId g = 0; g < groups; ++g) {
      Group group{fmt::format("{}[{}]", name, g), {}};
      for (RankId i = 0; i < ranks; ++i) group.ranks.push_back(rank(g, i));
      made.groups.push_back(std::move(group));
    }
    workload.group_classes.push_back(std::move(made));
    return static_cast<std::uint32_t>(workload.group_classes.size() - 1);
  }

  RankId tensor_, stages_, copies_;
  bool shares_words_;
  RankId experts_, shards_;
  Groups groups_;
};

}  // namespace

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const Network& network : kNetworks) names.emplace_back(network.name);
  return names;
}

std::vector<std::string> network_sizes(const std::string& network) {
  std::vector<std::string> sizes;
  for (const TransformerSize& size : networks::transformer_sizes())
    if (network == size.model) sizes.emplace_back(size.name);
  return sizes;
}

Workload generate_network(const std::string& name, const NetworkOptions& options) {
  Findings findings;
  const auto* network =
      std::find_if(std::begin(kNetworks), std::end(kNetworks), [&](const Network& row) { return name == row.name; });
  if (network == std::end(kNetworks)) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("generate: found network '{}', expected one of: {}{}", name,
                            fmt::join(network_names(), ", "), did_you_mean(name, network_names())));
  }
  check(*network, options, findings);
  findings.throw_if_any();
  TransformerSize size{};
  if (network->transformer != nullptr) size = networks::transformer_size(name, options, findings);
  findings.throw_if_any();
  Workload workload;
  workload.steps = options.steps;
  Ranks ranks(options, name == "gpt");
  ranks.add_groups(workload);
  const auto graph_of = [&](RankId rank) {
    Groups groups = ranks.of(rank);
    const auto made = [&] {
      return network->transformer != nullptr ? network->transformer(options, size, groups)
                                             : network->other(options, groups);
    };
    if (options.zero < 3) return made();
    // Once to learn which parameters there are, then to bring them together unit by unit.
    Groups::Units units;
    groups.units_found = &units;
    (void)made();
    groups.units_found = nullptr;
    groups.units = &units;
    return made();
  };
  workload.graph_of_rank.assign(static_cast<std::size_t>(options.ranks), 0);
  if (options.pipeline == 1 && options.expert_ranks > 1 && options.expert_skew > 0) {
    // Those that have the first expert, and the others.
    for (RankId rank = 0; rank < static_cast<RankId>(options.ranks); ++rank)
      workload.graph_of_rank[rank] = ranks.of(rank).expert_place == 0 ? 0 : 1;
    workload.graphs.push_back(graph_of(0));
    workload.graphs.push_back(graph_of(static_cast<RankId>(options.tensor)));
    return workload;
  }
  if (options.pipeline == 1) {
    workload.graphs.push_back(graph_of(0));
    return workload;
  }
  // Each rank names the ranks that it sends to.
  for (RankId rank = 0; rank < static_cast<RankId>(options.ranks); ++rank) {
    workload.graph_of_rank[rank] = rank;
    workload.graphs.push_back(graph_of(rank));
  }
  return workload;
}

}  // namespace dojo::workload

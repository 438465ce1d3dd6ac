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
                                 {"unet", nullptr, networks::unet, false}};

void check(const Network& network, const NetworkOptions& o, Findings& findings) {
  const auto between = [&](const char* key, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high)
      findings.add("generate {}: found {} {}, expected {} to {}; set workload.generate.{}", network.name, key, value,
                   low, high, key);
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
  if (o.tensor > 1 && !network.shares_products)
    findings.add("generate {}: found tensor {}, expected 1: its products are not shared; use data parallelism",
                 network.name, o.tensor);
  if (o.tensor < 1 || (o.ranks >= 1 && o.ranks % o.tensor != 0)) {
    findings.add(
        "generate {}: found tensor {} with {} ranks, expected a number that divides them; set "
        "workload.generate.tensor or workload.ranks",
        network.name, o.tensor, o.ranks);
  }
  if (o.sequence_parallel && o.tensor < 2)
    findings.add(
        "generate {}: found sequence_parallel with tensor {}, expected at least 2 ranks that share a product; "
        "set workload.generate.tensor",
        network.name, o.tensor);
}

/// Consecutive ranks share products; ranks at the same place of such groups have the same weights.
void add_groups(Workload& workload, const NetworkOptions& options, Groups& groups) {
  const auto ranks = static_cast<RankId>(options.ranks), tensor = static_cast<RankId>(options.tensor);
  groups.data_ranks = ranks / tensor;
  groups.tensor_ranks = tensor;
  workload.group_classes.push_back(all_ranks_class(ranks));
  if (tensor == 1) return;
  Workload::GroupClass sharing{"tensor", {}}, data{"data", {}};
  for (RankId first = 0; first < ranks; first += tensor) {
    Group group{fmt::format("tensor[{}]", first / tensor), {}};
    for (RankId i = 0; i < tensor; ++i) group.ranks.push_back(first + i);
    sharing.groups.push_back(std::move(group));
  }
  groups.tensor = static_cast<std::uint32_t>(workload.group_classes.size());
  workload.group_classes.push_back(std::move(sharing));
  if (groups.data_ranks == 1) return;
  for (RankId place = 0; place < tensor; ++place) {
    Group group{fmt::format("data[{}]", place), {}};
    for (RankId rank = place; rank < ranks; rank += tensor) group.ranks.push_back(rank);
    data.groups.push_back(std::move(group));
  }
  groups.data = static_cast<std::uint32_t>(workload.group_classes.size());
  workload.group_classes.push_back(std::move(data));
}

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
  Groups groups;
  add_groups(workload, options, groups);
  workload.graph_of_rank.assign(static_cast<std::size_t>(options.ranks), 0);
  workload.graphs.push_back(network->transformer != nullptr ? network->transformer(options, size, groups)
                                                            : network->other(options, groups));
  return workload;
}

}  // namespace dojo::workload

// SPDX-License-Identifier: Apache-2.0
// The table of collective algorithms and the choice among them.
#include "dojo/workload/collectives.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "dojo/base/error.h"
#include "workload/collectives/common.h"

namespace dojo::workload {
namespace {

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

/// Names of the algorithms that can serve the request; of all without one.
std::string names(const CollectiveRequest* request) {
  std::string text;
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    if (request == nullptr || a.supports(*request)) text += (text.empty() ? "" : ", ") + std::string(a.name);
  }
  return text.empty() ? "none" : text;
}

void check(const CollectiveRequest& request) {
  Findings findings;
  const std::string name = op_kind_name(request.kind);
  if (!is_collective(request.kind)) {
    findings.add("collective: operation kind '{}' found, expected a collective (all_reduce, reduce, ...)", name);
  }
  if (request.members.empty()) findings.add("collective {}: 0 members found, expected at least 1", name);
  if (request.bytes < 0) findings.add("collective {}: bytes {} found, expected at least 0", name, request.bytes);
  const bool rooted = request.kind == OpKind::kReduce || request.kind == OpKind::kBroadcast;
  if (rooted && !request.members.empty() && request.root >= request.members.size()) {
    findings.add("collective {}: root {} found, expected a position in the group, 0 to {}", name, request.root,
                 request.members.size() - 1);
  }
  findings.throw_if_any();
}

const CollectiveAlgorithm& named_algorithm(const CollectiveRequest& request) {
  const CollectiveAlgorithm* nearest = nullptr;
  std::size_t best = 0;
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    const std::size_t distance = edit_distance(request.algorithm, a.name);
    if (nearest == nullptr || distance < best) {
      nearest = &a;
      best = distance;
    }
  }
  if (best != 0) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("collective {}: unknown algorithm '{}', expected one of {} or none to choose by cost; nearest is "
                    "'{}'",
                    op_kind_name(request.kind), request.algorithm, names(nullptr), nearest->name));
  }
  if (!nearest->supports(request)) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("collective {}: algorithm '{}' cannot serve these {} ranks ({}); possible here: {}; name one of "
                    "them, or none to choose by cost",
                    op_kind_name(request.kind), nearest->name, request.members.size(), nearest->sentence,
                    names(&request)));
  }
  return *nearest;
}

}  // namespace

const std::vector<CollectiveAlgorithm>& collective_algorithms() {
  using namespace collectives;
  static const std::vector<CollectiveAlgorithm> table = {
      direct_algorithm(),
      mesh2d_algorithm(),
      ring_algorithm(),
      tree_algorithm(),
  };
  return table;
}

const CollectiveAlgorithm& choose_algorithm(const CollectiveRequest& request, const topology::Topology& topology) {
  check(request);
  if (!request.algorithm.empty()) return named_algorithm(request);
  const CollectiveAlgorithm* best = nullptr;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    if (!a.supports(request)) continue;
    const double seconds = a.model_seconds(request, topology);
    if (best == nullptr || seconds < best_seconds) {
      best = &a;
      best_seconds = seconds;
    }
  }
  if (best == nullptr) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("collective {}: no algorithm serves {} ranks that do not fill a grid of slices; place the ranks on "
                    "a rectangle or use a smaller group",
                    op_kind_name(request.kind), request.members.size()));
  }
  return *best;
}

DataflowPlan build_collective(const CollectiveRequest& request, const topology::Topology& topology) {
  return choose_algorithm(request, topology).build(request, topology);
}

}  // namespace dojo::workload

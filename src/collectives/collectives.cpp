// SPDX-License-Identifier: Apache-2.0
// The table of collective algorithms and the choice among them.
#include "dojo/collectives/collectives.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "collectives/common.h"
#include "dojo/base/error.h"
#include "dojo/base/nearest.h"

namespace dojo::workload {
namespace {

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
  const CollectiveAlgorithm* named = nullptr;
  std::vector<std::string> known;
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    known.emplace_back(a.name);
    if (request.algorithm == a.name) named = &a;
  }
  if (named == nullptr) {
    const std::string meant = nearest(request.algorithm, known);
    throw Error(ExitCode::kInvalidInput,
                fmt::format("collective {}: unknown algorithm '{}', expected one of {} or none to choose by cost{}",
                            op_kind_name(request.kind), request.algorithm, names(nullptr),
                            meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)));
  }
  if (!named->supports(request)) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("collective {}: algorithm '{}' cannot serve these {} ranks ({}); possible here: {}; name one of "
                    "them, or none to choose by cost",
                    op_kind_name(request.kind), named->name, request.members.size(), named->sentence, names(&request)));
  }
  return *named;
}

}  // namespace

const std::vector<CollectiveAlgorithm>& collective_algorithms() {
  using namespace collectives;
  static const std::vector<CollectiveAlgorithm> table = {
      direct_algorithm(), mesh2d_algorithm(), ring_algorithm(), tree_algorithm(), zplane_algorithm(),
  };
  return table;
}

const CollectiveAlgorithm& choose_algorithm(const CollectiveRequest& request, const topology::Topology& topology) {
  check(request);
  if (!request.algorithm.empty()) return named_algorithm(request);
  const CollectiveAlgorithm* best = nullptr;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    if (!a.supports(request) || !a.by_cost(request, topology)) continue;
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

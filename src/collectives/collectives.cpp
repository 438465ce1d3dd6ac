// SPDX-License-Identifier: Apache-2.0
// The table of collective algorithms and the choice among them.
#include "dojo/collectives/collectives.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "collectives/common.h"
#include "collectives/own.h"
#include "collectives/schedule.h"
#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"

namespace dojo::workload {
namespace {

/// Of the algorithms that can serve the request.
std::string names(const CollectiveRequest& request) {
  std::string text;
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    if (a.supports(request)) text += (text.empty() ? "" : ", ") + std::string(a.name());
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
  const bool rooted = traits(request.kind).has(OpTraits::kHasRoot);
  if (rooted && !request.members.empty() && request.root >= request.members.size()) {
    findings.add("collective {}: root {} found, expected a position in the group, 0 to {}", name, request.root,
                 request.members.size() - 1);
  }
  findings.throw_if_any();
}

const CollectiveAlgorithm& named_algorithm(const CollectiveRequest& request) {
  const auto& table = collective_algorithms();
  const auto named =
      std::find_if(table.begin(), table.end(), [&](const auto& a) { return a.id == *request.algorithm; });
  DOJO_CHECK(named != table.end(), "algorithm {} is not in the table", schema::enum_text(*request.algorithm));
  if (!named->supports(request)) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("collective {}: algorithm '{}' cannot serve these {} ranks ({}); possible here: {}; name one of "
                    "them, or none to choose by cost",
                    op_kind_name(request.kind), named->name(), request.members.size(), named->sentence(),
                    names(request)));
  }
  return *named;
}

}  // namespace

const std::vector<CollectiveAlgorithm>& collective_algorithms() {
  using namespace collectives;
  static const std::vector<CollectiveAlgorithm> table = {
      combs_algorithm(), direct_algorithm(), mesh2d_algorithm(), ring_algorithm(), tree_algorithm(), zplane_algorithm(),
  };
  return table;
}

namespace {

/// Ranks for which several plans are made and walked. Larger groups have the algorithm with the least formula.
constexpr std::size_t kMostCompared = 512;
/// Formulas of long messages leave out that they meet, so they are too low; those of short ones are up to a third too
/// high. A formula beyond this share of the best walk is not looked at; a plan of many messages only when its formula
/// is below the walk.
constexpr double kHopeless = 1.5;
constexpr std::size_t kManyMessages = 10'000;

struct Choice {
  const CollectiveAlgorithm* algorithm = nullptr;
  DataflowPlan plan;
  bool walked = false;  ///< model_seconds is that of a walk, else the formula's
};

/// With the time of a walk, if there may be one and the formula's is below `most` seconds or the walk is short. A walk
/// that takes more than that ends there.
Choice walked(const CollectiveAlgorithm* algorithm, BuiltPlan built, const CollectiveRequest& request,
              const topology::Topology& topology, double most = std::numeric_limits<double>::infinity()) {
  auto& [plan, cuttings] = built;
  Choice choice{algorithm, std::move(plan), false};
  const std::size_t messages = choice.plan.edges.size() * choice.plan.tracks * choice.plan.chunks;
  if (request.members.size() == 1 || (choice.plan.model_seconds > most && messages > kManyMessages)) return choice;
  if (cuttings.empty()) cuttings.push_back({choice.plan.chunks, choice.plan.window});
  const double clock_hz = topology.params().clock_hz;
  Cutting best{choice.plan.chunks, choice.plan.window};
  for (const Cutting& cutting : cuttings) {
    choice.plan.chunks = cutting.chunks;
    choice.plan.window = cutting.window;
    const auto cycles = collectives::scheduled_cycles(choice.plan, request, topology, most * clock_hz);
    if (!cycles) break;
    const double seconds = *cycles / clock_hz;
    if (choice.walked && seconds >= choice.plan.model_seconds) continue;
    choice.plan.model_seconds = seconds;
    choice.walked = true;
    best = cutting;
    most = std::min(most, seconds);
  }
  choice.plan.chunks = best.chunks;
  choice.plan.window = best.window;
  return choice;
}

Choice planned(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request,
               const topology::Topology& topology, double most = std::numeric_limits<double>::infinity()) {
  stop_point();
  return walked(&algorithm, algorithm.build(request, topology), request, topology, most);
}

bool is_own(Algorithm algorithm) {
  return own_collective(algorithm) != nullptr || !file_of(algorithm).empty();
}

/// Those that may be chosen, with the times of their formulas, the shortest first.
std::vector<std::pair<double, const CollectiveAlgorithm*>> candidates(const CollectiveRequest& request,
                                                                      const topology::Topology& topology) {
  std::vector<std::pair<double, const CollectiveAlgorithm*>> found;
  for (const CollectiveAlgorithm& a : collective_algorithms()) {
    if (a.supports(request) && a.by_cost(request, topology)) found.emplace_back(a.model_seconds(request, topology), &a);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  return found;
}

Choice choose(const CollectiveRequest& request, const topology::Topology& topology) {
  check(request);
  if (request.algorithm) return planned(named_algorithm(request), request, topology);
  Choice best;
  for (const auto& [seconds, algorithm] : candidates(request, topology)) {
    if (best.algorithm == nullptr) {
      best = planned(*algorithm, request, topology);
      continue;
    }
    // A walk is compared with walks alone: next to it a formula is too low.
    if (!best.walked || request.members.size() > kMostCompared || seconds > kHopeless * best.plan.model_seconds) break;
    Choice choice = planned(*algorithm, request, topology, best.plan.model_seconds);
    if (choice.walked && choice.plan.model_seconds < best.plan.model_seconds) best = std::move(choice);
  }
  if (best.algorithm == nullptr) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("collective {}: no algorithm serves {} ranks that do not fill a grid of slices; place the ranks on "
                    "a rectangle or use a smaller group",
                    op_kind_name(request.kind), request.members.size()));
  }
  return best;
}

}  // namespace

const CollectiveAlgorithm& choose_algorithm(const CollectiveRequest& request, const topology::Topology& topology) {
  return *choose(request, topology).algorithm;
}

DataflowPlan build_collective(const CollectiveRequest& request, const topology::Topology& topology) {
  if (!request.algorithm || !is_own(*request.algorithm)) return choose(request, topology).plan;
  check(request);
  stop_point();
  return walked(nullptr, collectives::own_plan(*request.algorithm, request, topology), request, topology).plan;
}

}  // namespace dojo::workload

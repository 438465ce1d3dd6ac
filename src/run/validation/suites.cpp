// SPDX-License-Identifier: Apache-2.0
// The table of suites, and the errors of a suite's points.
#include "run/validation/suites.h"

#include <algorithm>
#include <cmath>

#include "dojo/run/net.h"

namespace dojo::run {

const std::vector<ValidationSuite>& validation_suites() {
  static const std::vector<ValidationSuite> table{
      {"published", "sizes, latencies and power that Tesla has published", "", published_figures},
      {"rates", "bandwidths over cuts that Tesla has published, reached by packets", "", published_rates},
      {"booksim2", "the reference network against BookSim2: mean packet latency", "", booksim_points},
      {"wafer", "collectives of a wafer-scale engine, word by word, against their published model", "",
       wafer_collectives},
      {"wormhole", "recorded network events of a Wormhole chip: spans that a replay predicts", "wormhole",
       wormhole_recordings},
      {"own_mesh", "your own mean packet latencies", "mesh_points.csv", own_mesh_points}};
  return table;
}

double ValidationPoint::error() const {
  return std::abs(got / expected - 1);
}

bool ValidationPoint::good() const {
  const double is = got / expected;
  return is >= low && is <= high;
}

ErrorSummary summary_of(const std::vector<ValidationPoint>& points) {
  if (points.empty()) return {};
  std::vector<double> errors;
  for (const ValidationPoint& point : points) errors.push_back(point.error());
  std::sort(errors.begin(), errors.end());
  const std::size_t n = errors.size();
  const auto rank = [n](double share) {
    return static_cast<std::size_t>(std::ceil(share * static_cast<double>(n))) - 1;
  };
  const double median = (errors[(n - 1) / 2] + errors[n / 2]) / 2;
  return {median, errors[rank(0.9)], errors.back()};
}

double mean_latency_cycles(const std::vector<std::string>& set) {
  config::LoadRequest request;
  request.purpose = config::Purpose::kNet;
  request.overrides = set;
  request.overrides.push_back("run.network_model=reference");
  return net(config::load(request)).run.outcome.mean_cycles;
}

}  // namespace dojo::run

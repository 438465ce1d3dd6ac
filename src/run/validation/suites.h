// SPDX-License-Identifier: Apache-2.0
// The suites' functions, and what they share.
#pragma once
#include <string>
#include <vector>

#include "dojo/run/validate.h"

namespace dojo::run {

[[nodiscard]] std::vector<ValidationPoint> published_figures(const ValidationRequest& request);
[[nodiscard]] std::vector<ValidationPoint> published_rates(const ValidationRequest& request);
[[nodiscard]] std::vector<ValidationPoint> booksim_points(const ValidationRequest& request);
[[nodiscard]] std::vector<ValidationPoint> wafer_collectives(const ValidationRequest& request);
[[nodiscard]] std::vector<ValidationPoint> wormhole_recordings(const ValidationRequest& request);
[[nodiscard]] std::vector<ValidationPoint> own_mesh_points(const ValidationRequest& request);

/// Mean packet latency of single packets in the reference network; `set` as of --set of `dojosim net`.
[[nodiscard]] double mean_latency_cycles(const std::vector<std::string>& set);

}  // namespace dojo::run

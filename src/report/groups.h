// SPDX-License-Identifier: Apache-2.0
// Operations summed by what they have in common: by_kind.csv, by_phase.csv, by_layer.csv; and collectives.csv.
#pragma once
#include <set>
#include <string>

#include "report/json.h"

namespace dojo::report {

/// The layer of an operation: the shortest beginning of its name, up to a point, that is an operation's name too
/// ("conv1" of "conv1.bn.stats.all_reduce"), or the name itself.
[[nodiscard]] std::string layer_of(const std::string& name, const std::set<std::string>& names);
/// Rows summed by `kind`, `phase` or `layer`, the most exposed first. `ops`: latency.ops of report.json; `ranks`: of
/// the job; `seconds`: its time.
[[nodiscard]] std::string grouped_csv(const std::string& by, const Json& ops, double ranks, double seconds);
/// `rows`: latency.collectives of report.json.
[[nodiscard]] std::string collectives_csv(const Json& rows);

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// The counters of a net run in the form that every run has, so that one code derives and writes the rest.
#pragma once
#include "dojo/machine/results.h"
#include "dojo/report/net.h"
#include "report/figures.h"

namespace dojo::report {

[[nodiscard]] machine::Results net_results(const NetContext& context);
/// The section `net` of the report.
void add_net_figures(Figures& out, const NetContext& context);

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// `configuration` of a report: what ran, and what of it the files do not say.
#pragma once
#include "dojo/config/config.h"
#include "report/figures.h"

namespace dojo::report {

/// `section`: "configuration." for a report. `purpose`: whose keys `values` has.
void add_configuration(Figures& out, const config::RunConfig& config, config::Purpose purpose);

}  // namespace dojo::report

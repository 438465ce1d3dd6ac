// SPDX-License-Identifier: Apache-2.0
// report.json as a value, from which the text and the tables are made too, so that all of them show the same figures.
#pragma once
#include "dojo/report/report.h"
#include "report/json.h"

namespace dojo::report {

[[nodiscard]] Json report_value(const RunContext& context);

/// One row per operation of the trace: what ranks with different graphs ran under the same name, kind and size is one
/// row.
[[nodiscard]] Json op_rows(const RunContext& context);
[[nodiscard]] Json collective_rows(const RunContext& context);
[[nodiscard]] Json link_classes(const RunContext& context);
[[nodiscard]] Json hottest_links(const RunContext& context, std::size_t wanted);

/// Share of `links` x the run's time that was spent serialising.
[[nodiscard]] double utilisation(std::uint64_t busy_units, std::uint64_t links, Cycles time);

}  // namespace dojo::report

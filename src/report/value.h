// SPDX-License-Identifier: Apache-2.0
// report.json as a value, from which the text and the tables are made too, so that all of them show the same figures.
#pragma once
#include "dojo/report/report.h"
#include "report/figures.h"
#include "report/json.h"

namespace dojo::report {

[[nodiscard]] Json report_value(const RunContext& context);

/// The whole report, into `json`, which is the object that `out` writes to.
void add_figures(Figures& out, Json& json, const RunContext& context);
/// One row per operation of the trace: what ranks with different graphs ran under the same name, kind and size is one
/// row.
[[nodiscard]] Json op_rows(const Figures& out, const RunContext& context);
[[nodiscard]] Json collective_rows(const Figures& out, const RunContext& context);
/// Time of operations over all ranks and steps, by what timed them; communication of this machine is not among them.
/// And what is said of operations whose time another machine recorded.
void add_timed_by(Figures& out, const RunContext& context);
/// `fidelity.audit`.
void add_audit(Figures& out, const RunContext& context);
/// `fidelity.node_model`, `fidelity.cores`.
void add_node_model(Figures& out, const RunContext& context);
/// `energy` and `cost`; `report` has the rows of operations and the samples.
void add_energy_and_cost(Figures& out, const RunContext& context, const Json& report, double seconds);
/// `failures`, of a run that asked for them.
void add_failures(Figures& out, const RunContext& context, const Json& report);
/// `repeated`, of a run that simulated only some parts of the batch; `report` has the step and its FLOP.
[[nodiscard]] bool has_repeated(const RunContext& context);
void add_repeated(Figures& out, const RunContext& context, const Json& report);
/// `evidence`: how sure the machine's values are, and which of them the result leans on.
void add_evidence(Figures& out, const RunContext& context);
void add_link_classes(Figures& out, const RunContext& context);
[[nodiscard]] Json hottest_links(const Figures& out, const RunContext& context, std::size_t wanted);

/// Share of `links` x the run's time that was spent serialising.
[[nodiscard]] double utilisation(double busy_units, std::uint64_t links, Cycles time);
[[nodiscard]] double utilisation(std::uint64_t busy_units, std::uint64_t links, Cycles time);

}  // namespace dojo::report

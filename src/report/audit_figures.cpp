// SPDX-License-Identifier: Apache-2.0
// `fidelity.audit`: what replaying some of the job's operations in the reference network says of the report.
#include <algorithm>
#include <cmath>

#include "dojo/audit/audit.h"
#include "report/value.h"

namespace dojo::report {
namespace {

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json sample_row(const Figures& out, const audit::Sample& sample, double all_cycles) {
  Json row = Json::object();
  Figures figures = out.rows(row, "fidelity.audit.samples");
  figures.add("operation", sample.operation, "", "name of the operation in the trace");
  figures.add("rank", sample.rank, "rank", "that ran it");
  figures.add("kind", sample.between_ranks ? "collective" : "window", "",
              "window: a kernel or a reduction on whole dies with all that ran beside it; collective: between ranks");
  figures.add("part", sample.part, "yes/no", "only what lies within one tile was replayed");
  figures.add("share", ratio(sample.stands_for, all_cycles), "share",
              "of the time of the drawn ranks that it stands for");
  figures.add("job_cycles", sample.in_job, "cycles", "from its start to its end in the job");
  figures.add("fast_cycles", sample.fast, "cycles", "the same in the replay over the fast network");
  figures.add("reference_cycles", sample.reference, "cycles", "the same over the reference network");
  return row;
}

void add_result(Figures& out, const audit::Result& a) {
  const bool any = !a.samples.empty();
  const auto known = [any](double value) { return any ? Json(value) : Json(nullptr); };
  const audit::Estimate& e = a.estimate;
  const audit::Sample none;
  const audit::Sample& worst = any ? a.samples[e.worst] : none;
  out.add("fidelity.audit.ratio_median", known(e.ratio_median), "ratio",
          "of fast and reference duration, the larger over the smaller: half of the samples have at most this");
  out.add("fidelity.audit.ratio_p95", known(e.ratio_p95), "ratio", "95 % of the samples have at most this");
  out.add("fidelity.audit.ratio_worst", known(e.ratio_worst), "ratio", "of the worst sample");
  out.add("fidelity.audit.worst.operation", worst.operation, "", "name of the operation of the worst sample");
  out.add("fidelity.audit.worst.fast_cycles", worst.fast, "cycles", "its duration in the fast network");
  out.add("fidelity.audit.worst.reference_cycles", worst.reference, "cycles", "its duration in the reference network");
  out.add("fidelity.audit.step_error", known(e.step_error), "share",
          "estimate of how much longer (above 0) or shorter the job's time is than the reference would give");
  out.add(
      "fidelity.audit.confidence", any && e.confidence ? Json(*e.confidence) : Json(nullptr), "share",
      "the 95 % interval of `step_error` reaches so far to both sides, for what the draw leaves to chance; null: too "
      "few samples to say");
}

}  // namespace

void add_audit(Figures& out, const RunContext& c) {
  if (c.audit == nullptr) return;
  const audit::Result& a = *c.audit;
  const auto between =
      std::count_if(a.samples.begin(), a.samples.end(), [](const audit::Sample& s) { return s.between_ranks; });
  out.add("fidelity.audit.why_not", a.why_not, "", "why nothing was replayed; empty when something was");
  out.add("fidelity.audit.windows", static_cast<std::int64_t>(a.samples.size()) - between, "samples",
          "kernels and reductions that were replayed in the reference network, with all that ran beside them");
  out.add("fidelity.audit.collectives", between, "samples", "collectives and messages that were replayed");
  out.add("fidelity.audit.operations", a.operations, "operations", "that could be drawn, of a few drawn ranks");
  out.add("fidelity.audit.covered", a.covered, "share",
          "of those ranks' time that passes in these operations; the rest is taken to be right");
  out.add("fidelity.audit.unfinished", a.unfinished, "samples", "whose replay was stopped or did not end");
  out.add("fidelity.audit.partial", a.partial, "yes/no", "it was interrupted");
  out.add("fidelity.audit.flit_hops", a.flit_hops, "flit-hops", "of the replays in one network, by plan");
  out.add("fidelity.audit.most_flit_hops", number_or_null(a.most_flit_hops), "flit-hops",
          "a default audit takes no more, a share of the job's own; null: a number of operations was asked for");
  add_result(out, a);
  Json rows = Json::array();
  double stands_for = 0;
  for (const audit::Sample& sample : a.samples) stands_for += sample.stands_for;
  const double all_cycles = a.covered > 0 ? stands_for / a.covered : 0;
  for (const audit::Sample& sample : a.samples) rows.push_back(sample_row(out, sample, all_cycles));
  out.put("fidelity.audit.samples", std::move(rows));
  out.add("fidelity.audit.left_out", a.left_out, "", "sentences: what the replays do not have");
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// `failures` of report.json: the job over days. docs/failures.md.
#include <cmath>

#include "report/json_read.h"
#include "report/value.h"

namespace dojo::report {
namespace {

/// Null where nothing fails: there is no such time.
Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

void add_shares(Figures& out, const failures::Shares& s) {
  out.add("failures.goodput", s.useful, "share", "of the tiles' time: work that was kept, mean of the repetitions");
  out.add("failures.shares.lost", s.lost, "share", "work since the last checkpoint when a failure came");
  out.add("failures.shares.writing", s.writing, "share", "checkpoints");
  out.add("failures.shares.restarting", s.restarting, "share", "`restart_s` and reading the checkpoint");
  out.add("failures.shares.waiting", s.waiting, "share", "until a tile was repaired");
  out.add("failures.shares.absent", s.absent, "share", "tiles without which the job went on");
}

}  // namespace

void add_failures(Figures& out, const RunContext& c, const Json& report) {
  const failures::Result& r = *c.failures;
  const double ms = 1e-3;
  out.add("failures.days", c.config.run.failures.days, "days", "`run.failures.days`");
  add_shares(out, r.shares);
  out.add("failures.goodput_min", r.goodput_min, "share", "of the worst repetition");
  out.add("failures.goodput_max", r.goodput_max, "share", "of the best repetition");
  out.add("failures.samples_per_s", r.shares.useful * real(report.at("workload").at("samples_per_s")), "samples/s",
          "`workload.samples_per_s` x `goodput`");
  out.add("failures.between_failures_s", finite(r.job.mean_ms_between_failures() * ms), "s",
          "mean time between two failures of any part; null: nothing fails");
  out.add("failures.checkpoint_bytes", r.checkpoint_bytes, "bytes",
          "weights once for each graph of ranks, optimizer states once or as they are sharded; or as given");
  out.add("failures.checkpoint_write_s", static_cast<double>(r.job.write_ms) * ms, "s", "the job stands for so long");
  out.add("failures.restart_s", static_cast<double>(r.job.restart_ms) * ms, "s", "reading the checkpoint included");
  out.add("failures.checkpoint_interval_s", r.interval_s, "s", "work between two checkpoints, in these figures");
  out.add("failures.best_interval_s", r.best_interval_s, "s", "of `intervals`, that with the largest goodput");
  out.add("failures.young_interval_s", finite(r.young_s), "s", "sqrt(2 x write x between failures); null: never");
  out.add("failures.daly_interval_s", finite(r.daly_s), "s", "the same to the third order; null: never");
  for (const auto& part : failures::enum_entries(failures::Part{}))
    out.add(std::string("failures.counts.") + part.text, r.failures[static_cast<std::size_t>(part.value)], "failures",
            part.sentence);
  Json rows = Json::array();
  for (const failures::IntervalGoodput& tried : r.intervals) {
    Json json;
    Figures row = out.rows(json, "failures.intervals");
    row.add("interval_s", tried.interval_s, "s", "a quarter to four times Daly's optimum");
    row.add("goodput", tried.goodput, "share", "with that interval, mean of the repetitions");
    rows.push_back(std::move(json));
  }
  out.put("failures.intervals", std::move(rows));
}

}  // namespace dojo::report

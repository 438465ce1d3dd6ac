// SPDX-License-Identifier: Apache-2.0
// What lies in the folder of a sweep: the files of each run, and the tables that are made of them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "report/sweep_plan.h"

namespace dojo::report {

/// What a run left: done, failed (with reason) or pending.
struct RunRow {
  std::string status, reason;
  std::vector<Json> metrics;  ///< a number, a text, or null where there is none
};
/// Of which metrics the finished reports have none.
struct MetricCount {
  std::size_t reports = 0;
  std::map<std::string, std::size_t> missing;  ///< metric -> in how many reports
  std::vector<std::string> known;              ///< keys of a finished report
};
[[nodiscard]] RunRow read_run(const SweepFile& sweep, const PointRun& run, const std::string& directory,
                              MetricCount& metrics);

/// The points of each rung as far as it is known: who is on the next follows when all runs of a rung have ended. A
/// sweep that is no search has one rung with all points.
class Ladder {
 public:
  struct Rung {
    std::vector<const Point*> points;  ///< ascending
    std::vector<RunRow> rows;          ///< as they were read
    [[nodiscard]] bool has_ended() const;
  };
  /// The first rung, not yet read. Sweep and plan have to outlive it.
  Ladder(const SweepFile& sweep, const Plan& plan, std::string directory);
  /// The runs of the last rung, from what lies in the folder.
  void read();
  /// Adds the next rung; false when it is not known yet, or there is none.
  bool climb();
  [[nodiscard]] const std::vector<Rung>& rungs() const { return rungs_; }
  [[nodiscard]] const MetricCount& metrics() const { return metrics_; }

 private:
  const SweepFile& sweep_;
  const Plan& plan_;
  std::string directory_;
  std::vector<Rung> rungs_;
  MetricCount metrics_;
};

/// A row of results.csv.
struct ResultRow {
  RunRow run;              ///< on the last rung; status "dropped" of a point that did not come so far
  std::size_t rung = 0;    ///< the last one that it has done, from 1; 0: none
  std::vector<Json> goal;  ///< on each rung but the last; null where it was not run
  bool pareto = false;
};
struct SweepTable {
  std::string csv;
  std::size_t done = 0, failed = 0, pending = 0, dropped = 0;
  std::vector<std::string> missing_metrics;  ///< that some finished reports do not have
  std::vector<std::string> unknown_metrics;  ///< that no finished report has
  std::vector<std::string> known_metrics;    ///< keys of a finished report
  std::vector<ResultRow> rows;               ///< by point
  std::vector<Ladder::Rung> rungs;
};
/// One row a point, from what lies in the folder.
[[nodiscard]] SweepTable sweep_table(const SweepFile& sweep, const Plan& plan, const std::string& directory);
/// "time.seconds@1": the column of a search's goal on an earlier rung.
[[nodiscard]] std::string goal_column(const SweepFile& sweep, std::size_t rung);
/// results.sqlite: tables results, operations and collectives; of a search rungs too.
[[nodiscard]] std::string sweep_database(const SweepFile& sweep, const Plan& plan, const SweepTable& table,
                                         const std::string& directory);

/// Whether a file that a point left is there. Error(kIo) when something else has its name: a pipe would be waited for.
[[nodiscard]] bool result_is_there(const std::string& file);
/// A finished, not partial report of a run exists.
[[nodiscard]] bool run_done(const std::string& folder);

/// The files beside the folder of a run, which say what became of it.
class RunFiles {
 public:
  /// `made_by`: the program whose runs count as current, and the plug-ins.
  RunFiles(const SweepFile& sweep, std::string directory, std::vector<std::string> made_by)
      : sweep_(sweep), directory_(std::move(directory)), made_by_(std::move(made_by)) {}
  [[nodiscard]] std::string folder(const PointRun& run) const;
  /// The finished result was made by this program, from this configuration and from files that are still the same, and
  /// nobody has changed it since.
  [[nodiscard]] bool is_current(const PointRun& run);
  [[nodiscard]] bool has_failed(const PointRun& run) const;
  /// An old result must not pass for this run's when the new one fails.
  void forget(const PointRun& run) const;
  /// Keeps what a run was made from.
  void note_success(const PointRun& run);
  /// Keeps why it failed where results.csv, another shard or a later merge finds it. The log has the reason.
  void note_failure(const PointRun& run, int code) const;
  [[nodiscard]] std::string failure(const PointRun& run) const;  ///< its first line
  /// So that one that could not be removed, or was left by a kill, goes with the next --resume.
  void remove_log_of_finished(const PointRun& run) const;

 private:
  [[nodiscard]] std::string identity(const PointRun& run);
  [[nodiscard]] std::string report_hash(const PointRun& run) const;
  std::string sha256_of(const std::string& file);
  const SweepFile& sweep_;
  std::string directory_;
  std::vector<std::string> made_by_;
  std::map<std::string, std::string> sha256_;
};

/// The first line of a file that has words; "" when there is none.
[[nodiscard]] std::string first_line(const std::string& file);

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// The plan of a sweep as it is printed, and what of it cannot be.
#include <cstdio>

#include "dojo/base/error.h"
#include "dojo/base/text.h"
#include "report/sweep_run.h"

namespace dojo::report {
namespace {

std::size_t run_count(const SweepFile& sweep, const Plan& plan) {
  std::size_t all = 0;
  for (std::size_t rung = 0; rung < sweep.rungs(); ++rung) all += rung_size(sweep, plan, rung);
  return all;
}

std::string plan_text(const SweepFile& sweep, const Plan& plan, const Shard& shard) {
  std::string text;
  for (const Point& point : plan.points) {
    if (!shard.holds(point.index)) continue;
    text += fmt::format("points/{}  {}\n", point.folder,
                        fmt::join(choices_of(settings_of(sweep, point, sweep.rungs() - 1)), " "));
  }
  const bool search = sweep.rungs() > 1;
  for (std::size_t rung = 0; search && rung < sweep.rungs(); ++rung) {
    const bool is_base = rung + 1 == sweep.rungs();
    text += fmt::format(
        "rung {}: {} points, {}\n", rung + 1, rung_size(sweep, plan, rung),
        is_base ? "the base as it is" : fmt::format("{}", fmt::join(choices_of(sweep.search.rungs[rung]), " ")));
  }
  return text + fmt::format("{} points, {} excluded by constraints; {}base {}\n", plan.points.size(), plan.excluded,
                            search ? fmt::format("{} runs; ", run_count(sweep, plan)) : "", sweep.base);
}

std::string plan_json(const SweepFile& sweep, const Plan& plan, const Shard& shard) {
  Json points = Json::array(), rungs = Json::array();
  for (const Point& point : plan.points) {
    if (!shard.holds(point.index)) continue;
    Json set = Json::object();
    for (const Setting& setting : settings_of(sweep, point, sweep.rungs() - 1)) set[setting.path] = setting.value;
    points.push_back({{"index", point.index}, {"folder", "points/" + point.folder}, {"set", set}});
  }
  for (std::size_t rung = 0; rung < sweep.rungs(); ++rung) {
    Json set = Json::object();
    if (rung < sweep.search.rungs.size())
      for (const Setting& setting : sweep.search.rungs[rung]) set[setting.path] = setting.value;
    rungs.push_back({{"set", set}, {"points", rung_size(sweep, plan, rung)}});
  }
  return dump({{"schema", "dojosim.sweep_plan/1"},
               {"base", sweep.base},
               {"mode", sweep.mode},
               {"excluded", plan.excluded},
               {"runs", run_count(sweep, plan)},
               {"rungs", rungs},
               {"points", points}});
}

}  // namespace

void dry_run(const SweepRequest& request, const SweepFile& sweep, const Plan& plan, const Shard& shard) {
  const std::string said = request.json ? plan_json(sweep, plan, shard) : plan_text(sweep, plan, shard);
  std::fputs(printable(said).c_str(), stdout);
  std::vector<PointRun> runs;
  for (const Point& point : plan.points)
    for (std::size_t rung = 0; rung < sweep.rungs(); ++rung)
      if (shard.holds(point.index)) runs.push_back({&point, rung});
  std::vector<Unfit> unfit;
  if (!check_runs(request, sweep, runs, unfit)) throw Error(ExitCode::kInterrupted, "sweep: interrupted");
  if (!unfit.empty()) throw Error(ExitCode::kInvalidInput, unfit_lines(sweep, unfit));
}

}  // namespace dojo::report

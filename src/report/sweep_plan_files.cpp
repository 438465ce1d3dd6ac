// SPDX-License-Identifier: Apache-2.0
// The plan of a sweep as files: points.csv for people, sweep.json for the page.
#include "report/sweep_plan.h"
#include "report/tables.h"

namespace dojo::report {
namespace {

Json search_json(const SweepFile& sweep, const Plan& plan) {
  Json rungs = Json::array();
  for (std::size_t rung = 0; rung < sweep.rungs(); ++rung) {
    Json set = Json::object();
    if (rung < sweep.search.rungs.size())
      for (const Setting& setting : sweep.search.rungs[rung]) set[setting.path] = setting.value;
    rungs.push_back({{"set", set}, {"points", rung_size(sweep, plan, rung)}, {"folder", runs_folder(sweep, rung)}});
  }
  return {
      {"goal", sweep.search.goal}, {"largest", sweep.search.largest}, {"keep", sweep.search.keep}, {"rungs", rungs}};
}

}  // namespace

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string sweep_json(const SweepFile& sweep, const Plan& plan) {
  Json axes = Json::array();
  for (std::size_t a = 0; a < sweep.axes.size(); ++a)
    axes.push_back({{"path", sweep.axes[a].path}, {"base", plan.base[a]}});
  Json json{{"schema", "dojosim.sweep/1"},
            {"file", sweep.file},
            {"title", sweep.title},
            {"base", sweep.base},
            {"mode", sweep.mode},
            {"axes", axes},
            {"metrics", sweep.metrics},
            {"expressions", sweep.expressions},
            {"constraints", sweep.constraints},
            {"excluded", plan.excluded},
            {"pareto", {{"min", sweep.pareto_min}, {"max", sweep.pareto_max}}}};
  if (sweep.mode == "search") json["search"] = search_json(sweep, plan);
  return dump(json);
}

std::string points_csv(const SweepFile& sweep, const Plan& plan) {
  std::string text = "index,hash,folder";
  for (const Axis& axis : sweep.axes) text += "," + csv_cell(axis.path);
  text += "\n";
  for (const Point& point : plan.points) {
    text += fmt::format("{},{},points/{}", point.index, point.hash, point.folder);
    for (const Json& value : point.values) text += "," + csv_cell(plain(value));
    text += "\n";
  }
  return text;
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// Reads a sweep file strictly: every key is known, every mistake is reported at once.
#include <algorithm>
#include <filesystem>
#include <set>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/nearest.h"
#include "dojo/config/config.h"
#include "report/sweep_file.h"

namespace dojo::report {
namespace {

class Reader {
 public:
  Reader(const Json& json, const std::string& file, const std::string& points) : json_(json) {
    sweep_.file = file;
    if (!points.empty()) sweep_.axes = read_points_table(points);
  }

  SweepFile read() {
    if (!json_.is_object()) {
      wrong("", json_, "an object with base and axes");
    } else {
      check_keys(json_, "",
                 {"$schema", "title", "base", "mode", "axes", "points", "constraints", "metrics", "pareto", "samples",
                  "seed", "search"});
      if (json_.contains("title")) {
        if (json_["title"].is_string())
          sweep_.title = json_["title"].get<std::string>();
        else
          wrong("/title", json_["title"], "a text");
      }
      read_base();
      read_mode();
      if (!sweep_.axes.empty()) {  // of the table
        if (sweep_.mode != "search") sweep_.mode = "list";
      } else if (sweep_.mode == "list") {
        read_points();
      } else {
        read_axes();
      }
      texts("constraints", json_, "", sweep_.constraints);
      read_metrics();
      read_pareto();
      read_draw();
      read_search_part();
    }
    findings_.throw_if_any();
    return std::move(sweep_);
  }

 private:
  void wrong(const std::string& path, const Json& found, const std::string& expected) {
    findings_.add("{}: {}: found {}, expected {}", sweep_.file, path.empty() ? "/" : path, found.dump(), expected);
  }
  void missing(const std::string& path, const std::string& expected) {
    findings_.add("{}: {}: found nothing, expected {}", sweep_.file, path, expected);
  }
  void check_keys(const Json& object, const std::string& path, const std::vector<std::string>& known) {
    for (const auto& [key, value] : object.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string near = nearest(key, known);
      findings_.add("{}: {}/{}: found an unknown key, expected one of {}{}", sweep_.file, path, key,
                    fmt::join(known, ", "), near.empty() ? "" : "; did you mean '" + near + "'?");
    }
  }

  void read_base() {
    if (!json_.contains("base")) return missing("/base", "the file name of a run config");
    if (!json_["base"].is_string()) {
      return wrong("/base", json_["base"], "the file name of a run config (write an inline one to a file of its own)");
    }
    const std::filesystem::path base = json_["base"].get<std::string>();
    const auto folder = std::filesystem::path(sweep_.file).parent_path();
    sweep_.base = (base.is_absolute() ? base : folder / base).lexically_normal().string();
  }

  void read_mode() {
    if (!json_.contains("mode")) return;
    const Json& mode = json_["mode"];
    for (const char* known : {"grid", "zip", "list", "random", "one_at_a_time", "search"}) {
      if (mode == known) {
        sweep_.mode = known;
        return;
      }
    }
    wrong("/mode", mode, "grid, zip, list, random, one_at_a_time or search");
  }

  void read_axes() {
    if (json_.contains("points")) findings_.add("{}: /points: only mode list has points", sweep_.file);
    if (!json_.contains("axes")) return missing("/axes", "a list of {\"path\": ..., \"values\": [...]}");
    const Json& axes = json_["axes"];
    if (!axes.is_array() || axes.empty()) return wrong("/axes", axes, "a list with at least one axis");
    for (std::size_t i = 0; i < axes.size(); ++i) read_axis(axes[i], fmt::format("/axes/{}", i));
    if (sweep_.mode != "zip") return;
    for (std::size_t i = 1; i < sweep_.axes.size(); ++i) {
      const auto size = [&](std::size_t a) { return sweep_.axes[a].values.size() + sweep_.axes[a].factors.size(); };
      if (size(i) == size(0)) continue;
      findings_.add("{}: /axes/{}/values: found {} values, expected {} as on the first axis (mode zip)", sweep_.file,
                    sweep_.axes[i].group, size(i), size(0));
    }
  }

  void read_axis(const Json& json, const std::string& where) {
    if (!json.is_object()) return wrong(where, json, "{\"path\": ..., \"values\": [...]}");
    const std::size_t group = sweep_.axes.empty() ? 0 : sweep_.axes.back().group + 1;
    if (json.contains("points")) {
      check_keys(json, where, {"points"});
      return add_points(json["points"], where + "/points", group);
    }
    check_keys(json, where, {"path", "values", "range", "log2", "factors", "points"});
    Axis axis;
    axis.group = group;
    axis.folder = folder();
    if (!json.contains("path")) {
      missing(where + "/path", "the path of a value such as \"machine.die.edge_bytes_per_s\"");
    } else if (!json["path"].is_string() || json["path"].get<std::string>().empty()) {
      wrong(where + "/path", json["path"], "the path of a value such as \"machine.die.edge_bytes_per_s\"");
    } else {
      axis.path = json["path"].get<std::string>();
      add_path(axis.path, where + "/path");
    }
    read_values(json, where, axis);
    sweep_.axes.push_back(std::move(axis));
  }

  /// One of four ways to give them.
  void read_values(const Json& json, const std::string& where, Axis& axis) {
    std::vector<std::string> given;
    for (const char* key : {"values", "range", "log2", "factors"}) {
      if (json.contains(key)) given.emplace_back(key);
    }
    if (given.empty()) return missing(where + "/values", "a list of values, or one of range, log2 and factors");
    if (given.size() > 1) return wrong(where, json, "one of values, range, log2 and factors");
    const std::string& key = given.front();
    const Json& value = json[key];
    const std::string at = where + "/" + key;
    if (key == "range" || key == "log2") {
      const std::string expected = range_values(key, value, axis.values);
      if (!expected.empty()) wrong(at, value, expected);
      return;
    }
    if (!value.is_array() || value.empty()) return wrong(at, value, "a list with at least one value");
    if (axis.is_file() && key != "values") return wrong(where, json, "values: names of files");
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string here = fmt::format("{}/{}", at, i);
      if (key == "values") {
        add_value(axis, value[i], here);
      } else if (!value[i].is_number()) {
        wrong(here, value[i], "a number by which the base's value is multiplied");
      } else {
        axis.factors.push_back(value[i].get<double>());
      }
    }
  }

  void add_path(const std::string& path, const std::string& where) {
    if (path.find('=') != std::string::npos) findings_.add("{}: {}: found '=' in a path", sweep_.file, where);
    if (!paths_.insert(path).second) {
      findings_.add("{}: {}: found {} a second time, expected each path once", sweep_.file, where, path);
    }
  }
  void add_value(Axis& axis, const Json& value, const std::string& where) {
    if (axis.is_file()) {
      if (!value.is_string() || value.get<std::string>().empty()) wrong(where, value, "the name of a file");
    } else if (value.is_object() || value.is_null() || (value.is_array() && !linked_)) {
      wrong(where, value, "a number, a text, true or false");
    }
    axis.values.push_back(value);
  }

  void read_points() {
    if (json_.contains("axes")) findings_.add("{}: /axes: mode list has points instead of axes", sweep_.file);
    if (!json_.contains("points")) return missing("/points", "a list of {\"path\": value, ...}");
    add_points(json_["points"], "/points", 0);
  }

  /// Values that move together: an axis for each path, all of one group. What a point does not name is as in the base.
  void add_points(const Json& points, const std::string& where, std::size_t group) {
    if (!points.is_array() || points.empty()) return wrong(where, points, "a list of {\"path\": value, ...}");
    const std::size_t first = sweep_.axes.size();
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!points[i].is_object()) {
        wrong(fmt::format("{}/{}", where, i), points[i], "{\"path\": value, ...}, or {} for the base");
        continue;
      }
      for (const auto& [path, value] : points[i].items()) {
        const auto begin = sweep_.axes.begin() + static_cast<std::ptrdiff_t>(first);
        if (std::any_of(begin, sweep_.axes.end(), [&, &p = path](const Axis& axis) { return axis.path == p; }))
          continue;
        sweep_.axes.push_back({path, {}, {}, group, folder()});
        add_path(path, fmt::format("{}/{}", where, i));
      }
    }
    if (sweep_.axes.size() == first && findings_.empty())
      return wrong(where, points, "a path in at least one of the points");
    linked_ = true;
    for (std::size_t i = 0; i < points.size(); ++i) {
      for (std::size_t a = first; a < sweep_.axes.size() && points[i].is_object(); ++a) {
        Axis& axis = sweep_.axes[a];
        if (points[i].contains(axis.path)) {
          add_value(axis, points[i][axis.path], fmt::format("{}/{}/{}", where, i, axis.path));
        } else {
          axis.values.emplace_back();
        }
      }
    }
    linked_ = false;
  }

  [[nodiscard]] std::string folder() const { return std::filesystem::path(sweep_.file).parent_path().string(); }

  /// Each a path, or {"name", "is"} with an expression.
  void read_metrics() {
    if (!json_.contains("metrics")) return;
    const Json& list = json_["metrics"];
    if (!list.is_array() || list.empty()) return wrong("/metrics", list, "a list of metrics");
    sweep_.metrics.clear();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string where = fmt::format("/metrics/{}", i);
      const auto is_text = [](const Json& v) { return v.is_string() && !v.get<std::string>().empty(); };
      std::string name;
      if (is_text(list[i])) {
        name = list[i].get<std::string>();
      } else if (!list[i].is_object() || !list[i].contains("name") || !list[i].contains("is") ||
                 !is_text(list[i]["name"]) || !is_text(list[i]["is"])) {
        wrong(where, list[i], "a path in report.json, or {\"name\": \"cost\", \"is\": \"an expression\"}");
        continue;
      } else {
        check_keys(list[i], where, {"name", "is"});
        name = list[i]["name"].get<std::string>();
        sweep_.expressions[name] = list[i]["is"].get<std::string>();
      }
      if (std::find(sweep_.metrics.begin(), sweep_.metrics.end(), name) != sweep_.metrics.end())
        findings_.add("{}: {}: found {} a second time, expected each metric once", sweep_.file, where, name);
      sweep_.metrics.push_back(name);
    }
  }

  void texts(const char* key, const Json& from, const std::string& where, std::vector<std::string>& out) {
    if (!from.contains(key)) return;
    const Json& list = from[key];
    const auto is_text = [](const Json& v) { return v.is_string() && !v.get<std::string>().empty(); };
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_text)) {
      return wrong(where + "/" + key, list, "a list of texts");
    }
    out = list.get<std::vector<std::string>>();
  }

  void read_pareto() {
    if (!json_.contains("pareto")) return;
    const Json& pareto = json_["pareto"];
    if (!pareto.is_object()) return wrong("/pareto", pareto, "{\"min\": [...], \"max\": [...]}");
    check_keys(pareto, "/pareto", {"min", "max"});
    texts("min", pareto, "/pareto", sweep_.pareto_min);
    texts("max", pareto, "/pareto", sweep_.pareto_max);
    for (const auto* list : {&sweep_.pareto_min, &sweep_.pareto_max}) {
      for (const std::string& metric : *list) {
        const bool is_axis =
            std::any_of(sweep_.axes.begin(), sweep_.axes.end(), [&](const Axis& axis) { return axis.path == metric; });
        if (!is_axis && std::find(sweep_.metrics.begin(), sweep_.metrics.end(), metric) == sweep_.metrics.end()) {
          findings_.add("{}: /pareto: found '{}', expected one of the metrics or the path of an axis", sweep_.file,
                        metric);
        }
      }
    }
  }

  void read_draw() {
    const bool draws = sweep_.mode == "random" || sweep_.mode == "search";
    for (const std::string key : {"samples", "seed"}) {
      if (!json_.contains(key)) {
        if (sweep_.mode == "random" && key == "samples") missing("/samples", "how many points to draw");
        continue;
      }
      const Json& value = json_[key];
      if (!draws) findings_.add("{}: /{}: only modes random and search have it", sweep_.file, key);
      if (!value.is_number_unsigned() || value == 0) {
        wrong("/" + key, value, "a whole number of at least 1");
      } else {
        (key == "seed" ? sweep_.seed : sweep_.samples) = value.get<std::uint64_t>();
      }
    }
  }

  void read_search_part() {
    if (sweep_.mode == "search") {
      if (!json_.contains("search")) return missing("/search", "goal, keep and rungs of mode search");
      sweep_.search = read_search(json_["search"], sweep_, folder(), findings_);
    } else if (json_.contains("search")) {
      findings_.add("{}: /search: only mode search has it", sweep_.file);
    }
  }

  const Json& json_;
  SweepFile sweep_;
  Findings findings_;
  std::set<std::string> paths_;
  bool linked_ = false;  ///< values of a list of points are read, which may be lists
};

}  // namespace

SweepFile read_sweep(const std::string& file, const std::string& points) {
  const Json json = read_json(file, input_limits().config_bytes);
  return Reader(json, file, points).read();
}

}  // namespace dojo::report

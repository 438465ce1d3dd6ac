// SPDX-License-Identifier: Apache-2.0
// Reads "search" of a sweep file: the goal, the rungs from cheap to dear, and how many points each hands on.
#include <algorithm>

#include "dojo/base/nearest.h"
#include "report/sweep_file.h"

namespace dojo::report {
namespace {

class SearchReader {
 public:
  SearchReader(const Json& json, const SweepFile& sweep, const std::string& folder, Findings& findings)
      : json_(json), sweep_(sweep), folder_(folder), findings_(findings) {}

  Search read() {
    if (!json_.is_object()) {
      wrong("", json_, "{\"goal\": {\"min\": a metric}, \"keep\": 0.25, \"rungs\": [{path: value, ...}, ...]}");
      return {};
    }
    for (const auto& [key, value] : json_.items()) {
      const std::vector<std::string> known = {"goal", "keep", "rungs"};
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      findings_.add("{}: /search/{}: found an unknown key, expected one of {}{}", sweep_.file, key,
                    fmt::join(known, ", "), did_you_mean(key, known));
    }
    read_goal();
    read_keep();
    read_rungs();
    return std::move(search_);
  }

 private:
  void wrong(const std::string& path, const Json& found, const std::string& expected) {
    findings_.add("{}: /search{}: found {}, expected {}", sweep_.file, path, found.dump(), expected);
  }

  void read_goal() {
    const Json goal = json_.value("goal", Json());
    const bool one = goal.is_object() && goal.size() == 1 && (goal.contains("min") || goal.contains("max"));
    if (!one || !goal.front().is_string()) return wrong("/goal", goal, "{\"min\": a metric} or {\"max\": a metric}");
    search_.goal = goal.front().get<std::string>();
    search_.largest = goal.contains("max");
    if (std::find(sweep_.metrics.begin(), sweep_.metrics.end(), search_.goal) == sweep_.metrics.end())
      wrong("/goal", search_.goal, fmt::format("one of the metrics: {}", fmt::join(sweep_.metrics, ", ")));
  }

  void read_keep() {
    const Json keep = json_.value("keep", Json());
    if (!keep.is_number() || !(keep.get<double>() > 0 && keep.get<double>() < 1))
      return wrong("/keep", keep, "the share of points that goes on to the next rung, above 0 and below 1");
    search_.keep = keep.get<double>();
  }

  void read_rungs() {
    const Json rungs = json_.value("rungs", Json());
    const std::string expected = "a list of {path: value, ...} from cheap to dear; the base as it is comes after them";
    if (!rungs.is_array() || rungs.empty()) return wrong("/rungs", rungs, expected);
    for (std::size_t i = 0; i < rungs.size(); ++i) {
      const std::string where = fmt::format("/rungs/{}", i);
      if (!rungs[i].is_object() || rungs[i].empty()) {
        wrong(where, rungs[i], "{path: value, ...}");
        continue;
      }
      if (std::find(rungs.begin(), rungs.begin() + static_cast<std::ptrdiff_t>(i), rungs[i]) !=
          rungs.begin() + static_cast<std::ptrdiff_t>(i))
        wrong(where, rungs[i], "other values than those of a rung before it");
      std::vector<Setting> settings;
      for (const auto& [path, value] : rungs[i].items()) settings.push_back(setting(path, value, where));
      search_.rungs.push_back(std::move(settings));
    }
  }

  Setting setting(const std::string& path, const Json& value, const std::string& rung) {
    const std::string where = rung + "/" + path;
    const bool is_axis =
        std::any_of(sweep_.axes.begin(), sweep_.axes.end(), [&](const Axis& axis) { return axis.path == path; });
    if (is_axis) findings_.add("{}: /search{}: found the path of an axis, expected another", sweep_.file, where);
    if (path.empty() || path.find('=') != std::string::npos)
      findings_.add("{}: /search{}: found '{}', expected a path", sweep_.file, rung, path);
    if (names_file(path) ? !value.is_string() || value.get<std::string>().empty()
                         : value.is_object() || value.is_null()) {
      wrong(where, value, names_file(path) ? "the name of a file" : "a number, a text, true, false or a list");
      return {path, "", folder_};
    }
    return {path, value, folder_};
  }

  const Json& json_;
  const SweepFile& sweep_;
  const std::string& folder_;
  Findings& findings_;
  Search search_;
};

}  // namespace

Search read_search(const Json& json, const SweepFile& sweep, const std::string& folder, Findings& findings) {
  return SearchReader(json, sweep, folder, findings).read();
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// The island of a sweep's page: its points with their metrics, and where the time of each went.
#include <algorithm>

#include "dojo/base/error.h"
#include "report/files.h"
#include "report/page.h"
#include "report/sweep_results.h"

namespace dojo::report {
namespace {

constexpr std::size_t kOwnColumns = 3;  ///< of points.csv: index, hash, folder
constexpr std::size_t kMostReports = 500;
constexpr int kDigits = 12;

/// Where the time of a point went; null when it has no report that can be read.
Json point_summary(const std::string& file) {
  if (!result_is_there(file)) return {};
  try {
    const Json report = read_json(file);
    Json causes = Json::array();
    for (const Json& row : report.at("bottlenecks")) causes.push_back({row.at("name"), row.at("seconds")});
    return {{"seconds", report.at("time").at("seconds")},
            {"causes", causes},
            {"classes", report.at("breakdown").at("fractions")}};
  } catch (const Error& error) {
    if (error.code() == ExitCode::kIo) throw;
  } catch (const Json::exception&) {
  }
  return {};
}

}  // namespace

std::string sweep_page(const std::string& directory) {
  const CsvTable points = parse_csv(read_text(directory + "/points.csv"), directory + "/points.csv");
  const CsvTable results = parse_csv(read_text(directory + "/results.csv"), directory + "/results.csv");
  if (points.header.size() <= kOwnColumns) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}/points.csv:1: found no axis, expected index,hash,folder and the axes", directory));
  }
  // Sweeps of older versions have none.
  const std::string about = directory + "/sweep.json";
  const Json sweep = result_is_there(about) ? read_json(about) : Json::object();
  Json folders = Json::array(), summaries = Json::array();
  for (std::size_t i = 0; i < points.rows.size(); ++i) {
    const std::string& folder = points.rows[i][2];
    folders.push_back(folder);
    if (i < kMostReports) summaries.push_back(point_summary(fmt::format("{}/{}/report.json", directory, folder)));
  }
  const Json island{{"kind", "sweep"},
                    {"sweep", sweep},
                    {"axes", std::vector<std::string>(points.header.begin() + kOwnColumns, points.header.end())},
                    {"columns", results.header},
                    {"rows", packed(results, kDigits)},
                    {"folders", folders},
                    {"summaries", summaries}};
  return page("Sweep - dojosim", island);
}

}  // namespace dojo::report

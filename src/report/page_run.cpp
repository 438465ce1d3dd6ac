// SPDX-License-Identifier: Apache-2.0
// The island of a run's page: its report, and what the tables beside it say of dies, links and tasks.
#include <fmt/format.h>

#include <algorithm>

#include "report/groups.h"
#include "report/page.h"

namespace dojo::report {
namespace {

/// With --links all a large machine has millions.
constexpr std::size_t kMostLinks = 60'000;
constexpr int kShareDigits = 4, kTimeDigits = 8;

Json table_of(const std::string& text, const std::string& file, int digits) {
  return text.empty() ? Json::object() : packed(parse_csv(text, file), digits);
}

Json links_of(const std::string& text) {
  if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) > kMostLinks) return Json::object();
  return table_of(text, "links.csv", kShareDigits);
}

std::string string_at(const Json& json, const char* pointer) {
  const Json::json_pointer where(pointer);
  return json.contains(where) && json.at(where).is_string() ? json.at(where).get<std::string>() : std::string();
}

/// Of each operation, in the order of latency.ops.
Json layers_of(const Json& report) {
  const Json::json_pointer where("/latency/ops");
  std::set<std::string> names;
  Json layers = Json::array();
  if (!report.contains(where) || !report.at(where).is_array()) return layers;
  const auto name_of = [](const Json& op) {
    return op.is_object() && op.contains("name") && op["name"].is_string() ? op["name"].get<std::string>() : "";
  };
  for (const Json& op : report.at(where)) names.insert(name_of(op));
  for (const Json& op : report.at(where)) layers.push_back(layer_of(name_of(op), names));
  return layers;
}

}  // namespace

std::string run_page(const Json& report, const RunTables& tables) {
  const bool net = report.contains("net");
  Json island{{"kind", net ? "net" : "run"},
              {"report", report},
              {"layers", layers_of(report)},
              {"dies", table_of(tables.dies, "dies.csv", kShareDigits)},
              {"links", links_of(tables.links)},
              {"tasks", table_of(tables.tasks, "tasks.csv", kTimeDigits)},
              {"use", table_of(tables.use, "use_over_time.csv", kTimeDigits)}};
  const std::string name = string_at(report, "/machine/name"), workload = string_at(report, "/configuration/workload");
  return page(fmt::format("{}{} - dojosim", name,
                          net                ? ": synthetic traffic"
                          : workload.empty() ? ""
                                             : ": " + workload),
              island);
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
#include "report/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "report/json_read.h"
#include "report/tables.h"

namespace dojo::report {
namespace {

struct Sum {
  double operations = 0, executions = 0, seconds = 0, exposed = 0, core = 0, wait = 0, move = 0, floor = 0, flops = 0;
};

}  // namespace

std::string layer_of(const std::string& name, const std::set<std::string>& names) {
  for (std::size_t point = name.find('.'); point != std::string::npos; point = name.find('.', point + 1)) {
    const std::string begin = name.substr(0, point);
    if (names.count(begin) != 0) return begin;
  }
  return name;
}

std::string grouped_csv(const std::string& by, const Json& ops, double ranks, double seconds) {
  std::set<std::string> names;
  for (const Json& op : ops) names.insert(text(op.at("name")));
  std::map<std::string, Sum> sums;
  for (const Json& op : ops) {
    Sum& sum = sums[by == "layer" ? layer_of(text(op.at("name")), names) : text(op.at(by))];
    const double count = real(op.at("count"));
    const auto in_all = [&](const char* key) { return ratio(real(op.at(key)) * count, ranks); };
    sum.operations += 1;
    sum.executions += count;
    sum.seconds += in_all("seconds");
    sum.exposed += in_all("exposed_s");
    sum.core += in_all("core_s");
    sum.wait += in_all("wait_s");
    sum.move += in_all("move_s");
    sum.floor += in_all("floor_s");
    sum.flops += real(op.at("flops"));
  }
  std::vector<std::pair<std::string, Sum>> rows(sums.begin(), sums.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second.exposed > b.second.exposed; });
  std::string out = by + ",operations,executions,seconds,exposed_s,share,core_s,wait_s,move_s,floor_s,flops\n";
  for (const auto& [name, s] : rows) {
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", csv_cell(name), s.operations, s.executions, s.seconds,
                       s.exposed, ratio(s.exposed, seconds), s.core, s.wait, s.move, s.floor, s.flops);
  }
  return out;
}

std::string collectives_csv(const Json& rows) {
  constexpr std::array<const char*, 14> kColumns{
      "name",        "kind",  "algorithm", "ranks",  "bytes",  "seconds",         "seconds_min",
      "seconds_max", "count", "exposed_s", "wait_s", "move_s", "bus_bytes_per_s", "model_seconds"};
  std::string out;
  for (const char* column : kColumns) out += (out.empty() ? "" : ",") + std::string(column);
  out += "\n";
  for (const Json& row : rows) {
    std::string line;
    for (const char* column : kColumns) {
      const Json& value = row.at(column);
      if (column != kColumns.front()) line += ",";
      line += value.is_string() ? csv_cell(value.get<std::string>()) : value.dump();
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace dojo::report

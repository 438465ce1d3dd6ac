// SPDX-License-Identifier: Apache-2.0
// Points of a sweep that another program chose: a table with a column for each path.
#include <filesystem>
#include <set>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "report/sweep_file.h"
#include "report/tables.h"

namespace dojo::report {
namespace {

/// As the command line takes it: a number, true, false or a list is what it looks like, all else a text.
Json value_of(const std::string& cell) {
  Json value = Json::parse(cell, nullptr, false);
  const bool plain = value.is_number() || value.is_boolean() || value.is_array();
  return plain ? value : Json(cell);
}

}  // namespace

std::vector<Axis> read_points_table(const std::string& file) {
  const CsvTable table = parse_csv(read_file(file, input_limits().report_bytes), file);
  const std::set<std::string> own = {"index", "hash", "folder", "status", "reason", "pareto"};
  std::vector<Axis> axes;
  std::vector<std::size_t> columns;
  std::set<std::string> paths;
  Findings findings;
  for (std::size_t column = 0; column < table.header.size(); ++column) {
    const std::string path = plain_cell(table.header[column]);
    if (own.count(path) != 0) continue;
    if (path.empty() || path.find('=') != std::string::npos)
      findings.add("{}:1: found '{}', expected the path of a value such as machine.noc.hop_cycles", file, path);
    if (!paths.insert(path).second) findings.add("{}:1: found {} a second time, expected each path once", file, path);
    Axis axis;
    axis.path = path;
    axis.folder = std::filesystem::path(file).parent_path().string();
    axes.push_back(std::move(axis));
    columns.push_back(column);
  }
  if (axes.empty()) findings.add("{}:1: found no path, expected a column for each value that differs", file);
  if (table.rows.empty()) findings.add("{}:2: found no row, expected one for each point", file);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    for (std::size_t a = 0; a < axes.size(); ++a) {
      const std::string cell = plain_cell(table.rows[row][columns[a]]);
      if (cell.empty())
        findings.add("{}:{}: found an empty cell under {}, expected a value", file, row + 2, axes[a].path);
      axes[a].values.push_back(axes[a].is_file() ? Json(cell) : value_of(cell));
    }
  }
  findings.throw_if_any();
  return axes;
}

}  // namespace dojo::report

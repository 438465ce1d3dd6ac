// SPDX-License-Identifier: Apache-2.0
// Mean packet latencies that a user has measured, by another simulator or on silicon: `mesh_points.csv` of the folder
// of data. Columns: what, expected, tolerance, then keys of `dojosim net` such as net.rate.
#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "run/validation/suites.h"

namespace dojo::run {
namespace {

constexpr std::size_t kFirstKey = 3;
constexpr const char* kHead = "what,expected,tolerance,net.mesh.rows,net.mesh.columns,net.pattern,net.rate,...";

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) {
    while (!cell.empty() && (cell.back() == '\r' || cell.back() == ' ')) cell.pop_back();
    while (!cell.empty() && cell.front() == ' ') cell.erase(0, 1);
    cells.push_back(cell);
  }
  return cells;
}

[[noreturn]] void fail(const std::string& file, std::size_t line, const std::string& words) {
  throw Error(ExitCode::kInvalidInput, fmt::format("{}:{}: {}", file, line, words));
}

double above_zero(const std::string& text, const std::string& file, std::size_t line, const char* what) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value > 0))
    fail(file, line, fmt::format("{}: found '{}', expected a number above 0", what, text));
  return value;
}

}  // namespace

std::vector<ValidationPoint> own_mesh_points(const ValidationRequest& request) {
  const std::string file = request.data + "/mesh_points.csv";
  std::istringstream in(read_file(file, input_limits().config_bytes));
  std::vector<std::string> head;
  std::vector<ValidationPoint> points;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const std::vector<std::string> cells = cells_of(line);
    if (cells.empty()) continue;
    if (head.empty()) {
      head = cells;
      if (head.size() <= kFirstKey || head[0] != "what" || head[1] != "expected" || head[2] != "tolerance")
        fail(file, number, fmt::format("found '{}', expected columns {}", line, kHead));
      continue;
    }
    if (cells.size() != head.size())
      fail(file, number, fmt::format("found {} cells, expected {} as in the first line", cells.size(), head.size()));
    const double expected = above_zero(cells[1], file, number, "expected");
    const double tolerance = above_zero(cells[2], file, number, "tolerance");
    std::vector<std::string> set;
    for (std::size_t i = kFirstKey; i < cells.size(); ++i) set.push_back(head[i] + "=" + cells[i]);
    points.push_back({cells[0], file, "cycles", expected, mean_latency_cycles(set), 1 - tolerance, 1 + tolerance});
  }
  if (points.empty()) fail(file, number, fmt::format("found no points, expected lines below {}", kHead));
  return points;
}

}  // namespace dojo::run

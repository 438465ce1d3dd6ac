// SPDX-License-Identifier: Apache-2.0
// Writes links.csv, ops.csv, tasks.csv and dies.csv, and reads CSV.
#include "report/tables.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "dojo/base/error.h"
#include "dojo/base/text.h"
#include "dojo/workload/op_kind.h"
#include "report/rank_lanes.h"
#include "report/value.h"

namespace dojo::report {
namespace {

/// Spreadsheets run a cell that begins so, unless it is a number.
bool looks_like_formula(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || std::string("=+-@").find(text[first]) == std::string::npos) return false;
  char* end = nullptr;
  (void)std::strtod(text.c_str(), &end);
  return *end != '\0';
}

/// Almost no text does; printable() looks at each character.
bool may_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c == '\x7f'; });  // also beyond ASCII
}

}  // namespace

std::string csv_cell(const std::string& plain) {
  // Tables are printed on terminals too.
  const std::string shown = may_control(plain) ? printable(plain) : plain;
  // An apostrophe makes it a text for spreadsheets.
  std::string text = looks_like_formula(shown) ? "'" + shown : shown;
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string plain_cell(const std::string& cell) {
  return cell.size() > 1 && cell[0] == '\'' && looks_like_formula(cell.substr(1)) ? cell.substr(1) : cell;
}

std::string links_csv(const RunContext& context) {
  std::string text =
      "path,class,links,capacity_bytes_per_s,bytes,utilisation,utilisation_max,queue_cycles_mean,transfers\n";
  const Cycles time = context.results.end_cycle;
  for (const machine::LinkRecord& link : context.results.links) {
    const machine::LinkCounters& c = link.counters;
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{}\n", csv_cell(link.path),
                   topology::link_class_name(link.link_class), link.links, ratio(link.capacity_bytes_per_s, 1), c.bytes,
                   utilisation(c.busy_units, link.links, time), utilisation(link.max_busy_units, 1, time),
                   ratio(static_cast<double>(c.queue_cycles), static_cast<double>(c.transfers)), c.transfers);
  }
  return text;
}

std::string dies_csv(const RunContext& context) {
  const machine::Results& r = context.results;
  std::string text = "path,row,column,core_utilisation,noc_utilisation,east,west,north,south\n";
  const auto cell = [](const std::vector<double>& values, std::size_t i) {
    return i < values.size() && values[i] >= 0 ? fmt::format("{}", ratio(values[i], 1)) : std::string();
  };
  for (DieId die = 0; die < context.topology.die_count(); ++die) {
    const topology::DieCoordinates place = context.topology.coordinates(die);
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{}", csv_cell(context.topology.die_path(die)), place.row,
                   place.column, cell(r.die_core_utilisation, die), cell(r.die_noc_utilisation, die));
    for (std::size_t d = 0; d < topology::kDirections; ++d) {
      text += "," + cell(r.die_edge_utilisation, die * std::size_t{topology::kDirections} + d);
    }
    text += "\n";
  }
  return text;
}

std::string tasks_csv(const RunContext& context) {
  std::string text = "rank,lane,name,kind,again,begin_s,wait_s,seconds\n";
  if (context.trail == nullptr) return text;
  for (const RankTask& task : context.trail->tasks) {
    std::string name = "(no operation)";
    const char* kind = "none";
    if (task.op != kNone) {
      const workload::Graph& graph = context.workload.graphs[task.graph];
      name = graph.op_name(graph.ops[task.op]);
      kind = workload::op_kind_name(graph.ops[task.op].kind);
    }
    const auto seconds = [&](Cycles cycles) { return context.topology.seconds(cycles); };
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{}\n", task.rank,
                   lane_name(static_cast<std::size_t>(task.lane)), csv_cell(name), kind, task.again ? 1 : 0,
                   seconds(task.begin), seconds(task.moves - task.begin), seconds(task.end - task.begin));
  }
  return text;
}

std::string use_csv(const RunContext& context) {
  static const UseOverTime kNone;
  const UseOverTime& use = context.use == nullptr ? kNone : *context.use;
  std::string text = "begin_s,end_s";
  const auto shown = [&](std::size_t c) { return use.scale[c] > 0; };
  for (const auto& entry : topology::enum_entries(topology::LinkClass{}))
    if (shown(static_cast<std::size_t>(entry.value))) text += std::string(",") + entry.text;
  text += ",sram_bytes_mean,sram_bytes_max,watts\n";
  for (const UseOverTime::Interval& one : use.intervals) {
    fmt::format_to(std::back_inserter(text), "{},{}", context.topology.seconds(one.begin),
                   context.topology.seconds(one.end));
    for (std::size_t c = 0; c < one.links.size(); ++c)
      if (shown(c)) fmt::format_to(std::back_inserter(text), ",{:.6g}", one.links[c]);
    fmt::format_to(std::back_inserter(text), ",{},{},{:.6g}\n", std::llround(one.sram_bytes_mean), one.sram_bytes_max,
                   one.watts);
  }
  return text;
}

std::string ops_csv(const Json& rows) {
  std::vector<std::string> columns{"name",        "kind",  "phase",       "seconds",       "seconds_min",
                                   "seconds_max", "count", "flops",       "first_start_s", "last_end_s",
                                   "partition",   "nodes", "predicted_s", "floor_s",       "bound_by"};
  for (const std::string& word : schema::enum_words<workload::Bound>()) columns.push_back("floor_" + word + "_s");
  for (const char* column : {"exposed_s", "core_s", "wait_s", "move_s"}) columns.emplace_back(column);
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ",") + column;
  text += "\n";
  for (const Json& row : rows) {
    std::string line;
    for (const std::string& column : columns) {
      const Json& value = row.at(column);
      if (&column != &columns.front()) line += ",";
      line += value.is_string() ? csv_cell(value.get<std::string>()) : value.dump();
    }
    text += line + "\n";
  }
  return text;
}

int CsvTable::column(const std::string& name) const {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] == name) return static_cast<int>(i);
  }
  return -1;
}

CsvTable parse_csv(const std::string& text, const std::string& file) {
  CsvTable table;
  std::vector<std::string> row;
  std::string cell;
  bool quoted = false;
  std::size_t line = 1;
  const auto end_row = [&] {
    row.push_back(std::move(cell));
    cell.clear();
    if (table.header.empty()) {
      table.header = std::move(row);
    } else if (row.size() == table.header.size()) {
      table.rows.push_back(std::move(row));
    } else {
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("{}:{}: found {} cells, expected {} as in the first line; write the file again", file,
                              line, row.size(), table.header.size()));
    }
    row.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        cell += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      row.push_back(std::move(cell));
      cell.clear();
    } else if (c == '\n') {
      end_row();
      ++line;
    } else if (c != '\r') {
      cell += c;
    }
  }
  if (!cell.empty() || !row.empty()) end_row();
  return table;
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// The CSV files of a run folder, and the little that is needed to read CSV back.
#pragma once
#include <string>
#include <vector>

#include "dojo/report/report.h"
#include "report/json.h"

namespace dojo::report {

[[nodiscard]] std::string links_csv(const RunContext& context);
/// One row per die: place in the grid and the shares that the maps show.
[[nodiscard]] std::string dies_csv(const RunContext& context);
/// When a few ranks ran what: their tasks, by rank, lane and begin.
[[nodiscard]] std::string tasks_csv(const RunContext& context);
/// The use of links by class and of the SRAM, interval by interval. Classes of which the plans use nothing are left
/// out.
[[nodiscard]] std::string use_csv(const RunContext& context);
/// `rows`: latency.ops of report.json.
[[nodiscard]] std::string ops_csv(const Json& rows);

/// One cell, quoted where commas, quotes or line ends ask for it (RFC 4180). What controls a terminal is written out.
[[nodiscard]] std::string csv_cell(const std::string& text);
/// The text that csv_cell() made a cell of, quotes already taken off.
[[nodiscard]] std::string plain_cell(const std::string& cell);

struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  /// Column of a name, or -1.
  [[nodiscard]] int column(const std::string& name) const;
};
/// Error(kInvalidInput) with file and line for rows of another length than the header.
[[nodiscard]] CsvTable parse_csv(const std::string& text, const std::string& file);

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// Self-contained HTML pages: inline style and SVG, no script, no network.
#pragma once
#include <string>
#include <vector>

#include "report/json.h"
#include "report/tables.h"

namespace dojo::report {

/// `dies`: text of dies.csv.
[[nodiscard]] std::string run_html(const Json& report, const std::string& dies);
/// The same for a report of `dojosim net`.
[[nodiscard]] std::string net_html(const Json& report, const std::string& dies);
/// From results.csv; the axes are the columns of points.csv after the first three.
[[nodiscard]] std::string sweep_html(const CsvTable& results, const std::vector<std::string>& axes);

/// Text with the characters that mean something in HTML and XML replaced.
[[nodiscard]] std::string escaped(const std::string& text);
/// A whole page around `body`; `title` is plain text.
[[nodiscard]] std::string html_page(const std::string& title, const std::string& body);

struct HtmlTable {
  struct Column {
    std::string title;
    bool number = false;  ///< right-aligned
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  ///< plain text
  [[nodiscard]] std::string html() const;
};

/// Heat maps of cores, on-die links and die edges. "" when dies.csv has no figures.
[[nodiscard]] std::string heat_maps(const CsvTable& dies, const Json& machine);
/// One line chart per metric over the axis with most values; a line for each combination of the other axes.
[[nodiscard]] std::string sweep_charts(const CsvTable& results, const std::vector<std::string>& axes);
/// Colours that people with colour blindness tell apart, for lines and classes.
[[nodiscard]] const char* class_colour(std::size_t i);

}  // namespace dojo::report

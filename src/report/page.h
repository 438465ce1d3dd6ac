// SPDX-License-Identifier: Apache-2.0
// Pages: one file each, with a JSON island and the scripts of src/report/page that draw it. Nothing is fetched.
#pragma once
#include <string>
#include <vector>

#include "report/compare.h"
#include "report/json.h"
#include "report/tables.h"

namespace dojo::report {

/// Texts of dies.csv, links.csv, tasks.csv and use_over_time.csv; "" where a folder has none.
struct RunTables {
  std::string dies, links, tasks, use;
};
/// Of `dojosim run` and of `dojosim net`.
[[nodiscard]] std::string run_page(const Json& report, const RunTables& tables);
/// From points.csv, results.csv, sweep.json and the reports of the points.
[[nodiscard]] std::string sweep_page(const std::string& directory);

/// A run of a comparison, as its page shows it.
struct ComparedRun {
  std::string label;
  Json report;
  std::string dies;  ///< dies.csv beside the report; "": there is none
};
/// Each of `suite.runs` is `runs[0]` against another of `runs`, or a pair of a suite of its own when `runs` is empty.
[[nodiscard]] std::string compare_page(const Suite& suite, const std::vector<ComparedRun>& runs);

/// Text with the characters that mean something in HTML and XML replaced.
[[nodiscard]] std::string escaped(const std::string& text);
/// A table beside a report; "": there is none.
[[nodiscard]] std::string table_text(const std::string& file);
/// The page that draws `island`; `title` is plain text.
[[nodiscard]] std::string page(const std::string& title, const Json& island);

/// Rows as columns, small: numbers with `digits` digits, words once, and of paths only what differs from the one before
/// (src/report/page/island.js reads it).
[[nodiscard]] Json packed(const CsvTable& table, int digits);

/// What the build put into the program (cmake/DojoPages.cmake).
struct PageFiles {
  const char* style;
  const char* script;
  const char* chart_library;  ///< "" in a program that was built without npm
};
[[nodiscard]] const PageFiles& page_files();

}  // namespace dojo::report

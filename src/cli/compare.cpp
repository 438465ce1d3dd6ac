// SPDX-License-Identifier: Apache-2.0
// `dojosim compare`: counter regression between two reports, for CI.
#include <fmt/format.h>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "terminal.h"

namespace dojo::cli {

int compare_command(const Arguments& arguments) {
  Options options(
      "compare BASE.json NEW.json [options]",
      "Compares two report.json: integers exactly, other numbers within tolerance. Exit code 1 when anything\n"
      "changed beyond its rule, in either direction. 'host', 'program' and 'inputs' count only where a rule names "
      "them.",
      "dojosim compare base/report.json out/report.json --junit compare.xml");
  options.options()("rules", po::value<std::string>(), "JSON file with tolerances by key")(
      "junit", po::value<std::string>(), "also write the result as JUnit XML; - prints it instead of the table")(
      "markdown", po::value<std::string>(), "also write the table as Markdown; - prints it instead");
  options.positional("base");
  options.positional("new");
  if (!options.parse(arguments)) return 0;
  report::CompareRequest request;
  request.base = options.need("base", "BASE.json");
  request.fresh = options.need("new", "NEW.json");
  request.rules = options.text("rules");
  request.junit = options.text("junit");
  request.markdown = options.text("markdown");
  if (request.junit == "-" && request.markdown == "-")
    options.fail("found --junit - and --markdown -, expected one of them on standard output");
  std::string table;
  const bool same = report::compare(request, table);
  if (request.junit != "-" && request.markdown != "-") put(table);  // standard output is taken
  return static_cast<int>(same ? ExitCode::kGood : ExitCode::kRegression);
}

}  // namespace dojo::cli

// SPDX-License-Identifier: Apache-2.0
// `dojosim compare`: counter regression between two reports, for CI.
#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

/// The first word when the option is not there.
std::string one_of(const Options& options, const char* name, const std::vector<std::string>& words) {
  const std::string word = options.has(name) ? options.text(name) : words.front();
  if (std::find(words.begin(), words.end(), word) == words.end())
    options.fail(fmt::format("--{} is '{}'; expected {}", name, word, fmt::join(words, " or ")));
  return word;
}

}  // namespace

int compare_command(const Arguments& arguments) {
  Options options(
      "compare BASE NEW [MORE...] [options]",
      "Compares two reports, or all reports of two folders: what the step did, which keys changed, and what moved\n"
      "most. Integers must be equal, other numbers within tolerance. Exit code 1 when anything changed beyond its\n"
      "rule. 'host', 'program', 'inputs' and 'configuration' count only where a rule names them. Further runs are\n"
      "compared with BASE too.",
      "dojosim compare base/report.json out/report.json --fail-on worse --junit compare.xml");
  options.options()("rules", po::value<std::string>(), "JSON file with tolerances by key")(
      "junit", po::value<std::string>(), "also write the result as JUnit XML; - prints it instead of the table")(
      "markdown", po::value<std::string>(), "also write it as Markdown, under 60 kB; - prints it instead")(
      "html", po::value<std::string>(), "also write it as a page: seconds moved by group, of two or more runs")(
      "fail-on", po::value<std::string>(), "any: every change is exit code 1 (default); worse: only what got worse")(
      "format", po::value<std::string>(),
      "of what is printed: text (default), github: workflow commands, gitlab: a Code Quality report")(
      "json", "print JSON instead of text: what the step did, why, and every value that changed")(
      "update", "write BASE again from NEW, without what is not compared; exit code 0");
  options.positional("base");
  options.positional("new");
  options.positional("more", -1);
  if (!options.parse(arguments)) return 0;
  report::CompareRequest request;
  request.base = options.need("base", "BASE");
  request.fresh = options.need("new", "NEW");
  request.rules = options.text("rules");
  request.junit = options.text("junit");
  request.markdown = options.text("markdown");
  request.html = options.text("html");
  request.more = options.all("more");
  request.update = options.has("update");
  request.fail_on = one_of(options, "fail-on", {"any", "worse"});
  request.format = one_of(options, "format", {"text", "github", "gitlab"});
  if (options.has("json")) {
    if (options.has("format") || request.junit == "-" || request.markdown == "-")
      options.fail("found --json and another form for standard output, expected one of them");
    request.format = "json";
  }
  if (request.junit == "-" && request.markdown == "-")
    options.fail("found --junit - and --markdown -, expected one of them on standard output");
  std::string table;
  const bool same = report::compare(request, table);
  if (request.junit != "-" && request.markdown != "-") put(table);  // standard output is taken
  return static_cast<int>(same ? ExitCode::kGood : ExitCode::kRegression);
}

}  // namespace dojo::cli

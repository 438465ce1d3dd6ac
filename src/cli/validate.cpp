// SPDX-License-Identifier: Apache-2.0
// `dojosim validate [NAME]`: figures from outside against what the simulator says.
#include "dojo/run/validate.h"

#include <fmt/format.h>

#include <filesystem>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "json_answer.h"
#include "progress.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

using run::ValidationPoint;
using run::ValidationSuite;

struct Judged {
  const ValidationSuite* suite = nullptr;
  std::vector<ValidationPoint> points;
  std::string left_out;  ///< why; "" = it ran
  [[nodiscard]] std::size_t bad() const {
    std::size_t count = 0;
    for (const ValidationPoint& point : points) count += point.good() ? 0 : 1;
    return count;
  }
};

std::vector<const ValidationSuite*> chosen(const Options& options) {
  std::vector<const ValidationSuite*> suites;
  std::vector<std::string> names;
  for (const ValidationSuite& suite : run::validation_suites()) {
    names.emplace_back(suite.name);
    if (!options.has("name") || options.text("name") == suite.name) suites.push_back(&suite);
  }
  if (suites.empty()) {
    const std::string near = nearest(options.text("name"), names);
    options.fail(fmt::format("found suite '{}', expected one of {}{}", options.text("name"), fmt::join(names, ", "),
                             near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  return suites;
}

std::string missing(const ValidationSuite& suite, const std::string& data) {
  const std::string file = suite.data_file;
  if (file.empty()) return "";
  if (data.empty()) return fmt::format("it needs --data DIR with {}", file);
  return std::filesystem::exists(data + "/" + file) ? "" : fmt::format("{} has no {}", data, file);
}

std::string figure(double value) {
  return fmt::format("{:.4g}", value);
}

void print_text(const std::vector<Judged>& all) {
  for (const Judged& judged : all) {
    print("{}: {}\n", judged.suite->name, judged.suite->sentence);
    if (!judged.left_out.empty()) {
      print("  left out: {}\n\n", judged.left_out);
      continue;
    }
    print("  {:<58} {:>12} {:>12} {:<8} {:>8}  {}\n", "what", "expected", "got", "", "error", "source");
    for (const ValidationPoint& p : judged.points) {
      print("  {:<58} {:>12} {:>12} {:<8} {:>7.2f}%  {}{}\n", p.what, figure(p.expected), figure(p.got), p.unit,
            100 * p.error(), p.source, p.good() ? "" : fmt::format("; FAILED: {:g} to {:g} x expected", p.low, p.high));
    }
    const run::ErrorSummary s = run::summary_of(judged.points);
    print("  {} points: error median {:.2f} %, 90th percentile {:.2f} %, worst {:.2f} %; {} failed\n\n",
          judged.points.size(), 100 * s.median, 100 * s.p90, 100 * s.worst, judged.bad());
  }
}

void print_json(const std::vector<Judged>& all) {
  std::string text;
  for (const Judged& judged : all) {
    const run::ErrorSummary s = run::summary_of(judged.points);
    std::string points;
    for (const ValidationPoint& p : judged.points) {
      points += fmt::format(
          "{}\n   {{\"what\": {}, \"source\": {}, \"unit\": {}, \"expected\": {}, \"got\": {}, \"error\": {}, \"low\": "
          "{}, \"high\": {}, \"good\": {}}}",
          points.empty() ? "" : ",", json_text(p.what), json_text(p.source), json_text(p.unit), p.expected, p.got,
          p.error(), p.low, p.high, p.good());
    }
    text += fmt::format(
        "{}\n {{\"suite\": {}, \"sentence\": {}, \"left_out\": {}, \"failed\": {}, \"error_median\": {}, "
        "\"error_p90\": {}, \"error_worst\": {}, \"points\": [{}]}}",
        text.empty() ? "" : ",", json_text(judged.suite->name), json_text(judged.suite->sentence),
        judged.left_out.empty() ? "null" : json_text(judged.left_out), judged.bad(), s.median, s.p90, s.worst, points);
  }
  put("[" + text + "\n]\n");
}

}  // namespace

int validate_command(const Arguments& arguments) {
  Options options("validate [SUITE] [options]",
                  "Holds the simulator against published figures, other simulators and your own; exit code 1 when a "
                  "figure is beyond its bound.",
                  "dojosim validate published");
  options.options()("data", po::value<std::string>(),
                    "folder of figures that are not shipped (docs/validation_suites.md)")("json",
                                                                                          "print JSON instead of text");
  options.positional("name");
  if (!options.parse(arguments)) return 0;
  std::vector<Judged> all;
  for (const ValidationSuite* suite : chosen(options)) {
    Judged& judged = all.emplace_back();
    judged.suite = suite;
    judged.left_out = missing(*suite, options.text("data"));
    if (!judged.left_out.empty()) {
      if (options.has("name")) {
        throw Error(options.has("data") ? ExitCode::kIo : ExitCode::kUsage,
                    fmt::format("validate {}: {}", suite->name, judged.left_out));
      }
      continue;
    }
    const StageLine stage(!options.quiet(), fmt::format("validating: {}", suite->name));
    judged.points = suite->run({options.text("data")});
  }
  if (options.has("json"))
    print_json(all);
  else
    print_text(all);
  for (const Judged& judged : all)
    if (judged.bad() > 0) return static_cast<int>(ExitCode::kRegression);
  return 0;
}

}  // namespace dojo::cli

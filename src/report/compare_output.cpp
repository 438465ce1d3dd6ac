// SPDX-License-Identifier: Apache-2.0
// Writes comparisons for people: aligned tables for a terminal, and Markdown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "dojo/base/text.h"
#include "report/compare.h"
#include "report/units.h"

namespace dojo::report {
namespace {

/// Rows of a group; in a terminal the groups after the first four have fewer.
constexpr std::size_t kRows = 20, kRowsOfLesser = 5, kGroupsInFull = 4;
constexpr std::size_t kCausesShown = 20;
constexpr std::size_t kRunsInText = 10;
/// GitHub takes comments of 65,536 characters.
constexpr std::size_t kMostMarkdown = 60'000;

std::string shown(const Json& value, Change change, Change absent) {
  if (change == absent) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Names come from files of strangers. What could be markup stands behind a backslash; what could be a tag, a link or a
/// mention is a character reference, because not every program that shows Markdown knows the backslash.
std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : printable_line(text)) {
    if (std::string("<>&@:").find(c) != std::string::npos) {
      out += fmt::format("&#{};", static_cast<unsigned>(static_cast<unsigned char>(c)));
      continue;
    }
    if (std::string("\\`*_[]!~#|$").find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

/// Columns as wide as their widest cell; those from the third on are figures.
std::string aligned(const std::vector<std::array<std::string, 6>>& rows) {
  std::array<std::size_t, 6> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    fmt::format_to(std::back_inserter(text), "{:<{}}  {:<{}}  {:>{}}  {:>{}}  {:>{}}  {:>{}}", row[0], width[0], row[1],
                   width[1], row[2], width[2], row[3], width[3], row[4], width[4], row[5], width[5]);
    while (!text.empty() && text.back() == ' ') text.pop_back();
    text += '\n';
  }
  return text;
}

std::string moved_text(const ChangeRow& row) {
  return row.moved_s > 0 ? duration(row.moved_s) : "";
}

std::string value_name(const ChangeRow& row, std::size_t width) {
  const std::string name = shortened(row.difference->path, width);
  return row.more == 0 ? name : fmt::format("{} (and {} more)", name, row.more);
}

std::string run_text(const Comparison& run, const std::string& title) {
  std::string text;
  if (!title.empty()) text += title + "\n";
  for (std::size_t i = 0; i < run.headline.size(); ++i) {
    const HeadlineRow& row = run.headline[i];
    text += fmt::format("{:<22} {:>22} -> {:<22} {}\n", row.name, row.base, row.fresh, row.change);
    if (i > 0) continue;  // what the step did, and because of what
    for (std::size_t c = 0; c < std::min(run.causes.size(), kCausesShown); ++c)
      text += fmt::format("{:<22} {}\n", c == 0 ? "changed" : "", run.causes[c]);
    if (run.causes.size() > kCausesShown)
      text += fmt::format("{:<22} and {} more\n", "", run.causes.size() - kCausesShown);
    if (run.causes.empty()) text += fmt::format("{:<22} no key, no input, not the program\n", "changed");
  }
  for (std::size_t g = 0; g < run.groups.size(); ++g) {
    const ChangeGroup& group = run.groups[g];
    std::vector<std::array<std::string, 6>> rows = {{"verdict", group.name, "base", "new", "change", "moved"}};
    const std::size_t most = g < kGroupsInFull ? kRows : kRowsOfLesser;
    for (std::size_t i = 0; i < std::min(group.rows.size(), most); ++i) {
      const Difference& d = *group.rows[i].difference;
      rows.push_back({d.verdict(), value_name(group.rows[i], 64), shortened(base_text(d), 24),
                      shortened(fresh_text(d), 24), change_text(d), moved_text(group.rows[i])});
    }
    text += "\n" + aligned(rows);
    if (group.rows.size() > most)
      text += fmt::format("and {} more (--junit has all of them)\n", group.rows.size() - most);
  }
  if (run.changed() == 1 && run.groups.size() == 1 && run.groups[0].name == "digest")
    text += "only the digest changed: an input's contents, a parameter or a counter that no compared value shows\n";
  return text + (run.groups.empty() ? "" : "\n") + counts_text(run) + "\n";
}

/// What differs, as one line.
std::string causes_markdown(const std::vector<std::string>& causes) {
  std::string text;
  for (std::size_t c = 0; c < std::min(causes.size(), kCausesShown); ++c)
    text += (c == 0 ? "" : "; ") + markdown_cell(causes[c]);
  if (causes.size() > kCausesShown) text += fmt::format("; and {} more", causes.size() - kCausesShown);
  return causes.empty() ? "no key, no input, not the program" : text;
}

/// The first lines are the answer: what the step did, and because of what.
std::string run_markdown(const Comparison& run) {
  std::string text;
  if (!run.headline.empty()) {
    const HeadlineRow& step = run.headline.front();
    text += fmt::format("**{} {}** ({} -> {})\n\n", step.name, step.change, step.base, step.fresh);
  }
  text += "**Changed:** " + causes_markdown(run.causes) + "\n\n";
  if (!run.headline.empty()) {
    text += "| | base | new | change |\n|---|---:|---:|---:|\n";
    for (const HeadlineRow& row : run.headline)
      text += fmt::format("| {} | {} | {} | {} |\n", row.name, row.base, row.fresh, row.change);
  }
  text += "\n" + counts_text(run) + "\n";
  for (const ChangeGroup& group : run.groups) {
    text +=
        fmt::format("\n| verdict | {} | base | new | change | moved |\n|---|---|---:|---:|---:|---:|\n", group.name);
    for (std::size_t i = 0; i < std::min(group.rows.size(), kRows); ++i) {
      const Difference& d = *group.rows[i].difference;
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", d.verdict(),
                          markdown_cell(value_name(group.rows[i], 100)), markdown_cell(shortened(base_text(d), 48)),
                          markdown_cell(shortened(fresh_text(d), 48)), change_text(d), moved_text(group.rows[i]));
    }
    if (group.rows.size() > kRows) text += fmt::format("\nand {} more\n", group.rows.size() - kRows);
  }
  return text;
}

/// A row for each run of a suite.
std::vector<std::array<std::string, 6>> overview(const Suite& suite) {
  std::vector<std::array<std::string, 6>> rows = {{"result", "run", "base", "new", "change", "values"}};
  for (const Comparison& run : suite.runs) {
    const HeadlineRow none, &step = run.headline.empty() ? none : run.headline.front();
    rows.push_back({run.failed ? "FAILED" : "good", shortened(run.name, 60), step.base, step.fresh, step.change,
                    run.changed() == 0 ? "" : fmt::format("{} changed", run.changed())});
  }
  for (const std::string& name : suite.missing) rows.push_back({"FAILED", shortened(name, 60), "", "missing", "", ""});
  for (const std::string& name : suite.added) rows.push_back({"new", shortened(name, 60), "none", "", "", ""});
  return rows;
}

std::string closing(const Suite& suite) {
  const auto failed =
      std::count_if(suite.runs.begin(), suite.runs.end(), [](const Comparison& run) { return run.failed; });
  return fmt::format("{} compared, {} failed{}{}\n",
                     suite.runs.size() == 1 ? "1 run" : fmt::format("{} runs", suite.runs.size()), failed,
                     suite.missing.empty() ? "" : fmt::format(", {} missing", suite.missing.size()),
                     suite.added.empty() ? "" : fmt::format(", {} new (--update takes them)", suite.added.size()));
}

/// What differs in every run that changed.
std::vector<std::string> common_causes(const Suite& suite) {
  std::vector<std::string> common;
  bool first = true;
  for (const Comparison& run : suite.runs) {
    if (run.changed() == 0) continue;
    if (first) common = run.causes;
    first = false;
    const auto is_not_here = [&](const std::string& cause) {
      return std::find(run.causes.begin(), run.causes.end(), cause) == run.causes.end();
    };
    common.erase(std::remove_if(common.begin(), common.end(), is_not_here), common.end());
  }
  return common;
}

bool is_single(const Suite& suite) {
  return suite.runs.size() == 1 && suite.runs.front().name.empty();
}

}  // namespace

std::string base_text(const Difference& d) {
  return shown(d.base, d.change, Change::kNew);
}
std::string fresh_text(const Difference& d) {
  return shown(d.fresh, d.change, Change::kMissing);
}

std::string change_text(const Difference& d) {
  if (d.change != Change::kChanged || !std::isfinite(d.relative)) return "-";
  const double value = d.relative * 100;
  return std::fabs(value) >= 0.01 ? fmt::format("{:+.2f} %", value) : fmt::format("{:+.2g} %", value);
}

std::string suite_text(const Suite& suite) {
  if (is_single(suite)) return run_text(suite.runs.front(), "");
  std::string text = aligned(overview(suite)) + closing(suite);
  const std::vector<std::string> common = common_causes(suite);
  for (std::size_t c = 0; c < std::min(common.size(), kCausesShown); ++c)
    text += fmt::format("{:<22} {}\n", c == 0 ? "changed in each" : "", common[c]);
  if (common.size() > kCausesShown) text += fmt::format("{:<22} and {} more\n", "", common.size() - kCausesShown);
  std::size_t shown_runs = 0, changed = 0;
  for (const Comparison& run : suite.runs) {
    if (run.changed() == 0) continue;
    if (++changed > kRunsInText) continue;
    ++shown_runs;
    text += "\n" + run_text(run, "== " + run.name);
  }
  if (changed > shown_runs)
    text += fmt::format("\nand {} more runs changed (--junit has all of them)\n", changed - shown_runs);
  return text;
}

std::string suite_markdown(const Suite& suite) {
  std::string text = "### dojosim compare\n\n";
  const std::string cut = "\nand more: this page ends here, because comments of pull requests have a limit\n";
  const std::size_t room = kMostMarkdown - cut.size();
  const auto add = [&](const std::string& part) {
    if (text.size() + part.size() <= room) {
      text += part;
      return true;
    }
    const std::size_t line = part.rfind('\n', room - text.size());
    if (line != std::string::npos) text += part.substr(0, line + 1);
    text += cut;
    return false;
  };
  if (is_single(suite)) {
    add(run_markdown(suite.runs.front()));
    return text;
  }
  const std::vector<std::string> common = common_causes(suite);
  std::string table = closing(suite) +
                      (common.empty() ? "" : "\n**Changed in each:** " + causes_markdown(common) + "\n") +
                      "\n| result | run | base | new | change | values |\n|---|---|---:|---:|---:|---:|\n";
  const auto rows = overview(suite);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    for (const std::string& cell : rows[i]) table += "| " + markdown_cell(cell) + " ";
    table += "|\n";
  }
  if (!add(table)) return text;
  for (const Comparison& run : suite.runs) {
    if (run.changed() == 0) continue;
    if (!add("\n#### " + markdown_cell(run.name) + "\n\n" + run_markdown(run))) break;
  }
  return text;
}

}  // namespace dojo::report

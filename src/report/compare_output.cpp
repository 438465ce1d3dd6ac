// SPDX-License-Identifier: Apache-2.0
// Writes a comparison as an aligned table, as Markdown and as JUnit XML.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "dojo/base/text.h"
#include "report/compare.h"
#include "report/html.h"
#include "report/units.h"

namespace dojo::report {
namespace {

constexpr std::size_t kShown = 60;

std::string shown(const Json& value, Change change, Change absent) {
  if (change == absent) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
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

std::string closing(std::size_t changed, std::size_t compared) {
  if (changed == 0) return fmt::format("{} values compared, none changed beyond its tolerance\n", compared);
  return fmt::format("{} of {} compared values changed beyond their tolerance\n", changed, compared);
}

/// XML 1.0 has no way to hold most control characters, not even escaped.
std::string xml(const std::string& text) {
  std::string plain = text;
  for (char& c : plain) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') c = '?';
  }
  return escaped(plain);
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

}  // namespace

std::string differences_text(const std::vector<Difference>& changed, std::size_t compared) {
  std::vector<std::array<std::string, 5>> rows = {{"verdict", "value", "base", "new", "change"}};
  for (const Difference& d : changed) {
    if (rows.size() > kShown) break;
    rows.push_back({d.verdict(), shortened(d.path, 64), shortened(base_text(d), 24), shortened(fresh_text(d), 24),
                    change_text(d)});
  }
  std::array<std::size_t, 5> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  if (!changed.empty()) {
    for (const auto& row : rows) {
      fmt::format_to(std::back_inserter(text), "{:<{}}  {:<{}}  {:>{}}  {:>{}}  {:>{}}\n", row[0], width[0], row[1],
                     width[1], row[2], width[2], row[3], width[3], row[4], width[4]);
    }
    if (changed.size() > kShown) {
      text += fmt::format("and {} more (--markdown and --junit write all of them)\n", changed.size() - kShown);
    }
    if (changed.size() == 1 && changed[0].path == "digest") {
      text += "only the digest changed: an input's contents, a parameter or a counter that no compared value shows\n";
    }
  }
  return text + closing(changed.size(), compared);
}

std::string differences_markdown(const std::vector<Difference>& changed, std::size_t compared) {
  std::string text = "### dojosim compare\n\n" + closing(changed.size(), compared);
  if (changed.empty()) return text;
  text += "\n| verdict | value | base | new | change |\n|---|---|---:|---:|---:|\n";
  for (const Difference& d : changed) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", d.verdict(), markdown_cell(d.path), markdown_cell(base_text(d)),
                        markdown_cell(fresh_text(d)), change_text(d));
  }
  return text;
}

std::string differences_junit(const std::vector<Difference>& all) {
  std::map<std::string, std::vector<const Difference*>> suites;
  std::size_t failures = 0;
  for (const Difference& d : all) {
    suites[d.path.substr(0, d.path.find_first_of(".["))].push_back(&d);
    failures += d.change != Change::kSame;
  }
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"dojosim compare\" tests=\"{}\" "
      "failures=\"{}\">\n",
      all.size(), failures);
  for (const auto& [name, tests] : suites) {
    const auto failed = std::count_if(tests.begin(), tests.end(), [](auto* d) { return d->change != Change::kSame; });
    text += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">\n",
                        xml(name), tests.size(), failed);
    for (const Difference* d : tests) {
      text += fmt::format("    <testcase classname=\"dojosim.{}\" name=\"{}\"", xml(name), xml(d->path));
      if (d->change == Change::kSame) {
        text += "/>\n";
        continue;
      }
      const std::string sentence = fmt::format("{}: base {}, new {}, change {}, tolerance {}", d->verdict(),
                                               base_text(*d), fresh_text(*d), change_text(*d), d->tolerance);
      text +=
          fmt::format(">\n      <failure type=\"{}\" message=\"{}\"/>\n    </testcase>\n", d->verdict(), xml(sentence));
    }
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

}  // namespace dojo::report

// SPDX-License-Identifier: Apache-2.0
// Writes comparisons for programs: JUnit XML, workflow commands of GitHub Actions, Code Quality of GitLab.
#include <fmt/format.h>

#include <algorithm>

#include "dojo/config/config.h"
#include "report/compare.h"
#include "report/page.h"

namespace dojo::report {
namespace {

/// XML 1.0 has no way to hold most control characters, not even escaped.
std::string xml(const std::string& text) {
  std::string plain = text;
  for (char& c : plain) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') c = '?';
  }
  return escaped(plain);
}

/// A workflow command ends with its line, and has its own escapes.
std::string command_text(const std::string& text, bool property) {
  std::string out;
  for (const char c : text) {
    const bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    out += special ? fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c))) : std::string(1, c);
  }
  return out;
}

std::string name_or(const Comparison& run, const char* otherwise) {
  return run.name.empty() ? otherwise : run.name;
}

struct Cases {
  std::string text;
  std::size_t tests = 0, failures = 0;
};

/// A case for each changed value, and one for each section's values that stayed.
Cases cases_of(const Comparison& run) {
  Cases cases;
  std::map<std::string, std::size_t> same;
  const std::string prefix = run.name.empty() ? "dojosim." : "dojosim." + xml(run.name) + ".";
  for (const Difference& d : run.all) {
    const std::string section = section_of(d.path);
    if (d.change == Change::kSame) {
      ++same[section];
      continue;
    }
    ++cases.tests;
    cases.text += fmt::format("    <testcase classname=\"{}{}\" name=\"{}\"", prefix, xml(section), xml(d.path));
    const std::string sentence =
        fmt::format("{}: base {}, new {}, change {}, tolerance {}{}", d.verdict(), base_text(d), fresh_text(d),
                    change_text(d), d.tolerance, d.absolute > 0 ? fmt::format(" or {}", d.absolute) : "");
    if (run.failed) {
      ++cases.failures;
      cases.text +=
          fmt::format(">\n      <failure type=\"{}\" message=\"{}\"/>\n    </testcase>\n", d.verdict(), xml(sentence));
    } else {
      cases.text += fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", xml(sentence));
    }
  }
  for (const auto& [section, count] : same) {
    ++cases.tests;
    cases.text += fmt::format("    <testcase classname=\"{}{}\" name=\"{}: {} values as before\"/>\n", prefix,
                              xml(section), xml(section), count);
  }
  return cases;
}

}  // namespace

std::string suite_junit(const Suite& suite) {
  std::string body;
  std::size_t tests = 0, failures = 0;
  for (const Comparison& run : suite.runs) {
    const Cases cases = cases_of(run);
    tests += cases.tests;
    failures += cases.failures;
    body += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">\n{}",
                        xml(name_or(run, "report")), cases.tests, cases.failures, cases.text);
    body += fmt::format("    <system-out>{}</system-out>\n  </testsuite>\n", xml(one_line(run)));
  }
  for (const std::string& name : suite.missing) {
    ++tests;
    ++failures;
    body += fmt::format(
        "  <testsuite name=\"{0}\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">\n    <testcase "
        "classname=\"dojosim.{0}\" name=\"the run\">\n      <failure type=\"missing\" message=\"missing: only the base "
        "has this run\"/>\n    </testcase>\n  </testsuite>\n",
        xml(name));
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"dojosim compare\" tests=\"{}\" "
      "failures=\"{}\">\n{}</testsuites>\n",
      tests, failures, body);
}

std::string suite_github(const Suite& suite) {
  std::string text;
  for (const Comparison& run : suite.runs) {
    const char* level = run.failed ? "error" : run.changed() > 0 ? "warning" : "notice";
    const std::string title = run.name.empty() ? "dojosim compare" : "dojosim compare " + run.name;
    text += fmt::format("::{} title={}::{}\n", level, command_text(title, true),
                        command_text(one_line(run) + "\n" + counts_text(run), false));
  }
  for (const std::string& name : suite.missing)
    text += fmt::format("::error title={}::missing%3A only the base has this run\n",
                        command_text("dojosim compare " + name, true));
  for (const std::string& name : suite.added)
    text += fmt::format("::notice title={}::only the new folder has this run\n",
                        command_text("dojosim compare " + name, true));
  return text;
}

std::string suite_gitlab(const Suite& suite) {
  Json findings = Json::array();
  const auto add = [&](const std::string& run, const std::string& description, const char* severity) {
    Json finding;
    finding["description"] = description;
    finding["check_name"] = "dojosim compare";
    finding["fingerprint"] = config::sha256_text(run + "\n" + description);
    finding["severity"] = severity;
    finding["location"] = {{"path", run}, {"lines", {{"begin", 1}}}};
    findings.push_back(std::move(finding));
  };
  for (const Comparison& run : suite.runs) {
    if (run.changed() == 0) continue;
    add(name_or(run, "report.json"), one_line(run) + "; " + counts_text(run), run.failed ? "major" : "info");
  }
  for (const std::string& name : suite.missing) add(name, "missing: only the base has this run", "major");
  for (const std::string& name : suite.added) add(name, "new: the base does not have this run", "info");
  return dump(findings);
}

}  // namespace dojo::report

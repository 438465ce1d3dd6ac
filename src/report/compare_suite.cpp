// SPDX-License-Identifier: Apache-2.0
// `dojosim compare`: pairs of reports, one or a folder of them, and what is written of them.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "report/compare.h"
#include "report/files.h"

namespace dojo::report {
namespace {

namespace fs = std::filesystem;
constexpr const char* kReport = "report.json";

void check_schema(const Json& report, const std::string& file, Findings& findings) {
  if (!report.is_object() || !report.contains("schema")) {
    findings.add("{}: /schema: found no report, expected a report.json of `dojosim run` (schema dojosim.report/1)",
                 file);
  } else if (report["schema"] != "dojosim.report/1") {
    findings.add("{}: /schema: found {}, expected \"dojosim.report/1\"; compare it with the version that wrote it",
                 file, report["schema"].dump());
  }
}

/// Rules have to be for something in one of the reports at least.
class RulesUsed {
 public:
  RulesUsed(const std::vector<Rule>& rules, std::string file)
      : rules_(rules), file_(std::move(file)), used_(rules.size(), false) {}
  void look_at(const Json& report) {
    for (const auto& [path, value] : leaves(report)) {
      for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!used_[i]) used_[i] = glob_matches(rules_[i].path, path);
      }
    }
  }
  void check() const {
    Findings findings;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (used_[i]) continue;
      findings.add(
          "{}: /rules/{}/path: found '{}', which matches nothing in either report; expected a path such as "
          "'time.cycles' or 'latency.ops[*].seconds'",
          file_, i, rules_[i].path);
    }
    findings.throw_if_any();
  }

 private:
  const std::vector<Rule>& rules_;
  std::string file_;
  std::vector<bool> used_;
};

/// The point of a sweep by its number: its hash follows from what was changed.
std::string without_hash(const std::string& folder) {
  const std::size_t dash = folder.find('-');
  constexpr std::size_t kHash = 12;
  if (dash == std::string::npos || dash == 0 || folder.size() - dash - 1 != kHash) return folder;
  const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  const auto hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
  const bool point = std::all_of(folder.begin(), folder.begin() + static_cast<std::ptrdiff_t>(dash), digit) &&
                     std::all_of(folder.begin() + static_cast<std::ptrdiff_t>(dash) + 1, folder.end(), hex);
  return point ? folder.substr(0, dash) : folder;
}

std::string run_name(const fs::path& relative) {
  std::string name;
  for (const fs::path& part : relative) name += (name.empty() ? "" : "/") + without_hash(part.string());
  return name;
}

/// Reports of a folder by the name of their run; a run folder, or a report itself, is "".
std::map<std::string, std::string> reports_of(const std::string& place, bool may_be_missing) {
  std::error_code failed;
  if (!fs::is_directory(place, failed)) return {{"", place}};
  if (fs::exists(fs::path(place) / kReport, failed)) return {{"", (fs::path(place) / kReport).string()}};
  std::map<std::string, std::string> found;
  for (fs::recursive_directory_iterator at(place, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().filename() != kReport || !at->is_regular_file(failed)) continue;
    found[run_name(fs::relative(at->path().parent_path(), place))] = at->path().string();
  }
  if (failed)
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be searched for reports: {}", place, failed.message()));
  if (found.empty() && !may_be_missing)
    throw Error(ExitCode::kIo,
                fmt::format("{}: found no {} in this folder or below it, expected a run folder, or folders of runs; "
                            "give the --out of `dojosim run`",
                            place, kReport));
  return found;
}

Comparison compared(const std::string& name, const Json& base, const Json& fresh, const std::vector<Rule>& rules,
                    const std::string& fail_on) {
  Comparison run;
  run.name = name;
  run.all = differences(base, fresh, rules);
  run.headline = headline_of(base, fresh);
  run.causes = causes_of(base, fresh);
  run.groups = groups_of(base, fresh, run.all);
  run.failed = fail_on == "worse"
                   ? std::any_of(run.all.begin(), run.all.end(), [](const Difference& d) { return d.is_worse(); })
                   : run.changed() > 0;
  return run;
}

/// Where the baseline of a run lies, or will lie.
std::string place_of(const CompareRequest& request, const std::string& name,
                     const std::map<std::string, std::string>& bases) {
  const auto found = bases.find(name);
  if (found != bases.end()) return found->second;
  return (fs::path(request.base) / name / kReport).string();
}

/// The baselines again, slim. Those of runs that are gone stay: nobody knows whether they were meant to go.
std::string update(const CompareRequest& request, const std::map<std::string, std::string>& bases,
                   const std::map<std::string, std::string>& fresh) {
  OutputSet files;
  std::string said;
  for (const auto& [name, file] : fresh) {
    const Json report = read_json(file);
    Findings findings;
    check_schema(report, file, findings);
    findings.throw_if_any();
    const std::string place = place_of(request, name, bases);
    const std::string folder = fs::path(place).parent_path().string();
    if (!folder.empty()) make_folders(folder);
    files.add(place).write(dump(slim_report(report)));
    said += "updated " + place + "\n";
  }
  files.commit();
  return said;
}

}  // namespace

bool compare(const CompareRequest& request, std::string& out) {
  const bool no_base_yet = request.update && !fs::exists(request.base);
  const std::map<std::string, std::string> fresh = reports_of(request.fresh, false);
  const std::map<std::string, std::string> bases =
      no_base_yet ? (fresh.count("") != 0 ? reports_of(request.base, true) : std::map<std::string, std::string>{})
                  : reports_of(request.base, request.update);
  if (request.update) {
    out += update(request, bases, fresh);
    return true;
  }
  if ((bases.count("") != 0) != (fresh.count("") != 0))
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{} and {}: found one run and a folder of runs, expected two of the same", request.base,
                            request.fresh));
  std::vector<Rule> rules;
  if (!request.rules.empty()) rules = read_rules(request.rules);
  RulesUsed used(rules, request.rules);
  Suite suite;
  Findings findings;
  for (const auto& [name, file] : bases) {
    const auto other = fresh.find(name);
    if (other == fresh.end()) {
      suite.missing.push_back(name);
      continue;
    }
    const Json base = read_json(file), report = read_json(other->second);
    const std::size_t before = findings.lines().size();
    check_schema(base, file, findings);
    check_schema(report, other->second, findings);
    if (findings.lines().size() != before) continue;
    used.look_at(base);
    used.look_at(report);
    suite.runs.push_back(compared(name, base, report, rules, request.fail_on));
  }
  findings.throw_if_any();
  used.check();
  for (const auto& [name, file] : fresh) {
    if (bases.count(name) == 0) suite.added.push_back(name);
  }
  out += request.format == "github"   ? suite_github(suite)
         : request.format == "gitlab" ? suite_gitlab(suite)
                                      : suite_text(suite);
  OutputSet files;
  for (const std::string& name : {request.markdown, request.junit}) remove_leftovers_beside(name);
  if (!request.markdown.empty()) files.add(request.markdown).write(suite_markdown(suite));
  if (!request.junit.empty()) files.add(request.junit).write(suite_junit(suite));
  files.commit();
  const bool failed =
      std::any_of(suite.runs.begin(), suite.runs.end(), [](const Comparison& run) { return run.failed; });
  return !failed && suite.missing.empty() && (request.fail_on == "worse" || suite.added.empty());
}

}  // namespace dojo::report

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
#include "report/page.h"

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
  if (!may_be_missing && !fs::exists(place, failed))
    throw Error(ExitCode::kIo,
                fmt::format("{}: cannot read the file: there is no such file or folder; `dojosim compare "
                            "BASE NEW --update` makes a baseline of NEW",
                            place));
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
std::vector<std::string> update(const CompareRequest& request, const std::map<std::string, std::string>& bases,
                                const std::map<std::string, std::string>& fresh) {
  OutputSet files;
  std::vector<std::string> places;
  for (const auto& [name, file] : fresh) {
    const Json report = read_json(file);
    Findings findings;
    check_schema(report, file, findings);
    findings.throw_if_any();
    const std::string place = place_of(request, name, bases);
    const std::string folder = fs::path(place).parent_path().string();
    if (!folder.empty()) make_folders(folder);
    files.add(place).write(dump(slim_report(report)));
    places.push_back(place);
  }
  files.commit();
  return places;
}

/// Reports that are compared with one another, as they are read; finds what is no report.
class Pairs {
 public:
  explicit Pairs(const CompareRequest& request)
      : request_(request),
        rules_(request.rules.empty() ? std::vector<Rule>{} : read_rules(request.rules)),
        used_(rules_, request.rules) {}

  void add(const std::string& name, const std::string& base_file, const std::string& fresh_file) {
    const Json base = read(base_file), fresh = read(fresh_file);
    if (!findings_.lines().empty()) return;
    suite.runs.push_back(compared(name, base, fresh, rules_, request_.fail_on));
    if (request_.html.empty() || name_is_of_folder_) return;
    const auto dies = [](const std::string& report) {
      return table_text((fs::path(report).parent_path() / "dies.csv").string());
    };
    if (runs.empty()) runs.push_back({request_.base, base, dies(base_file)});
    runs.push_back({name.empty() ? request_.fresh : name, fresh, dies(fresh_file)});
  }
  /// Runs of two folders, by their names.
  void add_folders(const std::map<std::string, std::string>& bases, const std::map<std::string, std::string>& fresh) {
    name_is_of_folder_ = true;
    for (const auto& [name, file] : bases) {
      const auto other = fresh.find(name);
      if (other == fresh.end()) {
        suite.missing.push_back(name);
      } else {
        add(name, file, other->second);
      }
    }
    for (const auto& [name, file] : fresh) {
      if (bases.count(name) == 0) suite.added.push_back(name);
    }
  }
  void check() const {
    findings_.throw_if_any();
    used_.check();
  }

  Suite suite;
  std::vector<ComparedRun> runs;  ///< for the page; not of folders, which may have very many

 private:
  Json read(const std::string& file) {
    Json report = read_json(file);
    check_schema(report, file, findings_);
    used_.look_at(report);
    return report;
  }
  const CompareRequest& request_;
  std::vector<Rule> rules_;
  RulesUsed used_;
  Findings findings_;
  bool name_is_of_folder_ = false;
};

std::string page_of(const Pairs& pairs) {
  try {
    return compare_page(pairs.suite, pairs.runs);
  } catch (const Json::exception& error) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}: found a value of another type ({}), expected whole reports; run it again",
                            pairs.runs.empty() ? "report.json" : pairs.runs.front().label, error.what()));
  }
}

void write_files(const CompareRequest& request, const Pairs& pairs) {
  OutputSet files;
  for (const std::string& name : {request.markdown, request.junit, request.html}) remove_leftovers_beside(name);
  if (!request.markdown.empty()) files.add(request.markdown).write(suite_markdown(pairs.suite));
  if (!request.junit.empty()) files.add(request.junit).write(suite_junit(pairs.suite));
  if (!request.html.empty()) files.add(request.html).write(page_of(pairs));
  files.commit();
}

/// One run against others.
void add_runs(const CompareRequest& request, const std::string& base, const std::string& fresh, Pairs& pairs) {
  pairs.add(request.more.empty() ? "" : request.fresh, base, fresh);
  for (const std::string& place : request.more) {
    const std::map<std::string, std::string> found = reports_of(place, false);
    if (found.count("") == 0)
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("{}: found a folder of runs, expected one run as the others are", place));
    pairs.add(place, base, found.at(""));
  }
}

}  // namespace

bool compare(const CompareRequest& request, std::string& out) {
  const bool no_base_yet = request.update && !fs::exists(request.base);
  const std::map<std::string, std::string> fresh = reports_of(request.fresh, false);
  const std::map<std::string, std::string> bases =
      no_base_yet ? (fresh.count("") != 0 ? reports_of(request.base, true) : std::map<std::string, std::string>{})
                  : reports_of(request.base, request.update);
  if (request.update) {
    const std::vector<std::string> places = update(request, bases, fresh);
    if (request.format == "json") out += update_json(places);
    if (request.format != "json")
      for (const std::string& place : places) out += "updated " + place + "\n";
    return true;
  }
  const bool single = bases.count("") != 0;
  if (single != (fresh.count("") != 0) || (!single && !request.more.empty()))
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{} and {}: found one run and a folder of runs, or more than two folders, expected runs or "
                            "two folders of runs",
                            request.base, request.fresh));
  Pairs pairs(request);
  if (single) {
    add_runs(request, bases.at(""), fresh.at(""), pairs);
  } else {
    pairs.add_folders(bases, fresh);
  }
  pairs.check();
  const Suite& suite = pairs.suite;
  const bool failed =
      std::any_of(suite.runs.begin(), suite.runs.end(), [](const Comparison& run) { return run.failed; });
  const bool good = !failed && suite.missing.empty() && (request.fail_on == "worse" || suite.added.empty());
  out += request.format == "github"   ? suite_github(suite)
         : request.format == "gitlab" ? suite_gitlab(suite)
         : request.format == "json"   ? suite_json(suite, good)
                                      : suite_text(suite);
  write_files(request, pairs);
  return good;
}

}  // namespace dojo::report

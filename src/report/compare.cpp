// SPDX-License-Identifier: Apache-2.0
// Compares two reports leaf by leaf: integers exactly, other numbers within a relative tolerance.
#include "report/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "report/files.h"

namespace dojo::report {
namespace {

constexpr double kDefaultTolerance = 1e-9;
/// They differ between machines and versions by nature: compared only where a rule names them.
constexpr const char* kByRuleOnly[] = {"host", "program", "inputs", "configuration"};
/// A speed of the host that stands among simulated figures.
constexpr const char* kHostFigure = "per_host_s";

std::string element_key(const Json& element, std::size_t index, std::map<std::string, int>& seen) {
  for (const char* key : {"name", "path", "rank"}) {
    if (!element.is_object() || !element.contains(key)) continue;
    const Json& value = element[key];
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const int nth = ++seen[text];
    return nth == 1 ? text : fmt::format("{}#{}", text, nth);
  }
  return std::to_string(index);
}

void add_leaves(const std::string& path, const Json& json, std::map<std::string, Json>& out) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items()) add_leaves(path.empty() ? key : path + "." + key, value, out);
  } else if (json.is_array() && !json.empty()) {
    std::map<std::string, int> seen;
    for (std::size_t i = 0; i < json.size(); ++i) {
      add_leaves(fmt::format("{}[{}]", path, element_key(json[i], i, seen)), json[i], out);
    }
  } else if (!json.is_structured()) {
    out[path] = json;
  }
}

std::string section_of(const std::string& path) {
  return path.substr(0, path.find_first_of(".["));
}

/// What a rule must begin with to be for `path`: "" for every path that is compared without a rule.
std::string named_by(const std::string& path) {
  const std::string end = kHostFigure, section = section_of(path);
  if (path.size() > end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0) return path;
  const bool by_name = std::find(std::begin(kByRuleOnly), std::end(kByRuleOnly), section) != std::end(kByRuleOnly);
  return by_name ? section : "";
}

/// The last rule that matches counts, so that a file can go from the general to the particular.
const Rule* rule_for(const std::string& path, const std::vector<Rule>& rules) {
  const std::string name = named_by(path);
  const Rule* found = nullptr;
  for (const Rule& rule : rules) {
    if (rule.path.compare(0, name.size(), name) != 0) continue;
    if (glob_matches(rule.path, path)) found = &rule;
  }
  static const Rule kPlain{}, kIgnored{"", {}, "", true};
  if (found != nullptr) return found;
  return name.empty() ? &kPlain : &kIgnored;
}

bool same_integer(const Json& a, const Json& b) {
  if (a.is_number_unsigned() && b.is_number_unsigned()) return a.get<std::uint64_t>() == b.get<std::uint64_t>();
  return a.is_number_unsigned() == b.is_number_unsigned() && a.get<std::int64_t>() == b.get<std::int64_t>();
}

void judge(Difference& d, const Rule& rule) {
  d.direction = rule.direction;
  if (!d.base.is_number() || !d.fresh.is_number()) {
    d.tolerance = 0;
    d.relative = d.base == d.fresh ? 0 : std::numeric_limits<double>::infinity();
    d.change = d.base == d.fresh ? Change::kSame : Change::kChanged;
    return;
  }
  const bool integers = d.base.is_number_integer() && d.fresh.is_number_integer();
  d.tolerance = rule.tolerance.value_or(integers ? 0.0 : kDefaultTolerance);
  const double base = d.base.get<double>(), fresh = d.fresh.get<double>();
  const bool equal = integers ? same_integer(d.base, d.fresh) : base == fresh;
  const double step = fresh - base;
  if (!equal) {
    // Integers beyond 2^53 may differ although their doubles do not: still a change.
    d.relative = base != 0 ? step / std::fabs(base) : std::copysign(std::numeric_limits<double>::infinity(), step);
  }
  const bool within = equal || (d.tolerance > 0 && std::fabs(step) <= d.tolerance * std::fabs(base));
  d.change = within ? Change::kSame : Change::kChanged;
}

void check_schema(const Json& report, const std::string& file, Findings& findings) {
  if (!report.is_object() || !report.contains("schema")) {
    findings.add("{}: /schema: found no report, expected a report.json of `dojosim run` (schema dojosim.report/1)",
                 file);
  } else if (report["schema"] != "dojosim.report/1") {
    findings.add("{}: /schema: found {}, expected \"dojosim.report/1\"; compare it with the version that wrote it",
                 file, report["schema"].dump());
  }
}

void check_rules_used(const std::vector<Rule>& rules, const Json& base, const Json& fresh, const std::string& file) {
  std::set<std::string> paths;
  for (const Json* report : {&base, &fresh}) {
    for (const auto& [path, value] : leaves(*report)) paths.insert(path);
  }
  Findings findings;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto matches = [&](const std::string& path) { return glob_matches(rules[i].path, path); };
    if (std::none_of(paths.begin(), paths.end(), matches)) {
      findings.add(
          "{}: /rules/{}/path: found '{}', which matches nothing in either report; expected a path such as "
          "'time.cycles' or 'latency.ops[*].seconds'",
          file, i, rules[i].path);
    }
  }
  findings.throw_if_any();
}

}  // namespace

const char* Difference::verdict() const {
  switch (change) {
    case Change::kSame:
      return "same";
    case Change::kMissing:
      return "missing";
    case Change::kNew:
      return "new";
    case Change::kChanged:
      break;
  }
  if (direction.empty()) return "changed";
  return (relative > 0) == (direction == "higher_is_better") ? "better" : "worse";
}

std::map<std::string, Json> leaves(const Json& report) {
  std::map<std::string, Json> out;
  add_leaves("", report, out);
  return out;
}

bool glob_matches(const std::string& pattern, const std::string& text) {
  std::size_t p = 0, t = 0, star = std::string::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<Difference> differences(const Json& base, const Json& fresh, const std::vector<Rule>& rules) {
  const auto before = leaves(base), after = leaves(fresh);
  std::vector<Difference> all;
  const auto compared = [&](const std::string& path, const Json* old_value, const Json* new_value) {
    const Rule* rule = rule_for(path, rules);
    if (rule->ignore) return;
    Difference d;
    d.path = path;
    if (old_value != nullptr) d.base = *old_value;
    if (new_value != nullptr) d.fresh = *new_value;
    if (old_value != nullptr && new_value != nullptr) {
      judge(d, *rule);
    } else {
      d.change = old_value == nullptr ? Change::kNew : Change::kMissing;
      d.relative = std::numeric_limits<double>::infinity();
    }
    all.push_back(std::move(d));
  };
  for (const auto& [path, value] : before) {
    const auto other = after.find(path);
    compared(path, &value, other == after.end() ? nullptr : &other->second);
  }
  for (const auto& [path, value] : after) {
    if (before.find(path) == before.end()) compared(path, nullptr, &value);
  }
  return all;
}

bool compare(const CompareRequest& request, std::string& out) {
  const Json base = read_json(request.base), fresh = read_json(request.fresh);
  Findings findings;
  check_schema(base, request.base, findings);
  check_schema(fresh, request.fresh, findings);
  findings.throw_if_any();
  std::vector<Rule> rules;
  if (!request.rules.empty()) {
    rules = read_rules(request.rules);
    check_rules_used(rules, base, fresh, request.rules);
  }
  const std::vector<Difference> all = differences(base, fresh, rules);
  std::vector<Difference> changed;
  std::copy_if(all.begin(), all.end(), std::back_inserter(changed),
               [](const Difference& d) { return d.change != Change::kSame; });
  std::stable_sort(changed.begin(), changed.end(), [](const Difference& a, const Difference& b) {
    return std::fabs(a.relative) > std::fabs(b.relative);
  });
  out += differences_text(changed, all.size());
  OutputSet files;
  for (const std::string& name : {request.markdown, request.junit}) remove_leftovers_beside(name);
  if (!request.markdown.empty()) files.add(request.markdown).write(differences_markdown(changed, all.size()));
  if (!request.junit.empty()) files.add(request.junit).write(differences_junit(all));
  files.commit();
  return changed.empty();
}

}  // namespace dojo::report

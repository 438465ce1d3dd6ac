// SPDX-License-Identifier: Apache-2.0
// Compares two reports leaf by leaf: integers exactly, other numbers within a relative tolerance.
#include "report/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dojo/base/error.h"

namespace dojo::report {
namespace {

constexpr double kDefaultTolerance = 1e-9;
/// They differ between machines and versions by nature, say why a run differs, or only show others in another order:
/// compared only where a rule names them.
constexpr const char* kByRuleOnly[] = {"host",        "program",       "inputs",  "configuration", "evidence",
                                       "bottlenecks", "critical_path", "if_free", "warnings",      "links.hottest"};
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

/// What a rule must begin with to be for `path`: "" for every path that is compared without a rule.
std::string named_by(const std::string& path) {
  const std::string end = kHostFigure;
  if (path.size() > end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0) return path;
  for (const std::string name : kByRuleOnly) {
    if (path.compare(0, name.size(), name) != 0) continue;
    if (path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[') return name;
  }
  return "";
}

/// The last rule that matches counts, so that a file can go from the general to the particular.
const Rule* rule_for(const std::string& path, const std::vector<Rule>& rules) {
  const std::string name = named_by(path);
  const Rule* found = nullptr;
  for (const Rule& rule : rules) {
    if (rule.path.compare(0, name.size(), name) != 0) continue;
    if (glob_matches(rule.path, path)) found = &rule;
  }
  static const Rule kPlain{}, kIgnored{"", {}, {}, "", true};
  if (found != nullptr) return found;
  return name.empty() ? &kPlain : &kIgnored;
}

bool same_integer(const Json& a, const Json& b) {
  if (a.is_number_unsigned() && b.is_number_unsigned()) return a.get<std::uint64_t>() == b.get<std::uint64_t>();
  return a.is_number_unsigned() == b.is_number_unsigned() && a.get<std::int64_t>() == b.get<std::int64_t>();
}

void judge(Difference& d, const Rule& rule) {
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
  d.absolute = rule.absolute.value_or(0);
  const bool within = equal || (d.tolerance > 0 && std::fabs(step) <= d.tolerance * std::fabs(base)) ||
                      (d.absolute > 0 && std::fabs(step) <= d.absolute);
  d.change = within ? Change::kSame : Change::kChanged;
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

bool Difference::is_worse() const {
  return change == Change::kMissing || std::string(verdict()) == "worse";
}

std::string section_of(const std::string& path) {
  return path.substr(0, path.find_first_of(".["));
}

std::string usual_direction(const std::string& path) {
  const std::string key = path.substr(path.find_last_of('.') + 1);
  const std::string section = section_of(path);
  for (const char* good : {"samples_per_s", "cold_samples_per_s", "achieved_per_s", "bus_bytes_per_s",
                           "samples_per_joule", "samples_per_dollar", "goodput"}) {
    if (key == good) return "higher_is_better";
  }
  if (path == "flops.utilisation" || path == "net.accepted") return "higher_is_better";
  if (section == "time" || path == "latency.step_s" || path == "latency.cold_step_s") return "lower_is_better";
  const bool operation = path.rfind("latency.ops[", 0) == 0 || path.rfind("latency.collectives[", 0) == 0;
  if (operation && (key == "seconds" || key == "seconds_max" || key == "exposed_s" || key == "wait_s"))
    return "lower_is_better";
  if (section == "breakdown" &&
      (key.rfind("communication", 0) == 0 || key.rfind("memory", 0) == 0 || key.rfind("idle", 0) == 0))
    return "lower_is_better";
  for (const char* bad : {"joules", "joules_per_sample", "total_dollars", "dollars_per_hour", "sram_peak_bytes_max",
                          "hbm_peak_bytes_max", "spilled_bytes", "recomputed_bytes", "queue_cycles_mean", "mean_cycles",
                          "p50_cycles", "p95_cycles", "p99_cycles", "max_cycles"}) {
    if (key == bad) return "lower_is_better";
  }
  return "";
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
    d.direction = rule->direction.empty() ? usual_direction(path) : rule->direction;
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

}  // namespace dojo::report

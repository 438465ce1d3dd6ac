// SPDX-License-Identifier: Apache-2.0
// What a reader of a comparison wants first: what the step did, what was changed, and where the time went.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <set>

#include "report/compare.h"
#include "report/units.h"

namespace dojo::report {
namespace {

/// Null where the report has no such value.
Json at(const Json& report, const char* pointer) {
  const Json::json_pointer where(pointer);
  return report.contains(where) ? report.at(where) : Json();
}

std::string percent_change(double base, double fresh) {
  if (base == fresh) return "same";
  if (base == 0) return "-";
  const double value = (fresh - base) / std::fabs(base) * 100;
  return std::fabs(value) >= 0.01 ? fmt::format("{:+.2f} %", value) : fmt::format("{:+.2g} %", value);
}

struct Figure {
  const char* name;
  const char* pointer;
  std::string (*shown)(double);
};
const Figure kFigures[] = {
    {"step", "/latency/step_s", [](double s) { return fmt::format("{:.6f} ms", s * 1e3); }},
    {"simulated time", "/time/seconds", [](double s) { return fmt::format("{:.6f} ms", s * 1e3); }},
    {"throughput", "/workload/samples_per_s", [](double v) { return fmt::format("{:.1f} samples/s", v); }},
    {"utilisation", "/flops/utilisation", percent},
    {"exposed communication", "/breakdown/fractions/communication", percent},
    {"energy", "/energy/joules", energy_text},
    {"energy a sample", "/energy/joules_per_sample", energy_text},
    {"samples a dollar", "/cost/samples_per_dollar", [](double v) { return si(v, "samples/$"); }},
    {"goodput over days", "/failures/goodput", percent},
    {"SRAM peak", "/memory/sram_peak_bytes_max", [](double v) { return si(v, "B"); }},
    {"packet latency", "/net/packet_latency_cycles/mean", [](double v) { return fmt::format("{:.2f} cycles", v); }},
    {"accepted", "/net/accepted", [](double v) { return fmt::format("{:.4f} flits/node/cycle", v); }}};

std::string shown(const Json& value) {
  return value.is_null() ? "(none)" : shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), 48);
}

void add_changes(const std::string& prefix, const Json& base, const Json& fresh, std::vector<std::string>& out) {
  const auto before = leaves(base), after = leaves(fresh);
  std::set<std::string> paths;
  for (const auto* side : {&before, &after}) {
    for (const auto& [path, value] : *side) paths.insert(path);
  }
  for (const std::string& path : paths) {
    const auto old_value = before.find(path), new_value = after.find(path);
    const Json from = old_value == before.end() ? Json() : old_value->second;
    const Json to = new_value == after.end() ? Json() : new_value->second;
    if (from != to) out.push_back(fmt::format("{}{} {} -> {}", prefix, path, shown(from), shown(to)));
  }
}

/// SHA-256 of the inputs without their names: those that only one side has.
std::size_t inputs_changed(const Json& base, const Json& fresh) {
  const Json old_files = at(base, "/inputs"), new_files = at(fresh, "/inputs");
  std::multiset<std::string> before, after;
  for (const auto& [file, hash] : old_files.items()) before.insert(hash.dump());
  for (const auto& [file, hash] : new_files.items()) after.insert(hash.dump());
  std::vector<std::string> only;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(only));
  return only.size();
}

/// "latency.ops[conv1]" of "latency.ops[conv1].seconds"; the path itself where it is of no list.
std::string owner_of(const std::string& path) {
  const std::size_t end = path.rfind(']');
  return end == std::string::npos ? path : path.substr(0, end + 1);
}

bool ends_with(const std::string& text, const char* end) {
  const std::size_t size = std::strlen(end);
  return text.size() >= size && text.compare(text.size() - size, size, end) == 0;
}

std::string group_of(const std::string& path) {
  if (path.rfind("latency.ops[", 0) == 0) return "operations";
  if (path.rfind("latency.collectives[", 0) == 0) return "collectives";
  if (path.rfind("latency.packets", 0) == 0) return "packets";
  if (path.rfind("latency.", 0) == 0 || path.rfind("time.", 0) == 0) return "time";
  return section_of(path);
}

/// Turns a change of a value into seconds of a rank's time.
class Mover {
 public:
  Mover(const Json& base, const Json& fresh) : values_(leaves(fresh)) {
    for (const auto& [path, value] : leaves(base)) values_.emplace(path, value);
    ranks_ = std::max(1.0, number("workload.ranks"));
    clock_hz_ = number("machine.clock_hz");
  }
  [[nodiscard]] double moved(const Difference& d) const {
    const double step = std::fabs(value(d.fresh) - value(d.base));
    const std::string owner = owner_of(d.path);
    if (d.path == "time.cycles") return clock_hz_ > 0 ? step / clock_hz_ : 0;
    if (owner != d.path && d.path.rfind("latency.", 0) == 0) {
      // Of an operation: what it keeps a rank waiting for, over all its executions.
      if (!ends_with(d.path, ".exposed_s") && !ends_with(d.path, ".seconds")) return 0;
      return step * number(owner + ".count") / ranks_;
    }
    const bool is_time = d.path.rfind("time.", 0) == 0 || d.path.rfind("breakdown.", 0) == 0 ||
                         d.path == "latency.step_s" || d.path == "latency.cold_step_s";
    return is_time && (ends_with(d.path, "_s") || ends_with(d.path, ".seconds")) ? step : 0;
  }

 private:
  [[nodiscard]] double number(const std::string& path) const {
    const auto found = values_.find(path);
    return found == values_.end() ? 0 : value(found->second);
  }
  static double value(const Json& json) { return json.is_number() ? json.get<double>() : 0; }
  std::map<std::string, Json> values_;
  double ranks_ = 1, clock_hz_ = 0;
};

/// Of the changed values of one operation the one that says most: what moved its ranks' time, else its own time.
bool says_more(const Difference& a, const Difference& b) {
  const auto rank = [](const Difference& d) {
    return ends_with(d.path, ".exposed_s") ? 0
           : ends_with(d.path, ".seconds") ? 1
           : ends_with(d.path, ".count")   ? 2
                                           : 3;
  };
  return rank(a) < rank(b);
}

}  // namespace

std::vector<HeadlineRow> headline_of(const Json& base, const Json& fresh) {
  std::vector<HeadlineRow> rows;
  for (const Figure& figure : kFigures) {
    const Json from = at(base, figure.pointer), to = at(fresh, figure.pointer);
    if (!from.is_number() && !to.is_number()) continue;
    const auto shown_value = [&](const Json& v) { return v.is_number() ? figure.shown(v.get<double>()) : "none"; };
    const bool both = from.is_number() && to.is_number();
    if (both && from.get<double>() == 0 && to.get<double>() == 0) continue;
    std::string path = figure.pointer + 1;
    std::replace(path.begin(), path.end(), '/', '.');
    rows.push_back({figure.name, shown_value(from), shown_value(to),
                    both ? percent_change(from.get<double>(), to.get<double>()) : "-", path, from, to});
  }
  return rows;
}

std::vector<std::string> causes_of(const Json& base, const Json& fresh) {
  std::vector<std::string> causes;
  const Json before = at(base, "/configuration/values"), after = at(fresh, "/configuration/values");
  if (before.is_object() && after.is_object()) {
    add_changes("", before, after, causes);
  } else {
    causes.emplace_back("(a report of an older version has no configuration: what was changed is not known)");
  }
  if (at(base, "/seed") != at(fresh, "/seed") && !before.is_object())
    causes.push_back(fmt::format("seed {} -> {}", shown(at(base, "/seed")), shown(at(fresh, "/seed"))));
  const std::size_t inputs = inputs_changed(base, fresh);
  if (inputs > 0) causes.push_back(fmt::format("{} input files have other contents", inputs));
  for (const char* key : {"version", "git"}) {
    const Json from = at(base, (std::string("/program/") + key).c_str());
    const Json to = at(fresh, (std::string("/program/") + key).c_str());
    if (!from.is_null() && from != to)
      causes.push_back(fmt::format("program.{} {} -> {}", key, shown(from), shown(to)));
  }
  return causes;
}

std::vector<ChangeGroup> groups_of(const Json& base, const Json& fresh, const std::vector<Difference>& all) {
  const Mover mover(base, fresh);
  std::map<std::string, std::map<std::string, ChangeRow>> groups;
  for (const Difference& d : all) {
    if (d.change == Change::kSame) continue;
    ChangeRow& row = groups[group_of(d.path)][owner_of(d.path)];
    row.moved_s = std::max(row.moved_s, mover.moved(d));
    if (row.difference == nullptr) {
      row.difference = &d;
      continue;
    }
    ++row.more;
    if (says_more(d, *row.difference)) row.difference = &d;
  }
  std::vector<ChangeGroup> list;
  for (const auto& [name, rows] : groups) {
    ChangeGroup group;
    group.name = name;
    for (const auto& [owner, row] : rows) group.rows.push_back(row);
    std::stable_sort(group.rows.begin(), group.rows.end(), [](const ChangeRow& a, const ChangeRow& b) {
      return a.moved_s != b.moved_s ? a.moved_s > b.moved_s
                                    : std::fabs(a.difference->relative) > std::fabs(b.difference->relative);
    });
    group.moved_s = group.rows.front().moved_s;
    list.push_back(std::move(group));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const ChangeGroup& a, const ChangeGroup& b) { return a.moved_s > b.moved_s; });
  return list;
}

std::size_t Comparison::count(const char* verdict) const {
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const Difference& d) { return std::strcmp(d.verdict(), verdict) == 0; }));
}

std::size_t Comparison::changed() const {
  return all.size() - count("same");
}

std::string counts_text(const Comparison& run) {
  if (run.changed() == 0) return fmt::format("{} values compared, none changed beyond its tolerance", run.all.size());
  std::string text;
  for (const char* verdict : {"worse", "better", "changed", "missing", "new"}) {
    const std::size_t count = run.count(verdict);
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, verdict);
  }
  return fmt::format("{} of {} compared values changed beyond their tolerance: {}", run.changed(), run.all.size(),
                     text);
}

std::string one_line(const Comparison& run) {
  std::string text;
  if (!run.headline.empty()) {
    const HeadlineRow& step = run.headline.front();
    text = fmt::format("{} {} ({} -> {})", step.name, step.change, step.base, step.fresh);
  }
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < std::min(run.causes.size(), kShown); ++i) text += "; " + run.causes[i];
  if (run.causes.size() > kShown) text += fmt::format("; and {} more changes", run.causes.size() - kShown);
  return text;
}

Json slim_report(const Json& report) {
  Json slim = report;
  for (const char* key : {"host", "critical_path", "if_free", "warnings"}) slim.erase(key);
  if (slim.contains("program")) slim["program"].erase("git");
  if (slim.contains("configuration")) slim["configuration"].erase("command");
  if (slim.contains("links")) slim["links"].erase("hottest");
  if (slim.contains("bottlenecks")) {
    for (Json& row : slim["bottlenecks"]) row.erase("sentence");
  }
  return slim;
}

}  // namespace dojo::report

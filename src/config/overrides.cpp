// SPDX-License-Identifier: Apache-2.0
// Overrides by dotted path: "machine.die.grid.rows=12", "machine.slow_nodes[0].core_speed=0.5".
#include "config/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/removed_keys.h"
#include "dojo/base/nearest.h"
#include "dojo/config/config.h"

namespace dojo::config {
namespace {

using Kind = Value::Kind;

struct Step {
  std::string key;  ///< "" = an index
  std::size_t index = 0;
};

/// "machine.defects[0].path" -> steps; empty when it cannot be read.
std::vector<Step> steps_of(const std::string& path) {
  std::vector<Step> steps;
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] == '[') {
      const std::size_t end = path.find(']', at);
      Step step;
      const char* last = end == std::string::npos ? path.data() + path.size() : path.data() + end;
      const auto [stop, error] = std::from_chars(path.data() + at + 1, last, step.index);
      if (end == std::string::npos || error != std::errc{} || stop != last) return {};
      steps.push_back(step);
      at = end + 1;
      if (at < path.size() && path[at] == '.') ++at;
      continue;
    }
    const std::size_t end = std::min(path.find_first_of(".[", at), path.size());
    if (end == at) return {};
    steps.push_back({path.substr(at, end - at), 0});
    at = end < path.size() && path[end] == '.' ? end + 1 : end;
  }
  return steps;
}

std::string joined(const std::vector<Step>& steps) {
  std::string path;
  for (const Step& step : steps) path += step.key.empty() ? "[]" : (path.empty() ? "" : ".") + step.key;
  return path;
}

const schema::Declared* declaration_of(const std::vector<Step>& steps) {
  const std::string path = joined(steps);
  const std::size_t dot = path.rfind('.');
  for (const schema::Declared& one : all_declarations()) {
    if (one.path == path) return &one;
    if (one.path.size() > 2 && one.path.compare(one.path.size() - 2, 2, ".*") == 0 && dot != std::string::npos &&
        one.path.compare(0, one.path.size() - 2, path, 0, dot) == 0)
      return &one;  // a map has any key
    const bool element =
        one.kind == schema::Kind::kIntegers || one.kind == schema::Kind::kTexts || one.kind == schema::Kind::kList;
    if (element && path == one.path + "[]") return &one;
  }
  return nullptr;
}

/// The given object laid over the present one, key by key; anything else replaces what is there.
void lay_over(Value& target, Value value) {
  if (!target.is(Kind::kObject) || !value.is(Kind::kObject)) {
    target = std::move(value);
    return;
  }
  for (auto& [key, member] : value.members) {
    if (Value* present = target.find(key)) {
      lay_over(*present, std::move(member));
    } else {
      target.members.emplace_back(key, std::move(member));
    }
  }
}

/// The place to write to; objects that are missing on the way are made. Null and a complaint when it is not there.
Value* descend(Value& root, const std::vector<Step>& steps, const Value& model, Complaints& complaints) {
  Value* at = &root;
  std::string path;
  for (const Step& step : steps) {
    const Kind wanted = step.key.empty() ? Kind::kList : Kind::kObject;
    if (at->is(Kind::kText) && wanted == Kind::kObject) {  // rank_unit "die" becomes {"unit": "die"}
      Value unit = *at;
      at->members.emplace_back("unit", std::move(unit));
      at->kind = Kind::kObject;
    }
    if (at->is(Kind::kNull)) {
      at->kind = wanted;
      at->origin = model.origin;
      at->path = path;
    }
    path += "/" + (step.key.empty() ? std::to_string(step.index) : step.key);
    if (!at->is(wanted)) {
      complaints.lines.push_back(fmt::format("{}: found {} on the way, expected {}", model.place(), at->shown(),
                                             wanted == Kind::kList ? "a list" : "an object"));
      return nullptr;
    }
    if (step.key.empty()) {
      if (step.index > at->items.size()) {
        complaints.lines.push_back(fmt::format("{}: found index {}, expected at most {} (the list has {} elements)",
                                               model.place(), step.index, at->items.size(), at->items.size()));
        return nullptr;
      }
      if (step.index == at->items.size()) at->items.emplace_back();
      at = &at->items[step.index];
    } else {
      Value* member = at->find(step.key);
      at = member != nullptr ? member : &at->members.emplace_back(step.key, Value{}).second;
    }
  }
  return at;
}

Value value_of(const std::string& text, const schema::Declared& declared, const std::shared_ptr<const Origin>& origin,
               const std::string& path) {
  Value value;
  const bool json = try_parse_json(text, origin, path, value);
  if (!json || (declared.kind == schema::Kind::kText && !value.is(Kind::kText))) {
    value = {};
    value.kind = Kind::kText;
    value.text = text;
    value.origin = origin;
    value.path = path;
  }
  return value;
}

}  // namespace

const std::vector<schema::Declared>& all_declarations() {
  static const std::vector<schema::Declared> all = [] {
    std::vector<schema::Declared> list = schema::declarations_of<Machine>("machine.");
    for (auto& one : schema::declarations_of<WorkloadParams>("workload.")) list.push_back(std::move(one));
    for (auto& one : schema::declarations_of<RunParams>("run.")) list.push_back(std::move(one));
    for (auto& one : schema::declarations_of<traffic::RouterParams>("router.")) list.push_back(std::move(one));
    for (auto& one : schema::declarations_of<traffic::NetParams>("net.")) list.push_back(std::move(one));
    return list;
  }();
  return all;
}

void apply_override(Value& root, const std::string& text, Complaints& complaints) {
  const std::size_t equals = text.find('=');
  const auto complain = [&](const std::string& words) { complaints.lines.push_back("--set " + text + ": " + words); };
  if (equals == std::string::npos) return complain("found no '=', expected PATH=VALUE, as in machine.die.enabled=354");
  const std::string path = text.substr(0, equals);
  const std::vector<Step> steps = steps_of(path);
  const schema::Declared* declared = steps.empty() ? nullptr : declaration_of(steps);
  if (declared == nullptr) {
    if (const std::string why = why_removed(path); !why.empty())
      return complain(fmt::format("found \"{}\", which was removed: {}; leave it out", path, why));
    std::vector<std::string> known;
    for (const schema::Declared& one : all_declarations()) known.push_back(one.path);
    std::string meant = nearest(path, known);
    if (meant.empty()) {  // the last word alone may be right: "die.enabled"
      const std::string ending = "." + path;
      for (const std::string& one : known) {
        if (one.size() > ending.size() && one.compare(one.size() - ending.size(), ending.size(), ending) == 0)
          meant = one;
      }
    }
    return complain(meant.empty() ? fmt::format("found unknown path \"{}\", expected one of `list params`", path)
                                  : fmt::format("found unknown path \"{}\", expected \"{}\"", path, meant));
  }
  auto origin = std::make_shared<Origin>();
  origin->label = "--set " + text;
  std::string json_path;
  for (const Step& step : steps) json_path += "/" + (step.key.empty() ? std::to_string(step.index) : step.key);
  Value value = value_of(text.substr(equals + 1), *declared, origin, json_path);
  if (Value* target = descend(root, steps, value, complaints)) lay_over(*target, std::move(value));
}

}  // namespace dojo::config

// SPDX-License-Identifier: Apache-2.0
// Grades follow from the declarations: their source, and whether a value is still the default.
#include "dojo/config/evidence.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "config/level_use.h"
#include "dojo/base/error.h"
#include "dojo/schema/declared.h"

namespace dojo::config {
namespace {

using schema::Declared;

const std::string kMachine = "machine.";

/// Rows of docs/hardware.md that are not published; a test compares this with the page.
constexpr std::pair<const char*, Grade> kNotPublished[] = {{"C26", Grade::kDerived},    {"C46", Grade::kThirdParty},
                                                           {"D06", Grade::kThirdParty}, {"D11", Grade::kThirdParty},
                                                           {"E08", Grade::kDerived},    {"T10", Grade::kThirdParty}};

bool in_use(const std::string& path, topology::Level level) {
  std::string place = "/" + path.substr(kMachine.size());
  std::replace(place.begin(), place.end(), '.', '/');
  return std::none_of(used_from().begin(), used_from().end(), [&](const UsedFrom& entry) {
    return level < entry.level && (place == entry.path || place.rfind(entry.path + "/", 0) == 0);
  });
}

/// Declarations with defaults, and the same with this machine's values, of single values that its level uses.
template <class Each>
void for_each_value(const Machine& machine, Each each) {
  const std::vector<Declared> defaults = schema::declarations_of<Machine>(kMachine);
  const std::vector<Declared> values = schema::declarations_of<Machine>(kMachine, machine);
  DOJO_CHECK(defaults.size() == values.size(), "{} declarations, and {} of a machine", defaults.size(), values.size());
  for (std::size_t i = 0; i < defaults.size(); ++i) {
    const Declared& one = defaults[i];
    if (one.source.empty() || one.path.find("[]") != std::string::npos || !in_use(one.path, machine.level)) continue;
    each(one, values[i].default_text);
  }
}

/// Visits a struct's fields on the way to one key, and puts a number there.
class NumberSetter {
 public:
  NumberSetter(std::string key, double value) : key_(std::move(key)), value_(value) {}
  template <class Member, class... Rest>
  void operator()(const char* name, Member& member, const Rest&...) {
    if (key_ != name) return;
    if constexpr (std::is_same_v<Member, std::int64_t>) {
      member = static_cast<std::int64_t>(value_);
      found_ = true;
    } else if constexpr (std::is_same_v<Member, double>) {
      member = value_;
      found_ = true;
    }
  }
  template <class Group>
  void group(const char* name, Group& member, const char*) {
    const std::string begin = std::string(name) + ".";
    if (key_.rfind(begin, 0) != 0) return;
    NumberSetter inner(key_.substr(begin.size()), value_);
    Group::fields(member, inner);
    found_ = found_ || inner.found_;
  }
  template <class... Rest>
  void list(const char*, Rest&&...) {}
  [[nodiscard]] bool found() const { return found_; }

 private:
  std::string key_;
  double value_;
  bool found_ = false;
};

bool bears_on_times(const std::string& path) {
  for (const char* begin : {"machine.energy", "machine.area.", "machine.cost."})
    if (path.rfind(begin, 0) == 0) return false;
  return true;
}

}  // namespace

Grade grade_of(const std::string& source) {
  for (const Grade word : {Grade::kAssumed, Grade::kDerived, Grade::kChosen})
    if (source == schema::enum_text(word)) return word;
  for (const auto& [row, grade] : kNotPublished)
    if (source == row) return grade;
  return Grade::kPublished;
}

std::vector<Graded> graded_values(const Machine& machine) {
  std::vector<Graded> all;
  for_each_value(machine, [&all](const Declared& one, const std::string& value) {
    all.push_back({one.path, value == one.default_text ? grade_of(one.source) : Grade::kChosen});
  });
  return all;
}

std::vector<AssumedNumber> assumed_numbers(const Machine& machine) {
  std::vector<AssumedNumber> all;
  for_each_value(machine, [&all](const Declared& one, const std::string& text) {
    const bool whole = one.kind == schema::Kind::kInteger;
    if (one.source != "assumed" || (!whole && one.kind != schema::Kind::kNumber) || !bears_on_times(one.path)) return;
    const double value = std::strtod(text.c_str(), nullptr);
    if (value == 0) return;
    const double step = whole ? std::max(1.0, std::round(0.1 * value)) : 0.1 * value;
    const double low = std::max(one.range.low, value - step), high = std::min(one.range.high, value + step);
    all.push_back({one.path, value, low, high});
  });
  return all;
}

Machine with_number(Machine machine, const std::string& key, double value) {
  DOJO_CHECK(key.rfind(kMachine, 0) == 0, "'{}' is no key of a machine", key);
  NumberSetter setter(key.substr(kMachine.size()), value);
  Machine::fields(machine, setter);
  DOJO_CHECK(setter.found(), "'{}' is no number of a machine", key);
  return machine;
}

}  // namespace dojo::config

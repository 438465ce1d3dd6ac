// SPDX-License-Identifier: Apache-2.0
// Types, ranges and known words of single values.
#include "config/field_reader.h"
#include "config/removed_keys.h"
#include "dojo/base/nearest.h"
#include "dojo/workload/own_algorithms.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace dojo::config {
namespace {

using Kind = Value::Kind;

constexpr double kExactIntegers =
    9007199254740992.0;  // 2^53: above it a number may not be the integer that was written

constexpr std::size_t kMostSuggestions = 1000;

std::string expected(const std::string& type, const schema::Range& range) {
  const std::string limits = schema::range_text(range);
  return limits.empty() ? type : type + ", " + limits;
}

bool complain(const Value& value, const std::string& where, const std::string& wanted, ReadLog& log) {
  log.add(value, where, fmt::format("found {}, expected {}", value.shown(), wanted));
  return false;
}

/// A number in quotes is a mistake, but what was meant is clear: the rest of the file is checked against it.
template <class Number>
void assume_meant(const Value& value, const std::string& where, const schema::Range& range, Number& member,
                  ReadLog& log) {
  if (!value.is(Kind::kText) || value.text.empty()) return;
  char* end = nullptr;
  const double number = std::strtod(value.text.c_str(), &end);
  if (*end != '\0' || !(number >= range.low && number <= range.high) || !(std::abs(number) <= kExactIntegers)) return;
  member = static_cast<Number>(number);
  log.unreadable.erase(where);
}

bool within(double number, const schema::Range& range) {
  return number >= range.low && number <= range.high;
}

std::string quoted(const std::vector<std::string>& words) {
  return fmt::format("\"{}\"", fmt::join(words, "\", \""));
}

}  // namespace

bool read_value(const Value& value, const std::string& where, const schema::Range&, bool& member, ReadLog& log) {
  if (!value.is(Kind::kBool)) return complain(value, where, "true or false", log);
  member = value.boolean;
  return true;
}

bool read_value(const Value& value, const std::string& where, const schema::Range& range, std::int64_t& member,
                ReadLog& log) {
  const bool integral =
      value.is(Kind::kInteger) ||
      (value.is(Kind::kNumber) && value.number == std::floor(value.number) && std::abs(value.number) <= kExactIntegers);
  if (!integral || !within(value.number, range)) {
    complain(value, where, expected("an integer", range), log);
    assume_meant(value, where, range, member, log);
    return false;
  }
  member = value.is(Kind::kInteger) ? value.integer : static_cast<std::int64_t>(value.number);
  return true;
}

bool read_value(const Value& value, const std::string& where, const schema::Range& range, double& member,
                ReadLog& log) {
  const bool number = value.is(Kind::kInteger) || value.is(Kind::kNumber);
  if (!number || !std::isfinite(value.number) || !within(value.number, range)) {
    complain(value, where, expected("a number", range), log);
    assume_meant(value, where, range, member, log);
    return false;
  }
  member = value.number;
  return true;
}

bool read_value(const Value& value, const std::string& where, const schema::Range& range, std::string& member,
                ReadLog& log) {
  const std::vector<std::string> words = schema::words_of(range);
  if (words.empty()) {
    if (!value.is(Kind::kText)) return complain(value, where, "a text", log);
    member = value.text;
    return true;
  }
  const std::string word = read_word(value, where, words, log);
  if (!word.empty()) member = word;
  return !word.empty();
}

bool read_value(const Value& value, const std::string& where, const schema::Range& range,
                std::vector<std::int64_t>& member, ReadLog& log) {
  if (!value.is(Kind::kList)) return complain(value, where, "a list of integers", log);
  std::vector<std::int64_t> numbers;
  bool good = true;
  for (std::size_t i = 0; i < value.items.size(); ++i)
    good &= read_value(value.items[i], fmt::format("{}/{}", where, i), range, numbers.emplace_back(), log);
  if (good) member = std::move(numbers);
  return good;
}

bool read_value(const Value& value, const std::string& where, const schema::Range& range,
                std::vector<std::string>& member, ReadLog& log) {
  if (!value.is(Kind::kList)) return complain(value, where, "a list of texts", log);
  std::vector<std::string> texts;
  bool good = true;
  for (std::size_t i = 0; i < value.items.size(); ++i)
    good &= read_value(value.items[i], fmt::format("{}/{}", where, i), range, texts.emplace_back(), log);
  if (good) member = std::move(texts);
  return good;
}

std::string read_word(const Value& value, const std::string& where, const std::vector<std::string>& words,
                      ReadLog& log) {
  if (value.is(Kind::kText) && std::find(words.begin(), words.end(), value.text) != words.end()) return value.text;
  const std::string meant = value.is(Kind::kText) ? nearest(value.text, words) : "";
  const std::string cure = meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant);
  log.add(
      value, where,
      fmt::format("found {}, expected {}{}{}", value.shown(), words.size() > 1 ? "one of " : "", quoted(words), cure));
  return "";
}

std::optional<workload::Algorithm> read_algorithm(const Value& value, const std::string& where, ReadLog& log) {
  if (value.is(Kind::kText) && workload::names_schedule_file(value.text)) {
    const std::string directory = value.origin ? value.origin->directory : "";
    return workload::schedule_file((std::filesystem::path(directory) / value.text).string());
  }
  const std::string word = read_word(value, where, workload::algorithm_names(), log);
  if (word.empty()) return std::nullopt;
  return workload::algorithm_named(word);
}

bool check_keys(const Value& object, const std::string& where, const std::vector<std::string>& known, ReadLog& log) {
  if (!object.is(Kind::kObject)) return complain(object, where, "an object", log);
  for (const auto& [key, value] : object.members) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    if (key == "$schema" && value.is(Kind::kText) && where.empty()) continue;  // editors look for it
    const std::string place = fmt::format("{}/{}", where, key);
    if (const std::string why = why_removed(value.path); !why.empty()) {
      log.add(value, place, fmt::format("found \"{}\", which was removed: {}; leave it out", key, why));
      continue;
    }
    // Nobody reads a suggestion for the thousandth mistake, and each takes a comparison with every key.
    const std::string meant = log.complaints.lines.size() < kMostSuggestions ? nearest(key, known) : "";
    log.add(value, place,
            meant.empty() ? fmt::format("found unknown key \"{}\", expected one of {}", key, quoted(known))
                          : fmt::format("found unknown key \"{}\", expected \"{}\"", key, meant));
    if (!meant.empty()) log.unreadable.insert(fmt::format("{}/{}", where, meant));
  }
  return true;
}

}  // namespace dojo::config

// SPDX-License-Identifier: Apache-2.0
// The visitor that fills a struct from located JSON and complains about everything that does not fit.
#pragma once
#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "config/value.h"
#include "dojo/config/config.h"
#include "dojo/schema/declared.h"

namespace dojo::config {

/// What reading one section of the config needs and leaves behind.
struct ReadLog {
  Complaints& complaints;
  std::set<std::string> unreadable;  ///< "/die/enabled": places below the section's root whose value is not known

  void add(const Value& value, const std::string& where, const std::string& text) {
    complaints.lines.push_back(value.place() + ": " + text);
    unreadable.insert(where);
  }
};

// One reader per kind of value; false when a complaint was made. `where` is the place below the section's root.
bool read_value(const Value& value, const std::string& where, const schema::Range& range, bool& member, ReadLog& log);
bool read_value(const Value& value, const std::string& where, const schema::Range& range, std::int64_t& member,
                ReadLog& log);
bool read_value(const Value& value, const std::string& where, const schema::Range& range, double& member, ReadLog& log);
bool read_value(const Value& value, const std::string& where, const schema::Range& range, std::string& member,
                ReadLog& log);
bool read_value(const Value& value, const std::string& where, const schema::Range& range,
                std::vector<std::int64_t>& member, ReadLog& log);
bool read_value(const Value& value, const std::string& where, const schema::Range& range,
                std::vector<std::string>& member, ReadLog& log);
/// A text out of `words`; "" after a complaint.
std::string read_word(const Value& value, const std::string& where, const std::vector<std::string>& words,
                      ReadLog& log);
/// A built-in algorithm, one of a plug-in, or a file of schedules beside the file that names it; none after a
/// complaint.
std::optional<workload::Algorithm> read_algorithm(const Value& value, const std::string& where, ReadLog& log);
/// Checks that it is an object and that all its keys are known ("$schema" is, in a root).
bool check_keys(const Value& object, const std::string& where, const std::vector<std::string>& known, ReadLog& log);

template <class T>
void read_struct(const Value& object, const std::string& where, T& target, ReadLog& log);

class FieldReader {
 public:
  FieldReader(const Value& object, std::string where, ReadLog& log)
      : object_(object), where_(std::move(where)), log_(log) {}

  template <class Member>
  void operator()(const char* key, Member& member, const char*, const schema::Range& range, schema::Source) {
    const Value* value = object_.find(key);
    if (value == nullptr) return;
    const std::string where = where_ + "/" + key;
    using Word = schema::Word<Member>;
    if constexpr (Word::known) {
      if (Word::may_be_empty && value->is(Value::Kind::kText) && value->text.empty()) {
        member = Member{};
        return;
      }
      if constexpr (std::is_same_v<Member, std::optional<workload::Algorithm>>) {
        member = read_algorithm(*value, where, log_);
        return;
      }
      const std::string word = read_word(*value, where, schema::enum_words<typename Word::Enum>(), log_);
      if (!word.empty()) member = *schema::enum_value<typename Word::Enum>(word);
    } else {
      read_value(*value, where, range, member, log_);
    }
  }
  template <class Group>
  void group(const char* key, Group& member, const char*) {
    const Value* value = object_.find(key);
    if (value == nullptr) return;
    const std::string where = where_ + "/" + key;
    if constexpr (std::is_same_v<Group, RankUnitParams>) {  // "die" is short for {"unit": "die"}
      if (value->is(Value::Kind::kText)) {
        Value unit;
        unit.kind = Value::Kind::kObject;
        unit.members.emplace_back("unit", *value);
        return read_struct(unit, where, member, log_);
      }
      if (!value->is(Value::Kind::kObject)) {
        return log_.add(*value, where,
                        fmt::format("found {}, expected a unit such as \"die\", or an object", value->shown()));
      }
    }
    read_struct(*value, where, member, log_);
  }
  template <class Item>
  void list(const char* key, std::vector<Item>& member, const char*) {
    const Value* value = object_.find(key);
    if (value == nullptr) return;
    const std::string where = where_ + "/" + key;
    if (!value->is(Value::Kind::kList))
      return log_.add(*value, where, fmt::format("found {}, expected a list of objects", value->shown()));
    member.clear();
    for (std::size_t i = 0; i < value->items.size(); ++i)
      read_struct(value->items[i], fmt::format("{}/{}", where, i), member.emplace_back(), log_);
  }
  void map(const char* key, std::map<std::string, std::string>& member, const char*) {
    const Value* value = object_.find(key);
    if (value == nullptr) return;
    const std::string where = where_ + "/" + key;
    if (!value->is(Value::Kind::kObject))
      return log_.add(*value, where, fmt::format("found {}, expected an object of texts", value->shown()));
    for (const auto& [name, text] : value->members)
      read_value(text, fmt::format("{}/{}", where, name), schema::Anything(), member[name], log_);
  }

 private:
  const Value& object_;
  std::string where_;
  ReadLog& log_;
};

template <class T>
void read_struct(const Value& object, const std::string& where, T& target, ReadLog& log) {
  if (!check_keys(object, where, schema::keys_of<T>(), log)) return;
  FieldReader reader(object, where, log);
  T::fields(target, reader);
}

}  // namespace dojo::config

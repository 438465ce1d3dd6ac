// SPDX-License-Identifier: Apache-2.0
// The `fields()` lists as a flat list of declarations: for documentation, for known keys, for overrides.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "dojo/schema/enum_text.h"
#include "dojo/schema/fields.h"

namespace dojo::schema {

enum class Kind { kBool, kInteger, kNumber, kText, kIntegers, kTexts, kGroup, kList, kMap };

/// One key, or one group of keys.
struct Declared {
  std::string path;  ///< "die.grid.rows", "defects[].path", "placement.*"
  Kind kind = Kind::kGroup;
  std::string sentence;
  Range range;
  std::string source;              ///< row of docs/hardware.md, "assumed", "derived" or "chosen"; "" for groups
  std::vector<std::string> words;  ///< of a text that is one of a few
  std::string default_text;
};

/// "bytes/s" for "edge_bytes_per_s", from the end of the key; "" where the key names none.
[[nodiscard]] std::string unit_of_key(const std::string& key);
/// "1 to 4096", "at least 0", "" for anything. Whole numbers are written without a point.
[[nodiscard]] std::string range_text(const Range& range);
/// As short as it reads back: 2.016e+12 stays exact.
[[nodiscard]] std::string number_text(double value);
[[nodiscard]] std::vector<std::string> words_of(const Range& range);

/// The kind of a member that `field(...)` was called with.
template <class Member>
constexpr Kind kind_of() {
  using Plain = std::remove_cv_t<Member>;
  if constexpr (std::is_same_v<Plain, bool>) {
    return Kind::kBool;
  } else if constexpr (std::is_integral_v<Plain>) {
    return Kind::kInteger;
  } else if constexpr (std::is_floating_point_v<Plain>) {
    return Kind::kNumber;
  } else if constexpr (std::is_same_v<Plain, std::vector<std::int64_t>>) {
    return Kind::kIntegers;
  } else if constexpr (std::is_same_v<Plain, std::vector<std::string>>) {
    return Kind::kTexts;
  } else {
    static_assert(Word<Plain>::known || std::is_same_v<Plain, std::string>, "a kind of member that is not known");
    return Kind::kText;
  }
}

template <class Member>
std::string default_text(const Member& member) {
  if constexpr (Word<Member>::known) {
    return word_text(member);
  } else if constexpr (std::is_floating_point_v<Member>) {
    return number_text(member);
  } else if constexpr (std::is_same_v<Member, std::vector<std::int64_t>>) {
    return fmt::format("[{}]", fmt::join(member, ", "));
  } else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
    return member.empty() ? "[]" : fmt::format("[\"{}\"]", fmt::join(member, "\", \""));
  } else {
    return fmt::format("{}", member);
  }
}

/// The keys of one struct, without what is inside its groups.
struct KeyCollector {
  std::vector<std::string> keys;
  template <class... Rest>
  void operator()(const char* key, Rest&&...) {
    keys.emplace_back(key);
  }
  template <class... Rest>
  void group(const char* key, Rest&&...) {
    keys.emplace_back(key);
  }
  template <class... Rest>
  void list(const char* key, Rest&&...) {
    keys.emplace_back(key);
  }
  template <class... Rest>
  void map(const char* key, Rest&&...) {
    keys.emplace_back(key);
  }
};

template <class T>
[[nodiscard]] std::vector<std::string> keys_of() {
  KeyCollector collector;
  const T defaults{};
  T::fields(defaults, collector);
  return collector.keys;
}

/// Appends everything below `prefix` ("" or "die."), groups before their keys.
class DeclarationCollector {
 public:
  DeclarationCollector(std::string prefix, std::vector<Declared>& out) : prefix_(std::move(prefix)), out_(out) {}

  template <class Member>
  void operator()(const char* key, const Member& member, const char* sentence, const Range& range, Source source) {
    Declared one{prefix_ + key, kind_of<Member>(), sentence, range, source.key, words_of(range), default_text(member)};
    if constexpr (Word<Member>::known) one.words = enum_words<typename Word<Member>::Enum>();
    out_.push_back(std::move(one));
  }
  template <class Group>
  void group(const char* key, const Group& member, const char* sentence) {
    out_.push_back({prefix_ + key, Kind::kGroup, sentence, {}, "", {}, ""});
    DeclarationCollector inner(prefix_ + key + ".", out_);
    Group::fields(member, inner);
  }
  template <class Item>
  void list(const char* key, const std::vector<Item>&, const char* sentence) {
    out_.push_back({prefix_ + key, Kind::kList, sentence, {}, "", {}, "[]"});
    DeclarationCollector inner(prefix_ + key + "[].", out_);
    const Item defaults{};
    Item::fields(defaults, inner);
  }
  void map(const char* key, const std::map<std::string, std::string>&, const char* sentence) {
    out_.push_back({prefix_ + key, Kind::kMap, sentence, {}, "", {}, "{}"});
    out_.push_back({prefix_ + key + ".*", Kind::kText, sentence, {}, "chosen", {}, ""});
  }

 private:
  std::string prefix_;
  std::vector<Declared>& out_;
};

template <class T>
[[nodiscard]] std::vector<Declared> declarations_of(const std::string& prefix = "", const T& defaults = {}) {
  std::vector<Declared> all;
  DeclarationCollector collector(prefix, all);
  T::fields(defaults, collector);
  return all;
}

}  // namespace dojo::schema

// SPDX-License-Identifier: Apache-2.0
// Counters are declared once. A struct of counters lists its members in `fields()` as a struct of parameters does;
// adding up, scaling, copying, the digest, report.json and `dojosim list counters` are visitors of that list.
//
//   struct CoreCounters {
//     std::uint64_t busy_cycles = 0;
//     template <class Self, class Visit> static constexpr void fields(Self& self, Visit&& field) {
//       field("busy_cycles", self.busy_cycles, Sum{}, "cycles", "the node's core computes");
//     }
//   };
//   static_assert(schema::every_counter_is_listed<CoreCounters>());
//
// A line is: name, member, how two of them become one, unit, what it means; then, where the report shows the counter
// under another key than "<section of the struct>.<name>", a ReportedAs. Members are integers of 64 bits and nothing
// else, so the list is complete when it has as many lines as the struct has words.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace dojo::schema {

/// How the counters of two parts become that of both.
struct Sum {
  static constexpr bool kAdds = true;  ///< n parts that did the same have n times as much
  template <class T>
  constexpr void operator()(T& to, T from) const {
    to += from;
  }
};
struct Max {
  static constexpr bool kAdds = false;
  template <class T>
  constexpr void operator()(T& to, T from) const {
    if (to < from) to = from;
  }
};
struct Min {
  static constexpr bool kAdds = false;
  template <class T>
  constexpr void operator()(T& to, T from) const {
    if (from < to) to = from;
  }
};

/// The key of report.json at which the total stands, or, within a section that has several such structs, its last part.
struct ReportedAs {
  const char* key;
};
/// The report shows figures that derive from the counter, not the counter itself.
inline constexpr ReportedAs kNotReported{""};

/// "" for a counter that the report does not show.
inline std::string report_key(const std::string& section, const char* name) {
  return section.empty() ? name : section + "." + name;
}
inline std::string report_key(const std::string&, const char*, const ReportedAs& as) {
  return as.key;
}

template <class Counters>
constexpr std::size_t counter_count() {
  std::size_t count = 0;
  const Counters none{};
  Counters::fields(none, [&count](const char*, const auto& counter, const auto&...) {
    using Member = std::decay_t<decltype(counter)>;
    static_assert(std::is_integral_v<Member> && sizeof(Member) == sizeof(std::uint64_t), "a counter has 64 bits");
    ++count;
  });
  return count;
}

template <class Counters>
constexpr bool every_counter_is_listed() {
  return counter_count<Counters>() * sizeof(std::uint64_t) == sizeof(Counters);
}

/// Differences of such counters mean something, and as many parts that did the same have as many times as much.
template <class Counters>
constexpr bool every_counter_adds() {
  bool adds = true;
  const Counters none{};
  Counters::fields(none, [&adds](const char*, const auto&, auto fold, const auto&...) { adds = adds && fold.kAdds; });
  return adds;
}

template <class Counters>
using CounterValues = std::array<std::uint64_t, counter_count<Counters>()>;

/// In the order of the lines.
template <class Counters>
constexpr CounterValues<Counters> values_of(const Counters& counters) {
  CounterValues<Counters> values{};
  std::size_t next = 0;
  Counters::fields(counters, [&](const char*, const auto& counter, const auto&...) {
    values[next++] = static_cast<std::uint64_t>(counter);
  });
  return values;
}

/// What `from` counted, `to` has counted too.
template <class Counters>
constexpr void merge(Counters& to, const Counters& from) {
  const CounterValues<Counters> values = values_of(from);
  std::size_t next = 0;
  Counters::fields(to, [&](const char*, auto& counter, auto fold, const auto&...) {
    fold(counter, static_cast<std::decay_t<decltype(counter)>>(values[next++]));
  });
}

/// As many parts did the same.
template <class Counters>
constexpr void multiply(Counters& counters, std::uint64_t times) {
  Counters::fields(counters, [times](const char*, auto& counter, auto fold, const auto&...) {
    if constexpr (decltype(fold)::kAdds) counter *= static_cast<std::decay_t<decltype(counter)>>(times);
  });
}

/// Of counters that are parts of one whole.
template <class Counters>
constexpr std::uint64_t total(const Counters& counters) {
  static_assert(every_counter_adds<Counters>());
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values_of(counters)) sum += value;
  return sum;
}

/// A name as a number, for hashes (FNV-1a).
constexpr std::uint64_t word_of(const char* name) {
  std::uint64_t word = 0xcbf29ce484222325ull;
  for (; *name != '\0'; ++name) word = (word ^ static_cast<unsigned char>(*name)) * 0x100000001b3ull;
  return word;
}

/// Gives `add` the counters for a hash: name and value of each that has counted something. So a new counter leaves the
/// digest of a run in which it counts nothing as it was.
template <class Counters, class Add>
constexpr void hash_named(const Counters& counters, Add&& add) {
  const CounterValues<Counters> nothing = values_of(Counters{});
  std::size_t next = 0;
  Counters::fields(counters, [&](const char* name, const auto& counter, const auto&...) {
    const auto value = static_cast<std::uint64_t>(counter);
    if (value == nothing[next++]) return;
    add(word_of(name));
    add(value);
  });
}

}  // namespace dojo::schema

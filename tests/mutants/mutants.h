// SPDX-License-Identifier: Apache-2.0
// What tools/mutants puts into its copy of the sources: each operator and constant that it may change, by number.
// DOJO_MUTANT chooses the one that is changed; DOJO_MUTANT_TRACE names a file to which the numbers reached are added.
#pragma once
// The compiler's warnings are about the sources as they are written; those that include this are not.
#pragma GCC system_header
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wnarrowing"
#pragma GCC diagnostic ignored "-Wparentheses"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

namespace dojo_mutants {

constexpr int kMost = 1 << 18, kUnread = -2, kTracing = -1;
inline std::atomic<int> chosen{kUnread};
inline std::atomic<bool> reached[kMost];

inline void write_trace() {
  std::FILE* file = std::fopen(std::getenv("DOJO_MUTANT_TRACE"), "a");
  if (file == nullptr) std::abort();
  for (int id = 0; id < kMost; ++id) {
    if (reached[id].load(std::memory_order_relaxed)) std::fprintf(file, "%d\n", id);
  }
  std::fclose(file);
}

/// The rare ways: at the first call, and while what is reached is traced.
[[gnu::noinline]] inline bool on_slowly(int id) {
  if (chosen == kUnread) {
    const char* const text = std::getenv("DOJO_MUTANT");
    if (std::getenv("DOJO_MUTANT_TRACE") != nullptr) {
      if (chosen.exchange(kTracing) == kUnread) std::atexit(write_trace);
    } else {
      chosen = text == nullptr ? 0 : std::atoi(text);
    }
  }
  if (chosen == kTracing) reached[id].store(true, std::memory_order_relaxed);
  return chosen == id;
}
[[gnu::always_inline]] inline bool on(int id) {
  const int which = chosen.load(std::memory_order_relaxed);
  return __builtin_expect(which < 0, 0) ? on_slowly(id) : which == id;
}

// `a < b` becomes `a < Less<7>{} < b`, which keeps the precedence of the operator: the first half holds `a`, the second
// compares. Sums are alike.
#define DOJO_MUTATED(NAME, OPERATOR, OTHER)                                                  \
  template <int Id>                                                                          \
  struct NAME {};                                                                            \
  template <int Id, class A>                                                                 \
  struct NAME##Left {                                                                        \
    const A& a;                                                                              \
  };                                                                                         \
  template <int Id, class A>                                                                 \
  [[gnu::always_inline]] inline NAME##Left<Id, A> operator OPERATOR(const A& a, NAME<Id>) {  \
    return {a};                                                                              \
  }                                                                                          \
  template <int Id, class A, class B>                                                        \
  [[gnu::always_inline]] inline auto operator OPERATOR(NAME##Left<Id, A> left, const B& b) { \
    using Result = decltype(left.a OPERATOR b);                                              \
    return on(Id) ? static_cast<Result>(left.a OTHER b) : left.a OPERATOR b;                 \
  }
DOJO_MUTATED(Less, <, <=)
DOJO_MUTATED(LessEqual, <=, <)
DOJO_MUTATED(Greater, >, >=)
DOJO_MUTATED(GreaterEqual, >=, >)
DOJO_MUTATED(Equal, ==, !=)
DOJO_MUTATED(Unequal, !=, ==)
DOJO_MUTATED(Plus, +, -)
DOJO_MUTATED(Minus, -, +)
#undef DOJO_MUTATED

// `a += b` becomes `a += Add<7>{} += b`, which is read from the right.
#define DOJO_MUTATED(NAME, OPERATOR, OTHER)                                                  \
  template <int Id>                                                                          \
  struct NAME {};                                                                            \
  template <int Id, class B>                                                                 \
  struct NAME##Right {                                                                       \
    const B& b;                                                                              \
  };                                                                                         \
  template <int Id, class B>                                                                 \
  [[gnu::always_inline]] inline NAME##Right<Id, B> operator OPERATOR(NAME<Id>, const B& b) { \
    return {b};                                                                              \
  }                                                                                          \
  template <int Id, class A, class B>                                                        \
  [[gnu::always_inline]] inline A& operator OPERATOR(A& a, NAME##Right<Id, B> right) {       \
    if (on(Id)) return a OTHER right.b;                                                      \
    return a OPERATOR right.b;                                                               \
  }
DOJO_MUTATED(Add, +=, -=)
DOJO_MUTATED(Subtract, -=, +=)
#undef DOJO_MUTATED

/// `-a` becomes `Negate<7>{}->*a`, which binds nearly as closely.
template <int Id>
struct Negate {
  template <class A>
  [[gnu::always_inline]] auto operator->*(const A& a) const {
    return on(Id) ? static_cast<decltype(-a)>(a) : -a;
  }
};

/// std::max(a, b) becomes Max<7>::of(a, b).
template <int Id>
struct Max {
  template <class T>
  [[gnu::always_inline]] static const T& of(const T& a, const T& b) {
    return on(Id) ? std::min(a, b) : std::max(a, b);
  }
  template <class T>
  static T of(std::initializer_list<T> all) {
    return on(Id) ? std::min(all) : std::max(all);
  }
};
template <int Id>
struct Min {
  template <class T>
  [[gnu::always_inline]] static const T& of(const T& a, const T& b) {
    return on(Id) ? std::max(a, b) : std::min(a, b);
  }
  template <class T>
  static T of(std::initializer_list<T> all) {
    return on(Id) ? std::max(all) : std::min(all);
  }
};

}  // namespace dojo_mutants

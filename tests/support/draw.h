// SPDX-License-Identifier: Apache-2.0
// Random draws of tests. Own draws on top of the generator: std distributions differ between libraries.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <random>

namespace dojo::test {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : generator_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(generator_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return *(values.begin() + between(0, static_cast<std::int64_t>(values.size()) - 1));
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace dojo::test

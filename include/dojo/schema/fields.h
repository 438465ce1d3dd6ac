// SPDX-License-Identifier: Apache-2.0
// The one reflection of the project: a struct lists its fields once in `fields()`, and visitors (reader, writer,
// schema, documentation, overrides) walk that list. Counters do the same: counters.h.
//
//   struct NocParams {
//     std::int64_t hop_cycles = 1;
//     template <class Self, class Visit> static void fields(Self& self, Visit&& field) {
//       field("hop_cycles", self.hop_cycles, "router to next router", AtLeast{1}, Source{"N05"});
//     }
//   };
//   A nested struct:      field.group("noc", self.noc, "network on die");
//   A vector of structs:  field.list("defects", self.defects, "...");
//   A map of texts:       field.map("placement", self.placement, "...");
// The initialisers in the struct are the only defaults.
#pragma once
#include <array>
#include <limits>

namespace dojo::schema {

/// Where a value comes from: a row of docs/hardware.md ("N05"), or "assumed" / "derived" / "chosen" (a model setting).
struct Source {
  const char* key;
};

/// What a value may be: inclusive limits of a number, or the words of a text (up to the first null).
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::array<const char*, 8> words{};
};
constexpr Range AtLeast(double low) {
  return {low, std::numeric_limits<double>::infinity()};
}
constexpr Range Between(double low, double high) {
  return {low, high};
}
constexpr Range Anything() {
  return {};
}
template <class... Words>
constexpr Range OneOf(Words... words) {
  Range range;
  range.words = {words...};
  return range;
}

}  // namespace dojo::schema

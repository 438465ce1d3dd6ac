// SPDX-License-Identifier: Apache-2.0
// How sure each value of a machine is, and the assumed numbers that a run may lean on.
#pragma once
#include <string>
#include <vector>

#include "dojo/config/machine.h"
#include "dojo/schema/enum_text.h"

namespace dojo::config {

enum class Grade { kPublished, kThirdParty, kDerived, kAssumed, kChosen };
inline constexpr std::array<schema::EnumEntry<Grade>, 5> kGradeTexts{
    {{Grade::kPublished, "published", "by Tesla, or a statement of Tesla's known through a report"},
     {Grade::kThirdParty, "third_party", "analysis by a third party"},
     {Grade::kDerived, "derived", "follows from published values by arithmetic"},
     {Grade::kAssumed, "assumed", "not public"},
     {Grade::kChosen, "chosen", "a setting, or a value that differs from the default"}}};
constexpr const auto& enum_entries(Grade) {
  return kGradeTexts;
}

/// Of a source in a declaration: a row of docs/hardware.md, or a word.
[[nodiscard]] Grade grade_of(const std::string& source);

struct Graded {
  std::string key;  ///< "machine.noc.hop_cycles"
  Grade grade = Grade::kChosen;
};
/// Values of a machine that its level uses, in the order of docs/parameters.md, lists left out.
[[nodiscard]] std::vector<Graded> graded_values(const Machine& machine);

/// A number that is assumed and bears on times, at two other values.
struct AssumedNumber {
  std::string key;
  double value = 0, low = 0, high = 0;  ///< 10 % less and more; whole numbers by at least 1, within the key's range
};
/// Those of 0 are left out: there is no 10 % of it.
[[nodiscard]] std::vector<AssumedNumber> assumed_numbers(const Machine& machine);
/// The machine with another number at `key`.
[[nodiscard]] Machine with_number(Machine machine, const std::string& key, double value);

}  // namespace dojo::config

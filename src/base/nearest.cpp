// SPDX-License-Identifier: Apache-2.0
// The known word that a mistyped one most likely meant.
#include "dojo/base/nearest.h"

#include <algorithm>
#include <numeric>

namespace dojo {
namespace {

/// Levenshtein distance; two swapped neighbours count as one edit (the optimal string alignment form).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 200;  // nobody mistypes a page of text
  if (word.empty() || word.size() > kLongest) return "";
  std::string best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : known) {
    std::size_t distance = edit_distance(word, candidate);
    // A word given without its unit, or the start of one, is near too ("sram" for "sram_bytes"), then one that goes on.
    if (word.size() >= 3 && candidate.rfind(word, 0) == 0) distance = std::min<std::size_t>(distance, 1);
    if (candidate.size() >= 3 && word.rfind(candidate, 0) == 0) distance = std::min<std::size_t>(distance, 2);
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best_distance < word.size() && best_distance <= std::max<std::size_t>(2, word.size() / 3) ? best : "";
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

}  // namespace dojo

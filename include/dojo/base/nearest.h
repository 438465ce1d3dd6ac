// SPDX-License-Identifier: Apache-2.0
// The known word that a mistyped one most likely meant.
#pragma once
#include <string>
#include <vector>

namespace dojo {

/// "" when none is near: at most 2 edits, or a third of the word, and never all of its letters.
[[nodiscard]] std::string nearest(const std::string& word, const std::vector<std::string>& known);

/// "FILE" -> "; did you mean 'FILES'?", or "" when nothing is near.
[[nodiscard]] std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace dojo

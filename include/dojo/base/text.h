// SPDX-License-Identifier: Apache-2.0
// Names from strangers' files on a terminal.
#pragma once
#include <string>
#include <string_view>

namespace dojo {

/// The text with everything that could control a terminal written out as in JSON ("\u001b"): control characters, those
/// that change the direction of writing, and bytes that are not UTF-8. Line feeds and tabs stay.
[[nodiscard]] std::string printable(std::string_view text);
/// The same, and line feeds are written out too.
[[nodiscard]] std::string printable_line(std::string_view text);

/// The beginning and the end of a text that is longer than a message should be, and between them how much was left out.
/// Whole characters.
[[nodiscard]] std::string shortened(const std::string& text);

}  // namespace dojo

// SPDX-License-Identifier: Apache-2.0
// Looking at names of ATen operators. Private to the module.
#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace dojo::workload::pytorch {

/// Without "aten::".
inline std::string_view bare(const std::string& name) {
  const std::size_t colon = name.rfind("::");
  return colon == std::string::npos ? std::string_view(name) : std::string_view(name).substr(colon + 2);
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), name) != words.end();
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace dojo::workload::pytorch
